//! Distance to the nearest samples of the reference (Sun et al. 2022, with any metric): no shape is presumed, so that a
//! curved manifold is no obstacle.

use super::{Detector, Scorer};
use crate::distance::{self, Embedding, Metric};
use crate::error::{Error, ErrorKind, Result};
use crate::features::Features;
use crate::neighbors::Reference;
use crate::progress::unwatched;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "knn",
    summary: "distance to the k-th nearest sample of the reference, or the mean distance to the k nearest",
    options: &[
        ("k", "50", "how many neighbors, 1 or more; a smaller reference gives all it has"),
        ("score", "kth", "kth (the k-th distance) or mean (of the k distances)"),
        ("metric", "euclidean", "any metric, without options; cosine is Sun et al.'s"),
    ],
    build: |options| {
        let mean = match options.text("score") {
            "kth" => false,
            "mean" => true,
            other => return Err(Error::unknown("score of knn", other, ["kth", "mean"])),
        };
        let metric = distance::parse(options.text("metric"))?;
        Ok(Box::new(Knn { k: options.get_in("k", 1..=usize::MAX)?, mean, metric }))
    },
};

struct Knn {
    k: usize,
    mean: bool,
    metric: Box<dyn Metric>,
}

impl Detector for Knn {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        if reference.samples() == 0 {
            return Err(Error::new(ErrorKind::TooFewSamples, "knn needs at least 1 sample, got 0"));
        }
        let embedding = self.metric.fit(reference)?;
        let points = embedding.embed(reference)?;
        let k = self.k.min(points.samples());
        Ok(Box::new(Bank { k, mean: self.mean, embedding, reference: Reference::new(points) }))
    }
}

/// The reference, embedded.
struct Bank {
    k: usize,
    mean: bool,
    embedding: Box<dyn Embedding>,
    reference: Reference,
}

impl Scorer for Bank {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        let queries = self.embedding.embed(features)?;
        if queries.samples() == 0 {
            return Ok(Vec::new());
        }
        if !self.mean {
            return self.reference.kth_distances(&queries, self.k, &unwatched);
        }
        let neighbors = self.reference.neighbors(&queries, self.k, &unwatched)?;
        let mean = |sample: usize| neighbors.distances(sample).iter().sum::<f64>() / self.k as f64;
        Ok((0..queries.samples()).map(mean).collect())
    }
}
