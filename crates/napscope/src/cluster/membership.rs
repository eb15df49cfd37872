//! Labels, and how strongly each sample belongs to its pattern.

use super::condensed_tree::{Cluster, CondensedTree};

/// The innermost chosen cluster that holds each sample.
///
/// The root, chosen alone, would hold every sample; it keeps those that are still in it at `epsilon`, or, without an
/// epsilon, those that stay in it longest.
pub(super) fn chosen_cluster(
    tree: &CondensedTree,
    clusters: &[Cluster],
    chosen: &[bool],
    epsilon: f64,
) -> Vec<Option<usize>> {
    let mut holder: Vec<Option<usize>> = vec![None; clusters.len()];
    for index in 0..clusters.len() {
        holder[index] = if chosen[index] { Some(index) } else { holder[clusters[index].parent] };
    }
    let root_from = if epsilon > 0.0 { 1.0 / epsilon } else { clusters[0].death };
    let mut held = vec![None; tree.samples()];
    for row in tree.sample_rows() {
        let cluster = holder[tree.parent(row)];
        held[row.child as usize] = cluster.filter(|&cluster| cluster > 0 || row.lambda >= root_from);
    }
    held
}

/// λ at which each sample leaves, as a fraction of the λ at which its pattern dies; 1 at the heart, 0 for noise.
pub(super) fn membership(tree: &CondensedTree, clusters: &[Cluster], held: &[Option<usize>]) -> Vec<f64> {
    let mut membership = vec![0.0; held.len()];
    for row in tree.sample_rows() {
        let Some(cluster) = held[row.child as usize] else { continue };
        let death = clusters[cluster].death;
        let outlives = death == 0.0 || row.lambda >= death;
        membership[row.child as usize] = if outlives { 1.0 } else { row.lambda / death };
    }
    membership
}
