//! The numbers of a network: one flat vector of trainable ones, and the running moments of its batch norms.
//!
//! Flat, because everything that is done to weights between two steps (averaging over workers, clipping, the optimiser, a
//! checkpoint) takes them for a vector; only the network itself takes them for tensors.

use crate::architecture::{Architecture, Parameter};
use napscope_ofdm::random::{Purpose, Stream};
use std::ops::Range;

/// A network's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// What they belong to.
    pub architecture: Architecture,
    /// The tensors, in the order of `values`.
    pub parameters: Vec<Parameter>,
    /// The trainable numbers.
    pub values: Vec<f32>,
    /// For each channel of each batch norm its running mean and variance, `[all channels, 2]`.
    pub moments: Vec<f32>,
}

impl Weights {
    /// Fresh weights: normal, with the variance that keeps that of the signal (He et al. 2015: 2 over the inputs of a kernel
    /// behind a ReLU, else 1); biases zero, batch norms neutral. The last convolution starts at a tenth, so that the first
    /// logits are close to zero.
    pub fn new(architecture: Architecture, seed: u64) -> Self {
        let parameters = architecture.parameters();
        let mut values = Vec::with_capacity(architecture.num_parameters());
        for (index, parameter) in parameters.iter().enumerate() {
            let is_norm = parameter.name.contains("bn");
            if !parameter.is_kernel() {
                let value = if is_norm && parameter.name.ends_with(".weight") { 1.0 } else { 0.0 };
                values.extend(std::iter::repeat_n(value, parameter.num_values()));
                continue;
            }
            let fan_in: usize = parameter.shape[1..].iter().product();
            let behind_relu = [".dw", "shortcut", "conv_out"].iter().any(|part| parameter.name.contains(part));
            let scale = if parameter.name.starts_with("conv_out") { 0.1 } else { 1.0 };
            let deviation = scale * (if behind_relu { 2.0 } else { 1.0 } / fan_in as f64).sqrt();
            let mut random = Stream::new(seed, index as u64, Purpose::Parameters);
            values.extend((0..parameter.num_values()).map(|_| (deviation * random.normal()) as f32));
        }
        let channels: usize = architecture.norms().iter().map(|norm| norm.1).sum();
        let moments = [0.0, 1.0].repeat(channels);
        Weights { architecture, parameters, values, moments }
    }

    /// Where each tensor lies in `values`.
    pub fn ranges(&self) -> impl Iterator<Item = (&Parameter, Range<usize>)> {
        let mut start = 0;
        self.parameters.iter().map(move |parameter| {
            let range = start..start + parameter.num_values();
            start = range.end;
            (parameter, range)
        })
    }

    /// Moves the running moments by `share` of the way to the `moments` of a batch.
    pub fn follow(&mut self, moments: &[f32], share: f32) {
        for (running, &new) in self.moments.iter_mut().zip(moments) {
            *running += share * (new - *running);
        }
    }
}
