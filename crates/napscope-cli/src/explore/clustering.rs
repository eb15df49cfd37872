//! The patterns of a layer as the page gets them: those of the run, or those that other parameters read off the stored tree.
//!
//! An answer is one block: the length of a JSON head as u32, the head (padded to 4 bytes), then five columns with a value a
//! sample: pattern (i32, -1 is noise), membership, outlier score (f32), the cluster of the tree that it leaves last (u32) and
//! the λ at which it does (f32). All little-endian.

use super::layer::Layer;
use super::refusal::Refusal;
use super::run::Run;
use crate::commands::predict::recipe_settings;
use crate::report::Recipe;
use crate::shell;
use napscope::cluster::{ClusterId, Clustering, CondensedTree, Hdbscan, Selection};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What may be asked anew of a stored tree. What is not named is as in the run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) min_cluster_size: Option<usize>,
    pub(super) epsilon: Option<f64>,
    pub(super) selection: Option<String>,
}

#[derive(Serialize)]
struct Head<'a> {
    min_cluster_size: usize,
    /// The tree knows nothing of smaller patterns than those that the run looked for.
    smallest: usize,
    epsilon: f64,
    selection: String,
    /// Is it what the run has found?
    of_run: bool,
    noise: usize,
    patterns: Vec<Pattern>,
    /// Clusters of the tree, the root first; `node` below counts them from 0.
    nodes: Vec<Node>,
    /// The command that finds the same.
    command: &'a str,
}

#[derive(Serialize)]
struct Pattern {
    size: usize,
    persistence: f64,
    node: usize,
}

/// A cluster of the tree; an infinite λ is null.
#[derive(Serialize, Clone, Copy)]
struct Node {
    parent: usize,
    birth: Option<f64>,
    death: Option<f64>,
    size: u32,
}

/// The patterns that `wanted` asks for.
pub(super) struct Found<'a> {
    pub(super) hdbscan: Hdbscan,
    pub(super) clustering: Cow<'a, Clustering>,
    tree: Cow<'a, CondensedTree>,
    of_run: bool,
    smallest: usize,
}

/// Reads the patterns off the stored tree; those of the run when nothing else is wanted.
pub(super) fn find<'a>(layer: &'a Layer, recipe: &Recipe, wanted: &Wanted) -> Result<Found<'a>, Refusal> {
    let smallest = recipe.hdbscan.min_cluster_size;
    let (of_run, stored) = (&layer.clustering, &layer.report.condensed_tree);
    if *wanted == Wanted::default() {
        let (clustering, tree) = (Cow::Borrowed(of_run), Cow::Borrowed(stored));
        return Ok(Found { hdbscan: recipe.hdbscan.clone(), clustering, tree, of_run: true, smallest });
    }
    let mut hdbscan = recipe.hdbscan.clone();
    if let Some(size) = wanted.min_cluster_size {
        if size < smallest {
            return Err(Refusal::bad(format!(
                "the stored tree knows patterns of {smallest} samples and more: for min_cluster_size {size} analyze again"
            )));
        }
        hdbscan.min_cluster_size = size;
        // None would follow min_cluster_size and make another tree.
        hdbscan.min_samples = hdbscan.min_samples.or(Some(smallest));
    }
    if let Some(epsilon) = wanted.epsilon {
        hdbscan.cluster_selection_epsilon = epsilon;
    }
    match wanted.selection.as_deref() {
        None => {}
        Some("leaf") => hdbscan.selection = Selection::Leaf,
        Some("eom") => hdbscan.selection = Selection::Eom,
        Some(other) => return Err(Refusal::bad(format!("{other:?} is neither eom nor leaf"))),
    }
    hdbscan.check().map_err(|error| Refusal::bad(error.to_string()))?;
    let tree = stored.condense(hdbscan.min_cluster_size);
    let clustering = tree.clustering(&hdbscan).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(Found { hdbscan, clustering: Cow::Owned(clustering), tree: Cow::Owned(tree), of_run: false, smallest })
}

impl Found<'_> {
    /// The block for the page.
    pub(super) fn encode(&self, command: &str) -> anyhow::Result<Vec<u8>> {
        let samples = self.clustering.labels.len();
        let (nodes, left) = clusters(&self.tree);
        let mut sizes = vec![0; self.clustering.persistence.len()];
        self.clustering.labels.iter().flatten().for_each(|id| sizes[id.0 as usize] += 1);
        let pattern = |(at, size): (usize, &usize)| Pattern {
            size: *size,
            persistence: self.clustering.persistence[at],
            node: self.clustering.nodes[at] as usize - samples,
        };
        let head = Head {
            min_cluster_size: self.hdbscan.min_cluster_size,
            smallest: self.smallest,
            epsilon: self.hdbscan.cluster_selection_epsilon,
            selection: self.hdbscan.selection.to_string(),
            of_run: self.of_run,
            noise: samples - sizes.iter().sum::<usize>(),
            patterns: sizes.iter().enumerate().map(pattern).collect(),
            nodes,
            command,
        };
        let mut block = head_block(&head)?;
        let labels = self.clustering.labels.iter().map(|label| label.map_or(-1, |ClusterId(id)| id as i32));
        block.extend(labels.flat_map(i32::to_le_bytes));
        for shares in [&self.clustering.membership, &self.clustering.outlier_score] {
            block.extend(shares.iter().flat_map(|share| (*share as f32).to_le_bytes()));
        }
        block.extend(left.iter().flat_map(|(node, _)| node.to_le_bytes()));
        block.extend(left.iter().flat_map(|(_, lambda)| lambda.to_le_bytes()));
        Ok(block)
    }

    /// The command that finds these patterns in the features that the run has kept.
    pub(super) fn command(&self, run: &Run, at: usize) -> anyhow::Result<String> {
        let mut recipe = run.recipe()?.clone();
        recipe.hdbscan = self.hdbscan.clone();
        let mut words = vec!["napscope cluster".to_owned()];
        words.push(shell::quote(&run.features_path(at)?.display().to_string()));
        for (name, text) in recipe_settings(&recipe) {
            match (name, text.as_str()) {
                ("allow-single-cluster", "true") => words.push(format!("--{name}")),
                ("allow-single-cluster", _) => {}
                _ => words.push(format!("--{name} {}", shell::quote(&text))),
            }
        }
        Ok(words.join(" "))
    }
}

/// A JSON head, and its length before it; what follows begins at a multiple of four.
pub(super) fn head_block(head: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut json = serde_json::to_vec(head)?;
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut block = u32::try_from(json.len())?.to_le_bytes().to_vec();
    block.extend(json);
    Ok(block)
}

/// The clusters of a tree, and for every sample the cluster that it leaves last and when.
fn clusters(tree: &CondensedTree) -> (Vec<Node>, Vec<(u32, f32)>) {
    let samples = tree.samples();
    let finite = |lambda: f64| lambda.is_finite().then_some(lambda);
    let root = Node { parent: 0, birth: Some(0.0), death: Some(0.0), size: samples as u32 };
    let mut nodes = vec![root; tree.rows().len() + 1 - samples];
    let mut left = vec![(0, 0.0); samples];
    for row in tree.rows() {
        let (parent, child) = (row.parent as usize - samples, row.child as usize);
        // Rows of a cluster stand by rising λ: the last one tells its end.
        nodes[parent].death = finite(row.lambda);
        match child.checked_sub(samples) {
            Some(child) => nodes[child] = Node { parent, birth: finite(row.lambda), death: None, size: row.child_size },
            None => left[child] = (parent as u32, row.lambda as f32),
        }
    }
    (nodes, left)
}
