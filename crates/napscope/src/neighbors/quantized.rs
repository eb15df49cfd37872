//! Coordinates in 8 bits, which processors multiply four times as fast as f32; and what they still say about distances.
//!
//! A point is a place on the [`Grid`] plus an error of known norm ε. By the triangle inequality two points are at least
//! |q − q'| − ε − ε' steps apart, and at most |q − q'| + ε + ε'. So a pair can be within a limit only if |q − q'| ≤ limit +
//! ε + ε', which is the test of a tile (see [`super::tile::Side`]) once ε' is replaced by the largest error of the other
//! panel. Sums over whole numbers have no rounding.

use super::aligned::Aligned;
use super::grid::{Grid, OnGrid, TOGETHER};
use super::tile::{COLS, Product};
use crate::lanes::for_every_vector_unit;
use rayon::prelude::*;
use std::sync::Arc;

/// More than whatever single rounding there is in the test.
const ROUNDING: f32 = 1e-6;

/// Points on a grid, sample after sample. The points of both sides of a comparison share one grid; what lies beyond its ends has a
/// large error.
pub(super) struct Rounded {
    pub(super) grid: Arc<Grid>,
    /// `[samples, width]`
    bytes: Vec<u8>,
    half: Vec<f32>,
    errors: Vec<f32>,
    bias: Vec<i32>,
}

/// Some samples of a [`Rounded`] that are still to be put on its grid.
pub(super) struct ToRound<'a> {
    grid: &'a Grid,
    bytes: &'a mut [u8],
    half: &'a mut [f32],
    errors: &'a mut [f32],
    bias: &'a mut [i32],
}

impl Rounded {
    pub(super) fn new(grid: Arc<Grid>, samples: usize) -> Self {
        let bytes = vec![0; samples * grid.width()];
        Rounded { grid, bytes, half: vec![0.0; samples], errors: vec![0.0; samples], bias: vec![0; samples] }
    }

    /// All samples, in blocks.
    pub(super) fn blocks(&mut self, block: usize) -> impl Iterator<Item = ToRound<'_>> {
        let grid = &self.grid;
        let parts = self.bytes.chunks_mut(block * grid.width()).zip(self.half.chunks_mut(block));
        let parts = parts.zip(self.errors.chunks_mut(block)).zip(self.bias.chunks_mut(block));
        parts.map(move |(((bytes, half), errors), bias)| ToRound { grid, bytes, half, errors, bias })
    }
}

#[cfg(test)]
impl Rounded {
    /// The sum over the bytes of two samples, by the definition.
    pub(super) fn sum(&self, a: usize, b: usize) -> i64 {
        let width = self.grid.width();
        let row = |sample: usize| &self.bytes[sample * width..(sample + 1) * width];
        let term = |(at, (a, b)): (usize, (&u8, &u8))| {
            let product = match self.grid.product() {
                Product::Dot => i64::from(*a as i8) * i64::from(*b as i8),
                _ => i64::from(*a.min(b)),
            };
            product * i64::from(self.grid.weight(at))
        };
        row(a).iter().zip(row(b)).enumerate().map(term).sum()
    }
}

impl ToRound<'_> {
    /// Puts the samples on the grid.
    ///
    /// # Shapes
    /// - `placed`: `[samples, dimensions]`
    pub(super) fn round(&mut self, placed: &[f32], dimensions: usize) {
        let mut gathered = Vec::new();
        let rows = placed.chunks_exact(dimensions).zip(self.bytes.chunks_exact_mut(self.grid.width()));
        for (at, (placed, bytes)) in rows.enumerate() {
            let OnGrid { half, error, bias } = self.grid.round(placed, &mut gathered, bytes);
            (self.half[at], self.errors[at], self.bias[at]) = (half, error, bias);
        }
    }
}

/// The points of some panels in 8 bits.
pub(super) struct Quantized<'a> {
    pub(super) grid: &'a Grid,
    /// `[panels, width / 4, 48, 4]`
    bytes: Aligned<u8>,
    /// What sums of products of each point as a row are too large by, negated.
    bias: Vec<[i32; COLS]>,
    /// Half of the term that the norm adds, in steps; infinite where no point stands.
    half: Vec<[f32; COLS]>,
    /// The norm of the error in steps, rounded up.
    errors: Vec<[f32; COLS]>,
    /// The largest error of each panel.
    largest: Vec<f32>,
}

