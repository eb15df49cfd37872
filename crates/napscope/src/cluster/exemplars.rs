//! Exemplars: the samples at the heart of a pattern, one group for every densest place in it.

use super::condensed_tree::{Cluster, CondensedTree};
use super::selection::Selected;

/// The samples that stay longest in the leaves inside of each chosen cluster, in rising order; empty lists for the others.
pub(super) fn exemplars(tree: &CondensedTree, clusters: &[Cluster], selected: &Selected) -> Vec<Vec<usize>> {
    let holder = selected.holder(clusters);
    let mut found = vec![Vec::new(); clusters.len()];
    for row in tree.sample_rows() {
        let cluster = &clusters[tree.parent(row)];
        if let Some(pattern) = holder[tree.parent(row)]
            && cluster.is_leaf
            && row.lambda == cluster.death
        {
            found[pattern].push(row.child as usize);
        }
    }
    found.iter_mut().for_each(|samples| samples.sort_unstable());
    found
}
