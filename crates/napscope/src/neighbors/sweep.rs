//! All pairs of panels, each ruled out as early as can be: by the boxes of the panels, by leading coordinates, by all.

use super::norms::Norms;
use super::panels::{Lead, Panels};
use super::stages::{few_pairs, measure_cost};
use super::tile::{CHUNK, COLS, NOTHING_LEFT, ROWS, Side, Tile};
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::cell::OnceCell;
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

    /// Looks at the pairs of two panels that may matter.
    fn visit_all(&self, found: &mut Self::Found, row: usize, col: usize, pairs: Vec<Survivor>) {
        visit_nearest_first(self, found, row, col, pairs);
    }

    /// Looks at one of them, given by positions.
    fn visit(&self, found: &mut Self::Found, row: usize, col: usize, half: Half);

    /// What it costs to look at a pair of which all coordinates are summed up already, or are not; in coordinates of a tile.
    fn look_cost(dimensions: usize, _is_summed: bool) -> f64 {
        measure_cost(dimensions)
    }

    /// Ends a block of row panels.
    fn end(&self, found: Self::Found);
}

/// Bounds of half of the key of a pair.
#[derive(Clone, Copy)]
pub(crate) struct Half {
    pub(crate) least: f32,
    /// Infinite where nobody knows.
    pub(crate) greatest: f32,
}

impl Half {
    fn at_least(least: f32) -> Self {
        Half { least, greatest: f32::INFINITY }
    }
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
    let block = (BLOCK_BYTES / rows.panel_bytes()).clamp(1, 32);
    let blocks: Vec<Range<usize>> =
        (0..rows.len()).step_by(block).map(|first| first..(first + block).min(rows.len())).collect();
    let sweep_block = |block: Range<usize>| {
        let mut found = search.begin(block.clone());
        let mut limits = Limits::NONE;
        for col in columns_of(&block, rows, cols, span) {
            let active = block.clone().filter(|&row| span.columns(row, cols.len()).contains(&col));
            let mut pairs = 0;
            for row in active {
                pairs += COLS * COLS;
                let reach = search.reach(&mut found, row, col);
                if rows.nearest_half(row, cols, col) <= reach {
                    search.limits(&found, row, col, &mut limits);
                    let one_sided = matches!(span, Span::After(_)) && row == col;
                    let pair = Pair::new((rows, row), (cols, col), &limits, !one_sided);
                    sweep_pair(pair, one_sided, search, &mut found);
                }
            }
            meter.advance((pairs * rows.cloud.points().dimensions()) as u64)?;
        }
        search.end(found);
        Ok(())
    };
    blocks.into_par_iter().with_max_len(1).try_for_each(sweep_block)
}

/// The columns that a block of rows is swept over: what is near comes first where that makes limits fall early, and rising where
/// searches count on it.
fn columns_of(block: &Range<usize>, rows: &Panels<'_>, cols: &Panels<'_>, span: &Span) -> Vec<usize> {
    let mut columns: Vec<usize> =
        (span.columns(block.start, cols.len()).start..span.columns(block.end - 1, cols.len()).end).collect();
    if matches!(span, Span::All) {
        let middle = (block.start + block.end) / 2;
        columns.sort_by_cached_key(|&col| (rows.nearest_half(middle, cols, col).max(0.0).to_bits(), col));
    }
    columns
}

/// The limits of a pair of panels, and what follows from them for the tests of its tiles.
pub(super) struct Pair<'a> {
    rows: &'a Panels<'a>,
    cols: &'a Panels<'a>,
    row: usize,
    col: usize,
    /// Bit i: point i matters with nothing on the other side.
    dead_rows: u64,
    dead_cols: u64,
    near_rows: [f32; COLS],
    near_cols: [f32; COLS],
    /// The same for the coordinates in bytes, once it is asked for.
    byte_near: OnceCell<[[f32; COLS]; 2]>,
    limits: [&'a [f32; COLS]; 2],
}

