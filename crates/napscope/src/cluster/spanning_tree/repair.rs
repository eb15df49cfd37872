//! From any spanning tree to the minimum one, in one sweep over all pairs.
//!
//! A pair belongs to a better tree only if it is nearer than the highest edge on the tree's path between the two. With the
//! points in the order of the [`Chain`] that height is a highest gap, the same for long stretches of pairs, so nearly all
//! pairs are ruled out by panels and tiles. The few that are left, together with the tree, hold the minimum tree.

use super::chain::Chain;
use super::forest::thin_out;
use super::{Edge, MutualReachability};
use crate::error::Result;
use crate::neighbors::{Cloud, Limits, Panels, Search, Span, choose_stages, sweep};
use crate::progress::Meter;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

const COLS: usize = Panels::WIDTH;

/// Makes `edges`, a spanning tree between vertices, the minimum one. Vertices are the samples in the order of content.
///
/// # Errors
/// [`crate::ErrorKind::Interrupted`].
pub(super) fn repair(
    cloud: &Cloud<'_>,
    graph: &MutualReachability<'_>,
    content: &[u32],
    edges: &mut Vec<Edge>,
    meter: &Meter<'_>,
) -> Result<()> {
    let chain = Chain::new(content.len(), edges);
    let panels = Panels::new(cloud, chain.order.iter().map(|&vertex| content[vertex as usize]).collect());
    let search = Repair::new(graph, &chain, &panels, std::mem::take(edges));
    let all = Span::After(0..usize::MAX);
    choose_stages(&panels, &all, &search);
    sweep(&panels, &panels, &all, &search, meter)?;
    *edges = search.better.into_inner().unwrap_or_else(PoisonError::into_inner);
    thin_out(content.len(), edges);
    Ok(())
}

struct Repair<'a> {
    graph: &'a MutualReachability<'a>,
    chain: &'a Chain,
    panels: &'a Panels<'a>,
    /// Half of the key of the gap before each place, rounded up.
    gaps: Vec<f32>,
    /// The highest of them in each panel.
    highest: Vec<f32>,
    /// The core distance at each place, and, as for the gaps, half of its key.
    core: Vec<f64>,
    half_core: Vec<f32>,
    /// The tree, and what is nearer than it.
    better: Mutex<Vec<Edge>>,
}

/// What one block of rows found, and how far each of its panels has looked.
pub(super) struct Found {
    first: usize,
    /// For every row panel, the highest gap from its first place to the columns at hand.
    highest: Vec<f32>,
    /// The same, to before the columns at hand.
    before: f32,
    edges: Vec<Edge>,
}

impl<'a> Repair<'a> {
    fn new(graph: &'a MutualReachability<'a>, chain: &'a Chain, panels: &'a Panels<'a>, tree: Vec<Edge>) -> Self {
        let half = |height: &f64| panels.half_limit(graph.points.key_bound(height * graph.alpha));
        let gaps: Vec<f32> = std::iter::once(0.0).chain(chain.gaps.iter().map(half)).collect();
        let highest = gaps.chunks(COLS).map(|gaps| gaps.iter().copied().fold(0.0, f32::max)).collect();
        let core: Vec<f64> = (0..gaps.len()).map(|place| graph.core[panels.sample(place)]).collect();
        let half_core = core.iter().map(half).collect();
        Repair { graph, chain, panels, gaps, highest, core, half_core, better: Mutex::new(tree) }
    }

    fn better(&self) -> MutexGuard<'_, Vec<Edge>> {
        // A panic elsewhere ends the whole search; what it left behind is never read.
        self.better.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Search for Repair<'_> {
    type Found = Found;

    fn begin(&self, rows: Range<usize>) -> Found {
        Found { first: rows.start, highest: vec![0.0; rows.len()], before: 0.0, edges: Vec::new() }
    }

    fn reach(&self, found: &mut Found, row: usize, col: usize) -> f32 {
        let highest = &mut found.highest[row - found.first];
        found.before = *highest;
        *highest = if row == col { self.highest_within(row) } else { highest.max(self.highest[col]) };
        *highest
    }

    fn limits(&self, found: &Found, row: usize, col: usize, limits: &mut Limits) {
        limits.rows = [f32::NEG_INFINITY; COLS];
        let mut highest = found.before;
        let places = col * COLS..((col + 1) * COLS).min(self.gaps.len());
        let of_panel = self.gaps[places.clone()].iter().zip(&self.half_core[places]);
        for (at, (limit, (gap, core))) in limits.cols.iter_mut().zip(of_panel).enumerate() {
            // The gap before the first place of the row's own panel is not between its points.
            if row != col || at > 0 {
                highest = highest.max(*gap);
            }
            // Of two halves of keys, rounded up alike, the greater one belongs to the greater height.
            *limit = if *core > highest { f32::NEG_INFINITY } else { highest };
        }
    }

    fn visit(&self, found: &mut Found, row: usize, col: usize) {
        if self.half_core[row] > found.highest[row / COLS - found.first] {
            return;
        }
        let limit = self.chain.highest_gap(row, col);
        if self.core[row].max(self.core[col]) >= limit {
            return;
        }
        let height = self.graph.height(self.panels.sample(row), self.panels.sample(col));
        if height < limit {
            found.edges.push(Edge { a: self.chain.order[row], b: self.chain.order[col], height });
        }
    }

    fn end(&self, found: Found) {
        let vertices = self.chain.order.len();
        let mut better = self.better();
        better.extend(found.edges);
        if better.len() > 4 * vertices {
            thin_out(vertices, &mut better);
        }
    }
}

impl Repair<'_> {
    fn highest_within(&self, panel: usize) -> f32 {
        let end = ((panel + 1) * COLS).min(self.gaps.len());
        self.gaps[panel * COLS + 1..end].iter().copied().fold(0.0, f32::max)
    }
}
