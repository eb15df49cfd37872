//! What an LMMSE channel estimator believes about the channel: its power-delay profile and its Doppler spread.

use crate::channel::{PowerDelayProfile, SPECULAR_DOPPLER};
use crate::grid::ResourceGrid;
use rustfft::num_complex::Complex64;
use std::f64::consts::{PI, TAU};

/// Second-order statistics of a channel: its correlation over frequency and time is the product of the two parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelStatistics {
    /// Delays and mean powers.
    pub profile: PowerDelayProfile,
    /// Largest Doppler shift [Hz]; scattered paths have Jakes' spectrum.
    pub max_doppler_hz: f64,
}

impl ChannelStatistics {
    /// Becomes a copy of `other` in the memory that is there. (A derived `clone_from` would allocate anew.)
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.profile.delays_secs.clone_from(&other.profile.delays_secs);
        self.profile.powers.clone_from(&other.profile.powers);
        self.profile.specular_power = other.profile.specular_power;
        self.max_doppler_hz = other.max_doppler_hz;
    }

    /// E h(t + `lag_secs`) h*(t) at one subcarrier, for unit power: J₀ of the scattered paths and a rotation of the specular one.
    pub fn time_correlation(&self, lag_secs: f64) -> Complex64 {
        let specular = self.profile.specular_power;
        // The AWGN channel, which has nothing but a specular path, stands still.
        let shift = if specular < 1.0 { SPECULAR_DOPPLER * self.max_doppler_hz } else { 0.0 };
        (1.0 - specular) * bessel_j0(TAU * self.max_doppler_hz * lag_secs)
            + specular * Complex64::cis(TAU * shift * lag_secs)
    }

    /// Equal power on a grid of delays from zero to `max_delay_secs`: what remains when no more is known.
    pub(crate) fn set_uniform(&mut self, grid: &ResourceGrid, max_delay_secs: f64, max_doppler_hz: f64) {
        // Delays closer than this cannot be told apart over the bandwidth of the grid.
        let step = 0.5 / (grid.num_subcarriers() as f64 * grid.subcarrier_spacing().hz());
        let count = (max_delay_secs / step) as usize + 1;
        let profile = &mut self.profile;
        profile.delays_secs.clear();
        profile.delays_secs.extend((0..count).map(|i| i as f64 * step));
        profile.powers.clear();
        profile.powers.resize(count, 1.0 / count as f64);
        profile.specular_power = 0.0;
        self.max_doppler_hz = max_doppler_hz;
    }

    /// Replaces the powers by those that the pilots of one slot show.
    ///
    /// `energies` are those of the matched filters of the pilots at each delay, `[rows, tap]`, over `num_pilots` pilots that
    /// each have an error of variance `pilot_var`.
    pub(crate) fn set_powers_from_pilots(
        &mut self,
        energies: impl ExactSizeIterator<Item = f32>,
        num_pilots: usize,
        pilot_var: f64,
    ) {
        let powers = &mut self.profile.powers;
        let num_taps = powers.len();
        let scale = num_taps as f64 / ((num_pilots * num_pilots * energies.len()) as f64);
        powers.fill(0.0);
        for (i, energy) in energies.enumerate() {
            powers[i % num_taps] += f64::from(energy) * scale;
        }
        // Noise adds its variance over the number of pilots at each delay; a delay that shows less holds next to nothing.
        let noise = pilot_var / num_pilots as f64;
        for power in powers.iter_mut() {
            *power = (*power - noise).max(1e-3 * noise);
        }
        let total: f64 = powers.iter().sum();
        powers.iter_mut().for_each(|power| *power /= total);
    }

    /// Sets the Doppler shift at which channels `lag_secs` [s] apart correlate by `correlation`.
    pub(crate) fn set_doppler_from_correlation(&mut self, correlation: f64, lag_secs: f64) {
        // J₀ falls from 1 to its first minimum at 3.83; beyond, its inverse is not unique, so that end is the answer.
        let (mut low, mut high) = (0.0, 3.831_7);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if bessel_j0(middle) > correlation { low = middle } else { high = middle }
        }
        self.max_doppler_hz = if lag_secs > 0.0 { low / (TAU * lag_secs) } else { 0.0 };
    }
}

/// The Bessel function J₀: (1/π) ∫₀^π cos(x cos θ) dθ by the trapezoidal rule, which converges exponentially on a periodic
/// integrand once it has more points than |x|.
pub(crate) fn bessel_j0(x: f64) -> f64 {
    let n = 24 + x.abs() as usize;
    (0..n).map(|k| (x * (PI * (k as f64 + 0.5) / n as f64).cos()).cos()).sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_j0_has_the_tabulated_values() {
        // Abramowitz and Stegun, table 9.1
        for (x, expected) in
            [(0.0, 1.0), (1.0, 0.765_197_686_557_967), (2.404_825_557_695_773, 0.0), (10.0, -0.245_935_764_451_348)]
        {
            let got = bessel_j0(x);
            assert!((got - expected).abs() < 1e-14, "J0({x}): expected {expected}, got {got}");
        }
    }

    #[test]
    fn the_doppler_shift_comes_back_from_its_correlation() {
        for max_doppler_hz in [1.0, 100.0, 700.0] {
            let mut statistics = ChannelStatistics { max_doppler_hz, ..ChannelStatistics::default() };
            let correlation = statistics.time_correlation(0.6e-3).re;
            statistics.set_doppler_from_correlation(correlation, 0.6e-3);
            let got = statistics.max_doppler_hz;
            assert!((got - max_doppler_hz).abs() < 1e-3 * max_doppler_hz, "expected {max_doppler_hz} Hz, got {got}");
        }
    }
}