impl<'a> Pair<'a> {
    /// The pair, and whether it stands the other way round: points that are few are best the rows, for then there are few tiles.
    pub(super) fn new(
        (rows, row): (&'a Panels<'a>, usize),
        (cols, col): (&'a Panels<'a>, usize),
        limits: &'a Limits,
        may_turn: bool,
    ) -> (Self, bool) {
        let (mut rows, mut cols) = ((rows, row, &limits.rows), (cols, col, &limits.cols));
        let mut dead_rows = limits.dead_rows | rows.0.outside((row, rows.2), cols);
        let mut dead_cols = cols.0.outside((col, cols.2), rows);
        let turned = may_turn && tiles(dead_cols) < tiles(dead_rows);
        if turned {
            (rows, cols, dead_rows, dead_cols) = (cols, rows, dead_cols, dead_rows);
        }
        let near = |half: &[f32; COLS], limits: &[f32; COLS]| std::array::from_fn(|at| half[at] - limits[at]);
        let pair = Pair {
            near_rows: near(&rows.0.half[rows.1], rows.2),
            near_cols: near(&cols.0.half[cols.1], cols.2),
            rows: rows.0,
            cols: cols.0,
            row: rows.1,
            col: cols.1,
            dead_rows,
            dead_cols,
            byte_near: OnceCell::new(),
            limits: [rows.2, cols.2],
        };
        (pair, turned)
    }

    /// Does no row `first` .. `first` + 8 matter?
    pub(super) fn is_dead(&self, first: usize) -> bool {
        is_tile_dead(self.dead_rows, first)
    }

    /// The pairs that nothing rules out; up to `few` of a tile are not summed up.
    fn surviving(&self, few: u32) -> Vec<Survivor> {
        let mut survivors = Vec::new();
        if let Some(norms) = &self.rows.cloud.norms {
            self.surviving_norms(norms, &mut survivors);
            return survivors;
        }
        let mut many = [None; TILES];
        for (at, many) in many.iter_mut().enumerate() {
            let first = at * ROWS;
            if self.is_dead(first) {
                continue;
            }
            let mut left = std::array::from_fn(|i| self.alive(first + i));
            let mut tile = Tile::ZERO;
            let stages = self.rows.lead().zip(self.cols.lead());
            self.surviving_leading(stages, first, &mut left, &mut tile);
            if self.rows.tests().0 && count(&left) > few {
                self.keep(&mut left, self.after_bytes(first, &mut tile));
                if !self.rows.tests().1 || count(&left) <= few {
                    if let Some((rows, cols)) = self.rows.bytes().zip(self.cols.bytes()) {
                        let half = |i, j, sum| {
                            Half::at_least(rows.lower_half((self.row, first + i), cols, (self.col, j), sum))
                        };
                        collect(&left, first, &tile, half, &mut survivors);
                    }
                    continue;
                }
            }
            if count(&left) > few {
                *many = Some(left);
                continue;
            }
            match stages {
                Some(_) => collect(&left, first, &tile, self.half_after(stages, first, f32::INFINITY), &mut survivors),
                // Boxes left so few that nothing is summed up yet.
                None => collect(&left, first, &tile, |_, _, _| Half::at_least(0.0), &mut survivors),
            }
        }
        if many.iter().any(Option::is_some) {
            self.surviving_all(&many, &mut survivors);
        }
        survivors
    }

    /// Of some tiles, the pairs that all coordinates do not rule out.
    fn surviving_all(&self, many: &[Option<[u64; ROWS]>; TILES], survivors: &mut Vec<Survivor>) {
        let tiles = self.all_sums(many.map(|left| left.is_some()));
        // Half terms are lowered by the margin of the sum: once to be right, and once more the other way.
        let slack = 2.0 * (self.rows.margin(self.row) + self.cols.margin(self.col));
        for (at, (left, tile)) in many.iter().zip(&tiles).enumerate() {
            if let Some(mut left) = *left {
                self.keep(&mut left, self.passing_all(tile, at * ROWS));
                collect(&left, at * ROWS, tile, self.half_after(None, at * ROWS, slack), survivors);
            }
        }
    }

    /// Half of the key of a pair of a tile by the sums of the last leading coordinates, or of all; it may be `slack` more.
    fn half_after(
        &self,
        lead: Option<(&'a Lead, &'a Lead)>,
        first: usize,
        slack: f32,
    ) -> impl Fn(usize, usize, f32) -> Half {
        let (half_rows, half_cols) = (&self.rows.half[self.row], &self.cols.half[self.col]);
        let rests = lead.map(|(rows, cols)| {
            let last = rows.stages() - 1;
            (rows.rest(self.row, last), cols.rest(self.col, last))
        });
        let (rest_rows, rest_cols) = rests.unwrap_or((&NOTHING_LEFT, &NOTHING_LEFT));
        move |i, j, sum| {
            let least = half_rows[first + i] + half_cols[j] - (sum + rest_rows[first + i] * rest_cols[j]);
            Half { least, greatest: least + slack }
        }
    }

