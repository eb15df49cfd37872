//! Exact neighbors by looking at every pair, for any geometry, in memory O(points · k).

use super::{Neighbors, content_order, ranks};
use crate::distance::Points;
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Does a point count among its own neighbors? (Rows of the same number are the same point only in self-queries.)
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Own {
    Excluded,
    Included,
}

/// Queries that walk over the reference together, so that each of its rows is fetched from memory once for all of them.
const QUERIES_TOGETHER: usize = 16;
/// Reference rows between two reports of progress.
const ROWS_BETWEEN_REPORTS: usize = 1024;

/// A neighbor on trial; the greatest is the one to drop first.
#[derive(PartialEq)]
struct Candidate {
    distance: f64,
    rank: u32,
    index: u32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.rank.cmp(&other.rank))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` nearest rows of `reference` for every row of `queries`; there must be that many.
pub(super) fn neighbors(
    reference: &Points,
    queries: &Points,
    own: Own,
    k: usize,
    meter: &Meter<'_>,
) -> Result<Neighbors> {
    let rank = ranks(&content_order(reference));
    let mut indices = vec![0; queries.samples() * k];
    let mut distances = vec![0.0; queries.samples() * k];
    let blocks = indices.par_chunks_mut(QUERIES_TOGETHER * k).zip(distances.par_chunks_mut(QUERIES_TOGETHER * k));
    blocks.enumerate().try_for_each(|(block, (indices, distances))| {
        let first = block * QUERIES_TOGETHER;
        let heaps = block_heaps(reference, queries, first..first + indices.len() / k, own, k, &rank, meter)?;
        for (query, heap) in heaps.into_iter().enumerate() {
            for (at, candidate) in heap.into_sorted_vec().into_iter().enumerate() {
                indices[query * k + at] = candidate.index;
                distances[query * k + at] = candidate.distance;
            }
        }
        Ok(())
    })?;
    Ok(Neighbors { k, indices, distances })
}

fn block_heaps(
    reference: &Points,
    queries: &Points,
    block: std::ops::Range<usize>,
    own: Own,
    k: usize,
    rank: &[u32],
    meter: &Meter<'_>,
) -> Result<Vec<BinaryHeap<Candidate>>> {
    let mut heaps: Vec<_> = block.clone().map(|_| BinaryHeap::with_capacity(k + 1)).collect();
    for start in (0..reference.samples()).step_by(ROWS_BETWEEN_REPORTS) {
        let rows = start..(start + ROWS_BETWEEN_REPORTS).min(reference.samples());
        let steps = rows.len() * block.len() * reference.dimensions();
        for row in rows {
            for (heap, query) in heaps.iter_mut().zip(block.clone()) {
                if own == Own::Excluded && row == query {
                    continue;
                }
                let raw = reference.raw_distance(queries.row(query), reference.row(row));
                let distance = reference.rescale().apply(raw);
                let candidate = Candidate { distance, rank: rank[row], index: row as u32 };
                if heap.len() < k {
                    heap.push(candidate);
                } else if let Some(mut furthest) = heap.peek_mut()
                    && candidate < *furthest
                {
                    *furthest = candidate;
                }
            }
        }
        meter.advance(steps as u64)?;
    }
    Ok(heaps)
}
