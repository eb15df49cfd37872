//! PLSCAN: the size whose leaves are the most persistent (Bot, Peeters and Aerts 2025, "Persistent Multiscale Density-based
//! Clustering", arXiv 2512.16558), as fast_hdbscan 0.3.4 computes it.
//!
//! As `min_cluster_size` rises, a cluster becomes a leaf when the last split inside of it ends (its birth), and is gone when
//! the split that it comes from ends (its death). Persistence rewards a long life, less the part before birth where the
//! cluster is dense from early on.

use super::super::condensed_tree::Cluster;
use super::{Candidate, Evidence, Method, Selection};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<Selection> = Entry {
    name: "plscan",
    summary: "the leaves that persist over the longest ranges of min_cluster_size (PLSCAN)",
    options: &[],
    build: |_| Ok(Box::new(Selection::Plscan)),
};

/// A cluster is a leaf at every `min_cluster_size` above `birth` up to `death`.
struct Life {
    birth: u32,
    death: u32,
}

/// Finds the highest peak of total persistence over the sizes at which leaves are born; without one, the leaves at
/// `min_cluster_size`.
pub(super) fn settle(clusters: &[Cluster], core_distances: &[f64], min_cluster_size: usize) -> Evidence {
    let method = Method::Leaf;
    let leaves = clusters[1..].iter().filter(|cluster| cluster.is_leaf).count();
    let mut candidates = vec![Candidate { min_cluster_size, method, patterns: leaves, score: 0.0 }];
    let lives = lives(clusters, min_cluster_size as u32);
    let mut sizes: Vec<u32> = lives.iter().map(|life| life.birth).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let scale = Scale::new(core_distances);
    let at = |size: u32| sizes.partition_point(|known| *known < size);
    let mut change = vec![(0i64, 0.0f64); sizes.len() + 1];
    for (life, cluster) in lives.iter().zip(clusters).skip(1).filter(|(life, _)| life.death > life.birth) {
        let persistence = f64::from(life.death) - f64::from(life.birth) * scale.density(1.0 / cluster.birth);
        let (born, gone) = (at(life.birth), at(life.death));
        change[born] = (change[born].0 + 1, change[born].1 + persistence);
        change[gone] = (change[gone].0 - 1, change[gone].1 - persistence);
    }
    let mut alive = (0i64, 0.0f64);
    for (&size, (leaves, persistence)) in sizes.iter().zip(change) {
        alive = (alive.0 + leaves, alive.1 + persistence);
        let candidate =
            Candidate { min_cluster_size: size as usize + 1, method, patterns: alive.0 as usize, score: alive.1 };
        candidates.push(candidate);
    }
    let scores: Vec<f64> = candidates[1..].iter().map(|candidate| candidate.score).collect();
    let chosen = highest_peak(&scores).map_or(0, |peak| peak + 1);
    Evidence { candidates, chosen }
}

/// Siblings stand by size, largest first. The split that makes them ends when only one of them is large enough: there the
/// largest is gone with the second, and smaller ones were before.
fn lives(clusters: &[Cluster], min_cluster_size: u32) -> Vec<Life> {
    let mut lives: Vec<Life> =
        clusters.iter().map(|cluster| Life { birth: min_cluster_size, death: cluster.size }).collect();
    for index in (1..clusters.len()).rev() {
        let parent = clusters[index].parent;
        let is_largest = clusters[index - 1].parent != parent || index == 1;
        if is_largest && let Some(second) = clusters.get(index + 1) {
            lives[index].death = second.size;
        }
        lives[parent].birth = lives[parent].birth.max(lives[index].birth).max(lives[index].death);
    }
    lives
}

/// Distances on the scale of PLSCAN: the smallest core distance is 0, the mean one is 1.
struct Scale {
    zero: f64,
    unit: f64,
}

impl Scale {
    fn new(core_distances: &[f64]) -> Self {
        let smallest = core_distances.iter().copied().fold(f64::INFINITY, f64::min);
        // Summed from the smallest up: the order of the rows decides nothing.
        let mut sorted = core_distances.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
        if mean > smallest { Scale { zero: smallest, unit: mean - smallest } } else { Scale { zero: 0.0, unit: 1.0 } }
    }

    /// exp(−1/exp(−distance)): how dense a cluster is where it splits off, 1/e for the densest and 0 far out.
    fn density(&self, distance: f64) -> f64 {
        (-((distance - self.zero) / self.unit).exp()).exp()
    }
}

/// The highest of the places between the first and the last that are higher than what stands around them; the middle of it
/// where several equal ones stand side by side, the first of equally high ones.
fn highest_peak(curve: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    let mut at = 1;
    while at + 1 < curve.len() {
        let end = at + curve[at..].iter().take_while(|value| **value == curve[at]).count();
        let is_peak = curve[at - 1] < curve[at] && end < curve.len() && curve[end] < curve[at];
        if is_peak && best.is_none_or(|best| curve[at] > curve[best]) {
            best = Some((at + end - 1) / 2);
        }
        at = end;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_higher_than_both_its_sides() {
        for (curve, expected) in [
            (vec![], None),
            (vec![1.0], None),
            (vec![1.0, 2.0], None),
            (vec![1.0, 2.0, 3.0], None),
            (vec![3.0, 2.0, 1.0], None),
            (vec![1.0, 2.0, 1.0], Some(1)),
            (vec![1.0, 2.0, 2.0, 2.0, 1.0], Some(2)),
            (vec![1.0, 2.0, 2.0], None),
            (vec![0.0, 2.0, 1.0, 3.0, 0.0, 3.0, 0.0], Some(3)),
            (vec![5.0, 1.0, 1.0, 2.0, 1.0], Some(3)),
        ] {
            assert_eq!(highest_peak(&curve), expected, "{curve:?}");
        }
    }

    #[test]
    fn lives_end_with_the_split_that_they_come_from() {
        let cluster =
            |parent, size| Cluster { parent, size, birth: 1.0, death: 2.0, top: 1.0, stability: 1.0, is_leaf: true };
        // The root of 100 splits into 50, 30 and 6; the 30 into 12 and 10.
        let clusters = [cluster(0, 100), cluster(0, 50), cluster(0, 30), cluster(0, 6), cluster(2, 12), cluster(2, 10)];
        let found: Vec<(u32, u32)> = lives(&clusters, 5).iter().map(|life| (life.birth, life.death)).collect();
        assert_eq!(found, [(30, 100), (5, 30), (10, 30), (5, 6), (5, 10), (5, 10)]);
    }
}
