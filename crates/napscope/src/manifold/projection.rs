//! Principal component analysis: the linear projection that keeps as much variance as any.

use crate::error::{Error, ErrorKind, Result};
use crate::statistics::{CenteredRows, PrincipalAxes};

/// A matrix seen along its principal components.
pub struct Projection {
    axes: PrincipalAxes,
    /// `[samples, components]`: the coordinates of each sample, 0 at the mean.
    pub coordinates: Vec<f32>,
    /// The share of the whole variance that each component has, falling; all 0 where nothing varies.
    pub explained_variance_ratio: Vec<f64>,
}

impl Projection {
    /// Number of components.
    pub fn components(&self) -> usize {
        self.explained_variance_ratio.len()
    }

    /// The coordinates of other samples along the same components.
    ///
    /// # Shapes
    /// - `values`: `[samples, columns]`; the result is `[samples, components]`.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when `values` are no whole number of rows.
    pub fn project(&self, values: &[f32]) -> Result<Vec<f32>> {
        check_rows(values, self.axes.columns())?;
        Ok(self.axes.project(values))
    }
}

/// Projects the rows of a matrix (features, or embedded points) onto their first `components` principal components.
///
/// Components are numbered by falling variance, and each points to where its largest loading is positive. Where the samples
/// vary in fewer directions than `components`, the other coordinates are 0. Exact where one side of the matrix is at most
/// 1,024 long; else the components come from a seeded block Krylov method, to 1e-7 of the largest variance (or 24 rounds, which only a
/// spectrum without any preferred direction needs).
///
/// # Shapes
/// - `values`: `[samples, columns]`, C order.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] without components, [`ErrorKind::ShapeMismatch`] when `values` are no whole number of
/// rows, [`ErrorKind::TooFewSamples`] without samples.
pub fn pca(values: &[f32], columns: usize, components: usize) -> Result<Projection> {
    if components == 0 {
        return Err(Error::new(ErrorKind::InvalidParameter, "a projection needs at least 1 component, got 0"));
    }
    check_rows(values, columns)?;
    if values.is_empty() {
        return Err(Error::new(ErrorKind::TooFewSamples, "a projection needs at least 1 sample, got 0"));
    }
    let rows = CenteredRows::new(values, columns);
    let axes = rows.first_axes(components)?;
    let total = rows.squared_lengths().sum::<f64>() / rows.samples() as f64;
    let share = |variance: &f64| if total > 0.0 { (variance / total).min(1.0) } else { 0.0 };
    Ok(Projection {
        coordinates: axes.project(values),
        explained_variance_ratio: axes.variances.iter().map(share).collect(),
        axes,
    })
}

fn check_rows(values: &[f32], columns: usize) -> Result<()> {
    if columns > 0 && values.len().is_multiple_of(columns) {
        return Ok(());
    }
    let message = format!("projection: {} values are no whole number of rows of {columns} columns", values.len());
    Err(Error::new(ErrorKind::ShapeMismatch, message))
}