impl<'a> Quantized<'a> {
    /// Packs the samples `order` in panels.
    pub(super) fn new(rounded: &'a Rounded, order: &[u32]) -> Self {
        let size = rounded.grid.width() * COLS;
        let panels = order.len().div_ceil(COLS);
        let mut bytes = Aligned::filled(panels * size, 0u8);
        bytes.par_chunks_exact_mut(size).zip(order.par_chunks(COLS)).for_each(|(panel, samples)| {
            for (column, &sample) in samples.iter().enumerate() {
                let row = &rounded.bytes[sample as usize * rounded.grid.width()..][..rounded.grid.width()];
                let places = panel.as_chunks_mut::<TOGETHER>().0[column..].iter_mut().step_by(COLS);
                places.zip(row.as_chunks().0).for_each(|(place, quad)| *place = *quad);
            }
        });
        let mut quantized = Quantized {
            grid: &rounded.grid,
            bytes,
            bias: vec![[0; COLS]; panels],
            half: vec![[f32::INFINITY; COLS]; panels],
            errors: vec![[0.0; COLS]; panels],
            largest: vec![0.0; panels],
        };
        for (position, &sample) in order.iter().enumerate() {
            let (panel, column, sample) = (position / COLS, position % COLS, sample as usize);
            quantized.bias[panel][column] = rounded.bias[sample];
            quantized.half[panel][column] = rounded.half[sample];
            quantized.errors[panel][column] = rounded.errors[sample];
            quantized.largest[panel] = quantized.largest[panel].max(rounded.errors[sample]);
        }
        quantized
    }

    pub(super) fn panel(&self, panel: usize) -> &[u8] {
        let size = self.grid.width() * COLS;
        &self.bytes[panel * size..(panel + 1) * size]
    }

    pub(super) fn bias(&self, panel: usize) -> &[i32; COLS] {
        &self.bias[panel]
    }

    pub(super) fn half(&self, panel: usize) -> &[f32; COLS] {
        &self.half[panel]
    }

    /// What rounding may take from distances between a point of `panel` and one of its neighbors, as a part of what `limit`, half of a key
    /// in the frame, lets it look at.
    pub(super) fn rounding_share(&self, panel: usize, column: usize, limit: f32) -> f32 {
        let limit = 2.0 * limit.max(0.0);
        let distance = if self.grid.product() == Product::Dot { limit.sqrt() } else { limit };
        2.0 * self.errors[panel][column] / (distance * self.grid.scale()).max(f32::MIN_POSITIVE)
    }

    /// What the test takes for `near` of `panel` beside panel `col` of `other`; `limits` are halves of keys in the frame.
    pub(super) fn near(&self, panel: usize, limits: &[f32; COLS], other: &Quantized<'_>, col: usize) -> [f32; COLS] {
        let (half, errors) = (&self.half[panel], &self.errors[panel]);
        let (error, scale) = (other.largest[col], self.grid.scale());
        std::array::from_fn(|at| {
            let limit = 2.0 * limits[at].max(0.0);
            let (limit, squares) = match self.grid.product() {
                Product::Dot => (limit.sqrt(), true),
                _ => (limit, false),
            };
            let steps = limit * scale + errors[at] + error;
            let key = if squares { steps * steps } else { steps };
            let near = half[at] - (0.5 + ROUNDING) * key - ROUNDING * half[at] - 1.0;
            if limits[at] >= 0.0 && half[at] < f32::INFINITY { near } else { f32::INFINITY }
        })
    }

    /// Half of the key, in the frame and rounded down, of a pair with this sum: `row` of `panel` and `column` of panel `col` of
    /// `other`.
    pub(super) fn lower_half(
        &self,
        (panel, row): (usize, usize),
        other: &Quantized<'_>,
        (col, column): (usize, usize),
        sum: f32,
    ) -> f32 {
        let halves = self.half[panel][row] + other.half[col][column];
        let key = (2.0 * (halves - sum) - 4.0 * ROUNDING * halves - 1.0).max(0.0);
        let errors = self.errors[panel][row] + other.errors[col][column];
        let key = match self.grid.product() {
            Product::Dot => ((key.sqrt() - errors).max(0.0) / self.grid.scale()).powi(2),
            _ => (key - errors).max(0.0) / self.grid.scale(),
        };
        0.5 * key * (1.0 - 4.0 * ROUNDING)
    }

    /// Half of the keys, in the frame and rounded up, of pairs with these sums: `row` of `panel` with those of panel `col` of `other`.
    pub(super) fn upper_halves(
        &self,
        (panel, row): (usize, usize),
        other: &Quantized<'_>,
        col: usize,
        sums: &[f32; COLS],
    ) -> [f32; COLS] {
        let own = (self.half[panel][row], self.errors[panel][row]);
        let step = 1.0 / self.grid.scale() * (1.0 + ROUNDING);
        upper(own, &other.half[col], &other.errors[col], sums, (step, self.grid.product() == Product::Dot))
    }
}

