//! The graph of nearest neighbors that projections are drawn from.
//!
//! Its vertices stand in the order of the samples' content, not of the rows: whatever is computed along the graph (sums,
//! random numbers, ties) hangs on content alone, and permuting the rows permutes the picture.

use crate::distance::Points;
use crate::neighbors::{Neighbors, content_order, ranks};
use crate::statistics::SparseSymmetric;
use rayon::prelude::*;

/// The samples in content order with their nearest neighbors.
pub(super) struct Surroundings {
    /// The row of each vertex.
    pub(super) rows: Vec<u32>,
    /// `[vertices, k]`: the vertices nearest to each, nearest first.
    nearest: Vec<u32>,
    /// Their distances.
    distances: Vec<f64>,
    k: usize,
}

impl Surroundings {
    /// The first `k` of `neighbors` of every point, or as many as there are.
    pub(super) fn new(points: &Points, neighbors: &Neighbors, k: usize) -> Self {
        let k = k.min(neighbors.k());
        let rows = content_order(points);
        let vertices = ranks(&rows);
        let nearest =
            rows.iter().flat_map(|&row| &neighbors.indices(row as usize)[..k]).map(|&row| vertices[row as usize]);
        let distances = rows.iter().flat_map(|&row| &neighbors.distances(row as usize)[..k]).copied();
        Surroundings { nearest: nearest.collect(), distances: distances.collect(), rows, k }
    }

    pub(super) fn vertices(&self) -> usize {
        self.rows.len()
    }

    /// Distances from a vertex to its neighbors, rising.
    pub(super) fn distances(&self, vertex: usize) -> &[f64] {
        &self.distances[vertex * self.k..(vertex + 1) * self.k]
    }

    /// The graph in which two vertices are joined when either is a neighbor of the other. `value(vertex, distance)` is how the
    /// one sees the other; `join` makes one value of the two views, 0 standing for a view that is not there.
    pub(super) fn graph(
        &self,
        value: impl Fn(usize, f64) -> f64 + Sync,
        join: impl Fn(f64, f64) -> f64 + Sync,
    ) -> SparseSymmetric {
        let mut seen_by = vec![Vec::new(); self.vertices()];
        for (at, &other) in self.nearest.iter().enumerate() {
            let vertex = at / self.k;
            seen_by[other as usize].push((vertex as u32, 0.0, value(vertex, self.distances[at])));
        }
        let row = |(vertex, mut views): (usize, Vec<(u32, f64, f64)>)| -> Vec<(u32, f64)> {
            let own = self.nearest[vertex * self.k..].iter().zip(self.distances(vertex));
            views.extend(own.map(|(&other, &distance)| (other, value(vertex, distance), 0.0)));
            views.sort_unstable_by_key(|view| view.0);
            let both = |views: &[(u32, f64, f64)]| {
                let (own, others) = views.iter().fold((0.0, 0.0), |sum, view| (sum.0 + view.1, sum.1 + view.2));
                (views[0].0, join(own, others))
            };
            views.chunk_by(|a, b| a.0 == b.0).map(both).collect()
        };
        from_rows(seen_by.into_par_iter().enumerate().map(row).collect())
    }
}

/// A matrix of rows that are `(column, value)`, columns rising.
pub(super) fn from_rows(rows: Vec<Vec<(u32, f64)>>) -> SparseSymmetric {
    let mut starts = vec![0];
    starts.extend(rows.iter().scan(0, |end, row| {
        *end += row.len();
        Some(*end)
    }));
    let (columns, values) = rows.into_iter().flatten().unzip();
    SparseSymmetric { starts, columns, values }
}

/// The parts of a graph that no path joins: the vertices of each, rising; the largest part first, then by the first vertex.
pub(super) fn parts(graph: &SparseSymmetric) -> Vec<Vec<u32>> {
    let mut reached = vec![false; graph.size()];
    let mut parts = Vec::new();
    for start in 0..graph.size() {
        if std::mem::replace(&mut reached[start], true) {
            continue;
        }
        let mut part = vec![start as u32];
        let mut next = 0;
        while next < part.len() {
            for &other in graph.row(part[next] as usize).0 {
                if !std::mem::replace(&mut reached[other as usize], true) {
                    part.push(other);
                }
            }
            next += 1;
        }
        part.sort_unstable();
        parts.push(part);
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

/// The matrix among the vertices of one part, renumbered.
pub(super) fn within(graph: &SparseSymmetric, part: &[u32]) -> SparseSymmetric {
    let mut number = vec![0; graph.size()];
    part.iter().zip(0..).for_each(|(&vertex, new)| number[vertex as usize] = new);
    let row = |&vertex: &u32| {
        let (columns, values) = graph.row(vertex as usize);
        columns.iter().map(|&column| number[column as usize]).zip(values.iter().copied()).collect()
    };
    from_rows(part.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};
    use crate::neighbors::self_neighbors;
    use crate::progress::unwatched;

    fn surroundings(values: &[f32], k: usize) -> Surroundings {
        let points = Points::new(values.to_vec(), 1, Geometry::L2, Rescale::Identity);
        Surroundings::new(&points, &self_neighbors(&points, k, &unwatched).expect("enough points"), k)
    }

    #[test]
    fn both_views_of_a_pair_are_joined() {
        // 0 and 1 see each other, 3 sees 1 and is seen by nobody.
        let values = [0.0, 1.0, 3.0];
        let found = surroundings(&values, 1);
        let graph = found.graph(|_, distance| distance, |own, other| 10.0 * own + other);
        let entry = |from: f32, to: f32| {
            let place = |value: f32| found.rows.iter().position(|&row| values[row as usize] == value).expect("there");
            let (columns, entries) = graph.row(place(from));
            columns.iter().position(|&column| column as usize == place(to)).map(|at| entries[at])
        };
        assert_eq!(entry(0.0, 1.0), Some(11.0));
        assert_eq!(entry(3.0, 1.0), Some(20.0), "3 sees 1");
        assert_eq!(entry(1.0, 3.0), Some(2.0), "1 is only seen");
        assert_eq!(entry(0.0, 3.0), None);
    }

    #[test]
    fn parts_are_found_and_cut_out() {
        let found = surroundings(&[0.0, 1.0, 2.0, 100.0, 101.0], 1);
        let graph = found.graph(|_, distance| distance, f64::max);
        let parts = parts(&graph);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
        let pair = within(&graph, &parts[1]);
        assert_eq!((pair.starts, pair.columns, pair.values), (vec![0, 1, 2], vec![1, 0], vec![1.0, 1.0]));
    }
}
