//! The shape of a layer's activations: what they look like when they are no clusters.

mod dip;
mod intrinsic_dimension;

mod graph;
mod pca;
mod preservation;
mod shelves;

mod diffusion;
mod umap;

mod connectivity;
mod sample;

mod alignment;
mod verdict;

pub use alignment::{ALIGNMENT_SAMPLES, Alignment, Covariate, CovariateValues, Explained, Partial, alignment};
pub use dip::{Dip, dip};
pub use intrinsic_dimension::{levina_bickel, two_nn};
pub use pca::{PrincipalComponents, pca};
pub use preservation::neighborhood_preservation;
pub use verdict::{
    AxisDip, Connectivity, Density, Dimension, Evidence, FEWEST_VERDICT_SAMPLES, Groups, Judgement, NullModel,
    Projected, VERDICT_SAMPLES, Verdict, Within, judge,
};

use crate::distance::Points;
use crate::error::Result;
use crate::neighbors::{self, NeighborSearch, Neighbors};
use crate::progress::Watch;
use crate::registry::Entry;

/// Neighbors by which a picture is judged.
const JUDGED: usize = 15;

/// A way to draw samples as points of a plane. It is for the eye: patterns are found in all dimensions.
pub trait Projection: Send + Sync {
    /// The name that people type.
    fn name(&self) -> &'static str;

    /// How many nearest neighbors of each sample it would know, the sample itself not counted.
    fn neighbors(&self) -> usize;

    /// Draws the samples. Of `neighbors` it takes the first [`Projection::neighbors`], or as many as there are.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Interrupted`] when `watch` says so.
    fn project(&self, points: &Points, neighbors: &Neighbors, watch: &Watch<'_>) -> Result<Plane>;

    /// The most bytes that it takes at once, points and neighbors not counted.
    fn memory_bytes(&self, samples: usize, dimensions: usize) -> u64;
}

/// Samples as points of a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// The place of each sample.
    pub coordinates: Vec<[f32; 2]>,
    /// What the axes mean.
    pub axes: Axes,
    /// Parts that no chain of neighbors joins, where the projection takes each by itself; else 1.
    pub parts: usize,
}

/// What the two axes of a picture mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Axes {
    /// The share of the variance along each.
    Variance([f64; 2]),
    /// The eigenvalue of the diffusion along each (of the largest part): how much of it is left after one step.
    Diffusion([f64; 2]),
    /// Nothing: only what is near each other counts.
    Meaningless,
}

/// A picture and how far it can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The picture.
    pub plane: Plane,
    /// See [`neighborhood_preservation`]; of the 15 nearest neighbors, or of as many as there are.
    pub preservation: Vec<f32>,
}

/// Draws the samples by each of `projections`; neighbors are found once for all of them, by `search`.
///
/// Permuting the rows permutes the pictures and changes nothing else (among samples that are equal in every coordinate places may
/// be swapped).
///
/// # Errors
/// [`crate::ErrorKind::TooFewSamples`] for fewer than 2 samples, [`crate::ErrorKind::Interrupted`] when `watch` says so.
pub fn project(
    points: &Points,
    search: NeighborSearch,
    projections: &[Box<dyn Projection>],
    watch: &Watch<'_>,
) -> Result<Vec<Judged>> {
    let stages = 1.0 + 2.0 * projections.len() as f64;
    let stage = |index: usize| move |done: f64| watch((index as f64 + done) / stages);
    let neighbors = search.among(points, neighbors_of(projections, points.samples()), &stage(0))?;
    let judged_by = neighbors.first(JUDGED);
    let judge = |(index, projection): (usize, &dyn Projection)| {
        let plane = projection.project(points, &neighbors, &stage(1 + 2 * index))?;
        let preservation = neighborhood_preservation(&plane.coordinates, &judged_by, &stage(2 + 2 * index))?;
        Ok(Judged { plane, preservation })
    };
    projections.iter().map(|projection| &**projection).enumerate().map(judge).collect()
}

/// The most bytes that [`project`] takes at once, points and pictures not counted.
pub fn memory_bytes(
    samples: usize,
    dimensions: usize,
    search: NeighborSearch,
    projections: &[Box<dyn Projection>],
) -> u64 {
    let k = neighbors_of(projections, samples) as u64;
    let finding = match search {
        NeighborSearch::Exact => {
            let (leading, directions) = neighbors::memory_bytes(samples as u64, dimensions as u64);
            samples as u64 * (4 * dimensions as u64 + leading + 28 * k + 220) + directions
        }
        NeighborSearch::Approximate { .. } => {
            samples as u64 * neighbors::approximate_bytes_of_sample(dimensions as u64, k)
        }
    };
    let drawing = projections.iter().map(|projection| projection.memory_bytes(samples, dimensions)).max().unwrap_or(0);
    // Found neighbors are 12 bytes each; a vertex of a graph has them again.
    finding.max(samples as u64 * 12 * (2 * k + JUDGED as u64) + drawing)
}

/// Neighbors that must be found for all of `projections` and for judging them.
fn neighbors_of(projections: &[Box<dyn Projection>], samples: usize) -> usize {
    let wanted = projections.iter().map(|projection| projection.neighbors()).fold(JUDGED, usize::max);
    wanted.min(samples.saturating_sub(1)).max(1)
}

/// Every projection, in the order of help and documentation.
pub static PROJECTIONS: &[Entry<dyn Projection>] = &[pca::ENTRY, diffusion::ENTRY, umap::ENTRY];

/// Builds the projection that `spec` names.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn parse(spec: &str) -> Result<Box<dyn Projection>> {
    crate::registry::build("projection", PROJECTIONS, spec)
}

/// Expected values from umap-learn, for the tests of parts that cannot be seen from outside.
#[cfg(test)]
mod oracle {
    use serde_json::Value;

    pub(super) fn read() -> Value {
        serde_json::from_str(include_str!("../../../../oracles/manifold.json")).expect("the oracle is JSON")
    }

    pub(super) fn numbers(values: &Value) -> Vec<f64> {
        values.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
    }
}
