//! A shrunk covariance and the whitening that goes with it, for few or many columns.
//!
//! With more columns than samples the covariance is never formed: its eigenvectors with variance lie in the span of the
//! samples and come from the smaller matrix of inner products; shrinkage gives every direction outside of that span one
//! and the same variance, so the whitening is still exact.
//!
//! Shrinkage: Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004), towards a
//! multiple of the identity, as in scikit-learn's `LedoitWolf`.

use super::QuadraticForm;
use super::principal::{CenteredRows, PrincipalAxes, rank_floor};
use crate::error::{Error, ErrorKind, Result};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, Par, Side};
use std::str::FromStr;

/// How much of the covariance is replaced by a multiple of the identity of the same trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shrinkage {
    /// The share that Ledoit and Wolf derive from the data.
    LedoitWolf,
    /// This share, 0 … 1.
    Fixed(f64),
}

impl FromStr for Shrinkage {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Shrinkage::LedoitWolf),
            _ => text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(Shrinkage::Fixed).ok_or(()),
        }
    }
}

/// The covariance (divided by the number of samples) of a matrix, by its eigenvectors.
pub(crate) struct Covariance {
    axes: PrincipalAxes,
    /// 1/σ along each axis; 0 where there is no variance at all.
    inside: Vec<f64>,
    /// 1/σ outside of the span of the axes; 0 where nothing is outside or no variance is.
    outside: f64,
}

impl Covariance {
    /// Learns the covariance of `values`, `[samples, columns]`.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewSamples`] with fewer than 2 samples.
    pub(crate) fn fit(values: &[f32], columns: usize, shrinkage: Shrinkage) -> Result<Self> {
        Self::of(&centered(values, columns)?, shrinkage)
    }

    fn of(rows: &CenteredRows<'_>, shrinkage: Shrinkage) -> Result<Self> {
        let columns = rows.columns();
        let axes = rows.principal_axes()?;
        let variances = &axes.variances;
        let trace: f64 = variances.iter().sum();
        let share = shrinkage.share(rows, trace, variances.iter().map(|variance| variance * variance).sum());
        let even = share * trace / columns as f64;
        let floor = rank_floor(variances, rows.samples().max(columns));
        let inverse_root = |variance: f64| if variance > floor { variance.sqrt().recip() } else { 0.0 };
        Ok(Covariance {
            inside: variances.iter().map(|variance| inverse_root((1.0 - share) * variance.max(0.0) + even)).collect(),
            outside: if variances.len() < columns { inverse_root(even) } else { 0.0 },
            axes,
        })
    }

    /// The squared Mahalanobis distance as a form: (x − c)ᵀ Σ⁻¹ (x − c). Directions without any variance count nothing.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewSamples`] with fewer than 2 samples.
    pub(crate) fn squared_distance(values: &[f32], columns: usize, shrinkage: Shrinkage) -> Result<QuadraticForm> {
        let rows = centered(values, columns)?;
        // A factor costs a fraction of the eigenvectors, and half of it is zeros; but it needs variance in every direction.
        if let Some(form) = by_factor(&rows, shrinkage) {
            return Ok(form);
        }
        let Covariance { axes, inside, outside } = Self::of(&rows, shrinkage)?;
        let weights: Vec<f64> = inside.iter().map(|inside| inside * inside - outside * outside).collect();
        Ok(QuadraticForm::new(axes.mean.clone(), axes.directions.transpose(), &weights, outside * outside))
    }

    /// Number of directions: the columns, or the rank of the reference where it has fewer samples than columns.
    pub(crate) fn rank(&self) -> usize {
        self.inside.len()
    }

    /// Coordinates along the axes, each with unit variance ("PCA whitening"); what lies outside of the span of the
    /// reference is dropped.
    ///
    /// # Shapes
    /// - `values`: `[samples, columns]`; the result is `[samples, rank]`.
    pub(crate) fn coordinates(&self, values: &[f32]) -> Vec<f32> {
        self.axes.map_blocks(values, self.rank(), |_, mut along| {
            scale_rows(&mut along, |axis| self.inside[axis]);
            along
        })
    }

