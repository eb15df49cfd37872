//! Leaf clusters: the finest that the tree holds (McInnes and Healy 2017, section 2.5). The root is never one.

use super::super::condensed_tree::Cluster;
use super::Selected;

/// Chooses every cluster that nothing splits off.
pub(super) fn select(clusters: &[Cluster]) -> Selected {
    let chosen = clusters.iter().enumerate().map(|(index, cluster)| index > 0 && cluster.is_leaf).collect();
    Selected { chosen, mass: clusters.iter().map(|cluster| cluster.stability).collect() }
}
