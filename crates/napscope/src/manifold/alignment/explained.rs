//! The share of a target's variance that predictions of unseen samples tell, its interval and its chance.

use super::covariate::Target;
use super::ridge::Ridge;
use crate::manifold::sample::{below, mix, permutation};
use crate::neighbors::Neighbors;
use faer::{Mat, MatRef};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Resamples behind an interval.
const RESAMPLES: usize = 400;
/// Random orders that a p-value is counted over.
const PERMUTATIONS: usize = 999;
/// Columns of permuted targets that are predicted at once.
const AT_ONCE: usize = 64;

/// A share of variance, 1 − Σ error² / Σ (value − mean)²: 1 where everything is told, 0 or less where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// Its value over samples that were left out of the fit one by one.
    pub r2: f64,
    /// Lower end of the 95 % interval, by resampling the samples.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What a sample's own neighbors tell, by their mean: the error for each sample.
pub(super) fn neighbor_errors(targets: &Mat<f64>, neighbors: &Neighbors) -> Mat<f64> {
    let k = neighbors.k() as f64;
    let mut errors = targets.clone();
    for (mut errors, column) in errors.col_iter_mut().zip(targets.col_iter()) {
        for sample in 0..neighbors.samples() {
            let sum: f64 = neighbors.indices(sample).iter().map(|&other| column[other as usize]).sum();
            errors[sample] -= sum / k;
        }
    }
    errors
}

/// The share that the neighbors tell.
pub(super) fn by_neighbors(target: &Target, neighbors: &Neighbors) -> Explained {
    explained(target, &neighbor_errors(&target.values, neighbors))
}

/// The share that ridge regression tells, at the penalty that tells most, and its errors there.
pub(super) fn by_ridge(target: &Target, ridge: &Ridge) -> (Explained, Mat<f64>) {
    let shares = ridge.penalties().map(|penalty| {
        let errors = ridge.errors(&target.values, penalty);
        (share(errors.as_ref(), target.values.as_ref()), errors)
    });
    let best = shares.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    let errors = best.map_or_else(|| target.values.clone(), |(_, errors)| errors);
    (explained(target, &errors), errors)
}

/// The probability that values in random order are told as well as these: by neighbors, or by ridge regression at the middle
/// penalty, whichever tells more.
pub(super) fn p_value(target: &Target, neighbors: &Neighbors, ridge: &Ridge) -> f64 {
    let (samples, width) = (target.values.nrows(), target.values.ncols());
    let penalty = ridge.middle_penalty();
    let statistics = |values: &Mat<f64>| -> Vec<f64> {
        let by_neighbors = neighbor_errors(values, neighbors);
        let by_ridge = ridge.errors(values, penalty);
        let better = |first: usize| {
            let of = |errors: &Mat<f64>| share(errors.subcols(first, width), values.subcols(first, width));
            of(&by_neighbors).max(of(&by_ridge))
        };
        (0..values.ncols()).step_by(width).map(better).collect()
    };
    let observed = statistics(&target.values)[0];
    let together = (AT_ONCE / width).max(1);
    let chunk = |first: usize| {
        let orders: Vec<Vec<usize>> =
            (first..PERMUTATIONS.min(first + together)).map(|number| permutation(samples, number as u64)).collect();
        let shuffled = Mat::from_fn(samples, orders.len() * width, |row, column| {
            target.values[(orders[column / width][row], column % width)]
        });
        statistics(&shuffled).into_iter().filter(|statistic| *statistic >= observed).count()
    };
    let starts: Vec<usize> = (0..PERMUTATIONS).step_by(together).collect();
    let reached: usize = starts.into_par_iter().map(chunk).sum();
    (1 + reached) as f64 / (1 + PERMUTATIONS) as f64
}

fn share(errors: MatRef<'_, f64>, values: MatRef<'_, f64>) -> f64 {
    1.0 - errors.squared_norm_l2() / values.squared_norm_l2()
}

fn explained(target: &Target, errors: &Mat<f64>) -> Explained {
    let of_rows = |matrix: &Mat<f64>| -> Vec<f64> { matrix.row_iter().map(|row| row.squared_norm_l2()).collect() };
    let (errors_of, values_of) = (of_rows(errors), of_rows(&target.values));
    let samples = errors_of.len();
    let resample = |number: usize| {
        let (mut errors, mut values) = (0.0, 0.0);
        for draw in 0..samples {
            let row = below(samples, mix(number as u64) ^ draw as u64);
            errors += errors_of[row];
            values += values_of[row];
        }
        if values > 0.0 { 1.0 - errors / values } else { 0.0 }
    };
    let mut resampled: Vec<f64> = (0..RESAMPLES).into_par_iter().map(resample).collect();
    resampled.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| resampled[(share * (RESAMPLES - 1) as f64).round() as usize];
    Explained { r2: share(errors.as_ref(), target.values.as_ref()), low: at(0.025), high: at(0.975) }
}
