//! Squared Mahalanobis distance from the mean of the reference (Lee et al. 2018 with one class; Kamoi & Kobayashi 2020): a
//! step in a direction in which the reference varies little counts much.

use super::{Detector, Scorer};
use crate::error::Result;
use crate::features::{Column, Features};
use crate::normalize::{self, Transform};
use crate::registry::Entry;
use crate::statistics::{Center, Covariance, QuadraticForm, Shrinkage};

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "mahalanobis",
    summary: "squared Mahalanobis distance from the mean, with a shrunk covariance",
    options: &[
        ("shrinkage", "auto", "auto (Ledoit and Wolf) or a share from 0 to 1"),
        ("unit", "false", "true: rows are brought to unit length first (Mahalanobis++, arXiv 2505.18032)"),
    ],
    build: |options| Ok(Box::new(Mahalanobis { shrinkage: options.get("shrinkage")?, unit: options.get("unit")? })),
};

struct Mahalanobis {
    shrinkage: Shrinkage,
    unit: bool,
}

impl Detector for Mahalanobis {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        let unit = if self.unit { Some(normalize::parse("unit_l2")?.fit(reference)?) } else { None };
        let scaled = unit.as_ref().map(|unit| unit.transform(reference)).transpose()?;
        let values = scaled.as_ref().unwrap_or(reference).values();
        let form = Covariance::squared_distance(values, reference.columns().len(), self.shrinkage)
            .map_err(|error| error.context(ENTRY.name))?;
        Ok(Box::new(Gaussian { columns: reference.columns().to_vec(), unit, mean: form.middle(), form }))
    }
}

struct Gaussian {
    columns: Vec<Column>,
    unit: Option<Box<dyn Transform>>,
    mean: Center,
    form: QuadraticForm,
}

impl Scorer for Gaussian {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        features.expect_columns(&self.columns)?;
        let scaled = self.unit.as_ref().map(|unit| unit.transform(features)).transpose()?;
        let values = scaled.as_ref().unwrap_or(features).values();
        Ok(self.form.nearest(values, std::slice::from_ref(&self.mean)))
    }
}
