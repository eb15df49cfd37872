//! Jensen-Shannon distance: √(½ KL(p ‖ m) + ½ KL(q ‖ m)) with m = (p + q)/2 and natural logarithms, as in
//! `scipy.spatial.distance.jensenshannon`; added over the channels. Its root is a metric (Endres & Schindelin 2003), but no
//! finite embedding turns it into a norm: it is a function of two rows, which norms bound within 3.9 %.

mod divergence;
mod logarithm;
mod norms;

use super::distribution::{Accepts, channels, embed_probabilities};
use super::{ChannelNorms, Embedding, Geometry, Metric, PairKernel};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;
use std::ops::Range;
use std::sync::Arc;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "jensen_shannon",
    summary: "root of the Jensen-Shannon divergence between each channel's distributions",
    options: &[],
    build: |_| Ok(Box::new(JensenShannon)),
};

struct JensenShannon;

impl Metric for JensenShannon {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    /// The coordinates of each bin, and the norm of each channel.
    fn searched_columns(&self, columns: usize) -> usize {
        (norms::COORDINATES + 1) * columns
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let channels = channels(ENTRY.name, features, Accepts::Places)?;
        let kernel = ChannelSum { channels: channels.iter().map(|channel| channel.columns.clone()).collect() };
        let geometry = Geometry::Kernel(Arc::new(kernel));
        Ok(Box::new(embed_probabilities(features, channels, geometry, |probability| probability)))
    }
}

struct ChannelSum {
    channels: Vec<Range<usize>>,
}

impl PairKernel for ChannelSum {
    fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        divergence::sum_of_roots(a, b, &self.channels)
    }

    fn norms(&self) -> Option<&dyn ChannelNorms> {
        Some(self)
    }
}

impl ChannelNorms for ChannelSum {
    fn coordinates(&self) -> Vec<usize> {
        self.channels.iter().map(|columns| norms::COORDINATES * columns.len()).collect()
    }

    fn embed(&self, row: &[f32], embedded: &mut [f32]) {
        norms::embed(row, &self.channels, embedded);
    }

    fn tightness(&self) -> f64 {
        norms::TIGHTNESS
    }
}
