//! GLOSH, the global-local outlier score from hierarchies (Campello et al. 2015): how much earlier than the densest sample
//! around it a sample leaves.
//!
//! score(x) = 1 − λ(x) / λ_max(cluster that x leaves last), where λ_max looks into the clusters inside of it too. The Python
//! package hdbscan up to 0.8.41 did not look inside (its issue 628); [`Glosh::Compat`] does as it did.

use super::Glosh;
use super::condensed_tree::{Cluster, CondensedTree};

/// The largest λ that scores in each cluster are measured by.
pub(super) fn deaths(clusters: &[Cluster], glosh: Glosh) -> Vec<f64> {
    let mut deaths: Vec<f64> = clusters.iter().map(|cluster| cluster.death).collect();
    if glosh == Glosh::Corrected {
        for index in (1..clusters.len()).rev() {
            let parent = clusters[index].parent;
            deaths[parent] = deaths[parent].max(deaths[index]);
        }
    }
    deaths
}

/// The outlier score of every sample, 0 … 1.
pub(super) fn outlier_scores(tree: &CondensedTree, clusters: &[Cluster], glosh: Glosh) -> Vec<f64> {
    let deaths = deaths(clusters, glosh);
    let mut scores = vec![0.0; tree.samples()];
    for row in tree.sample_rows() {
        scores[row.child as usize] = score(row.lambda, deaths[tree.parent(row)]);
    }
    scores
}

/// Where `death` is infinite (coinciding samples), every sample that leaves at a finite λ is as far out as can be.
pub(super) fn score(lambda: f64, death: f64) -> f64 {
    if lambda >= death {
        0.0
    } else if death.is_infinite() {
        1.0
    } else {
        (death - lambda) / death
    }
}
