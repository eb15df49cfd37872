//! Who is near a sample in a layer, by the metric that made the patterns and in all its dimensions.

use crate::report::Recipe;
use napscope::Result;
use napscope::cluster::{ClusterId, Clustering};
use napscope::distance::Points;
use napscope::features::Features;
use rayon::prelude::*;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Values that are compared at most to tell what noise lies next to: about half a second on two cores.
const COMPARED: usize = 300_000_000;
/// A distance between points of fewer values takes as long as one of so many.
const SHORT: usize = 16;
/// Samples of noise that tell it in any case.
const FEWEST: usize = 32;

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

    /// Of samples of noise, evenly chosen where they are many: how many they are, and how many of them are nearest to which
    /// pattern, most first.
    pub(super) fn around_noise(&self, clustering: &Clustering) -> (usize, Vec<(ClusterId, usize)>) {
        let (inside, noise): (Vec<usize>, Vec<usize>) =
            (0..self.points.samples()).partition(|&sample| clustering.labels[sample].is_some());
        let each = self.points.samples() * self.points.dimensions().max(SHORT);
        let most = FEWEST.max(COMPARED / each.max(1));
        let chosen: Vec<usize> = noise.iter().copied().step_by(noise.len().div_ceil(most).max(1)).collect();
        let nearest = |&sample: &usize| {
            let distances = inside.iter().map(|&other| (self.points.distance(sample, other), other));
            let (_, other) = distances.min_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)))?;
            clustering.labels[other]
        };
        let mut counts: BTreeMap<ClusterId, usize> = BTreeMap::new();
        let found: Vec<ClusterId> = chosen.par_iter().filter_map(nearest).collect();
        found.into_iter().for_each(|pattern| *counts.entry(pattern).or_default() += 1);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        (chosen.len(), counts)
    }
}
