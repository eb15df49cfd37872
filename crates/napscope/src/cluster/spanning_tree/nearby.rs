//! The same repair by looking around points, where they lie in few dimensions.
//!
//! Where two subtrees of the hierarchy join, a nearer pair between them would be near every point of the smaller one. So it is
//! enough that each point looks as far as the highest joint at which it is on the smaller side: for most that is hardly
//! further than their neighbors. Points stand in the leaves of a k-d tree, so few leaves are that near; in many dimensions
//! too many are, and the [chain](super::repair) does better.

use super::chain::Chain;
use super::falling::FallingGaps;
use super::{Edge, MutualReachability, forest};
use crate::neighbors::{Half, Limits, Panels, Search};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

const COLS: usize = Panels::WIDTH;

/// How high the joints are up to which each vertex has to look around; 0 for none.
///
/// `edges` are those of a tree, by rising height; `radius` is by vertex the height that no pair beyond the tree falls below.
pub(super) fn sights(edges: &[Edge], radius: &[f64]) -> Vec<f64> {
    const END: u32 = u32::MAX;
    let vertices = radius.len();
    // The subtree of each vertex, called by the first vertex in it; the others follow in a list.
    let mut of: Vec<u32> = (0..vertices as u32).collect();
    let (mut next, mut last, mut size) = (vec![END; vertices], of.clone(), vec![1u32; vertices]);
    let mut least = radius.to_vec();
    let mut sights = vec![0.0; vertices];
    for &Edge { a, b, height } in edges {
        let (a, b) = (of[a as usize] as usize, of[b as usize] as usize);
        let (small, large) = if size[a] < size[b] { (a, b) } else { (b, a) };
        // A pair that is nearer than this has both of its radii below.
        let is_open = least[small].max(least[large]) < height;
        let mut vertex = small as u32;
        while vertex != END {
            let at = vertex as usize;
            if is_open && radius[at] < height {
                sights[at] = height;
            }
            of[at] = large as u32;
            vertex = next[at];
        }
        next[last[large] as usize] = small as u32;
        last[large] = last[small];
        size[large] += size[small];
        least[large] = least[large].min(least[small]);
    }
    sights
}

/// The search for what is nearer than the tree, by points.
pub(super) struct Nearby<'a> {
    graph: &'a MutualReachability<'a>,
    chain: &'a Chain,
    falling: &'a FallingGaps,
    panels: &'a Panels<'a>,
    /// The place in the chain of the sample at each position.
    places: Vec<u32>,
    radius: Vec<f64>,
    /// Halves of keys, rounded up: by position those of the radius and of what is in sight (−∞ for nothing), and the furthest
    /// sight in each panel.
    half_radius: Vec<f32>,
    half_sight: Vec<f32>,
    furthest: Vec<f32>,
    better: Mutex<Vec<Edge>>,
}

impl<'a> Nearby<'a> {
    /// `rank` is the vertex of each sample; `radius` and `sights` are by vertex.
    pub(super) fn new(
        graph: &'a MutualReachability<'a>,
        (chain, falling): (&'a Chain, &'a FallingGaps),
        panels: &'a Panels<'a>,
        rank: &[u32],
        radius: &[f64],
        sights: &[f64],
    ) -> Self {
        let mut place = vec![0; rank.len()];
        chain.order.iter().enumerate().for_each(|(at, &vertex)| place[vertex as usize] = at as u32);
        let vertices = (0..panels.positions()).map(|position| rank[panels.sample(position)] as usize);
        let half = |height: f64| panels.half_limit(graph.points.key_bound(height * graph.alpha));
        let sight = |vertex: usize| if sights[vertex] > 0.0 { half(sights[vertex]) } else { f32::NEG_INFINITY };
        let half_sight: Vec<f32> = vertices.clone().map(sight).collect();
        let furthest = |panel: &[f32]| panel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Nearby {
            graph,
            chain,
            falling,
            panels,
            places: vertices.clone().map(|vertex| place[vertex]).collect(),
            half_radius: vertices.clone().map(|vertex| half(radius[vertex])).collect(),
            radius: vertices.map(|vertex| radius[vertex]).collect(),
            furthest: half_sight.chunks(COLS).map(furthest).collect(),
            half_sight,
            better: Mutex::new(Vec::new()),
        }
    }

