//! All pairs of panels, each ruled out as early as can be: by the boxes of the panels, by leading coordinates, by all.

use super::norms::Norms;
use super::panels::{Lead, Panels};
use super::quantized::Quantized;
use super::stages::few_pairs;
use super::tile::{CHUNK, COLS, NOTHING_LEFT, ROWS, Side, Tile};
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of row panels that a thread sweeps over the columns at a time: what a second-level cache holds.
const BLOCK_BYTES: usize = 1 << 19;

/// Tiles of a pair of panels.
pub(super) const TILES: usize = COLS / ROWS;
/// Values of a panel that tiles go along together, one after another: with those of the other panel, what a second-level
/// cache holds.
pub(super) const PART: usize = 4 * CHUNK * COLS;

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
    /// Negative where the other side alone decides.
    pub(crate) rows: [f32; COLS],
    pub(crate) cols: [f32; COLS],
    /// Bit i: row i matters with none of these columns, whatever they say.
    pub(crate) dead_rows: u64,
}

impl Limits {
    pub(super) const NONE: Limits =
        Limits { rows: [f32::NEG_INFINITY; COLS], cols: [f32::NEG_INFINITY; COLS], dead_rows: 0 };
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
        let mut limits = Limits::NONE;
        for col in span.columns(block.start, cols.len()).start..span.columns(block.end - 1, cols.len()).end {
            let active = block.clone().filter(|&row| span.columns(row, cols.len()).contains(&col));
            let mut pairs = 0;
            for row in active {
                pairs += COLS * COLS;
                let reach = search.reach(&mut found, row, col);
                if rows.nearest_half(row, cols, col) <= reach {
                    search.limits(&found, row, col, &mut limits);
                    let one_sided = matches!(span, Span::After(_)) && row == col;
                    sweep_pair(&Pair::new(rows, cols, row, col, &limits), one_sided, search, &mut found);
                }
            }
            meter.advance((pairs * rows.cloud.points().dimensions()) as u64)?;
        }
        search.end(found);
        Ok(())
    };
    blocks.into_par_iter().with_max_len(1).try_for_each(sweep_block)
}

/// The limits of a pair of panels, and what follows from them for the tests of its tiles.
pub(super) struct Pair<'a> {
    rows: &'a Panels<'a>,
    cols: &'a Panels<'a>,
    row: usize,
    col: usize,
    dead_rows: u64,
    near_rows: [f32; COLS],
    near_cols: [f32; COLS],
    /// The same for the coordinates in bytes.
    byte_near_rows: [f32; COLS],
    byte_near_cols: [f32; COLS],
}

impl<'a> Pair<'a> {
    pub(super) fn new(rows: &'a Panels<'a>, cols: &'a Panels<'a>, row: usize, col: usize, limits: &Limits) -> Self {
        let (row_bytes, col_bytes) = (rows.bytes(), cols.bytes());
        let near = |half: &[f32; COLS], limits: &[f32; COLS]| std::array::from_fn(|at| half[at] - limits[at]);
        let byte_near = |bytes: Option<&Quantized>, panel, limits, other: Option<&Quantized>, beside| {
            bytes.zip(other).map_or([0.0; COLS], |(bytes, other)| bytes.near(panel, limits, other, beside))
        };
        Pair {
            rows,
            cols,
            row,
            col,
            dead_rows: limits.dead_rows,
            near_rows: near(&rows.half[row], &limits.rows),
            near_cols: near(&cols.half[col], &limits.cols),
            byte_near_rows: byte_near(row_bytes, row, &limits.rows, col_bytes, col),
            byte_near_cols: byte_near(col_bytes, col, &limits.cols, row_bytes, row),
        }
    }

    /// Does no row `first` .. `first` + 8 matter?
    pub(super) fn is_dead(&self, first: usize) -> bool {
        const TILE_ROWS: u64 = (1 << ROWS) - 1;
        self.dead_rows >> first & TILE_ROWS == TILE_ROWS
    }

