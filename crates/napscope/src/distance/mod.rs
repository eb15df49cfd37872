//! Metrics: an embedding and a geometry.
//!
//! Nearly every distance between activation distributions is a plain norm after a fixed transform (Hellinger: Euclidean
//! between square roots of probabilities; Wasserstein-1: city block between CDFs weighted by the bin width). So a metric
//! embeds the features once, and everything behind works on [`Points`] with one of three geometries.
//!
//! A layer has many channels, each with a distribution. L2 kinds add the squares of the channels' distances and take the
//! root; L1 kinds and kernels add the channels' distances. Both keep the properties of a metric.

mod cosine;
mod distribution;
mod embedding;
mod energy;
mod hellinger;
mod jensen_shannon;
mod mahalanobis;
pub(crate) mod norm;
mod plain;
mod total_variation;
mod wasserstein_1;
mod wasserstein_2;

use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;
use std::sync::Arc;

/// How the distance of two embedded rows is computed.
#[derive(Clone)]
pub enum Geometry {
    /// Euclidean norm of the difference.
    L2,
    /// City block: sum of absolute differences.
    L1,
    /// A function of the two rows that is no norm.
    Kernel(Arc<dyn PairKernel>),
}

/// A distance of two rows that no embedding turns into a norm. It must be symmetric to the last bit.
pub trait PairKernel: Send + Sync {
    /// The distance between two embedded rows.
    fn distance(&self, a: &[f32], b: &[f32]) -> f64;

    /// Norms that bound the distance from below, where there are any: searches then rule most pairs out by them.
    fn norms(&self) -> Option<&dyn ChannelNorms> {
        None
    }
}

/// A further embedding in which the Euclidean norms of the channels' differences add up to at most a kernel's distance, and
/// to at least [`ChannelNorms::tightness`] times it.
pub trait ChannelNorms: Send + Sync {
    /// Number of coordinates of each channel.
    fn coordinates(&self) -> Vec<usize>;

    /// Writes the coordinates of an embedded row, one channel after another. They are right to a rounding of f32.
    fn embed(&self, row: &[f32], embedded: &mut [f32]);

    /// The part of the distance that the norms hold at the least; in (0, 1].
    fn tightness(&self) -> f64;
}

/// A rising function that turns the geometry's distance into the metric's own; it changes no order, only heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescale {
    /// The geometry's distance is the metric's.
    Identity,
    /// Cosine distance from the chord between unit vectors: d²/2.
    HalfSquare,
    /// Angle from the chord between unit vectors, as a fraction of π: 2·asin(d/2)/π.
    Angle,
}

impl Rescale {
    /// The metric's distance from the geometry's.
    pub fn apply(self, distance: f64) -> f64 {
        match self {
            Rescale::Identity => distance,
            Rescale::HalfSquare => 0.5 * distance * distance,
            Rescale::Angle => 2.0 * (0.5 * distance).min(1.0).asin() / std::f64::consts::PI,
        }
    }
}

/// Embedded samples: what neighbors, trees and detectors work on. Clones share their coordinates.
///
/// # Shapes
/// - `values`: `[samples, dimensions]`, C order.
#[derive(Clone)]
pub struct Points {
    values: Arc<Vec<f32>>,
    samples: usize,
    dimensions: usize,
    geometry: Geometry,
    rescale: Rescale,
}

impl Points {
    /// Points with `dimensions` coordinates each. The caller vouches that all are finite.
    pub fn new(values: Vec<f32>, dimensions: usize, geometry: Geometry, rescale: Rescale) -> Self {
        Self::shared(Arc::new(values), dimensions, geometry, rescale)
    }

    /// The same, of coordinates that others have, too.
    pub(crate) fn shared(values: Arc<Vec<f32>>, dimensions: usize, geometry: Geometry, rescale: Rescale) -> Self {
        assert!(
            dimensions > 0 && values.len().is_multiple_of(dimensions),
            "points: values are no whole number of rows"
        );
        Points { samples: values.len() / dimensions, values, dimensions, geometry, rescale }
    }

    /// Number of points.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Coordinates of each point.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// All coordinates, `[samples, dimensions]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One point.
    pub fn row(&self, sample: usize) -> &[f32] {
        &self.values[sample * self.dimensions..(sample + 1) * self.dimensions]
    }

    /// The points `samples`, in that order.
    pub fn select(&self, samples: &[usize]) -> Points {
        let values = samples.iter().flat_map(|&sample| self.row(sample)).copied().collect();
        Points::new(values, self.dimensions, self.geometry.clone(), self.rescale)
    }

    /// How distances are computed.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// How the geometry's distance becomes the metric's.
    pub fn rescale(&self) -> Rescale {
        self.rescale
    }

    /// The geometry's distance of two rows, summed in f64 in a fixed order; [`Rescale`] is not yet applied.
    pub fn raw_distance(&self, a: &[f32], b: &[f32]) -> f64 {
        match &self.geometry {
            Geometry::L2 => norm::squared_l2(a, b).sqrt(),
            Geometry::L1 => norm::l1(a, b),
            Geometry::Kernel(kernel) => kernel.distance(a, b),
        }
    }

    /// The metric's distance between points `i` and `j`.
    pub fn distance(&self, i: usize, j: usize) -> f64 {
        self.rescale.apply(self.raw_distance(self.row(i), self.row(j)))
    }
}

/// A distance between samples.
pub trait Metric: Send + Sync {
    /// The name that people type.
    fn name(&self) -> &'static str;

    /// True where the triangle inequality holds.
    fn is_true_metric(&self) -> bool {
        true
    }

    /// So many numbers searches hold of a sample with `columns` columns, at the most; what
    /// [`crate::cluster::Hdbscan::memory_bytes`] takes for dimensions.
    fn searched_columns(&self, columns: usize) -> usize {
        columns
    }

    /// Learns what the embedding needs (a covariance, say; most learn nothing but the columns).
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotADistribution`] when the metric compares distributions and the columns are none; the hint
    /// names the sketches that are.
    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>>;
}

/// A metric ready to embed features with the columns that it was fitted on.
pub trait Embedding: Send + Sync {
    /// Embeds features.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ShapeMismatch`] when the columns are others.
    fn embed(&self, features: &Features) -> Result<Points>;
}

/// Every metric, in the order of help and documentation.
pub static METRICS: &[Entry<dyn Metric>] = &[
    plain::EUCLIDEAN,
    plain::MANHATTAN,
    cosine::COSINE,
    cosine::ANGULAR,
    mahalanobis::ENTRY,
    wasserstein_1::ENTRY,
    wasserstein_2::ENTRY,
    energy::ENTRY,
    hellinger::ENTRY,
    total_variation::ENTRY,
    jensen_shannon::ENTRY,
];

/// Builds the metric that `spec` names.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn parse(spec: &str) -> Result<Box<dyn Metric>> {
    crate::registry::build("metric", METRICS, spec)
}
