//! What a sweep says, as types: its JSON is these, and their schema is committed (docs/schema/sweep.schema.json).
//!
//! Without `--timings` nothing here depends on the clock, the number of threads or on whether the sweep was stopped between:
//! the same question gives the same bytes.

use super::grid::Grid;
use crate::report::FileFacts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of this layout; it rises when a field changes its meaning or goes.
pub const SCHEMA: &str = "napscope.sweep/1";

/// A ranked table of recipes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SweepReport {
    /// Layout of this file, `napscope.sweep/1`.
    pub schema: String,
    /// Version of napscope that wrote it.
    pub napscope: String,
    /// The command that makes this table again.
    pub command: String,
    /// The network; absent for ready-made activations and features.
    pub model: Option<FileFacts>,
    /// What ran the network, with its version.
    pub engine: Option<String>,
    /// The data, or the features.
    pub data: FileFacts,
    /// Number of samples.
    pub samples: usize,
    /// The column that holds the class of a sample.
    pub label: Option<String>,
    /// The values of each dimension.
    pub grid: Grid,
    /// How neighbors were found: `exact`, or `approximate:seed=0`.
    pub neighbors: String,
    /// The figure that rows are ranked by, within their layer.
    pub ranked_by: String,
    /// How stability was found; absent when it was not asked for.
    pub resampling: Option<Resampling>,
    /// How validity was found.
    pub validity: ValidityForm,
    /// Were all recipes tried? False in what a stopped sweep leaves.
    pub complete: bool,
    /// What was computed, and how often.
    pub work: Work,
    /// One row a layer and recipe: layers in the order of the network, the best recipe of a layer first.
    pub rows: Vec<Row>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// How stability was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resampling {
    /// Subsamples that were clustered again.
    pub resamples: usize,
    /// Share of the samples in each.
    pub share: f64,
    /// What they were drawn with.
    pub seed: u64,
}

/// Which form of density-based validity was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidityForm {
    /// Read off the spanning tree (`relative_validity_` of Python's hdbscan).
    Tree,
    /// As published, over all pairs of samples in patterns.
    Full,
}

/// What was computed, and how often. What `--resume` had to compute once more is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// Samples that went through the network (or were read, of ready-made activations), those of the calibration included;
    /// 0 for features.
    pub forward_passes: u64,
    /// Normalizers fitted and applied.
    pub normalizations: u64,
    /// Metrics fitted and applied.
    pub embeddings: u64,
    /// Spanning trees of all samples.
    pub spanning_trees: u64,
    /// Spanning trees of subsamples.
    pub subsample_trees: u64,
    /// Clusterings read off a spanning tree of all samples.
    pub clusterings: u64,
}

impl Work {
    /// Adds what was done elsewhere.
    pub fn add(&mut self, other: Work) {
        self.forward_passes += other.forward_passes;
        self.normalizations += other.normalizations;
        self.embeddings += other.embeddings;
        self.spanning_trees += other.spanning_trees;
        self.subsample_trees += other.subsample_trees;
        self.clusterings += other.clusterings;
    }
}

/// One recipe on one layer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Its place in its layer, from 1; absent where it has no value to be ranked by.
    pub rank: Option<usize>,
    /// The layer.
    pub layer: String,
    /// Sketch with its options.
    pub sketch: String,
    /// Normalizer with its options.
    pub normalize: String,
    /// Metric with its options.
    pub metric: String,
    /// Neighbors that make a core distance.
    pub min_samples: usize,
    /// Smallest number of samples that make a pattern.
    pub min_cluster_size: usize,
    /// Selection with its options.
    pub selection: String,
    /// The command that makes this row again, as a run or a clustering.
    pub command: String,
    /// What was found; absent where the recipe cannot be.
    pub scores: Option<Scores>,
    /// Why the recipe cannot be.
    pub reason: Option<String>,
}

/// What one recipe found in one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scores {
    /// Columns of the feature matrix.
    pub columns: usize,
    /// Dimensions in which distances were taken.
    pub dimensions: usize,
    /// Number of patterns.
    pub patterns: usize,
    /// Samples that belong to no pattern.
    pub noise: usize,
    /// Share of the samples that are in patterns.
    pub coverage: f64,
    /// Samples of the largest pattern.
    pub largest: usize,
    /// The `min_cluster_size` that a selection with a size of its own settled on (`plateau`, `plscan`, `dbcv`).
    pub settled_min_cluster_size: Option<usize>,
    /// Median persistence of the patterns; absent when there is none.
    pub median_persistence: Option<f64>,
    /// Density-based validity, −1 … 1, noise counted as 0; absent with fewer than two patterns.
    pub validity: Option<f64>,
    /// Agreement with clusterings of subsamples; absent when there is no pattern, or it was not asked for.
    pub stability: Option<StabilityScore>,
    /// Agreement with the labels; absent without labels.
    pub agreement: Option<LabelAgreement>,
    /// SHA-256 over the pattern of each sample as 32-bit integers, little-endian, −1 for noise: equal where recipes find the
    /// same patterns.
    pub labels_sha256: String,
    /// Seconds from the features to the patterns, stages shared with other rows included; only with `--timings`.
    pub seconds: Option<f64>,
}

/// Adjusted Rand index between the patterns and those of subsamples, over the samples of each, noise as a class of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StabilityScore {
    /// Mean over the subsamples.
    pub mean: f64,
    /// The least of them.
    pub lowest: f64,
    /// The greatest of them.
    pub highest: f64,
}

/// Agreement of patterns and labels: over all samples, noise counted as one pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelAgreement {
    /// Adjusted Rand index.
    pub adjusted_rand: f64,
    /// Adjusted mutual information.
    pub adjusted_mutual_information: f64,
    /// Does each pattern hold one class only?
    pub homogeneity: f64,
    /// Is each class in one pattern only?
    pub completeness: f64,
    /// The harmonic mean of both.
    pub v_measure: f64,
    /// The same over the samples in patterns alone, as `analyze` has it; absent when there is no pattern. It flatters a
    /// recipe that leaves much as noise.
    pub in_patterns: Option<InPatterns>,
}

/// Agreement of patterns and labels over the samples in patterns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InPatterns {
    /// Adjusted Rand index.
    pub adjusted_rand: f64,
    /// Adjusted mutual information.
    pub adjusted_mutual_information: f64,
    /// V-measure.
    pub v_measure: f64,
    /// Share of the samples whose label is the commonest one of their pattern.
    pub purity: f64,
}
