//! Groups of points that stand near each other: halves split off along random directions until few are left.

use crate::distance::Points;
use rayon::prelude::*;

/// Fewer points are not worth a second thread.
const ALONE: usize = 4096;

/// Mixes bits (the finish of SplitMix64): random choices hang on what they are about, never on an order.
pub(super) fn mix(seed: u64, about: u64) -> u64 {
    let mut z = seed.wrapping_add(about.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The points, such that the returned number of them after one another, from the first on, are a grove: between `least` and
/// twice as many.
///
/// A direction is the difference of two points of the grove (Dasgupta and Freund 2008, as in PyNNDescent); halves are of one
/// size.
pub(super) fn groves(points: &Points, least: usize, seed: u64) -> (Vec<u32>, Vec<usize>) {
    let mut order: Vec<u32> = (0..points.samples() as u32).collect();
    let sizes = split(points, least, seed, &mut order);
    (order, sizes)
}

fn split(points: &Points, least: usize, seed: u64, order: &mut [u32]) -> Vec<usize> {
    if order.len() < 2 * least {
        return vec![order.len()];
    }
    let chosen = |which: u64| points.row(order[(mix(seed, which) % order.len() as u64) as usize] as usize);
    let direction: Vec<f32> = chosen(0).iter().zip(chosen(1)).map(|(x, y)| x - y).collect();
    let along = |point: u32| points.row(point as usize).iter().zip(&direction).map(|(x, w)| x * w).sum::<f32>();
    let mut placed: Vec<(f32, u32)> =
        order.par_iter().with_min_len(ALONE).map(|&point| (along(point), point)).collect();
    let middle = placed.len() / 2;
    placed.select_nth_unstable_by(middle, |x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    order.iter_mut().zip(&placed).for_each(|(order, (_, point))| *order = *point);
    let (left, right) = order.split_at_mut(middle);
    let seeds = [mix(seed, 2), mix(seed, 3)];
    let (mut sizes, more) = if left.len() < ALONE {
        (split(points, least, seeds[0], left), split(points, least, seeds[1], right))
    } else {
        rayon::join(|| split(points, least, seeds[0], left), || split(points, least, seeds[1], right))
    };
    sizes.extend(more);
    sizes
}
