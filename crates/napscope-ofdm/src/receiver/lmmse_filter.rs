//! The matrices of the LMMSE channel estimator for one set of statistics and one noise variance (derivation: `lmmse.rs`).

use super::estimate::Received;
use super::lmmse::Parts;
use super::lmmse::pilot_var;
use super::statistics::ChannelStatistics;
use crate::channel::FrequencyResponse;
use crate::grid::{NUM_OFDM_SYMBOLS, ResourceGrid, SUBCARRIERS_PER_PRB};
use crate::linear_algebra::{cholesky, hermitian_eigen, solve_lower, solve_upper};
use rustfft::num_complex::{Complex32, Complex64};
use std::f64::consts::TAU;

/// DMRS symbols of a slot at most.
pub(super) const MAX_DMRS: usize = 4;

/// One number for each combination of DMRS symbols.
type Combinations = [Complex32; MAX_DMRS];

/// The filter in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    statistics: ChannelStatistics,
    /// Variance of the least-squares error at a pilot; zero before the first slot.
    pilot_var: f64,
    /// F, over all subcarriers.
    pub(super) steering: FrequencyResponse,
    /// U: `combine[i][t]` is the part of DMRS symbol i in combination t.
    pub(super) combine: [Combinations; MAX_DMRS],
    /// R_t(symbol, DMRS) U: the part of combination t in each symbol.
    pub(super) spread: Vec<Combinations>,
    /// Error variance, `[num_ofdm_symbols, prb]`.
    pub(super) err_var: Vec<f32>,
    /// P^½
    roots: Vec<f64>,
    gram: Gram,
    /// Cholesky factors of λ P^½ F_pᴴ F_p P^½ + σ² I, `[combination, path, path]`.
    factors: Vec<Complex64>,
    /// One number for each path.
    column: Vec<Complex64>,
}

impl Filter {
    /// Makes the filter for `statistics` and the noise of `received`, unless it is the one in force.
    pub(super) fn prepare(&mut self, received: &Received<'_>, statistics: &ChannelStatistics) {
        self.steering.set_delays(received.grid, &statistics.profile.delays_secs);
        if self.pilot_var == pilot_var(received) && self.statistics == *statistics {
            return;
        }
        self.statistics.copy_from(statistics);
        self.pilot_var = pilot_var(received);
        let profile = &self.statistics.profile;
        self.roots.clear();
        self.roots.extend((0..profile.powers.len()).map(|l| profile.tap_power(l).sqrt()));
        let eigenvalues = self.decompose_time(received);
        let eigenvalues = &eigenvalues[..received.pattern.symbol_indices().len()];
        self.gram.compute(received, &self.statistics.profile.delays_secs);
        self.factorise(eigenvalues);
        self.compute_err_var(received.grid, eigenvalues);
    }

    /// The eigenvectors of R_t at the DMRS symbols and their parts in each symbol; returns the eigenvalues.
    fn decompose_time(&mut self, received: &Received<'_>) -> [f64; MAX_DMRS] {
        let symbols = received.pattern.symbol_indices();
        let n = symbols.len();
        let time = |symbol: usize| received.grid.symbol_time_secs(symbol, 0);
        let correlation = |a, b| self.statistics.time_correlation(time(a) - time(b));
        let mut matrix = [Complex64::default(); MAX_DMRS * MAX_DMRS];
        let mut vectors = matrix;
        for (i, &a) in symbols.iter().enumerate() {
            for (j, &b) in symbols.iter().enumerate() {
                matrix[i * n + j] = correlation(a, b);
            }
        }
        hermitian_eigen(&mut matrix[..n * n], &mut vectors[..n * n], n);
        for (i, row) in vectors[..n * n].chunks_exact(n).enumerate() {
            for (t, v) in row.iter().enumerate() {
                self.combine[i][t] = narrow(*v);
            }
        }
        self.spread.clear();
        for symbol in 0..NUM_OFDM_SYMBOLS {
            let mut parts = [Complex64::default(); MAX_DMRS];
            for (i, &dmrs) in symbols.iter().enumerate() {
                let common = correlation(symbol, dmrs);
                parts.iter_mut().zip(&vectors[i * n..(i + 1) * n]).for_each(|(part, v)| *part += common * v);
            }
            self.spread.push(parts.map(narrow));
        }
        std::array::from_fn(|t| if t < n { matrix[t * n + t].re } else { 0.0 })
    }

    fn factorise(&mut self, eigenvalues: &[f64]) {
        let n = self.roots.len();
        self.factors.clear();
        for &eigenvalue in eigenvalues {
            let first = self.factors.len();
            for (i, row) in self.gram.matrix.chunks_exact(n).enumerate() {
                self.factors.extend(row.iter().zip(&self.roots).map(|(g, root)| g * eigenvalue * self.roots[i] * root));
                let last = self.factors.len() - n + i;
                self.factors[last] += self.pilot_var;
            }
            cholesky(&mut self.factors[first..], n, self.pilot_var * 1e-3);
        }
    }

