//! Detectors that know a covariate of every sample, such as the SNR of a slot.

use super::grid::Given;
use napscope::Result;
use napscope::features::Features;
use napscope::ood::{self, CovariateEstimator};

/// A covariate of all samples of a study.
pub(super) struct Condition {
    pub(super) name: &'static str,
    pub(super) values: Vec<f64>,
}

impl Given {
    /// What tables call it.
    pub(super) fn name(&self, covariate: &str) -> String {
        let how = match (self.by.starts_with("groups"), self.estimated) {
            (true, _) => "of the reference alone",
            (false, true) => "estimated",
            (false, false) => "known",
        };
        format!("{} given {covariate} ({}, {how})", self.detector, self.by)
    }

    /// The scores of the rows `later`; `covariate` holds the values of `reference`, then those of `later`.
    pub(super) fn scores(&self, reference: &Features, later: &Features, covariate: &[f64]) -> Result<Vec<f64>> {
        let (known, of_later) = covariate.split_at(reference.samples());
        let detector = ood::parse(self.detector)?;
        let scorer = ood::conditioning(self.by)?.fit(&*detector, reference, known)?;
        match self.estimated {
            true => scorer.score(later, &CovariateEstimator::fit(reference, known)?.estimate(later)?),
            false => scorer.score(later, of_later),
        }
    }
}
