//! The condensed tree: the hierarchy with all parts smaller than a cluster pruned (Campello et al. 2013, section 4;
//! McInnes and Healy 2017).
//!
//! Going down from the root, a merge with two or more large parts is a split into clusters; with one, the cluster goes on
//! and the samples of the small parts fall out of it; with none, the cluster ends. λ = 1 / height.

use super::linkage::LinkageTree;
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Clusters and the λ at which every sample leaves them: rows grouped by parent, λ rising.
///
/// Samples are numbered 0 … samples − 1. Clusters follow: the root is `samples`, parents come before their children, and
/// siblings stand by size (largest first), equal ones in the order of their content; so the order of the rows of the data
/// decides nothing. In JSON it is a struct of arrays named as in Python's hdbscan; an infinite λ (coinciding samples) is
/// written as null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Arrays", into = "Arrays")]
pub struct CondensedTree {
    samples: usize,
    rows: Vec<Row>,
}

/// One row of a [`CondensedTree`]: `child` leaves `parent` at `lambda`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The cluster that is left.
    pub parent: u32,
    /// The sample (below the number of samples) or the cluster (from there on) that leaves.
    pub child: u32,
    /// One over the height at which it leaves; infinite for height 0.
    pub lambda: f64,
    /// Samples that leave: 1 for a sample.
    pub child_size: u32,
}

/// What selection asks about a cluster of the tree. Clusters are numbered from 0, the root, here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cluster {
    /// The cluster that it splits off; the root is its own parent.
    pub(crate) parent: usize,
    /// λ at which it splits off; 0 for the root.
    pub(crate) birth: f64,
    /// λ at which the last sample leaves it, or it splits.
    pub(crate) death: f64,
    pub(crate) size: u32,
    /// λ of the merge that holds all of it: where the first of its samples leaves.
    pub(crate) top: f64,
    /// Excess of mass: Σ (λ − birth) · size over its rows.
    pub(crate) stability: f64,
    /// Does nothing split off it?
    pub(crate) is_leaf: bool,
}

impl CondensedTree {
    pub(super) fn new(linkage: &LinkageTree, min_cluster_size: usize) -> Result<Self> {
        if min_cluster_size < 2 {
            let message = format!("min_cluster_size must be at least 2, got {min_cluster_size}");
            return Err(Error::new(ErrorKind::InvalidParameter, message)
                .hint("a pattern of one sample is no pattern; the original NAP takes 5"));
        }
        let samples = linkage.samples();
        let mut rows = Vec::with_capacity(samples + samples / 8);
        let mut next = samples as u32 + 1;
        let mut open = VecDeque::from([(samples as u32, linkage.root())]);
        let mut parts = Vec::new();
        while let Some((parent, top)) = open.pop_front() {
            let lambda = fall_out(linkage, parent, top, min_cluster_size, &mut rows, &mut parts);
            for &part in &parts {
                rows.push(Row { parent, child: next, lambda, child_size: linkage.size(part) as u32 });
                open.push_back((next, part));
                next += 1;
            }
        }
        Ok(CondensedTree { samples, rows })
    }

    /// Rows that form a tree, in its order.
    pub(super) fn from_condensed(samples: usize, rows: Vec<Row>) -> Self {
        CondensedTree { samples, rows }
    }

