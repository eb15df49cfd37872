//! The patterns of a reference, for detectors that hold samples against them.
//!
//! Where HDBSCAN* finds no pattern, its root is one (the samples that are densest in it): a layer without clusters is a layer with
//! one, to a detector.

use crate::cluster::{Hdbscan, HdbscanFit, Selection};
use crate::distance::{Embedding, Metric, Points};
use crate::error::{Error, ErrorKind, Result};
use crate::features::Features;
use crate::registry::Options;

/// The options of every such detector.
pub(super) const METRIC: (&str, &str, &str) = ("metric", "euclidean", "any metric, without options");
pub(super) const MIN_CLUSTER_SIZE: (&str, &str, &str) =
    ("min_cluster_size", "15", "smallest number of samples that make a pattern, 2 or more");
pub(super) const MIN_SAMPLES: (&str, &str, &str) =
    ("min_samples", "5", "neighbors that make a core distance, 1 or more");
pub(super) const SELECTION: (&str, &str, &str) = ("selection", "eom", "any selection, without options");

/// HDBSCAN* as the options say.
pub(super) fn hdbscan(options: &Options<'_>) -> Result<Hdbscan> {
    Ok(Hdbscan {
        min_cluster_size: options.get_in("min_cluster_size", 2..=usize::MAX)?,
        min_samples: Some(options.get_in("min_samples", 1..=usize::MAX)?),
        selection: options.text("selection").parse::<Selection>()?,
        ..Hdbscan::default()
    })
}

/// A clustered reference.
pub(super) struct Patterns {
    pub(super) embedding: Box<dyn Embedding>,
    pub(super) points: Points,
    pub(super) fit: HdbscanFit,
    /// What found them.
    pub(super) parameters: Hdbscan,
}

impl Patterns {
    /// Finds the patterns of `reference`. A reference that is too small for `parameters` gets smaller ones.
    pub(super) fn find(reference: &Features, metric: &dyn Metric, parameters: &Hdbscan) -> Result<Self> {
        let samples = reference.samples();
        if samples < 2 {
            return Err(Error::new(
                ErrorKind::TooFewSamples,
                format!("patterns need at least 2 samples, got {samples}"),
            ));
        }
        let embedding = metric.fit(reference)?;
        let points = embedding.embed(reference)?;
        let mut parameters = parameters.clone();
        parameters.min_cluster_size = parameters.min_cluster_size.min(samples / 2).max(2);
        parameters.min_samples = parameters.min_samples.map(|neighbors| neighbors.min(samples - 1));
        let mut fit = parameters.fit(&points)?;
        if fit.clustering.persistence.is_empty() {
            // Only an excess of mass can choose the whole.
            parameters = Hdbscan { allow_single_cluster: true, selection: Selection::Eom, ..parameters };
            let reading = fit.select(&parameters)?;
            (fit.clustering, fit.condensed_tree, fit.evidence) =
                (reading.clustering, reading.condensed_tree, reading.evidence);
        }
        Ok(Patterns { embedding, points, fit, parameters })
    }

    /// The pattern of each sample; all are in one where not even the root is a pattern.
    pub(super) fn groups(&self) -> Vec<Option<u32>> {
        let labels = &self.fit.clustering.labels;
        match labels.iter().all(Option::is_none) {
            true => vec![Some(0); labels.len()],
            false => labels.iter().map(|label| label.map(|id| id.0)).collect(),
        }
    }
}

/// The mean row of each group, in f64; rows are summed in the order in which they stand.
pub(super) fn means(features: &Features, groups: &[Option<u32>]) -> Vec<Vec<f64>> {
    let count = groups.iter().flatten().max().map_or(0, |last| *last as usize + 1);
    let mut sums = vec![(vec![0.0; features.columns().len()], 0usize); count];
    for (sample, group) in groups.iter().enumerate().filter_map(|(sample, group)| Some((sample, (*group)?))) {
        let (sum, members) = &mut sums[group as usize];
        sum.iter_mut().zip(features.row(sample)).for_each(|(sum, value)| *sum += f64::from(*value));
        *members += 1;
    }
    let some = sums.into_iter().filter(|(_, members)| *members > 0);
    some.map(|(sum, members)| sum.into_iter().map(|sum| sum / members as f64).collect()).collect()
}
