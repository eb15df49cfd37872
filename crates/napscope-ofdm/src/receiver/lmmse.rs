//! Linear minimum mean-square-error channel estimation over the whole slot at once.
//!
//! The prior is R = R_t ⊗ R_f, with R_t the correlation over symbols and R_f = F P Fᴴ that of a tapped delay line: F holds
//! the phases exp(-j 2π f τ) of its delays, P their powers. Given least-squares estimates at pilots that form a grid (symbols ×
//! subcarriers), the estimate R_{·p} (R_pp + σ² I)⁻¹ ĥ_LS never needs a matrix of the size of the grid:
//!
//! - R_t at the DMRS symbols is U Λ Uᴴ. Combining DMRS symbols by Uᴴ gives up to four independent problems, one each λ.
//! - F P F_pᴴ (λ F_p P F_pᴴ + σ² I)⁻¹ = F P^½ (λ P^½ F_pᴴ F_p P^½ + σ² I)⁻¹ P^½ F_pᴴ (push-through identity): the matrix to
//!   factorise has one row a path, not one a pilot, and F_pᴴ F_p is a geometric series.
//!
//! Nothing is approximated, except that a line of sight shares its Doppler rotation with all paths (R is a product). Sionna's
//! `LMMSEChannelEstimator` filters along one axis after the other, which is not quite this optimum.

use super::estimate::{ChannelEstimate, Received, least_squares};
use super::lmmse_filter::{Filter, MAX_DMRS};
use super::statistics::ChannelStatistics;
use crate::grid::{NUM_OFDM_SYMBOLS, SUBCARRIERS_PER_PRB};
use rustfft::num_complex::Complex32;

/// Where an LMMSE channel estimator has its statistics from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StatisticsSource {
    /// The truth: profile and Doppler spread of the simulated channel.
    Matched,
    /// Equal power on all delays inside the cyclic prefix and a stated Doppler shift [Hz]: a design for the unknown.
    Robust {
        /// Largest Doppler shift that the estimator is made for [Hz].
        max_doppler_hz: f64,
    },
    /// Estimated from the pilots of the slot itself.
    Estimated,
}

/// LMMSE channel estimator. Its filter is kept from slot to slot as long as statistics and noise stay the same.
#[derive(Debug, Clone)]
pub struct LmmseChannelEstimator {
    source: StatisticsSource,
    /// Statistics that are not the truth.
    statistics: ChannelStatistics,
    filter: Filter,
    h_ls: Vec<Complex32>,
    /// Combined DMRS symbols over all subcarriers, zero where no pilot lies, `[rx_ant, combination, subcarrier]`.
    rows: Parts,
    /// Their path gains, `[rx_ant, combination, path]`.
    gains: Parts,
    /// The response to these, `[rx_ant, combination, subcarrier]`.
    responses: Vec<Complex32>,
}

/// Real and imaginary parts, apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) re: Vec<f32>,
    pub(super) im: Vec<f32>,
}

impl LmmseChannelEstimator {
    /// An estimator that has its statistics from `source`.
    pub fn new(source: StatisticsSource) -> Self {
        LmmseChannelEstimator {
            source,
            statistics: ChannelStatistics::default(),
            filter: Filter::default(),
            h_ls: Vec::new(),
            rows: Parts::default(),
            gains: Parts::default(),
            responses: Vec::new(),
        }
    }

    /// Estimates the channel of one slot; `truth` are its true statistics, which only [`StatisticsSource::Matched`] reads.
    pub fn estimate(&mut self, received: &Received<'_>, truth: &ChannelStatistics, estimate: &mut ChannelEstimate) {
        estimate.resize(received.grid, received.num_rx_ant());
        least_squares(received, &mut self.h_ls);
        match self.source {
            StatisticsSource::Matched => self.filter.prepare(received, truth),
            StatisticsSource::Robust { max_doppler_hz } => {
                let max_delay_secs = received.grid.min_cyclic_prefix_secs();
                self.statistics.set_uniform(received.grid, max_delay_secs, max_doppler_hz);
                self.filter.prepare(received, &self.statistics);
            }
            StatisticsSource::Estimated => {
                self.estimate_statistics(received);
                self.filter.prepare(received, &self.statistics);
            }
        }
        let combine = self.filter.combine;
        self.project(received, &combine);
        self.filter.solve(&mut self.gains, received.num_rx_ant());
        self.spread_over_slot(received, estimate);
    }

