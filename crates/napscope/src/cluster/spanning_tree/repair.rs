//! From any spanning tree to the minimum one, in one sweep over all pairs.
//!
//! A pair belongs to a better tree only if it is nearer than the highest edge on the tree's path between the two. With the
//! points in the order of the [`Chain`] that height is a highest gap, the same for long stretches of pairs, so nearly all
//! pairs are ruled out by panels and tiles. The few that are left, together with the tree, hold the minimum tree.

use super::chain::Chain;
use super::falling::FallingGaps;
use super::nearby::{Nearby, sights};
use super::{Edge, MutualReachability, forest};
use crate::error::Result;
use crate::neighbors::{Cloud, Half, Limits, Panels, Search, Span, choose_stages, live_tiles, ranks, sweep};
use crate::progress::Meter;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const COLS: usize = Panels::WIDTH;
/// All pairs.
const ALL: Span = Span::After(0..usize::MAX);
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
    let falling = FallingGaps::new(&chain, edges, &bridges);
    let tree = Tree { cloud, graph, radius, content, chain: &chain, falling: &falling };
    let found = match tree.around_points(edges, meter)? {
        Some(found) => found,
        None => tree.along_the_chain(meter)?,
    };
    edges.extend(found);
    forest::thin_out(content.len(), edges);
    Ok(())
}

/// A tree to be repaired.
struct Tree<'a> {
    cloud: &'a Cloud<'a>,
    graph: &'a MutualReachability<'a>,
    radius: &'a [f64],
    content: &'a [u32],
    chain: &'a Chain,
    falling: &'a FallingGaps,
}

impl Tree<'_> {
    /// What is nearer than the tree, found by points that look around, where that takes fewer tiles than the chain does.
    fn around_points(&self, edges: &[Edge], meter: &Meter<'_>) -> Result<Option<Vec<Edge>>> {
        if !self.cloud.has_few_dimensions() {
            return Ok(None);
        }
        let radius: Vec<f64> = self.content.iter().map(|&sample| self.radius[sample as usize]).collect();
        let panels = Panels::new(self.cloud, self.cloud.compact_order());
        let vertex_of = ranks(self.content);
        let search =
            Nearby::new(self.graph, (self.chain, self.falling), &panels, &vertex_of, &radius, &sights(edges, &radius));
        if live_tiles(&panels, &search) >= self.tiles_of_chain() {
            return Ok(None);
        }
        choose_stages(&panels, &panels, &ALL, &search);
        sweep(&panels, &panels, &ALL, &search, meter)?;
        Ok(Some(search.found()))
    }

    /// The same, by the chain.
    fn along_the_chain(&self, meter: &Meter<'_>) -> Result<Vec<Edge>> {
        let panels = self.panels_of_chain();
        let search = Repair::new(self.graph, self.radius, self.chain, &panels, self.falling);
        choose_stages(&panels, &panels, &ALL, &search);
        sweep(&panels, &panels, &ALL, &search, meter)?;
        Ok(search.better.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn tiles_of_chain(&self) -> usize {
        let panels = self.panels_of_chain();
        live_tiles(&panels, &Repair::new(self.graph, self.radius, self.chain, &panels, self.falling))
    }

    fn panels_of_chain(&self) -> Panels<'_> {
        let samples = self.chain.order.iter().map(|&vertex| self.content[vertex as usize]);
        Panels::new(self.cloud, samples.collect())
    }
}

struct Repair<'a> {
    graph: &'a MutualReachability<'a>,
    chain: &'a Chain,
    panels: &'a Panels<'a>,
    falling: &'a FallingGaps,
    /// Bits of half of the key of the gap before each place, rounded up; they order as the numbers do. Whole panels: nothing is
    /// before what is no place.
    gaps: Vec<AtomicU32>,
    /// The highest of them in each panel.
    highest: Vec<AtomicU32>,
    /// How often gaps have fallen far.
    falls: AtomicUsize,
    /// The height below which no pair at a place is worth looking at; as for the gaps, half of its key; and the least of
    /// those in each panel. What is no place is infinitely high.
    radius: Vec<f64>,
    half_radius: Vec<[f32; COLS]>,
    least_radius: Vec<f32>,
    /// What is nearer than the tree.
    better: Mutex<Vec<Edge>>,
}

/// What one block of rows found, and how far each of its panels has looked.
pub(super) struct Found {
    first: usize,
    /// For every row panel.
    looked: Vec<Looked>,
    /// The highest gap from the last place of the row panel at hand to before the columns at hand.
    before: f32,
    /// The columns at hand, and the highest gap from before the first of them to each.
    col: usize,
    up_to: [f32; COLS],
    edges: Vec<Edge>,
}

/// How far a row panel has looked, and what it is like. Gaps only fall, so what is remembered of them is never too low.
#[derive(Clone, Copy)]
struct Looked {
    /// The highest gap from its last place to the columns looked at last.
    highest: f32,
    /// Falls that this knows of.
    falls: usize,
    /// The highest gap from each of its places to the last; between any two; and before any.
    from: [f32; COLS],
    within: f32,
    of_all: f32,
}

