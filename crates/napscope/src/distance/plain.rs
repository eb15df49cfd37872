//! Euclidean and Manhattan distance: the features as they are.

use super::embedding::RowEmbedding;
use super::{Embedding, Geometry, Metric, Rescale};
use crate::error::Result;
use crate::features::Features;
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
        Ok(Box::new(RowEmbedding {
            columns: features.columns().to_vec(),
            dimensions: features.columns().len(),
            geometry: self.geometry.clone(),
            rescale: Rescale::Identity,
            embed_row: Box::new(|row, out| {
                out.copy_from_slice(row);
                Ok(())
            }),
        }))
    }
}
