//! The mean of each map: NAP's "feature amount", its default (arXiv 2206.10611, table 1).

use super::map::MapSketch;
use super::{Sketch, simd};
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "mean",
    summary: "mean of each channel: how much of a feature there is (NAP's default)",
    options: &[],
    build: |_| {
        MapSketch::build(
            "mean",
            &[Statistic::Mean],
            #[inline(always)]
            |map: &[f32], columns: &mut [f32]| columns[0] = mean(map) as f32,
        )
    },
};

/// Mean of a map, in f64.
#[inline(always)]
pub(super) fn mean(map: &[f32]) -> f64 {
    simd::sum(map, |value| value) / map.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_not_lost_beside_large_ones() {
        let mut map = vec![0.1_f32; 100_000];
        map[0] = 1e9;
        assert_eq!(mean(&map) as f32, ((1e9 + 99_999.0 * f64::from(0.1_f32)) / 1e5) as f32);
    }

    #[test]
    fn the_mean_of_equal_values_is_that_value() {
        for len in [1, 2, 3, 16, 17, 196, 1000] {
            assert_eq!(mean(&vec![0.1_f32; len]), f64::from(0.1_f32), "{len} values");
        }
    }
}
