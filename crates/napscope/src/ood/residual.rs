//! What principal components leave over: the length of the part of a sample that lies outside of the reference's main
//! directions (the logit-free half of ViM, Wang et al. 2022).

use super::{Detector, Scorer};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features};
use crate::registry::{Entry, Options};
use crate::statistics::{Center, CenteredRows, QuadraticForm};

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "residual",
    summary: "length of what the reference's principal components leave over",
    options: &[("variance", "0.95", "the share of the reference's variance that the components hold, 0 to 1")],
    build: |options: &Options<'_>| Ok(Box::new(Residual { variance: options.get_in("variance", 0.0..=1.0)? })),
};

struct Residual {
    variance: f64,
}

impl Detector for Residual {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        if reference.samples() < 2 {
            let message = format!("residual needs at least 2 samples, got {}", reference.samples());
            return Err(Error::new(ErrorKind::TooFewSamples, message));
        }
        let axes = CenteredRows::new(reference.values(), reference.columns().len()).principal_axes()?;
        let total: f64 = axes.variances.iter().sum();
        let mut held = 0.0;
        let kept = axes.variances.iter().take_while(|variance| {
            let short = held < self.variance * total;
            held += **variance;
            short
        });
        let form = QuadraticForm::residual(&axes, kept.count());
        Ok(Box::new(Remainder { columns: reference.columns().to_vec(), mean: form.middle(), form }))
    }
}

struct Remainder {
    columns: Vec<Column>,
    mean: Center,
    form: QuadraticForm,
}

impl Scorer for Remainder {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        features.expect_columns(&self.columns)?;
        let squares = self.form.nearest(features.values(), std::slice::from_ref(&self.mean));
        Ok(squares.into_iter().map(f64::sqrt).collect())
    }
}
