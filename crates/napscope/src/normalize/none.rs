//! No normalisation: the activations of a network that already puts its channels on one scale.

use super::{Normalizer, Transform};
use crate::error::Result;
use crate::features::{Column, Features};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "none",
    summary: "leave the features as they are",
    options: &[],
    build: |_| Ok(Box::new(NoNormalizer)),
};

struct NoNormalizer;

impl Normalizer for NoNormalizer {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        Ok(Box::new(Unchanged(features.columns().to_vec())))
    }
}

struct Unchanged(Vec<Column>);

impl Transform for Unchanged {
    fn transform(&self, features: &Features) -> Result<Features> {
        features.expect_columns(&self.0)?;
        Ok(features.clone())
    }
}