impl Looked {
    /// Nothing yet.
    const NONE: Looked = Looked { highest: 0.0, falls: usize::MAX, from: [0.0; COLS], within: 0.0, of_all: 0.0 };
}

impl<'a> Repair<'a> {
    fn new(
        graph: &'a MutualReachability<'a>,
        radius: &[f64],
        chain: &'a Chain,
        panels: &'a Panels<'a>,
        falling: &'a FallingGaps,
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
            better: Mutex::new(Vec::new()),
        };
        let halves = |heights: &[f64]| {
            let mut halves = [f32::INFINITY; COLS];
            halves.iter_mut().zip(heights).for_each(|(half, &height)| *half = repair.half(height));
            halves
        };
        repair.half_radius = repair.radius.chunks(COLS).map(halves).collect();
        let least = |panel: &[f32; COLS]| panel.iter().copied().fold(f32::INFINITY, f32::min);
        repair.least_radius = repair.half_radius.iter().map(least).collect();
        let gaps = std::iter::once(0.0).chain(chain.gaps.iter().map(|&height| repair.half(height)));
        let gaps = gaps.chain(std::iter::repeat(0.0)).take(panels.len() * COLS);
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

    /// The gaps before the places of a panel, as they are now.
    fn gaps_in(&self, panel: usize) -> [f32; COLS] {
        std::array::from_fn(|at| self.gap(panel * COLS + at))
    }

    fn highest_in(&self, panel: usize) -> f32 {
        self.gaps_in(panel).into_iter().fold(0.0, f32::max)
    }

    /// Remembers what the gaps of a row panel are now.
    fn look_at(&self, row: usize, looked: &mut Looked) {
        let gaps = self.gaps_in(row);
        let mut highest = 0.0f32;
        for (from, gap) in looked.from.iter_mut().zip(gaps).rev() {
            *from = highest;
            highest = highest.max(gap);
        }
        (looked.within, looked.of_all) = (looked.from[0], highest);
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
        let looked = vec![Looked::NONE; rows.len()];
        Found { first: rows.start, looked, before: 0.0, col: usize::MAX, up_to: [0.0; COLS], edges: Vec::new() }
    }

    fn reach(&self, found: &mut Found, row: usize, col: usize) -> f32 {
        let falls = self.falls.load(Ordering::Relaxed);
        let looked = &mut found.looked[row - found.first];
        if falls != looked.falls {
            self.look_at(row, looked);
            looked.highest = (row + 1..col).map(|panel| self.highest(panel)).fold(0.0, f32::max);
            looked.falls = falls;
        }
        found.before = looked.highest;
        if row != col {
            looked.highest = looked.highest.max(self.highest(col));
        }
        let reach = looked.highest.max(looked.within);
        if found.col != col {
            found.col = col;
            let mut highest = 0.0f32;
            found.up_to = self.gaps_in(col).map(|gap| {
                highest = highest.max(gap);
                highest
            });
        }
        // Of two halves of keys, rounded up alike, the greater one belongs to the greater height.
        let radius = self.least_radius[row].max(self.least_radius[col]);
        if radius > reach { f32::NEG_INFINITY } else { reach }
    }

    fn limits(&self, found: &Found, row: usize, col: usize, limits: &mut Limits) {
        // What is not worth looking at up to a height has no limit there.
        let below = |radius: &[f32; COLS], heights: &[f32; COLS]| -> [f32; COLS] {
            std::array::from_fn(|at| if radius[at] > heights[at] { f32::NEG_INFINITY } else { heights[at] })
        };
        let (row_radius, col_radius) = (&self.half_radius[row], &self.half_radius[col]);
        if row == col {
            // The gap before the first place is not between two of them.
            let mut gaps = self.gaps_in(row);
            gaps[0] = 0.0;
            for at in 1..COLS {
                gaps[at] = gaps[at].max(gaps[at - 1]);
            }
            *limits = Limits { rows: [f32::NEG_INFINITY; COLS], cols: below(col_radius, &gaps), dead_rows: 0 };
            return;
        }
        // The highest gap between two places is that from the first to the end of its panel, or from there to the second.
        let looked = &found.looked[row - found.first];
        limits.rows = below(row_radius, &looked.from);
        limits.cols = below(col_radius, &found.up_to.map(|highest| highest.max(found.before)));
        let highest = looked.of_all.max(found.before).max(found.up_to[COLS - 1]);
        let dead = |mask, (at, radius): (usize, &f32)| mask | u64::from(*radius > highest) << at;
        limits.dead_rows = row_radius.iter().enumerate().fold(0, dead);
    }

    fn visit(&self, found: &mut Found, row: usize, col: usize, half: Half) {
        let highest = self.chain.highest_gap(row, col);
        let limit = self.falling.limit(row, col, highest);
        if self.radius[row].max(self.radius[col]) >= limit || half.least > self.half(limit) {
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
