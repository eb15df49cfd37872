//! The minimum spanning tree of the mutual reachability graph: the last step that knows a metric.
//!
//! The mutual reachability of two points is max(core(a), core(b), d(a, b) / alpha): two points are together at a level when
//! both are core points there and near each other (Campello et al. 2013, definition 3; alpha: Chaudhuri and Dasgupta 2010).

use super::disjoint_sets::DisjointSets;
use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::neighbors::{content_order, ranks};
use crate::progress::{Meter, Watch};
use rayon::prelude::*;

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
        edges.par_sort_unstable_by(|x, y| x.height.total_cmp(&y.height).then((x.a, x.b).cmp(&(y.a, y.b))));
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

/// A point outside of the growing tree: the lowest edge that reaches it from inside.
#[derive(Clone, Copy)]
struct Reach {
    point: u32,
    source: u32,
    height: f64,
}

/// Coordinates that one thread handles at the least; below, handing work over costs more than doing it.
const STEPS_PER_THREAD: usize = 1 << 15;

/// Prim's algorithm over edges computed on the fly: O(samples) memory, every distance once.
///
/// # Errors
/// [`ErrorKind::Interrupted`] when `watch` says so.
pub(crate) fn spanning_tree(graph: &MutualReachability<'_>, watch: &Watch<'_>) -> Result<SpanningTree> {
    let (samples, dimensions) = (graph.points.samples(), graph.points.dimensions());
    let meter = Meter::new(watch, samples as u64 * samples as u64 / 2 * dimensions as u64);
    let order = content_order(graph.points);
    let rank = ranks(&order);
    let chunk = STEPS_PER_THREAD.div_ceil(dimensions);
    let mut edges = Vec::with_capacity(samples.saturating_sub(1));
    let mut newest = order[0];
    let mut outside: Vec<Reach> =
        order[1..].iter().map(|&point| Reach { point, source: newest, height: f64::INFINITY }).collect();
    while !outside.is_empty() {
        let nearest = outside.par_chunks_mut(chunk).enumerate().map(|(index, chunk_of)| {
            nearest_outside(graph, newest, chunk_of, &rank).map(|(at, reach)| (index * chunk + at, reach))
        });
        let key = |reach: &Reach| rank[reach.point as usize];
        let nearest = nearest.flatten().reduce_with(|x, y| {
            if x.1.height.total_cmp(&y.1.height).then(key(&x.1).cmp(&key(&y.1))).is_le() { x } else { y }
        });
        let Some((at, Reach { point, source, height })) = nearest else { break };
        meter.advance((outside.len() * dimensions) as u64)?;
        outside.swap_remove(at);
        edges.push(Edge { a: source, b: point, height });
        newest = point;
    }
    Ok(SpanningTree::sorted(samples, edges))
}

/// Lets `newest` reach for the points of `outside`; returns the nearest of them and where it stands.
fn nearest_outside(
    graph: &MutualReachability<'_>,
    newest: u32,
    outside: &mut [Reach],
    rank: &[u32],
) -> Option<(usize, Reach)> {
    let mut nearest: Option<(usize, Reach)> = None;
    for (at, reach) in outside.iter_mut().enumerate() {
        let height = graph.height(newest as usize, reach.point as usize);
        if height < reach.height {
            *reach = Reach { point: reach.point, source: newest, height };
        }
        let nearer = nearest.is_none_or(|(_, best)| {
            let by_rank = || rank[reach.point as usize].cmp(&rank[best.point as usize]);
            reach.height.total_cmp(&best.height).then_with(by_rank).is_lt()
        });
        if nearer {
            nearest = Some((at, *reach));
        }
    }
    nearest
}
