//! Would other samples have given the same patterns? Cluster subsamples again and compare (Ben-Hur, Elisseeff & Guyon 2002,
//! "A stability based method for discovering structure in clustered data"; Hennig 2007).
//!
//! Samples are drawn without replacement: a bootstrap would make twins, and twins are dense clusters to HDBSCAN. The
//! parameters stay as they are, so a pattern of exactly `min_cluster_size` samples cannot survive the loss of one.

use super::agreement::{Noise, adjusted_rand};
use crate::cluster::{Clustering, Hdbscan};
use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Watch;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// How far the clusterings of subsamples agree with that of all samples, by the adjusted Rand index over the samples of the
/// subsample, noise counted as a class of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Mean over the subsamples: 1 where every one gives the same patterns, 0 where they agree as chance would.
    pub mean: f64,
    /// The subsample that agrees least.
    pub lowest: f64,
    /// The subsample that agrees most.
    pub highest: f64,
    /// Number of subsamples.
    pub resamples: usize,
}

/// `count` subsamples of ⌈`share` · n⌉ samples each, in rising order. `keys` holds a key of each sample's content: which
/// samples are drawn hangs on them and on `seed`, not on where a sample stands.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] unless 0 < `share` < 1.
pub fn subsamples(keys: &[u64], share: f64, count: usize, seed: u64) -> Result<Vec<Vec<usize>>> {
    if !(share > 0.0 && share < 1.0) {
        let message = format!("the share of a subsample must lie between 0 and 1, got {share}");
        return Err(Error::new(ErrorKind::InvalidParameter, message));
    }
    let size = (share * keys.len() as f64).ceil() as usize;
    let draw = |number: usize| {
        let salt = mix(seed ^ mix(number as u64));
        let mut drawn: Vec<(u64, u64, usize)> =
            keys.iter().enumerate().map(|(sample, &key)| (mix(key ^ salt), key, sample)).collect();
        drawn.sort_unstable();
        let mut drawn: Vec<usize> = drawn.into_iter().take(size).map(|(_, _, sample)| sample).collect();
        drawn.sort_unstable();
        drawn
    };
    Ok((0..count).map(draw).collect())
}

/// The stability of several clusterings of `points`, each with the parameters that found it. The spanning tree of a
/// subsample is built once and serves them all, so they must agree in what the tree needs: `min_samples` and `alpha`. Of a
/// clustering without patterns there is nothing to be said: `None`.
///
/// Time: at most `subsamples.len()` times that of the first tree, for the square of a share of its pairs. Memory: one
/// subsample of the points and its trees.
///
/// # Errors
/// Those of [`Hdbscan::fit`] on a subsample ([`ErrorKind::TooFewSamples`], say), and [`ErrorKind::Interrupted`] when `watch`
/// stops the work.
pub fn stability(
    points: &Points,
    found: &[(Hdbscan, &Clustering)],
    subsamples: &[Vec<usize>],
    watch: &Watch<'_>,
) -> Result<Vec<Option<Stability>>> {
    let mut indices = vec![Vec::with_capacity(subsamples.len()); found.len()];
    for (number, samples) in subsamples.iter().enumerate() {
        let Some((first, _)) = found.first() else { break };
        let part = |fraction: f64| -> ControlFlow<()> { watch((number as f64 + fraction) / subsamples.len() as f64) };
        let fit = first.fit_watched(&points.select(samples), &part)?;
        for ((parameters, whole), indices) in found.iter().zip(&mut indices) {
            let again = fit.select(parameters)?.clustering;
            let before: Vec<_> = samples.iter().map(|&sample| whole.labels[sample]).collect();
            indices.push(adjusted_rand(&again.labels, &before, Noise::OwnClass)?);
        }
    }
    let summary = |((_, whole), indices): (&(Hdbscan, &Clustering), Vec<f64>)| {
        let has_patterns = !whole.persistence.is_empty() && !indices.is_empty();
        has_patterns.then(|| Stability {
            mean: indices.iter().sum::<f64>() / indices.len() as f64,
            lowest: indices.iter().copied().fold(f64::INFINITY, f64::min),
            highest: indices.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            resamples: indices.len(),
        })
    };
    Ok(found.iter().zip(indices).map(summary).collect())
}

/// SplitMix64's finalizer: every bit of the result hangs on every bit of the value.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
