//! The nearest neighbors of every point, by a sweep over all pairs in which every point looks no further than its k-th best
//! so far.

use super::Neighbors;
use super::cloud::NO_LIMIT;
use super::content::{content_order, ranks};
use super::panels::Panels;
use super::stages::choose_stages;
use super::sweep::{Limits, Search, Span, sweep, upper_halves};
use super::tile::COLS;
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Panels that each is swept with first: itself and those behind it.
const NEAR: usize = 8;

/// For each point of a panel, the bits of half of the largest key, in the frame, at which a pair may be among its best; −∞ where
/// no point stands. They are read far more often than they fall, so they have no lock.
struct Reach([AtomicU32; COLS]);

impl Reach {
    fn new(points: usize) -> Self {
        let limit = |column| if column < points { NO_LIMIT } else { f32::NEG_INFINITY };
        Reach(std::array::from_fn(|column| AtomicU32::new(limit(column).to_bits())))
    }

    fn of(&self, column: usize) -> f32 {
        f32::from_bits(self.0[column].load(Ordering::Relaxed))
    }

    fn set(&self, column: usize, limit: f32) {
        self.0[column].store(limit.to_bits(), Ordering::Relaxed);
    }

    fn all(&self) -> [f32; COLS] {
        std::array::from_fn(|column| self.of(column))
    }

    fn largest(&self) -> f32 {
        self.all().into_iter().fold(0.0, f32::max)
    }
}

/// The best neighbors so far of the points of one panel.
struct Best {
    k: usize,
    /// `[48, k]`: keys and ranks in the order of content, each column a heap: the furthest stands first, and an entry is no further
    /// than the one at half its place.
    keys: Vec<f64>,
    ranks: Vec<u32>,
}

impl Best {
    fn new(k: usize) -> Self {
        Best { k, keys: vec![f64::INFINITY; COLS * k], ranks: vec![u32::MAX; COLS * k] }
    }

    /// The k-th best key of the point in `column` if the pair is among its k best, which it then is.
    fn insert(&mut self, column: usize, key: f64, rank: u32) -> Option<f64> {
        let slots = column * self.k..(column + 1) * self.k;
        let (keys, ranks) = (&mut self.keys[slots.clone()], &mut self.ranks[slots]);
        if (keys[0], ranks[0]) <= (key, rank) {
            return None;
        }
        let mut at = 0;
        loop {
            let mut below = 2 * at + 1;
            if below + 1 < keys.len() && (keys[below], ranks[below]) < (keys[below + 1], ranks[below + 1]) {
                below += 1;
            }
            if below >= keys.len() || (keys[below], ranks[below]) <= (key, rank) {
                break;
            }
            (keys[at], ranks[at]) = (keys[below], ranks[below]);
            at = below;
        }
        (keys[at], ranks[at]) = (key, rank);
        Some(keys[0])
    }
}

/// Where rounding takes more than this part of a limit, bytes leave many pairs whose distance must be looked at.
const TOO_COARSE: f32 = 0.2;

/// The search for the nearest neighbors of row points among column points; where both are the same points, every pair
/// counts for both of its ends.
struct Nearest<'a> {
    k: usize,
    rows: &'a Panels<'a>,
    cols: &'a Panels<'a>,
    same: bool,
    best: Vec<Mutex<Best>>,
    limits: Vec<Reach>,
    /// The largest limit in each row panel, as bits: they order as the numbers do, for no limit is negative.
    reaches: Vec<AtomicU32>,
    /// The place of every column sample in the order of content.
    rank: Vec<u32>,
}

impl<'a> Nearest<'a> {
    fn new(rows: &'a Panels<'a>, cols: &'a Panels<'a>, same: bool, rank: Vec<u32>, k: usize) -> Self {
        let points = |panel: usize| (rows.positions() - panel * COLS).min(COLS);
        let best = (0..rows.len()).map(|_| Mutex::new(Best::new(k))).collect();
        let limits = (0..rows.len()).map(|panel| Reach::new(points(panel))).collect();
        let reaches = (0..rows.len()).map(|_| AtomicU32::new(NO_LIMIT.to_bits())).collect();
        Nearest { k, rows, cols, same, best, limits, reaches, rank }
    }

