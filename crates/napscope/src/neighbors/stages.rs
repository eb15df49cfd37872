//! After how many leading coordinates pairs are tested: chosen on a sample of tiles by what each choice would cost there.
//!
//! Where a few directions hold most of the spread, they rule out most pairs for a fraction of the work; where the spread is
//! flat, they would only be work on top, and the choice is to do without.

use super::basis::Basis;
use super::cloud::LADDER;
use super::panels::{Lead, Panels};
use super::sweep::{Limits, Search, Span};
use super::tile::{COLS, NOTHING_LEFT, ROWS, Side, Tile};

/// Row panels, and tiles, of the sample, at the most.
const SAMPLE_ROWS: usize = 24;
const SAMPLE_COLS: usize = 32;
/// What testing a tile, and looking at a pair, costs beside the coordinates; in coordinates of a tile. Measured.
const TEST_COST: f64 = 6.0;
const LOOK_COST: f64 = 8.0;
const LOOK_COST_OF_COORDINATE: f64 = 1.0 / 32.0;
/// What a leading coordinate costs each point, by itself and for each coordinate that it is computed from.
const PACK_COST: f64 = 0.5;
const PROJECT_COST_OF_COORDINATE: f64 = 1.0 / 100.0;
/// A choice must be expected to cost less than this part of doing without.
const WORTH_IT: f64 = 0.95;

/// What looking at one pair costs, in coordinates of a tile.
pub(super) fn look_cost(dimensions: usize) -> f64 {
    LOOK_COST + LOOK_COST_OF_COORDINATE * dimensions as f64
}

/// Pairs left of a tile up to which looking at each costs less than summing up all coordinates of the tile.
pub(super) fn few_pairs(dimensions: usize) -> u32 {
    ((dimensions as f64 + TEST_COST) / look_cost(dimensions)) as u32
}

/// How many pairs of a tile are left after each number of coordinates on the ladder, and after all.
struct Left {
    after: [u32; LADDER.len()],
    after_all: u32,
}

/// Lets searches among the points of `panels` begin with the stages that cost the least for this one, if any pay.
pub(crate) fn choose_stages<S: Search>(panels: &Panels<'_>, span: &Span, search: &S) {
    if let Some(stages) = cheapest(panels, span, search) {
        panels.begin_with(stages);
    }
}

fn cheapest<S: Search>(panels: &Panels<'_>, span: &Span, search: &S) -> Option<[usize; 2]> {
    let basis = panels.cloud.basis()?;
    let steps: Vec<usize> = (0..LADDER.len()).filter(|&step| LADDER[step] <= basis.len()).collect();
    let (sample, tiles) = sample_tiles(panels, basis, span, search, &steps);
    let d = panels.points().dimensions();
    let all = |left: &Left| d as f64 + TEST_COST + f64::from(left.after_all) * look_cost(d);
    let mean = |cost: &dyn Fn(&Left) -> f64| sample.iter().map(cost).sum::<f64>() / sample.len().max(1) as f64;
    let finish = |left: &Left, pairs: u32| match pairs {
        0 => 0.0,
        _ if pairs <= few_pairs(d) => f64::from(pairs) * look_cost(d),
        _ => all(left),
    };
    let staged = |[first, second]: [usize; 2]| -> f64 {
        let cost = |left: &Left| {
            let go_on = (LADDER[second] - LADDER[first]) as f64 + TEST_COST + finish(left, left.after[second]);
            LADDER[first] as f64 + TEST_COST + if left.after[first] > 0 { go_on } else { 0.0 }
        };
        // Coordinates have to be computed and packed before they can be compared.
        let prepare = LADDER[second] as f64 * (PACK_COST + PROJECT_COST_OF_COORDINATE * d as f64);
        tiles * mean(&cost) + panels.positions() as f64 * prepare
    };
    let choices = (0..steps.len()).flat_map(|second| (0..second).map(move |first| [first, second]));
    let costs = choices.map(|choice| (staged(choice), choice));
    let (cost, choice) = costs.min_by(|x, y| x.0.total_cmp(&y.0))?;
    (cost < WORTH_IT * tiles * mean(&all)).then_some(choice)
}

/// Counts what is left of some tiles, spread evenly over those that the boxes do not rule out; and estimates how many those
/// are.
fn sample_tiles<S: Search>(
    panels: &Panels<'_>,
    basis: &Basis,
    span: &Span,
    search: &S,
    steps: &[usize],
) -> (Vec<Left>, f64) {
    let mut sample = Vec::new();
    let (mut pairs, mut rows) = (0, 0);
    let row_step = panels.len().div_ceil(SAMPLE_ROWS);
    let mut limits = Limits { rows: [0.0; COLS], cols: [0.0; COLS] };
    for row in (row_step / 2..panels.len()).step_by(row_step) {
        rows += 1;
        let mut found = search.begin(row..row + 1);
        let columns = span.columns(row, panels.len());
        let step = columns.len().div_ceil(SAMPLE_COLS).max(1);
        let row_lead = panels.lead_of(basis, row, steps);
        for col in columns {
            let reach = search.reach(&mut found, row, col);
            if panels.nearest_half(row, panels, col) > reach {
                continue;
            }
            pairs += 1;
            if !(col + row).is_multiple_of(step) {
                continue;
            }
            search.limits(&found, row, col, &mut limits);
            let first = (col / step * ROWS) % COLS;
            sample.push(count_left(
                panels,
                (row, col),
                first,
                &limits,
                (&row_lead, &panels.lead_of(basis, col, steps)),
            ));
        }
    }
    let tiles = f64::from(pairs) / f64::from(rows.max(1)) * (panels.len() * COLS / ROWS) as f64;
    (sample, tiles)
}

fn count_left(
    panels: &Panels<'_>,
    (row, col): (usize, usize),
    first: usize,
    limits: &Limits,
    (row_lead, col_lead): (&Lead, &Lead),
) -> Left {
    let near = |panel: usize, limits: &[f32; COLS]| -> [f32; COLS] {
        std::array::from_fn(|k| panels.half[panel][k] - limits[k])
    };
    let (near_rows, near_cols) = (near(row, &limits.rows), near(col, &limits.cols));
    let kernel = panels.cloud.kernel;
    let count = |tile: &Tile, rests: [&[f32; COLS]; 2]| -> u32 {
        let rows = Side { half: &panels.half[row], near: &near_rows, rest: rests[0] };
        let cols = Side { half: &panels.half[col], near: &near_cols, rest: rests[1] };
        kernel.passing(tile, &rows, first, &cols).iter().map(|mask| mask.count_ones()).sum()
    };
    let mut after = [0; LADDER.len()];
    let mut tile = Tile::ZERO;
    for (stage, after) in after.iter_mut().enumerate().take(row_lead.stages()) {
        kernel.accumulate(row_lead.part(0, stage), col_lead.part(0, stage), first, &mut tile);
        *after = count(&tile, [row_lead.rest(0, stage), col_lead.rest(0, stage)]);
    }
    let mut tile = Tile::ZERO;
    kernel.accumulate(panels.full(row), panels.full(col), first, &mut tile);
    Left { after, after_all: count(&tile, [&NOTHING_LEFT; 2]) }
}
