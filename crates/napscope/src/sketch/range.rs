//! The range of each channel's activations, gathered in a first pass and exactly mergeable.

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
    /// [`ErrorKind::NonFinite`] where the batch holds NaN or infinity, with its sample (within the batch) and channel.
    pub fn update(&mut self, batch: &Activations<'_>) -> Result<()> {
        for sample in 0..batch.samples() {
            for channel in 0..batch.shape().channels {
                let map = batch.map(sample, channel);
                let low = map.iter().copied().fold(f32::INFINITY, f32::min);
                let high = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                if map.iter().any(|value| !value.is_finite()) {
                    return Err(Error::new(
                        ErrorKind::NonFinite,
                        format!("sample {sample}, channel {channel} holds NaN or infinity"),
                    ));
                }
                self.low[channel] = self.low[channel].min(low);
                self.high[channel] = self.high[channel].max(high);
            }
        }
        Ok(())
    }

    /// Takes in what another one has seen.
    pub fn merge(&mut self, other: &ChannelRanges) {
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
