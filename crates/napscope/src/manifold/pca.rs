//! Principal component analysis: the linear projection that keeps as much variance as any.

use super::{Axes, Plane, Projection};
use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::neighbors::Neighbors;
use crate::progress::Watch;
use crate::registry::Entry;
use crate::statistics::{CenteredRows, PrincipalAxes};

pub(super) const ENTRY: Entry<dyn Projection> = Entry {
    name: "pca",
    summary: "Principal components: the flat view in which the samples spread most; distances in it are true to scale",
    options: &[],
    build: |_| Ok(Box::new(Pca)),
};

pub(super) struct Pca;

impl Projection for Pca {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn neighbors(&self) -> usize {
        0
    }

    fn project(&self, points: &Points, _neighbors: &Neighbors, _watch: &Watch<'_>) -> Result<Plane> {
        let PrincipalComponents { coordinates, explained_variance_ratio: share, .. } =
            pca(points.values(), points.dimensions(), 2)?;
        let axes = Axes::Variance([share[0], share[1]]);
        Ok(Plane { coordinates: coordinates.as_chunks().0.to_vec(), axes, parts: 1 })
    }

    fn memory_bytes(&self, samples: usize, dimensions: usize) -> u64 {
        CenteredRows::memory_bytes(samples as u64, dimensions as u64) + 32 * samples as u64
    }
}

/// A matrix seen along its principal components.
pub struct PrincipalComponents {
    axes: PrincipalAxes,
    /// `[samples, components]`: the coordinates of each sample, 0 at the mean.
    pub coordinates: Vec<f32>,
    /// The share of the whole variance that each component has, falling; all 0 where nothing varies.
    pub explained_variance_ratio: Vec<f64>,
}

impl PrincipalComponents {
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
pub fn pca(values: &[f32], columns: usize, components: usize) -> Result<PrincipalComponents> {
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
    Ok(PrincipalComponents {
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
