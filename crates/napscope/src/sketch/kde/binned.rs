//! The fast estimate: linear binning, then a convolution on the grid.
//!
//! Mass at grid point i: Σ_j mass_j · exp(−((i − j) · step / h)² / 2). Only where there is mass points take part, and only the
//! kernel's middle, [`REACH`] bandwidths to either side: beyond it is below e^(−8.5² / 2) = 2e-16 of its peak, and even the square
//! root of that, which Hellinger distances take, is less than what an f32 shows. All terms are positive, so that sums in f32
//! lose no more than rounding does.

use super::Grid;
use super::binning::LinearBinning;
use crate::sketch::exp::exp_single;

/// Points whose sums are kept in registers together.
const BLOCK: usize = 64;

/// Distances that the kernel is evaluated at together.
const GROUP: usize = 16;

/// Points that are looked at together for mass.
const NEIGHBORS: usize = 8;

/// How far the kernel reaches, in bandwidths.
const REACH: f32 = 8.5;

/// Bins a map and smooths it; keeps the memory for that.
pub(super) struct Smoother {
    binning: LinearBinning,
    /// Of each grid point, then zeros to the end of the last group.
    mass: Vec<f64>,
    /// The kernel at −(points − 1) … points − 1 steps, then zeros to the end of the last block.
    kernel: Vec<f32>,
    /// The kernel is 0 from this distance on, in steps.
    reach: usize,
}

impl Smoother {
    /// For grids of `points` points.
    pub(super) fn new(points: usize) -> Self {
        let points = points.next_multiple_of(GROUP);
        let kernel = vec![0.0; points - 1 + points.next_multiple_of(BLOCK)];
        Smoother { binning: LinearBinning::new(), mass: vec![0.0; points], kernel, reach: 0 }
    }

    /// Fills `density` with the estimate at each grid point, in arbitrary units.
    #[inline(always)]
    pub(super) fn density(&mut self, map: &[f32], grid: Grid, bandwidth: f64, density: &mut [f32]) {
        self.binning.spread(map, grid.low, (1.0 / grid.step) as f32, &mut self.mass[..grid.points]);
        self.fill_kernel(grid.step / bandwidth);
        let center = self.mass.len() - 1;
        let groups = self.mass.as_chunks::<NEIGHBORS>().0;
        let holds_mass = |group: &[f64; NEIGHBORS]| group.iter().fold(0, |bits, mass| bits | mass.to_bits()) != 0;
        let first = NEIGHBORS * groups.iter().position(holds_mass).unwrap_or(0);
        let last = NEIGHBORS * groups.iter().rposition(holds_mass).unwrap_or(0) + NEIGHBORS - 1;
        for (block, density) in density.chunks_mut(BLOCK).enumerate() {
            let start = block * BLOCK;
            let (first, last) = (first.max(start.saturating_sub(self.reach)), last.min(start + BLOCK - 1 + self.reach));
            if first > last {
                density.fill(0.0);
                continue;
            }
            let mut sums = [0.0; BLOCK];
            let weights = &self.kernel[start + center - last..][..last - first + BLOCK];
            for (mass, weights) in self.mass[first..=last].iter().zip(weights.windows(BLOCK).rev()) {
                let mass = *mass as f32;
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += mass * weight;
                }
            }
            density.copy_from_slice(&sums[..density.len()]);
        }
    }

    /// The kernel for grid points `step` bandwidths apart.
    #[inline(always)]
    fn fill_kernel(&mut self, step: f64) {
        let (points, step) = (self.mass.len(), step as f32);
        let (left, right) = self.kernel.split_at_mut(points - 1);
        let reach = ((REACH / step).min(points as f32) as usize + 1).next_multiple_of(GROUP).min(points);
        for (group, weights) in right[..reach].as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
            for (k, weight) in weights.iter_mut().enumerate() {
                let z = (group * GROUP + k) as f32 * step;
                *weight = exp_single(-0.5 * z * z);
            }
        }
        // What an earlier, wider kernel left.
        right[reach..].iter_mut().take(self.reach.saturating_sub(reach)).for_each(|weight| *weight = 0.0);
        let changed = reach.max(self.reach).min(points);
        for (left, right) in left.iter_mut().rev().zip(&right[1..changed]) {
            *left = *right;
        }
        self.reach = reach;
    }
}
