//! Neighbors of a handful of queries: the reference is looked through as it stands. Preparing it for a sweep costs more than a
//! sweep for so few would save.
//!
//! Every row is measured in f32 first. All terms of a norm are positive, so that its relative error is bounded, and what may be among
//! the nearest in spite of it is measured again as everywhere: the result is the same to the bit.

use super::Neighbors;
use super::content::by_content;
use crate::distance::{Geometry, Points};
use crate::lanes::fold;
use rayon::prelude::*;

/// Queries that are a handful.
pub(super) const FEW: usize = 16;

const LANES: usize = 32;

/// The `k` nearest rows of `reference` for every row of `queries`; `None` where another way is better.
pub(super) fn neighbors(reference: &Points, queries: &Points, k: usize) -> Option<Neighbors> {
    let measure: Measure = match reference.geometry() {
        Geometry::L2 => squares,
        Geometry::L1 => absolutes,
        Geometry::Kernel(_) => return None,
    };
    if queries.samples() > FEW {
        return None;
    }
    let mut indices = vec![0; queries.samples() * k];
    let mut distances = vec![0.0; queries.samples() * k];
    let slots = indices.par_chunks_mut(k).zip(distances.par_chunks_mut(k));
    slots.enumerate().for_each(|(query, (indices, distances))| {
        nearest(reference, queries.row(query), measure, indices, distances);
    });
    Some(Neighbors { k, indices, distances })
}

fn nearest(reference: &Points, query: &[f32], measure: Measure, indices: &mut [u32], distances: &mut [f64]) {
    let k = indices.len();
    let mut rough = vec![0.0f32; reference.samples()];
    measure(query, reference.values(), &mut rough);
    let limit = limit(&rough, k, query.len());
    let within = (0..reference.samples() as u32).filter(|row| f64::from(rough[*row as usize]) <= limit);
    let exact = |row: u32| reference.distance_of_key(reference.key_of_rows(query, reference.row(row as usize)));
    let mut found: Vec<(f64, u32)> = within.map(|row| (exact(row), row)).collect();
    found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| by_content(reference, a.1, b.1)));
    for ((distance, row), (index, slot)) in found.into_iter().zip(indices.iter_mut().zip(distances)) {
        (*index, *slot) = (row, distance);
    }
}

/// A rough measure that none of the `k` nearest exceeds.
fn limit(rough: &[f32], k: usize, dimensions: usize) -> f64 {
    let mut sorted = rough.to_vec();
    let kth = f64::from(*sorted.select_nth_unstable_by(k - 1, f32::total_cmp).1);
    // A term is rounded three times, and a sum once for each term of its lane and of the tree that joins lanes.
    let relative = (dimensions as f64 / LANES as f64 + 12.0) * f64::from(f32::EPSILON);
    // Squares may be too small for an f32.
    let absolute = dimensions as f64 * f64::from(f32::MIN_POSITIVE);
    (kth + absolute) * (1.0 + 3.0 * relative) + absolute
}

/// Measures every row of a matrix from a query.
type Measure = fn(&[f32], &[f32], &mut [f32]);

#[inline(always)]
fn sum_of(query: &[f32], row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (query_chunks, query_rest) = query.as_chunks::<LANES>();
    let (row_chunks, row_rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (query, row) in query_chunks.iter().zip(row_chunks) {
        for lane in 0..LANES {
            sums[lane] += term(query[lane] - row[lane]);
        }
    }
    for (sum, (query, row)) in sums.iter_mut().zip(query_rest.iter().zip(row_rest)) {
        *sum += term(query - row);
    }
    fold(&sums)
}

/// Defines a [`Measure`], compiled for the vector units that a processor may have.
macro_rules! measure {
    ($name:ident, $term:expr) => {
        fn $name(query: &[f32], rows: &[f32], out: &mut [f32]) {
            #[inline(always)]
            fn all(query: &[f32], rows: &[f32], out: &mut [f32]) {
                for (out, row) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
                    *out = sum_of(query, row, $term);
                }
            }
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn wide(query: &[f32], rows: &[f32], out: &mut [f32]) {
                    all(query, rows, out);
                }
                #[target_feature(enable = "avx2")]
                fn medium(query: &[f32], rows: &[f32], out: &mut [f32]) {
                    all(query, rows, out);
                }
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has AVX-512F.
                    return unsafe { wide(query, rows, out) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { medium(query, rows, out) };
                }
            }
            all(query, rows, out);
        }
    };
}

measure!(squares, |difference: f32| difference * difference);
measure!(absolutes, f32::abs);
