//! Mean and standard deviation of each map: NAP's "feature amount and spread" (arXiv 2206.10611, table 1).

use super::map::MapSketch;
use super::mean::mean;
use super::{Sketch, simd};
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "mean_std",
    summary: "mean and standard deviation of each channel: how much of a feature there is, and how unevenly",
    options: &[],
    build: |_| {
        MapSketch::build(
            "mean_std",
            &[Statistic::Mean, Statistic::Std],
            #[inline(always)]
            |map: &[f32], columns: &mut [f32]| {
                let mean = mean(map);
                columns[0] = mean as f32;
                columns[1] = central_moment_2(map, mean).sqrt() as f32;
            },
        )
    },
};

/// Mean squared deviation from `mean` (population variance: divided by the number of positions), in f64.
///
/// A second pass over the map, which is still in the cache: the one-pass formula cancels where mean² ≫ variance.
#[inline(always)]
pub(super) fn central_moment_2(map: &[f32], mean: f64) -> f64 {
    simd::sum(map, |value| (value - mean) * (value - mean)) / map.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_spread_about_a_large_mean_survives() {
        let map = [1e6_f32, 1e6 + 0.5, 1e6 + 1.0];
        let variance = central_moment_2(&map, mean(&map));
        assert!((variance - 0.5 / 3.0).abs() < 1e-9, "variance of 0, 1/2, 1 is 1/6, got {variance}");
    }
}
