//! Coordinates in 8 bits, which processors multiply four times as fast as f32; and what they still say about distances.
//!
//! A point is a whole multiple q of a step, coordinate by coordinate, plus an error of known norm ε. By the triangle
//! inequality two points are at least |q − q'| − ε − ε' steps apart. So a pair can be within a limit only if
//! ½|q − q'|² ≤ ½(limit + ε + ε')², which is the test of a tile (see [`super::tile::Side`]) once ε' is replaced by the
//! largest error of the other panel. Sums of products of whole numbers have no rounding.

use super::cloud::{Cloud, UNIT};
use super::tile::COLS;
use rayon::prelude::*;

/// Coordinates that one instruction takes together.
pub(super) const TOGETHER: usize = 4;
const LARGEST: f32 = 127.0;
/// Points that the step is chosen by, and steps tried, each half of the one before.
const SAMPLE: usize = 64;
const STEPS: i32 = 6;
/// More than whatever single rounding there is in the test.
const ROUNDING: f32 = 1e-6;

/// The points of some panels in 8 bits.
pub(super) struct Quantized {
    /// 1 / step.
    scale: f32,
    /// `[panels, dimensions / 4, 48, 4]`; missing coordinates and points are 0.
    values: Vec<i8>,
    /// For each column of a panel, what the sums of its products with unsigned rows are too large by, negated.
    bias: Vec<[i32; COLS]>,
    /// Half of the squared norm in steps, infinite where no point stands.
    half: Vec<[f32; COLS]>,
    /// The norm of the error in steps, rounded up.
    errors: Vec<[f32; COLS]>,
    /// The largest error of each panel.
    largest: Vec<f32>,
    panel_size: usize,
}

impl Quantized {
    /// The largest scale is chosen for which points do not lose much by coordinates that are out of range.
    pub(super) fn scale_for(cloud: &Cloud<'_>) -> f32 {
        let points = cloud.points();
        let (n, d) = (points.samples(), points.dimensions());
        let count = n.min(SAMPLE);
        let mut placed = vec![0.0; count * d];
        for (at, placed) in placed.chunks_exact_mut(d).enumerate() {
            cloud.frame.place(points.row(at * n / count), 0, placed);
        }
        let largest = placed.iter().map(|x| x.abs()).fold(0.0, f32::max).max(f32::MIN_POSITIVE);
        let error = |scale: f32| -> f64 {
            let of_row =
                |row: &[f32]| row.iter().map(|x| f64::from(x * scale - quantize(*x, scale)).powi(2)).sum::<f64>();
            placed.chunks_exact(d).map(|row| of_row(row).sqrt()).sum::<f64>() / f64::from(scale)
        };
        let scales = (0..STEPS).map(|halvings| LARGEST / largest * (halvings as f32).exp2());
        let errors = scales.filter(|scale| scale.is_finite()).map(|scale| (error(scale), scale));
        errors.min_by(|x, y| x.0.total_cmp(&y.0)).map_or(1.0, |(_, scale)| scale)
    }

    /// Packs the samples `order` in panels.
    pub(super) fn new(cloud: &Cloud<'_>, order: &[u32], scale: f32) -> Self {
        let d = cloud.points().dimensions();
        let panel_size = d.div_ceil(TOGETHER) * TOGETHER * COLS;
        let panels = order.len().div_ceil(COLS);
        let mut values = vec![0i8; panels * panel_size];
        let packed = values.par_chunks_exact_mut(panel_size).zip(order.par_chunks(COLS));
        let sides: Vec<([i32; COLS], [f32; COLS], [f32; COLS])> =
            packed.map(|(panel, samples)| pack(cloud, samples, scale, panel)).collect();
        let largest = sides.iter().map(|(.., errors)| errors.iter().copied().fold(0.0, f32::max)).collect();
        Quantized {
            scale,
            values,
            bias: sides.iter().map(|side| side.0).collect(),
            half: sides.iter().map(|side| side.1).collect(),
            errors: sides.iter().map(|side| side.2).collect(),
            largest,
            panel_size,
        }
    }

    pub(super) fn panel(&self, panel: usize) -> &[i8] {
        &self.values[panel * self.panel_size..(panel + 1) * self.panel_size]
    }

    pub(super) fn bias(&self, panel: usize) -> &[i32; COLS] {
        &self.bias[panel]
    }

    pub(super) fn half(&self, panel: usize) -> &[f32; COLS] {
        &self.half[panel]
    }

    /// What the test takes for `near` of `panel` beside panel `col` of `other`; `limits` are halves of keys in the frame.
    pub(super) fn near(&self, panel: usize, limits: &[f32; COLS], other: &Quantized, col: usize) -> [f32; COLS] {
        let (half, errors) = (&self.half[panel], &self.errors[panel]);
        let error = other.largest[col];
        std::array::from_fn(|at| {
            let steps = (2.0 * limits[at].max(0.0)).sqrt() * self.scale + errors[at] + error;
            let near = half[at] - (0.5 + ROUNDING) * steps * steps - ROUNDING * half[at] - 1.0;
            if limits[at] >= 0.0 && half[at] < f32::INFINITY { near } else { f32::INFINITY }
        })
    }
}

fn quantize(x: f32, scale: f32) -> f32 {
    /// 1.5 · 2^23: a sum with it has no room for a fraction, so that it is rounded (without calling a function for it).
    const NO_FRACTION: f32 = 12_582_912.0;
    (x * scale).clamp(-LARGEST, LARGEST) + NO_FRACTION - NO_FRACTION
}

/// Packs some samples into `panel`; returns bias, half and error of each.
fn pack(cloud: &Cloud<'_>, samples: &[u32], scale: f32, panel: &mut [i8]) -> ([i32; COLS], [f32; COLS], [f32; COLS]) {
    let d = cloud.points().dimensions();
    let (mut bias, mut half, mut errors) = ([0; COLS], [f32::INFINITY; COLS], [0.0; COLS]);
    let mut placed = vec![0.0; d];
    for (column, &sample) in samples.iter().enumerate() {
        cloud.frame.place(cloud.points().row(sample as usize), 0, &mut placed);
        let (mut sum, mut square, mut error, mut norm) = (0i32, 0i32, 0.0f64, 0.0f64);
        for (together, xs) in placed.chunks(TOGETHER).enumerate() {
            let at = (together * COLS + column) * TOGETHER;
            for (value, x) in panel[at..].iter_mut().zip(xs) {
                let q = quantize(*x, scale);
                *value = q as i8;
                sum += q as i32;
                square += (q * q) as i32;
                error += f64::from(x * scale - q).powi(2);
                norm += f64::from(x * scale).powi(2);
            }
        }
        bias[column] = -128 * sum;
        half[column] = 0.5 * square as f32;
        errors[column] = ((error.sqrt() + 8.0 * UNIT * norm.sqrt()) * 1.000_001) as f32 + f32::MIN_POSITIVE;
    }
    (bias, half, errors)
}
