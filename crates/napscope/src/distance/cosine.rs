//! Cosine and angular distance: rows of unit length, and the chord between them.
//!
//! A row of zeros has no direction. It gets one of its own, in a coordinate that no other row uses: its distance to
//! another row of zeros is 0, and to every other row that of a right angle (cosine 1, angular 1/2).

use super::embedding::RowEmbedding;
use super::{Embedding, Geometry, Metric, Rescale};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const COSINE: Entry<dyn Metric> = Entry {
    name: "cosine",
    summary: "1 − cosine of the angle between the rows; no true metric",
    options: &[],
    build: |_| Ok(Box::new(Direction { name: COSINE.name, rescale: Rescale::HalfSquare })),
};

pub(super) const ANGULAR: Entry<dyn Metric> = Entry {
    name: "angular",
    summary: "angle between the rows, as a fraction of π (the original NAP's `arccos`)",
    options: &[],
    build: |_| Ok(Box::new(Direction { name: ANGULAR.name, rescale: Rescale::Angle })),
};

struct Direction {
    name: &'static str,
    rescale: Rescale,
}

impl Metric for Direction {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_true_metric(&self) -> bool {
        self.rescale == Rescale::Angle
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        Ok(Box::new(RowEmbedding {
            columns: features.columns().to_vec(),
            dimensions: features.columns().len() + 1,
            geometry: Geometry::L2,
            rescale: self.rescale,
            embed_row: Box::new(|row, out| {
                let length = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                let (unit, no_direction) = out.split_at_mut(row.len());
                no_direction[0] = if length > 0.0 { 0.0 } else { 1.0 };
                if length > 0.0 {
                    unit.iter_mut().zip(row).for_each(|(unit, value)| *unit = (f64::from(*value) / length) as f32);
                }
                Ok(())
            }),
        }))
    }
}
