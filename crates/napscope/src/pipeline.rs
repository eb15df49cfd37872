//! The spine: from a source of activations to features, and from features to points. One screen each.
//!
//! Samples for the calibration are chosen by their content, not by where they stand, and every sample is sketched on its
//! own: so neither the order of the samples nor batches nor threads decide anything.

use crate::activations::{ActivationSource, Batch};
use crate::distance::{Metric, Points};
use crate::error::{Error, ErrorKind, Result};
use crate::features::Features;
use crate::normalize::Normalizer;
use crate::sketch::{ChannelRanges, FittedSketch, Sketch};
use std::sync::Mutex;

/// The `count` samples, of all, that settle the channels' ranges: those with the smallest content keys, rising by key.
///
/// # Errors
/// The source's.
pub fn calibration_samples(source: &dyn ActivationSource, count: usize) -> Result<Vec<usize>> {
    let all = source.samples();
    if count >= all {
        return Ok((0..all).collect());
    }
    let mut keyed = (0..all).map(|sample| Ok((source.content_key(sample)?, sample))).collect::<Result<Vec<_>>>()?;
    keyed.sort_unstable();
    Ok(keyed.into_iter().take(count).map(|(_, sample)| sample).collect())
}

/// The range of every channel of every layer over `samples`.
///
/// # Errors
/// The source's; [`ErrorKind::NonFinite`] with layer, sample and channel.
pub fn calibrate(source: &dyn ActivationSource, samples: &[usize]) -> Result<Vec<ChannelRanges>> {
    let layers = source.layers();
    let empty = layers.iter().map(|layer| Mutex::new(ChannelRanges::new(layer.shape.channels))).collect::<Vec<_>>();
    source.run(samples, &|batch: Batch<'_>| {
        let place = |error: Error| error.context(format!("layer {}", layers[batch.layer].name));
        let mut ranges = ChannelRanges::new(layers[batch.layer].shape.channels);
        ranges.update(&batch.activations).map_err(place)?;
        lock(&empty[batch.layer]).merge(&ranges);
        Ok(())
    })?;
    Ok(empty.into_iter().map(|ranges| ranges.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)).collect())
}

/// Settles `sketch` for every layer of `source`, calibrating on at most `calibration` samples where the sketch needs it.
///
/// # Errors
/// The source's and the sketch's, with the layer.
pub fn fit_sketches(
    source: &dyn ActivationSource,
    sketch: &dyn Sketch,
    calibration: usize,
) -> Result<Vec<Box<dyn FittedSketch>>> {
    let ranges = if sketch.needs_ranges() {
        calibrate(source, &calibration_samples(source, calibration)?)?.into_iter().map(Some).collect()
    } else {
        vec![None; source.layers().len()]
    };
    let fit = |(layer, ranges): (&crate::activations::Layer, &Option<ChannelRanges>)| {
        sketch.fit(layer.shape, ranges.as_ref()).map_err(|error| error.context(format!("layer {}", layer.name)))
    };
    source.layers().iter().zip(&ranges).map(fit).collect()
}

/// Sketches `samples`: for every layer a matrix `[samples.len(), columns]` in the order of `samples`.
///
/// `after` hears of every batch that is done (its number of samples times layers) and may stop the work.
///
/// # Errors
/// The source's and `after`'s.
pub fn sketch_samples(
    source: &dyn ActivationSource,
    sketches: &[Box<dyn FittedSketch>],
    samples: &[usize],
    after: &(dyn Fn(usize) -> Result<()> + Sync),
) -> Result<Vec<Vec<f32>>> {
    let columns: Vec<usize> = sketches.iter().map(|sketch| sketch.columns().len()).collect();
    let matrices: Vec<Mutex<Vec<f32>>> =
        columns.iter().map(|columns| Mutex::new(vec![0.0; samples.len() * columns])).collect();
    source.run(samples, &|batch: Batch<'_>| {
        let columns = columns[batch.layer];
        let mut rows = vec![0.0; batch.activations.samples() * columns];
        sketches[batch.layer].sketch(&batch.activations, &mut rows);
        let start = batch.first * columns;
        lock(&matrices[batch.layer])[start..start + rows.len()].copy_from_slice(&rows);
        after(batch.activations.samples())
    })?;
    Ok(matrices.into_iter().map(|rows| rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)).collect())
}

/// Normalises the features of a layer and embeds them for a metric.
///
/// # Errors
/// The normalizer's and the metric's.
pub fn embed(features: &Features, normalizer: &dyn Normalizer, metric: &dyn Metric) -> Result<(Features, Points)> {
    if features.samples() == 0 {
        return Err(Error::new(ErrorKind::TooFewSamples, "there is no sample"));
    }
    let normalized = normalizer.fit(features)?.transform(features)?;
    let points = metric.fit(&normalized)?.embed(&normalized)?;
    Ok((normalized, points))
}

/// A thread that panicked while holding the lock has already ended the run; the data behind it is not read again.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
