//! Distances that are nearly a sum of norms, one a channel: tiles bound them from below.
//!
//! A panel holds the coordinates of each channel and, behind them, half of the square of their norm h. A tile sums up
//! −½ Σ |a − b| over the channels, with ½|a − b| = √((h(a) + h(b) − a·b) / 2), so pairs are tested as for the other products
//! (see [`super::tile::Side`]). The sum only grows, so tiles are tested after every few channels.
//!
//! Rounding, in units u of 2⁻²⁴: of coordinates, u times the norm on either side, which is the margin of a point; of a product
//! over d coordinates, γ = (d + 16)·u times both squares, by which h is lowered; of the sum over channels, 2u times their
//! number, by which all coordinates are made smaller; and by 32u more, for kernels that round their distance themselves.

use super::cloud::UNIT;
use super::tile::{CHUNK, COLS, Kernel, Tile};
use crate::distance::{ChannelNorms, Points};
use std::ops::Range;

/// Bytes of two panels that are summed up before the next test: what a second-level cache holds.
const PART_BYTES: usize = 1 << 18;

/// The norms of a kernel, laid out.
pub(super) struct Norms<'a> {
    kernel: &'a dyn ChannelNorms,
    /// The rows of each channel's coordinates in a panel; one more follows.
    channels: Vec<Range<usize>>,
    coordinates: usize,
    shrink: f32,
}

impl<'a> Norms<'a> {
    pub(super) fn new(kernel: &'a dyn ChannelNorms) -> Self {
        let counts = kernel.coordinates();
        let starts = counts.iter().scan(0, |next, count| {
            let start = *next;
            *next += count + 1;
            Some(start..start + count)
        });
        let shrink = (1.0 - 2.0 * UNIT * (counts.len() + 16) as f64) as f32;
        Norms { kernel, channels: starts.collect(), coordinates: counts.iter().sum(), shrink }
    }

    /// Rows of a panel.
    pub(super) fn rows(&self) -> usize {
        self.coordinates + self.channels.len()
    }

    /// The part of the distance that the norms hold at the least, before anything is rounded.
    pub(super) fn tightness(&self) -> f32 {
        self.kernel.tightness() as f32 * self.shrink
    }

    fn embed(&self, row: &[f32], embedded: &mut [f32]) {
        self.kernel.embed(row, embedded);
        embedded.iter_mut().for_each(|x| *x *= self.shrink);
    }

    /// The coordinates of each channel in an embedded row.
    fn of_channels<'b>(&'b self, embedded: &'b [f32]) -> impl Iterator<Item = (&'b Range<usize>, &'b [f32])> {
        self.channels
            .iter()
            .enumerate()
            .map(|(channel, rows)| (rows, &embedded[rows.start - channel..rows.end - channel]))
    }

    /// What rounding can take of half of a distance at this point: too little of it, and too much.
    pub(super) fn margins(&self, row: &[f32], embedded: &mut Vec<f32>) -> (f64, f64) {
        embedded.resize(self.coordinates, 0.0);
        self.embed(row, embedded);
        let (mut below, mut above) = (f64::from(f32::MIN_POSITIVE), 0.0);
        for (_, x) in self.of_channels(embedded) {
            let half = half_square(x);
            below += UNIT * (2.0 * half).sqrt();
            above += (2.0 * rounding(x.len()) * half).sqrt();
        }
        (below, below + above)
    }

    /// Packs samples: `panel` is `[rows, 48]`.
    pub(super) fn pack(&self, points: &Points, samples: &[u32], panel: &mut [f32]) {
        let mut embedded = vec![0.0; self.coordinates];
        for (column, &sample) in samples.iter().enumerate() {
            self.embed(points.row(sample as usize), &mut embedded);
            for (rows, x) in self.of_channels(&embedded) {
                for (row, x) in rows.clone().zip(x) {
                    panel[row * COLS + column] = *x;
                }
                panel[rows.end * COLS + column] = (half_square(x) * (1.0 - rounding(x.len()))) as f32;
            }
        }
    }

    /// The channels, as many at a time as a cache holds of two panels.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let bytes_of_channel = self.rows().div_ceil(self.channels.len()) * COLS * size_of::<f32>();
        let together = (PART_BYTES / (2 * bytes_of_channel)).max(1);
        let count = self.channels.len();
        (0..count).step_by(together).map(move |first| first..(first + together).min(count))
    }

    /// Adds to `tile` what some channels add for rows `row` .. `row` + 8 of panel `a` with all of panel `b`.
    pub(super) fn add(
        &self,
        kernel: Kernel,
        part: Range<usize>,
        (a, b): (&[f32], &[f32]),
        row: usize,
        tile: &mut Tile,
    ) {
        for rows in &self.channels[part] {
            let mut products = Tile::ZERO;
            let of_channel = rows.start * COLS..rows.end * COLS;
            kernel.accumulate(&a[of_channel.clone()], &b[of_channel], row, &mut products);
            let half = rows.end * COLS..(rows.end + 1) * COLS;
            kernel.subtract_norms(&products, &a[half.clone()][row..], &b[half], tile);
        }
    }
}

fn half_square(x: &[f32]) -> f64 {
    0.5 * x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>()
}

fn rounding(coordinates: usize) -> f64 {
    ((CHUNK.min(coordinates) + coordinates / CHUNK + 16) as f64) * UNIT
}