    /// The pairs that nothing rules out, tile after tile.
    fn surviving(&self) -> [[u64; ROWS]; TILES] {
        if let Some(norms) = &self.rows.cloud.norms {
            return self.surviving_norms(norms);
        }
        let few = few_pairs(self.rows.points().dimensions());
        let mut left: [[u64; ROWS]; TILES] = std::array::from_fn(|tile| self.surviving_first(tile * ROWS, few));
        let many = left.map(|left| count(&left) > few);
        if many != [false; TILES] {
            let passing = self.after_all(many);
            left.as_flattened_mut().iter_mut().zip(passing.as_flattened()).for_each(|(left, passing)| *left &= passing);
        }
        left
    }

    /// The pairs of rows `first` .. `first` + 8 with all columns that neither leading coordinates nor bytes rule out, or not
    /// more than a few.
    fn surviving_first(&self, first: usize, few: u32) -> [u64; ROWS] {
        let mut left = std::array::from_fn(|i| self.alive(first + i));
        if left == [0; ROWS] {
            return left;
        }
        if let Some((rows, cols)) = self.rows.lead().zip(self.cols.lead()) {
            let mut tile = Tile::ZERO;
            for stage in 0..rows.stages() {
                let passing = self.after_leading((rows, self.row), (cols, self.col), stage, first, &mut tile);
                left = std::array::from_fn(|i| left[i] & passing[i]);
                if left == [0; ROWS] {
                    return left;
                }
            }
        }
        if count(&left) > few {
            let passing = self.after_bytes(first);
            left = std::array::from_fn(|i| left[i] & passing[i]);
        }
        left
    }

    /// All pairs of a row, or none where it is dead.
    fn alive(&self, row: usize) -> u64 {
        if self.dead_rows >> row & 1 == 1 { 0 } else { u64::MAX }
    }

    /// The pairs that nothing rules out by norms, tile after tile. Panels are long, so all tiles go along them together.
    fn surviving_norms(&self, norms: &Norms<'_>) -> [[u64; ROWS]; TILES] {
        let kernel = self.rows.cloud.kernel;
        let panels = (self.rows.full(self.row), self.cols.full(self.col));
        let rows = Side { half: &self.rows.half[self.row], near: &self.near_rows, rest: &NOTHING_LEFT };
        let cols = Side { half: &self.cols.half[self.col], near: &self.near_cols, rest: &NOTHING_LEFT };
        let mut tiles: [Tile; TILES] = std::array::from_fn(|_| Tile::ZERO);
        let mut left: [[u64; ROWS]; TILES] =
            std::array::from_fn(|at| std::array::from_fn(|i| self.alive(at * ROWS + i)));
        for part in norms.parts() {
            for (at, (tile, left)) in tiles.iter_mut().zip(&mut left).enumerate() {
                if *left != [0; ROWS] {
                    norms.add(kernel, part.clone(), panels, at * ROWS, tile);
                    let passing = kernel.passing(tile, &rows, at * ROWS, &cols);
                    left.iter_mut().zip(passing).for_each(|(left, passing)| *left &= passing);
                }
            }
        }
        left
    }

    /// What is left after one more stage of leading coordinates, whose sums are added to `tile`; each side with the number
    /// of its panel there.
    pub(super) fn after_leading(
        &self,
        (rows, row): (&Lead, usize),
        (cols, col): (&Lead, usize),
        stage: usize,
        first: usize,
        tile: &mut Tile,
    ) -> [u64; ROWS] {
        let kernel = self.rows.cloud.kernel;
        kernel.accumulate(rows.part(row, stage), cols.part(col, stage), first, tile);
        let rest = (rows.rest(row, stage), cols.rest(col, stage));
        let rows = Side { half: &self.rows.half[self.row], near: &self.near_rows, rest: rest.0 };
        let cols = Side { half: &self.cols.half[self.col], near: &self.near_cols, rest: rest.1 };
        kernel.passing(tile, &rows, first, &cols)
    }

