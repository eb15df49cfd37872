//! Energy distance, √2 times the Cramér distance: √(2 ∫ (F − G)² dx) (Székely & Rizzo 2013; the convention of
//! `scipy.stats.energy_distance`).
//!
//! Channels add as squares. Quantiles are refused: they put each sample's mass at other places, so no embedding of one
//! sample alone gives the distance; Wasserstein distances take them.

use super::distribution::{Accepts, channels, embed_cumulative};
use super::{Embedding, Geometry, Metric};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "energy",
    summary: "energy distance (√2 · Cramér) between each channel's distributions",
    options: &[],
    build: |_| Ok(Box::new(Energy)),
};

struct Energy;

impl Metric for Energy {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let channels = channels(ENTRY.name, features, Accepts::Places)?;
        Ok(Box::new(embed_cumulative(features, channels, Geometry::L2, |width| (2.0 * width).sqrt())))
    }
}
