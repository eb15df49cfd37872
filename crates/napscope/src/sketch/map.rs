//! What all sketches share: they go through a batch map by map, and each map fills its own columns.

use super::{FittedSketch, Sketch, simd};
use crate::activations::{Activations, MapShape};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Statistic};

/// More columns than this are refused: a row of features would be larger than most layers' weights.
const MAX_COLUMNS: usize = 1 << 22;

/// The columns `statistics(channel)` of every channel in turn.
pub(super) fn columns<S: IntoIterator<Item = Statistic>>(
    shape: MapShape,
    per_channel: usize,
    mut statistics: impl FnMut(usize) -> Result<S>,
) -> Result<Vec<Column>> {
    let total = shape.channels.saturating_mul(per_channel);
    if total > MAX_COLUMNS {
        let message =
            format!("{} channels with {per_channel} columns each are more than {MAX_COLUMNS}", shape.channels);
        return Err(Error::new(ErrorKind::InvalidParameter, message)
            .hint("choose a sketch that keeps fewer numbers of a channel, such as `mean_std` or `quantiles:count=8`"));
    }
    let mut columns = Vec::with_capacity(total);
    for channel in 0..shape.channels {
        columns.extend(statistics(channel)?.into_iter().map(|statistic| Column { channel: channel as u32, statistic }));
    }
    Ok(columns)
}

/// Calls `reduce(channel, map, its columns)` for every map of the batch.
///
/// A map that holds NaN or infinity is not reduced: its columns all become NaN. Comparisons and counts would lose it
/// (`f32::max` ignores NaN), and [`crate::features::Features`] must see it to refuse it.
#[inline(always)]
pub(super) fn for_each_map(
    batch: &Activations<'_>,
    per_channel: usize,
    rows: &mut [f32],
    mut reduce: impl FnMut(usize, &[f32], &mut [f32]),
) {
    let channels = batch.shape().channels;
    assert_eq!(rows.len(), batch.samples() * channels * per_channel, "rows: [samples, columns]");
    simd::dispatch(
        #[inline(always)]
        || {
            for (sample, row) in rows.chunks_exact_mut(channels * per_channel).enumerate() {
                let maps = batch.sample(sample).chunks_exact(batch.shape().positions());
                for (channel, (map, columns)) in maps.zip(row.chunks_exact_mut(per_channel)).enumerate() {
                    if simd::all_finite(map) {
                        reduce(channel, map, columns);
                    } else {
                        columns.fill(f32::NAN);
                    }
                }
            }
        },
    );
}

/// A sketch that is a function of the map alone: the same statistics of every channel, no range, no memory.
pub(super) struct MapSketch<F> {
    name: &'static str,
    statistics: &'static [Statistic],
    reduce: F,
}

impl<F> MapSketch<F>
where
    F: Fn(&[f32], &mut [f32]) + Clone + Send + Sync + 'static,
{
    /// The sketch whose `reduce(map, columns)` fills one column for each of the `statistics`.
    pub(super) fn build(name: &'static str, statistics: &'static [Statistic], reduce: F) -> Result<Box<dyn Sketch>> {
        Ok(Box::new(MapSketch { name, statistics, reduce }))
    }
}

impl<F> Sketch for MapSketch<F>
where
    F: Fn(&[f32], &mut [f32]) + Clone + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn fit(&self, shape: MapShape, _ranges: Option<&super::ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        let columns = columns(shape, self.statistics.len(), |_| Ok(self.statistics.iter().copied()))?;
        Ok(Box::new(FittedMapSketch { columns, per_channel: self.statistics.len(), reduce: self.reduce.clone() }))
    }
}

struct FittedMapSketch<F> {
    columns: Vec<Column>,
    per_channel: usize,
    reduce: F,
}

impl<F: Fn(&[f32], &mut [f32]) + Send + Sync> FittedSketch for FittedMapSketch<F> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        for_each_map(
            batch,
            self.per_channel,
            rows,
            #[inline(always)]
            |_, map, columns| (self.reduce)(map, columns),
        );
    }
}