    /// The rows multiplied by the symmetric inverse root of the covariance ("ZCA whitening").
    ///
    /// # Shapes
    /// - `values`: `[samples, columns]`; the result has the same shape.
    pub(crate) fn whiten(&self, values: &[f32]) -> Vec<f32> {
        self.axes.map_blocks(values, self.axes.columns(), |mut centered, mut along| {
            // W z = outside · z + V (inside − outside) Vᵀ z
            scale_rows(&mut along, |axis| self.inside[axis] - self.outside);
            centered *= faer::Scale(self.outside);
            matmul(&mut centered, Accum::Add, &self.axes.directions, &along, 1.0, Par::Seq);
            centered
        })
    }

    /// Rows between which Euclidean distances are Mahalanobis distances, outside of the span of the reference too: the
    /// coordinates where they tell everything, else the whitened rows.
    ///
    /// # Shapes
    /// - `values`: `[samples, columns]`; the result has the same shape.
    pub(crate) fn isometric(&self, values: &[f32]) -> Vec<f32> {
        if self.rank() == self.axes.columns() { self.coordinates(values) } else { self.whiten(values) }
    }
}

fn scale_rows(matrix: &mut Mat<f64>, factor: impl Fn(usize) -> f64) {
    for column in matrix.col_iter_mut() {
        column.iter_mut().enumerate().for_each(|(row, value)| *value *= factor(row));
    }
}

fn centered(values: &[f32], columns: usize) -> Result<CenteredRows<'_>> {
    let samples = values.len() / columns;
    if samples < 2 {
        let message = format!("a covariance needs at least 2 samples, got {samples}");
        return Err(Error::new(ErrorKind::TooFewSamples, message));
    }
    Ok(CenteredRows::new(values, columns))
}

/// |L⁻¹ (x − c)|² with L Lᵀ the shrunk covariance; `None` where that is singular, or nearly.
fn by_factor(rows: &CenteredRows<'_>, shrinkage: Shrinkage) -> Option<QuadraticForm> {
    let (samples, columns) = (rows.samples(), rows.columns());
    if columns > samples {
        return None;
    }
    let mut covariance = rows.scatter() / samples as f64;
    let trace: f64 = (0..columns).map(|column| covariance[(column, column)]).sum();
    let below = |column: usize| (column + 1..columns).map(move |row| (row, column));
    let off: f64 = (0..columns).flat_map(below).map(|at| covariance[at] * covariance[at]).sum();
    let on: f64 = (0..columns).map(|column| covariance[(column, column)].powi(2)).sum();
    let share = shrinkage.share(rows, trace, on + 2.0 * off);
    covariance *= faer::Scale(1.0 - share);
    for column in 0..columns {
        covariance[(column, column)] += share * trace / columns as f64;
    }
    let factor = covariance.llt(Side::Lower).ok()?;
    let factor = factor.L();
    let floor = trace * samples as f64 * f64::EPSILON;
    if (0..columns).any(|column| factor[(column, column)].powi(2) <= floor) {
        return None;
    }
    let mut inverse = Mat::zeros(columns, columns);
    invert_lower_triangular(inverse.as_mut(), factor, Par::Seq);
    Some(QuadraticForm::new(rows.mean().to_vec(), inverse.as_ref(), &vec![1.0; columns], 0.0))
}

impl Shrinkage {
    /// The share of the covariance that is replaced, given its trace and the sum of its squared entries.
    fn share(self, rows: &CenteredRows<'_>, trace: f64, squares: f64) -> f64 {
        match self {
            Shrinkage::LedoitWolf => ledoit_wolf(rows, trace, squares),
            Shrinkage::Fixed(share) => share,
        }
    }
}

/// The share of Ledoit and Wolf, from the covariance's trace and squared entries and the lengths of the centered rows.
fn ledoit_wolf(rows: &CenteredRows<'_>, trace: f64, squares: f64) -> f64 {
    let (samples, columns) = (rows.samples() as f64, rows.columns() as f64);
    let fourth: f64 = rows.squared_lengths().map(|squared| squared * squared).sum();
    let mean_variance = trace / columns;
    let beta = (fourth / samples - squares) / (columns * samples);
    let delta = squares / columns - mean_variance * mean_variance;
    if beta <= 0.0 || delta <= 0.0 { 0.0 } else { (beta / delta).min(1.0) }
}
