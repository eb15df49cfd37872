//! Least squares at the pilots, interpolated over the slot.
//!
//! Pilots lie on the same subcarriers of each DMRS symbol, so every interpolation here is one along frequency followed by
//! one along time: Ĥ = W_t Ĥ_LS W_fᵀ. The three kinds differ in their weights alone. They are those of Sionna's
//! `LSChannelEstimator` with `interpolation_type` `nn`, `lin` and `lin_time_avg`.

use super::estimate::{ChannelEstimate, Received, least_squares};
use crate::dmrs::PilotPattern;
use crate::grid::{NUM_OFDM_SYMBOLS, ResourceGrid};
use rustfft::num_complex::Complex32;

/// How estimates at the pilots spread over the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pilot; of two equally near ones the earlier, lower one. Sionna: `nn`.
    Nearest,
    /// Straight lines between neighbouring pilots, prolonged at the edges. Sionna: `lin`.
    Linear,
    /// Straight lines along frequency, the mean along time: for channels that stand still. Sionna: `lin_time_avg`.
    LinearTimeAverage,
}

/// A value between two pilots: `(1 - weight) * left + weight * right`.
#[derive(Debug, Clone, Copy)]
struct Between {
    left: usize,
    right: usize,
    weight: f32,
}

/// Least-squares channel estimator.
#[derive(Debug, Clone)]
pub struct LsChannelEstimator {
    /// For each subcarrier.
    along_frequency: Vec<Between>,
    /// For each symbol the weight of each DMRS symbol.
    along_time: Vec<Vec<f32>>,
    h_ls: Vec<Complex32>,
    /// Interpolated along frequency, `[symbol_indices, num_subcarriers]` of one antenna.
    rows: Vec<Complex32>,
}

