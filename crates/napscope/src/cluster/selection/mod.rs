//! Which clusters of the tree are the patterns.
//!
//! `eom`, `leaf` and `level` choose among the clusters of one condensed tree. `plateau`, `plscan` and `dbcv` look at the
//! hierarchy at every `min_cluster_size` and settle on one of them with `eom` or `leaf`: what they return is exactly what
//! those return there, and the curve that they went by comes along as [`Evidence`].

mod eom;
mod epsilon;
mod leaf;
mod level;

mod scan;

mod dbcv;
mod plateau;
mod plscan;

use super::condensed_tree::{Cluster, CondensedTree};
use super::linkage::LinkageTree;
use super::{Clustering, Hdbscan};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::{self, Entry};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How patterns are chosen from the hierarchy. As text (and in files) it is the specification that people type:
/// `"level:distance=0.5".parse()`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Selection {
    /// Excess of mass: the most persistent clusters that do not contain each other.
    Eom,
    /// The leaves of the tree: the finest clusters.
    Leaf,
    /// What is together at a distance: DBSCAN*, DBSCAN without border points (Campello et al. 2013, section 3). Components
    /// smaller than `min_cluster_size` are noise.
    Level {
        /// The distance, in the metric's units (that of mutual reachability).
        distance: f64,
    },
    /// The longest range of `min_cluster_size`, on a logarithmic scale, over which the clustering stays the same: sizes rise
    /// from `min_cluster_size` by a quarter of an octave, and a clustering is the same as the one before when both have as
    /// many patterns and their adjusted Rand index, noise as a class of its own, is at least `agreement`. Of the sizes in
    /// that range it takes the middle one; of equally long ranges the one with the smaller sizes.
    Plateau {
        /// What is chosen at each size.
        method: Method,
        /// Adjusted Rand index from which two clusterings count as the same, 0 … 1.
        agreement: f64,
    },
    /// The most persistent leaves (PLSCAN; Bot, Peeters and Aerts 2025, arXiv 2512.16558, as in fast_hdbscan 0.3.4): the size
    /// whose leaves live over the longest ranges of `min_cluster_size`. It asks for no size; `min_cluster_size` bounds the
    /// sizes that it considers from below.
    Plscan,
    /// The size from `min_cluster_size` up, and `eom` or `leaf`, with the highest [relative
    /// validity](super::relative_validity): density-based validation read off the tree.
    Dbcv,
}

/// What chooses clusters at one `min_cluster_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// [`Selection::Eom`].
    Eom,
    /// [`Selection::Leaf`].
    Leaf,
}

/// One clustering that a selection considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its `min_cluster_size`.
    pub min_cluster_size: usize,
    /// What chose its clusters.
    pub method: Method,
    /// Its patterns.
    pub patterns: usize,
    /// What it was judged by. `plateau`: adjusted Rand index with the candidate before, 0 for the first and where the number
    /// of patterns differs. `plscan`: total persistence of its leaves, 0 for the first. `dbcv`: relative validity.
    pub score: f64,
}

/// The clusterings that a selection considered, and which of them it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The clusterings, by rising `min_cluster_size`.
    pub candidates: Vec<Candidate>,
    /// Index of the one that was taken.
    pub chosen: usize,
}

impl Evidence {
    /// The clustering that was taken.
    pub fn taken(&self) -> &Candidate {
        &self.candidates[self.chosen]
    }
}

/// Every selection, in the order of help and documentation.
pub static SELECTIONS: &[Entry<Selection>] =
    &[leaf::ENTRY, eom::ENTRY, level::ENTRY, plateau::ENTRY, plscan::ENTRY, dbcv::ENTRY];

impl FromStr for Selection {
    type Err = Error;

    /// Reads a specification, as in `eom` or `level:distance=0.5`.
    fn from_str(spec: &str) -> Result<Self> {
        registry::build("selection", SELECTIONS, spec).map(|selection| *selection)
    }
}

impl TryFrom<String> for Selection {
    type Error = Error;

    fn try_from(spec: String) -> Result<Self> {
        spec.parse()
    }
}

