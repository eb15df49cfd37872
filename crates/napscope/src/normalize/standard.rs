//! Zero mean, unit standard deviation (scikit-learn's `StandardScaler`).

use super::affine::{Affine, AffineTransform, Pool};
use super::{Normalizer, Transform};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "standard",
    summary: "zero mean and unit standard deviation",
    options: &[],
    build: |_| Ok(Box::new(Standard)),
};

struct Standard;

impl Normalizer for Standard {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        Ok(Box::new(AffineTransform::fit(features, 2, standardise)?))
    }
}

/// Mean and population standard deviation, of bin centers where the pool is a distribution.
fn standardise(pool: &Pool) -> Affine {
    let (first, last) = pool.extent().unwrap_or_default();
    if first == last {
        // Rounding in the mean of equal values must not leave a spread.
        return Affine::standardise(first, 0.0);
    }
    let total: f64 = pool.atoms().map(|atom| atom.weight).sum();
    let mean = pool.atoms().map(|atom| atom.weight * atom.center()).sum::<f64>() / total;
    let squares: f64 = pool.atoms().map(|atom| atom.weight * (atom.center() - mean).powi(2)).sum();
    Affine::standardise(mean, (squares / total).sqrt())
}
