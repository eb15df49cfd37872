//! How far each query is from the nearest sample of every group: all groups in one walk over tiles.
//!
//! A tile bounds the keys of its pairs from below. Of each group the pair with the lowest bound is computed exactly, and then
//! only those whose bound does not exceed the best so far: hardly more than one distance a query and group.

use super::cloud::Cloud;
use super::panels::Panels;
use super::sweep::{PART, TILES};
use super::tile::{COLS, ROWS, Tile};
use crate::distance::Points;
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::ops::Range;

/// Tells `tell` of the queries `order`, up to 48 at a time, how far each is from the nearest sample of every group:
/// `[queries, groups]`, in the metric's units. `items` are what belongs to the queries, in that order.
///
/// # Errors
/// [`crate::ErrorKind::Interrupted`], and those of `tell`.
pub(crate) fn nearest_of_groups<T: Send>(
    reference: &Points,
    groups: &[Vec<usize>],
    queries: &Points,
    (order, items): (Vec<u32>, &mut [T]),
    meter: &Meter<'_>,
    tell: impl Fn(&mut [T], &[f64]) + Sync,
) -> Result<()> {
    let members = reference.select(&groups.concat());
    let chunks = items.par_chunks_mut(COLS).enumerate();
    let steps = |queries: usize| (queries * members.samples() * members.dimensions()) as u64;
    let ranges = ranges(groups);
    let Some([cols, rows]) = Cloud::pair(&members, queries) else {
        return chunks.zip(order.par_chunks(COLS)).try_for_each(|((_, items), rows)| {
            let key = |row: u32, member: usize| members.key_of_rows(queries.row(row as usize), members.row(member));
            let nearest = |row: u32, group: &Range<usize>| {
                group.clone().map(|member| key(row, member)).fold(f64::INFINITY, f64::min)
            };
            let keys = rows.iter().flat_map(|&row| ranges.iter().map(move |group| nearest(row, group)));
            tell(items, &keys.map(|key| members.distance_of_key(key)).collect::<Vec<_>>());
            meter.advance(steps(rows.len()))
        });
    };
    let cols = Panels::new(&cols, (0..members.samples() as u32).collect());
    let rows = Panels::new(&rows, order);
    let walk = Walk { rows: &rows, cols: &cols, groups: groups.len(), runs: runs(&ranges, cols.len()) };
    chunks.try_for_each(|(row, items)| {
        let keys = walk.nearest_keys(row, items.len());
        tell(items, &keys.into_iter().map(|key| members.distance_of_key(key)).collect::<Vec<_>>());
        meter.advance(steps(items.len()))
    })
}

/// The places of each group when all stand one after another.
fn ranges(groups: &[Vec<usize>]) -> Vec<Range<usize>> {
    let starts = groups.iter().scan(0, |next, group| {
        let start = *next;
        *next += group.len();
        Some(start..*next)
    });
    starts.collect()
}

/// A group and those columns of a panel that belong to it.
type Run = (usize, Range<usize>);

fn runs(ranges: &[Range<usize>], panels: usize) -> Vec<Vec<Run>> {
    let mut runs = vec![Vec::new(); panels];
    for (group, range) in ranges.iter().enumerate().filter(|(_, range)| !range.is_empty()) {
        for (panel, runs) in runs.iter_mut().enumerate().take((range.end - 1) / COLS + 1).skip(range.start / COLS) {
            let first = panel * COLS;
            runs.push((group, range.start.max(first) - first..range.end.min(first + COLS) - first));
        }
    }
    runs
}

struct Walk<'a> {
    rows: &'a Panels<'a>,
    cols: &'a Panels<'a>,
    groups: usize,
    /// By column panel.
    runs: Vec<Vec<Run>>,
}

/// The best of one query and group so far.
#[derive(Clone, Copy)]
struct Best {
    key: f64,
    /// Half of it in the frame, rounded up.
    half: f32,
}

