//! Sketches: what is kept of a channel's activation map.
//!
//! A sketch reduces one channel's map of one sample to a few numbers. It has no memory of other samples, so the order of
//! samples, their batches and threads cannot matter. Sketches on a grid (histogram, KDE) need to know each channel's
//! range beforehand: [`ChannelRanges`] is the one mergeable state, filled in a first pass over a few samples.

mod range;

mod simd;

mod exp;

mod grid;

mod map;

mod mean;
mod mean_std;

mod max;
mod min_max;

mod none;

mod histogram;

mod kde;

mod quantiles;

mod moments;
mod sparsity;

mod free_energy;

pub(crate) use exp::exp;
pub use range::ChannelRanges;

use crate::activations::{Activations, MapShape};
use crate::error::Result;
use crate::features::Column;
use crate::registry::Entry;

/// A way to reduce a channel's activation map to a few numbers.
pub trait Sketch: Send + Sync {
    /// The name that people type.
    fn name(&self) -> &'static str;

    /// True for sketches on a grid: [`Sketch::fit`] then needs the channels' ranges.
    fn needs_ranges(&self) -> bool {
        false
    }

    /// Settles the columns for a layer of this shape.
    ///
    /// # Errors
    /// When `ranges` are missing or belong to another number of channels, or the layer is too large for this sketch.
    fn fit(&self, shape: MapShape, ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>>;
}

/// A sketch settled for one layer.
pub trait FittedSketch: Send + Sync {
    /// What each number of a row means; all columns of channel 0, then of channel 1, …
    fn columns(&self) -> &[Column];

    /// Sketches a batch. The same samples give the same bytes in any batch. A map that holds NaN or infinity leaves NaN or
    /// infinity in its channel's columns, so that [`crate::features::Features`] refuses it.
    ///
    /// # Shapes
    /// - `rows`: `[batch.samples(), columns().len()]`, overwritten.
    ///
    /// # Panics
    /// When `rows` has another length, or the batch another number of channels than the sketch was fitted for.
    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]);
}

/// Every sketch, in the order of help and documentation.
pub static SKETCHES: &[Entry<dyn Sketch>] = &[
    mean::ENTRY,
    mean_std::ENTRY,
    max::ENTRY,
    min_max::ENTRY,
    none::ENTRY,
    histogram::ENTRY,
    kde::ENTRY,
    quantiles::ENTRY,
    moments::ENTRY,
    sparsity::ENTRY,
    free_energy::ENTRY,
];

/// Builds the sketch that `spec` names, as in `kde:bandwidth=isj`.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn parse(spec: &str) -> Result<Box<dyn Sketch>> {
    crate::registry::build("sketch", SKETCHES, spec)
}

#[cfg(test)]
mod tests {
    use super::simd::tests::on_every_instruction_set;
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_bytes() {
        let variants = ["kde:bandwidth=isj,grid=40", "kde:method=exact", "kde:method=exact,bandwidth=1e-9,grid=40"];
        for spec in SKETCHES.iter().map(|entry| entry.name).chain(variants) {
            for positions in [1, 5, 16, 37, 196] {
                let shape = MapShape { channels: 19, height: 1, width: positions };
                let value =
                    |at: usize| ((at * 7919 % 1009) as f32 / 100.0 - 5.0).max(if at % 38 < 19 { 0.0 } else { -9.0 });
                let values: Vec<f32> = (0..2 * shape.len()).map(value).collect();
                let batch = Activations::new(&values, shape).expect("two samples");
                let results = on_every_instruction_set(|| {
                    let mut ranges = ChannelRanges::new(shape.channels);
                    ranges.update(&batch).expect("finite activations");
                    let sketch = parse(spec).and_then(|sketch| sketch.fit(shape, Some(&ranges))).expect(spec);
                    let mut rows = vec![0.0; 2 * sketch.columns().len()];
                    sketch.sketch(&batch, &mut rows);
                    rows.iter().map(|value| value.to_bits()).collect::<Vec<u32>>()
                });
                for (set, rows) in &results[1..] {
                    assert_eq!(rows, &results[0].1, "{spec}, {positions} positions: {set:?} differs from the baseline");
                }
            }
        }
    }
}
