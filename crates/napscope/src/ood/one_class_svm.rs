//! One-class support vector machine (Schölkopf et al. 2001): the smooth region that holds all but a share ν of the reference.
//!
//! min ½ αᵀ K α with 0 <= α_i <= 1 and Σ α_i = ν n, where K_ij = exp(−γ |x_i − x_j|²); the score is ρ − Σ α_i K(x_i, x):
//! scikit-learn's decision function with the sign turned.
//!
//! Solved by sequential minimal optimisation with the working set of second order (Fan, Chen & Lin 2005): the pair of
//! coordinates that promises the most is moved until no pair promises more than a tolerance. Rows of K are made as needed,
//! and as many are kept as [`CACHE_BYTES`] hold. Samples are taken in an order of their content, so that the order of the
//! rows decides nothing.

use super::gaussian::Bank;
use super::select;
use super::{Detector, Scorer};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features};
use crate::registry::Entry;
use crate::statistics::canonical_order;
use std::collections::VecDeque;

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "one_class_svm",
    summary: "one-class support vector machine with a Gaussian kernel",
    options: &[
        ("nu", "0.5", "the share of the reference that may lie outside, above 0 to 1"),
        ("gamma", "scale", "scale (1 / (columns · variance)) or a number above 0"),
    ],
    build: |options| {
        let gamma = match options.text("gamma") {
            "scale" => None,
            _ => Some(options.get_in("gamma", f64::MIN_POSITIVE..=1e30)?),
        };
        Ok(Box::new(OneClassSvm { nu: options.get_in("nu", 1e-9..=1.0)?, gamma }))
    },
};

/// What kept rows of the kernel matrix may take.
const CACHE_BYTES: usize = 256 << 20;
/// Rows that are made together: of those that begin above 0, and when one is missing.
const FIRST_ROWS: usize = 64;
const MORE_ROWS: usize = 16;

struct OneClassSvm {
    nu: f64,
    /// `None`: by the variance of the reference.
    gamma: Option<f64>,
}

impl Detector for OneClassSvm {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        if reference.samples() < 2 {
            let message = format!("one_class_svm needs at least 2 samples, got {}", reference.samples());
            return Err(Error::new(ErrorKind::TooFewSamples, message));
        }
        let columns = reference.columns().to_vec();
        let ordered = reference.select(&canonical_order(reference.values(), columns.len()));
        let gamma = self.gamma.unwrap_or_else(|| scale(ordered.values(), columns.len()));
        let Solution { alpha, rho } = Solver::new(ordered.values(), columns.len(), gamma, self.nu, CACHE_BYTES).solve();
        let (samples, alpha): (Vec<usize>, Vec<f64>) =
            alpha.into_iter().enumerate().filter(|(_, alpha)| *alpha > 0.0).unzip();
        let vectors = Bank::new(ordered.select(&samples).values(), columns.len());
        Ok(Box::new(SupportVectors { columns, gamma, vectors, alpha, rho }))
    }
}

/// 1 / (columns · variance of all entries); 1 where nothing varies.
fn scale(values: &[f32], columns: usize) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    if variance > 0.0 { 1.0 / (columns as f64 * variance) } else { 1.0 }
}

struct Solution {
    alpha: Vec<f64>,
    rho: f64,
}

/// Where α of a sample goes.
#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

struct Solver<'a> {
    /// `[samples, columns]`
    values: &'a [f32],
    columns: usize,
    bank: Bank,
    gamma: f64,
    cache_bytes: usize,
    alpha: Vec<f64>,
    /// K α.
    gradient: Vec<f64>,
    rows: Vec<Option<Box<[f32]>>>,
    /// Kept rows, the oldest first.
    kept: VecDeque<usize>,
}

impl<'a> Solver<'a> {
    fn new(values: &'a [f32], columns: usize, gamma: f64, nu: f64, cache_bytes: usize) -> Self {
        let samples = values.len() / columns;
        let budget = nu * samples as f64;
        let alpha: Vec<f64> = (0..samples).map(|sample| (budget - sample as f64).clamp(0.0, 1.0)).collect();
        let first = alpha.iter().take_while(|alpha| **alpha > 0.0).count();
        let bank = Bank::new(values, columns);
        let (rows, kept) = (vec![None; samples], VecDeque::new());
        let gradient = Vec::new();
        let mut solver = Solver { values, columns, bank, gamma, cache_bytes, alpha, gradient, rows, kept };
        // Most of those that begin above 0 will fall: their rows are kept.
        let made = first.min(solver.most_rows());
        let others = Bank::new(&values[made * columns..first * columns], columns);
        solver.gradient = others.weighted_sums(values, &solver.alpha[made..first], gamma);
        for block in (0..made).step_by(FIRST_ROWS) {
            let block: Vec<usize> = (block..made.min(block + FIRST_ROWS)).collect();
            solver.make_rows(&block);
            for sample in block {
                let row = solver.rows[sample].as_deref().unwrap_or_default();
                select::add(&mut solver.gradient, row, solver.alpha[sample]);
            }
        }
        solver
    }

    /// Rows that the cache holds; two are in use at a time.
    fn most_rows(&self) -> usize {
        (self.cache_bytes / (self.rows.len() * size_of::<f32>())).max(3 * MORE_ROWS)
    }

