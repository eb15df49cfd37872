//! Noise and interference, from pilots alone: their covariance over the receive antennas.
//!
//! A channel with delays inside the cyclic prefix is smooth over a few subcarriers: a parabola fits four neighbouring pilots
//! up to a small rest, and what the parabola leaves is noise and interference. The third divided difference of four pilots
//! vanishes on parabolas; with weights of unit norm its covariance is that of one least-squares estimate. What the parabola
//! cannot follow counts as noise: a floor, which a test below measures for a long channel.

use super::estimate::{Received, least_squares};
use crate::channel::MAX_NUM_RX_ANT;
use rustfft::num_complex::{Complex32, Complex64};

/// A covariance over the receive antennas, row-major, of which `num_rx_ant` rows and columns are in use.
pub(super) type Covariance = [Complex64; MAX_NUM_RX_ANT * MAX_NUM_RX_ANT];

/// Estimates the covariance of noise and interference on a resource element, averaged over the slot. `h_ls` is memory to
/// work in.
pub(super) fn estimate_noise_covariance(received: &Received<'_>, h_ls: &mut Vec<Complex32>) -> Covariance {
    least_squares(received, h_ls);
    let (pattern, num_rx_ant) = (received.pattern, received.num_rx_ant());
    let subcarriers = pattern.pilot_subcarriers();
    let per_antenna = pattern.num_pilots();
    let mut covariance = [Complex64::default(); MAX_NUM_RX_ANT * MAX_NUM_RX_ANT];
    for row in (0..per_antenna).step_by(subcarriers.len()) {
        for (first, points) in subcarriers.windows(4).enumerate() {
            let weights = third_difference(points);
            let mut rest = [Complex64::default(); MAX_NUM_RX_ANT];
            for (rx, rest) in rest.iter_mut().enumerate().take(num_rx_ant) {
                let values = &h_ls[rx * per_antenna + row + first..][..4];
                let sum: Complex32 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                *rest = Complex64::new(sum.re.into(), sum.im.into());
            }
            for i in 0..num_rx_ant {
                for j in 0..num_rx_ant {
                    covariance[i * num_rx_ant + j] += rest[i] * rest[j].conj();
                }
            }
        }
    }
    let count = pattern.symbol_indices().len() * (subcarriers.len() - 3);
    covariance.map(|c| c * (pattern.pilot_energy() / count as f64))
}

/// The mean of the variances on the diagonal.
pub(super) fn mean_variance(covariance: &Covariance, num_rx_ant: usize) -> f32 {
    let trace: f64 = (0..num_rx_ant).map(|rx| covariance[rx * num_rx_ant + rx].re).sum();
    (trace / num_rx_ant as f64) as f32
}

/// Weights of unit norm that vanish on every parabola over four points: 1 / Π_{j≠i} (x_i - x_j).
fn third_difference(points: &[usize]) -> [f32; 4] {
    let weight = |i: usize| {
        let x = points[i] as f32;
        1.0 / (0..4).filter(|&j| j != i).map(|j| x - points[j] as f32).product::<f32>()
    };
    let weights: [f32; 4] = std::array::from_fn(weight);
    let norm = weights.iter().map(|w| w * w).sum::<f32>().sqrt();
    weights.map(|w| w / norm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_vanish_on_parabolas_and_have_unit_norm() {
        for points in [[0, 2, 4, 6], [0, 1, 6, 7], [1, 6, 7, 12]] {
            let weights = third_difference(&points);
            for power in 0..3 {
                let sum: f32 = weights.iter().zip(points).map(|(w, x)| w * (x as f32).powi(power)).sum();
                assert!(sum.abs() < 1e-4, "{points:?}, power {power}: {sum}");
            }
            let norm: f32 = weights.iter().map(|w| w * w).sum();
            assert!((norm - 1.0).abs() < 1e-6, "{points:?}: norm {norm}");
        }
    }
}
