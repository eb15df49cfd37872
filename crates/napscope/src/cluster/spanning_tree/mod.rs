//! The minimum spanning tree of the mutual reachability graph: the last step that knows a metric.
//!
//! The mutual reachability of two points is max(core(a), core(b), d(a, b) / alpha): two points are together at a level when
//! both are core points there and near each other (Campello et al. 2013, definition 3; alpha: Chaudhuri and Dasgupta 2010).

mod bridge;
mod chain;
mod falling;
mod forest;
mod nearby;
mod prim;
mod repair;

use super::core_distance::core_distances;
use super::disjoint_sets::DisjointSets;
use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::neighbors::{self, Cloud, NeighborSearch, Neighbors, content_order, nearest_in_cloud, ranks};
use crate::progress::{Meter, Watch};
use std::ops::ControlFlow;

/// An edge of a [`SpanningTree`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// One end.
    pub a: u32,
    /// The other end.
    pub b: u32,
    /// The mutual reachability of the two, in the metric's units.
    pub height: f64,
}

/// A minimum spanning tree of the mutual reachability graph.
///
/// Its heights are the same for every such tree. Which of several pairs at exactly the same height stands for them is a
/// matter of choice; nothing behind this type depends on it.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanningTree {
    samples: usize,
    edges: Vec<Edge>,
}

impl SpanningTree {
    /// Takes the edges of a tree that spans `samples` points, in any order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when there are not `samples` − 1 of them, an end or a height is out of range, or
    /// they close a cycle.
    pub fn new(samples: usize, edges: Vec<Edge>) -> Result<Self> {
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidParameter, format!("spanning tree: {what}")));
        if edges.len() + 1 != samples {
            return wrong(format!("{samples} samples take one edge less, got {} edges", edges.len()));
        }
        let mut sets = DisjointSets::new(samples);
        for &Edge { a, b, height } in &edges {
            let in_range = (a.max(b) as usize) < samples && height >= 0.0 && height.is_finite();
            if !in_range || !sets.union(a, b) {
                return wrong(format!("edge {a} – {b} of height {height} is out of range or closes a cycle"));
            }
        }
        Ok(Self::sorted(samples, edges))
    }

    fn sorted(samples: usize, mut edges: Vec<Edge>) -> Self {
        forest::sort(&mut edges);
        SpanningTree { samples, edges }
    }

    /// Number of points that it spans.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Its edges, by rising height.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }
}

/// The mutual reachability graph of some points, computed edge by edge and never stored.
pub(crate) struct MutualReachability<'a> {
    pub(crate) points: &'a Points,
    pub(crate) core: &'a [f64],
    pub(crate) alpha: f64,
}

impl MutualReachability<'_> {
    pub(crate) fn height(&self, i: usize, j: usize) -> f64 {
        (self.points.distance(i, j) / self.alpha).max(self.core[i]).max(self.core[j])
    }
}

/// Neighbors of each point whose edges make the first tree, at the least.
const GRAPH_NEIGHBORS: usize = 8;

/// The same where neighbors are approximate: more of them make up for those that are missed.
const MORE_NEIGHBORS: usize = 15;