    fn keep(&self, left: &mut [u64; ROWS], passing: [u64; ROWS]) {
        left.iter_mut().zip(passing).for_each(|(left, passing)| *left &= passing);
    }

    /// Rules pairs of rows `first` .. `first` + 8 out by leading coordinates, whose sums are added to `tile`.
    fn surviving_leading(&self, lead: Option<(&Lead, &Lead)>, first: usize, left: &mut [u64; ROWS], tile: &mut Tile) {
        let Some((rows, cols)) = lead else { return };
        for stage in 0..rows.stages() {
            if is_empty(left) {
                return;
            }
            self.keep(left, self.after_leading((rows, self.row), (cols, self.col), stage, first, tile));
        }
    }

    /// The pairs of a row whose ends are not dead.
    fn alive(&self, row: usize) -> u64 {
        const ALL: u64 = (1 << COLS) - 1;
        if self.dead_rows >> row & 1 == 1 { 0 } else { ALL & !self.dead_cols }
    }

    /// The pairs that nothing rules out by norms. Panels are long, so all tiles go along them together.
    fn surviving_norms(&self, norms: &Norms<'_>, survivors: &mut Vec<Survivor>) {
        let kernel = self.rows.cloud.kernel;
        let panels = (self.rows.full(self.row), self.cols.full(self.col));
        let rows = Side { half: &self.rows.half[self.row], near: &self.near_rows, rest: &NOTHING_LEFT };
        let cols = Side { half: &self.cols.half[self.col], near: &self.near_cols, rest: &NOTHING_LEFT };
        let mut tiles: [Tile; TILES] = std::array::from_fn(|_| Tile::ZERO);
        let mut left: [[u64; ROWS]; TILES] =
            std::array::from_fn(|at| std::array::from_fn(|i| self.alive(at * ROWS + i)));
        for part in norms.parts() {
            for (at, (tile, left)) in tiles.iter_mut().zip(&mut left).enumerate() {
                if !is_empty(left) {
                    norms.add(kernel, part.clone(), panels, at * ROWS, tile);
                    self.keep(left, kernel.passing(tile, &rows, at * ROWS, &cols));
                }
            }
        }
        for (at, (left, tile)) in left.iter().zip(&tiles).enumerate() {
            collect(left, at * ROWS, tile, self.half_after(None, at * ROWS, f32::INFINITY), survivors);
        }
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

    /// What is left after all coordinates in bytes, whose sums `tile` is set to; everything where there are none.
    pub(super) fn after_bytes(&self, first: usize, tile: &mut Tile) -> [u64; ROWS] {
        let Some((rows, cols)) = self.rows.bytes().zip(self.cols.bytes()) else { return [u64::MAX; ROWS] };
        let kernel = self.rows.cloud.kernel;
        let [near_rows, near_cols] = self.byte_near.get_or_init(|| {
            let near_rows = rows.near(self.row, self.limits[0], cols, self.col);
            [near_rows, cols.near(self.col, self.limits[1], rows, self.row)]
        });
        let panels = (rows.panel(self.row), cols.panel(self.col));
        kernel.accumulate_bytes(panels, rows.grid, (rows.bias(self.row), cols.bias(self.col)), first, tile);
        let rows = Side { half: rows.half(self.row), near: near_rows, rest: &NOTHING_LEFT };
        let cols = Side { half: cols.half(self.col), near: near_cols, rest: &NOTHING_LEFT };
        kernel.passing(tile, &rows, first, &cols)
    }

    /// The sums of all coordinates of some tiles. Panels may be long, so the tiles go along them together.
    pub(super) fn all_sums(&self, wanted: [bool; TILES]) -> [Tile; TILES] {
        let (a, b) = (self.rows.full(self.row), self.cols.full(self.col));
        let mut tiles: [Tile; TILES] = std::array::from_fn(|_| Tile::ZERO);
        for (a, b) in a.chunks(PART).zip(b.chunks(PART)) {
            for (at, tile) in tiles.iter_mut().enumerate().filter(|(at, _)| wanted[*at]) {
                self.rows.cloud.kernel.accumulate(a, b, at * ROWS, tile);
            }
        }
        tiles
    }

    /// What is left of a tile by the sums of all coordinates.
    pub(super) fn passing_all(&self, tile: &Tile, first: usize) -> [u64; ROWS] {
        let rows = Side { half: &self.rows.half[self.row], near: &self.near_rows, rest: &NOTHING_LEFT };
        let cols = Side { half: &self.cols.half[self.col], near: &self.near_cols, rest: &NOTHING_LEFT };
        self.rows.cloud.kernel.passing(tile, &rows, first, &cols)
    }
}

/// A pair of two panels that nothing rules out.
pub(crate) struct Survivor {
    pub(crate) half: Half,
    pub(crate) row: u8,
    pub(crate) col: u8,
}

/// Adds what is left of the tile that begins at row `first`.
fn collect(
    left: &[u64; ROWS],
    first: usize,
    tile: &Tile,
    half: impl Fn(usize, usize, f32) -> Half,
    survivors: &mut Vec<Survivor>,
) {
    for (i, (mask, sums)) in left.iter().zip(&tile.0).enumerate() {
        let mut mask = *mask;
        while mask != 0 {
            let j = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            // Words have more bits than tiles columns.
            if let Some(sum) = sums.get(j) {
                survivors.push(Survivor { half: half(i, j, *sum), row: (first + i) as u8, col: j as u8 });
            }
        }
    }
}

/// Comparing with zeros would be a call.
fn is_empty(masks: &[u64; ROWS]) -> bool {
    masks.iter().fold(0, |any, mask| any | mask) == 0
}

fn count(masks: &[u64; ROWS]) -> u32 {
    masks.iter().map(|mask| mask.count_ones()).sum()
}

fn is_tile_dead(dead: u64, first: usize) -> bool {
    const TILE_ROWS: u64 = (1 << ROWS) - 1;
    dead >> first & TILE_ROWS == TILE_ROWS
}

/// Tiles in which a row is left.
fn tiles(dead: u64) -> usize {
    (0..TILES).filter(|at| !is_tile_dead(dead, at * ROWS)).count()
}

/// Visits pairs of two panels, what seems nearest first: then limits soon say that the others do not matter.
pub(super) fn visit_nearest_first<S: Search + ?Sized>(
    search: &S,
    found: &mut S::Found,
    row: usize,
    col: usize,
    mut pairs: Vec<Survivor>,
) {
    pairs.sort_unstable_by(|x, y| x.half.least.total_cmp(&y.half.least));
    for Survivor { half, row: of_row, col: of_col } in pairs {
        search.visit(found, row * COLS + usize::from(of_row), col * COLS + usize::from(of_col), half);
    }
}

/// Visits what is left of a pair of panels.
fn sweep_pair<S: Search>((pair, turned): (Pair<'_>, bool), one_sided: bool, search: &S, found: &mut S::Found) {
    let mut survivors = pair.surviving(few_pairs::<S>(pair.rows.points().dimensions()));
    survivors.retain(|pair| !one_sided || pair.col > pair.row);
    let (mut row, mut col) = (pair.row, pair.col);
    if turned {
        (row, col) = (col, row);
        survivors.iter_mut().for_each(|pair| (pair.row, pair.col) = (pair.col, pair.row));
    }
    search.visit_all(found, row, col, survivors);
}

/// Tells `visit`, for each row of a panel, half of the key of its pairs with one of `others`, rounded up; infinite where no point stands.
pub(super) fn upper_halves(
    panels: &Panels<'_>,
    row: usize,
    others: &Panels<'_>,
    col: usize,
    mut visit: impl FnMut(usize, &[f32; COLS]),
) {
    let kernel = panels.cloud.kernel;
    if let Some((rows, cols)) = panels.bytes().zip(others.bytes())
        && panels.tests().0
    {
        for first in (0..COLS).step_by(ROWS) {
            let mut tile = Tile::ZERO;
            let bias = (rows.bias(row), cols.bias(col));
            kernel.accumulate_bytes((rows.panel(row), cols.panel(col)), rows.grid, bias, first, &mut tile);
            for (i, sums) in tile.0.iter().enumerate() {
                visit(first + i, &rows.upper_halves((row, first + i), cols, col, sums));
            }
        }
        return;
    }
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
            let half = panels.half[row][first + i] + margin;
            let cols = &others.half[col];
            visit(first + i, &std::array::from_fn(|j| (half + cols[j] - sums[j]).max(0.0) * stretch));
        }
    }
}
