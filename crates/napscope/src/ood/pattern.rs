//! Where a sample would join the patterns of the reference (HDBSCAN*): far from any, it is an outlier (GLOSH, Campello et al.
//! 2015) and belongs to none.

use super::patterns::{self, Patterns};
use super::{Detector, Scorer};
use crate::cluster::{Hdbscan, Predictor};
use crate::distance::{self, Metric};
use crate::error::{Error, Result};
use crate::features::Features;
use crate::progress::unwatched;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "pattern",
    summary: "outlier score (GLOSH), or lack of membership, where a sample joins the reference's patterns",
    options: &[
        ("score", "glosh", "glosh, or membership (1 less the membership)"),
        patterns::METRIC,
        patterns::MIN_CLUSTER_SIZE,
        patterns::MIN_SAMPLES,
        patterns::SELECTION,
    ],
    build: |options| {
        let membership = match options.text("score") {
            "glosh" => false,
            "membership" => true,
            other => return Err(Error::unknown("score of pattern", other, ["glosh", "membership"])),
        };
        let metric = distance::parse(options.text("metric"))?;
        Ok(Box::new(Pattern { membership, metric, hdbscan: patterns::hdbscan(options)? }))
    },
};

struct Pattern {
    membership: bool,
    metric: Box<dyn Metric>,
    hdbscan: Hdbscan,
}

impl Detector for Pattern {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        let patterns = Patterns::find(reference, &*self.metric, &self.hdbscan)?;
        Ok(Box::new(Hierarchy { patterns, membership: self.membership }))
    }
}

struct Hierarchy {
    patterns: Patterns,
    membership: bool,
}

impl Scorer for Hierarchy {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        let Patterns { embedding, points, fit, parameters } = &self.patterns;
        let new = embedding.embed(features)?;
        let placed = Predictor::new(points, fit, parameters)?.predict(&new, &unwatched)?;
        Ok(match self.membership {
            true => placed.membership.into_iter().map(|membership| 1.0 - membership).collect(),
            false => placed.outlier_score,
        })
    }
}
