//! Patterns in words and numbers: who belongs to them, and which channels set them apart.

mod contrast;

use crate::cluster::{ClusterId, Clustering};
use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Features, Statistic};
use crate::statistics::canonical_order;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One pattern of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatternDescription {
    /// Which one.
    pub id: ClusterId,
    /// Number of samples.
    pub size: usize,
    /// How long it lives, 0 … 1.
    pub persistence: f64,
    /// The samples that belong to it most, the first most of all: by membership, then nearest to the pattern's center.
    pub most_typical: Vec<usize>,
    /// The samples that belong to it least, the first least of all.
    pub least_typical: Vec<usize>,
    /// The labels of its samples, the most frequent first; empty where samples have no labels.
    pub labels: Vec<LabelCount>,
    /// Share of the most frequent label, where samples have labels.
    pub purity: Option<f64>,
    /// The channels that set it apart, by falling |Cohen's d|.
    pub channels: Vec<ChannelContrast>,
}

/// How many samples of a pattern bear a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// The label.
    pub label: String,
    /// Samples of the pattern that bear it.
    pub count: usize,
}

/// What a channel does inside of a pattern and outside of it (in all other samples, noise included).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelContrast {
    /// The channel of the layer.
    pub channel: u32,
    /// What was compared; for a distribution its mean.
    pub statistic: Statistic,
    /// Its mean over the pattern's samples.
    pub mean_inside: f64,
    /// Its mean over all other samples.
    pub mean_outside: f64,
    /// Difference of the means in units of the pooled standard deviation.
    pub cohens_d: f64,
}

/// How much is said of each pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Samples among the most and among the least typical.
    pub samples: usize,
    /// Channels that set it apart.
    pub channels: usize,
}

impl Default for Detail {
    fn default() -> Self {
        Detail { samples: 12, channels: 10 }
    }
}

/// Describes every pattern of `clustering`.
///
/// `features` say what channels do: best those before normalisation, in activation units. `points` are what was clustered;
/// in their geometry samples are near to the center of a pattern or far from it. `labels` are the samples' own, if any.
///
/// Nothing hangs on the order of the samples, but for samples whose points are the same to the bit.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] when the parts have not the same number of samples, [`ErrorKind::InvalidParameter`] when
/// a sample belongs to a pattern that has no persistence.
pub fn describe(
    features: &Features,
    points: &Points,
    clustering: &Clustering,
    labels: Option<&[String]>,
    detail: Detail,
) -> Result<Vec<PatternDescription>> {
    let samples = clustering.labels.len();
    for (what, got) in [
        ("samples of the features", features.samples()),
        ("samples of the points", points.samples()),
        ("memberships", clustering.membership.len()),
        ("labels of samples", labels.map_or(samples, <[String]>::len)),
    ] {
        if got != samples {
            return Err(Error::shape(what, samples, got));
        }
    }
    let patterns = clustering.persistence.len();
    if let Some(stray) = clustering.labels.iter().flatten().find(|id| id.0 as usize >= patterns) {
        let message = format!("a sample belongs to pattern {}, but there are {patterns}", stray.0);
        return Err(Error::new(ErrorKind::InvalidParameter, message).hint("persistence has one entry a pattern"));
    }
    let contrasts = contrast::contrasts(features, clustering, detail.channels);
    let ranked = by_typicality(points, clustering);
    let describe = |(pattern, (ranked, channels)): (usize, (Vec<usize>, Vec<ChannelContrast>))| {
        let labels = labels.map(|labels| count_labels(labels, &ranked)).unwrap_or_default();
        PatternDescription {
            id: ClusterId(pattern as u32),
            size: ranked.len(),
            persistence: clustering.persistence[pattern],
            most_typical: ranked.iter().take(detail.samples).copied().collect(),
            least_typical: ranked.iter().rev().take(detail.samples).copied().collect(),
            purity: labels.first().map(|first| first.count as f64 / ranked.len() as f64),
            labels,
            channels,
        }
    };
    Ok(ranked.into_iter().zip(contrasts).enumerate().map(describe).collect())
}

fn count_labels(labels: &[String], members: &[usize]) -> Vec<LabelCount> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    members.iter().for_each(|&sample| *counts.entry(&labels[sample]).or_default() += 1);
    let mut counts: Vec<LabelCount> =
        counts.into_iter().map(|(label, count)| LabelCount { label: label.to_owned(), count }).collect();
    // Stable: labels that are as frequent stay in alphabetical order.
    counts.sort_by_key(|count| std::cmp::Reverse(count.count));
    counts
}

/// The members of each pattern, the most typical first.
fn by_typicality(points: &Points, clustering: &Clustering) -> Vec<Vec<usize>> {
    // In canonical order to begin with: that settles what is still tied at the end, and the sums of the centers.
    let mut members = vec![Vec::new(); clustering.persistence.len()];
    for sample in canonical_order(points.values(), points.dimensions()) {
        if let Some(ClusterId(pattern)) = clustering.labels[sample] {
            members[pattern as usize].push(sample);
        }
    }
    members.par_iter_mut().for_each(|members| {
        let mut center = vec![0.0f64; points.dimensions()];
        for &sample in members.iter() {
            center.iter_mut().zip(points.row(sample)).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let center: Vec<f32> = center.iter().map(|sum| (sum / members.len() as f64) as f32).collect();
        let far = |sample: &usize| points.raw_distance(points.row(*sample), &center);
        let mut keyed: Vec<(f64, f64, usize)> =
            members.iter().map(|sample| (clustering.membership[*sample], far(sample), *sample)).collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
        members.iter_mut().zip(keyed).for_each(|(slot, key)| *slot = key.2);
    });
    members
}
