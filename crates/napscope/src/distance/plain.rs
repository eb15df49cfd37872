//! Euclidean and Manhattan distance: the features as they are.

use super::{Embedding, Geometry, Metric, Points, Rescale};
use crate::error::Result;
use crate::features::{Column, Features};
use crate::registry::Entry;

pub(super) const EUCLIDEAN: Entry<dyn Metric> = Entry {
    name: "euclidean",
    summary: "root of the sum of squared differences",
    options: &[],
    build: |_| Ok(Box::new(Plain { name: EUCLIDEAN.name, geometry: Geometry::L2 })),
};

pub(super) const MANHATTAN: Entry<dyn Metric> = Entry {
    name: "manhattan",
    summary: "sum of absolute differences",
    options: &[],
    build: |_| Ok(Box::new(Plain { name: MANHATTAN.name, geometry: Geometry::L1 })),
};

struct Plain {
    name: &'static str,
    geometry: Geometry,
}

impl Metric for Plain {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        Ok(Box::new(AsTheyAre { columns: features.columns().to_vec(), geometry: self.geometry.clone() }))
    }
}

struct AsTheyAre {
    columns: Vec<Column>,
    geometry: Geometry,
}

impl Embedding for AsTheyAre {
    fn embed(&self, features: &Features) -> Result<Points> {
        features.expect_columns(&self.columns)?;
        Ok(Points::shared(features.shared_values(), self.columns.len(), self.geometry.clone(), Rescale::Identity))
    }
}
