//! How strongly a point belongs to every pattern, not only to its own: soft clustering as in Python's hdbscan.
//!
//! Three things count (hdbscan's documentation, "How soft clustering works"): how near the hearts of the patterns are, at
//! which height the hierarchy joins the point with each pattern, and how likely the point is in any of them. hdbscan weighs
//! the first two in one way for the samples and in another for new points; so do we. Where nothing can be said (no pattern)
//! the vector is empty, never NaN, and a sum never exceeds 1.

use super::new_points::Predictor;
use crate::distance::Points;
use crate::error::Result;
use crate::neighbors::nearest_of_groups;
use crate::progress::{Meter, Watch};

/// The membership of points in every pattern.
///
/// # Shapes
/// - `values`: `[points, patterns]`, C order; each 0 … 1, the sum of a row at most 1.
#[derive(Debug, Clone, PartialEq)]
pub struct MembershipVectors {
    patterns: usize,
    values: Vec<f32>,
}

impl MembershipVectors {
    /// Number of patterns.
    pub fn patterns(&self) -> usize {
        self.patterns
    }

    /// All memberships.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The memberships of one point.
    pub fn row(&self, point: usize) -> &[f32] {
        &self.values[point * self.patterns..(point + 1) * self.patterns]
    }
}

/// Where a point is in the hierarchy: its cluster, and λ where it leaves that.
type Place = (usize, f64);

/// How nearness and joining weigh.
#[derive(Clone, Copy)]
enum Weighing {
    /// `all_points_membership_vectors`: nearness · exp(exp(−death / joint)).
    Samples,
    /// `membership_vector`: √nearness · softmax(death / (death − joint))².
    NewPoints,
}

