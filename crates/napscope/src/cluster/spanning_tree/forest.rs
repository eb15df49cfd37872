//! Kruskal's algorithm, in an order of the edges that leaves no tie open.

use super::super::disjoint_sets::DisjointSets;
use super::Edge;
use rayon::prelude::*;
use std::cmp::Ordering;

/// By height, then by ends: with vertices numbered in the order of content, the same order for any order of the rows.
pub(super) fn compare(x: &Edge, y: &Edge) -> Ordering {
    let ends = |edge: &Edge| (edge.a.min(edge.b), edge.a.max(edge.b));
    x.height.total_cmp(&y.height).then_with(|| ends(x).cmp(&ends(y)))
}

/// Sorts by [`compare`].
pub(super) fn sort(edges: &mut [Edge]) {
    edges.par_sort_unstable_by(compare);
}

/// Keeps the edges of the minimum spanning forest of `edges` over `vertices` vertices, sorted; returns what is together.
pub(super) fn thin_out(vertices: usize, edges: &mut Vec<Edge>) -> DisjointSets {
    sort(edges);
    let mut sets = DisjointSets::new(vertices);
    edges.retain(|edge| sets.union(edge.a, edge.b));
    sets
}
