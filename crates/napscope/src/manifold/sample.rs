//! A sample of the points, drawn by content: which are drawn, and how they stand, hangs on their coordinates and not on the
//! order of the rows.

use crate::distance::Points;

/// `count` of the points (all, where there are no more) in an order that hangs on their coordinates alone and is otherwise
/// random; points that are equal in every coordinate stand by `tie`, then by row. The first of them are a sample themselves.
pub(super) fn draw(points: &Points, count: usize, tie: impl Fn(usize) -> u64) -> Vec<usize> {
    let mut keyed: Vec<(u64, u64, usize)> =
        (0..points.samples()).map(|sample| (key(points.row(sample)), tie(sample), sample)).collect();
    keyed.sort_unstable();
    keyed.truncate(count);
    keyed.into_iter().map(|(_, _, sample)| sample).collect()
}

/// A key of a row's content: every bit of it hangs on every bit of the row.
fn key(row: &[f32]) -> u64 {
    row.iter().fold(row.len() as u64, |state, value| mix(state ^ u64::from((value + 0.0).to_bits())))
}

/// SplitMix64: 64 bits that hang on every bit of `value`.
pub(super) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The numbers 0 … `count` − 1 in random order, the same for the same seed (Fisher & Yates).
pub(super) fn permutation(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, below(at + 1, mix(seed) ^ at as u64));
    }
    order
}

/// A number below `bound`, the same for the same seed.
pub(super) fn below(bound: usize, seed: u64) -> usize {
    ((u128::from(mix(seed)) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};

    #[test]
    fn what_is_drawn_hangs_on_content_alone() {
        let rows: Vec<[f32; 2]> = (0..60).map(|i| [(i % 13) as f32, (i % 7) as f32 - 3.0]).collect();
        let drawn = |rows: &[[f32; 2]]| -> Vec<[f32; 2]> {
            let points = Points::new(rows.as_flattened().to_vec(), 2, Geometry::L2, Rescale::Identity);
            draw(&points, 20, |_| 0).into_iter().map(|sample| rows[sample]).collect()
        };
        let mut turned = rows.clone();
        turned.rotate_left(23);
        assert_eq!(drawn(&rows), drawn(&turned));
        assert_eq!(drawn(&rows).len(), 20);
    }

    #[test]
    fn a_permutation_holds_every_number_once_and_another_seed_gives_another() {
        let mut order = permutation(100, 7);
        assert_ne!(order, permutation(100, 8));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
