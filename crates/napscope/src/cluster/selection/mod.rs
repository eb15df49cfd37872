//! Which clusters of the condensed tree are the patterns.

mod eom;
mod epsilon;
mod leaf;

use super::condensed_tree::Cluster;
use super::{Hdbscan, Selection};

/// The outcome of a selection: no selected cluster contains another.
pub(super) struct Selected {
    /// Is this cluster a pattern?
    pub(super) chosen: Vec<bool>,
    /// The excess of mass that each cluster counts with: its own, or of the best clusters inside where those have more.
    pub(super) mass: Vec<f64>,
}

/// Selects clusters as `parameters` ask for.
pub(super) fn select(clusters: &[Cluster], parameters: &Hdbscan) -> Selected {
    let mut selected = match parameters.selection {
        Selection::Eom => eom::select(clusters, parameters.max_cluster_size, parameters.allow_single_cluster),
        Selection::Leaf => leaf::select(clusters),
    };
    epsilon::widen(
        &mut selected.chosen,
        clusters,
        parameters.cluster_selection_epsilon,
        parameters.allow_single_cluster,
    );
    selected
}

/// Drops what lies inside of a chosen cluster.
fn keep_outermost(chosen: &mut [bool], clusters: &[Cluster]) {
    let mut covered = vec![false; clusters.len()];
    for index in 1..clusters.len() {
        let parent = clusters[index].parent;
        covered[index] = covered[parent] || chosen[parent];
        chosen[index] &= !covered[index];
    }
}
