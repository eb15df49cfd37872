//! Leaf clusters: the finest that the tree holds (McInnes and Healy 2017, section 2.5). The root is never one.

use super::super::condensed_tree::Cluster;
use super::Selection;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<Selection> = Entry {
    name: "leaf",
    summary: "the finest clusters: the leaves of the tree",
    options: &[],
    build: |_| Ok(Box::new(Selection::Leaf)),
};

/// Chooses every cluster that nothing splits off. Returns the chosen clusters and the excess of mass of each one.
pub(super) fn select(clusters: &[Cluster]) -> (Vec<bool>, Vec<f64>) {
    let chosen = clusters.iter().enumerate().map(|(index, cluster)| index > 0 && cluster.is_leaf).collect();
    (chosen, clusters.iter().map(|cluster| cluster.stability).collect())
}
