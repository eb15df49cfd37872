//! Each sample to unit Euclidean length: what counts is the mix of channels, not how strongly the layer fires.

use super::{Normalizer, Transform, abstract_columns};
use crate::error::Result;
use crate::features::{Column, Features};
use crate::lanes::fold;
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
            let length = squared_length(row).sqrt();
            if length > 0.0 {
                let scale = 1.0 / length;
                row.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
            }
        });
        Features::new(values, abstract_columns(&self.0))
    }
}

fn squared_length(row: &[f32]) -> f64 {
    const LANES: usize = 8;
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += f64::from(chunk[lane]) * f64::from(chunk[lane]);
        }
    }
    sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += f64::from(*value) * f64::from(*value));
    fold(&sums)
}
