//! Distance to the nearest pattern of the reference, by any metric: with a metric of distributions, how far a sample's activation
//! distributions are from those of the pattern that it resembles most.
//!
//! A pattern stands for itself by its mean features: the mean of histograms is the histogram of all its samples together.

use super::patterns::{self, Patterns, means};
use super::{Detector, Scorer};
use crate::cluster::Hdbscan;
use crate::distance::{self, Embedding, Metric, Points};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;
use crate::statistics::canonical_order;
use rayon::prelude::*;

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "nearest_pattern",
    summary: "distance to the mean of the nearest of the reference's patterns",
    options: &[patterns::METRIC, patterns::MIN_CLUSTER_SIZE, patterns::MIN_SAMPLES, patterns::SELECTION],
    build: |options| {
        let metric = distance::parse(options.text("metric"))?;
        Ok(Box::new(NearestPattern { metric, hdbscan: patterns::hdbscan(options)? }))
    },
};

struct NearestPattern {
    metric: Box<dyn Metric>,
    hdbscan: Hdbscan,
}

impl Detector for NearestPattern {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        let ordered = reference.select(&canonical_order(reference.values(), reference.columns().len()));
        let patterns = Patterns::find(&ordered, &*self.metric, &self.hdbscan)?;
        let means = means(&ordered, &patterns.groups()).concat().into_iter().map(|value| value as f32).collect();
        let means = patterns.embedding.embed(&Features::new(means, ordered.columns().to_vec())?)?;
        Ok(Box::new(Prototypes { embedding: patterns.embedding, means }))
    }
}

struct Prototypes {
    embedding: Box<dyn Embedding>,
    /// The mean of each pattern, embedded.
    means: Points,
}

impl Scorer for Prototypes {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        let samples = self.embedding.embed(features)?;
        let nearest = |row: &[f32]| {
            let distances = (0..self.means.samples()).map(|mean| self.means.raw_distance(row, self.means.row(mean)));
            self.means.rescale().apply(distances.fold(f64::INFINITY, f64::min))
        };
        Ok(samples.values().par_chunks(samples.dimensions()).map(nearest).collect())
    }
}
