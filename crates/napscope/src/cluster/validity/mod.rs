//! Density-based validity: are the patterns dense inside, and apart from each other? (Moulavi et al. 2014.)
//!
//! A pattern scores (separation − sparseness) / max(separation, sparseness), −1 … 1: the separation is how far apart, in
//! density, the nearest other pattern lies, the sparseness the longest step that one must take inside. The score of a
//! clustering is the mean over the samples, where noise counts 0.

mod full;
mod relative;

pub use full::validity_index;
pub use relative::relative_validity;

use super::ClusterId;
use serde::{Deserialize, Serialize};

/// How valid a clustering is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The mean over the samples, noise with 0: −1 … 1.
    pub index: f64,
    /// The score of each pattern: −1 … 1.
    pub patterns: Vec<f64>,
}

impl Validity {
    fn new(labels: &[Option<ClusterId>], patterns: Vec<f64>) -> Self {
        let sizes = sizes(labels);
        let sum: f64 = sizes.iter().zip(&patterns).map(|(size, score)| *size as f64 * score).sum();
        Validity { index: if labels.is_empty() { 0.0 } else { sum / labels.len() as f64 }, patterns }
    }
}

/// Samples of each pattern.
fn sizes(labels: &[Option<ClusterId>]) -> Vec<u32> {
    let patterns = labels.iter().flatten().map(|id| id.0 as usize + 1).max().unwrap_or(0);
    let mut sizes = vec![0; patterns];
    labels.iter().flatten().for_each(|id| sizes[id.0 as usize] += 1);
    sizes
}

/// (separation − sparseness) / max(separation, sparseness); 0 where both are 0.
pub(super) fn silhouette(sparseness: f64, separation: f64) -> f64 {
    match separation.max(sparseness) {
        0.0 => 0.0,
        scale => (separation - sparseness) / scale,
    }
}
