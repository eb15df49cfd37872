//! Subcarriers to samples and back: the Fourier transforms of one OFDM symbol.
//!
//! Both directions are unitary (1/√N), so a symbol has the same energy as its samples (Parseval) and noise has the same
//! variance on a sample and on a resource element.

use crate::grid::ResourceGrid;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Transforms between the subcarriers of a grid and the samples of a symbol without its cyclic prefix.
pub struct OfdmTransform {
    num_subcarriers: usize,
    to_time: Arc<dyn Fft<f32>>,
    to_frequency: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
    scale: f32,
}

impl OfdmTransform {
    /// The transforms of `grid`.
    pub fn new(grid: &ResourceGrid) -> Self {
        let mut planner = FftPlanner::new();
        let to_time = planner.plan_fft_inverse(grid.fft_size());
        let to_frequency = planner.plan_fft_forward(grid.fft_size());
        let scratch_len = to_time.get_inplace_scratch_len().max(to_frequency.get_inplace_scratch_len());
        OfdmTransform {
            num_subcarriers: grid.num_subcarriers(),
            to_time,
            to_frequency,
            scratch: vec![Complex32::default(); scratch_len],
            scale: 1.0 / (grid.fft_size() as f32).sqrt(),
        }
    }

    /// Length of the transform.
    pub fn fft_size(&self) -> usize {
        self.to_time.len()
    }

    /// Puts subcarriers at their places in the spectrum: those at and above the carrier first, then those below.
    ///
    /// # Shapes
    /// `subcarriers`: `[num_subcarriers]`; `bins`: `[fft_size]`
    pub fn place(&self, subcarriers: &[Complex32], bins: &mut [Complex32]) {
        let (below, above) = subcarriers.split_at(self.num_subcarriers / 2);
        bins.fill(Complex32::default());
        bins[..above.len()].copy_from_slice(above);
        let first = bins.len() - below.len();
        bins[first..].copy_from_slice(below);
    }

    /// Takes the subcarriers out of a spectrum: the inverse of [`place`](Self::place).
    pub fn pick(&self, bins: &[Complex32], subcarriers: &mut [Complex32]) {
        let (below, above) = subcarriers.split_at_mut(self.num_subcarriers / 2);
        above.copy_from_slice(&bins[..above.len()]);
        below.copy_from_slice(&bins[bins.len() - below.len()..]);
    }

    /// Spectrum to samples, in place.
    pub fn to_time(&mut self, bins: &mut [Complex32]) {
        self.to_time.process_with_scratch(bins, &mut self.scratch);
        bins.iter_mut().for_each(|sample| *sample *= self.scale);
    }

    /// Samples to spectrum, in place.
    pub fn to_frequency(&mut self, samples: &mut [Complex32]) {
        self.to_frequency.process_with_scratch(samples, &mut self.scratch);
        samples.iter_mut().for_each(|bin| *bin *= self.scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::SubcarrierSpacing;
    use crate::random::{Purpose, Stream};

    #[test]
    fn energy_and_subcarriers_survive_the_way_through_time() {
        for (num_prb, fft_size) in [(1, 128), (26, 512), (100, 1536)] {
            let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, num_prb, Some(fft_size)).expect("a valid grid");
            let mut transform = OfdmTransform::new(&grid);
            let mut sent = vec![Complex32::default(); grid.num_subcarriers()];
            Stream::new(1, 0, Purpose::Bits).complex_normal(&mut sent);
            let mut samples = vec![Complex32::default(); fft_size];
            transform.place(&sent, &mut samples);
            transform.to_time(&mut samples);
            let energy = |z: &[Complex32]| z.iter().map(|z| f64::from(z.norm_sqr())).sum::<f64>();
            let (in_frequency, in_time) = (energy(&sent), energy(&samples));
            assert!((in_time / in_frequency - 1.0).abs() < 1e-6, "{num_prb} PRB: {in_frequency} became {in_time}");
            transform.to_frequency(&mut samples);
            let mut received = sent.clone();
            transform.pick(&samples, &mut received);
            let error = sent.iter().zip(&received).map(|(x, y)| (x - y).norm()).fold(0.0, f32::max);
            assert!(error < 1e-5, "{num_prb} PRB: off by {error}");
        }
    }

    #[test]
    fn the_middle_subcarrier_is_the_carrier() {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 2, None).expect("a valid grid");
        let mut transform = OfdmTransform::new(&grid);
        let mut subcarriers = vec![Complex32::default(); 24];
        subcarriers[12] = Complex32::new(1.0, 0.0);
        let mut samples = vec![Complex32::default(); 128];
        transform.place(&subcarriers, &mut samples);
        transform.to_time(&mut samples);
        assert!(samples.iter().all(|s| (s - samples[0]).norm() < 1e-7), "the carrier is constant over a symbol");
    }
}
