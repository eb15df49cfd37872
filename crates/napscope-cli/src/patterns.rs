//! The patterns of one layer: normalise, embed, cluster, describe.

use crate::page::PageLayer;
use crate::recipe::PatternChoice;
use crate::report::{
    ChannelDifference, ColumnAlignment, LayerReport, LayerSummary, LayerVerdict, Pattern, Projection, SCHEMA,
};
use anyhow::Context;
use napscope::Result;
use napscope::activations::Layer;
use napscope::cluster::{ClusterId, Clustering};
use napscope::describe::{Detail, PatternDescription, describe};
use napscope::distance::Points;
use napscope::evaluate::{Noise, adjusted_p_values, agreement};
use napscope::features::{Features, Statistic};
use napscope::manifold::{self, Axes, Covariate, Judged, Judgement};
use napscope::progress::Watch;
use std::path::Path;

/// Channels that are told of a pattern.
const CHANNELS: usize = 5;
/// Typical (and least typical) samples that are told of a pattern.
const TYPICAL: usize = 12;

/// The shares of the work that clustering and drawing are, about; the verdict is the rest. They move the bar of progress and
/// nothing else.
const CLUSTERING: f64 = 0.6;
const DRAWING: f64 = 0.2;

/// What was found in one layer.
#[derive(Debug, Clone)]
pub struct LayerPatterns {
    /// As `layers/*.json` tells it.
    pub report: LayerReport,
    /// The pattern of each sample.
    pub clustering: Clustering,
}

impl LayerPatterns {
    /// Reads what an earlier part of this run has found.
    ///
    /// # Errors
    /// When a file is gone or was changed.
    pub fn read(report: &Path, clustering: &Path) -> anyhow::Result<Self> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let changed =
            |path: &Path| format!("{} is not what this run has written: start again with --force", path.display());
        Ok(LayerPatterns {
            report: serde_json::from_slice(&read(report)?).with_context(|| changed(report))?,
            clustering: serde_json::from_slice(&read(clustering)?).with_context(|| changed(clustering))?,
        })
    }

    /// The pattern of each sample, -1 for noise, as files have it.
    pub fn labels(&self) -> Vec<i32> {
        self.clustering.labels.iter().map(|label| label.map_or(-1, |ClusterId(id)| id as i32)).collect()
    }

    /// For the HTML page.
    pub fn into_page(self) -> PageLayer {
        PageLayer {
            labels: self.labels(),
            membership: self.clustering.membership,
            outlier_score: self.clustering.outlier_score,
            report: self.report,
        }
    }
}

/// What is known of the samples besides the layer's features.
pub struct Known<'a> {
    /// The class of each sample.
    pub labels: Option<&'a [String]>,
    /// Every per-sample column.
    pub covariates: &'a [Covariate],
}

/// Finds the patterns of a layer in its features, and judges the layer as a whole.
///
/// # Errors
/// The normalizer's, the metric's and HDBSCAN's; `watch` may stop the work.
pub fn find(
    layer: &Layer,
    file: &str,
    features: &Features,
    choice: &PatternChoice,
    known: &Known<'_>,
    watch: &Watch<'_>,
) -> Result<LayerPatterns> {
    let labels = known.labels;
    let (_, points) = napscope::pipeline::embed(features, &*choice.normalizer, &*choice.distance)?;
    let fit = choice.hdbscan.fit_watched(&points, &|done| watch(CLUSTERING * done))?;
    let drawn = manifold::project(&points, choice.hdbscan.neighbors, &choice.drawn, &|done| {
        watch(CLUSTERING + DRAWING * done)
    })?;
    let judging = |done| watch(CLUSTERING + DRAWING + (1.0 - CLUSTERING - DRAWING) * done);
    let verdict = judge(&points, known.covariates, &judging)?;
    let clustering = fit.clustering;
    let detail = Detail { samples: TYPICAL, channels: CHANNELS };
    let described = describe(features, &points, &clustering, labels, detail)?;
    let quality = labels.filter(|_| !described.is_empty()).map(|labels| quality(&clustering, labels)).transpose()?;
    let noise = clustering.labels.iter().filter(|label| label.is_none()).count();
    let summary = LayerSummary {
        name: layer.name.clone(),
        file: file.to_owned(),
        shape: [layer.shape.channels, layer.shape.height, layer.shape.width],
        columns: features.columns().len(),
        dimensions: points.dimensions(),
        patterns: described.len(),
        noise,
        largest: described.first().map_or(0, |pattern| pattern.size),
        settled_min_cluster_size: fit.evidence.as_ref().map(|evidence| evidence.taken().min_cluster_size),
        median_persistence: median(&clustering.persistence),
        purity: quality.map(|(purity, _)| purity),
        agreement: quality.map(|(_, agreement)| agreement),
        verdict,
    };
    let patterns = described.into_iter().map(|pattern| tell(pattern, labels.is_some())).collect();
    let report = LayerReport {
        schema: SCHEMA.to_owned(),
        summary,
        patterns,
        evidence: fit.evidence,
        condensed_tree: fit.condensed_tree,
        pattern_nodes: clustering.nodes.clone(),
        projections: choice.projections.iter().zip(drawn).map(picture).collect(),
    };
    Ok(LayerPatterns { report, clustering })
}

