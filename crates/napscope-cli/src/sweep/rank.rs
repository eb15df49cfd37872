//! The order of the rows: within a layer, by one stated figure, the best first. Labels decide nothing unless they are asked.

use super::report::{Row, Scores};

/// What rows are ranked by: name, meaning, does it need labels, and its value. Higher is better for all.
pub struct Ranking {
    /// What people type.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Does it compare with labels?
    pub by_labels: bool,
    /// Does it need subsamples?
    pub by_resampling: bool,
    /// The figure; `None` where a recipe has none.
    pub value: fn(&Scores) -> Option<f64>,
}

/// Every ranking.
pub static RANKINGS: &[Ranking] = &[
    Ranking {
        name: "stable-coverage",
        meaning: "stability x coverage: how much of the data lies in patterns that other samples give again",
        by_labels: false,
        by_resampling: true,
        value: |scores| Some(scores.stability?.mean * scores.coverage),
    },
    Ranking {
        name: "validity",
        meaning: "density-based validity (DBCV), noise counted as 0: dense patterns, far apart, with little noise",
        by_labels: false,
        by_resampling: false,
        value: |scores| scores.validity,
    },
    Ranking {
        name: "stability",
        meaning: "mean adjusted Rand index with clusterings of subsamples",
        by_labels: false,
        by_resampling: true,
        value: |scores| scores.stability.map(|stability| stability.mean),
    },
    Ranking {
        name: "persistence",
        meaning: "median persistence of the patterns",
        by_labels: false,
        by_resampling: false,
        value: |scores| scores.median_persistence,
    },
    Ranking {
        name: "coverage",
        meaning: "share of the samples that are in patterns",
        by_labels: false,
        by_resampling: false,
        value: |scores| (scores.patterns > 0).then_some(scores.coverage),
    },
    Ranking {
        name: "ari",
        meaning: "adjusted Rand index with the labels, noise as one pattern",
        by_labels: true,
        by_resampling: false,
        value: |scores| scores.agreement.as_ref().map(|agreement| agreement.adjusted_rand),
    },
    Ranking {
        name: "ami",
        meaning: "adjusted mutual information with the labels, noise as one pattern",
        by_labels: true,
        by_resampling: false,
        value: |scores| scores.agreement.as_ref().map(|agreement| agreement.adjusted_mutual_information),
    },
    Ranking {
        name: "v-measure",
        meaning: "V-measure with the labels, noise as one pattern; not corrected for chance",
        by_labels: true,
        by_resampling: false,
        value: |scores| scores.agreement.as_ref().map(|agreement| agreement.v_measure),
    },
];

/// Finds a ranking by its name.
pub fn find(name: &str) -> Option<&'static Ranking> {
    RANKINGS.iter().find(|ranking| ranking.name == name)
}

/// What rows are ranked by when nobody says: stable coverage, or validity where nothing was resampled.
pub fn default(resamples: usize) -> &'static Ranking {
    let fits = |ranking: &&Ranking| !ranking.by_labels && (resamples > 0 || !ranking.by_resampling);
    RANKINGS.iter().find(fits).unwrap_or(&RANKINGS[0])
}

/// Puts the rows of each layer in order and numbers those that have a value from 1. Layers stay where they are; equal
/// values are ordered by stability, then by the order of the grid; rows without a value come last.
pub fn rank(rows: &mut Vec<Row>, ranking: &Ranking) {
    let value = |row: &Row| row.scores.as_ref().and_then(ranking.value);
    let stability = |row: &Row| row.scores.as_ref().and_then(|scores| scores.stability).map(|stability| stability.mean);
    let falling = |x: Option<f64>, y: Option<f64>| match (x, y) {
        (Some(x), Some(y)) => y.total_cmp(&x),
        (x, y) => y.is_some().cmp(&x.is_some()),
    };
    let failed = |row: &Row| row.scores.is_none();
    let mut ranked = Vec::with_capacity(rows.len());
    for layer in rows.chunk_by_mut(|x, y| x.layer == y.layer) {
        // A stable sort: what is equal in all of this stays in the order of the grid.
        layer.sort_by(|x, y| {
            falling(value(x), value(y)).then(falling(stability(x), stability(y))).then(failed(x).cmp(&failed(y)))
        });
        for (index, row) in layer.iter_mut().enumerate() {
            row.rank = value(row).map(|_| index + 1);
        }
        ranked.extend_from_slice(layer);
    }
    *rows = ranked;
}
