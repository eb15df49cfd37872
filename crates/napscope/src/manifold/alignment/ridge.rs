//! Ridge regression with every sample left out once, by one decomposition of the activations.
//!
//! With U the left singular vectors of the centered activations and s their singular values, the fit at penalty α is
//! H y with H = 1/n + U diag(s² / (s² + α)) Uᵀ, and the error of a sample that the fit has not seen is its residual over
//! 1 − H's diagonal entry (Allen's PRESS, 1974; as in scikit-learn's RidgeCV). The intercept is not penalised.

use faer::Mat;

/// Penalties, as multiples of the mean squared singular value.
const PENALTIES: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];

/// The decomposition.
pub(super) struct Ridge {
    /// `[samples, axes]`: orthonormal columns.
    left: Mat<f64>,
    /// Squared singular values of the axes.
    squares: Vec<f64>,
}

impl Ridge {
    /// # Shapes
    /// - `coordinates`: `[samples, axes]` along principal axes, so that its columns are orthogonal and have mean 0.
    pub(super) fn new(coordinates: &[f32], axes: usize) -> Self {
        let column = |axis: usize| coordinates[axis..].iter().step_by(axes).map(|value| f64::from(*value));
        let squares: Vec<f64> = (0..axes).map(|axis| column(axis).map(|value| value * value).sum()).collect();
        let floor = squares.iter().copied().fold(0.0, f64::max) * 1e-10;
        let kept: Vec<usize> = (0..axes).filter(|&axis| squares[axis] > floor).collect();
        let squares: Vec<f64> = kept.iter().map(|&axis| squares[axis]).collect();
        let left = Mat::from_fn(coordinates.len() / axes, kept.len(), |row, at| {
            f64::from(coordinates[row * axes + kept[at]]) / squares[at].sqrt()
        });
        Ridge { left, squares }
    }

    /// The penalties that are tried.
    pub(super) fn penalties(&self) -> [f64; PENALTIES.len()] {
        let mean = self.squares.iter().sum::<f64>() / self.squares.len().max(1) as f64;
        PENALTIES.map(|multiple| multiple * mean)
    }

    /// The penalty in the middle, for a test that must not choose.
    pub(super) fn middle_penalty(&self) -> f64 {
        self.penalties()[PENALTIES.len() / 2]
    }

    /// The errors of samples that the fit has not seen.
    ///
    /// # Shapes
    /// - `targets`: `[samples, any]`, columns with mean 0; the result has the same shape.
    pub(super) fn errors(&self, targets: &Mat<f64>, penalty: f64) -> Mat<f64> {
        let shrinkage: Vec<f64> = self.squares.iter().map(|square| square / (square + penalty)).collect();
        let mut along = self.left.transpose() * targets;
        for column in along.col_iter_mut() {
            column.iter_mut().zip(&shrinkage).for_each(|(value, factor)| *value *= factor);
        }
        let mut errors = targets - &self.left * along;
        let samples = self.left.nrows();
        let mut unseen = vec![1.0 - 1.0 / samples as f64; samples];
        for (axis, factor) in shrinkage.iter().enumerate() {
            unseen.iter_mut().zip(self.left.col(axis).iter()).for_each(|(left, u)| *left -= factor * u * u);
        }
        for column in errors.col_iter_mut() {
            column.iter_mut().zip(&unseen).for_each(|(error, left)| *error /= left.max(1e-9));
        }
        errors
    }
}
