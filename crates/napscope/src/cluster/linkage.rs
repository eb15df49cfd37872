//! The hierarchy: what is together at every height of the spanning tree.
//!
//! Edges of exactly the same height merge all that they touch at once. That is what the level sets do (at a height all
//! points within it are together, in no order), and it makes the hierarchy a function of the points alone: shared core
//! distances make some 4 % of the edges exact ties, and an order among them would be the order of the rows.

use super::condensed_tree::CondensedTree;
use super::disjoint_sets::DisjointSets;
use super::spanning_tree::SpanningTree;
use crate::error::{Error, ErrorKind, Result};
use std::ops::Range;

/// The single linkage hierarchy with merges of any number of parts.
///
/// Nodes 0 … samples − 1 are the samples, later ones are merges by rising height; the last is the root.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkageTree {
    samples: usize,
    heights: Vec<f64>,
    sizes: Vec<u32>,
    /// Where the children of each merge start in `children`; one more than merges.
    starts: Vec<u32>,
    children: Vec<u32>,
}

impl LinkageTree {
    /// Reads the hierarchy off a spanning tree. `rank` is each sample's place in an order that does not hang on the order
    /// of the rows; parts of a merge stand in the order of their first members there.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] unless there is one rank a sample, [`ErrorKind::TooFewSamples`] for a single sample.
    pub fn new(tree: &SpanningTree, rank: &[u32]) -> Result<Self> {
        let samples = tree.samples();
        if rank.len() != samples {
            return Err(Error::shape("ranks", [samples], [rank.len()]));
        }
        if samples < 2 {
            return Err(Error::new(ErrorKind::TooFewSamples, "a hierarchy takes at least 2 samples, got 1"));
        }
        let mut sets = DisjointSets::new(samples);
        let mut parts: Vec<Part> =
            (0..samples).map(|sample| Part { node: sample as u32, size: 1, first: rank[sample] }).collect();
        let mut linkage =
            LinkageTree { samples, heights: Vec::new(), sizes: Vec::new(), starts: vec![0], children: Vec::new() };
        for level in tree.edges().chunk_by(|x, y| x.height == y.height) {
            let mut touched: Vec<u32> = level.iter().flat_map(|e| [e.a, e.b]).map(|end| sets.find(end)).collect();
            touched.sort_unstable();
            touched.dedup();
            level.iter().for_each(|edge| _ = sets.union(edge.a, edge.b));
            let mut merged: Vec<(u32, Part)> =
                touched.into_iter().map(|before| (sets.find(before), parts[before as usize])).collect();
            merged.sort_unstable_by_key(|(now, part)| (*now, part.first));
            let mut groups: Vec<&[(u32, Part)]> = merged.chunk_by(|x, y| x.0 == y.0).collect();
            groups.sort_unstable_by_key(|group| group[0].1.first);
            for group in groups {
                parts[group[0].0 as usize] = linkage.push(level[0].height, group);
            }
        }
        Ok(linkage)
    }

    /// Records the merge of `group` at `height` and returns what it makes.
    fn push(&mut self, height: f64, group: &[(u32, Part)]) -> Part {
        self.children.extend(group.iter().map(|(_, part)| part.node));
        let size = group.iter().map(|(_, part)| part.size).sum();
        self.heights.push(height);
        self.sizes.push(size);
        self.starts.push(self.children.len() as u32);
        Part { node: self.root() as u32, size, first: group[0].1.first }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The merges, by rising height, as node numbers.
    pub fn merges(&self) -> Range<usize> {
        self.samples..self.samples + self.heights.len()
    }

    /// The last merge, which holds every sample.
    pub(crate) fn root(&self) -> usize {
        self.samples + self.heights.len() - 1
    }

    /// The height at which the parts of a merge come together.
    pub fn height(&self, merge: usize) -> f64 {
        self.heights[merge - self.samples]
    }

    /// The parts of a merge.
    pub fn children(&self, merge: usize) -> &[u32] {
        let at = merge - self.samples;
        &self.children[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Number of samples below a node.
    pub fn size(&self, node: usize) -> usize {
        if node < self.samples { 1 } else { self.sizes[node - self.samples] as usize }
    }

    /// Prunes parts smaller than `min_cluster_size` and keeps what is left as clusters.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when `min_cluster_size` is below 2.
    pub fn condense(&self, min_cluster_size: usize) -> Result<CondensedTree> {
        CondensedTree::new(self, min_cluster_size)
    }
}

/// What is together so far.
#[derive(Clone, Copy)]
struct Part {
    /// Its node in the hierarchy.
    node: u32,
    size: u32,
    /// Rank of its first member in the order of content.
    first: u32,
}
