//! The network on Burn's tensors: weights in, batch in, logits out.
//!
//! Activations are matrices [channels, slots · symbols · subcarriers]; see `depthwise.rs` for why.

use crate::architecture::TAPS;
use crate::depthwise::Planes;
use crate::operations::{depthwise, moments, norm_relu};
use crate::weights::Weights;
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::BTreeMap;

/// Where batch norms take their moments from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalization {
    /// The batch itself: training.
    Batch,
    /// The running moments of the weights.
    Running,
}

/// A network's weights as tensors on a device.
pub struct Network {
    tensors: BTreeMap<String, Tensor<2>>,
    running: BTreeMap<String, Tensor<2>>,
    widths: Vec<(usize, [usize; 2])>,
    stem_width: usize,
}

/// What a forward pass gives.
pub struct Forward {
    /// Logits ln P(1)/P(0), `[num_bits, planes]`.
    pub logits: Tensor<2>,
    /// The moments that each batch norm used, in the order of the network, `[channels, 2]`.
    pub moments: Vec<Tensor<2>>,
}

impl Network {
    /// The network of `weights` on `device`. On a device with autodiff its tensors ask for gradients.
    pub fn new(weights: &Weights, device: &Device) -> Self {
        let matrix = |values: &[f32], rows: usize| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), [rows, values.len() / rows]), device)
        };
        let tensors = weights.ranges().map(|(parameter, range)| {
            let tensor = matrix(&weights.values[range], parameter.shape[0]);
            let tensor = if tensor.is_autodiff() { tensor.require_grad() } else { tensor };
            (parameter.name.clone(), tensor)
        });
        let mut start = 0;
        let running = weights.architecture.norms().into_iter().map(|(name, channels)| {
            let values = &weights.moments[2 * start..2 * (start + channels)];
            start += channels;
            (name, matrix(values, channels))
        });
        Network {
            tensors: tensors.collect(),
            running: running.collect(),
            widths: weights.architecture.blocks.iter().map(|block| (block.width, block.dilation)).collect(),
            stem_width: weights.architecture.stem_width,
        }
    }

    /// The tensor called `name`.
    pub fn tensor(&self, name: &str) -> &Tensor<2> {
        &self.tensors[name]
    }

    /// One pass over a batch.
    ///
    /// # Shapes
    /// `columns`: `[num_inputs · 9, planes]`, the neighbourhood of each element (see [`unfold`])
    pub fn forward(&self, columns: Tensor<2>, planes: Planes, normalization: Normalization) -> Forward {
        let mut used = Vec::new();
        let mut norm = |x: Tensor<2>, name: &str| {
            let moments = match normalization {
                Normalization::Batch => moments(x.clone()),
                Normalization::Running => self.running[name].clone(),
            };
            used.push(moments.clone());
            norm_relu(x, moments, self.parameter(name, "weight"), self.parameter(name, "bias"))
        };
        let mut x = self.pointwise(columns, "conv_in");
        let mut width = self.stem_width;
        for (number, &(block_width, dilation)) in (1..).zip(&self.widths) {
            let name = |part: &str| format!("block{number}.{part}");
            let spread = |x: Tensor<2>, part: &str| {
                depthwise(
                    x,
                    self.parameter(&name(part), "weight"),
                    self.parameter(&name(part), "bias"),
                    planes,
                    dilation,
                )
            };
            let activated = norm(x.clone(), &name("bn1"));
            let shortcut = if block_width == width { x } else { self.pointwise(activated.clone(), &name("shortcut")) };
            let half = self.pointwise(spread(activated, "dw1"), &name("pw1"));
            let half = norm(half, &name("bn2"));
            x = shortcut + self.pointwise(spread(half, "dw2"), &name("pw2"));
            width = block_width;
        }
        let logits = self.pointwise(norm(x, "bn_out"), "conv_out");
        Forward { logits, moments: used }
    }

    fn parameter(&self, layer: &str, kind: &str) -> Tensor<2> {
        self.tensors[&format!("{layer}.{kind}")].clone()
    }

    /// A convolution whose neighbourhood is in the rows already.
    fn pointwise(&self, x: Tensor<2>, layer: &str) -> Tensor<2> {
        self.parameter(layer, "weight").matmul(x) + self.parameter(layer, "bias")
    }
}

/// The 3×3 neighbourhood of each element, zero beyond the edges: the rows of a convolution that is a matrix product.
///
/// # Shapes
/// `input`: `[slots, channels, height, width]`; result: `[channels · 9, slots · height · width]`
pub fn unfold(input: &[f32], channels: usize, planes: Planes) -> Vec<f32> {
    let mut columns = vec![0.0; channels * TAPS * planes.num_elements()];
    for slot in 0..planes.count {
        for channel in 0..channels {
            let plane = &input[(slot * channels + channel) * planes.size()..][..planes.size()];
            for tap in 0..TAPS {
                let out = &mut columns[(channel * TAPS + tap) * planes.num_elements() + slot * planes.size()..]
                    [..planes.size()];
                shift(plane, planes, tap, out);
            }
        }
    }
    columns
}

/// Writes the plane as tap `tap` of a 3×3 kernel sees it.
fn shift(plane: &[f32], planes: Planes, tap: usize, out: &mut [f32]) {
    let (up, left) = (tap / 3, tap % 3);
    let columns = 1usize.saturating_sub(left)..planes.width.min(planes.width + 1 - left);
    for y in 0..planes.height {
        // Row y sees row y + up - 1.
        if let Some(row) = (y + up).checked_sub(1).filter(|&row| row < planes.height) {
            let from = columns.start + left - 1;
            let source = &plane[row * planes.width + from..][..columns.len()];
            out[y * planes.width..][columns.clone()].copy_from_slice(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbourhoods_are_those_of_a_convolution() {
        let planes = Planes { count: 2, height: 3, width: 4 };
        let input: Vec<f32> = (1..=2 * 2 * 12).map(|i| i as f32).collect();
        let columns = unfold(&input, 2, planes);
        let at = |slot: usize, channel: usize, y: isize, x: isize| {
            let inside = (0..3).contains(&y) && (0..4).contains(&x);
            if inside { input[(slot * 2 + channel) * 12 + (4 * y + x) as usize] } else { 0.0 }
        };
        for (place, &value) in columns.iter().enumerate() {
            let (row, column) = (place / 24, place % 24);
            let (channel, tap, slot) = (row / 9, row % 9, column / 12);
            let (y, x) = ((column % 12 / 4) as isize, (column % 4) as isize);
            let expected = at(slot, channel, y + tap as isize / 3 - 1, x + tap as isize % 3 - 1);
            assert_eq!(value, expected, "row {row}, column {column}");
        }
    }
}
