//! Each sample to unit Euclidean length: what counts is the mix of channels, not how strongly the layer fires.

use super::{Normalizer, Transform, abstract_columns};
use crate::error::Result;
use crate::features::{Column, Features};
use crate::lanes::sum;
use crate::registry::Entry;
use rayon::prelude::*;

pub(super) const ENTRY: Entry<dyn Normalizer> =
    Entry { name: "unit_l2", summary: "each sample to unit length", options: &[], build: |_| Ok(Box::new(UnitL2)) };

struct UnitL2;

impl Normalizer for UnitL2 {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        Ok(Box::new(Fitted(features.columns().to_vec())))
    }
}

struct Fitted(Vec<Column>);

impl Transform for Fitted {
    /// A row of zeros stays one.
    fn transform(&self, features: &Features) -> Result<Features> {
        features.expect_columns(&self.0)?;
        let mut values = features.values().to_vec();
        values.par_chunks_mut(self.0.len()).for_each(|row| {
            let length = sum(row, |value| value * value).sqrt();
            if length > 0.0 {
                let scale = 1.0 / length;
                row.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
            }
        });
        Features::new(values, abstract_columns(&self.0))
    }
}