/// The most bytes that a verdict takes besides the points: a sample of them, null models of it in f64, and their principal components.
pub fn judging_bytes(samples: usize, dimensions: usize) -> u64 {
    let drawn = samples.min(manifold::VERDICT_SAMPLES) as u64;
    let (dimensions, side) = (dimensions as u64, drawn.min(dimensions as u64).min(1024));
    drawn * (40 * dimensions + 4000) + 8 * side * (6 * side + 2 * dimensions) + (8 << 20)
}

/// The verdict on a layer; none on too few samples.
///
/// # Errors
/// [`napscope::ErrorKind::Interrupted`] when `watch` says so.
pub fn judge(points: &Points, covariates: &[Covariate], watch: &Watch<'_>) -> Result<Option<LayerVerdict>> {
    if points.samples() < manifold::FEWEST_VERDICT_SAMPLES {
        return Ok(None);
    }
    let alignments = manifold::alignment(points, covariates, &|done| watch(0.5 * done))?;
    let Judgement { verdict, reasons, evidence } =
        manifold::judge(points, &alignments, &|done| watch(0.5 + 0.5 * done))?;
    let alignment =
        alignments.into_iter().map(|measured| ColumnAlignment { measured, p_value_adjusted: None }).collect();
    Ok(Some(LayerVerdict { verdict, reasons, evidence, alignment }))
}

/// Adjusts the p-values of all alignments for their number, over layers and columns.
pub fn adjust<'a>(verdicts: impl Iterator<Item = &'a mut LayerVerdict>) {
    let alignments: Vec<_> = verdicts.flat_map(|verdict| &mut verdict.alignment).collect();
    let p_values: Vec<f64> = alignments.iter().map(|alignment| alignment.measured.p_value).collect();
    for (alignment, adjusted) in alignments.into_iter().zip(adjusted_p_values(&p_values)) {
        alignment.p_value_adjusted = Some(adjusted);
    }
}

fn picture((method, Judged { plane, preservation }): (&String, Judged)) -> Projection {
    let (explained, eigenvalues) = match plane.axes {
        Axes::Variance(shares) => (Some(shares), None),
        Axes::Diffusion(eigenvalues) => (None, Some(eigenvalues)),
        Axes::Meaningless => (None, None),
    };
    Projection {
        method: method.clone(),
        x: plane.coordinates.iter().map(|place| place[0]).collect(),
        y: plane.coordinates.iter().map(|place| place[1]).collect(),
        mean_preservation: preservation.iter().map(|share| f64::from(*share)).sum::<f64>() / preservation.len() as f64,
        preservation,
        explained,
        eigenvalues,
        parts: plane.parts,
    }
}

/// Purity and adjusted Rand index over the samples in patterns.
fn quality(clustering: &Clustering, labels: &[String]) -> Result<(f64, f64)> {
    let labels: Vec<Option<&str>> = labels.iter().map(|label| Some(label.as_str())).collect();
    let agreement = agreement(&clustering.labels, &labels, Noise::LeaveOut)?;
    Ok((agreement.purity, agreement.adjusted_rand))
}

fn tell(pattern: PatternDescription, labelled: bool) -> Pattern {
    let ClusterId(id) = pattern.id;
    let labels = pattern.labels.into_iter().map(|label| (label.label, label.count)).collect();
    let difference = |channel: napscope::describe::ChannelContrast| ChannelDifference {
        channel: channel.channel,
        statistic: word(channel.statistic),
        inside: channel.mean_inside,
        outside: channel.mean_outside,
        effect: channel.cohens_d,
    };
    Pattern {
        id,
        size: pattern.size,
        persistence: pattern.persistence,
        typical: pattern.most_typical,
        least_typical: pattern.least_typical,
        labels: labelled.then_some(labels),
        channels: pattern.channels.into_iter().map(difference).collect(),
    }
}

/// What a pattern's figure of a channel is: of a distribution its mean is told.
pub(crate) fn word(statistic: Statistic) -> String {
    match statistic {
        Statistic::Bin { .. } | Statistic::Density { .. } => "mean of distribution".into(),
        one => one.to_string(),
    }
}

/// The middle value; of an even number the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}
