//! Principal directions: the eigenvectors of a covariance, from the smaller side of the matrix.
//!
//! With more columns than samples the covariance is never formed: its eigenvectors with variance lie in the span of the
//! samples and come from the matrix of their inner products.

use super::canonical_order;
use crate::error::{Error, ErrorKind, Result};
use faer::linalg::matmul::{matmul, triangular};
use faer::{Accum, Mat, Par, Side};

/// Rows that are turned into f64 and multiplied at a time.
pub(super) const BLOCK: usize = 128;

/// Variances below this are rounding, not data.
pub(super) fn rank_floor(variances: &[f64], size: usize) -> f64 {
    variances.first().map_or(0.0, |largest| largest * size as f64 * f64::EPSILON)
}

/// The rows of a matrix less their mean, in canonical order.
pub(super) struct CenteredRows<'a> {
    values: &'a [f32],
    order: Vec<usize>,
    pub(super) mean: Vec<f64>,
}

impl<'a> CenteredRows<'a> {
    pub(super) fn new(values: &'a [f32], columns: usize) -> Self {
        let order = canonical_order(values, columns);
        let mut mean = vec![0.0; columns];
        for &row in &order {
            let row = &values[row * columns..(row + 1) * columns];
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        mean.iter_mut().for_each(|sum| *sum /= order.len() as f64);
        CenteredRows { values, order, mean }
    }

    pub(super) fn samples(&self) -> usize {
        self.order.len()
    }

    pub(super) fn columns(&self) -> usize {
        self.mean.len()
    }

    /// The squared Euclidean length of every row.
    pub(super) fn squared_lengths(&self) -> impl Iterator<Item = f64> {
        (0..self.samples()).map(|row| (0..self.columns()).map(|column| self.at(row, column).powi(2)).sum())
    }

    /// Variances (divided by the number of samples), largest first, and their directions: orthonormal columns of
    /// `[columns, rank]`, each with its largest loading positive. With more columns than samples only directions in which
    /// the samples vary are among them.
    pub(super) fn principal_directions(&self) -> Result<(Vec<f64>, Mat<f64>)> {
        let (variances, mut directions) =
            if self.columns() <= self.samples() { self.eigen_by_columns()? } else { self.eigen_by_samples()? };
        fix_signs(&mut directions);
        Ok((variances, directions))
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        f64::from(self.values[self.order[row] * self.mean.len() + column]) - self.mean[column]
    }

    /// Eigenvalues (largest first) and eigenvectors of XᵀX / n.
    fn eigen_by_columns(&self) -> Result<(Vec<f64>, Mat<f64>)> {
        let (samples, columns) = (self.samples(), self.columns());
        let scatter = sum_of_products(columns, samples, |first, count| {
            Mat::from_fn(columns, count, |column, row| self.at(first + row, column))
        });
        eigen(&scatter, samples as f64)
    }

    /// The same from X Xᵀ / n: only the directions in which the samples vary.
    fn eigen_by_samples(&self) -> Result<(Vec<f64>, Mat<f64>)> {
        let (samples, columns) = (self.samples(), self.columns());
        let block =
            |first: usize, count: usize| Mat::from_fn(samples, count, |row, column| self.at(row, first + column));
        let (mut variances, vectors) = eigen(&sum_of_products(samples, columns, block), samples as f64)?;
        let floor = rank_floor(&variances, columns);
        let rank = variances.iter().take_while(|variance| **variance > floor).count();
        variances.truncate(rank);
        // v = Xᵀ u / √(n λ)
        let mut directions = Mat::zeros(columns, rank);
        for first in (0..columns).step_by(BLOCK) {
            let count = BLOCK.min(columns - first);
            let rows = directions.submatrix_mut(first, 0, count, rank);
            let vectors = vectors.subcols(0, rank);
            matmul(rows, Accum::Replace, block(first, count).transpose(), vectors, 1.0, Par::Seq);
        }
        for (direction, variance) in directions.col_iter_mut().zip(&variances) {
            let scale = (samples as f64 * variance).sqrt().recip();
            direction.iter_mut().for_each(|value| *value *= scale);
        }
        Ok((variances, directions))
    }
}

/// Σ B Bᵀ over the blocks `block(first, count)` (`[size, count]`) of `0..length`, lower triangle.
fn sum_of_products(size: usize, length: usize, block: impl Fn(usize, usize) -> Mat<f64>) -> Mat<f64> {
    use triangular::BlockStructure::{Rectangular, TriangularLower};
    let mut sum = Mat::<f64>::zeros(size, size);
    for first in (0..length).step_by(BLOCK) {
        let block = block(first, BLOCK.min(length - first));
        let transposed = block.transpose();
        triangular::matmul(
            sum.as_mut(),
            TriangularLower,
            Accum::Add,
            block.as_ref(),
            Rectangular,
            transposed,
            Rectangular,
            1.0,
            Par::Seq,
        );
    }
    sum
}

/// Eigenvalues, largest first, and eigenvectors of a symmetric matrix divided by `divisor`.
fn eigen(lower: &Mat<f64>, divisor: f64) -> Result<(Vec<f64>, Mat<f64>)> {
    let eigen = lower.self_adjoint_eigen(Side::Lower).map_err(|_| {
        Error::new(ErrorKind::NonFinite, "the eigenvalues of the covariance did not converge")
            .hint("look for values of extreme size in the features")
    })?;
    let size = lower.nrows();
    let values = (0..size).rev().map(|index| eigen.S()[index] / divisor).collect();
    Ok((values, Mat::from_fn(size, size, |row, column| eigen.U()[(row, size - 1 - column)])))
}

/// An eigenvector may point either way: turns each so that its largest loading is positive.
fn fix_signs(directions: &mut Mat<f64>) {
    for direction in directions.col_iter_mut() {
        let largest = direction
            .as_ref()
            .iter()
            .fold(0.0f64, |largest, value| if value.abs() > largest.abs() { *value } else { largest });
        if largest < 0.0 {
            direction.iter_mut().for_each(|value| *value = -*value);
        }
    }
}
