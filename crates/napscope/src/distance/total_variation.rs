//! Total variation distance: ½ Σ |p − q|, the largest difference in probability that any event can have; added over the
//! channels.

use super::distribution::{Accepts, channels, embed_probabilities};
use super::{Embedding, Geometry, Metric};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "total_variation",
    summary: "half the sum of absolute differences of probability",
    options: &[],
    build: |_| Ok(Box::new(TotalVariation)),
};

struct TotalVariation;

impl Metric for TotalVariation {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let channels = channels(ENTRY.name, features, Accepts::Places)?;
        Ok(Box::new(embed_probabilities(features, channels, Geometry::L1, |probability| 0.5 * probability)))
    }
}