    /// P^½ M⁻¹ P^½ of the projections in `gains`, in place.
    pub(super) fn solve(&mut self, gains: &mut Parts, num_rx_ant: usize) {
        let n = self.roots.len();
        let num_combinations = self.factors.len() / (n * n);
        for row in 0..num_rx_ant * num_combinations {
            let (re, im) = (&mut gains.re[row * n..][..n], &mut gains.im[row * n..][..n]);
            self.column.clear();
            let projected = re.iter().zip(&*im).zip(&self.roots);
            self.column.extend(projected.map(|((&re, &im), root)| Complex64::new(re.into(), im.into()) * root));
            let factor = &self.factors[(row % num_combinations) * n * n..][..n * n];
            solve_lower(factor, &mut self.column);
            solve_upper(factor, &mut self.column);
            for (l, (gain, root)) in self.column.iter().zip(&self.roots).enumerate() {
                (re[l], im[l]) = ((gain.re * root) as f32, (gain.im * root) as f32);
            }
        }
    }

    /// Variance of the error in the middle of each resource block: 1 - Σ_t |part|² (1 - σ² ‖L⁻¹ P^½ f‖²) / λ_t.
    fn compute_err_var(&mut self, grid: &ResourceGrid, eigenvalues: &[f64]) {
        let (n, num_prb) = (self.roots.len(), grid.num_prb());
        self.err_var.clear();
        self.err_var.resize(NUM_OFDM_SYMBOLS * num_prb, 1.0);
        for (t, &eigenvalue) in eigenvalues.iter().enumerate() {
            // What so small an eigenvalue adds is lost in rounding, and nothing else.
            if eigenvalue < 1e-9 {
                continue;
            }
            let factor = &self.factors[t * n * n..][..n * n];
            for prb in 0..num_prb {
                let frequency = grid.frequency_hz(prb * SUBCARRIERS_PER_PRB + SUBCARRIERS_PER_PRB / 2);
                let phases =
                    self.statistics.profile.delays_secs.iter().map(|tau| Complex64::cis(TAU * frequency * tau));
                self.column.clear();
                self.column.extend(phases.zip(&self.roots).map(|(phase, root)| phase * root));
                solve_lower(factor, &mut self.column);
                let missed = self.pilot_var * self.column.iter().map(|c| c.norm_sqr()).sum::<f64>();
                let explained = (1.0 - missed) / eigenvalue;
                for (symbol, parts) in self.spread.iter().enumerate() {
                    self.err_var[symbol * num_prb + prb] -= parts[t].norm_sqr() * explained as f32;
                }
            }
        }
        self.err_var.iter_mut().for_each(|v| *v = v.max(0.0));
    }
}

/// F_pᴴ F_p: element (l, m) is Σ exp(j 2π f (τ_l - τ_m)) over the pilot subcarriers, a sum within one resource block times a
/// geometric series over the N blocks. With the phases of each path at hand, a pair of paths costs a few products.
#[derive(Debug, Clone, Default)]
struct Gram {
    matrix: Vec<Complex64>,
    /// Phases at the pilots of the block in the middle of the band, `[path, pilot in block]`.
    tones: Vec<Complex64>,
    /// exp(jx) and exp(jNx), with 2x the phase from block to block.
    steps: Vec<(Complex64, Complex64)>,
}

impl Gram {
    fn compute(&mut self, received: &Received<'_>, delays_secs: &[f64]) {
        let (grid, pilots) = (received.grid, received.pattern.pilot_subcarriers());
        let num_prb = grid.num_prb();
        let per_block = pilots.len() / num_prb;
        let block_hz = grid.subcarrier_spacing().hz() * SUBCARRIERS_PER_PRB as f64;
        self.tones.clear();
        self.steps.clear();
        for tau in delays_secs {
            let middle_hz = block_hz * (num_prb - 1) as f64 / 2.0;
            let tone = |&k: &usize| Complex64::cis(TAU * tau * (grid.frequency_hz(k) + middle_hz));
            self.tones.extend(pilots[..per_block].iter().map(tone));
            let half_step = TAU * tau * block_hz / 2.0;
            self.steps.push((Complex64::cis(half_step), Complex64::cis(half_step * num_prb as f64)));
        }
        let n = delays_secs.len();
        self.matrix.clear();
        self.matrix.resize(n * n, Complex64::default());
        for l in 0..n {
            for m in 0..=l {
                let (step_l, step_m) = (self.steps[l], self.steps[m]);
                // Σ exp(2jbx) over the blocks is sin(Nx) / sin(x) around the middle one, and ±N where both sines vanish.
                let (once, all) = (step_l.0 * step_m.0.conj(), step_l.1 * step_m.1.conj());
                let series = if once.im.abs() < 1e-7 { num_prb as f64 * all.re / once.re } else { all.im / once.im };
                let (tones_l, tones_m) = (&self.tones[l * per_block..], &self.tones[m * per_block..]);
                let block: Complex64 = tones_l.iter().zip(tones_m).take(per_block).map(|(x, y)| x * y.conj()).sum();
                self.matrix[l * n + m] = block * series;
                self.matrix[m * n + l] = (block * series).conj();
            }
        }
    }
}

fn narrow(z: Complex64) -> Complex32 {
    Complex32::new(z.re as f32, z.im as f32)
}
