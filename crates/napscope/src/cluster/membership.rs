//! Labels, and how strongly each sample belongs to its pattern.

use super::condensed_tree::{Cluster, CondensedTree};
use super::selection::Selected;

/// The innermost chosen cluster that holds each sample.
///
/// A cluster keeps the samples that leave it at λ `since` or later (see [`super::selection::Selected::since`]).
pub(super) fn chosen_cluster(tree: &CondensedTree, clusters: &[Cluster], selected: &Selected) -> Vec<Option<usize>> {
    let holder = selected.holder(clusters);
    let mut held = vec![None; tree.samples()];
    for row in tree.sample_rows() {
        let cluster = holder[tree.parent(row)];
        held[row.child as usize] = cluster.filter(|&cluster| row.lambda >= selected.since(cluster));
    }
    held
}

/// λ at which each sample leaves, as a fraction of the λ at which its pattern dies; 1 at the heart, 0 for noise.
pub(super) fn membership(tree: &CondensedTree, clusters: &[Cluster], held: &[Option<usize>]) -> Vec<f64> {
    let mut membership = vec![0.0; held.len()];
    for row in tree.sample_rows() {
        let Some(cluster) = held[row.child as usize] else { continue };
        membership[row.child as usize] = share(row.lambda, clusters[cluster].death);
    }
    membership
}

/// λ as a fraction of that of the death, at most 1.
pub(super) fn share(lambda: f64, death: f64) -> f64 {
    if death == 0.0 || lambda >= death { 1.0 } else { lambda / death }
}