impl From<Selection> for String {
    fn from(selection: Selection) -> Self {
        selection.to_string()
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selection::Eom => f.write_str("eom"),
            Selection::Leaf => f.write_str("leaf"),
            Selection::Level { distance } => write!(f, "level:distance={distance}"),
            Selection::Plateau { method, agreement } => write!(f, "plateau:method={method},agreement={agreement}"),
            Selection::Plscan => f.write_str("plscan"),
            Selection::Dbcv => f.write_str("dbcv"),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Eom => "eom",
            Method::Leaf => "leaf",
        })
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "eom" => Ok(Method::Eom),
            "leaf" => Ok(Method::Leaf),
            other => Err(Error::unknown("method", other, ["eom", "leaf"])),
        }
    }
}

/// The patterns that a selection reads off the hierarchy.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The patterns.
    pub clustering: Clustering,
    /// The pruned hierarchy that they are clusters of.
    pub condensed_tree: CondensedTree,
    /// The `min_cluster_size` that it was pruned to: the one asked for, or the one that the selection settled on.
    pub min_cluster_size: usize,
    /// What the selection went by; `None` where it had nothing to settle (`eom`, `leaf`, `level`).
    pub evidence: Option<Evidence>,
}

/// Reads patterns off the hierarchy as `parameters` ask for.
pub(super) fn read(core_distances: &[f64], linkage: &LinkageTree, parameters: &Hdbscan) -> Result<Reading> {
    parameters.check()?;
    let condensed_tree = linkage.condense(parameters.min_cluster_size)?;
    let evidence = match parameters.selection {
        Selection::Eom | Selection::Leaf | Selection::Level { .. } => {
            let clustering = condensed_tree.clustering(parameters)?;
            let min_cluster_size = parameters.min_cluster_size;
            return Ok(Reading { clustering, condensed_tree, min_cluster_size, evidence: None });
        }
        Selection::Plateau { method, agreement } => plateau::settle(&condensed_tree, parameters, method, agreement),
        Selection::Plscan => plscan::settle(&condensed_tree.clusters(), core_distances, parameters.min_cluster_size),
        Selection::Dbcv => dbcv::settle(&condensed_tree, parameters),
    };
    let min_cluster_size = evidence.taken().min_cluster_size;
    let settled = parameters.as_settled(Some(&evidence));
    let condensed_tree = if min_cluster_size == parameters.min_cluster_size {
        condensed_tree
    } else {
        linkage.condense(min_cluster_size)?
    };
    let clustering = condensed_tree.clustering(&settled)?;
    Ok(Reading { clustering, condensed_tree, min_cluster_size, evidence: Some(evidence) })
}

impl Hdbscan {
    /// These parameters with what their selection has settled on, if it had anything to settle.
    pub(super) fn as_settled(&self, evidence: Option<&Evidence>) -> Hdbscan {
        match evidence.map(Evidence::taken) {
            Some(&Candidate { min_cluster_size, method, .. }) => self.settled(min_cluster_size, method),
            None => self.clone(),
        }
    }

    /// These parameters with a plain selection at one size; a limit below that size limits nothing there.
    fn settled(&self, min_cluster_size: usize, method: Method) -> Hdbscan {
        let selection = match method {
            Method::Eom => Selection::Eom,
            Method::Leaf => Selection::Leaf,
        };
        let max_cluster_size = self.max_cluster_size.map(|limit| limit.max(min_cluster_size));
        Hdbscan { min_cluster_size, selection, max_cluster_size, ..self.clone() }
    }
}

/// The outcome of a selection: no selected cluster contains another.
pub(super) struct Selected {
    /// Is this cluster a pattern?
    pub(super) chosen: Vec<bool>,
    /// The excess of mass that each cluster counts with: its own, or of the best clusters inside where those have more.
    pub(super) mass: Vec<f64>,
    /// λ from which samples count: for all clusters, for the root.
    since: [f64; 2],
}

impl Selected {
    /// λ before which a sample that leaves `cluster` is noise.
    ///
    /// The root, chosen alone, would hold every sample; it keeps those that are still in it at the epsilon, or, without an
    /// epsilon, those that stay in it longest.
    pub(super) fn since(&self, cluster: usize) -> f64 {
        self.since[usize::from(cluster == 0)]
    }

