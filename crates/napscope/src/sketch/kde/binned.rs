//! The fast estimate: linear binning, then a convolution on the grid.
//!
//! Mass at grid point i: Σ_j mass_j · exp(−((i − j) · step / h)² / 2). Only points that hold mass take part. All terms are
//! positive, so that sums in f32 lose no more than rounding does.

use super::Grid;
use super::binning::LinearBinning;
use crate::sketch::exp::exp_single;

/// Points whose sums are kept in registers together.
const BLOCK: usize = 64;

/// Bins a map and smooths it; keeps the memory for that.
pub(super) struct Smoother {
    binning: LinearBinning,
    mass: Vec<f64>,
    /// The kernel at −(points − 1) … points − 1 steps, then zeros to the end of the last block.
    kernel: Vec<f32>,
}

impl Smoother {
    /// For grids of `points` points and maps of `positions` values.
    pub(super) fn new(points: usize, positions: usize) -> Self {
        let kernel = vec![0.0; points - 1 + points.next_multiple_of(BLOCK)];
        Smoother { binning: LinearBinning::new(positions), mass: vec![0.0; points], kernel }
    }

    /// Fills `density` with the estimate at each grid point, in arbitrary units.
    #[inline(always)]
    pub(super) fn density(&mut self, map: &[f32], grid: Grid, bandwidth: f64, density: &mut [f32]) {
        self.binning.spread(map, grid.low, (1.0 / grid.step) as f32, &mut self.mass);
        self.fill_kernel(grid.step / bandwidth);
        let center = grid.points - 1;
        let first = self.mass.iter().position(|mass| *mass != 0.0).unwrap_or(0);
        let last = self.mass.iter().rposition(|mass| *mass != 0.0).unwrap_or(center);
        for (block, density) in density.chunks_mut(BLOCK).enumerate() {
            let mut sums = [0.0; BLOCK];
            let weights = &self.kernel[block * BLOCK + center - last..][..last - first + BLOCK];
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
        for (k, weight) in right[..points].iter_mut().enumerate() {
            let z = k as f32 * step;
            *weight = exp_single(-0.5 * z * z);
        }
        for (left, right) in left.iter_mut().rev().zip(&right[1..]) {
            *left = *right;
        }
    }
}
