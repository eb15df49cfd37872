//! Wasserstein distance of order 1, the earth mover's distance: how far mass must be moved, in activation units.
//!
//! W₁ = ∫ |F − G| dx = ∫ |F⁻¹ − G⁻¹| dp, added over the channels: city block between CDFs weighted by the distance of the
//! places (bins: between their centers), or between quantiles weighted by the probability that they stand for. From a
//! histogram or KDE it is exact for mass at those places, as `scipy.stats.wasserstein_distance` computes it.

use super::distribution::{Accepts, channels, embed_cumulative};
use super::{Embedding, Geometry, Metric};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "wasserstein_1",
    summary: "earth mover's distance between each channel's distributions",
    options: &[],
    build: |_| Ok(Box::new(Wasserstein1)),
};

struct Wasserstein1;

impl Metric for Wasserstein1 {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let channels = channels(ENTRY.name, features, Accepts::PlacesOrQuantiles)?;
        Ok(Box::new(embed_cumulative(features, channels, Geometry::L1, |width| width)))
    }
}
