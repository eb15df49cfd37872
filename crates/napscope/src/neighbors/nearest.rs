//! The nearest neighbors of every point, by a sweep over all pairs in which every point looks no further than its k-th best
//! so far.

use super::Neighbors;
use super::candidates::{Candidate, Candidates, Judge};
use super::cloud::NO_LIMIT;
use super::content::ranks;
use super::kth::above_kth;
use super::panels::Panels;
use super::rough::Rough;
use super::stages::{choose_stages, choose_tests};
use super::sweep::{Half, Limits, Search, Span, Survivor, sweep, upper_halves, visit_nearest_first};
use super::tile::COLS;
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Panels that each is swept with first: itself and those behind it.
const NEAR: usize = 8;
/// Panels of others that a limit to begin with comes from, beside those that hold k points.
const NEAR_OTHERS: usize = 12;

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

/// What taking a pair into account costs, and a coordinate of it that is not summed up yet; in coordinates of a tile. Measured.
const OFFER_COST: f64 = 8.0;
const MEASURE_COST_OF_COORDINATE: f64 = 1.0 / 50.0;

/// Where rounding takes more than this part of a limit, bytes leave many pairs whose distance must be looked at.
const TOO_COARSE: f32 = 0.12;
/// One row panel in so many tells that.
const ONE_IN: usize = 16;

/// The search for the nearest neighbors of row points among column points; where both are the same points, every pair
/// counts for both of its ends.
pub(super) struct Nearest<'a> {
    k: usize,
    rows: &'a Panels<'a>,
    cols: &'a Panels<'a>,
    same: bool,
    candidates: Vec<Mutex<Candidates>>,
    limits: Vec<Reach>,
    /// The largest limit in each row panel, as bits: they order as the numbers do, for no limit is negative.
    reaches: Vec<AtomicU32>,
    /// Where only the last of the nearest is asked for: the others need not be measured.
    rough: Option<Rough>,
    /// The place of every column sample in the order of content.
    rank: Vec<u32>,
}

impl<'a> Nearest<'a> {
    /// Looks for the `k` nearest of `reference` to every point of `queries`; both stand in one frame. With `rough`, only the distance
    /// of the last of them is asked for.
    pub(super) fn of_queries(
        reference: &'a Panels<'a>,
        queries: &'a Panels<'a>,
        rank: Vec<u32>,
        k: usize,
        rough: Option<Rough>,
        meter: &Meter<'_>,
    ) -> Result<Self> {
        let search = Nearest::new(queries, reference, false, rank, k, rough);
        search.begin();
        choose_stages(queries, reference, &Span::All, &search);
        sweep(queries, reference, &Span::All, &search, meter)?;
        Ok(search)
    }

    fn new(
        rows: &'a Panels<'a>,
        cols: &'a Panels<'a>,
        same: bool,
        rank: Vec<u32>,
        k: usize,
        rough: Option<Rough>,
    ) -> Self {
        // To measure costs more than to thin out.
        let spare = if rough.is_some() { k / 4 + 2 } else { k / 16 + 1 };
        let points = |panel: usize| (rows.positions() - panel * COLS).min(COLS);
        let candidates = (0..rows.len()).map(|_| Mutex::new(Candidates::new(k, spare))).collect();
        let limits = (0..rows.len()).map(|panel| Reach::new(points(panel))).collect();
        let reaches = (0..rows.len()).map(|_| AtomicU32::new(NO_LIMIT.to_bits())).collect();
        Nearest { k, rows, cols, same, candidates, limits, reaches, rough, rank }
    }

