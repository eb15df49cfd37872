//! Kruskal's algorithm, in an order of the edges that leaves no tie open.

use super::super::disjoint_sets::DisjointSets;
use super::Edge;
use rayon::prelude::*;

/// By height, then by ends: with vertices numbered in the order of content, the same order for any order of the rows.
pub(super) fn sort(edges: &mut [Edge]) {
    edges.par_sort_unstable_by(|x, y| {
        x.height
            .total_cmp(&y.height)
            .then_with(|| x.a.min(x.b).cmp(&y.a.min(y.b)))
            .then_with(|| x.a.max(x.b).cmp(&y.a.max(y.b)))
    });
}

/// Keeps the edges of the minimum spanning forest of `edges` over `vertices` vertices, sorted; returns what is together.
pub(super) fn thin_out(vertices: usize, edges: &mut Vec<Edge>) -> DisjointSets {
    sort(edges);
    let mut sets = DisjointSets::new(vertices);
    edges.retain(|edge| sets.union(edge.a, edge.b));
    sets
}
