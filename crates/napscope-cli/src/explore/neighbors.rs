//! Who is near a sample in a layer, by the metric that made the patterns and in all its dimensions.

use crate::report::Recipe;
use napscope::Result;
use napscope::cluster::{ClusterId, Clustering};
use napscope::distance::Points;
use napscope::features::Features;
use rayon::prelude::*;
use serde::Serialize;

/// The features of a layer, and the points that its patterns were found in.
pub(super) struct Embedded {
    pub(super) features: Features,
    points: Points,
}

/// A sample and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Neighbor {
    pub(super) sample: usize,
    pub(super) distance: f64,
    pub(super) pattern: Option<ClusterId>,
}

impl Embedded {
    /// Embeds `features` as the run did.
    pub(super) fn new(features: Features, recipe: &Recipe) -> Result<Embedded> {
        let normalizer = napscope::normalize::parse(&recipe.normalize)?;
        let metric = napscope::distance::parse(&recipe.metric)?;
        let (_, points) = napscope::pipeline::embed(&features, &*normalizer, &*metric)?;
        Ok(Embedded { features, points })
    }

    /// The bytes that it takes.
    pub(super) fn bytes(&self) -> u64 {
        4 * (self.features.values().len() + self.points.values().len()) as u64
    }

    /// The `k` nearest of `sample` among all others, and the nearest that is in a pattern.
    pub(super) fn near(&self, sample: usize, k: usize, clustering: &Clustering) -> (Vec<Neighbor>, Option<Neighbor>) {
        let mut all: Vec<Neighbor> = (0..self.points.samples())
            .into_par_iter()
            .filter(|&other| other != sample)
            .map(|other| Neighbor {
                sample: other,
                distance: self.points.distance(sample, other),
                pattern: clustering.labels[other],
            })
            .collect();
        let order = |x: &Neighbor, y: &Neighbor| x.distance.total_cmp(&y.distance).then(x.sample.cmp(&y.sample));
        let in_pattern = all.iter().filter(|other| other.pattern.is_some()).min_by(|x, y| order(x, y)).copied();
        let k = k.min(all.len());
        if k > 0 {
            all.select_nth_unstable_by(k - 1, order);
        }
        all.truncate(k);
        all.sort_by(order);
        (all, in_pattern)
    }
}
