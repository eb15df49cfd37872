//! The range of each channel's activations, gathered in a first pass and exactly mergeable.

use super::simd;
use crate::activations::Activations;
use crate::error::{Error, ErrorKind, Result};

/// Smallest and largest activation of each channel over the samples seen so far.
///
/// Minimum and maximum are exact whatever the order, so merging gives the same bytes for any partition.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRanges {
    low: Vec<f32>,
    high: Vec<f32>,
}

impl ChannelRanges {
    /// Nothing seen yet.
    pub fn new(channels: usize) -> Self {
        ChannelRanges { low: vec![f32::INFINITY; channels], high: vec![f32::NEG_INFINITY; channels] }
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`] where the batch holds NaN or infinity, with its sample (within the batch) and channel;
    /// [`ErrorKind::ShapeMismatch`] when it has another number of channels.
    pub fn update(&mut self, batch: &Activations<'_>) -> Result<()> {
        if batch.shape().channels != self.channels() {
            return Err(Error::shape("ranges of the channels", self.channels(), batch.shape().channels));
        }
        simd::dispatch(
            #[inline(always)]
            || {
                for sample in 0..batch.samples() {
                    self.update_sample(batch, sample)?;
                }
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn update_sample(&mut self, batch: &Activations<'_>, sample: usize) -> Result<()> {
        for (channel, (low, high)) in self.low.iter_mut().zip(&mut self.high).enumerate() {
            let map = batch.map(sample, channel);
            if !simd::all_finite(map) {
                return Err(Error::new(
                    ErrorKind::NonFinite,
                    format!("sample {sample}, channel {channel} holds NaN or infinity"),
                )
                .hint("find out where the network or the data yields it, or leave the sample or the layer out"));
            }
            let (map_low, map_high) = simd::min_max(map);
            (*low, *high) = (low.min(map_low), high.max(map_high));
        }
        Ok(())
    }

    /// Takes in what another one has seen.
    ///
    /// # Panics
    /// When the other one has another number of channels.
    pub fn merge(&mut self, other: &ChannelRanges) {
        assert_eq!(self.channels(), other.channels(), "ranges of one layer have one number of channels");
        for (mine, theirs) in self.low.iter_mut().zip(&other.low) {
            *mine = mine.min(*theirs);
        }
        for (mine, theirs) in self.high.iter_mut().zip(&other.high) {
            *mine = mine.max(*theirs);
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.low.len()
    }

    /// `(low, high)` of one channel; `low > high` when nothing was seen.
    pub fn of(&self, channel: usize) -> (f32, f32) {
        (self.low[channel], self.high[channel])
    }
}
