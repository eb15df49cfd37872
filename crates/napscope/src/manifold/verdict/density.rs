//! Modes of the density, read off HDBSCAN's tree: parts of the data that are denser than the saddle that parts them.
//!
//! At height r a sample's density is about k / (n rᵈ), with d the intrinsic dimension; so from the saddle, at height r₀, to
//! a sample that leaves its part at height r the logarithm of the density rises by d ln(r₀ / r). An estimate from k
//! neighbors errs by about 1 / √k (Loftsgaarden & Quesenberry 1965), whatever the dimension: a rise of several times that is
//! a mode, a smaller one is chance (d'Errico et al. 2021, "Automatic topography of high-dimensional data sets by
//! non-parametric density peak clustering").

use crate::cluster::{CondensedTree, Hdbscan, HdbscanFit, Selection};
use crate::distance::Points;
use crate::error::Result;
use crate::progress::Watch;
use serde::{Deserialize, Serialize};

/// The share of a part's samples that are denser than its height is taken at.
const PEAK: f64 = 0.2;
/// Parts with a smaller share of the samples are no modes.
const SMALLEST: f64 = 0.01;

/// Two parts of the data and how far each rises above the saddle between them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Split {
    /// Share of the samples in the smaller part.
    pub(super) share: f64,
    /// The smaller of both rises of the logarithm of the density.
    pub(super) rise: f64,
}

/// How samples are clustered to look for modes: neighbors and sizes grow with the number of samples.
pub(super) fn parameters(samples: usize) -> Hdbscan {
    Hdbscan {
        min_cluster_size: ((SMALLEST * samples as f64) as usize).max(8),
        min_samples: Some((samples / 100).clamp(5, 15)),
        selection: Selection::Eom,
        ..Hdbscan::default()
    }
}

/// The hierarchy of `points`.
pub(super) fn fit(points: &Points, watch: &Watch<'_>) -> Result<HdbscanFit> {
    parameters(points.samples()).fit_watched(points, watch)
}

/// Every split of the tree into parts, in the order of the tree.
pub(super) fn splits(tree: &CondensedTree, dimension: f64) -> Vec<Split> {
    let samples = tree.samples();
    let of = |node: u32| node as usize - samples;
    let clusters = 1 + tree.rows().iter().filter(|row| row.child as usize >= samples).count();
    let (mut parent, mut birth) = (vec![0; clusters], vec![0.0; clusters]);
    let mut leaves: Vec<Vec<f64>> = vec![Vec::new(); clusters];
    for row in tree.rows() {
        if (row.child as usize) < samples {
            leaves[of(row.parent)].push(row.lambda);
        } else {
            (parent[of(row.child)], birth[of(row.child)]) = (of(row.parent), row.lambda);
        }
    }
    for cluster in (1..clusters).rev() {
        let own = leaves[cluster].clone();
        leaves[parent[cluster]].extend(own);
    }
    let rise = |cluster: usize| {
        let mut lambdas = leaves[cluster].clone();
        lambdas.sort_unstable_by(f64::total_cmp);
        let peak = lambdas[((1.0 - PEAK) * (lambdas.len() - 1) as f64) as usize];
        // Samples that coincide are as dense as anything can be.
        if peak.is_finite() && birth[cluster] > 0.0 { dimension * (peak / birth[cluster]).ln() } else { 1e3 }
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); clusters];
    (1..clusters).for_each(|cluster| children[parent[cluster]].push(cluster));
    let split = |children: &Vec<usize>| {
        // Siblings stand by size. With more than two, each of the smaller is apart from the largest.
        let (largest, others) = children.split_first()?;
        let top = rise(*largest);
        Some(others.iter().map(move |other| (*other, top)).collect::<Vec<_>>())
    };
    let all = children.iter().filter_map(split).flatten();
    all.map(|(other, top)| Split { share: leaves[other].len() as f64 / samples as f64, rise: rise(other).min(top) })
        .collect()
}

/// The largest rise of any split.
pub(super) fn largest_rise(splits: &[Split]) -> f64 {
    splits.iter().map(|split| split.rise).fold(0.0, f64::max)
}