    fn best(&self, panel: usize) -> MutexGuard<'_, Best> {
        // A panic elsewhere ends the whole search; what it left behind is never read.
        self.best[panel].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, position: usize, key: f64, rank: u32) {
        let (panel, column) = (position / COLS, position % COLS);
        let mut best = self.best(panel);
        if let Some(furthest) = best.insert(column, key, rank)
            && furthest.is_finite()
        {
            let limits = &self.limits[panel];
            let before = limits.of(column);
            limits.set(column, before.min(self.rows.half_limit(furthest)));
            // Only the point that looks furthest holds the panel's reach up.
            if before >= self.reach_of(panel) {
                self.reaches[panel].store(limits.largest().to_bits(), Ordering::Relaxed);
            }
        }
    }

    fn limit(&self, position: usize) -> f32 {
        self.limits[position / COLS].of(position % COLS)
    }

    fn reach_of(&self, panel: usize) -> f32 {
        f32::from_bits(self.reaches[panel].load(Ordering::Relaxed))
    }

    /// Gives every row point a limit to begin with, by bytes where they say enough.
    fn begin(&self) {
        self.begin_with_limits();
        if self.rounding_share().is_some_and(|share| share > TOO_COARSE) {
            [self.rows, self.cols].iter().for_each(|panels| panels.test_by(false, true));
            self.begin_with_limits();
        }
    }

    /// What rounding to bytes takes from distances, as a part of the limits; the mean. `None` where there are no bytes.
    fn rounding_share(&self) -> Option<f32> {
        let bytes = self.rows.bytes()?;
        let (mut sum, mut count) = (0.0, 0.0);
        for panel in 0..self.rows.len() {
            for (column, &limit) in self.limits[panel].all().iter().enumerate() {
                if limit > 0.0 && limit < NO_LIMIT {
                    sum += bytes.rounding_share(panel, column, limit).min(1.0);
                    count += 1.0;
                }
            }
        }
        (count > 0.0).then_some(sum / count)
    }

    /// Gives every row point a limit: the k-th nearest in a few panels that are near, estimated and rounded
    /// up, is not far from the k-th nearest of all.
    fn begin_with_limits(&self) {
        (0..self.rows.len()).into_par_iter().for_each(|panel| {
            let mut halves = vec![Vec::new(); COLS];
            for other in self.around(panel) {
                upper_halves(self.rows, panel, self.cols, other, |row, col, half| {
                    if !(self.same && panel == other && row == col) {
                        halves[row].push(half);
                    }
                });
            }
            let limits = &self.limits[panel];
            for (column, halves) in halves.iter_mut().enumerate() {
                halves.retain(|half| half.is_finite());
                if limits.of(column) > 0.0 && halves.len() >= self.k {
                    limits.set(column, *halves.select_nth_unstable_by(self.k - 1, f32::total_cmp).1);
                }
            }
            self.reaches[panel].store(limits.largest().to_bits(), Ordering::Relaxed);
        });
    }

    /// Column panels near a row panel that hold more than k points: among the same points those that stand next to it, for
    /// neighbors stand together; among others those whose boxes are the nearest, and some more, as limits come from them alone.
    fn around(&self, panel: usize) -> Vec<usize> {
        let enough = self.k.div_ceil(COLS) + if self.same { 0 } else { NEAR };
        if self.same {
            return (panel.saturating_sub(enough)..(panel + enough + 1).min(self.cols.len())).collect();
        }
        let half = |col| self.rows.nearest_half(panel, self.cols, col);
        let mut panels: Vec<(f32, usize)> = (0..self.cols.len()).map(|col| (half(col), col)).collect();
        if panels.len() > enough + 1 {
            panels.select_nth_unstable_by(enough, |x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
            panels.truncate(enough + 1);
        }
        panels.into_iter().map(|(_, col)| col).collect()
    }

    /// What was found, by sample.
    fn neighbors(&self, content: &[u32]) -> Neighbors {
        let k = self.k;
        let samples = self.rows.positions();
        let (mut indices, mut distances) = (vec![0; samples * k], vec![0.0; samples * k]);
        let mut found = Vec::with_capacity(k);
        for position in 0..samples {
            let best = self.best(position / COLS);
            let slots = position % COLS * k..(position % COLS + 1) * k;
            found.clear();
            found.extend(best.keys[slots.clone()].iter().copied().zip(best.ranks[slots].iter().copied()));
            found.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
            let at = self.rows.sample(position) * k;
            for (slot, (key, rank)) in found.iter().enumerate() {
                indices[at + slot] = content[*rank as usize];
                distances[at + slot] = self.cols.points().distance_of_key(*key);
            }
        }
        Neighbors { k, indices, distances }
    }
}

impl Search for Nearest<'_> {
    type Found = ();

    fn begin(&self, _rows: Range<usize>) {}

    fn end(&self, _found: ()) {}

    fn reach(&self, _found: &mut (), row: usize, col: usize) -> f32 {
        if self.same { self.reach_of(row).max(self.reach_of(col)) } else { self.reach_of(row) }
    }

    fn limits(&self, _found: &(), row: usize, col: usize, limits: &mut Limits) {
        limits.rows = self.limits[row].all();
        limits.cols = if self.same { self.limits[col].all() } else { [f32::NEG_INFINITY; COLS] };
    }

    fn visit(&self, _found: &mut (), row: usize, col: usize, half: f32) {
        let as_row = self.limit(row);
        let as_col = if self.same { self.limit(col) } else { f32::NEG_INFINITY };
        if half > as_row.max(as_col) {
            return;
        }
        let (row_sample, col_sample) = (self.rows.sample(row), self.cols.sample(col));
        let points = self.cols.points();
        let key = points.key_of_rows(self.rows.points().row(row_sample), points.row(col_sample));
        let half = self.rows.half_of(key);
        if half <= as_row {
            self.offer(row, key, self.rank[col_sample]);
        }
        if half <= as_col {
            self.offer(col, key, self.rank[row_sample]);
        }
    }
}

/// The `k` nearest other points of every point of `panels`, of which there must be more than `k`.
pub(super) fn among_themselves(panels: &Panels<'_>, k: usize, content: &[u32], meter: &Meter<'_>) -> Result<Neighbors> {
    let search = Nearest::new(panels, panels, true, ranks(content), k);
    search.begin();
    // Neighbors stand together, so that limits are near what they will be once a few panels on each side are swept.
    sweep(panels, panels, &Span::After(0..NEAR), &search, meter)?;
    let others = Span::After(NEAR..usize::MAX);
    choose_stages(panels, panels, &others, &search);
    sweep(panels, panels, &others, &search, meter)?;
    Ok(search.neighbors(content))
}

/// The `k` nearest points of `reference` to every point of `queries`; both stand in one frame.
pub(super) fn of_queries(
    reference: &Panels<'_>,
    queries: &Panels<'_>,
    k: usize,
    meter: &Meter<'_>,
) -> Result<Neighbors> {
    let content = content_order(reference.points());
    let search = Nearest::new(queries, reference, false, ranks(&content), k);
    search.begin();
    choose_stages(queries, reference, &Span::All, &search);
    sweep(queries, reference, &Span::All, &search, meter)?;
    Ok(search.neighbors(&content))
}
