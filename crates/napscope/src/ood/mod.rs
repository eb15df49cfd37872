//! When does an input lie outside of what a layer has seen? Detectors are fitted on in-distribution features alone and
//! give every other sample a score.
//!
//! Scores rise with strangeness, for every detector. They have no unit in common: [`Calibration`] turns them into p-values
//! and thresholds for a stated false-alarm rate, [`Fusion`] joins the p-values of several detectors or layers.

mod bins;
mod gaussian;
mod patterns;
mod select;

mod energy;
mod knn;
mod mahalanobis;
mod nearest_pattern;
mod one_class_svm;
mod pattern;
mod relative_mahalanobis;
mod residual;

mod condition;

mod calibrate;
mod fuse;

pub use calibrate::{Calibration, benjamini_hochberg};
pub use condition::{CONDITIONINGS, ConditionedScorer, Conditioning, CovariateEstimator, conditioning};
pub use fuse::Fusion;

use crate::error::{Error, Result};
use crate::features::Features;
use crate::registry::Entry;

/// A way to tell how strange a sample is.
pub trait Detector: Send + Sync {
    /// The name that people type.
    fn name(&self) -> &'static str;

    /// Learns what is usual.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TooFewSamples`] when `reference` holds fewer samples than the detector needs.
    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>>;

    /// Learns what is usual of samples that fall into groups, such as bins of a covariate; `None` is in no group. Detectors
    /// that know nothing of groups learn as without.
    ///
    /// # Errors
    /// As [`Detector::fit`], and [`crate::ErrorKind::ShapeMismatch`] unless there is a group for every sample.
    fn fit_groups(&self, reference: &Features, groups: &[Option<u32>]) -> Result<Box<dyn Scorer>> {
        if groups.len() != reference.samples() {
            return Err(Error::shape("groups", [reference.samples()], [groups.len()]));
        }
        self.fit(reference)
    }
}

/// A detector that knows what is usual.
pub trait Scorer: Send + Sync {
    /// How strange each sample is: higher is further out. Each score hangs on its own sample alone.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ShapeMismatch`] when the columns are not those of the reference.
    fn score(&self, features: &Features) -> Result<Vec<f64>>;
}

/// Every detector, in the order of help and documentation.
pub static DETECTORS: &[Entry<dyn Detector>] = &[
    mahalanobis::ENTRY,
    relative_mahalanobis::ENTRY,
    knn::ENTRY,
    one_class_svm::ENTRY,
    pattern::ENTRY,
    nearest_pattern::ENTRY,
    residual::ENTRY,
    energy::ENTRY,
];

/// Builds the detector that `spec` names.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn parse(spec: &str) -> Result<Box<dyn Detector>> {
    crate::registry::build("detector", DETECTORS, spec)
}
