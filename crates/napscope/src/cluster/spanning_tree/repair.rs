//! From any spanning tree to the minimum one, in one sweep over all pairs.
//!
//! A pair belongs to a better tree only if it is nearer than the highest edge on the tree's path between the two. With the
//! points in the order of the [`Chain`] that height is a highest gap, the same for long stretches of pairs, so nearly all
//! pairs are ruled out by panels and tiles. The few that are left, together with the tree, hold the minimum tree.

use super::chain::Chain;
use super::falling::FallingGaps;
use super::{Edge, MutualReachability, forest};
use crate::error::Result;
use crate::neighbors::{Cloud, Limits, Panels, Search, Span, choose_stages, sweep};
use crate::progress::Meter;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const COLS: usize = Panels::WIDTH;
/// A gap that falls below this part of what it was is worth telling everyone.
const FAR: f32 = 0.99;

/// Makes of `edges`, a forest between vertices, and `bridges` between its trees the minimum spanning tree. Vertices are the
/// samples in the order of content. `radius` is the height that no pair of a sample falls below, but those in the forest or
/// higher than a path in it.
///
/// # Errors
/// [`crate::ErrorKind::Interrupted`].
pub(super) fn repair(
    cloud: &Cloud<'_>,
    graph: &MutualReachability<'_>,
    radius: &[f64],
    content: &[u32],
    edges: &mut Vec<Edge>,
    mut bridges: Vec<Edge>,
    meter: &Meter<'_>,
) -> Result<()> {
    edges.extend_from_slice(&bridges);
    forest::sort(edges);
    forest::sort(&mut bridges);
    let chain = Chain::new(content.len(), edges);
    let panels = Panels::new(cloud, chain.order.iter().map(|&vertex| content[vertex as usize]).collect());
    let falling = FallingGaps::new(&chain, edges, &bridges);
    let search = Repair::new(graph, radius, &chain, &panels, falling, std::mem::take(edges));
    let all = Span::After(0..usize::MAX);
    choose_stages(&panels, &all, &search);
    sweep(&panels, &panels, &all, &search, meter)?;
    *edges = search.better.into_inner().unwrap_or_else(PoisonError::into_inner);
    forest::thin_out(content.len(), edges);
    Ok(())
}

struct Repair<'a> {
    graph: &'a MutualReachability<'a>,
    chain: &'a Chain,
    panels: &'a Panels<'a>,
    falling: FallingGaps,
    /// Bits of half of the key of the gap before each place, rounded up; they order as the numbers do.
    gaps: Vec<AtomicU32>,
    /// The highest of them in each panel.
    highest: Vec<AtomicU32>,
    /// How often gaps have fallen far.
    falls: AtomicUsize,
    /// The height below which no pair at a place is worth looking at; as for the gaps, half of its key; and the least of
    /// those in each panel.
    radius: Vec<f64>,
    half_radius: Vec<f32>,
    least_radius: Vec<f32>,
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
    /// Falls that the highest gaps know of.
    falls: usize,
    edges: Vec<Edge>,
}

impl<'a> Repair<'a> {
    fn new(
        graph: &'a MutualReachability<'a>,
        radius: &[f64],
        chain: &'a Chain,
        panels: &'a Panels<'a>,
        falling: FallingGaps,
        tree: Vec<Edge>,
    ) -> Self {
        let radius: Vec<f64> = (0..panels.positions()).map(|place| radius[panels.sample(place)]).collect();
        let mut repair = Repair {
            graph,
            chain,
            panels,
            falling,
            gaps: Vec::new(),
            highest: Vec::new(),
            falls: AtomicUsize::new(0),
            half_radius: Vec::new(),
            least_radius: Vec::new(),
            radius,
            better: Mutex::new(tree),
        };
        repair.half_radius = repair.radius.iter().map(|&height| repair.half(height)).collect();
        let least = |panel: &[f32]| panel.iter().copied().fold(f32::INFINITY, f32::min);
        repair.least_radius = repair.half_radius.chunks(COLS).map(least).collect();
        let gaps = std::iter::once(0.0).chain(chain.gaps.iter().map(|&height| repair.half(height)));
        repair.gaps = gaps.map(|half| AtomicU32::new(half.to_bits())).collect();
        repair.highest = (0..panels.len()).map(|panel| AtomicU32::new(repair.highest_in(panel).to_bits())).collect();
        repair
    }

