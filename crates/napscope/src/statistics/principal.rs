//! Principal axes: the eigenvectors of a covariance, from the smaller side of the matrix.
//!
//! With more columns than samples the covariance is never formed: its eigenvectors with variance lie in the span of the
//! samples and come from the matrix of their inner products. Where only the first few axes are wanted of a matrix that is
//! large on both sides, see [`super::krylov`].

use super::canonical_order;
use crate::error::{Error, ErrorKind, Result};
use crate::lanes::for_every_vector_unit;
use faer::linalg::matmul::{matmul, triangular};
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;

/// Rows that are turned into f64 and multiplied at a time.
pub(super) const BLOCK: usize = 128;

/// Terms of a sum that are added up side by side.
const LANES: usize = 8;

/// Where one side of the matrix is no longer than this, the eigenvectors of that side cost less than rounds of Krylov.
const EXACT_SIDE: usize = 1024;

/// Variances below this are rounding, not data.
pub(super) fn rank_floor(variances: &[f64], size: usize) -> f64 {
    variances.first().map_or(0.0, |largest| largest * size as f64 * f64::EPSILON)
}

#[inline(always)]
fn added(sums: &mut [f64], row: &[f32]) {
    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
}

#[inline(always)]
fn centered(row: &[f32], mean: &[f64], centered: &mut [f64]) {
    for (centered, (value, mean)) in centered.iter_mut().zip(row.iter().zip(mean)) {
        *centered = f64::from(*value) - mean;
    }
}

#[inline(always)]
fn squares(row: &[f32], mean: &[f64]) -> f64 {
    let (values, more_values) = row.as_chunks::<LANES>();
    let (means, more_means) = mean.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (values, means) in values.iter().zip(means) {
        for lane in 0..LANES {
            let difference = f64::from(values[lane]) - means[lane];
            lanes[lane] += difference * difference;
        }
    }
    for ((lane, value), mean) in lanes.iter_mut().zip(more_values).zip(more_means) {
        let difference = f64::from(*value) - mean;
        *lane += difference * difference;
    }
    lanes.iter().sum()
}

for_every_vector_unit! {
    /// Adds a row to `sums`.
    add, added, (sums: &mut [f64], row: &[f32]), ()
}

for_every_vector_unit! {
    /// A row less the mean.
    center, centered, (row: &[f32], mean: &[f64], out: &mut [f64]), ()
}

for_every_vector_unit! {
    /// The squared length of a row less the mean.
    squared_length, squares, (row: &[f32], mean: &[f64]), f64
}

/// The mean of a matrix' rows and orthonormal axes through it, in order of falling variance.
pub(crate) struct PrincipalAxes {
    pub(super) mean: Vec<f64>,
    /// Variance along each axis (divided by the number of samples).
    pub(crate) variances: Vec<f64>,
    /// `[columns, axes]`: the axes, each with its largest loading positive.
    pub(super) directions: Mat<f64>,
}

impl PrincipalAxes {
    pub(crate) fn columns(&self) -> usize {
        self.mean.len()
    }

    /// The coordinates of rows along the axes.
    ///
    /// # Shapes
    /// - `values`: `[samples, columns]`; the result is `[samples, axes]`.
    pub(crate) fn project(&self, values: &[f32]) -> Vec<f32> {
        self.map_blocks(values, self.variances.len(), |_, along| along)
    }

    /// Hands blocks of samples, centered and along the axes, to `finish` and collects what it makes of them. Samples are
    /// columns here; every block has the same shape, so that a sample's bits do not hang on its batch.
    pub(super) fn map_blocks(
        &self,
        values: &[f32],
        dimensions: usize,
        finish: impl Fn(Mat<f64>, Mat<f64>) -> Mat<f64> + Sync,
    ) -> Vec<f32> {
        let columns = self.columns();
        let mut out = vec![0.0f32; values.len() / columns * dimensions];
        let blocks = out.par_chunks_mut(BLOCK * dimensions).zip(values.par_chunks(BLOCK * columns));
        blocks.for_each(|(out, values)| {
            let count = values.len() / columns;
            let centered = Mat::from_fn(columns, BLOCK, |column, sample| {
                if sample < count { f64::from(values[sample * columns + column]) - self.mean[column] } else { 0.0 }
            });
            let mut along = Mat::<f64>::zeros(self.variances.len(), BLOCK);
            matmul(&mut along, Accum::Replace, self.directions.transpose(), &centered, 1.0, Par::Seq);
            let finished = finish(centered, along);
            for (sample, out) in out.chunks_exact_mut(dimensions).enumerate() {
                out.iter_mut().zip(finished.col(sample).iter()).for_each(|(out, value)| *out = *value as f32);
            }
        });
        out
    }
}

/// The rows of a matrix less their mean, in canonical order.
pub(crate) struct CenteredRows<'a> {
    values: &'a [f32],
    order: Vec<usize>,
    mean: Vec<f64>,
}

impl<'a> CenteredRows<'a> {
    pub(crate) fn new(values: &'a [f32], columns: usize) -> Self {
        let order = canonical_order(values, columns);
        let mut mean = vec![0.0; columns];
        for &row in &order {
            let row = &values[row * columns..(row + 1) * columns];
            add(&mut mean, row);
        }
        mean.iter_mut().for_each(|sum| *sum /= order.len() as f64);
        CenteredRows { values, order, mean }
    }

