//! Core distances: how far a point must look to see `min_samples` others.

use crate::distance::Points;
use crate::error::Result;
use crate::neighbors::self_neighbors;
use crate::progress::Watch;

/// The metric's distance from each point to its `min_samples`-th nearest other point (Campello et al. 2013, definition 1,
/// with the point itself not counted).
///
/// # Errors
/// As [`self_neighbors`].
pub fn core_distances(points: &Points, min_samples: usize, watch: &Watch<'_>) -> Result<Vec<f64>> {
    let neighbors = self_neighbors(points, min_samples, watch)?;
    Ok((0..points.samples()).map(|sample| neighbors.distances(sample)[min_samples - 1]).collect())
}