/// Core distances and the minimum spanning tree of mutual reachability; of the graph of the neighbors found, where those are
/// approximate.
///
/// Points with an L2 or L1 geometry are swept twice: for their nearest neighbors, whose edges make a tree that is nearly
/// minimal, and for what is nearer than that tree. Others go the way of [`prim`].
///
/// # Errors
/// As [`core_distances`].
pub(crate) fn spanning_tree(
    points: &Points,
    min_samples: usize,
    alpha: f64,
    search: NeighborSearch,
    watch: &Watch<'_>,
) -> Result<(Vec<f64>, SpanningTree)> {
    let first_half = |fraction: f64| -> ControlFlow<()> { watch(0.5 * fraction) };
    let second_half = |fraction: f64| -> ControlFlow<()> { watch(0.5 + 0.5 * fraction) };
    let samples = points.samples();
    let content = content_order(points);
    if search != NeighborSearch::Exact {
        let neighbors = search.among(points, min_samples.max(MORE_NEIGHBORS).min(samples - 1), watch)?;
        let core = core_of(&neighbors, min_samples);
        let graph = MutualReachability { points, core: &core, alpha };
        let (mut edges, bridges) = first_tree(&graph, &content, &neighbors)?;
        edges.extend(bridges);
        return Ok((core, in_samples(edges, &content)));
    }
    let Some(cloud) = Cloud::new(points) else {
        let core = core_distances(points, min_samples, &first_half)?;
        let graph = MutualReachability { points, core: &core, alpha };
        let tree = prim::spanning_tree(&graph, &content, &second_half)?;
        return Ok((core, tree));
    };
    let pairs = samples as u64 * samples as u64 / 2;
    let meter = |watch| Meter::new(watch, pairs * points.dimensions() as u64);
    let k = min_samples.max(GRAPH_NEIGHBORS).min(samples - 1);
    let neighbors = nearest_in_cloud(&cloud, k, &content, &meter(&first_half))?;
    let core = core_of(&neighbors, min_samples);
    // Who is not among the k nearest of a sample is as far as the k-th.
    let radius: Vec<f64> =
        (0..samples).map(|sample| (neighbors.distances(sample)[k - 1] / alpha).max(core[sample])).collect();
    let graph = MutualReachability { points, core: &core, alpha };
    let (mut edges, bridges) = first_tree(&graph, &content, &neighbors)?;
    drop(neighbors);
    repair::repair(&cloud, &graph, &radius, &content, &mut edges, bridges, &meter(&second_half))?;
    Ok((core, in_samples(edges, &content)))
}

fn core_of(neighbors: &Neighbors, min_samples: usize) -> Vec<f64> {
    (0..neighbors.samples()).map(|sample| neighbors.distances(sample)[min_samples - 1]).collect()
}

/// The minimum spanning forest of the neighbors' graph, and edges that make one tree of it; between samples in the order of
/// content.
fn first_tree(
    graph: &MutualReachability<'_>,
    content: &[u32],
    neighbors: &Neighbors,
) -> Result<(Vec<Edge>, Vec<Edge>)> {
    let rank = ranks(content);
    let mut edges: Vec<Edge> = Vec::with_capacity(content.len() * neighbors.k());
    for (sample, &a) in rank.iter().enumerate() {
        for (&other, &distance) in neighbors.indices(sample).iter().zip(neighbors.distances(sample)) {
            let height = (distance / graph.alpha).max(graph.core[sample]).max(graph.core[other as usize]);
            edges.push(Edge { a, b: rank[other as usize], height });
        }
    }
    let mut together = forest::thin_out(content.len(), &mut edges);
    let bridges = bridge::join_trees(graph, content, &mut together)?;
    Ok((edges, bridges))
}

/// A tree between samples in the order of content as one between samples.
fn in_samples(mut edges: Vec<Edge>, content: &[u32]) -> SpanningTree {
    forest::sort(&mut edges);
    for edge in &mut edges {
        (edge.a, edge.b) = (content[edge.a as usize], content[edge.b as usize]);
    }
    SpanningTree { samples: content.len(), edges }
}

/// The most bytes that the way to a clustering takes at once: the points once more in panels, their leading coordinates,
/// neighbors and their edges, the trees, and what each thread prepares points in. Approximate neighbors have lists instead of
/// panels.
pub(crate) fn memory_bytes(samples: u64, dimensions: u64, min_samples: u64, search: NeighborSearch) -> u64 {
    // More neighbors than samples are refused before any are looked for.
    let min_samples = min_samples.min(samples);
    if search != NeighborSearch::Exact {
        let neighbors = min_samples.max(MORE_NEIGHBORS as u64);
        return samples * (neighbors::approximate_bytes_of_sample(dimensions, neighbors) + 28 * neighbors + 220);
    }
    let neighbors = min_samples.max(GRAPH_NEIGHBORS as u64);
    let (leading, directions) = neighbors::memory_bytes(samples, dimensions);
    let of_sample = 4 * dimensions + leading + 32 * neighbors + 256;
    let of_thread = 12 * 256 * dimensions;
    (samples + 48) * of_sample + rayon::current_num_threads() as u64 * of_thread + directions
}
