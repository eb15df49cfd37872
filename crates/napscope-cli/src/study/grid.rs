//! What a study tries, and on how many samples.

use serde::Serialize;

/// The sizes and the parts that are combined.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Grid {
    /// In-distribution samples to learn from, to calibrate and choose by, to judge by, and to make others of.
    pub(super) parts: [usize; 4],
    /// Samples of the first set outside, and of every other.
    pub(super) outside: [usize; 2],
    pub(super) layers: &'static [&'static str],
    pub(super) sketches: &'static [&'static str],
    pub(super) normalizers: &'static [&'static str],
    pub(super) detectors: &'static [&'static str],
    /// Detectors of the original features that also know a covariate.
    pub(super) given: &'static [Given],
    /// Sketch, normalizer and metric of the features that layers are judged in: concepts or a continuum?
    pub(super) judged: &'static [[&'static str; 3]],
    /// Normalizers and metrics that patterns are looked for with, and subsamples that tell how stable they are; `None`: they are
    /// not looked for.
    pub(super) patterns: Option<(&'static [&'static str], &'static [&'static str], usize)>,
}

/// A detector that knows a covariate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Given {
    pub(super) detector: &'static str,
    /// One of `napscope::ood::CONDITIONINGS` with its options.
    pub(super) by: &'static str,
    /// Is the covariate of later samples estimated from their features? Else it is known.
    pub(super) estimated: bool,
}

/// What the original NAP does, and with it the plainest detector on its features. (Ten neighbors: of 300 garments 30 are of a class, and
/// the fiftieth neighbor would be of another, usual or not.)
pub(super) const ORIGINAL: [&str; 3] = ["mean", "max_abs", "knn:k=10"];
/// The original NAP's own clustering as a detector.
pub(super) const ORIGINAL_PATTERNS: &str = "pattern:selection=leaf,min_cluster_size=5";
/// What the original's samples are clustered by.
const ORIGINAL_POINTS: [&str; 3] = [ORIGINAL[0], ORIGINAL[1], "euclidean"];

/// The stated grid of the vision study.
pub(super) const VISION: Grid = Grid {
    parts: [1000, 300, 400, 300],
    outside: [1000, 300],
    layers: &["*relu*", "dense"],
    sketches: &["mean", "mean_std", "max", "free_energy", "quantiles:count=8", "histogram:bins=8"],
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
    given: &[],
    judged: &[ORIGINAL_POINTS, ["mean_std", "standard", "cosine"], ["histogram:bins=8", "max_abs", "wasserstein_1"]],
    patterns: Some((&["max_abs", "standard"], &["euclidean", "cosine", "wasserstein_1"], 3)),
};

/// Minutes instead of an hour: the same questions, asked of fewer pictures, layers and parts.
pub(super) const VISION_QUICK: Grid = Grid {
    parts: [300, 120, 120, 60],
    outside: [120, 60],
    layers: &["stage1.relu2", "stage3.relu2"],
    sketches: &["mean", "histogram:bins=8"],
    normalizers: &["max_abs", "standard"],
    detectors: &["knn:k=10", "knn:k=10,metric=wasserstein_1", "mahalanobis", ORIGINAL_PATTERNS, "nearest_pattern"],
    given: &[],
    judged: &[ORIGINAL_POINTS],
    patterns: Some((&["max_abs"], &["euclidean"], 2)),
};

/// The stated grid of the receiver study.
pub(super) const RECEIVER: Grid = Grid {
    parts: [2000, 1000, 1000, 500],
    outside: [1000, 1000],
    layers: &["conv_in", "block1.add", "block2.add", "block4.add", "block6.add", "relu_out"],
    sketches: &["mean", "mean_std", "free_energy", "kde:grid=8", "histogram:bins=8"],
    normalizers: &["max_abs", "standard"],
    detectors: &[
        "knn:k=10",
        "knn:k=10,metric=cosine",
        "knn:k=10,metric=wasserstein_1",
        "mahalanobis",
        "mahalanobis:unit=true",
        "relative_mahalanobis",
        "one_class_svm:nu=0.1",
        "residual",
        ORIGINAL_PATTERNS,
        "pattern",
    ],
    given: &[
        Given { detector: "mahalanobis", by: "regression:degree=3", estimated: false },
        Given { detector: "mahalanobis", by: "bins", estimated: false },
        Given { detector: "mahalanobis", by: "regression:degree=3", estimated: true },
        Given { detector: "mahalanobis", by: "bins", estimated: true },
        Given { detector: "knn:k=10", by: "regression:degree=3", estimated: false },
        Given { detector: "knn:k=10", by: "regression:degree=3", estimated: true },
        Given { detector: "relative_mahalanobis", by: "groups", estimated: false },
    ],
    judged: &[ORIGINAL_POINTS, ["histogram:bins=8", "max_abs", "wasserstein_1"]],
    patterns: None,
};

/// Minutes: fewer slots, layers and parts.
pub(super) const RECEIVER_QUICK: Grid = Grid {
    parts: [400, 200, 200, 100],
    outside: [200, 200],
    layers: &["block1.add", "relu_out"],
    sketches: &["mean", "histogram:bins=8"],
    normalizers: &["max_abs"],
    detectors: &["knn:k=10", "knn:k=10,metric=wasserstein_1", "mahalanobis", ORIGINAL_PATTERNS],
    given: &[
        Given { detector: "mahalanobis", by: "regression:degree=3", estimated: false },
        Given { detector: "mahalanobis", by: "regression:degree=3", estimated: true },
    ],
    judged: &[ORIGINAL_POINTS],
    patterns: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_hold_the_original_and_known_parts() {
        for grid in [&VISION, &VISION_QUICK, &RECEIVER, &RECEIVER_QUICK] {
            let [sketch, normalize, detector] = ORIGINAL;
            assert!(grid.sketches.contains(&sketch) && grid.normalizers.contains(&normalize));
            assert!(grid.detectors.contains(&detector) && grid.detectors.contains(&ORIGINAL_PATTERNS));
            grid.sketches.iter().for_each(|spec| drop(napscope::sketch::parse(spec).expect(spec)));
            grid.normalizers.iter().for_each(|spec| drop(napscope::normalize::parse(spec).expect(spec)));
            grid.detectors.iter().for_each(|spec| drop(napscope::ood::parse(spec).expect(spec)));
            for [sketch, normalize, metric] in grid.judged {
                drop(napscope::sketch::parse(sketch).expect(sketch));
                drop(napscope::normalize::parse(normalize).expect(normalize));
                drop(napscope::distance::parse(metric).expect(metric));
            }
            for given in grid.given {
                drop(napscope::ood::conditioning(given.by).expect(given.by));
                assert!(grid.detectors.contains(&given.detector), "{given:?} is compared with the detector alone");
            }
        }
    }
}