    /// The most bytes that finding the first few axes of a matrix takes, the matrix not counted.
    pub(crate) fn memory_bytes(samples: u64, columns: u64) -> u64 {
        let side = samples.min(columns);
        let axes = if side <= EXACT_SIDE as u64 {
            // The products, their eigenvectors and what decomposing them takes; the axes.
            8 * side * (6 * side + 2 * columns)
        } else {
            super::krylov::memory_bytes(columns)
        };
        32 * samples + axes
    }

    pub(crate) fn samples(&self) -> usize {
        self.order.len()
    }

    pub(super) fn columns(&self) -> usize {
        self.mean.len()
    }

    pub(super) fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The squared Euclidean length of every row.
    pub(crate) fn squared_lengths(&self) -> impl Iterator<Item = f64> {
        (0..self.samples()).map(|row| squared_length(self.row(row), &self.mean))
    }

    /// The axes of all columns, or with more columns than samples those along which the samples vary.
    pub(crate) fn principal_axes(&self) -> Result<PrincipalAxes> {
        let (variances, directions) =
            if self.columns() <= self.samples() { self.eigen_by_columns()? } else { self.eigen_by_samples()? };
        Ok(self.axes(variances, directions))
    }

    /// The first `count` axes; those along which nothing varies are zeros.
    pub(crate) fn first_axes(&self, count: usize) -> Result<PrincipalAxes> {
        let smaller_side = self.columns().min(self.samples());
        let mut axes = if smaller_side <= EXACT_SIDE || count >= smaller_side {
            self.principal_axes()?
        } else {
            let (variances, directions) = self.krylov_axes(count)?;
            self.axes(variances, directions)
        };
        let floor = rank_floor(&axes.variances, self.columns().max(self.samples()));
        let rank = axes.variances.iter().take_while(|variance| **variance > floor).count().min(count);
        axes.variances.truncate(rank);
        axes.variances.resize(count, 0.0);
        axes.directions =
            Mat::from_fn(
                self.columns(),
                count,
                |column, axis| {
                    if axis < rank { axes.directions[(column, axis)] } else { 0.0 }
                },
            );
        Ok(axes)
    }

    /// Axes along `directions`, turned so that the largest loading of each is positive: an eigenvector may point either way.
    fn axes(&self, variances: Vec<f64>, mut directions: Mat<f64>) -> PrincipalAxes {
        let larger = |largest: f64, value: &f64| if value.abs() > largest.abs() { *value } else { largest };
        for direction in directions.col_iter_mut() {
            if direction.as_ref().iter().fold(0.0, larger) < 0.0 {
                direction.iter_mut().for_each(|value| *value = -*value);
            }
        }
        PrincipalAxes { mean: self.mean.clone(), variances, directions }
    }

    /// `XᵀX · block / n`, `[columns, any]`: the covariance applied without forming it. The rows are summed in a fixed
    /// number of groups, whatever the number of threads.
    pub(super) fn apply_covariance(&self, block: MatRef<'_, f64>) -> Mat<f64> {
        const GROUPS: usize = 16;
        let (samples, columns, width) = (self.samples(), self.columns(), block.ncols());
        let sum_group = |group: usize| {
            let mut sum = Mat::<f64>::zeros(columns, width);
            let (start, end) = (group * samples / GROUPS, (group + 1) * samples / GROUPS);
            for first in (start..end).step_by(BLOCK) {
                let count = BLOCK.min(end - first);
                let rows = self.block(first, count);
                let along = rows.transpose() * block;
                matmul(&mut sum, Accum::Add, &rows, &along, 1.0 / samples as f64, Par::Seq);
            }
            sum
        };
        let groups: Vec<Mat<f64>> = (0..GROUPS).into_par_iter().map(sum_group).collect();
        groups.into_iter().fold(Mat::zeros(columns, width), |sum, group| sum + group)
    }

    /// A row as it was given, not centered.
    fn row(&self, row: usize) -> &[f32] {
        &self.values[self.order[row] * self.columns()..][..self.columns()]
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        f64::from(self.row(row)[column]) - self.mean[column]
    }

    /// Some rows as columns: `[columns, count]`.
    fn block(&self, first: usize, count: usize) -> Mat<f64> {
        let mut block = Mat::zeros(self.columns(), count);
        for row in 0..count {
            center(self.row(first + row), &self.mean, block.col_as_slice_mut(row));
        }
        block
    }

    /// Eigenvalues (largest first) and eigenvectors of XᵀX / n.
    fn eigen_by_columns(&self) -> Result<(Vec<f64>, Mat<f64>)> {
        eigen(&self.scatter(), self.samples() as f64)
    }

    /// XᵀX, lower triangle.
    pub(super) fn scatter(&self) -> Mat<f64> {
        sum_of_products(self.columns(), self.samples(), |first, count| self.block(first, count))
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
pub(super) fn eigen(lower: &Mat<f64>, divisor: f64) -> Result<(Vec<f64>, Mat<f64>)> {
    let eigen = lower.self_adjoint_eigen(Side::Lower).map_err(|_| {
        Error::new(ErrorKind::NonFinite, "the eigenvalues of the covariance did not converge")
            .hint("look for values of extreme size in the features")
    })?;
    let size = lower.nrows();
    let values = (0..size).rev().map(|index| eigen.S()[index] / divisor).collect();
    Ok((values, Mat::from_fn(size, size, |row, column| eigen.U()[(row, size - 1 - column)])))
}
