//! What a layer puts out for a batch of samples, and the sources that such batches stream from.
//!
//! A source *pushes*: it owns its buffers and lends them batch by batch to a sink, from as many threads as it likes. So
//! activations are reduced as they come and are never all kept.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The shape of one sample's activations of one layer: `channels` maps of `height` × `width` positions.
///
/// A dense layer has 1 × 1 positions; a token sequence has height 1 and one position a token; a 1-D convolution has height 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapShape {
    /// Number of channels (NAP's units, filters).
    pub channels: usize,
    /// Rows of each channel's map.
    pub height: usize,
    /// Columns of each channel's map.
    pub width: usize,
}

impl MapShape {
    /// Positions of one channel's map.
    pub fn positions(&self) -> usize {
        self.height * self.width
    }

    /// Values of one sample.
    pub fn len(&self) -> usize {
        self.channels * self.positions()
    }

    /// True where a sample holds no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One batch of one layer's activations.
///
/// # Shapes
/// - `values`: `[n, channels, height, width]`, C order.
#[derive(Debug, Clone, Copy)]
pub struct Activations<'a> {
    values: &'a [f32],
    samples: usize,
    shape: MapShape,
}

impl<'a> Activations<'a> {
    /// Wraps `values` of shape `[n, channels, height, width]`.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when `values` is not a whole number of samples, or a sample holds no value.
    pub fn new(values: &'a [f32], shape: MapShape) -> Result<Self> {
        if shape.is_empty() || !values.len().is_multiple_of(shape.len()) {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("activations: {} values are no whole number of samples of {shape:?}", values.len()),
            ));
        }
        Ok(Activations { values, samples: values.len() / shape.len(), shape })
    }

    /// Number of samples in this batch.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Shape of one sample.
    pub fn shape(&self) -> MapShape {
        self.shape
    }

    /// All values of one sample: `[channels, height, width]`.
    pub fn sample(&self, sample: usize) -> &'a [f32] {
        let len = self.shape.len();
        &self.values[sample * len..(sample + 1) * len]
    }

    /// One channel's map of one sample: `[height, width]`.
    pub fn map(&self, sample: usize, channel: usize) -> &'a [f32] {
        let positions = self.shape.positions();
        &self.sample(sample)[channel * positions..(channel + 1) * positions]
    }
}

/// A layer that a source can deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name, as the user may type it.
    pub name: String,
    /// The shape of one sample's activations.
    pub shape: MapShape,
}

/// A batch on its way from a source to a sink.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Index into [`ActivationSource::layers`].
    pub layer: usize,
    /// Position, in the `samples` asked for, of the batch's first sample.
    pub first: usize,
    /// The activations of the samples `first ..`.
    pub activations: Activations<'a>,
}

/// Where activations come from: a network with its data, or ready-made arrays.
pub trait ActivationSource: Sync {
    /// The layers that every run delivers.
    fn layers(&self) -> &[Layer];

    /// Number of samples.
    fn samples(&self) -> usize;

    /// A key of sample `sample`'s content, the same wherever the sample stands: subsets are chosen by it, so that the
    /// order of the samples decides nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when the sample cannot be read.
    fn content_key(&self, sample: usize) -> Result<u64>;

    /// Runs the samples `samples` (indices, in this order) once and hands every layer's activations to `sink`, batch by
    /// batch, in any order and from any number of threads. Stops at the sink's first error and returns it.
    ///
    /// # Errors
    /// The sink's, or [`ErrorKind::Source`].
    fn run(&self, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()>;
}