    /// Reads profile and Doppler spread off the pilots.
    fn estimate_statistics(&mut self, received: &Received<'_>) {
        let (grid, pattern) = (received.grid, received.pattern);
        self.statistics.set_uniform(grid, grid.min_cyclic_prefix_secs(), 0.0);
        self.filter.steering.set_delays(grid, &self.statistics.profile.delays_secs);
        let mut identity = [[Complex32::default(); MAX_DMRS]; MAX_DMRS];
        (0..MAX_DMRS).for_each(|i| identity[i][i].re = 1.0);
        self.project(received, &identity);
        let projections = self.gains.re.iter().zip(&self.gains.im).map(|(&re, &im)| re * re + im * im);
        self.statistics.set_powers_from_pilots(projections, pattern.pilot_subcarriers().len(), pilot_var(received));

        let (symbols, num_pilots) = (pattern.symbol_indices(), pattern.pilot_subcarriers().len());
        let (mut product, mut power) = (0.0f64, 0.0f64);
        for antenna in self.h_ls.chunks_exact(num_pilots * symbols.len()) {
            let (first, last) = (&antenna[..num_pilots], &antenna[antenna.len() - num_pilots..]);
            for (x, y) in first.iter().zip(last) {
                product += f64::from((x * y.conj()).re);
                power += 0.5 * f64::from(x.norm_sqr() + y.norm_sqr());
            }
        }
        let signal = power - (received.num_rx_ant() * num_pilots) as f64 * pilot_var(received);
        let lag = |symbol: usize| grid.symbol_time_secs(symbol, 0);
        let lag_secs = lag(symbols[symbols.len() - 1]) - lag(symbols[0]);
        self.statistics.set_doppler_from_correlation(if signal > 0.0 { product / signal } else { 1.0 }, lag_secs);
    }

    /// Combines the DMRS symbols and matches the result to each path: `gains` = F_pᴴ Uᴴ ĥ_LS.
    fn project(&mut self, received: &Received<'_>, combine: &[[Complex32; MAX_DMRS]; MAX_DMRS]) {
        let subcarriers = received.pattern.pilot_subcarriers();
        let num_dmrs = received.pattern.symbol_indices().len();
        let num_subcarriers = received.grid.num_subcarriers();
        let num_rows = received.num_rx_ant() * num_dmrs;
        self.rows.resize(num_rows * num_subcarriers);
        let antennas = self.h_ls.chunks_exact(num_dmrs * subcarriers.len());
        let into = self.rows.re.chunks_exact_mut(num_subcarriers).zip(self.rows.im.chunks_exact_mut(num_subcarriers));
        let combinations = antennas.flat_map(|h_ls| (0..num_dmrs).map(move |t| (h_ls, t)));
        for ((h_ls, t), (re, im)) in combinations.zip(into) {
            for (p, &k) in subcarriers.iter().enumerate() {
                let parts = combine.iter().zip(h_ls[p..].iter().step_by(subcarriers.len()));
                let combined: Complex32 = parts.map(|(parts, h)| parts[t].conj() * h).sum();
                (re[k], im[k]) = (combined.re, combined.im);
            }
        }
        self.gains.resize(num_rows * self.filter.steering.num_taps());
        self.filter.steering.project(&self.rows.re, &self.rows.im, &mut self.gains.re, &mut self.gains.im);
    }

    /// From path gains to the grid: the response of each combination, and its part in each symbol.
    fn spread_over_slot(&mut self, received: &Received<'_>, estimate: &mut ChannelEstimate) {
        let num_subcarriers = received.grid.num_subcarriers();
        let num_dmrs = received.pattern.symbol_indices().len();
        self.responses.resize(received.num_rx_ant() * num_dmrs * num_subcarriers, Complex32::default());
        self.filter.steering.respond(&self.gains.re, &self.gains.im, &mut self.responses);
        let antennas = estimate.h_hat.chunks_exact_mut(NUM_OFDM_SYMBOLS * num_subcarriers);
        for (h_hat, responses) in antennas.zip(self.responses.chunks_exact(num_dmrs * num_subcarriers)) {
            for (h_hat, parts) in h_hat.chunks_exact_mut(num_subcarriers).zip(&self.filter.spread) {
                h_hat.fill(Complex32::default());
                for (response, part) in responses.chunks_exact(num_subcarriers).zip(parts) {
                    h_hat.iter_mut().zip(response).for_each(|(h, r)| *h += part * r);
                }
            }
        }
        for (err_var, of_prb) in estimate.err_var.chunks_exact_mut(SUBCARRIERS_PER_PRB).zip(&self.filter.err_var) {
            err_var.fill(*of_prb);
        }
    }
}

