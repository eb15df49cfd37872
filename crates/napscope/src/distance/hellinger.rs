//! Hellinger distance: √(½ Σ (√p − √q)²), 0 … 1 for one channel; channels add as squares. It does not know how far apart
//! bins lie, only whether the same ones are filled.

use super::distribution::{Accepts, channels, embed_probabilities};
use super::{Embedding, Geometry, Metric};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "hellinger",
    summary: "Hellinger distance between each channel's distributions",
    options: &[],
    build: |_| Ok(Box::new(Hellinger)),
};

struct Hellinger;

impl Metric for Hellinger {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let channels = channels(ENTRY.name, features, Accepts::Places)?;
        Ok(Box::new(embed_probabilities(features, channels, Geometry::L2, |probability| (0.5 * probability).sqrt())))
    }
}
