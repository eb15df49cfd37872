//! The detectors of a layer, with a covariate of the samples or without.

use super::bundle::Condition;
use crate::question::Question;
use napscope::features::Features;
use napscope::ood::{self, ConditionedScorer, CovariateEstimator, Scorer};
use napscope::{Error, ErrorKind, Result};

/// A fitted detector.
enum Fitted {
    Plain(Box<dyn Scorer>),
    Given(Box<dyn ConditionedScorer>),
}

/// The fitted detectors of a layer.
pub(super) struct Detectors {
    fitted: Vec<Fitted>,
    /// Where covariates are estimated.
    estimator: Option<CovariateEstimator>,
}

impl Detectors {
    /// Fits the detectors `specs` on normalised features, given a covariate where there is a condition.
    pub(super) fn fit(specs: &[String], reference: &Features, given: Option<(&Condition, &[f64])>) -> Result<Self> {
        let Some((condition, covariate)) = given else {
            let fitted = specs.iter().map(|spec| Ok(Fitted::Plain(ood::parse(spec)?.fit(reference)?)));
            return Ok(Detectors { fitted: fitted.collect::<Result<_>>()?, estimator: None });
        };
        let conditioning = ood::conditioning(&condition.by)?;
        let fit = |spec: &String| Ok(Fitted::Given(conditioning.fit(&*ood::parse(spec)?, reference, covariate)?));
        Ok(Detectors {
            fitted: specs.iter().map(fit).collect::<Result<_>>()?,
            estimator: condition.estimated.then(|| CovariateEstimator::fit(reference, covariate)).transpose()?,
        })
    }

    /// The scores of samples, detector by detector. `covariate` is theirs, where they are conditioned and it is not estimated.
    pub(super) fn score(&self, features: &Features, covariate: &[f64]) -> Result<Vec<Vec<f64>>> {
        let estimated = self.estimator.as_ref().map(|estimator| estimator.estimate(features)).transpose()?;
        let covariate = estimated.as_deref().unwrap_or(covariate);
        let score = |fitted: &Fitted| match fitted {
            Fitted::Plain(scorer) => scorer.score(features),
            Fitted::Given(scorer) => scorer.score(features, covariate),
        };
        self.fitted.iter().map(score).collect()
    }
}

/// The covariate of some samples.
///
/// # Errors
/// [`ErrorKind::UnknownName`] when the data have no such column, [`ErrorKind::InvalidParameter`] when it holds no number for a
/// sample.
pub(super) fn covariate(condition: &Condition, question: &Question, samples: &[usize]) -> Result<Vec<f64>> {
    let name = condition.column.as_str();
    let column = question.columns.iter().find(|column| column.name == name).ok_or_else(|| {
        let known = question.columns.iter().map(|column| column.name.as_str());
        let error = Error::unknown("column", name, known);
        let near = error.how_to_mend().map(|hint| format!("{hint}; ")).unwrap_or_default();
        error.hint(format!(
            "{near}give it with the data or with --metadata; with --estimate-condition only `ood fit` needs it"
        ))
    })?;
    let number = |&sample: &usize| {
        column.number(sample).filter(|number| number.is_finite()).ok_or_else(|| {
            let message = format!("column {name} holds no number for sample {sample}");
            Error::new(ErrorKind::InvalidParameter, message).hint("give every sample a number, or leave it out")
        })
    };
    samples.iter().map(number).collect()
}