    fn candidates(&self, panel: usize) -> MutexGuard<'_, Candidates> {
        // A panic elsewhere ends the whole search; what it left behind is never read.
        self.candidates[panel].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Measures the point at a position from columns.
    fn judge(&self, position: usize) -> Judge<'_, impl Fn(u32) -> f64> {
        let points = self.cols.points();
        let row = self.rows.points().row(self.rows.sample(position));
        let key = move |sample: u32| points.key_of_rows(row, points.row(sample as usize));
        Judge { key, rank: &self.rank }
    }

    /// Bounds of the key of a pair, given by positions.
    fn key_bounds(&self, row: usize, col: usize, half: Half) -> [f64; 2] {
        if half.greatest < f32::INFINITY {
            return [self.rows.key_of_half(half.least, -1.0), self.rows.key_of_half(half.greatest, 1.0)];
        }
        let points = self.cols.points();
        let (row, col) = (self.rows.points().row(self.rows.sample(row)), points.row(self.cols.sample(col)));
        if let Some(rough) = &self.rough {
            return rough.key_bounds(points, row, col);
        }
        [points.key_of_rows(row, col); 2]
    }

    fn offer(&self, position: usize, candidate: Candidate) {
        self.add(&mut self.candidates(position / COLS), position, candidate);
    }

    /// Adds to the candidates of a panel, which are locked.
    fn add(&self, candidates: &mut Candidates, position: usize, candidate: Candidate) {
        let (panel, column) = (position / COLS, position % COLS);
        if let Some(furthest) = candidates.add(column, candidate, &self.judge(position))
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
        let panels = 0..self.rows.len();
        self.begin_with_limits(panels.clone().into_par_iter().step_by(ONE_IN));
        if self.rounding_share().is_some_and(|share| share > TOO_COARSE) {
            [self.rows, self.cols].iter().for_each(|panels| panels.test_by(false, true));
        }
        self.begin_with_limits(panels.into_par_iter());
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

    /// Gives every point of some row panels a limit: the k-th nearest in a few panels that are near, estimated and rounded
    /// up, is not far from the k-th nearest of all.
    fn begin_with_limits(&self, panels: impl ParallelIterator<Item = usize>) {
        panels.for_each(|panel| {
            let mut halves = vec![Vec::new(); COLS];
            for other in self.around(panel) {
                upper_halves(self.rows, panel, self.cols, other, |row, of_row| {
                    halves[row].extend_from_slice(of_row);
                    if self.same && panel == other {
                        let own = halves[row].len() - COLS + row;
                        halves[row].swap_remove(own);
                    }
                });
            }
            let limits = &self.limits[panel];
            for (column, halves) in halves.iter().enumerate() {
                if limits.of(column) > 0.0
                    && let Some(limit) = above_kth(halves, self.k)
                {
                    limits.set(column, limit);
                }
            }
            self.reaches[panel].store(limits.largest().to_bits(), Ordering::Relaxed);
        });
    }

    /// Column panels near a row panel that hold more than k points: among the same points those that stand next to it, for
    /// neighbors stand together; among others those whose boxes are the nearest, and some more, as limits come from them alone.
    fn around(&self, panel: usize) -> Vec<usize> {
        let enough = self.k.div_ceil(COLS) + if self.same { 0 } else { NEAR_OTHERS };
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

    /// Where each sample stands.
    fn positions(&self) -> Vec<u32> {
        let mut positions = vec![0; self.rows.positions()];
        (0..positions.len()).for_each(|position| positions[self.rows.sample(position)] = position as u32);
        positions
    }

    /// What was found, by sample.
    pub(super) fn neighbors(&self) -> Neighbors {
        let (k, positions) = (self.k, self.positions());
        let (mut indices, mut distances) = (vec![0; positions.len() * k], vec![0.0; positions.len() * k]);
        let of_sample = indices.par_chunks_mut(k).zip(distances.par_chunks_mut(k)).zip(&positions);
        of_sample.for_each(|((indices, distances), &position)| {
            let position = position as usize;
            let mut candidates = self.candidates(position / COLS);
            let nearest = candidates.nearest(position % COLS, &self.judge(position));
            for ((index, distance), candidate) in indices.iter_mut().zip(distances).zip(nearest) {
                (*index, *distance) = (candidate.sample, self.cols.points().distance_of_key(candidate.key()));
            }
        });
        Neighbors { k, indices, distances }
    }

    /// The distance of each point's k-th nearest, by sample.
    pub(super) fn kth_distances(&self) -> Vec<f64> {
        let distance = |position: u32| {
            let position = position as usize;
            let key = self.candidates(position / COLS).kth_key(position % COLS, &self.judge(position));
            self.cols.points().distance_of_key(key)
        };
        self.positions().into_par_iter().map(distance).collect()
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

    fn visit_all(&self, found: &mut (), row: usize, col: usize, pairs: Vec<Survivor>) {
        if self.same {
            return visit_nearest_first(self, found, row, col, pairs);
        }
        // Limits are nearly what they will be, for columns come in the order of their boxes: to sort pairs would take more than it saves.
        let limits = &self.limits[row];
        let mut candidates = self.candidates(row);
        for Survivor { half, row: of_row, col: of_col } in pairs {
            let limit = limits.of(usize::from(of_row));
            if half.least > limit {
                continue;
            }
            let (row, col) = (row * COLS + usize::from(of_row), col * COLS + usize::from(of_col));
            let key = self.key_bounds(row, col, half);
            if self.rows.half_of(key[0]) <= limit {
                self.add(&mut candidates, row, Candidate::new(self.cols.sample(col), key));
            }
        }
    }

    fn visit(&self, _found: &mut (), row: usize, col: usize, half: Half) {
        let as_row = self.limit(row);
        let as_col = if self.same { self.limit(col) } else { f32::NEG_INFINITY };
        if half.least > as_row.max(as_col) {
            return;
        }
        let key = self.key_bounds(row, col, half);
        let half = self.rows.half_of(key[0]);
        if half <= as_row {
            self.offer(row, Candidate::new(self.cols.sample(col), key));
        }
        if half <= as_col {
            self.offer(col, Candidate::new(self.rows.sample(row), key));
        }
    }

    fn look_cost(dimensions: usize, is_summed: bool) -> f64 {
        if is_summed { OFFER_COST } else { OFFER_COST + MEASURE_COST_OF_COORDINATE * dimensions as f64 }
    }
}

/// The `k` nearest other points of every point of `panels`, of which there must be more than `k`.
pub(super) fn among_themselves(panels: &Panels<'_>, k: usize, content: &[u32], meter: &Meter<'_>) -> Result<Neighbors> {
    let search = Nearest::new(panels, panels, true, ranks(content), k, None);
    search.begin();
    // Neighbors stand together, so that limits are near what they will be once a few panels on each side are swept.
    let near = Span::After(0..NEAR);
    choose_tests(panels, &near, &search);
    sweep(panels, panels, &near, &search, meter)?;
    let others = Span::After(NEAR..usize::MAX);
    choose_stages(panels, panels, &others, &search);
    sweep(panels, panels, &others, &search, meter)?;
    Ok(search.neighbors())
}
