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
    build: |options| Ok(Box::new(Histogram { bins: options.get_in("bins", 1..=MAX_BINS)? })),
};

const MAX_BINS: usize = 4096;

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
        let mut counter = Counter::new(batch.shape().positions());
        map::for_each_map(
            batch,
            self.bins,
            rows,
            #[inline(always)]
            |channel, map, columns| {
                let share = 1.0 / map.len() as f64;
                for (column, copies) in columns.iter_mut().zip(counter.count(map, self.spans[channel], self.bins)) {
                    *column = (f64::from(copies.iter().sum::<u32>()) * share) as f32;
                }
            },
        );
    }
}

/// Counters of a bin, which take turns: activations repeat (ReLU's zeros), and a counter that was just written can be read
/// again only some cycles later.
const COPIES: usize = 4;

/// Counts values in bins; keeps the memory for that.
struct Counter {
    /// The counters of bin k start at k · COPIES.
    counts: Box<[u32; (MAX_BINS + 1) * COPIES]>,
    /// Where the counters of each value's bin start. This is found for the whole map first, as vectors do that, and counting
    /// cannot be done by vectors.
    starts: Vec<u16>,
}

impl Counter {
    /// For maps of `positions` values.
    fn new(positions: usize) -> Self {
        Counter { counts: Box::new([0; (MAX_BINS + 1) * COPIES]), starts: vec![0; positions] }
    }

    /// Counts the values of `map` in `bins` bins of equal width over `span`: [`COPIES`] numbers of each bin.
    #[inline(always)]
    fn count(&mut self, map: &[f32], span: Span, bins: usize) -> &[[u32; COPIES]] {
        let last = (bins - 1) as f32;
        let per_unit = bins as f32 / span.width();
        for (start, value) in self.starts.iter_mut().zip(map) {
            let at = ((value - span.low) * per_unit).clamp(0.0, last);
            *start = (simd::index::<MAX_BINS>(simd::floor(at)) * COPIES as u32) as u16;
        }
        self.counts[..bins * COPIES].fill(0);
        let (chunks, rest) = self.starts[..map.len()].as_chunks::<COPIES>();
        for chunk in chunks {
            for (copy, start) in chunk.iter().enumerate() {
                self.counts[usize::from(*start) % (MAX_BINS * COPIES) + copy] += 1;
            }
        }
        for start in rest {
            self.counts[usize::from(*start) % (MAX_BINS * COPIES)] += 1;
        }
        &self.counts.as_chunks().0[..bins]
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
                let mut counter = Counter::new(len);
                counter.count(&vec![0.3; len], span, 4);
                let counts = counter.count(&vec![value; len], span, 4);
                let counts: Vec<u32> = counts.iter().map(|copies| copies.iter().sum()).collect();
                let mut wanted = vec![0; 4];
                wanted[expected] = len as u32;
                assert_eq!(counts, wanted, "{len} x {value}");
            }
        }
    }
}
