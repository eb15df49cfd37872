//! Quantiles of each map: a distribution without a grid, as the city block between quantiles is Wasserstein's distance.
//!
//! The probabilities are the midpoints (k + 1/2) / count, so that each quantile stands for an equal share 1 / count of the
//! positions. Between two sorted values a quantile is interpolated linearly (NumPy's default, Hyndman and Fan's type 7).
//!
//! Maps are sorted [`LANES`] at a time, one in each lane of a vector: a sorting network compares the same places whatever the
//! values are.

use super::simd::{self, LANES, each, larger, smaller};
use super::{ChannelRanges, FittedSketch, Sketch, map};
use crate::activations::{Activations, MapShape};
use crate::error::Result;
use crate::features::{Column, Statistic};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "quantiles",
    summary: "evenly spaced quantiles of each channel: its distribution, without a grid",
    options: &[("count", "32", "how many quantiles, 1 to 4096, at the probabilities (k + 1/2) / count")],
    build: |options| Ok(Box::new(Quantiles { count: options.get_in("count", 1..=4096)? })),
};

struct Quantiles {
    count: usize,
}

impl Sketch for Quantiles {
    fn name(&self) -> &'static str {
        "quantiles"
    }

    fn fit(&self, shape: MapShape, _ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        let count = self.count;
        let weight = 1.0 / count as f64;
        let probabilities: Vec<f64> = (0..count).map(|k| (k as f64 + 0.5) * weight).collect();
        let columns =
            map::columns(shape, count, |_| Ok(probabilities.iter().map(|&p| Statistic::Quantile { p, weight })))?;
        Ok(Box::new(FittedQuantiles { columns, probabilities }))
    }
}

struct FittedQuantiles {
    columns: Vec<Column>,
    probabilities: Vec<f64>,
}

impl FittedSketch for FittedQuantiles {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        assert_eq!(rows.len(), batch.samples() * self.columns.len(), "rows: [samples, columns]");
        let (positions, count) = (batch.shape().positions(), self.probabilities.len());
        let mut side_by_side = vec![[0.0; LANES]; positions];
        simd::dispatch(
            #[inline(always)]
            || {
                for (sample, row) in rows.chunks_exact_mut(self.columns.len()).enumerate() {
                    let maps = batch.sample(sample).chunks(LANES * positions);
                    for (maps, columns) in maps.zip(row.chunks_mut(LANES * count)) {
                        self.sketch_lanes(maps, &mut side_by_side, columns);
                    }
                }
            },
        );
    }
}

impl FittedQuantiles {
    /// Sketches up to [`LANES`] maps, which stand one after another in `maps`, as do their columns.
    #[inline(always)]
    fn sketch_lanes(&self, maps: &[f32], side_by_side: &mut [[f32; LANES]], columns: &mut [f32]) {
        let (positions, count) = (side_by_side.len(), self.probabilities.len());
        for (lane, map) in maps.chunks_exact(positions).enumerate() {
            for (values, value) in side_by_side.iter_mut().zip(map) {
                values[lane] = *value;
            }
        }
        sort(side_by_side);
        for (k, &p) in self.probabilities.iter().enumerate() {
            let quantiles = quantile(side_by_side, p);
            for (columns, quantile) in columns.chunks_exact_mut(count).zip(quantiles) {
                columns[k] = quantile;
            }
        }
        for (map, columns) in maps.chunks_exact(positions).zip(columns.chunks_exact_mut(count)) {
            if !simd::all_finite(map) {
                columns.fill(f32::NAN);
            }
        }
    }
}

/// Sorts every lane upwards: Batcher's merge exchange for any number of values (Knuth, "The Art of Computer Programming",
/// vol. 3, section 5.2.2, algorithm M).
#[inline(always)]
fn sort(values: &mut [[f32; LANES]]) {
    let top = values.len().next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut distance) = (top, 0, p);
        loop {
            // Compare i with i + distance for every i whose bit p is that of r.
            for start in (r..values.len().saturating_sub(distance)).step_by(2 * p) {
                let (low, high) = values[start..].split_at_mut(distance);
                for (low, high) in low[..p].iter_mut().zip(high) {
                    for lane in 0..LANES {
                        (low[lane], high[lane]) = (smaller(low[lane], high[lane]), larger(low[lane], high[lane]));
                    }
                }
            }
            if q == p {
                break;
            }
            (distance, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
}

/// In every lane, the value below which a fraction `p` of the `sorted` values lies.
#[inline(always)]
fn quantile(sorted: &[[f32; LANES]], p: f64) -> [f32; LANES] {
    let at = p * (sorted.len() - 1) as f64;
    let below = at as usize;
    let (low, high) = (each(&sorted[below], f64::from), each(&sorted[(below + 1).min(sorted.len() - 1)], f64::from));
    let mut quantiles = [0.0; LANES];
    for (lane, quantile) in quantiles.iter_mut().enumerate() {
        // The added zero turns −0 into 0: which of the two stands here would depend on their order, not on a value.
        *quantile = (low[lane] + (high[lane] - low[lane]) * (at - below as f64) + 0.0) as f32;
    }
    quantiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_neighbors() {
        for (sorted, p, expected) in [
            (&[7.0][..], 0.3, 7.0),
            (&[0.0, 10.0], 0.25, 2.5),
            (&[0.0, 1.0, 4.0], 0.75, 2.5),
            (&[0.0, 1.0, 4.0], 1.0, 4.0),
            (&[f32::MIN, f32::MAX], 0.5, 0.0),
        ] {
            let lanes: Vec<[f32; LANES]> = sorted.iter().map(|value| [*value; LANES]).collect();
            assert_eq!(quantile(&lanes, p), [expected; LANES], "quantile {p} of {sorted:?}");
        }
    }

    #[test]
    fn every_lane_is_sorted_whatever_its_length() {
        for len in 0..200_usize {
            let value = |at: usize, lane: usize| ((at * 7919 + lane * 104_729) % 61) as f32 - 30.0;
            let mut values: Vec<[f32; LANES]> =
                (0..len).map(|at| std::array::from_fn(|lane| value(at, lane))).collect();
            sort(&mut values);
            for lane in 0..LANES {
                let mut expected: Vec<f32> = (0..len).map(|at| value(at, lane)).collect();
                expected.sort_by(f32::total_cmp);
                let got: Vec<f32> = values.iter().map(|values| values[lane]).collect();
                assert_eq!(got, expected, "{len} values, lane {lane}");
            }
        }
    }
}
