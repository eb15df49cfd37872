//! Mahalanobis distance: √((x − y)ᵀ Σ⁻¹ (x − y)), so that a step in a direction in which the reference varies little counts
//! much.
//!
//! Σ is the covariance of the reference, shrunk as Ledoit and Wolf advise. With more columns than samples it is still
//! exact: every direction outside of the span of the reference has the variance that shrinkage gives it. Without
//! shrinkage such directions do not count at all (Σ⁻¹ is then the pseudo-inverse).

use super::{Embedding, Geometry, Metric, Points, Rescale};
use crate::error::Result;
use crate::features::{Column, Features};
use crate::registry::Entry;
use crate::statistics::{Covariance, Shrinkage};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "mahalanobis",
    summary: "Euclidean distance after whitening by the shrunk covariance of the reference",
    options: &[("shrinkage", "auto", "auto (Ledoit and Wolf) or a share from 0 to 1")],
    build: |options| Ok(Box::new(Mahalanobis { shrinkage: options.get("shrinkage")? })),
};

struct Mahalanobis {
    shrinkage: Shrinkage,
}

impl Metric for Mahalanobis {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let columns = features.columns().to_vec();
        let covariance = Covariance::fit(features.values(), columns.len(), self.shrinkage)
            .map_err(|error| error.context("mahalanobis"))?;
        Ok(Box::new(Whitening { columns, covariance }))
    }
}

struct Whitening {
    columns: Vec<Column>,
    covariance: Covariance,
}

impl Embedding for Whitening {
    fn embed(&self, features: &Features) -> Result<Points> {
        features.expect_columns(&self.columns)?;
        let values = self.covariance.isometric(features.values());
        Ok(Points::new(values, self.columns.len(), Geometry::L2, Rescale::Identity))
    }
}