    /// What was found: edges between vertices.
    pub(super) fn found(self) -> Vec<Edge> {
        self.better.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn better(&self) -> MutexGuard<'_, Vec<Edge>> {
        // A panic elsewhere ends the whole search; what it left behind is never read.
        self.better.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_panel(&self, panel: usize) -> Range<usize> {
        panel * COLS..((panel + 1) * COLS).min(self.places.len())
    }
}

impl Search for Nearby<'_> {
    type Found = Vec<Edge>;

    fn begin(&self, _rows: Range<usize>) -> Vec<Edge> {
        Vec::new()
    }

    fn reach(&self, _found: &mut Vec<Edge>, row: usize, col: usize) -> f32 {
        self.furthest[row].max(self.furthest[col])
    }

    fn limits(&self, _found: &Vec<Edge>, row: usize, col: usize, limits: &mut Limits) {
        *limits = Limits { rows: [f32::NEG_INFINITY; COLS], cols: [f32::NEG_INFINITY; COLS], dead_rows: 0 };
        let (rows, cols) = (self.of_panel(row), self.of_panel(col));
        limits.rows[..rows.len()].copy_from_slice(&self.half_sight[rows.clone()]);
        limits.cols[..cols.len()].copy_from_slice(&self.half_sight[cols]);
        for (at, position) in rows.enumerate() {
            // Of two halves of keys, rounded up alike, the greater one belongs to the greater height.
            let is_dead = self.half_radius[position] > self.half_sight[position].max(self.furthest[col]);
            limits.dead_rows |= u64::from(is_dead) << at;
        }
    }

    fn visit(&self, found: &mut Vec<Edge>, row: usize, col: usize, _half: Half) {
        let (from, to) = (self.places[row].min(self.places[col]), self.places[row].max(self.places[col]));
        let (from, to) = (from as usize, to as usize);
        let highest = self.chain.highest_gap(from, to);
        let limit = self.falling.limit(from, to, highest);
        if self.radius[row].max(self.radius[col]) >= limit {
            return;
        }
        let height = self.graph.height(self.panels.sample(row), self.panels.sample(col));
        if height < limit {
            found.push(Edge { a: self.chain.order[from], b: self.chain.order[to], height });
            self.falling.lower(from, to, highest, height);
        }
    }

    fn end(&self, found: Vec<Edge>) {
        let vertices = self.chain.order.len();
        let mut better = self.better();
        better.extend(found);
        if better.len() > 4 * vertices {
            forest::thin_out(vertices, &mut better);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_side_of_an_open_joint_looks_that_far() {
        let edge = |a, b, height| Edge { a, b, height };
        // Two groups, 0 1 2 and 3 4, and 5 alone.
        let edges = [edge(0, 1, 1.0), edge(3, 4, 1.5), edge(1, 2, 2.0), edge(2, 3, 5.0), edge(4, 5, 9.0)];
        for (what, radius, expected) in [
            ("all radii low", [0.5; 6], [0.0, 1.0, 2.0, 5.0, 5.0, 9.0]),
            ("none below a joint", [9.0; 6], [0.0; 6]),
            ("the last one's is too high", [0.5, 0.5, 0.5, 0.5, 0.5, 9.0], [0.0, 1.0, 2.0, 5.0, 5.0, 0.0]),
            ("one of the smaller group's is", [0.5, 0.5, 0.5, 6.0, 0.5, 0.5], [0.0, 1.0, 2.0, 0.0, 5.0, 9.0]),
        ] {
            assert_eq!(sights(&edges, &radius), expected, "{what}");
        }
    }
}
