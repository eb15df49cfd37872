//! Jensen-Shannon distance: √(½ KL(p ‖ m) + ½ KL(q ‖ m)) with m = (p + q)/2 and natural logarithms, as in
//! `scipy.spatial.distance.jensenshannon`; added over the channels. Its root is a metric (Endres & Schindelin 2003), but no
//! finite embedding turns it into a norm: this is the general path, by a function of two rows.

use super::distribution::{Accepts, channels, embed_probabilities};
use super::{Embedding, Geometry, Metric, PairKernel};
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
        let channel = |columns: &Range<usize>| divergence(&a[columns.clone()], &b[columns.clone()]).sqrt();
        self.channels.iter().map(channel).sum()
    }
}

/// The Jensen-Shannon divergence in nats. Each bin adds ½ (p ln(p/m) + q ln(q/m)), which swaps with p and q to the bit.
fn divergence(p: &[f32], q: &[f32]) -> f64 {
    let part = |mass: f64, both: f64| if mass > 0.0 { mass * (2.0 * mass / both).ln() } else { 0.0 };
    let bin = |(p, q): (&f32, &f32)| {
        let (p, q) = (f64::from(*p), f64::from(*q));
        if p == q { 0.0 } else { part(p, p + q) + part(q, p + q) }
    };
    // Rounding can leave a sum that should be 0 a little below.
    (0.5 * p.iter().zip(q).map(bin).sum::<f64>()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_apart_are_ln_2_apart() {
        assert_eq!(divergence(&[0.5, 0.5, 0.0], &[0.0, 0.0, 1.0]), std::f64::consts::LN_2);
        assert_eq!(divergence(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
    }
}
