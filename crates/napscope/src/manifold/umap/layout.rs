//! Moves the samples of the picture until neighbors are near: stochastic gradient descent.
//!
//! umap-learn takes an edge and moves both of its ends, so that with many threads the result hangs on who came first. Here
//! a sample only ever moves itself: the two pulls that an edge gives it (once as its head, once as its tail) are one pull of
//! twice the strength. Samples move block by block; those of one block see where the others of it stood before, so the
//! blocks may be shared among any number of threads. Random numbers are taken by epoch and edge, not drawn in turn.
//!
//! A pull of such strength would shoot far beyond the neighbor that pulls, and stale places would not bring it back: a swiss
//! roll then tears. So pulls are taken implicitly, as a spring that is followed through the whole step: it never overshoots.

use super::curve::Curve;
use super::power::power;
use crate::error::Result;
use crate::progress::{Meter, Watch};
use crate::statistics::{SparseSymmetric, random};
use rayon::prelude::*;
use std::ops::Range;

/// Samples that an edge pushes away from its sample whenever it pulls.
const PUSHED: u64 = 5;
/// No force moves a sample further than this along an axis.
const FARTHEST: f32 = 4.0;
/// Keeps the push of very near samples finite.
const SOFTENING: f32 = 0.001;
/// Blocks of an epoch: more would leave less to share among threads, fewer would let more samples move at once.
const BLOCKS: usize = 64;
/// Samples that are worth a thread's while.
const WORTH_A_THREAD: usize = 128;
/// Elementary steps (see [`Meter`]) that an edge takes in an epoch, about.
const STEPS_OF_EDGE: u64 = 64;

/// The edges along which samples are pulled, and the forces.
pub(super) struct Layout {
    starts: Vec<usize>,
    others: Vec<u32>,
    /// How often each edge pulls, 0 … 1 times an epoch: its weight over the largest of all.
    rates: Vec<f32>,
    a: f32,
    b: f32,
    seed: u64,
}

impl Layout {
    pub(super) fn new(graph: &SparseSymmetric, Curve { a, b }: Curve, seed: u64) -> Self {
        let largest = graph.values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        Layout {
            starts: graph.starts.clone(),
            others: graph.columns.clone(),
            rates: graph.values.iter().map(|weight| (weight / largest) as f32).collect(),
            a: a as f32,
            b: b as f32,
            seed: random::bits(seed),
        }
    }

    /// Where the samples come to from `places`. Steps become shorter from epoch to epoch, down to nothing.
    pub(super) fn arrange(&self, mut places: Vec<[f32; 2]>, epochs: u32, watch: &Watch<'_>) -> Result<Vec<[f32; 2]>> {
        let meter = Meter::new(watch, u64::from(epochs) * self.others.len() as u64 * STEPS_OF_EDGE);
        let block = places.len().div_ceil(BLOCKS);
        let mut moved = Vec::with_capacity(block);
        for epoch in 0..epochs {
            let step = 1.0 - epoch as f32 / epochs as f32;
            for first in (0..places.len()).step_by(block) {
                let samples = first..places.len().min(first + block);
                let after = |sample: usize| self.after(sample, &places, epoch, step);
                samples.clone().into_par_iter().with_min_len(WORTH_A_THREAD).map(after).collect_into_vec(&mut moved);
                places[samples.clone()].copy_from_slice(&moved);
                meter.advance(self.edges(samples).len() as u64 * STEPS_OF_EDGE)?;
            }
        }
        Ok(places)
    }

    fn edges(&self, samples: Range<usize>) -> Range<usize> {
        self.starts[samples.start]..self.starts[samples.end]
    }

    /// Where a sample stands after an epoch.
    fn after(&self, sample: usize, places: &[[f32; 2]], epoch: u32, step: f32) -> [f32; 2] {
        let mut place = places[sample];
        for edge in self.edges(sample..sample + 1) {
            let pulls = |epochs: u32| (epochs as f32 * self.rates[edge]).floor();
            if pulls(epoch + 1) == pulls(epoch) {
                continue;
            }
            self.pull(&mut place, places[self.others[edge] as usize], step);
            let draw = self.seed ^ (((u64::from(epoch) << 40) + edge as u64) * PUSHED);
            for number in 0..PUSHED {
                // The upper half of the bits is a share of 2^32, and becomes one of the number of samples.
                let share = random::bits(draw.wrapping_add(number)) >> 32;
                let other = ((share * places.len() as u64) >> 32) as usize;
                if other != sample {
                    self.push(&mut place, places[other], step);
                }
            }
        }
        place
    }

    fn pull(&self, place: &mut [f32; 2], other: [f32; 2], step: f32) {
        let square = squared_distance(*place, other);
        if square > 0.0 {
            let power = power(square, self.b);
            let strength = 4.0 * step * self.a * self.b * power / (square * (1.0 + self.a * power));
            let share = strength / (1.0 + strength);
            for axis in 0..2 {
                let farthest = 2.0 * step * FARTHEST;
                place[axis] += (share * (other[axis] - place[axis])).clamp(-farthest, farthest);
            }
        }
    }

    fn push(&self, place: &mut [f32; 2], other: [f32; 2], step: f32) {
        let square = squared_distance(*place, other);
        if square > 0.0 {
            let force = 2.0 * self.b / ((SOFTENING + square) * (1.0 + self.a * power(square, self.b)));
            for axis in 0..2 {
                place[axis] += step * (force * (place[axis] - other[axis])).clamp(-FARTHEST, FARTHEST);
            }
        }
    }
}

fn squared_distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}
