//! Exact neighbors, or nearly: the user's choice, told wherever a result is told.

use super::{Neighbors, approximate_neighbors, self_neighbors};
use crate::distance::Points;
use crate::error::{Error, Result};
use crate::progress::Watch;
use crate::registry::{self, Entry};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How the neighbors of samples among themselves are found. As text (and in files) it is the specification that people type:
/// `"approximate:seed=3".parse()`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NeighborSearch {
    /// All of them.
    #[default]
    Exact,
    /// Nearly all, by NN-descent: for so many samples that looking at all pairs would take too long. A spanning tree is then
    /// that of the neighbors found, and its heights are at least the true ones.
    Approximate {
        /// Of the random choices.
        seed: u64,
    },
}

impl NeighborSearch {
    /// As [`self_neighbors`], in this way.
    ///
    /// # Errors
    /// As [`self_neighbors`].
    pub fn among(self, points: &Points, k: usize, watch: &Watch<'_>) -> Result<Neighbors> {
        match self {
            NeighborSearch::Exact => self_neighbors(points, k, watch),
            NeighborSearch::Approximate { seed } => approximate_neighbors(points, k, seed, watch),
        }
    }

    /// What a reader of the result must know; none where neighbors are exact.
    pub fn note(self) -> Option<String> {
        match self {
            NeighborSearch::Exact => None,
            NeighborSearch::Approximate { seed } => Some(format!(
                "neighbors are approximate (NN-descent, seed {seed}), as asked: patterns may differ from the exact ones"
            )),
        }
    }
}

/// Every way, in the order of help and documentation.
pub static NEIGHBOR_SEARCHES: &[Entry<NeighborSearch>] = &[
    Entry {
        name: "exact",
        summary: "all neighbors, whatever the data",
        options: &[],
        build: |_| Ok(Box::new(NeighborSearch::Exact)),
    },
    Entry {
        name: "approximate",
        summary: "nearly all neighbors, by NN-descent, for very many samples",
        options: &[("seed", "0", "of the random choices")],
        build: |options| Ok(Box::new(NeighborSearch::Approximate { seed: options.get("seed")? })),
    },
];

impl FromStr for NeighborSearch {
    type Err = Error;

    /// Reads a specification, as in `exact` or `approximate:seed=3`.
    fn from_str(spec: &str) -> Result<Self> {
        registry::build("neighbor search", NEIGHBOR_SEARCHES, spec).map(|search| *search)
    }
}

impl TryFrom<String> for NeighborSearch {
    type Error = Error;

    fn try_from(spec: String) -> Result<Self> {
        spec.parse()
    }
}

impl From<NeighborSearch> for String {
    fn from(search: NeighborSearch) -> Self {
        search.to_string()
    }
}

impl fmt::Display for NeighborSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NeighborSearch::Exact => f.write_str("exact"),
            NeighborSearch::Approximate { seed } => write!(f, "approximate:seed={seed}"),
        }
    }
}
