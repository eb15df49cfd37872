//! The clustering with the highest relative validity, of those of every size and method.

use super::super::condensed_tree::CondensedTree;
use super::super::validity::silhouette;
use super::scan::{Scan, Step};
use super::{Candidate, Evidence, Hdbscan, Method, Selected, Selection};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<Selection> = Entry {
    name: "dbcv",
    summary: "the best by density-based validity, over min_cluster_size and eom or leaf",
    options: &[],
    build: |_| Ok(Box::new(Selection::Dbcv)),
};

/// Tries every size with both methods; of equally valid clusterings the first.
pub(super) fn settle(tree: &CondensedTree, parameters: &Hdbscan) -> Evidence {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut chosen = 0;
    for step in Scan::new(tree).steps(parameters.min_cluster_size) {
        for method in [Method::Eom, Method::Leaf] {
            let selected = step.select(method, parameters);
            let (patterns, score) = validity(&step, &selected);
            candidates.push(Candidate { min_cluster_size: step.min_cluster_size, method, patterns, score });
            let best: &Candidate = &candidates[chosen];
            if patterns > 0 && (best.patterns == 0 || score > best.score) {
                chosen = candidates.len() - 1;
            }
        }
    }
    Evidence { candidates, chosen }
}

/// The number of patterns and their relative validity, as [`super::super::relative_validity`] finds it, without looking at
/// any sample: a cluster is together at its top, and meets another pattern where the branch that has no other one ends.
fn validity(step: &Step, selected: &Selected) -> (usize, f64) {
    let clusters = &step.clusters;
    let patterns = selected.patterns(clusters);
    if patterns < 2 {
        return (patterns, 0.0);
    }
    let mut inside: Vec<u32> = selected.chosen.iter().map(|chosen| u32::from(*chosen)).collect();
    for index in (1..clusters.len()).rev() {
        inside[clusters[index].parent] += inside[index];
    }
    let mut meets: Vec<f64> = clusters.iter().map(|cluster| cluster.birth).collect();
    let mut sum = 0.0;
    for index in 1..clusters.len() {
        let parent = clusters[index].parent;
        if inside[parent] == inside[index] {
            meets[index] = meets[parent];
        }
        if selected.chosen[index] {
            sum += f64::from(clusters[index].size) * silhouette(1.0 / clusters[index].top, 1.0 / meets[index]);
        }
    }
    (patterns, sum / f64::from(clusters[0].size))
}
