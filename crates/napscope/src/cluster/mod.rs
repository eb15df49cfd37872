//! HDBSCAN*: from points to a hierarchy, and from the hierarchy to patterns.
//!
//! Everything that knows a metric ends at the [`SpanningTree`]; everything behind it works on tree heights alone.

mod core_distance;
mod disjoint_sets;
mod spanning_tree;

mod linkage;

mod condensed_tree;
mod recondense;

mod selection;

mod membership;

mod exemplars;
mod glosh;
mod persistence;

mod membership_vectors;
mod new_points;

mod validity;

pub use condensed_tree::{CondensedTree, Row};
pub use core_distance::core_distances;
pub use linkage::LinkageTree;
pub use membership_vectors::MembershipVectors;
pub use new_points::{Prediction, Predictor};
pub use selection::{Candidate, Evidence, Method, Reading, SELECTIONS, Selection};
pub use spanning_tree::{Edge, SpanningTree};
pub use validity::{Validity, relative_validity, validity_index};

use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::neighbors::{NeighborSearch, content_order, ranks};
use crate::progress::{Watch, unwatched};
use serde::{Deserialize, Serialize};

/// A pattern: clusters are numbered from 0, largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u32);

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
    /// How neighbors are found; in files of earlier versions they are exact.
    #[serde(default)]
    pub neighbors: NeighborSearch,
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
            neighbors: NeighborSearch::Exact,
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
    /// The samples at the heart of each pattern, in rising order.
    pub exemplars: Vec<Vec<usize>>,
    /// The cluster of the [`CondensedTree`] that each pattern is.
    pub nodes: Vec<u32>,
}

/// What HDBSCAN* finds: the clustering and the trees that it was read off.
#[derive(Debug, Clone)]
pub struct HdbscanFit {
    /// The patterns.
    pub clustering: Clustering,
    /// The metric's distance from each sample to its `min_samples`-th neighbor.
    pub core_distances: Vec<f64>,
    /// The minimum spanning tree of mutual reachability.
    pub spanning_tree: SpanningTree,
    /// The hierarchy; condense it again for another `min_cluster_size`.
    pub linkage_tree: LinkageTree,
    /// The hierarchy pruned to `min_cluster_size`, or to the size that the selection settled on.
    pub condensed_tree: CondensedTree,
    /// What the selection went by; `None` where it had nothing to settle (`eom`, `leaf`, `level`).
    pub evidence: Option<Evidence>,
}

impl HdbscanFit {
    /// What [`Hdbscan::fit`] with `parameters` finds in the same points, byte for byte, without a second spanning tree.
    /// `parameters` may differ from those of this fit in all but `min_samples`, `alpha` and `neighbors`, which made the tree.
    ///
    /// # Errors
    /// As [`Hdbscan::fit`].
    pub fn select(&self, parameters: &Hdbscan) -> Result<Reading> {
        parameters.check_samples(self.linkage_tree.samples())?;
        selection::read(&self.core_distances, &self.linkage_tree, parameters)
    }
}

impl Hdbscan {
    /// Clusters `points`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] and [`ErrorKind::TooFewSamples`], saying which bound is broken.
    pub fn fit(&self, points: &Points) -> Result<HdbscanFit> {
        self.fit_watched(points, &unwatched)
    }

    /// As [`Hdbscan::fit`]; `watch` is told the fraction done and may stop the work.
    ///
    /// # Errors
    /// As [`Hdbscan::fit`], and [`ErrorKind::Interrupted`] when `watch` stops the work.
    pub fn fit_watched(&self, points: &Points, watch: &Watch<'_>) -> Result<HdbscanFit> {
        self.check_samples(points.samples())?;
        let (core_distances, spanning_tree) =
            spanning_tree::spanning_tree(points, self.core_neighbors(), self.alpha, self.neighbors, watch)?;
        let linkage_tree = LinkageTree::new(&spanning_tree, &ranks(&content_order(points)))?;
        let reading = selection::read(&core_distances, &linkage_tree, self)?;
        let Reading { clustering, condensed_tree, evidence, .. } = reading;
        Ok(HdbscanFit { clustering, core_distances, spanning_tree, linkage_tree, condensed_tree, evidence })
    }

