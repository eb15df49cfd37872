//! All pairs of panels, each ruled out as early as can be: by the boxes of the panels, by leading coordinates, by all.

use super::panels::Panels;
use super::stages::few_pairs;
use super::tile::{COLS, NOTHING_LEFT, ROWS, Side, Tile};
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of row panels that a thread sweeps over the columns at a time: what a second-level cache holds.
const BLOCK_BYTES: usize = 1 << 19;

/// What is searched for among all pairs.
pub(crate) trait Search: Sync {
    /// What one block of rows finds.
    type Found: Send;

    /// Starts a block of row panels.
    fn begin(&self, rows: Range<usize>) -> Self::Found;

    /// Half of the largest key at which any pair of these panels matters. For every row panel it is asked of rising
    /// columns, all of them.
    fn reach(&self, found: &mut Self::Found, row: usize, col: usize) -> f32;

    /// Half of the largest key at which each point matters as a row, and as a column; a pair matters if either says so.
    fn limits(&self, found: &Self::Found, row: usize, col: usize, limits: &mut Limits);

    /// Looks at a pair, given by positions, that may matter.
    fn visit(&self, found: &mut Self::Found, row: usize, col: usize);

    /// Ends a block of row panels.
    fn end(&self, found: Self::Found);
}

/// See [`Search::limits`].
pub(crate) struct Limits {
    pub(crate) rows: [f32; COLS],
    pub(crate) cols: [f32; COLS],
}

/// Which pairs of panels are swept.
#[derive(Clone)]
pub(crate) enum Span {
    /// Each panel with those so many places after it; with itself, pairs count once, the lower position as the row.
    After(Range<usize>),
    /// All rows with all columns, which are other points.
    All,
}

impl Span {
    pub(super) fn columns(&self, row: usize, panels: usize) -> Range<usize> {
        match self {
            Span::After(offsets) => (row + offsets.start).min(panels)..(row.saturating_add(offsets.end)).min(panels),
            Span::All => 0..panels,
        }
    }
}

/// Sweeps `rows` over `cols`, which are the same unless `span` is [`Span::All`]. Work is divided among threads by blocks.
pub(crate) fn sweep<S: Search>(
    rows: &Panels<'_>,
    cols: &Panels<'_>,
    span: &Span,
    search: &S,
    meter: &Meter<'_>,
) -> Result<()> {
    let panel_bytes = size_of_val(rows.full(0));
    let block = (BLOCK_BYTES / panel_bytes).clamp(1, 32);
    let blocks: Vec<Range<usize>> =
        (0..rows.len()).step_by(block).map(|first| first..(first + block).min(rows.len())).collect();
    let sweep_block = |block: Range<usize>| {
        let mut found = search.begin(block.clone());
        let mut sides = Sides::default();
        for col in span.columns(block.start, cols.len()).start..span.columns(block.end - 1, cols.len()).end {
            let active = block.clone().filter(|&row| span.columns(row, cols.len()).contains(&col));
            let mut pairs = 0;
            for row in active {
                pairs += COLS * COLS;
                let reach = search.reach(&mut found, row, col);
                if rows.nearest_half(row, cols, col) <= reach {
                    sweep_pair(rows, cols, (row, col), span, search, &mut found, &mut sides);
                }
            }
            meter.advance((pairs * rows.cloud.points().dimensions()) as u64)?;
        }
        search.end(found);
        Ok(())
    };
    blocks.into_par_iter().with_max_len(1).try_for_each(sweep_block)
}

/// Room for the limits of a pair of panels and what follows from them.
struct Sides {
    limits: Limits,
    near_rows: [f32; COLS],
    near_cols: [f32; COLS],
}

impl Default for Sides {
    fn default() -> Self {
        let limits = Limits { rows: [0.0; COLS], cols: [0.0; COLS] };
        Sides { limits, near_rows: [0.0; COLS], near_cols: [0.0; COLS] }
    }
}

fn sweep_pair<S: Search>(
    rows: &Panels<'_>,
    cols: &Panels<'_>,
    (row, col): (usize, usize),
    span: &Span,
    search: &S,
    found: &mut S::Found,
    sides: &mut Sides,
) {
    search.limits(found, row, col, &mut sides.limits);
    for k in 0..COLS {
        sides.near_rows[k] = rows.half[row][k] - sides.limits.rows[k];
        sides.near_cols[k] = cols.half[col][k] - sides.limits.cols[k];
    }
    let one_sided = matches!(span, Span::After(_)) && row == col;
    for first in (0..COLS).step_by(ROWS) {
        let masks = surviving(rows, cols, (row, col), first, &sides.near_rows, &sides.near_cols);
        for (i, mask) in masks.into_iter().enumerate() {
            let mut mask = if one_sided { mask & !0 << (first + i + 1) } else { mask };
            while mask != 0 {
                let column = mask.trailing_zeros() as usize;
                mask &= mask - 1;
                search.visit(found, row * COLS + first + i, col * COLS + column);
            }
        }
    }
}

/// The pairs of rows `first` .. `first` + 8 of panel `row` with panel `col` that nothing rules out.
fn surviving(
    rows: &Panels<'_>,
    cols: &Panels<'_>,
    (row, col): (usize, usize),
    first: usize,
    near_rows: &[f32; COLS],
    near_cols: &[f32; COLS],
) -> [u64; ROWS] {
    let kernel = rows.cloud.kernel;
    let row_side = |rest| Side { half: &rows.half[row], near: near_rows, rest };
    let col_side = |rest| Side { half: &cols.half[col], near: near_cols, rest };
    let mut left = [u64::MAX; ROWS];
    if let (Some(row_lead), Some(col_lead)) = (rows.lead(), cols.lead()) {
        let mut tile = Tile::ZERO;
        for stage in 0..row_lead.stages() {
            kernel.accumulate(row_lead.part(row, stage), col_lead.part(col, stage), first, &mut tile);
            let sides = (row_side(row_lead.rest(row, stage)), col_side(col_lead.rest(col, stage)));
            left = kernel.passing(&tile, &sides.0, first, &sides.1);
            if left == [0; ROWS] {
                return left;
            }
        }
        if left.iter().map(|mask| mask.count_ones()).sum::<u32>() <= few_pairs(rows.points().dimensions()) {
            return left;
        }
    }
    let mut tile = Tile::ZERO;
    kernel.accumulate(rows.full(row), cols.full(col), first, &mut tile);
    let passing = kernel.passing(&tile, &row_side(&NOTHING_LEFT), first, &col_side(&NOTHING_LEFT));
    std::array::from_fn(|i| left[i] & passing[i])
}

/// Tells `visit` half of the key of all pairs of two panels, as (row, column, half), rounded up; infinite where no point
/// stands.
pub(super) fn upper_halves(panels: &Panels<'_>, row: usize, col: usize, mut visit: impl FnMut(usize, usize, f32)) {
    let kernel = panels.cloud.kernel;
    // Half terms are lowered by the margin of the sum; this makes up for it, and adds the margin.
    let margin = 2.0 * (panels.margin(row) + panels.margin(col));
    for first in (0..COLS).step_by(ROWS) {
        let mut tile = Tile::ZERO;
        kernel.accumulate(panels.full(row), panels.full(col), first, &mut tile);
        for (i, sums) in tile.0.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                let half = panels.half[row][first + i] + panels.half[col][j] - sum + margin;
                visit(first + i, j, half.max(0.0));
            }
        }
    }
}
