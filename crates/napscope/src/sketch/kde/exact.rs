//! The direct sum over all positions at every grid point: what the fast estimate is measured against.
//!
//! An exponential for each pair would take most of the time. But along a grid of step s (in bandwidths) a Gaussian is nearly a
//! geometric series: with d the distance of a value from the grid point where a *run* of points starts,
//!
//! exp(−(d − j s)² / 2) = exp(−d² / 2) · exp(d s)^j · exp(−j² s² / 2),
//!
//! where the last factor does not depend on the value and waits until the sum is done. So a value costs two exponentials for a
//! run, and one multiplication and one addition for each point.
//!
//! How long may a run be? At most [`LONGEST`] (in bandwidths), and values within [`REACH`] of it are heeded. These are nowhere
//! further than 30 + 7 = 37 from its start, so that the first factor is at least e^(−37² / 2) = 1e-298, the product of the
//! first two at most e^(30² / 2) = 1e196, and both stay in the range of f64. A value beyond would add less than
//! e^(−7² / 2) = 2e-11 of its kernel's peak, which an f32 does not show.

use super::Grid;
use crate::sketch::exp::exp;
use crate::sketch::simd::each;

/// Length of a run, in bandwidths.
const LONGEST: f64 = 30.0;

/// How far from a run values are heeded, in bandwidths.
const REACH: f64 = 7.0;

/// Points whose sums are kept in registers together. A run is some of these blocks, and may always be one: a step is at most
/// 2 bandwidths, 15 steps are at most [`LONGEST`].
const BLOCK: usize = 16;

/// Values side by side in a vector.
const VALUES: usize = 8;

/// Sums kernels; keeps the memory for that.
pub(super) struct DirectSum {
    terms: Vec<Terms>,
}

/// What some values add at the current point (but for the factor that all share), and how that grows from point to point.
#[derive(Clone, Copy, Default)]
struct Terms {
    term: [f64; VALUES],
    ratio: [f64; VALUES],
}

impl DirectSum {
    /// For maps of `positions` values.
    pub(super) fn new(positions: usize) -> Self {
        DirectSum { terms: vec![Terms::default(); positions.div_ceil(VALUES)] }
    }

    /// Fills `density` with the estimate at each grid point, in arbitrary units. The bandwidth is at least half a step.
    #[inline(always)]
    pub(super) fn density(&mut self, map: &[f32], grid: Grid, bandwidth: f64, density: &mut [f64]) {
        let step = grid.step / bandwidth;
        let blocks = ((LONGEST / step + 1.0) / BLOCK as f64).clamp(1.0, grid.points as f64) as usize;
        for (run, points) in density.chunks_mut(blocks * BLOCK).enumerate() {
            self.start_run(map, grid, run * blocks * BLOCK, bandwidth);
            for (block, points) in points.chunks_mut(BLOCK).enumerate() {
                let sums = self.sum_block();
                for (j, (point, sum)) in points.iter_mut().zip(sums).enumerate() {
                    let z = (block * BLOCK + j) as f64 * step;
                    *point = sum * exp(-0.5 * z * z);
                }
            }
        }
    }

    /// Sets the terms of all values at the grid point `first`.
    #[inline(always)]
    fn start_run(&mut self, map: &[f32], grid: Grid, first: usize, bandwidth: f64) {
        let (low, high) = (grid.at(0), grid.at(grid.points - 1));
        let distance = |value: f32| (f64::from(value).clamp(low, high) - grid.at(first)) / bandwidth;
        let (chunks, rest) = map.as_chunks::<VALUES>();
        for (terms, values) in self.terms.iter_mut().zip(chunks) {
            *terms = Terms::new(each(values, distance), grid.step / bandwidth);
        }
        if !rest.is_empty() {
            // What fills the last vector lies out of reach.
            let mut distances = [f64::INFINITY; VALUES];
            for (place, value) in distances.iter_mut().zip(rest) {
                *place = distance(*value);
            }
            self.terms[chunks.len()] = Terms::new(distances, grid.step / bandwidth);
        }
    }

    /// The sums at the next [`BLOCK`] points.
    #[inline(always)]
    fn sum_block(&mut self) -> [f64; BLOCK] {
        let mut sums = [[0.0; VALUES]; BLOCK];
        for terms in &mut self.terms {
            let Terms { mut term, ratio } = *terms;
            for sums in &mut sums {
                for lane in 0..VALUES {
                    sums[lane] += term[lane];
                    term[lane] *= ratio[lane];
                }
            }
            terms.term = term;
        }
        let mut totals = [0.0; BLOCK];
        for (total, sums) in totals.iter_mut().zip(sums) {
            *total = sums.iter().sum();
        }
        totals
    }
}

impl Terms {
    /// The terms of values at these distances from the current point; the next one is `step` further on.
    #[inline(always)]
    fn new(distances: [f64; VALUES], step: f64) -> Self {
        const FARTHEST: f64 = LONGEST + REACH;
        let within = each(&distances, |d| d.clamp(-FARTHEST, FARTHEST));
        Terms {
            term: each(&within, |d| if d.abs() < FARTHEST { exp(-0.5 * d * d) } else { 0.0 }),
            ratio: each(&within, |d| exp(d * step)),
        }
    }
}
