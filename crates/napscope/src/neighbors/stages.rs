//! How searches rule pairs out: chosen on a sample of tiles by what each choice would cost there.
//!
//! Where a few directions hold most of the spread, leading coordinates rule out most pairs for a fraction of the work.
//! Where processors multiply bytes, all coordinates in bytes rule out most of the rest for a fraction of it. Where neither
//! would pay, the choice is to do without.

use super::cloud::LADDER;
use super::panels::{Lead, Panels};
use super::sweep::{Limits, Pair, Search, Span};
use super::tile::{COLS, ROWS, Tile};

/// Panels of the sample, at the most, and one in how many, above a few; all pairs of them are looked at.
const SAMPLE: usize = 28;
const ONE_IN: usize = 16;
const FEW_PANELS: usize = 8;
/// What testing a tile, and measuring a pair, costs beside the coordinates; in coordinates of a tile. Measured.
const TEST_COST: f64 = 6.0;
const LOOK_COST: f64 = 8.0;
const LOOK_COST_OF_COORDINATE: f64 = 1.0 / 32.0;
/// What a coordinate costs in bytes.
const BYTE_COST: f64 = 0.25;
/// What a leading coordinate costs each point, by itself and for each coordinate that it is computed from.
const PACK_COST: f64 = 0.5;
/// What it costs a point to have a coordinate of its own packed, where all are asked for.
const FULL_PACK_COST: f64 = 1.2;
const PROJECT_COST_OF_COORDINATE: f64 = 1.0 / 100.0;
/// Fewer tiles do not tell what bytes leave.
const TELLING: usize = 16;
/// A choice must be expected to cost less than this part of doing without.
const WORTH_IT: f64 = 0.95;

/// Pairs left of a tile up to which looking at each costs less than summing up all coordinates of the tile.
pub(super) fn few_pairs<S: Search>(dimensions: usize) -> u32 {
    ((dimensions as f64 + TEST_COST) / S::look_cost(dimensions, false)) as u32
}

/// What measuring a pair costs, in coordinates of a tile.
pub(super) fn measure_cost(dimensions: usize) -> f64 {
    LOOK_COST + LOOK_COST_OF_COORDINATE * dimensions as f64
}

/// A way to rule pairs out before all coordinates are summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    /// Steps of the ladder.
    leading: Option<[usize; 2]>,
    bytes: bool,
    /// All coordinates, before pairs are looked at one by one.
    full: bool,
}

/// How many pairs of a tile each test leaves, by itself.
struct Left {
    leading: [u32; LADDER.len()],
    bytes: u32,
    all: u32,
}

/// Lets searches of the points of `cols` for those of `rows` begin as costs the least for this one; both may be the same.
pub(crate) fn choose_stages<S: Search>(rows: &Panels<'_>, cols: &Panels<'_>, span: &Span, search: &S) {
    let steps: Vec<usize> = match rows.cloud.basis() {
        Some(basis) => (0..LADDER.len()).filter(|&step| LADDER[step] <= basis.len()).collect(),
        None => Vec::new(),
    };
    choose(rows, cols, span, search, &steps);
}

/// As [`choose_stages`], but without leading coordinates, which are chosen once: what is near is hardly ruled out by them.
pub(super) fn choose_tests<S: Search>(panels: &Panels<'_>, span: &Span, search: &S) {
    choose(panels, panels, span, search, &[]);
}

fn choose<S: Search>(rows: &Panels<'_>, cols: &Panels<'_>, span: &Span, search: &S, steps: &[usize]) {
    let dimensions = rows.points().dimensions();
    let has_bytes = rows.bytes().is_some();
    if steps.is_empty() && !has_bytes {
        return;
    }
    let (sample, tiles) = sample_tiles(rows, cols, span, search, steps);
    let positions = if std::ptr::eq(rows, cols) { rows.positions() } else { rows.positions() + cols.positions() };
    let few = few_pairs::<S>(dimensions);
    let look_costs = [false, true].map(|is_summed| S::look_cost(dimensions, is_summed));
    let costs = Costs { sample, tiles, dimensions, positions, few, look_costs };
    let pairs = (0..steps.len()).flat_map(|second| (0..second).map(move |first| [first, second]));
    let leading = pairs.map(|[first, second]| Some([steps[first], steps[second]])).chain([None]);
    // Where searches do without bytes already, a handful of tiles is no reason to go back to them.
    let may_use_bytes = has_bytes && (rows.tests().0 || costs.sample.len() >= TELLING);
    let tests: &[_] = if may_use_bytes { &[(false, true), (true, false), (true, true)] } else { &[(false, true)] };
    let choices = leading.flat_map(|leading| tests.iter().map(move |&(bytes, full)| Choice { leading, bytes, full }));
    let best = choices.map(|choice| (costs.of(choice), choice)).min_by(|x, y| x.0.total_cmp(&y.0));
    const PLAIN: Choice = Choice { leading: None, bytes: false, full: true };
    let choice = best.filter(|(cost, _)| *cost < WORTH_IT * costs.of(PLAIN)).map_or(PLAIN, |(_, choice)| choice);
    for panels in [rows, cols] {
        if let Some(stages) = choice.leading {
            panels.begin_with(stages);
        }
        panels.test_by(choice.bytes, choice.full);
    }
}