impl Predictor<'_> {
    /// The membership of the samples themselves in every pattern; `all_points_membership_vectors` of Python's hdbscan. Takes
    /// 4 bytes a sample and pattern.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Interrupted`] when `watch` says so.
    pub fn sample_memberships(&self, watch: &Watch<'_>) -> Result<MembershipVectors> {
        let places: Vec<Place> = self.leaves.iter().map(|&(cluster, lambda)| (cluster as usize, lambda)).collect();
        self.vectors(self.reference.points(), &places, Weighing::Samples, watch)
    }

    /// The membership of new points in every pattern; `membership_vector` of Python's hdbscan. Takes 4 bytes a point and
    /// pattern.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn memberships(&self, new: &Points, watch: &Watch<'_>) -> Result<MembershipVectors> {
        let joints = self.join(new, watch)?;
        let places: Vec<Place> = joints.iter().map(|joint| (joint.cluster, self.leaves_at(joint))).collect();
        self.vectors(new, &places, Weighing::NewPoints, watch)
    }

    fn vectors(
        &self,
        points: &Points,
        places: &[Place],
        weighing: Weighing,
        watch: &Watch<'_>,
    ) -> Result<MembershipVectors> {
        let patterns = self.nodes.len();
        let mut values = vec![0.0; points.samples() * patterns];
        if values.is_empty() {
            return Ok(MembershipVectors { patterns, values });
        }
        let exemplars: usize = self.exemplars.iter().map(Vec::len).sum();
        let meter = Meter::new(watch, (points.samples() * exemplars * points.dimensions()) as u64);
        // Points of one cluster share where it parts from the patterns.
        let mut rows: Vec<(usize, &mut [f32])> = values.chunks_exact_mut(patterns).enumerate().collect();
        rows.sort_unstable_by_key(|(point, _)| (places[*point].0, *point));
        let order = rows.iter().map(|(point, _)| *point as u32).collect();
        let tell = |rows: &mut [(usize, &mut [f32])], distances: &[f64]| {
            let mut parted = (usize::MAX, Vec::new());
            for ((point, row), distances) in rows.iter_mut().zip(distances.chunks_exact(patterns)) {
                let (cluster, lambda) = places[*point];
                if parted.0 != cluster {
                    parted = (cluster, self.parted(cluster));
                }
                let weights = Weights { death: self.clusters[cluster].death, lambda, parted: &parted.1 };
                self.weigh(&weights, distances, weighing, row);
            }
        };
        nearest_of_groups(self.reference.points(), self.exemplars, points, (order, &mut rows), &meter, tell)?;
        Ok(MembershipVectors { patterns, values })
    }

    /// λ at which `cluster` and each pattern part; `None` for patterns inside of it, and for the one around it.
    fn parted(&self, cluster: usize) -> Vec<Option<f64>> {
        let mut around = vec![false; self.clusters.len()];
        let mut at = cluster;
        while !std::mem::replace(&mut around[at], true) {
            at = self.clusters[at].parent;
        }
        let mut parted = vec![None; self.clusters.len()];
        for index in (1..self.clusters.len()).filter(|&index| !around[index]) {
            let parent = self.clusters[index].parent;
            parted[index] = match around[parent] {
                true => Some(self.clusters[index].birth).filter(|_| parent != cluster),
                false => parted[parent],
            };
        }
        self.nodes.iter().map(|&node| parted[node]).collect()
    }

    /// Writes the memberships of one point.
    fn weigh(&self, weights: &Weights<'_>, distances: &[f64], weighing: Weighing, row: &mut [f32]) {
        let near = nearness(distances);
        let joined = match weighing {
            Weighing::Samples => softmax(weights.joints().map(|joint| (-ratio(weights.death, joint)).exp()).collect()),
            Weighing::NewPoints => {
                softmax(weights.joints().map(|joint| 1.0 / (1.0 - ratio(joint, weights.death).min(1.0))).collect())
            }
        };
        let both = near.iter().zip(&joined).map(|(near, joined)| match weighing {
            Weighing::Samples => near * joined,
            Weighing::NewPoints => near.sqrt() * joined * joined,
        });
        let mut both: Vec<f64> = both.collect();
        if both.iter().sum::<f64>() == 0.0 {
            both = near;
        }
        // The point is in the pattern that it is joined with first, as far as it stays in there; of several that it is joined
        // with at once, in the densest.
        let first = weights.joints().fold(0.0, f64::max);
        let nearest = self.nodes.iter().zip(weights.joints()).filter(|(_, joint)| *joint == first);
        let death = nearest.map(|(&node, _)| self.clusters[node].death).fold(weights.lambda, f64::max);
        let scale = ratio(first, death) / both.iter().sum::<f64>();
        row.iter_mut().zip(both).for_each(|(value, weight)| *value = (weight * scale) as f32);
    }
}

/// What the hierarchy knows of a point.
struct Weights<'a> {
    /// λ at which the last sample leaves its cluster.
    death: f64,
    /// λ at which it leaves itself.
    lambda: f64,
    parted: &'a [Option<f64>],
}

impl Weights<'_> {
    /// λ at which the point and each pattern are joined.
    fn joints(&self) -> impl Iterator<Item = f64> {
        self.parted.iter().map(|parted| parted.unwrap_or(self.lambda))
    }
}

/// `x / y`; equal ones have ratio 1, infinite ones too (coinciding samples).
fn ratio(x: f64, y: f64) -> f64 {
    if x == y { 1.0 } else { x / y }
}

/// One over each distance, made to sum to 1; where some are 0 they share it all.
fn nearness(distances: &[f64]) -> Vec<f64> {
    let touches = distances.contains(&0.0);
    let inverse = |&distance: &f64| if touches { f64::from(u8::from(distance == 0.0)) } else { 1.0 / distance };
    let inverse: Vec<f64> = distances.iter().map(inverse).collect();
    let sum: f64 = inverse.iter().sum();
    inverse.into_iter().map(|value| value / sum).collect()
}

/// exp, made to sum to 1; where some are infinite they share it all.
fn softmax(values: Vec<f64>) -> Vec<f64> {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let power = |value: &f64| if *value == largest { 1.0 } else { (value - largest).exp() };
    let powers: Vec<f64> = values.iter().map(power).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|value| value / sum).collect()
}