    /// Half of the key of pairs at this height, rounded up.
    fn half(&self, height: f64) -> f32 {
        self.panels.half_limit(self.graph.points.key_bound(height * self.graph.alpha))
    }

    fn gap(&self, place: usize) -> f32 {
        f32::from_bits(self.gaps[place].load(Ordering::Relaxed))
    }

    /// The highest of the gaps before the places of a panel, as they are now.
    fn highest_in(&self, panel: usize) -> f32 {
        let places = panel * COLS..((panel + 1) * COLS).min(self.gaps.len());
        places.map(|place| self.gap(place)).fold(0.0, f32::max)
    }

    /// The highest gap between the places of one panel.
    fn highest_within(&self, panel: usize) -> f32 {
        let places = panel * COLS + 1..((panel + 1) * COLS).min(self.gaps.len());
        places.map(|place| self.gap(place)).fold(0.0, f32::max)
    }

    fn highest(&self, panel: usize) -> f32 {
        f32::from_bits(self.highest[panel].load(Ordering::Relaxed))
    }

    /// Lets the gap behind `place` fall to `height`.
    fn fall(&self, place: usize, height: f64) {
        let (place, half) = (place + 1, self.half(height));
        let before = f32::from_bits(self.gaps[place].fetch_min(half.to_bits(), Ordering::Relaxed));
        if half < FAR * before {
            self.highest[place / COLS].store(self.highest_in(place / COLS).to_bits(), Ordering::Relaxed);
            self.falls.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn better(&self) -> MutexGuard<'_, Vec<Edge>> {
        // A panic elsewhere ends the whole search; what it left behind is never read.
        self.better.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Search for Repair<'_> {
    type Found = Found;

    fn begin(&self, rows: Range<usize>) -> Found {
        Found { first: rows.start, highest: vec![0.0; rows.len()], before: 0.0, falls: 0, edges: Vec::new() }
    }

    fn reach(&self, found: &mut Found, row: usize, col: usize) -> f32 {
        let falls = self.falls.load(Ordering::Relaxed);
        if falls != found.falls {
            found.falls = falls;
            let first = found.first;
            for (at, highest) in found.highest.iter_mut().enumerate().take_while(|(at, _)| first + at < col) {
                let between = (first + at + 1..col).map(|panel| self.highest(panel));
                *highest = between.fold(self.highest_within(first + at), f32::max);
            }
        }
        let highest = &mut found.highest[row - found.first];
        found.before = *highest;
        *highest = if row == col { self.highest_within(row) } else { highest.max(self.highest(col)) };
        // Of two halves of keys, rounded up alike, the greater one belongs to the greater height.
        let radius = self.least_radius[row].max(self.least_radius[col]);
        if radius > *highest { f32::NEG_INFINITY } else { *highest }
    }

    fn limits(&self, found: &Found, row: usize, col: usize, limits: &mut Limits) {
        limits.rows = [f32::NEG_INFINITY; COLS];
        let mut highest = found.before;
        let places = col * COLS..((col + 1) * COLS).min(self.gaps.len());
        for (limit, place) in limits.cols.iter_mut().zip(places) {
            // The gap before the first place of the row's own panel is not between its points.
            if place > row * COLS {
                highest = highest.max(self.gap(place));
            }
            *limit = if self.half_radius[place] > highest { f32::NEG_INFINITY } else { highest };
        }
        let places = row * COLS..((row + 1) * COLS).min(self.gaps.len());
        let dead = |mask, (at, radius): (usize, &f32)| mask | u64::from(*radius > highest) << at;
        limits.dead_rows = self.half_radius[places].iter().enumerate().fold(0, dead);
    }

    fn visit(&self, found: &mut Found, row: usize, col: usize) {
        let highest = self.chain.highest_gap(row, col);
        let limit = self.falling.limit(row, col, highest);
        if self.radius[row].max(self.radius[col]) >= limit {
            return;
        }
        let height = self.graph.height(self.panels.sample(row), self.panels.sample(col));
        if height < limit {
            found.edges.push(Edge { a: self.chain.order[row], b: self.chain.order[col], height });
            if let Some((place, height)) = self.falling.lower(row, col, highest, height) {
                self.fall(place, height);
            }
        }
    }

    fn end(&self, found: Found) {
        let vertices = self.chain.order.len();
        let mut better = self.better();
        better.extend(found.edges);
        if better.len() > 4 * vertices {
            forest::thin_out(vertices, &mut better);
        }
    }
}
