//! What is left of activations and of a covariate when everything is taken away that other covariates tell of them.
//!
//! "Told" is linear here, as in a partial correlation (Frisch & Waugh 1933): numbers enter as they are, classes by one
//! column each.

use super::covariate::Target;
use faer::{Mat, MatRef};

/// Columns that lie within this of the span of the ones before are part of it.
const DEPENDENT: f64 = 1e-6;

/// An orthonormal basis of what the other covariates tell.
pub(super) struct Others {
    basis: Vec<Vec<f64>>,
}

impl Others {
    pub(super) fn new<'a>(targets: impl Iterator<Item = &'a Target>) -> Self {
        let mut others = Others { basis: Vec::new() };
        for target in targets {
            for column in target.values.col_iter() {
                let mut column: Vec<f64> = column.iter().copied().collect();
                let before = norm(&column);
                // Twice, so that rounding leaves nothing along the others.
                others.take_away(&mut column);
                others.take_away(&mut column);
                let left = norm(&column);
                if left > DEPENDENT * before {
                    column.iter_mut().for_each(|value| *value /= left);
                    others.basis.push(column);
                }
            }
        }
        others
    }

    /// Numbers that the other covariates have for each sample.
    pub(super) fn rank(&self) -> usize {
        self.basis.len()
    }

    fn take_away(&self, column: &mut [f64]) {
        for direction in &self.basis {
            let along: f64 = direction.iter().zip(&*column).map(|(a, b)| a * b).sum();
            column.iter_mut().zip(direction).for_each(|(value, of)| *value -= along * of);
        }
    }

    /// What is left of each column.
    pub(super) fn left_over(&self, columns: MatRef<'_, f64>) -> Mat<f64> {
        let mut left = columns.to_owned();
        for (rest, column) in left.col_iter_mut().zip(columns.col_iter()) {
            let mut values: Vec<f64> = column.iter().copied().collect();
            self.take_away(&mut values);
            rest.iter_mut().zip(values).for_each(|(rest, value)| *rest = value);
        }
        left
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