    fn solve(mut self) -> Solution {
        let mut steepest = select::steepest(&self.alpha, &self.gradient);
        while let Some(up) = steepest {
            self.make_row(up, Way::Up);
            let row = self.rows[up].as_deref().unwrap_or_default();
            let Some(down) = select::in_exchange(&self.alpha, &self.gradient, row, self.gradient[up]) else { break };
            let step = self.step(up, down);
            self.alpha[up] = (self.alpha[up] + step).min(1.0);
            self.alpha[down] = (self.alpha[down] - step).max(0.0);
            // Making one row may have cost another.
            self.make_row(down, Way::Down);
            self.make_row(up, Way::Up);
            let row = |sample: usize| self.rows[sample].as_deref().unwrap_or_default();
            select::move_along(&mut self.gradient, row(up), row(down), step);
            steepest = select::steepest(&self.alpha, &self.gradient);
        }
        Solution { rho: self.rho(), alpha: self.alpha }
    }

    /// How far α moves from `down` to `up`.
    fn step(&self, up: usize, down: usize) -> f64 {
        let kernel = self.rows[up].as_deref().map_or(0.0, |row| row[down]);
        let free = (self.gradient[down] - self.gradient[up]) / select::curvature(kernel);
        free.min(1.0 - self.alpha[up]).min(self.alpha[down])
    }

    /// Makes the row of a sample that is to go this way, and with it those that are likely to be wanted next: some cost little more
    /// than one.
    fn make_row(&mut self, sample: usize, way: Way) {
        if self.rows[sample].is_some() {
            return;
        }
        let samples: Vec<usize> = std::iter::once(sample).chain(self.next_best(sample, way)).collect();
        while self.kept.len() + samples.len() > self.most_rows()
            && let Some(oldest) = self.kept.pop_front()
        {
            self.rows[oldest] = None;
        }
        self.make_rows(&samples);
    }

    fn make_rows(&mut self, samples: &[usize]) {
        let x: Vec<&[f32]> =
            samples.iter().map(|at| &self.values[at * self.columns..(at + 1) * self.columns]).collect();
        for (&sample, row) in samples.iter().zip(self.bank.kernel_rows(&x, self.gamma)) {
            self.rows[sample] = Some(row);
            self.kept.push_back(sample);
        }
    }

    /// Those besides `sample`, and without a row, whose gradient bids them most to go this way.
    fn next_best(&self, sample: usize, way: Way) -> Vec<usize> {
        let can = |at: usize| match way {
            Way::Up => self.alpha[at] < 1.0,
            Way::Down => self.alpha[at] > 0.0,
        };
        let bid = |at: usize| match way {
            Way::Up => self.gradient[at],
            Way::Down => -self.gradient[at],
        };
        let others = (0..self.rows.len()).filter(|&at| self.rows[at].is_none() && at != sample && can(at));
        let mut others: Vec<usize> = others.collect();
        let count = MORE_ROWS - 1;
        if others.len() > count {
            others.select_nth_unstable_by(count, |x, y| bid(*x).total_cmp(&bid(*y)));
            others.truncate(count);
        }
        others
    }

    /// The gradient of the samples on the margin; where there are none, halfway between those inside and those outside.
    fn rho(&self) -> f64 {
        let samples = || self.alpha.iter().zip(&self.gradient);
        let margin: Vec<f64> =
            samples().filter(|(alpha, _)| **alpha > 0.0 && **alpha < 1.0).map(|(_, gradient)| *gradient).collect();
        if !margin.is_empty() {
            return margin.iter().sum::<f64>() / margin.len() as f64;
        }
        let outside = samples().filter(|(alpha, _)| **alpha >= 1.0).map(|(_, gradient)| *gradient);
        let inside = samples().filter(|(alpha, _)| **alpha <= 0.0).map(|(_, gradient)| *gradient);
        let (highest, lowest) = (outside.fold(f64::NEG_INFINITY, f64::max), inside.fold(f64::INFINITY, f64::min));
        if lowest.is_finite() { 0.5 * (highest + lowest) } else { highest }
    }
}

struct SupportVectors {
    columns: Vec<Column>,
    gamma: f64,
    vectors: Bank,
    alpha: Vec<f64>,
    rho: f64,
}

impl Scorer for SupportVectors {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        features.expect_columns(&self.columns)?;
        let sums = self.vectors.weighted_sums(features.values(), &self.alpha, self.gamma);
        Ok(sums.into_iter().map(|sum| self.rho - sum).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_holds_few_rows_changes_nothing_that_counts() {
        const COLUMNS: usize = 3;
        let values: Vec<f32> = (0..400 * COLUMNS).map(|at| ((at * at) as f32 * 0.37).sin()).collect();
        for nu in [0.0513, 0.5, 1.0] {
            let solve = |cache_bytes| Solver::new(&values, COLUMNS, 0.7, nu, cache_bytes).solve();
            let (roomy, narrow) = (solve(CACHE_BYTES), solve(0));
            let total: f64 = narrow.alpha.iter().sum();
            assert!((total - nu * 400.0).abs() < 1e-9, "nu {nu}: α adds up to {total}");
            assert!((roomy.rho - narrow.rho).abs() < 1e-4, "nu {nu}: {} with room, {} without", roomy.rho, narrow.rho);
            let bank = Bank::new(&values, COLUMNS);
            let sums = [&roomy, &narrow].map(|solution| bank.weighted_sums(&values, &solution.alpha, 0.7));
            let furthest = sums[0].iter().zip(&sums[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(furthest < 1e-4, "nu {nu}: scores differ by {furthest}");
        }
    }
}
