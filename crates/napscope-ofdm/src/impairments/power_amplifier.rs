//! A power amplifier that saturates: Rapp's model (1991) of a solid-state amplifier, without phase distortion.
//!
//! ```text
//! g(x) = x / (1 + (|x| / A)^(2p))^(1 / 2p),   p = 2
//! ```
//!
//! The saturation amplitude A lies `backoff_db` above the RMS amplitude of the signal. The samples of an OFDM symbol are nearly
//! Gaussian, so Bussgang's theorem splits the output into α x plus distortion that is uncorrelated with x. The output is divided by
//! α: Es remains the energy of the useful part, and a receiver that knows the channel knows the amplifier's gain.

use rustfft::num_complex::Complex32;

/// Rapp's knee: 2 fits solid-state amplifiers, larger values come closer to a hard limiter.
const SMOOTHNESS: i32 = 2;

/// An amplifier for signals of one RMS amplitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerAmplifier {
    saturation_power: f32,
    inverse_gain: f32,
}

impl PowerAmplifier {
    /// An amplifier that saturates `backoff_db` [dB] above the amplitude `rms` of its input.
    pub fn new(backoff_db: f64, rms: f64) -> Self {
        let backoff = 10f64.powf(backoff_db / 10.0);
        PowerAmplifier {
            saturation_power: (backoff * rms * rms) as f32,
            inverse_gain: (1.0 / bussgang_gain(backoff)) as f32,
        }
    }

    /// Distorts samples in place.
    pub fn amplify(&self, samples: &mut [Complex32]) {
        for sample in samples {
            // |x / A|^(2p) for p = 2 is a square, and the 2p-th root two square roots.
            let drive = sample.norm_sqr() / self.saturation_power;
            *sample *= self.inverse_gain / (1.0 + drive * drive).sqrt().sqrt();
        }
    }
}

/// α = E |x| g(|x|) / E |x|² for a complex Gaussian x, whose power u = |x|² is exponential: ∫ u e^(-u) (1 + (u/b)^p)^(-1/2p) du.
fn bussgang_gain(backoff: f64) -> f64 {
    let (steps, end) = (400, 24.0);
    let step = end / f64::from(steps);
    let integrand = |i: i32| {
        let u = (f64::from(i) + 0.5) * step;
        u * (-u).exp() / (1.0 + (u / backoff).powi(SMOOTHNESS)).powf(0.5 / f64::from(SMOOTHNESS))
    };
    (0..steps).map(integrand).sum::<f64>() * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn distortion_is_uncorrelated_and_grows_as_the_backoff_shrinks() {
        let mut x = vec![Complex32::default(); 100_000];
        Stream::new(1, 0, Purpose::Bits).complex_normal(&mut x);
        let mut last = 0.0;
        for backoff_db in [20.0, 12.0, 6.0, 3.0, 0.0] {
            let mut y = x.clone();
            PowerAmplifier::new(backoff_db, 1.0).amplify(&mut y);
            let n = x.len() as f64;
            let gain = x.iter().zip(&y).map(|(x, y)| f64::from((x.conj() * y).re)).sum::<f64>() / n;
            let power = x.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / n;
            assert!((gain / power - 1.0).abs() < 2e-3, "{backoff_db} dB: useful part {}", gain / power);
            let distortion = x.iter().zip(&y).map(|(x, y)| f64::from((y - x).norm_sqr())).sum::<f64>() / n;
            assert!(distortion > last, "{backoff_db} dB: distortion {distortion} after {last}");
            last = distortion;
        }
        assert!(last > 0.02, "an amplifier driven to saturation distorts: {last}");
    }

    #[test]
    fn output_never_exceeds_saturation() {
        let amplifier = PowerAmplifier::new(3.0, 1.0);
        let mut samples = [Complex32::new(1e3, 0.0), Complex32::new(0.0, 1e-3)];
        amplifier.amplify(&mut samples);
        let saturation = (amplifier.saturation_power.sqrt()) * amplifier.inverse_gain;
        assert!((samples[0].re - saturation).abs() < 1e-4 * saturation, "{}", samples[0]);
        assert!((samples[1].im / (1e-3 * amplifier.inverse_gain) - 1.0).abs() < 1e-5, "{}", samples[1]);
    }
}
