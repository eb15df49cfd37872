//! From received grid and channel estimate to one symbol a data element, with the variance of its error.
//!
//! One stream and several antennas: with noise of covariance Σ the linear MMSE equaliser is, up to a real factor, maximum-ratio
//! combining of the whitened antennas, x̂ = hᴴ Σ⁻¹ y / hᴴ Σ⁻¹ h. Dividing by hᴴ Σ⁻¹ h removes the bias, as a demapper wants it;
//! so for white noise LMMSE and MRC are one and the same. The error of the channel estimate counts as noise, as in Sionna's
//! `LMMSEEqualizer`.

use super::estimate::{ChannelEstimate, Received};
use super::noise::{Covariance, mean_variance};
use crate::channel::MAX_NUM_RX_ANT;
use crate::linear_algebra::{cholesky, solve_lower};
use rustfft::num_complex::{Complex32, Complex64};

/// What the equaliser takes for noise.
#[expect(clippy::large_enum_variant, reason = "one lives on the stack at a time, and a box would allocate each slot")]
pub(super) enum Noise {
    /// White, of this variance at each antenna.
    White(f32),
    /// Correlated over the antennas: interference is.
    Colored(Covariance),
}

impl Noise {
    /// Its variance at an antenna, averaged.
    pub(super) fn mean_variance(&self, num_rx_ant: usize) -> f32 {
        match self {
            Noise::White(noise_var) => *noise_var,
            Noise::Colored(covariance) => mean_variance(covariance, num_rx_ant),
        }
    }
}

/// Equalises the data elements of a slot.
///
/// # Shapes
/// `x_hat`, `noise_eff`: `[data element]`
pub(super) fn equalize(
    received: &Received<'_>,
    estimate: &ChannelEstimate,
    noise: &Noise,
    x_hat: &mut Vec<Complex32>,
    noise_eff: &mut Vec<f32>,
) {
    x_hat.clear();
    noise_eff.clear();
    let (stride, num_rx_ant) = (received.grid.num_resource_elements(), received.num_rx_ant());
    let elements = received.pattern.data_elements().iter().map(|&element| element as usize);
    let mut push = |product: Complex32, gain: f32, noise_var: f32| {
        // A channel of exactly zero says nothing about the symbol: any answer will do, with endless noise.
        let inverse = 1.0 / gain.max(1e-30);
        x_hat.push(product * inverse);
        noise_eff.push(noise_var * inverse);
    };
    match noise {
        Noise::White(noise_var) => {
            for element in elements {
                let (mut product, mut gain) = (Complex32::default(), 0.0);
                for rx in 0..num_rx_ant {
                    let (h, y) = (estimate.h_hat[rx * stride + element], received.y[rx * stride + element]);
                    product += h.conj() * y;
                    gain += h.norm_sqr();
                }
                push(product, gain, noise_var + estimate.err_var[element]);
            }
        }
        Noise::Colored(covariance) => {
            let whitener = Whitener::new(covariance, num_rx_ant);
            for element in elements {
                let h = whitener.apply(&estimate.h_hat[element..], stride);
                let y = whitener.apply(&received.y[element..], stride);
                let (mut product, mut gain) = (Complex32::default(), 0.0);
                for (h, y) in h.iter().zip(&y).take(num_rx_ant) {
                    product += h.conj() * y;
                    gain += h.norm_sqr();
                }
                // Whitened noise has unit variance; the error of the estimate is white before, so scale it by the mean.
                push(product, gain, 1.0 + estimate.err_var[element] / whitener.mean_var);
            }
        }
    }
}

/// L⁻¹ of the noise covariance L Lᴴ.
struct Whitener {
    num_rx_ant: usize,
    inverse: [[Complex32; MAX_NUM_RX_ANT]; MAX_NUM_RX_ANT],
    mean_var: f32,
}

impl Whitener {
    fn new(covariance: &Covariance, num_rx_ant: usize) -> Self {
        let mut factor = *covariance;
        let factor = &mut factor[..num_rx_ant * num_rx_ant];
        let mean_var = mean_variance(covariance, num_rx_ant).max(1e-20);
        cholesky(factor, num_rx_ant, 1e-6 * f64::from(mean_var));
        let mut inverse = [[Complex32::default(); MAX_NUM_RX_ANT]; MAX_NUM_RX_ANT];
        for column in 0..num_rx_ant {
            let mut unit = [Complex64::default(); MAX_NUM_RX_ANT];
            unit[column] = 1.0.into();
            solve_lower(factor, &mut unit[..num_rx_ant]);
            for (row, value) in inverse.iter_mut().zip(unit) {
                row[column] = Complex32::new(value.re as f32, value.im as f32);
            }
        }
        Whitener { num_rx_ant, inverse, mean_var }
    }

    /// Whitens the antennas' values, which lie `stride` apart.
    fn apply(&self, values: &[Complex32], stride: usize) -> [Complex32; MAX_NUM_RX_ANT] {
        let mut out = [Complex32::default(); MAX_NUM_RX_ANT];
        for (i, out) in out.iter_mut().enumerate().take(self.num_rx_ant) {
            *out = (0..=i).map(|j| self.inverse[i][j] * values[j * stride]).sum();
        }
        out
    }
}
