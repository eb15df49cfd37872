//! The receiver's oscillator: an offset of its frequency, and phase noise.
//!
//! Phase noise is a Wiener process, the phase of a free-running oscillator: its spectrum is Lorentzian with a full width at half
//! maximum of β, and its phase moves by a Gaussian number of variance 2πβΔt in a time Δt. All antennas share the oscillator.

use crate::grid::ResourceGrid;
use crate::random::Stream;
use crate::trigonometry::{cis, phase};
use rustfft::num_complex::Complex32;
use std::f64::consts::TAU;

/// The phase of the oscillator through one slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oscillator {
    /// exp(jφ) at the samples of the current symbol, without its cyclic prefix.
    rotation: Vec<Complex32>,
    normals: Vec<Complex32>,
    /// Phase of the noise so far [turns].
    wander: f64,
}

impl Oscillator {
    /// Starts a slot.
    pub(crate) fn start(&mut self) {
        self.wander = 0.0;
    }

    /// Goes on through `symbol`, which must be the one after the last.
    pub(crate) fn advance(
        &mut self,
        grid: &ResourceGrid,
        (slot_number, symbol): (u32, usize),
        offset_hz: f64,
        linewidth_hz: f64,
        random: &mut Stream,
    ) {
        let sample_secs = 1.0 / grid.sample_rate_hz();
        // Standard deviation of a step [turns]; half the power of a complex number is in each of its parts.
        let step = |secs: f64| (2.0 * TAU * linewidth_hz * secs).sqrt() / TAU;
        self.wander += random.normal()
            * std::f64::consts::FRAC_1_SQRT_2
            * step(grid.cyclic_prefix_length(symbol, slot_number) as f64 * sample_secs);
        self.normals.resize(grid.fft_size().div_ceil(2), Complex32::default());
        random.complex_normal(&mut self.normals);
        let steps = self.normals.iter().flat_map(|z| [z.re, z.im]);
        let start = grid.symbol_start(symbol, slot_number) as f64;
        self.rotation.clear();
        for (n, normal) in steps.enumerate().take(grid.fft_size()) {
            self.wander += f64::from(normal) * step(sample_secs);
            let turns = offset_hz * (start + n as f64) * sample_secs + self.wander;
            let (re, im) = cis(phase(turns));
            self.rotation.push(Complex32::new(re, im));
        }
    }

    /// Rotates the samples of the current symbol at one antenna.
    pub(crate) fn rotate(&self, samples: &mut [Complex32]) {
        samples.iter_mut().zip(&self.rotation).for_each(|(sample, rotation)| *sample *= rotation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::SubcarrierSpacing;
    use crate::random::Purpose;

    #[test]
    fn phase_moves_as_the_linewidth_says() {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz30, 10, None).expect("a valid grid");
        let linewidth_hz = 50.0;
        let mut oscillator = Oscillator::default();
        let mut random = Stream::new(1, 0, Purpose::Oscillator);
        let slots = 4000;
        let mut sum = 0.0;
        for _ in 0..slots {
            oscillator.start();
            for symbol in 0..3 {
                oscillator.advance(&grid, (1, symbol), 0.0, linewidth_hz, &mut random);
            }
            sum += (oscillator.wander * TAU).powi(2);
        }
        let elapsed = (grid.symbol_start(2, 1) + grid.fft_size()) as f64 / grid.sample_rate_hz();
        let (got, expected) = (sum / f64::from(slots), TAU * linewidth_hz * elapsed);
        // A variance from n Gaussian numbers has a relative standard error of √(2 / n) = 2.2 %.
        assert!((got / expected - 1.0).abs() < 0.07, "variance of the phase: expected {expected}, got {got}");
    }

    #[test]
    fn an_offset_turns_the_samples_at_its_frequency() {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 2, None).expect("a valid grid");
        let mut oscillator = Oscillator::default();
        oscillator.start();
        let mut random = Stream::new(1, 0, Purpose::Oscillator);
        for symbol in 0..14 {
            oscillator.advance(&grid, (0, symbol), 1234.0, 0.0, &mut random);
            let mut samples = vec![Complex32::new(1.0, 0.0); 128];
            oscillator.rotate(&mut samples);
            for (n, sample) in samples.iter().enumerate() {
                let time = (grid.symbol_start(symbol, 0) + n) as f64 / grid.sample_rate_hz();
                let angle = TAU * 1234.0 * time;
                let expected = Complex32::new(angle.cos() as f32, angle.sin() as f32);
                assert!((sample - expected).norm() < 1e-6, "symbol {symbol}, sample {n}: {expected} != {sample}");
            }
        }
    }
}
