//! HDBSCAN*: from points to a hierarchy, and from the hierarchy to patterns.
//!
//! Everything that knows a metric ends at the [`SpanningTree`]; everything behind it works on tree heights alone.

use crate::distance::Points;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// A pattern: clusters are numbered from 0, largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u32);

/// How clusters are chosen from the condensed tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Excess of mass: the most persistent clusters that do not contain each other.
    Eom,
    /// The leaves of the tree: the finest clusters.
    Leaf,
}

/// Which GLOSH outlier score is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Glosh {
    /// As published: deaths of sub-clusters reach their parents.
    Corrected,
    /// As the Python package hdbscan computed it up to 0.8.41 (its issue 628).
    Compat,
}

/// The parameters of HDBSCAN*; the defaults are those of the original NAP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hdbscan {
    /// Smallest number of samples that make a pattern; at least 2.
    pub min_cluster_size: usize,
    /// Neighbors whose distance is the core distance, the point itself not counted (as in Python's hdbscan;
    /// scikit-learn counts it: its `min_samples` is ours + 1). `None`: as `min_cluster_size`.
    pub min_samples: Option<usize>,
    /// Distances are divided by it before mutual reachability is taken.
    pub alpha: f64,
    /// Clusters that split below this distance are kept whole; 0 for none.
    pub cluster_selection_epsilon: f64,
    /// Larger clusters are not selected (EOM only); `None` for no limit.
    pub max_cluster_size: Option<usize>,
    /// May the root of the tree be selected?
    pub allow_single_cluster: bool,
    /// How clusters are chosen.
    pub selection: Selection,
    /// Which outlier score is computed.
    pub glosh: Glosh,
}

impl Default for Hdbscan {
    fn default() -> Self {
        Hdbscan {
            min_cluster_size: 5,
            min_samples: Some(5),
            alpha: 1.0,
            cluster_selection_epsilon: 0.0,
            max_cluster_size: None,
            allow_single_cluster: false,
            selection: Selection::Leaf,
            glosh: Glosh::Corrected,
        }
    }
}

/// The patterns of a layer. `None` is noise; -1 stands for it only in files and in Python.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clustering {
    /// The pattern of each sample.
    pub labels: Vec<Option<ClusterId>>,
    /// How strongly each sample belongs to its pattern, 0 (noise) … 1.
    pub membership: Vec<f64>,
    /// GLOSH: 0 (inlier) … 1 (outlier).
    pub outlier_score: Vec<f64>,
    /// How long each pattern lives, 0 … 1.
    pub persistence: Vec<f64>,
    /// The samples at the heart of each pattern.
    pub exemplars: Vec<Vec<usize>>,
}

/// What HDBSCAN* finds: the clustering and the trees that it was read off.
pub struct HdbscanFit {
    /// The patterns.
    pub clustering: Clustering,
}

impl Hdbscan {
    /// Clusters `points`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] and [`crate::ErrorKind::TooFewSamples`], saying which bound is broken.
    pub fn fit(&self, _points: &Points) -> Result<HdbscanFit> {
        unreachable!("written next")
    }
}