    /// Takes the rows of a tree in any order, as Python's hdbscan writes them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when they do not form a condensed tree of `samples` samples.
    pub fn from_rows(samples: usize, mut rows: Vec<Row>) -> Result<Self> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidParameter, format!("condensed tree: {what}"));
        if let Some(row) = rows.iter().find(|row| row.lambda.is_nan() || row.lambda < 0.0) {
            return Err(wrong(format!(
                "child {} leaves at lambda {}, expected a number from 0 up",
                row.child, row.lambda
            )));
        }
        rows.sort_by(|x, y| {
            x.parent
                .cmp(&y.parent)
                .then(x.lambda.total_cmp(&y.lambda))
                .then_with(|| (x.child as usize >= samples).cmp(&(y.child as usize >= samples)))
        });
        let clusters = rows.iter().filter(|row| row.child as usize >= samples).count() + 1;
        let mut seen = vec![false; samples + clusters];
        seen[samples] = true;
        for row in &rows {
            let in_range = row.parent as usize >= samples && (row.child as usize) < samples + clusters;
            let downward = (row.child as usize) < samples || row.child > row.parent;
            if !(in_range && downward) || std::mem::replace(&mut seen[row.child as usize], true) {
                return Err(wrong(format!("cluster {} cannot have child {}", row.parent, row.child)));
            }
        }
        if let Some(missing) = seen.iter().position(|seen| !seen) {
            return Err(wrong(format!("nothing is the parent of {missing}, expected a tree of {samples} samples")));
        }
        Ok(CondensedTree { samples, rows })
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The rows, grouped by parent, λ rising.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row in which every sample leaves its last cluster, in the order of the rows.
    pub(crate) fn sample_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| (row.child as usize) < self.samples)
    }

    /// Index, from 0, of the cluster that `row` leaves.
    pub(crate) fn parent(&self, row: &Row) -> usize {
        row.parent as usize - self.samples
    }

    /// The clusters, parents before children. Sums run over λ in rising order, so the order of the samples decides nothing.
    pub(crate) fn clusters(&self) -> Vec<Cluster> {
        let size = self.samples as u32;
        let root =
            Cluster { parent: 0, birth: 0.0, death: 0.0, size, top: f64::INFINITY, stability: 0.0, is_leaf: true };
        let mut clusters = vec![root; self.rows.len() + 1 - self.samples];
        for row in &self.rows {
            let index = self.parent(row);
            let parent = &mut clusters[index];
            if row.lambda > parent.birth {
                parent.stability += (row.lambda - parent.birth) * f64::from(row.child_size);
            }
            parent.death = parent.death.max(row.lambda);
            parent.top = parent.top.min(row.lambda);
            if row.child as usize >= self.samples {
                parent.is_leaf = false;
                let child = &mut clusters[row.child as usize - self.samples];
                *child = Cluster { parent: index, birth: row.lambda, size: row.child_size, ..root };
            }
        }
        clusters
    }
}

/// Goes down from merge `top` while one large part goes on, and records the samples that fall out of cluster `parent`.
/// Returns the λ at which it splits, and leaves in `large` the parts it splits into, largest first (none where it ends).
fn fall_out(
    linkage: &LinkageTree,
    parent: u32,
    top: usize,
    min_cluster_size: usize,
    rows: &mut Vec<Row>,
    large: &mut Vec<usize>,
) -> f64 {
    let mut merge = top;
    loop {
        let lambda = 1.0 / linkage.height(merge);
        large.clear();
        for &part in linkage.children(merge) {
            if linkage.size(part as usize) >= min_cluster_size {
                large.push(part as usize);
            } else {
                each_sample(linkage, part, &mut |child| rows.push(Row { parent, child, lambda, child_size: 1 }));
            }
        }
        match large[..] {
            [part] => merge = part,
            _ => {
                large.sort_by_key(|&part| std::cmp::Reverse(linkage.size(part)));
                return lambda;
            }
        }
    }
}

/// Visits the samples of a part that is smaller than a cluster.
fn each_sample(linkage: &LinkageTree, part: u32, visit: &mut impl FnMut(u32)) {
    if (part as usize) < linkage.samples() {
        return visit(part);
    }
    let mut open = vec![part];
    while let Some(node) = open.pop() {
        if (node as usize) < linkage.samples() {
            visit(node);
        } else {
            open.extend(linkage.children(node as usize).iter().rev());
        }
    }
}

/// The tree in a file.
#[derive(Serialize, Deserialize)]
struct Arrays {
    samples: usize,
    parent: Vec<u32>,
    child: Vec<u32>,
    lambda: Vec<Option<f64>>,
    child_size: Vec<u32>,
}

impl From<CondensedTree> for Arrays {
    fn from(tree: CondensedTree) -> Self {
        Arrays {
            samples: tree.samples,
            parent: tree.rows.iter().map(|row| row.parent).collect(),
            child: tree.rows.iter().map(|row| row.child).collect(),
            lambda: tree.rows.iter().map(|row| row.lambda.is_finite().then_some(row.lambda)).collect(),
            child_size: tree.rows.iter().map(|row| row.child_size).collect(),
        }
    }
}

impl TryFrom<Arrays> for CondensedTree {
    type Error = Error;

    fn try_from(arrays: Arrays) -> Result<Self> {
        let lengths = [arrays.child.len(), arrays.lambda.len(), arrays.child_size.len()];
        if lengths != [arrays.parent.len(); 3] {
            return Err(Error::shape("condensed tree", [arrays.parent.len(); 3], lengths));
        }
        let rows = (0..arrays.parent.len()).map(|at| Row {
            parent: arrays.parent[at],
            child: arrays.child[at],
            lambda: arrays.lambda[at].unwrap_or(f64::INFINITY),
            child_size: arrays.child_size[at],
        });
        CondensedTree::from_rows(arrays.samples, rows.collect())
    }
}