    /// How many of the chosen clusters keep any sample: the root may lose all of them to an epsilon.
    fn patterns(&self, clusters: &[Cluster]) -> usize {
        let deepest = clusters.iter().map(|cluster| cluster.death).fold(0.0, f64::max);
        let chosen = self.chosen.iter().filter(|chosen| **chosen).count();
        if self.chosen[0] && deepest < self.since(0) { chosen - 1 } else { chosen }
    }

    /// The chosen cluster that each cluster is or lies in.
    pub(super) fn holder(&self, clusters: &[Cluster]) -> Vec<Option<usize>> {
        let mut holder: Vec<Option<usize>> = vec![None; clusters.len()];
        for index in 0..clusters.len() {
            holder[index] = if self.chosen[index] { Some(index) } else { holder[clusters[index].parent] };
        }
        holder
    }
}

/// Selects clusters of one condensed tree as `parameters` ask for.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for a selection that one condensed tree cannot answer.
pub(super) fn select(clusters: &[Cluster], parameters: &Hdbscan) -> Result<Selected> {
    match parameters.selection {
        Selection::Eom => Ok(select_by(Method::Eom, clusters, parameters)),
        Selection::Leaf => Ok(select_by(Method::Leaf, clusters, parameters)),
        Selection::Level { distance } => Ok(level::select(clusters, distance)),
        other => Err(Error::new(
            ErrorKind::InvalidParameter,
            format!("`{other}` compares condensed trees of many sizes, and this is one"),
        )
        .hint("read it off the fit (HdbscanFit::select), or take eom, leaf or level")),
    }
}

fn select_by(method: Method, clusters: &[Cluster], parameters: &Hdbscan) -> Selected {
    let (epsilon, single) = (parameters.cluster_selection_epsilon, parameters.allow_single_cluster);
    let root_since = if epsilon > 0.0 { 1.0 / epsilon } else { clusters[0].death };
    let (mut chosen, mass) = match method {
        Method::Eom => eom::select(clusters, parameters.max_cluster_size, single),
        Method::Leaf => leaf::select(clusters),
    };
    epsilon::widen(&mut chosen, clusters, epsilon, single);
    Selected { chosen, mass, since: [0.0, root_since] }
}

/// Drops what lies inside of a chosen cluster.
fn keep_outermost(chosen: &mut [bool], clusters: &[Cluster]) {
    let mut covered = vec![false; clusters.len()];
    for index in 1..clusters.len() {
        let parent = clusters[index].parent;
        covered[index] = covered[parent] || chosen[parent];
        chosen[index] &= !covered[index];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_its_specification() {
        for (spec, expected) in [
            ("eom", "eom"),
            ("leaf", "leaf"),
            ("level:distance=0.5", "level:distance=0.5"),
            ("plateau", "plateau:method=eom,agreement=0.95"),
            ("plateau:agreement=1,method=leaf", "plateau:method=leaf,agreement=1"),
            ("plscan", "plscan"),
            ("dbcv", "dbcv"),
        ] {
            let selection: Selection = spec.parse().expect(spec);
            assert_eq!(selection.to_string(), expected);
            let json = serde_json::to_string(&selection).expect("a text");
            assert_eq!(serde_json::from_str::<Selection>(&json).expect("what was written is read"), selection);
        }
        for entry in SELECTIONS {
            let spec = if entry.name == "level" { "level:distance=1" } else { entry.name };
            let told = spec.parse::<Selection>().expect(spec).to_string();
            assert!(told.starts_with(entry.name), "{spec} is told as {told}");
        }
    }

    #[test]
    fn mistakes_in_a_specification_are_told() {
        for (spec, expected) in [
            ("leef", "no selection is called `leef`"),
            ("level", "level: which distance?"),
            ("level:distance=-1", "level: `distance` must be a finite number from 0.0 up, got -1.0"),
            ("level:distance=near", "level: `distance=near` is not understood"),
            ("plateau:method=best", "plateau: `method=best` is not understood"),
            ("plateau:agreement=2", "plateau: `agreement` must lie in 0.0 ..= 1.0, got 2.0"),
            ("eom:distance=1", "no option of selection eom is called `distance`"),
        ] {
            let error = spec.parse::<Selection>().expect_err(spec);
            assert_eq!(error.to_string(), expected);
            assert!(error.how_to_mend().is_some(), "{spec}: no hint");
        }
    }
}
