//! Batch norm followed by ReLU, forward and backward, as one pass over each channel.
//!
//! A channel is a row of the activation matrix: y = max(0, γ (x - μ) / √(v + ε) + β). In training μ and v are the row's own
//! mean and (biased) variance, through which the gradient flows, too; afterwards they are fixed.

use crate::simd::dispatch;
use crate::sums::{sum, sum_of};

/// What is added to a variance before its root is taken: PyTorch's default.
pub(crate) const EPSILON: f32 = 1e-5;

/// Mean and variance of each row of `x`, `[channels, 2]`.
pub(crate) fn moments(x: &[f32], len: usize) -> Vec<f32> {
    dispatch!(moments_kernel(x: &[f32], len: usize) -> Vec<f32>)
}

#[inline(always)]
fn moments_kernel(x: &[f32], len: usize) -> Vec<f32> {
    let mut moments = Vec::new();
    for row in x.chunks_exact(len) {
        let mean = (sum(row) / len as f64) as f32;
        let variance = sum_of(row, row, |x, _| (x - mean) * (x - mean)) / len as f64;
        moments.extend([mean, variance as f32]);
    }
    moments
}

/// Slope and offset of a channel: γ (x - μ) / √(v + ε) + β = slope · x + offset.
#[inline(always)]
fn line(moments: &[f32], weight: f32, bias: f32) -> (f32, f32) {
    let slope = weight / (moments[1] + EPSILON).sqrt();
    (slope, bias - slope * moments[0])
}

/// The norm and the ReLU.
///
/// # Shapes
/// `x`, result: `[channels, len]`; `moments`: `[channels, 2]`; `weight`, `bias`: `[channels]`
pub(crate) fn forward(x: &[f32], moments: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    dispatch!(forward_kernel(x: &[f32], moments: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32>)
}

#[inline(always)]
fn forward_kernel(x: &[f32], moments: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let (len, mut out) = (x.len() / weight.len(), vec![0.0; x.len()]);
    for (channel, (row, out)) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)).enumerate() {
        let (slope, offset) = line(&moments[2 * channel..], weight[channel], bias[channel]);
        for (out, &x) in out.iter_mut().zip(row) {
            let value = slope * x + offset;
            *out = if value > 0.0 { value } else { 0.0 };
        }
    }
    out
}

/// Gradients of a batch norm with ReLU.
pub(crate) struct Gradients {
    /// With respect to its input.
    pub(crate) x: Vec<f32>,
    /// With respect to γ.
    pub(crate) weight: Vec<f32>,
    /// With respect to β.
    pub(crate) bias: Vec<f32>,
}

/// The gradients for `grad`, the gradient of the output, where `moments` are those of `x` itself.
pub(crate) fn backward(x: &[f32], moments: &[f32], weight: &[f32], bias: &[f32], grad: &[f32]) -> Gradients {
    dispatch!(backward_kernel(
        x: &[f32], moments: &[f32], weight: &[f32], bias: &[f32], grad: &[f32]
    ) -> Gradients)
}

#[inline(always)]
fn backward_kernel(x: &[f32], moments: &[f32], weight: &[f32], bias: &[f32], grad: &[f32]) -> Gradients {
    let (len, mut of_x) = (x.len() / weight.len(), vec![0.0; x.len()]);
    let (mut of_weight, mut of_bias) = (Vec::new(), Vec::new());
    let rows = x.chunks_exact(len).zip(grad.chunks_exact(len)).zip(of_x.chunks_exact_mut(len));
    for (channel, ((row, grad), of_x)) in rows.enumerate() {
        let (slope, offset) = line(&moments[2 * channel..], weight[channel], bias[channel]);
        let (mean, inverse) = (moments[2 * channel], 1.0 / (moments[2 * channel + 1] + EPSILON).sqrt());
        // First what came through the ReLU, for the two sums; then the gradient in its place.
        for ((of_x, &x), &grad) in of_x.iter_mut().zip(row).zip(grad) {
            *of_x = if slope * x + offset > 0.0 { grad } else { 0.0 };
        }
        let passed = &of_x[..];
        let sum = sum(passed);
        let product = sum_of(passed, row, |passed, x| passed * ((x - mean) * inverse));
        let (mean_grad, mean_product) = ((sum / len as f64) as f32, (product / len as f64) as f32);
        for (of_x, &x) in of_x.iter_mut().zip(row) {
            *of_x = slope * (*of_x - mean_grad - (x - mean) * inverse * mean_product);
        }
        of_weight.push(product as f32);
        of_bias.push(sum as f32);
    }
    Gradients { x: of_x, weight: of_weight, bias: of_bias }
}
