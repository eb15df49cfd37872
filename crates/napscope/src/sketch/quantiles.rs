//! Quantiles of each map: a distribution without a grid, as the city block between quantiles is Wasserstein's distance.
//!
//! The probabilities are the midpoints (k + 1/2) / count, so that each quantile stands for an equal share 1 / count of the
//! positions. Between two sorted values a quantile is interpolated linearly (NumPy's default, Hyndman and Fan's type 7).

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
        let mut sorted = Vec::with_capacity(batch.shape().positions());
        map::for_each_map(batch, self.probabilities.len(), rows, |_, map, columns| {
            sorted.clear();
            sorted.extend_from_slice(map);
            sorted.sort_unstable_by(f32::total_cmp);
            for (column, &p) in columns.iter_mut().zip(&self.probabilities) {
                *column = quantile(&sorted, p);
            }
        });
    }
}

/// The value below which a fraction `p` of the `sorted` values lies.
fn quantile(sorted: &[f32], p: f64) -> f32 {
    let at = p * (sorted.len() - 1) as f64;
    let below = at as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high) = (f64::from(sorted[below]), f64::from(sorted[above]));
    // The added zero turns −0 into 0: which of the two stands here would depend on their number, not on a value.
    (low + (high - low) * (at - below as f64) + 0.0) as f32
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
            assert_eq!(quantile(sorted, p), expected, "quantile {p} of {sorted:?}");
        }
    }
}
