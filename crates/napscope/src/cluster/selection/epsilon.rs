//! A distance below which no split counts (Malzer and Baum 2020, "A hybrid approach to hierarchical density-based cluster
//! selection").

use super::super::condensed_tree::Cluster;
use super::keep_outermost;

/// Replaces every chosen cluster that splits off below `epsilon` by the one around it that is there at `epsilon`. The root
/// is taken only if it may be; else the climb ends below it.
pub(super) fn widen(chosen: &mut [bool], clusters: &[Cluster], epsilon: f64, allow_single_cluster: bool) {
    if epsilon == 0.0 {
        return;
    }
    for index in (1..clusters.len()).rev() {
        let Cluster { parent, birth, .. } = clusters[index];
        let is_below = 1.0 / birth < epsilon;
        if chosen[index] && is_below && (parent > 0 || allow_single_cluster) {
            chosen[index] = false;
            chosen[parent] = true;
        }
    }
    keep_outermost(chosen, clusters);
}
