//! Histogram of each map on a grid of its channel's range: the simplest distribution.
//!
//! Bin k of `bins` covers [low + k·w, low + (k + 1)·w), w = (high − low) / bins, and its column is the fraction of positions
//! in it. The range was seen on some samples only, so values may lie outside: they count in the edge bins. The bin is
//! found in f32, ⌊(a − low) · (bins / (high − low))⌋: a value within one rounding of an edge may fall on either side,
//! and always falls on the same.

use super::grid::Span;
use super::{ChannelRanges, FittedSketch, Sketch, map, simd};
use crate::activations::{Activations, MapShape};
use crate::error::Result;
use crate::features::{Column, Statistic};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "histogram",
    summary: "histogram of each channel over its range",
    options: &[("bins", "32", "how many bins each channel's range is cut into, 1 to 4096")],
    build: |options| Ok(Box::new(Histogram { bins: options.get_in("bins", 1..=4096)? })),
};

struct Histogram {
    bins: usize,
}

impl Sketch for Histogram {
    fn name(&self) -> &'static str {
        "histogram"
    }

    fn needs_ranges(&self) -> bool {
        true
    }

    fn fit(&self, shape: MapShape, ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        let spans = Span::of_channels(self.name(), shape, ranges)?;
        let bins = self.bins;
        let columns = map::columns(shape, bins, |channel| {
            let span = spans[channel];
            let edge = move |k: usize| span.at(k as f64 / bins as f64);
            Ok((0..bins).map(move |k| Statistic::Bin { low: edge(k), high: edge(k + 1) }))
        })?;
        Ok(Box::new(FittedHistogram { columns, spans, bins }))
    }
}

struct FittedHistogram {
    columns: Vec<Column>,
    spans: Vec<Span>,
    bins: usize,
}

impl FittedSketch for FittedHistogram {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        let mut counts = vec![[0; COPIES]; self.bins];
        map::for_each_map(
            batch,
            self.bins,
            rows,
            #[inline(always)]
            |channel, map, columns| {
                count(map, self.spans[channel], &mut counts);
                for (column, counts) in columns.iter_mut().zip(&counts) {
                    *column = (f64::from(counts.iter().sum::<u32>()) / map.len() as f64) as f32;
                }
            },
        );
    }
}

/// Histograms that are filled in turn and added up: activations repeat (ReLU's zeros), and a counter that was just written
/// can be read again only some cycles later.
const COPIES: usize = 4;

/// Counts the values of `map` in bins of equal width over `span`.
#[inline(always)]
fn count(map: &[f32], span: Span, counts: &mut [[u32; COPIES]]) {
    counts.fill([0; COPIES]);
    let last = counts.len() - 1;
    let per_unit = counts.len() as f32 / span.width();
    let bin = |value: f32| ((value - span.low) * per_unit).clamp(0.0, last as f32) as i32;
    let (chunks, rest) = map.as_chunks::<{ simd::LANES }>();
    for chunk in chunks {
        for (lane, bin) in chunk.map(bin).into_iter().enumerate() {
            counts[bin as usize][lane % COPIES] += 1;
        }
    }
    for value in rest {
        counts[bin(*value) as usize][0] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_bins_and_outsiders_into_the_edge_bins() {
        let span = Span { low: -1.0, high: 1.0 };
        for (value, expected) in [
            (-1.0, 0),
            (-0.51, 0),
            (-0.5, 1),
            (0.0, 2),
            (0.99, 3),
            (1.0, 3),
            (7.0, 3),
            (-7.0, 0),
            (f32::MAX, 3),
            (f32::MIN, 0),
        ] {
            for len in [1, 16, 17] {
                let mut counts = vec![[9; COPIES]; 4];
                count(&vec![value; len], span, &mut counts);
                let totals: Vec<u32> = counts.iter().map(|copies| copies.iter().sum()).collect();
                let mut wanted = vec![0; 4];
                wanted[expected] = len as u32;
                assert_eq!(totals, wanted, "{len} x {value}");
            }
        }
    }
}