    /// What is left after all coordinates in bytes; everything where there are none.
    pub(super) fn after_bytes(&self, first: usize) -> [u64; ROWS] {
        let Some((rows, cols)) = self.rows.bytes().zip(self.cols.bytes()) else { return [u64::MAX; ROWS] };
        let kernel = self.rows.cloud.kernel;
        let mut tile = Tile::ZERO;
        kernel.accumulate_bytes(rows.panel(self.row), cols.panel(self.col), cols.bias(self.col), first, &mut tile);
        let rows = Side { half: rows.half(self.row), near: &self.byte_near_rows, rest: &NOTHING_LEFT };
        let cols = Side { half: cols.half(self.col), near: &self.byte_near_cols, rest: &NOTHING_LEFT };
        kernel.passing(&tile, &rows, first, &cols)
    }

    /// What is left of some tiles after all coordinates. Panels may be long, so the tiles go along them together.
    pub(super) fn after_all(&self, wanted: [bool; TILES]) -> [[u64; ROWS]; TILES] {
        let kernel = self.rows.cloud.kernel;
        let (a, b) = (self.rows.full(self.row), self.cols.full(self.col));
        let rows = Side { half: &self.rows.half[self.row], near: &self.near_rows, rest: &NOTHING_LEFT };
        let cols = Side { half: &self.cols.half[self.col], near: &self.near_cols, rest: &NOTHING_LEFT };
        let mut tiles: [Tile; TILES] = std::array::from_fn(|_| Tile::ZERO);
        for (a, b) in a.chunks(PART).zip(b.chunks(PART)) {
            for (at, tile) in tiles.iter_mut().enumerate().filter(|(at, _)| wanted[*at]) {
                kernel.accumulate(a, b, at * ROWS, tile);
            }
        }
        let passing = |at: usize| kernel.passing(&tiles[at], &rows, at * ROWS, &cols);
        std::array::from_fn(|at| if wanted[at] { passing(at) } else { [u64::MAX; ROWS] })
    }
}

fn count(masks: &[u64; ROWS]) -> u32 {
    masks.iter().map(|mask| mask.count_ones()).sum()
}

fn sweep_pair<S: Search>(pair: &Pair<'_>, one_sided: bool, search: &S, found: &mut S::Found) {
    for (row, mask) in pair.surviving().as_flattened().iter().enumerate() {
        let mut mask = if one_sided { mask & !0 << (row + 1) } else { *mask };
        while mask != 0 {
            let column = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            search.visit(found, pair.row * COLS + row, pair.col * COLS + column);
        }
    }
}

/// Tells `visit` half of the key of all pairs of a panel and one of `others`, as (row, column, half), rounded up; infinite
/// where no point stands.
pub(super) fn upper_halves(
    panels: &Panels<'_>,
    row: usize,
    others: &Panels<'_>,
    col: usize,
    mut visit: impl FnMut(usize, usize, f32),
) {
    let kernel = panels.cloud.kernel;
    let (a, b) = (panels.full(row), others.full(col));
    // Half terms are lowered by the margin of the sum; this makes up for it, and adds the margin.
    let margin = 2.0 * (panels.margin(row) + others.margin(col));
    for first in (0..COLS).step_by(ROWS) {
        let mut tile = Tile::ZERO;
        let stretch = match &panels.cloud.norms {
            Some(norms) => {
                norms.parts().for_each(|part| norms.add(kernel, part, (a, b), first, &mut tile));
                (1.0 + 1e-3) / norms.tightness()
            }
            None => {
                kernel.accumulate(a, b, first, &mut tile);
                1.0
            }
        };
        for (i, sums) in tile.0.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                let half = panels.half[row][first + i] + others.half[col][j] - sum + margin;
                visit(first + i, j, half.max(0.0) * stretch);
            }
        }
    }
}
