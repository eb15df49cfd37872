//! What a run folder says, as types: `report.json` and `layers/*.json` are these, and their JSON schema is committed.
//!
//! Nothing here depends on the clock, the number of threads or the size of batches: the same question gives the same bytes.

use napscope::cluster::{CondensedTree, Evidence, Hdbscan};
use napscope::manifold::{self, Alignment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the run folder's layout; it rises when a field changes its meaning or goes.
pub const SCHEMA: &str = "napscope.run/1";

/// `report.json`: what was asked, of what, and what was found in each layer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// Layout of the run folder, `napscope.run/1`.
    pub schema: String,
    /// Version of napscope that wrote it.
    pub napscope: String,
    /// The command that makes this run again.
    pub command: String,
    /// SHA-256 over everything that decides the result.
    pub fingerprint: String,
    /// The network; absent for ready-made activations.
    pub model: Option<FileFacts>,
    /// What ran the network, with its version.
    pub engine: Option<String>,
    /// The data.
    pub data: FileFacts,
    /// Number of samples.
    pub samples: usize,
    /// What was kept of each channel.
    pub sketch: String,
    /// How the patterns were found; absent when the run stopped after the features.
    pub recipe: Option<Recipe>,
    /// Per-sample columns of `samples.parquet` besides the napscope ones.
    pub columns: Vec<String>,
    /// The column that holds the class of a sample.
    pub label: Option<String>,
    /// What `pictures.zip` shows; absent where samples are no pictures.
    pub pictures: Option<PictureKind>,
    /// One entry a layer, in the order of the network.
    pub layers: Vec<LayerSummary>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// What a picture of a sample shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// The sample, which is a picture.
    Sample,
    /// A slot of a radio link: on the left its equalised symbols around the points of the constellation, on the right above the
    /// channel's gain over the resource grid with the DMRS as white dashes, below how surely right (blue) or wrong (red) the bits
    /// of each element are.
    Slot,
}

/// A file, told by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFacts {
    /// Its name, without the folder.
    pub name: String,
    /// Its size (of a folder: of all files in it), in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, hexadecimal (of a folder: over the relative paths and contents, sorted by path).
    pub sha256: String,
}

/// How patterns were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recipe {
    /// Sketch with its options.
    pub sketch: String,
    /// Normalizer with its options.
    pub normalize: String,
    /// Metric with its options.
    pub metric: String,
    /// Samples that settled the channels' ranges; absent for sketches that need none.
    pub calibration: Option<usize>,
    /// HDBSCAN's parameters.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub hdbscan: Hdbscan,
    /// Projections with their options.
    pub projections: Vec<String>,
}

/// One layer in `report.json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LayerSummary {
    /// Its name.
    pub name: String,
    /// The files of this layer: `layers/FILE.json`, `features/FILE.safetensors`.
    pub file: String,
    /// Channels, height, width of one sample's activations.
    pub shape: [usize; 3],
    /// Columns of its feature matrix.
    pub columns: usize,
    /// Dimensions in which distances were taken.
    pub dimensions: usize,
    /// Number of patterns.
    pub patterns: usize,
    /// Samples that belong to no pattern.
    pub noise: usize,
    /// Samples of the largest pattern.
    pub largest: usize,
    /// The `min_cluster_size` that a selection with a size of its own settled on (`plateau`, `plscan`, `dbcv`).
    pub settled_min_cluster_size: Option<usize>,
    /// Median persistence of the patterns; absent when there is none.
    pub median_persistence: Option<f64>,
    /// Share of the samples in patterns whose label is the commonest one of their pattern.
    pub purity: Option<f64>,
    /// Adjusted Rand index between patterns and labels over the samples in patterns.
    pub agreement: Option<f64>,
    /// Distinct concepts or a continuum? Absent with fewer than 30 samples.
    pub verdict: Option<LayerVerdict>,
}

/// Distinct concepts or a continuum: what a layer's samples are as a whole, and why. It is judged in the metric of the run but by
/// clusterings of its own, so neither `--selection` nor `--min-cluster-size` decides it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LayerVerdict {
    /// The verdict.
    #[schemars(with = "VerdictName")]
    pub verdict: napscope::manifold::Verdict,
    /// Why, in plain words, the weightiest first.
    pub reasons: Vec<String>,
    /// What was measured: samples it was measured on, intrinsic dimension, connectivity of the graph of neighbors, modes of
    /// the density beside null models, modes in projection, validity and stability of the clustering, dips.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub evidence: manifold::Evidence,
    /// How far the layer tells each per-sample column.
    pub alignment: Vec<ColumnAlignment>,
}

/// The verdicts.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "read by the schema only")]
enum VerdictName {
    /// Parts with valleys between them.
    Concepts,
    /// One part, along few directions.
    Continuum,
    /// Parts, and few directions along which they lie or stretch.
    Mixed,
    /// One part that is as a normal or an even distribution would be.
    NoStructure,
    /// The evidence carries no answer.
    Undecided,
}

