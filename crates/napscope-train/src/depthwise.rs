//! Depthwise 3×3 convolutions with dilation, forward and backward, over channels-first planes.
//!
//! A tensor here is a matrix [channels, planes · height · width]: the slots of a batch stand side by side in the rows, so
//! that a pointwise convolution is one matrix product and a batch norm one row. Each plane is copied once into a frame of
//! zeros; behind that, every output is nine products without a question about edges.

use crate::architecture::{DEPTH_MULTIPLIER, TAPS};
use crate::simd::dispatch;

/// How the columns of an activation matrix make up planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// Slots.
    pub count: usize,
    /// Symbols.
    pub height: usize,
    /// Subcarriers.
    pub width: usize,
}

impl Planes {
    /// Elements of one plane.
    pub fn size(self) -> usize {
        self.height * self.width
    }

    /// Elements of all planes: columns of the matrix.
    pub fn num_elements(self) -> usize {
        self.count * self.size()
    }
}

/// Sums that stand side by side.
const LANES: usize = 8;

/// A plane in its frame of zeros. Rows end in zeros up to a multiple of [`LANES`].
struct Frame {
    planes: Planes,
    dilation: [usize; 2],
    stride: usize,
    values: Vec<f32>,
}

impl Frame {
    fn new(planes: Planes, dilation: [usize; 2]) -> Self {
        let stride = planes.width.next_multiple_of(LANES) + 2 * dilation[1];
        let values = vec![0.0; (planes.height + 2 * dilation[0]) * stride];
        Frame { planes, dilation, stride, values }
    }

    #[inline(always)]
    fn fill(&mut self, plane: &[f32]) {
        let (first, left, width) = (self.dilation[0] * self.stride, self.dilation[1], self.planes.width);
        for (row, values) in plane.chunks_exact(width).zip(self.values[first..].chunks_exact_mut(self.stride)) {
            values[left..left + width].copy_from_slice(row);
        }
    }

    /// The nine rows of `len` numbers under the kernel for the outputs of row `y`.
    #[inline(always)]
    fn rows(&self, y: usize, len: usize) -> [&[f32]; TAPS] {
        std::array::from_fn(|tap| {
            let start = (y + tap / 3 * self.dilation[0]) * self.stride + tap % 3 * self.dilation[1];
            &self.values[start..start + len]
        })
    }

    /// Writes the correlation with `kernel` to `out`, added to what `start` makes of what is there.
    #[inline(always)]
    fn correlate(&self, kernel: &[f32; TAPS], out: &mut [f32], start: impl Fn(f32) -> f32) {
        let width = self.planes.width;
        for (y, out) in out.chunks_exact_mut(width).enumerate() {
            let [a, b, c, d, e, f, g, h, i] = self.rows(y, width);
            for x in 0..width {
                let top = kernel[0] * a[x] + kernel[1] * b[x] + kernel[2] * c[x];
                let middle = kernel[3] * d[x] + kernel[4] * e[x] + kernel[5] * f[x];
                let bottom = kernel[6] * g[x] + kernel[7] * h[x] + kernel[8] * i[x];
                out[x] = start(out[x]) + (top + middle + bottom);
            }
        }
    }

    /// Adds to `sums` the products of each of the nine shifted planes with `other`, a plane in a frame of the same size.
    #[inline(always)]
    fn products(&self, other: &Frame, sums: &mut [f64; TAPS]) {
        let len = self.planes.width.next_multiple_of(LANES);
        let mut lanes = [[0.0f32; LANES]; TAPS];
        for y in 0..self.planes.height {
            let rows = self.rows(y, len);
            let other = other.rows(y, len)[TAPS / 2];
            for (x, other) in other.chunks_exact(LANES).enumerate() {
                for (lanes, row) in lanes.iter_mut().zip(rows) {
                    let row = &row[x * LANES..][..LANES];
                    for lane in 0..LANES {
                        lanes[lane] += row[lane] * other[lane];
                    }
                }
            }
        }
        for (sum, lanes) in sums.iter_mut().zip(lanes) {
            *sum += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        }
    }
}