impl LsChannelEstimator {
    /// An estimator for slots of `pattern`.
    pub fn new(grid: &ResourceGrid, pattern: &PilotPattern, interpolation: Interpolation) -> Self {
        let (symbols, subcarriers) = (pattern.symbol_indices(), pattern.pilot_subcarriers());
        let place: fn(&[usize], usize) -> Between = match interpolation {
            Interpolation::Nearest => nearest,
            Interpolation::Linear | Interpolation::LinearTimeAverage => linear,
        };
        let along_time = (0..NUM_OFDM_SYMBOLS)
            .map(|symbol| match interpolation {
                Interpolation::LinearTimeAverage => vec![1.0 / symbols.len() as f32; symbols.len()],
                _ => {
                    let (mut weights, between) = (vec![0.0; symbols.len()], place(symbols, symbol));
                    weights[between.left] += 1.0 - between.weight;
                    weights[between.right] += between.weight;
                    weights
                }
            })
            .collect();
        LsChannelEstimator {
            along_frequency: (0..grid.num_subcarriers()).map(|k| place(subcarriers, k)).collect(),
            along_time,
            h_ls: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Estimates the channel of one slot.
    pub fn estimate(&mut self, received: &Received<'_>, estimate: &mut ChannelEstimate) {
        estimate.resize(received.grid, received.num_rx_ant());
        least_squares(received, &mut self.h_ls);
        let (num_pilots, num_subcarriers) = (received.pattern.pilot_subcarriers().len(), self.along_frequency.len());
        let num_dmrs = received.pattern.symbol_indices().len();
        let antennas = estimate.h_hat.chunks_exact_mut(NUM_OFDM_SYMBOLS * num_subcarriers);
        for (h_hat, h_ls) in antennas.zip(self.h_ls.chunks_exact(num_dmrs * num_pilots)) {
            self.rows.clear();
            for h_ls in h_ls.chunks_exact(num_pilots) {
                let at = |b: &Between| h_ls[b.left] + (h_ls[b.right] - h_ls[b.left]) * b.weight;
                self.rows.extend(self.along_frequency.iter().map(at));
            }
            for (h_hat, weights) in h_hat.chunks_exact_mut(num_subcarriers).zip(&self.along_time) {
                combine_rows(&self.rows, weights, h_hat);
            }
        }
        let pilot_var = received.noise_var / received.pattern.pilot_energy() as f32;
        for (err_var, weights) in estimate.err_var.chunks_exact_mut(num_subcarriers).zip(&self.along_time) {
            let of_symbol = pilot_var * weights.iter().map(|w| w * w).sum::<f32>();
            for (err_var, b) in err_var.iter_mut().zip(&self.along_frequency) {
                *err_var = of_symbol * b.error_gain();
            }
        }
    }
}

/// `out` = Σ weight · row over the rows of `rows`.
fn combine_rows(rows: &[Complex32], weights: &[f32], out: &mut [Complex32]) {
    out.fill(Complex32::default());
    for (row, &weight) in rows.chunks_exact(out.len()).zip(weights) {
        if weight != 0.0 {
            for (out, value) in out.iter_mut().zip(row) {
                *out += value * weight;
            }
        }
    }
}

impl Between {
    /// Variance of the interpolated value when each pilot has an independent error of variance one.
    fn error_gain(&self) -> f32 {
        if self.left == self.right { 1.0 } else { (1.0 - self.weight).powi(2) + self.weight.powi(2) }
    }
}

/// The place of `at` on the line through the two neighbouring `points`, the outermost two beyond the ends.
fn linear(points: &[usize], at: usize) -> Between {
    if points.len() == 1 {
        return Between { left: 0, right: 0, weight: 0.0 };
    }
    let right = points.iter().position(|&point| point >= at).unwrap_or(points.len() - 1).max(1);
    let (from, to) = (points[right - 1] as f32, points[right] as f32);
    Between { left: right - 1, right, weight: (at as f32 - from) / (to - from) }
}

/// The nearest of `points`, the lower of two.
fn nearest(points: &[usize], at: usize) -> Between {
    let index = (0..points.len()).min_by_key(|&i| points[i].abs_diff(at)).unwrap_or(0);
    Between { left: index, right: index, weight: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dmrs::DmrsConfig;
    use crate::grid::SubcarrierSpacing;

    /// A noiseless slot over the channel `h(symbol, subcarrier)`, with ones for data.
    fn estimate(
        config: &DmrsConfig,
        interpolation: Interpolation,
        h: impl Fn(usize, usize) -> Complex32,
    ) -> ChannelEstimate {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 2, None).expect("a valid grid");
        let pattern = PilotPattern::new(&grid, config).expect("a valid configuration");
        let mut y = vec![Complex32::new(1.0, 0.0); grid.num_resource_elements()];
        let mut dmrs = vec![Complex32::default(); y.len()];
        pattern.dmrs_grid(0, &mut dmrs);
        for (i, (y, pilot)) in y.iter_mut().zip(&dmrs).enumerate() {
            *y = h(i / 24, i % 24) * if pilot.norm() > 0.0 { *pilot } else { *y };
        }
        let mut pilots = vec![Complex32::default(); pattern.num_pilots()];
        pattern.pilots(0, &mut pilots);
        let received = Received { grid: &grid, pattern: &pattern, y: &y, pilots: &pilots, noise_var: 0.1 };
        let mut estimate = ChannelEstimate::default();
        LsChannelEstimator::new(&grid, &pattern, interpolation).estimate(&received, &mut estimate);
        estimate
    }

    #[test]
    fn linear_interpolation_is_exact_on_a_bilinear_channel() {
        let plane = |s: usize, k: usize| Complex32::new(0.2 + 0.05 * s as f32, 0.03 * k as f32 - 0.01 * (s * k) as f32);
        for config_type in [1, 2] {
            for additional_position in [1, 2, 3] {
                let config = DmrsConfig { config_type, additional_position, ..DmrsConfig::default() };
                let estimate = estimate(&config, Interpolation::Linear, plane);
                for (i, h) in estimate.h_hat.iter().enumerate() {
                    let expected = plane(i / 24, i % 24);
                    assert!((h - expected).norm() < 1e-5, "{config:?} element {i}: expected {expected}, got {h}");
                }
            }
        }
    }

    #[test]
    fn the_time_average_is_the_mean_of_the_dmrs_symbols() {
        let config = DmrsConfig { additional_position: 2, ..DmrsConfig::default() }; // symbols 2, 7, 11
        let estimate = estimate(&config, Interpolation::LinearTimeAverage, |s, _| Complex32::new(s as f32, 0.0));
        for (h, err_var) in estimate.h_hat.iter().zip(&estimate.err_var) {
            assert!((h.re - 20.0 / 3.0).abs() < 1e-5, "expected 20/3, got {h}");
            // N0 = 0.1, pilots of energy 2, three symbols; along frequency at best halved between two pilots.
            assert!(*err_var <= 2.5 * 0.1 / 6.0 + 1e-6 && *err_var >= 0.5 * 0.1 / 6.0 - 1e-6, "{err_var}");
        }
    }

    #[test]
    fn the_nearest_pilot_wins_and_ties_go_down() {
        let points = [2, 11];
        for (at, expected) in [(0, 0), (2, 0), (6, 0), (7, 1), (13, 1)] {
            assert_eq!(nearest(&points, at).left, expected, "symbol {at}");
        }
        assert_eq!(nearest(&[0, 2], 1).left, 0, "a tie");
    }
}