/// How far a layer tells one per-sample column.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ColumnAlignment {
    /// Shares of variance told by nearest neighbors (`knn`) and ridge regression (`ridge`) with 95 % intervals, distance
    /// correlation, rank correlation along the first diffusion coordinate, dip of the predictions, p-value by permutation,
    /// and the shares given all other columns (`partial`).
    #[serde(flatten)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub measured: Alignment,
    /// The p-value adjusted for all layers and columns of the run (Benjamini & Hochberg); in `report.json` alone.
    pub p_value_adjusted: Option<f64>,
}

/// `layers/FILE.json`: one layer in full.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LayerReport {
    /// Layout of the run folder, `napscope.run/1`.
    pub schema: String,
    /// The layer in short.
    pub summary: LayerSummary,
    /// The patterns, largest first.
    pub patterns: Vec<Pattern>,
    /// What the selection went by, where it compared clusterings of several sizes (`plateau`, `plscan`, `dbcv`).
    #[schemars(with = "Option<Compared>")]
    pub evidence: Option<Evidence>,
    /// The condensed tree, one entry a row, as in Python's hdbscan.
    #[schemars(with = "Tree")]
    pub condensed_tree: CondensedTree,
    /// The cluster of the tree that each pattern is.
    pub pattern_nodes: Vec<u32>,
    /// Pictures of the samples, in the order in which they were asked for.
    pub projections: Vec<Projection>,
}

/// The clusterings that a selection compared: what [`Evidence`] writes.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "read by the schema only")]
struct Compared {
    /// The clusterings, by rising `min_cluster_size`.
    candidates: Vec<Candidate>,
    /// Index of the one that was taken.
    chosen: usize,
}

/// One clustering that a selection considered.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "read by the schema only")]
struct Candidate {
    /// Its `min_cluster_size`.
    min_cluster_size: usize,
    /// What chose its clusters: `eom` or `leaf`.
    method: String,
    /// Its patterns.
    patterns: usize,
    /// What it was judged by. `plateau`: adjusted Rand index with the candidate before, 0 for the first and where the number
    /// of patterns differs. `plscan`: total persistence of its leaves, 0 for the first. `dbcv`: relative validity.
    score: f64,
}

/// A condensed tree as columns: what [`CondensedTree`] writes.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "read by the schema only")]
struct Tree {
    /// Samples are numbered from 0 below this; clusters follow, the root first.
    samples: usize,
    /// The cluster that is left.
    parent: Vec<u32>,
    /// The sample or the cluster that leaves it.
    child: Vec<u32>,
    /// 1 / distance at which it leaves; null where samples coincide (infinite).
    lambda: Vec<Option<f64>>,
    /// Samples in the child.
    child_size: Vec<u32>,
}

/// A picture of the samples for the eye.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Projection {
    /// How it was made, with its options: `pca`, `umap:neighbors=30`.
    pub method: String,
    /// First coordinate of each sample.
    pub x: Vec<f32>,
    /// Second coordinate of each sample.
    pub y: Vec<f32>,
    /// The share of each sample's 15 nearest neighbors in all dimensions that are among its 15 nearest in the picture.
    pub preservation: Vec<f32>,
    /// Its mean over the samples.
    pub mean_preservation: f64,
    /// Share of the variance that each coordinate holds; of principal components only.
    pub explained: Option<[f64; 2]>,
    /// Eigenvalue of the diffusion along each coordinate, of the largest part; of diffusion maps only.
    pub eigenvalues: Option<[f64; 2]>,
    /// Parts that no chain of neighbors joins, each drawn by itself; 1 for projections that do not ask.
    pub parts: usize,
}

/// One pattern.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Pattern {
    /// Its number: 0 is the largest.
    pub id: u32,
    /// Number of samples.
    pub size: usize,
    /// How long it lives in the tree, 0 … 1.
    pub persistence: f64,
    /// Samples that belong to it most strongly.
    pub typical: Vec<usize>,
    /// Samples that belong to it least.
    pub least_typical: Vec<usize>,
    /// Its labels and how many samples bear each, commonest first; absent when samples have no label.
    pub labels: Option<Vec<(String, usize)>>,
    /// The channels that set it apart from all other samples, strongest first.
    pub channels: Vec<ChannelDifference>,
}

/// How a channel differs between a pattern and all other samples.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChannelDifference {
    /// The channel.
    pub channel: u32,
    /// What was measured of it.
    pub statistic: String,
    /// Mean over the pattern.
    pub inside: f64,
    /// Mean over all other samples.
    pub outside: f64,
    /// Effect size: difference of the means in pooled standard deviations (Cohen's d).
    pub effect: f64,
}

/// The JSON schemas of the run folder's files, by file name.
pub fn schemas() -> [(&'static str, String); 4] {
    let text = |schema: schemars::Schema| format!("{:#}\n", schema.to_value());
    [
        ("report.schema.json", text(schemars::schema_for!(RunReport))),
        ("layer.schema.json", text(schemars::schema_for!(LayerReport))),
        ("ood_evaluation.schema.json", text(schemars::schema_for!(crate::ood::Evaluation))),
        ("sweep.schema.json", text(schemars::schema_for!(crate::sweep::report::SweepReport))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_those_of_the_types() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
        for (name, schema) in schemas() {
            let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(committed == schema, "docs/schema/{name} is out of date: run `cargo xtask schema`");
        }
    }
}