struct Costs {
    sample: Vec<Left>,
    /// Tiles that the boxes of the panels do not rule out.
    tiles: f64,
    dimensions: usize,
    positions: usize,
    few: u32,
    /// Of a pair that is not summed up, and that is.
    look_costs: [f64; 2],
}

impl Costs {
    /// The cost of a search, in coordinates of a tile.
    fn of(&self, choice: Choice) -> f64 {
        let total: f64 = self.sample.iter().map(|left| self.of_tile(left, choice)).sum();
        let d = self.dimensions as f64;
        let leading = choice.leading.map_or(0.0, |[_, second]| LADDER[second] as f64);
        // Coordinates have to be computed and packed before they can be compared.
        let prepare =
            leading * (PACK_COST + PROJECT_COST_OF_COORDINATE * d) + if choice.full { FULL_PACK_COST * d } else { 0.0 };
        self.tiles * total / self.sample.len().max(1) as f64 + self.positions as f64 * prepare
    }

    fn of_tile(&self, left: &Left, choice: Choice) -> f64 {
        let mut cost = 0.0;
        let mut pairs = (ROWS * COLS) as u32;
        if let Some([first, second]) = choice.leading {
            cost += LADDER[first] as f64 + TEST_COST;
            if left.leading[first] == 0 {
                return cost;
            }
            cost += (LADDER[second] - LADDER[first]) as f64 + TEST_COST;
            pairs = left.leading[second];
        }
        let few = self.few;
        let mut look_cost = self.look_costs[0];
        if choice.bytes && pairs > few {
            cost += BYTE_COST * self.dimensions as f64 + TEST_COST;
            pairs = pairs.min(left.bytes);
        }
        if choice.full && pairs > few {
            cost += self.dimensions as f64 + TEST_COST;
            pairs = left.all;
            look_cost = self.look_costs[1];
        }
        cost + f64::from(pairs) * look_cost
    }
}

/// Some panels, evenly spaced.
fn some(panels: &Panels<'_>) -> Vec<usize> {
    let count = (panels.len() / ONE_IN).clamp(FEW_PANELS, SAMPLE).min(panels.len());
    (0..count).map(|at| (2 * at + 1) * panels.len() / (2 * count)).collect()
}

/// Those, or some a little further on: a panel with itself is one of many pairs, and the one with the most in common.
fn some_beside(panels: &Panels<'_>) -> Vec<usize> {
    const FURTHER: [usize; 4] = [0, 1, 3, 8];
    let further = some(panels).into_iter().zip(FURTHER.into_iter().cycle());
    let mut beside: Vec<usize> = further.map(|(panel, further)| (panel + further).min(panels.len() - 1)).collect();
    beside.sort_unstable();
    beside.dedup();
    beside
}

/// Counts what is left of one tile of every pair of some panels that their boxes do not rule out; and estimates how many
/// tiles there are in all.
fn sample_tiles<S: Search>(
    rows: &Panels<'_>,
    cols: &Panels<'_>,
    span: &Span,
    search: &S,
    steps: &[usize],
) -> (Vec<Left>, f64) {
    let chosen = some(rows);
    let beside = some_beside(cols);
    let excerpts = || rows.excerpt(&chosen, steps).zip(cols.excerpt(&beside, steps));
    let lead = if steps.is_empty() { None } else { excerpts() };
    let mut sample = Vec::new();
    let (mut pairs, mut tiles_seen) = (0, 0);
    let mut limits = Limits::NONE;
    for (at, &row) in chosen.iter().enumerate() {
        let mut found = search.begin(row..row + 1);
        for col in span.columns(row, cols.len()) {
            let reach = search.reach(&mut found, row, col);
            if rows.nearest_half(row, cols, col) > reach {
                continue;
            }
            pairs += 1;
            let Ok(place) = beside.binary_search(&col) else { continue };
            search.limits(&found, row, col, &mut limits);
            let (pair, turned) = Pair::new((rows, row), (cols, col), &limits, true);
            let first = (at + place) * ROWS % COLS;
            tiles_seen += 1;
            if !pair.is_dead(first) {
                let lead = lead.as_ref().map(|(rows, cols)| if turned { (cols, rows) } else { (rows, cols) });
                let places = if turned { (place, at) } else { (at, place) };
                sample.push(count_left(&pair, lead, places, steps, first));
            }
        }
    }
    let alive = sample.len() as f64 / f64::from(tiles_seen.max(1));
    let tiles = f64::from(pairs) / chosen.len() as f64 * (rows.len() * COLS / ROWS) as f64 * alive;
    (sample, tiles)
}

fn count_left(
    pair: &Pair<'_>,
    lead: Option<(&Lead, &Lead)>,
    (row, col): (usize, usize),
    steps: &[usize],
    first: usize,
) -> Left {
    let count = |masks: [u64; ROWS]| masks.iter().map(|mask| mask.count_ones()).sum();
    let mut left = Left { leading: [0; LADDER.len()], bytes: 0, all: 0 };
    let mut tile = Tile::ZERO;
    left.bytes = count(pair.after_bytes(first, &mut tile));
    tile = Tile::ZERO;
    for (stage, &step) in steps.iter().enumerate() {
        let Some((rows, cols)) = lead else { break };
        left.leading[step] = count(pair.after_leading((rows, row), (cols, col), stage, first, &mut tile));
    }
    let at = first / ROWS;
    left.all = count(pair.passing_all(&pair.all_sums(std::array::from_fn(|tile| tile == at))[at], first));
    left
}
