//! The vertices of a spanning tree in a row, such that the highest edge between two of them is the highest gap.
//!
//! Merging along the edges by rising height and joining the two rows end to end, the gap at the joint being the edge's
//! height, puts every subtree of the hierarchy into one stretch. The highest edge on the tree's path between two vertices,
//! the least height at which they are together, then is the highest gap between their places.

use super::super::disjoint_sets::DisjointSets;
use super::Edge;

/// Gaps in a block whose highest is remembered.
const BLOCK: usize = 64;

/// A spanning tree as a row.
pub(super) struct Chain {
    /// The vertices.
    pub(super) order: Vec<u32>,
    /// The gap behind each vertex of `order` but the last.
    pub(super) gaps: Vec<f64>,
    /// Level l, place b: the highest gap of the blocks b .. b + 2^l.
    highest: Vec<Vec<f64>>,
    /// For each edge: the vertex before its gap, and the highest edge on either side when it joined them.
    joints: Vec<(u32, f64)>,
}

/// Where an edge stands in a [`Chain`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Joint {
    /// The place before its gap.
    pub(super) place: usize,
    /// The height below which it cannot fall and still be the highest edge between its two sides.
    pub(super) floor: f64,
}

impl Chain {
    /// Lays out a tree of `vertices` vertices; `edges` by rising height.
    pub(super) fn new(vertices: usize, edges: &[Edge]) -> Self {
        const END: u32 = u32::MAX;
        let mut sets = DisjointSets::new(vertices);
        let (mut first, mut last): (Vec<u32>, Vec<u32>) = (0..vertices as u32).map(|v| (v, v)).unzip();
        let mut next = vec![END; vertices];
        let mut behind = vec![0.0; vertices];
        let mut top = vec![0.0f64; vertices];
        let mut joints = Vec::with_capacity(edges.len());
        for &Edge { a, b, height } in edges {
            let (left, right) = (sets.find(a) as usize, sets.find(b) as usize);
            let (head, tail) = (first[left], last[right]);
            joints.push((last[left], top[left].max(top[right])));
            next[last[left] as usize] = first[right];
            behind[last[left] as usize] = height;
            sets.union(a, b);
            let joined = sets.find(a) as usize;
            (first[joined], last[joined], top[joined]) = (head, tail, height);
        }
        let mut order = Vec::with_capacity(vertices);
        let mut at = first[sets.find(0) as usize];
        while at != END {
            order.push(at);
            at = next[at as usize];
        }
        let gaps: Vec<f64> = order[..vertices - 1].iter().map(|&vertex| behind[vertex as usize]).collect();
        let highest = highest_gaps(&gaps);
        Chain { order, gaps, highest, joints }
    }

    /// Where the edges with these numbers, in the order they were given in, stand.
    pub(super) fn joints(&self, edges: impl Iterator<Item = usize>) -> Vec<Joint> {
        let mut place = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(at, &vertex)| place[vertex as usize] = at);
        let joint = |edge: usize| {
            let (vertex, floor) = self.joints[edge];
            Joint { place: place[vertex as usize], floor }
        };
        edges.map(joint).collect()
    }

    /// The highest gap between the places `from` < `to`.
    pub(super) fn highest_gap(&self, from: usize, to: usize) -> f64 {
        let (first, last) = (from / BLOCK + 1, to / BLOCK);
        if first > last {
            return maximum(&self.gaps[from..to]);
        }
        let ends = maximum(&self.gaps[from..first * BLOCK]).max(maximum(&self.gaps[last * BLOCK..to]));
        if first == last {
            return ends;
        }
        let level = (last - first).ilog2() as usize;
        ends.max(self.highest[level][first]).max(self.highest[level][last - (1 << level)])
    }
}

fn maximum(gaps: &[f64]) -> f64 {
    gaps.iter().copied().fold(0.0, f64::max)
}

fn highest_gaps(gaps: &[f64]) -> Vec<Vec<f64>> {
    let mut levels = vec![gaps.chunks(BLOCK).map(maximum).collect::<Vec<f64>>()];
    while let Some(below) = levels.last()
        && below.len() > 1 << (levels.len() - 1)
    {
        let step = 1 << (levels.len() - 1);
        let level = (0..below.len() - step).map(|at| below[at].max(below[at + step])).collect();
        levels.push(level);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest edge on the path between two vertices, by walking it.
    fn highest_on_path(edges: &[Edge], from: u32, to: u32) -> f64 {
        let mut reached = vec![(from, 0.0, u32::MAX)];
        while let Some((at, highest, came_from)) = reached.pop() {
            if at == to {
                return highest;
            }
            for edge in edges {
                for (here, there) in [(edge.a, edge.b), (edge.b, edge.a)] {
                    if here == at && there != came_from {
                        reached.push((there, edge.height.max(highest), at));
                    }
                }
            }
        }
        panic!("a tree reaches everyone")
    }

    #[test]
    fn the_highest_gap_is_the_highest_edge_on_the_path() {
        for vertices in [2u32, 3, 20, 65, 300] {
            let random = |at: u32| (f64::from(at + 1) * 12.9898).sin().abs() * 43758.5 % 1.0;
            let mut edges: Vec<Edge> = (1..vertices)
                .map(|a| Edge { a, b: (random(a) * f64::from(a)) as u32, height: (random(a + 999) * 20.0).floor() })
                .collect();
            edges.sort_by(|x, y| x.height.total_cmp(&y.height));
            let chain = Chain::new(vertices as usize, &edges);
            for (from, to) in (0..500).map(|at| (at * 7 % vertices as usize, at * 13 % vertices as usize)) {
                let (from, to) = (from.min(to), from.max(to));
                if from < to {
                    let expected = highest_on_path(&edges, chain.order[from], chain.order[to]);
                    assert_eq!(chain.highest_gap(from, to), expected, "{vertices} vertices, places {from} and {to}");
                }
            }
        }
    }
}
