//! What a study tries, and on how many pictures.

use serde::Serialize;

/// The sizes and the parts that are combined.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Grid {
    /// In-distribution pictures to learn from, to calibrate and choose by, to judge by, and to make others of.
    pub(super) parts: [usize; 4],
    /// Digits, and pictures of every other kind that is made.
    pub(super) outside: [usize; 2],
    pub(super) layers: &'static [&'static str],
    pub(super) sketches: &'static [&'static str],
    pub(super) normalizers: &'static [&'static str],
    pub(super) detectors: &'static [&'static str],
    /// Normalizers and metrics that patterns are looked for with, and subsamples that tell how stable they are.
    pub(super) patterns: (&'static [&'static str], &'static [&'static str], usize),
}

/// What the original NAP does, and with it the plainest detector on its features. (Ten neighbors: of 300 garments 30 are of a class, and
/// the fiftieth neighbor would be of another, usual or not.)
pub(super) const ORIGINAL: [&str; 3] = ["mean", "max_abs", "knn:k=10"];
/// The original NAP's own clustering as a detector.
pub(super) const ORIGINAL_PATTERNS: &str = "pattern:selection=leaf,min_cluster_size=5";

/// The stated grid.
pub(super) const FULL: Grid = Grid {
    parts: [1000, 300, 400, 300],
    outside: [1000, 300],
    layers: &["*relu*", "dense"],
    sketches: &["mean", "mean_std", "max", "quantiles", "histogram:bins=8"],
    normalizers: &["max_abs", "standard"],
    detectors: &[
        "knn:k=10",
        "knn:k=10,metric=cosine",
        "knn:k=10,metric=wasserstein_1",
        "knn:k=10,metric=hellinger",
        "mahalanobis",
        "mahalanobis:unit=true",
        "relative_mahalanobis",
        "one_class_svm:nu=0.1",
        "residual",
        ORIGINAL_PATTERNS,
        "pattern",
        "nearest_pattern",
        "nearest_pattern:metric=wasserstein_1",
    ],
    patterns: (&["max_abs", "standard"], &["euclidean", "cosine", "wasserstein_1"], 3),
};

/// Minutes instead of an hour: the same questions, asked of fewer pictures, layers and parts.
pub(super) const QUICK: Grid = Grid {
    parts: [300, 120, 120, 60],
    outside: [120, 60],
    layers: &["stage1.relu2", "stage3.relu2"],
    sketches: &["mean", "histogram:bins=8"],
    normalizers: &["max_abs", "standard"],
    detectors: &["knn:k=10", "knn:k=10,metric=wasserstein_1", "mahalanobis", ORIGINAL_PATTERNS, "nearest_pattern"],
    patterns: (&["max_abs"], &["euclidean"], 2),
};
