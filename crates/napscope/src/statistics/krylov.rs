//! The first few principal axes of a matrix that is large on both sides, without its covariance.
//!
//! A block Krylov method (Musco & Musco, "Randomized block Krylov methods", 2015, with the stopping rule of Lanczos
//! methods): start from a few random directions, apply the covariance again and again, keep an orthonormal basis of all
//! that was seen, and take the best axes within it. Each round reads the matrix once; rounds go on until every wanted axis
//! is one up to `TOLERANCE`, so it is as good as exact, and seeded, so it is the same each time.

use super::principal::{CenteredRows, eigen};
use crate::error::Result;
use faer::{Mat, MatRef};

/// ‖C v − λ v‖ of each axis found, relative to the largest variance.
const TOLERANCE: f64 = 1e-7;

/// Directions beyond those wanted: they speed up the others.
const SPARE: usize = 8;

/// Rounds after which the best axes so far are taken: a spectrum so flat has no preferred ones.
const ROUNDS: usize = 24;

/// The most bytes that finding a few axes takes: the basis, its images and a copy of each, and the sums of the groups of rows.
pub(super) fn memory_bytes(columns: u64) -> u64 {
    let width = 2 + SPARE as u64;
    8 * columns * width * (4 * ROUNDS as u64 + 16)
}

impl CenteredRows<'_> {
    /// Variance and direction of the first `count` principal axes; there must be more columns than `count`.
    pub(super) fn krylov_axes(&self, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
        let width = (count + SPARE).min(self.columns());
        let mut basis = orthonormal(random_block(self.columns(), width).as_ref(), None);
        let mut applied = self.apply_covariance(basis.as_ref());
        let mut round = 1;
        loop {
            // Rayleigh-Ritz: the covariance seen in the basis, its eigenvectors, and how far they are from true ones.
            let (variances, mixing) = eigen(&(basis.transpose() * &applied), 1.0)?;
            let mixing = mixing.subcols(0, count);
            let directions = &basis * mixing;
            let mut residual = &applied * mixing;
            for (axis, column) in residual.col_iter_mut().enumerate() {
                column
                    .iter_mut()
                    .zip(directions.col(axis).iter())
                    .for_each(|(value, of)| *value -= variances[axis] * of);
            }
            let worst = (0..count).map(|axis| residual.col(axis).norm_l2()).fold(0.0, f64::max);
            let full = basis.ncols() + width > self.columns();
            if worst <= TOLERANCE * variances[0] || round == ROUNDS || full {
                return Ok((variances[..count].to_vec(), directions));
            }
            let newest = applied.subcols(applied.ncols() - width, width);
            let next = orthonormal(newest, Some(basis.as_ref()));
            let next_applied = self.apply_covariance(next.as_ref());
            basis = side_by_side(&basis, &next);
            applied = side_by_side(&applied, &next_applied);
            round += 1;
        }
    }
}

/// An orthonormal basis of the columns of `block`, orthogonal to `basis` too.
fn orthonormal(block: MatRef<'_, f64>, basis: Option<MatRef<'_, f64>>) -> Mat<f64> {
    let mut block = block.to_owned();
    // Twice is enough: the second pass removes what rounding left of the first.
    for _ in 0..2 {
        if let Some(basis) = basis {
            let along = basis.transpose() * &block;
            block -= basis * along;
        }
        block = block.qr().compute_thin_Q();
    }
    block
}

fn side_by_side(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    let split = left.ncols();
    Mat::from_fn(left.nrows(), split + right.ncols(), |row, column| {
        if column < split { left[(row, column)] } else { right[(row, column - split)] }
    })
}

/// Numbers between −1 and 1, the same each time.
fn random_block(rows: usize, columns: usize) -> Mat<f64> {
    Mat::from_fn(rows, columns, |row, column| super::random::signed((row * columns + column) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_axes_are_those_of_the_whole_spectrum() {
        // Spectra that fall slowly, at once, and not at all beyond the second axis.
        for (what, scale) in [
            ("1/k", (|k| 1.0 / (k + 1.0)) as fn(f64) -> f64),
            ("three directions", |k| if k < 3.0 { 3.0 - k } else { 0.0 }),
            ("two directions in noise", |k| if k < 2.0 { 4.0 - k } else { 1.0 }),
        ] {
            let (samples, columns) = (250, 160);
            let random = random_block(samples, columns);
            let mixed = Mat::from_fn(samples, columns, |row, k| random[(row, k)] * scale(k as f64));
            let turned = &mixed * random_block(columns, columns).qr().compute_thin_Q().transpose();
            let values: Vec<f32> = (0..samples * columns).map(|i| turned[(i / columns, i % columns)] as f32).collect();
            let rows = CenteredRows::new(&values, columns);
            let exact = rows.principal_axes().expect("converges");
            let (variances, directions) = rows.krylov_axes(2).expect("converges");
            for (axis, variance) in variances.iter().enumerate() {
                let relative = variance / exact.variances[axis] - 1.0;
                assert!(relative.abs() < 1e-6, "{what}, variance of axis {axis}: off by {relative}");
                let cosine = directions.col(axis).transpose() * exact.directions.col(axis);
                assert!(cosine.abs() > 1.0 - 1e-6, "{what}, axis {axis}: cosine {cosine}");
            }
        }
    }
}
