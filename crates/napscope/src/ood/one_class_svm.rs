//! One-class support vector machine (Schölkopf et al. 2001): the smooth region that holds all but a share ν of the reference.
//!
//! min ½ αᵀ K α with 0 <= α_i <= 1 and Σ α_i = ν n, where K_ij = exp(−γ |x_i − x_j|²); the score is ρ − Σ α_i K(x_i, x):
//! scikit-learn's decision function with the sign turned.
//!
//! Solved by sequential minimal optimisation with the working set of second order (Fan, Chen & Lin 2005): the pair of
//! coordinates that promises the most is moved until no pair promises more than a tolerance. Rows of K are made as needed,
//! and as many are kept as [`CACHE_BYTES`] hold. Samples are taken in an order of their content, so that the order of the
//! rows decides nothing.

use super::gaussian::{kernel_row, weighted_sums};
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

/// How far from optimal the solution may be, in units of the gradient.
const TOLERANCE: f64 = 1e-6;

/// What kept rows of the kernel matrix may take.
const CACHE_BYTES: usize = 256 << 20;

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
        let Solution { alpha, rho } = Solver::new(ordered.values(), columns.len(), gamma, self.nu).solve();
        let (samples, alpha): (Vec<usize>, Vec<f64>) =
            alpha.into_iter().enumerate().filter(|(_, alpha)| *alpha > 0.0).unzip();
        let vectors = ordered.select(&samples).values().to_vec();
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

struct Solver<'a> {
    /// `[samples, columns]`
    values: &'a [f32],
    columns: usize,
    gamma: f64,
    alpha: Vec<f64>,
    /// K α.
    gradient: Vec<f64>,
    rows: Vec<Option<Box<[f32]>>>,
    /// Kept rows, the oldest first.
    kept: VecDeque<usize>,
}

impl<'a> Solver<'a> {
    fn new(values: &'a [f32], columns: usize, gamma: f64, nu: f64) -> Self {
        let samples = values.len() / columns;
        let budget = nu * samples as f64;
        let alpha: Vec<f64> = (0..samples).map(|sample| (budget - sample as f64).clamp(0.0, 1.0)).collect();
        let first = alpha.iter().take_while(|alpha| **alpha > 0.0).count();
        let gradient = weighted_sums(values, columns, &values[..first * columns], &alpha[..first], gamma);
        Solver { values, columns, gamma, alpha, gradient, rows: vec![None; samples], kept: VecDeque::new() }
    }

    fn solve(mut self) -> Solution {
        while let Some([up, down]) = self.working_set() {
            let step = self.step(up, down);
            self.alpha[up] = (self.alpha[up] + step).min(1.0);
            self.alpha[down] = (self.alpha[down] - step).max(0.0);
            self.move_along(up, step);
            self.move_along(down, -step);
        }
        Solution { rho: self.rho(), alpha: self.alpha }
    }

    /// The coordinate with the steepest way up, and the one that gains most in exchange; `None` at the optimum.
    fn working_set(&mut self) -> Option<[usize; 2]> {
        let lower = |best: Option<usize>, sample: usize| match best {
            Some(best) if self.gradient[best] <= self.gradient[sample] => Some(best),
            _ => Some(sample),
        };
        let samples = 0..self.alpha.len();
        let up = samples.clone().filter(|&sample| self.alpha[sample] < 1.0).fold(None, lower)?;
        self.make_row(up);
        let row = self.rows[up].as_deref()?;
        let mut best = (TOLERANCE * TOLERANCE, None);
        let mut steepest = 0.0_f64;
        for down in samples.filter(|&sample| self.alpha[sample] > 0.0) {
            let slope = self.gradient[down] - self.gradient[up];
            steepest = steepest.max(slope);
            let gain = slope * slope / curvature(row[down]);
            if slope > 0.0 && gain > best.0 {
                best = (gain, Some(down));
            }
        }
        best.1.filter(|_| steepest > TOLERANCE).map(|down| [up, down])
    }

    /// How far α moves from `down` to `up`.
    fn step(&self, up: usize, down: usize) -> f64 {
        let kernel = self.rows[up].as_deref().map_or(0.0, |row| row[down]);
        let free = (self.gradient[down] - self.gradient[up]) / curvature(kernel);
        free.min(1.0 - self.alpha[up]).min(self.alpha[down])
    }

    /// α of one sample has moved by `step`.
    fn move_along(&mut self, sample: usize, step: f64) {
        if step != 0.0 {
            self.make_row(sample);
            let row = self.rows[sample].as_deref().unwrap_or_default();
            self.gradient.iter_mut().zip(row).for_each(|(gradient, kernel)| *gradient += step * f64::from(*kernel));
        }
    }

    fn make_row(&mut self, sample: usize) {
        if self.rows[sample].is_some() {
            return;
        }
        let row_bytes = self.rows.len() * size_of::<f32>();
        // Two rows are in use at a time.
        if self.kept.len() >= (CACHE_BYTES / row_bytes).max(2)
            && let Some(oldest) = self.kept.pop_front()
        {
            self.rows[oldest] = None;
        }
        let x = &self.values[sample * self.columns..(sample + 1) * self.columns];
        self.rows[sample] = Some(kernel_row(x, self.values, self.gamma));
        self.kept.push_back(sample);
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

/// |φ(a) − φ(b)|² for the kernel of a and b; never 0, where twins would divide by it.
fn curvature(kernel: f32) -> f64 {
    (2.0 - 2.0 * f64::from(kernel)).max(1e-12)
}

struct SupportVectors {
    columns: Vec<Column>,
    gamma: f64,
    /// `[support vectors, columns]`
    vectors: Vec<f32>,
    alpha: Vec<f64>,
    rho: f64,
}

impl Scorer for SupportVectors {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        features.expect_columns(&self.columns)?;
        let sums = weighted_sums(features.values(), self.columns.len(), &self.vectors, &self.alpha, self.gamma);
        Ok(sums.into_iter().map(|sum| self.rho - sum).collect())
    }
}