impl Parts {
    /// Makes room for `len` values, all zero.
    fn resize(&mut self, len: usize) {
        for part in [&mut self.re, &mut self.im] {
            part.clear();
            part.resize(len, 0.0);
        }
    }
}

/// Variance of the least-squares error at a pilot.
pub(super) fn pilot_var(received: &Received<'_>) -> f64 {
    f64::from(received.noise_var) / received.pattern.pilot_energy()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelModel;
    use crate::dmrs::{DmrsConfig, PilotPattern};
    use crate::grid::{ResourceGrid, SubcarrierSpacing};
    use crate::linear_algebra::{cholesky, solve_lower, solve_upper};
    use crate::random::{Purpose, Stream};
    use rustfft::num_complex::Complex64;
    use std::f64::consts::TAU;

    /// R over the whole slot and the pilots' places in it, written out.
    fn covariance(grid: &ResourceGrid, statistics: &ChannelStatistics, a: usize, b: usize) -> Complex64 {
        let (n, profile) = (grid.num_subcarriers(), &statistics.profile);
        let time = |element: usize| grid.symbol_time_secs(element / n, 0);
        let frequency = grid.frequency_hz(a % n) - grid.frequency_hz(b % n);
        let over_frequency: Complex64 = (0..profile.powers.len())
            .map(|l| profile.tap_power(l) * Complex64::cis(-TAU * frequency * profile.delays_secs[l]))
            .sum();
        statistics.time_correlation(time(a) - time(b)) * over_frequency
    }

    #[test]
    fn equals_the_textbook_formula_written_out() {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 2, None).expect("a valid grid");
        for (config_type, additional_position, model, doppler, noise_var) in [
            (1, 0, "tdl-a", 0.0, 0.1),
            (1, 2, "tdl-c", 300.0, 0.01),
            (2, 1, "tdl-d", 900.0, 1.0),
            (2, 3, "awgn", 50.0, 0.001),
        ] {
            let config = DmrsConfig { config_type, additional_position, ..DmrsConfig::default() };
            let pattern = PilotPattern::new(&grid, &config).expect("a valid configuration");
            let profile = ChannelModel::from_name(model).expect(model).profile(300e-9);
            let statistics = ChannelStatistics { profile, max_doppler_hz: doppler };
            let mut y = vec![Complex32::default(); grid.num_resource_elements()];
            Stream::new(1, 0, Purpose::Noise).complex_normal(&mut y);
            let mut pilots = vec![Complex32::default(); pattern.num_pilots()];
            pattern.pilots(0, &mut pilots);
            let received = Received { grid: &grid, pattern: &pattern, y: &y, pilots: &pilots, noise_var };
            let mut estimate = ChannelEstimate::default();
            LmmseChannelEstimator::new(StatisticsSource::Matched).estimate(&received, &statistics, &mut estimate);

            let places: Vec<usize> = pattern
                .symbol_indices()
                .iter()
                .flat_map(|s| pattern.pilot_subcarriers().iter().map(move |k| s * 24 + k))
                .collect();
            let m = places.len();
            let mut factor = vec![Complex64::default(); m * m];
            for (i, &a) in places.iter().enumerate() {
                for (j, &b) in places.iter().enumerate() {
                    factor[i * m + j] = covariance(&grid, &statistics, a, b);
                }
                factor[i * m + i] += pilot_var(&received);
            }
            cholesky(&mut factor, m, 0.0);
            let mut h_ls = Vec::new();
            least_squares(&received, &mut h_ls);
            let mut weights: Vec<Complex64> = h_ls.iter().map(|h| Complex64::new(h.re.into(), h.im.into())).collect();
            solve_lower(&factor, &mut weights);
            solve_upper(&factor, &mut weights);
            for element in 0..grid.num_resource_elements() {
                let row: Vec<Complex64> = places.iter().map(|&p| covariance(&grid, &statistics, element, p)).collect();
                let expected: Complex64 = row.iter().zip(&weights).map(|(r, w)| r * w).sum();
                let got = estimate.h_hat[element];
                let got = Complex64::new(got.re.into(), got.im.into());
                assert!((got - expected).norm() < 2e-5, "{model}, element {element}: expected {expected}, got {got}");
                if element % 12 == 6 {
                    let mut column: Vec<Complex64> = row.iter().map(|r| r.conj()).collect();
                    solve_lower(&factor, &mut column);
                    let expected = 1.0 - column.iter().map(|c| c.norm_sqr()).sum::<f64>();
                    let got = f64::from(estimate.err_var[element]);
                    assert!((got - expected).abs() < 1e-5, "{model}, element {element}: error {expected}, got {got}");
                }
            }
        }
    }
}
