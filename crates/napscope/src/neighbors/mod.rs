//! Exact nearest neighbors, computed once and shared by all that needs them.

mod brute;
mod content;

pub(crate) use content::{content_order, ranks};

use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Meter, Watch};

/// The nearest neighbors of some points, nearest first.
///
/// Neighbors at exactly the same distance stand in the lexicographic order of their coordinates, so that the order of the
/// rows decides nothing.
///
/// # Shapes
/// - `indices`, `distances`: `[points, k]`, C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    k: usize,
    indices: Vec<u32>,
    distances: Vec<f64>,
}

impl Neighbors {
    /// Neighbors of each point.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of points whose neighbors these are.
    pub fn samples(&self) -> usize {
        self.indices.len() / self.k
    }

    /// The neighbors of one point, nearest first.
    pub fn indices(&self, sample: usize) -> &[u32] {
        &self.indices[sample * self.k..(sample + 1) * self.k]
    }

    /// The metric's distances to [`Neighbors::indices`], in rising order.
    pub fn distances(&self, sample: usize) -> &[f64] {
        &self.distances[sample * self.k..(sample + 1) * self.k]
    }
}

/// The `k` nearest neighbors of every point among the others; the point itself does not count.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for `k` = 0, [`ErrorKind::TooFewSamples`] unless there are more than `k` points,
/// [`ErrorKind::Interrupted`] when `watch` says so.
pub fn self_neighbors(points: &Points, k: usize, watch: &Watch<'_>) -> Result<Neighbors> {
    let samples = points.samples();
    check(k, samples.saturating_sub(1), samples)?;
    let meter = Meter::new(watch, steps(samples, points));
    brute::neighbors(points, points, brute::Own::Excluded, k, &meter)
}

/// The `k` nearest neighbors among `reference` of every point of `queries`.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for `k` = 0, [`ErrorKind::TooFewSamples`] unless `reference` has at least `k` points,
/// [`ErrorKind::ShapeMismatch`] when the two have different dimensions, [`ErrorKind::Interrupted`] when `watch` says so.
pub fn query_neighbors(reference: &Points, queries: &Points, k: usize, watch: &Watch<'_>) -> Result<Neighbors> {
    if reference.dimensions() != queries.dimensions() {
        return Err(Error::shape(
            "queries",
            ("any", reference.dimensions()),
            (queries.samples(), queries.dimensions()),
        ));
    }
    check(k, reference.samples(), reference.samples())?;
    let meter = Meter::new(watch, steps(queries.samples(), reference));
    brute::neighbors(reference, queries, brute::Own::Included, k, &meter)
}

fn steps(queries: usize, reference: &Points) -> u64 {
    queries as u64 * reference.samples() as u64 * reference.dimensions() as u64
}

fn check(k: usize, available: usize, samples: usize) -> Result<()> {
    if k == 0 {
        return Err(Error::new(ErrorKind::InvalidParameter, "k must be at least 1, got 0"));
    }
    if k > available {
        let message = format!("{k} neighbors need more samples than the {samples} that there are");
        return Err(Error::new(ErrorKind::TooFewSamples, message).hint("ask for fewer neighbors, or give more samples"));
    }
    Ok(())
}
