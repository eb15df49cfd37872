//! The range of the reference becomes 0 … 1 (scikit-learn's `MinMaxScaler`).

use super::affine::{Affine, AffineTransform, Pool};
use super::{Normalizer, Transform};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "min_max",
    summary: "the range of the reference becomes 0 … 1",
    options: &[],
    build: |_| Ok(Box::new(MinMax)),
};

struct MinMax;

impl Normalizer for MinMax {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        Ok(Box::new(AffineTransform::fit(features, 2, onto_unit_interval)?))
    }
}

fn onto_unit_interval(pool: &Pool) -> Affine {
    let (low, high) = pool.extent().unwrap_or_default();
    Affine::standardise(low, high - low)
}