#[inline(always)]
fn kernel_of(weight: &[f32], output: usize) -> [f32; TAPS] {
    std::array::from_fn(|tap| weight[output * TAPS + tap])
}

/// The convolution: output `o` is the correlation of channel `o / 2` with kernel `o`, plus bias `o`.
///
/// # Shapes
/// `x`: `[channels, planes]`; `weight`: `[2 channels, 9]`; `bias`: `[2 channels]`; `out`: `[2 channels, planes]`
pub(crate) fn forward(x: &[f32], weight: &[f32], bias: &[f32], planes: Planes, dilation: [usize; 2], out: &mut [f32]) {
    dispatch!(forward_kernel(
        x: &[f32], weight: &[f32], bias: &[f32], planes: Planes, dilation: [usize; 2], out: &mut [f32]
    ))
}

#[inline(always)]
fn forward_kernel(x: &[f32], weight: &[f32], bias: &[f32], planes: Planes, dilation: [usize; 2], out: &mut [f32]) {
    let mut frame = Frame::new(planes, dilation);
    for (channel, x) in x.chunks_exact(planes.num_elements()).enumerate() {
        for (plane, x) in x.chunks_exact(planes.size()).enumerate() {
            frame.fill(x);
            for output in channel * DEPTH_MULTIPLIER..(channel + 1) * DEPTH_MULTIPLIER {
                let out = &mut out[output * planes.num_elements() + plane * planes.size()..][..planes.size()];
                let bias = bias[output];
                frame.correlate(
                    &kernel_of(weight, output),
                    out,
                    #[inline(always)]
                    |_| bias,
                );
            }
        }
    }
}

/// Gradients of a depthwise convolution.
pub(crate) struct Gradients {
    /// With respect to its input.
    pub(crate) x: Vec<f32>,
    /// With respect to its kernels.
    pub(crate) weight: Vec<f32>,
    /// With respect to its biases.
    pub(crate) bias: Vec<f32>,
}

/// The gradients for `grad`, the gradient of the output. Shapes are those of [`forward`].
pub(crate) fn backward(x: &[f32], weight: &[f32], grad: &[f32], planes: Planes, dilation: [usize; 2]) -> Gradients {
    dispatch!(backward_kernel(
        x: &[f32], weight: &[f32], grad: &[f32], planes: Planes, dilation: [usize; 2]
    ) -> Gradients)
}

#[inline(always)]
fn backward_kernel(x: &[f32], weight: &[f32], grad: &[f32], planes: Planes, dilation: [usize; 2]) -> Gradients {
    let (mut of_x, mut of_weight, mut of_bias) = (vec![0.0; x.len()], vec![0.0; weight.len()], Vec::new());
    let (mut x_frame, mut grad_frame) = (Frame::new(planes, dilation), Frame::new(planes, dilation));
    for (channel, (x, of_x)) in
        x.chunks_exact(planes.num_elements()).zip(of_x.chunks_exact_mut(planes.num_elements())).enumerate()
    {
        let mut sums = [([0.0; TAPS], 0.0f64); DEPTH_MULTIPLIER];
        for (plane, (x, of_x)) in x.chunks_exact(planes.size()).zip(of_x.chunks_exact_mut(planes.size())).enumerate() {
            x_frame.fill(x);
            for (copy, sums) in sums.iter_mut().enumerate() {
                let output = channel * DEPTH_MULTIPLIER + copy;
                let grad = &grad[output * planes.num_elements() + plane * planes.size()..][..planes.size()];
                grad_frame.fill(grad);
                let mut flipped = kernel_of(weight, output);
                flipped.reverse();
                grad_frame.correlate(
                    &flipped,
                    of_x,
                    #[inline(always)]
                    |sum| sum,
                );
                x_frame.products(&grad_frame, &mut sums.0);
                sums.1 += crate::sums::sum(grad);
            }
        }
        for (copy, (taps, bias)) in sums.iter().enumerate() {
            let output = channel * DEPTH_MULTIPLIER + copy;
            of_weight[output * TAPS..][..TAPS].iter_mut().zip(taps).for_each(|(to, &from)| *to = from as f32);
            of_bias.push(*bias as f32);
        }
    }
    Gradients { x: of_x, weight: of_weight, bias: of_bias }
}