    /// The most bytes that a fit of `samples` points takes at once, the points themselves and the program not counted; the
    /// result is part of it.
    pub fn memory_bytes(&self, samples: usize, dimensions: usize) -> u64 {
        spanning_tree::memory_bytes(samples as u64, dimensions as u64, self.core_neighbors() as u64, self.neighbors)
    }

    /// `min_samples`, or what stands for it.
    fn core_neighbors(&self) -> usize {
        self.min_samples.unwrap_or(self.min_cluster_size)
    }

    fn check_samples(&self, samples: usize) -> Result<()> {
        self.check()?;
        let needed = self.min_cluster_size.max(self.core_neighbors().saturating_add(1));
        if samples >= needed {
            return Ok(());
        }
        let (name, value) = match self.min_samples {
            Some(value) if value >= self.min_cluster_size => ("min_samples", value),
            _ => ("min_cluster_size", self.min_cluster_size),
        };
        let are = if samples == 1 { "sample is" } else { "samples are" };
        let message = format!("{samples} {are} too few for {name} {value}: it takes at least {needed}");
        Err(Error::new(ErrorKind::TooFewSamples, message).hint(format!("give more samples, or lower {name}")))
    }

    /// Checks the parameters by themselves.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] naming the parameter, its bound and what was found.
    pub fn check(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::new(ErrorKind::InvalidParameter, what));
        if self.min_cluster_size < 2 {
            return refuse(format!("min_cluster_size must be at least 2, got {}", self.min_cluster_size));
        }
        if self.min_samples == Some(0) {
            return refuse("min_samples must be at least 1, got 0 (the point itself does not count)".into());
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return refuse(format!("alpha must be a finite number above 0, got {}", self.alpha));
        }
        let epsilon = self.cluster_selection_epsilon;
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            return refuse(format!("cluster_selection_epsilon must be a finite number from 0 up, got {epsilon}"));
        }
        match self.max_cluster_size {
            Some(limit) if limit < self.min_cluster_size => refuse(format!(
                "max_cluster_size {limit} is below min_cluster_size {}: no cluster could be selected",
                self.min_cluster_size
            )),
            _ => Ok(()),
        }
    }
}

impl CondensedTree {
    /// Selects patterns by the parameters that come after the tree: `selection`, `cluster_selection_epsilon`,
    /// `max_cluster_size`, `allow_single_cluster` and `glosh`.
    ///
    /// # Errors
    /// As [`Hdbscan::check`]; [`ErrorKind::InvalidParameter`] for a selection that compares trees of many sizes (`plateau`,
    /// `plscan`, `dbcv`): [`HdbscanFit::select`] reads those.
    pub fn clustering(&self, parameters: &Hdbscan) -> Result<Clustering> {
        parameters.check()?;
        let clusters = self.clusters();
        let selected = selection::select(&clusters, parameters)?;
        let held = membership::chosen_cluster(self, &clusters, &selected);
        let mut sizes = vec![0; clusters.len()];
        held.iter().flatten().for_each(|&cluster| sizes[cluster] += 1);
        let mut patterns: Vec<usize> = (0..clusters.len()).filter(|&cluster| sizes[cluster] > 0).collect();
        patterns.sort_by_key(|&cluster| std::cmp::Reverse(sizes[cluster]));
        let mut id = vec![ClusterId(0); clusters.len()];
        for (number, &cluster) in patterns.iter().enumerate() {
            id[cluster] = ClusterId(number as u32);
        }
        let largest_lambda = persistence::largest_lambda(self);
        let mut exemplars = exemplars::exemplars(self, &clusters, &selected);
        let of_patterns = || patterns.iter().copied();
        Ok(Clustering {
            labels: held.iter().map(|cluster| cluster.map(|cluster| id[cluster])).collect(),
            membership: membership::membership(self, &clusters, &held),
            outlier_score: glosh::outlier_scores(self, &clusters, parameters.glosh),
            persistence: of_patterns()
                .map(|cluster| persistence::persistence(selected.mass[cluster], clusters[cluster].size, largest_lambda))
                .collect(),
            exemplars: of_patterns().map(|cluster| std::mem::take(&mut exemplars[cluster])).collect(),
            nodes: of_patterns().map(|cluster| (self.samples() + cluster) as u32).collect(),
        })
    }
}
