//! An order of the points that does not depend on the order of the rows: by a hash of their coordinates.
//!
//! Whatever ties must be broken is broken by it, so permuting the rows permutes every result and changes nothing else.
//! Points that are equal in every coordinate are interchangeable; among them the row decides.

use crate::distance::Points;
use rayon::prelude::*;
use std::cmp::Ordering;

/// The rows in the order of their content.
pub(crate) fn content_order(points: &Points) -> Vec<u32> {
    let hashes: Vec<u64> = points.values().par_chunks_exact(points.dimensions()).map(hash).collect();
    let mut order: Vec<u32> = (0..points.samples() as u32).collect();
    order.par_sort_unstable_by(|&a, &b| {
        let by_hash = hashes[a as usize].cmp(&hashes[b as usize]);
        by_hash.then_with(|| compare(points.row(a as usize), points.row(b as usize))).then_with(|| a.cmp(&b))
    });
    order
}

/// How two rows stand in the order of content.
pub(super) fn by_content(points: &Points, a: u32, b: u32) -> Ordering {
    let [row_a, row_b] = [a, b].map(|row| points.row(row as usize));
    hash(row_a).cmp(&hash(row_b)).then_with(|| compare(row_a, row_b)).then_with(|| a.cmp(&b))
}

/// The position of every row in `order`.
pub(crate) fn ranks(order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    for (rank, &row) in order.iter().enumerate() {
        ranks[row as usize] = rank as u32;
    }
    ranks
}

/// Mixes the bits of a row: multiply by the golden ratio's bits and rotate, once a coordinate.
fn hash(row: &[f32]) -> u64 {
    let mix = |state: u64, value: &f32| {
        (state ^ u64::from(value.to_bits())).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    };
    row.iter().fold(row.len() as u64, mix)
}

fn compare(a: &[f32], b: &[f32]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};

    #[test]
    fn the_order_follows_the_content_wherever_it_stands() {
        let rows = [[2.0f32, 1.0], [-1.0, 5.0], [2.0, 0.0], [-1.0, 5.0], [0.0, -0.0]];
        let ordered = |rows: Vec<[f32; 2]>| -> Vec<[f32; 2]> {
            let points = Points::new(rows.concat(), 2, Geometry::L2, Rescale::Identity);
            let order = content_order(&points);
            assert!(ranks(&order).iter().enumerate().all(|(row, rank)| order[*rank as usize] == row as u32));
            order.iter().map(|&row| rows[row as usize]).collect()
        };
        let straight = ordered(rows.to_vec());
        let reversed = ordered(rows.iter().rev().copied().collect());
        assert_eq!(straight, reversed);
        let twins = straight.iter().position(|row| *row == [-1.0, 5.0]).expect("it is there");
        assert_eq!(straight[twins + 1], [-1.0, 5.0], "equal rows stand together");
    }
}