/// See [`Quantized::upper_halves`]; a point with its error, and others with theirs.
#[inline(always)]
fn upper_of(
    (half, error): (f32, f32),
    halves: &[f32; COLS],
    errors: &[f32; COLS],
    sums: &[f32; COLS],
    (step, squares): (f32, bool),
) -> [f32; COLS] {
    let mut upper = [0.0; COLS];
    for column in 0..COLS {
        let halves = half + halves[column];
        let key = (2.0 * (halves - sums[column])).max(0.0) + 4.0 * ROUNDING * halves + 1.0;
        let errors = error + errors[column];
        let distance = (if squares { key.sqrt() } else { key } + errors) * step;
        let key = if squares { distance * distance } else { distance };
        upper[column] = 0.5 * key * (1.0 + 4.0 * ROUNDING);
    }
    upper
}

for_every_vector_unit! {
    /// See [`Quantized::upper_halves`].
    upper, upper_of,
    (own: (f32, f32), halves: &[f32; COLS], errors: &[f32; COLS], sums: &[f32; COLS], step: (f32, bool)), [f32; COLS]
}

#[cfg(test)]
mod tests {
    use super::super::cloud::Cloud;
    use super::super::panels::Panels;
    use super::super::tile::{ROWS, Tile};
    use super::*;
    use crate::distance::{Geometry, Points, Rescale};

    /// Coordinates of very different spread, half of them 0 as behind a ReLU, some far out.
    fn activations(samples: usize, dimensions: usize, outliers: bool) -> Vec<f32> {
        let value = |at: usize| {
            let wave = ((at + 1) as f32 * 12.9898).sin() * 43758.547;
            let spread = ((at % dimensions) as f32 * 0.7).sin().exp2().powi(5);
            let far = if outliers && at.is_multiple_of(997) { 50.0 } else { 1.0 };
            ((wave - wave.floor() - 0.5) * spread * far).max(0.0)
        };
        (0..samples * dimensions).map(value).collect()
    }

    #[test]
    fn bytes_bound_every_distance_from_both_sides_and_closely() {
        for (geometry, dimensions, outliers) in [Geometry::L2, Geometry::L1].into_iter().flat_map(|geometry| {
            [(24, false), (100, false), (100, true)].map(|(d, outliers)| (geometry.clone(), d, outliers))
        }) {
            let l1 = matches!(geometry, Geometry::L1);
            let name = format!("{dimensions} dimensions, L1 {l1}, outliers {outliers}");
            let values = activations(2 * COLS, dimensions, outliers);
            let points = Points::new(values, dimensions, geometry, Rescale::Identity);
            let cloud = Cloud::new(&points).expect("a norm");
            let panels = Panels::new(&cloud, (0..2 * COLS as u32).collect());
            // Only where the processor multiplies bytes.
            let Some(bytes) = panels.bytes() else { continue };
            let (mut held, mut exceeded, mut pairs) = (0.0, 0.0, 0.0);
            for first in (0..COLS).step_by(ROWS) {
                let mut tile = Tile::ZERO;
                cloud.kernel.accumulate_bytes(
                    (bytes.panel(0), bytes.panel(1)),
                    bytes.grid,
                    (bytes.bias(0), bytes.bias(1)),
                    first,
                    &mut tile,
                );
                for (i, j) in (0..ROWS).flat_map(|i| (0..COLS).map(move |j| (i, j))) {
                    let (row, sum) = (first + i, tile.0[i][j]);
                    let high = bytes.upper_halves((0, row), bytes, 1, &tile.0[i])[j];
                    let half = cloud.half_limit(points.key_of_rows(points.row(row), points.row(COLS + j)));
                    let low = bytes.lower_half((0, row), bytes, (1, j), sum);
                    assert!(low <= half && half <= high, "{name}, pair ({row}, {j}): {low} <= {half} <= {high}");
                    held += f64::from(low / half);
                    exceeded += f64::from(half / high);
                    pairs += 1.0;
                }
            }
            let coarse = cloud.kernel.bytes().is_some_and(|bytes| !bytes.are_fine());
            let enough = if outliers {
                0.5
            } else if coarse {
                0.9
            } else {
                0.95
            };
            assert!(held / pairs > enough, "{name}: bytes hold {} of a key", held / pairs);
            assert!(exceeded / pairs > enough, "{name}: a key is {} of what bytes say at the most", exceeded / pairs);
        }
    }
}
