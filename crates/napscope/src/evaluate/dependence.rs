//! How far one number of a sample tells another: rank correlation and distance correlation.

use crate::error::{Error, ErrorKind, Result};

/// Spearman's rank correlation, −1 … 1: Pearson's of the ranks, ties sharing the mean rank. 0 where one side is constant.
///
/// # Errors
/// As [`distance_correlation`].
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64> {
    check(x, y)?;
    let (x, y) = (ranks(x), ranks(y));
    let middle = (x.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let scale = (product(&x, &x) * product(&y, &y)).sqrt();
    Ok(if scale > 0.0 { product(&x, &y) / scale } else { 0.0 })
}

/// The rank of each value from 0 up, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = first as f64 + (group.len() as f64 - 1.0) / 2.0;
        group.iter().for_each(|&index| ranks[index] = rank);
        first += group.len();
    }
    ranks
}

/// Distance correlation of two numbers (Székely, Rizzo & Bakirov 2007), 0 … 1: 0 for independence alone, whatever the form
/// of the dependence. 0 where one side is constant. Takes time in n² and memory in n.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] when the two have other lengths, [`ErrorKind::TooFewSamples`] with fewer than 2 samples,
/// [`ErrorKind::NonFinite`] for NaN or infinity.
pub fn distance_correlation(x: &[f64], y: &[f64]) -> Result<f64> {
    check(x, y)?;
    let (x, y) = (Centred::new(x), Centred::new(y));
    let scale = (covariance(&x, &x) * covariance(&y, &y)).sqrt();
    Ok(if scale > 0.0 { (covariance(&x, &y).max(0.0) / scale).sqrt() } else { 0.0 })
}

/// Distances of numbers from each other, less the means of row and column: row by row, never all of them.
struct Centred<'a> {
    values: &'a [f64],
    row_means: Vec<f64>,
    mean: f64,
}

impl<'a> Centred<'a> {
    fn new(values: &'a [f64]) -> Self {
        let count = values.len() as f64;
        let row_mean = |at: &f64| values.iter().map(|value| (value - at).abs()).sum::<f64>() / count;
        let row_means: Vec<f64> = values.iter().map(row_mean).collect();
        let mean = row_means.iter().sum::<f64>() / count;
        Centred { values, row_means, mean }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        (self.values[i] - self.values[j]).abs() - self.row_means[i] - self.row_means[j] + self.mean
    }
}

/// The squared distance covariance.
fn covariance(a: &Centred<'_>, b: &Centred<'_>) -> f64 {
    let count = a.values.len();
    let row = |i: usize| (0..count).map(|j| a.at(i, j) * b.at(i, j)).sum::<f64>();
    (0..count).map(row).sum::<f64>() / (count * count) as f64
}

/// Distances between samples, centered so that the correlation of two such sets is free of bias (Székely & Rizzo 2013).
pub struct CentredDistances {
    count: usize,
    /// `[samples, samples]`, 0 on the diagonal.
    values: Vec<f64>,
}

impl CentredDistances {
    /// Takes the distances of `count` samples, at least 4; `distance` is symmetric. Memory: 8 count².
    pub fn new(count: usize, distance: impl Fn(usize, usize) -> f64) -> Self {
        let mut values = vec![0.0; count * count];
        for i in 0..count {
            for j in 0..i {
                values[i * count + j] = distance(i, j);
                values[j * count + i] = values[i * count + j];
            }
        }
        let sums: Vec<f64> = values.chunks_exact(count).map(|row| row.iter().sum()).collect();
        let total = sums.iter().sum::<f64>() / ((count as f64 - 1.0) * (count as f64 - 2.0));
        for (i, row) in values.chunks_exact_mut(count).enumerate() {
            row.iter_mut().zip(&sums).for_each(|(value, sum)| *value += total - (sums[i] + sum) / (count as f64 - 2.0));
            row[i] = 0.0;
        }
        CentredDistances { count, values }
    }

    /// The squared distance correlation of two sets of distances among the same samples, corrected for bias: 0 in the mean for
    /// independence (so it may be below), 1 at most. 0 where one side is constant.
    pub fn correlation(&self, other: &CentredDistances) -> f64 {
        assert_eq!(self.count, other.count, "distances among the same samples");
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let scale = (product(&self.values, &self.values) * product(&other.values, &other.values)).sqrt();
        if scale > 0.0 { product(&self.values, &other.values) / scale } else { 0.0 }
    }
}

fn check(x: &[f64], y: &[f64]) -> Result<()> {
    if x.len() != y.len() {
        return Err(Error::shape("the second variable", x.len(), y.len()));
    }
    if x.len() < 2 {
        return Err(Error::new(ErrorKind::TooFewSamples, format!("a correlation needs 2 samples, got {}", x.len())));
    }
    match x.iter().chain(y).find(|value| !value.is_finite()) {
        Some(value) => Err(Error::new(ErrorKind::NonFinite, format!("a correlation with {value}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_dependence_is_perfect_by_rank_and_a_bent_one_is_seen_by_distance() {
        let x: Vec<f64> = (0..50).map(|i| f64::from(i) - 24.5).collect();
        let cubes: Vec<f64> = x.iter().map(|x| x.powi(3)).collect();
        let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
        assert_eq!(spearman(&x, &cubes).expect("numbers"), 1.0);
        assert!(spearman(&x, &squares).expect("numbers").abs() < 1e-12, "no rank correlation with a parabola");
        assert!(distance_correlation(&x, &squares).expect("numbers") > 0.4, "but a dependence");
        assert_eq!(distance_correlation(&x, &vec![2.0; 50]).expect("numbers"), 0.0, "a constant depends on nothing");
    }

    #[test]
    fn what_is_no_pair_of_samples_is_refused() {
        for (x, y, expected) in [
            (&[1.0, 2.0][..], &[1.0][..], ErrorKind::ShapeMismatch),
            (&[1.0], &[1.0], ErrorKind::TooFewSamples),
            (&[1.0, f64::NAN], &[1.0, 2.0], ErrorKind::NonFinite),
        ] {
            assert_eq!(spearman(x, y).expect_err("refused").kind(), expected, "{x:?} {y:?}");
            assert_eq!(distance_correlation(x, y).expect_err("refused").kind(), expected, "{x:?} {y:?}");
        }
    }
}
