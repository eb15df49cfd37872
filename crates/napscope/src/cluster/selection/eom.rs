//! Excess of mass: the most persistent clusters that do not contain each other (Campello et al. 2013, section 5).

use super::super::condensed_tree::Cluster;
use super::{Selection, keep_outermost};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<Selection> = Entry {
    name: "eom",
    summary: "the most persistent clusters that do not contain each other (excess of mass)",
    options: &[],
    build: |_| Ok(Box::new(Selection::Eom)),
};

/// From the leaves up: a cluster wins over the best inside of it when its own excess of mass is as large as theirs.
/// Returns the chosen clusters and the excess of mass that each one counts with.
pub(super) fn select(
    clusters: &[Cluster],
    max_cluster_size: Option<usize>,
    allow_single_cluster: bool,
) -> (Vec<bool>, Vec<f64>) {
    let mut chosen = vec![false; clusters.len()];
    let mut mass: Vec<f64> = clusters.iter().map(|cluster| cluster.stability).collect();
    let mut inside = vec![0.0; clusters.len()];
    let last = if allow_single_cluster { 0 } else { 1 };
    for index in (last..clusters.len()).rev() {
        let cluster = &clusters[index];
        let too_large = max_cluster_size.is_some_and(|limit| cluster.size as usize > limit);
        chosen[index] = !too_large && mass[index] >= inside[index];
        if !chosen[index] {
            mass[index] = inside[index];
        }
        if index > 0 {
            inside[cluster.parent] += mass[index];
        }
    }
    keep_outermost(&mut chosen, clusters);
    (chosen, mass)
}