impl Walk<'_> {
    /// The key of the nearest sample of every group to each of the first `queries` of panel `row`.
    fn nearest_keys(&self, row: usize, queries: usize) -> Vec<f64> {
        let mut best = vec![Best { key: f64::INFINITY, half: f32::INFINITY }; queries * self.groups];
        for (col, runs) in self.runs.iter().enumerate() {
            let tiles = self.sums(row, col);
            let of_queries = tiles.iter().flat_map(|tile| &tile.0).zip(best.chunks_exact_mut(self.groups));
            for (query, (sums, best)) in of_queries.enumerate() {
                let half = self.rows.half[row][query];
                let halves: [f32; COLS] = std::array::from_fn(|at| half + self.cols.half[col][at] - sums[at]);
                for (group, columns) in runs {
                    self.look(row * COLS + query, (col, columns.clone()), &halves, &mut best[*group]);
                }
            }
        }
        best.into_iter().map(|best| best.key).collect()
    }

    /// Looks at the pairs of a query with some columns whose bounds do not exceed the best, the lowest first.
    fn look(&self, query: usize, (col, columns): (usize, Range<usize>), halves: &[f32; COLS], best: &mut Best) {
        let lowest = lowest(&halves[columns.clone()]);
        if lowest > best.half {
            return;
        }
        let row = self.rows.points().row(self.rows.sample(query));
        let first = columns.clone().filter(|&at| halves[at] == lowest);
        for at in first.chain(columns.clone().filter(|&at| halves[at] != lowest)) {
            if halves[at] <= best.half {
                let member = self.cols.points().row(self.cols.sample(col * COLS + at));
                let key = self.cols.points().key_of_rows(row, member);
                if key < best.key {
                    *best = Best { key, half: self.cols.half_limit(key) };
                }
            }
        }
    }

    /// The sums of all pairs of two panels. Panels may be long, so the tiles go along them together.
    fn sums(&self, row: usize, col: usize) -> [Tile; TILES] {
        let (kernel, a, b) = (self.cols.cloud.kernel, self.rows.full(row), self.cols.full(col));
        let mut tiles: [Tile; TILES] = std::array::from_fn(|_| Tile::ZERO);
        if let Some(norms) = &self.cols.cloud.norms {
            for part in norms.parts() {
                for (at, tile) in tiles.iter_mut().enumerate() {
                    norms.add(kernel, part.clone(), (a, b), at * ROWS, tile);
                }
            }
            return tiles;
        }
        for (a, b) in a.chunks(PART).zip(b.chunks(PART)) {
            for (at, tile) in tiles.iter_mut().enumerate() {
                kernel.accumulate(a, b, at * ROWS, tile);
            }
        }
        tiles
    }
}

/// The least value, in running minima as wide as any vector unit.
fn lowest(values: &[f32]) -> f32 {
    let mut lanes = [f32::INFINITY; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value < *lane { value } else { *lane };
        }
    }
    rest.iter().chain(&lanes).copied().fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, PairKernel, Rescale};
    use crate::progress::unwatched;
    use std::sync::{Arc, Mutex};

    /// A kernel without norms.
    struct Largest;

    impl PairKernel for Largest {
        fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
        }
    }

    fn points(samples: usize, dimensions: usize, geometry: &Geometry, seed: f32) -> Points {
        let value = |at: usize| ((at as f32 * 0.37 + seed).sin() * 91.7).fract();
        let values = (0..samples * dimensions).map(value).collect();
        Points::new(values, dimensions, geometry.clone(), Rescale::Identity)
    }

    #[test]
    fn the_nearest_of_every_group_is_that_of_all_pairs() {
        for geometry in [Geometry::L2, Geometry::L1, Geometry::Kernel(Arc::new(Largest))] {
            for (samples, dimensions, sizes) in [
                (3, 1, vec![1, 2]),
                (700, 2, vec![48, 1, 500, 47]),
                (300, 200, vec![3; 90]),
                (900, 40, vec![7, 800, 60]),
            ] {
                let (reference, queries) =
                    (points(samples, dimensions, &geometry, 0.1), points(131, dimensions, &geometry, 0.6));
                let mut next = 0;
                let groups: Vec<Vec<usize>> = sizes
                    .iter()
                    .map(|&size| {
                        next += size;
                        (next - size..next).map(|at| at * 7 % samples).collect()
                    })
                    .collect();
                let order: Vec<u32> = (0..131).map(|at| at * 50 % 131).collect();
                let (mut items, found) = (order.clone(), Mutex::new(0));
                let tell = |items: &mut [u32], distances: &[f64]| {
                    for (query, distances) in items.iter().zip(distances.chunks_exact(groups.len())) {
                        for (group, distance) in groups.iter().zip(distances) {
                            let of = |&sample: &usize| {
                                reference.raw_distance(queries.row(*query as usize), reference.row(sample))
                            };
                            let expected = group.iter().map(of).fold(f64::INFINITY, f64::min);
                            assert_eq!(
                                *distance,
                                expected,
                                "query {query}, {samples} x {dimensions}, {} in the group",
                                group.len()
                            );
                        }
                    }
                    *found.lock().expect("no panic") += items.len();
                };
                let meter = Meter::new(&unwatched, 1);
                nearest_of_groups(&reference, &groups, &queries, (order, &mut items), &meter, tell)
                    .expect("not stopped");
                assert_eq!(found.into_inner().expect("no panic"), 131, "every query once");
            }
        }
    }
}
