//! Neighbors of a handful of queries: the reference is looked through as it stands. Preparing it for a sweep costs more than a
//! sweep for so few would save.
//!
//! Every row is measured in f32 first, and what may be among the nearest again as everywhere.

use super::Neighbors;
use super::content::by_content;
use super::rough::Rough;
use crate::distance::Points;
use rayon::prelude::*;

/// Queries that are a handful.
pub(super) const FEW: usize = 16;

/// The `k` nearest rows of `reference` for every row of `queries`; `None` where another way is better.
pub(super) fn neighbors(reference: &Points, queries: &Points, k: usize) -> Option<Neighbors> {
    if queries.samples() > FEW {
        return None;
    }
    let rough = Rough::new(reference);
    let found: Option<Vec<_>> =
        (0..queries.samples()).into_par_iter().map(|query| nearest(reference, queries.row(query), &rough, k)).collect();
    let (distances, indices) = found?.into_iter().flatten().unzip();
    Some(Neighbors { k, indices, distances })
}

fn nearest(reference: &Points, query: &[f32], rough: &Rough, k: usize) -> Option<Vec<(f64, u32)>> {
    let keys = rough.keys(query, reference.values())?;
    let mut sorted = keys.clone();
    let limit = rough.greatest((*sorted.select_nth_unstable_by(k - 1, f32::total_cmp).1).into());
    let within = (0..reference.samples() as u32).filter(|row| rough.least(keys[*row as usize].into()) <= limit);
    let exact = |row: u32| reference.distance_of_key(reference.key_of_rows(query, reference.row(row as usize)));
    let mut found: Vec<(f64, u32)> = within.map(|row| (exact(row), row)).collect();
    found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| by_content(reference, a.1, b.1)));
    found.truncate(k);
    Some(found)
}
