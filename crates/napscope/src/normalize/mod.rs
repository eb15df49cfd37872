//! Normalizers: put the columns of a feature matrix on a common scale before distances are taken.
//!
//! The columns of a distribution (histogram, KDE) are probabilities, not activations. A normalizer that shifts and scales
//! activations (max_abs, standard, robust, min_max) therefore acts on such a channel's *support*: the bin edges move, the
//! probabilities stay. Sketching and normalising commute that way, and metrics that look at the support (Wasserstein,
//! energy) see normalised activations.

use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

/// A way to put features on a common scale.
pub trait Normalizer: Send + Sync {
    /// The name that people type.
    fn name(&self) -> &'static str;

    /// Learns shift and scale from the reference features.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TooFewSamples`] where a spread cannot be estimated.
    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>>;
}

/// A normalizer that has seen its reference features.
pub trait Transform: Send + Sync {
    /// Normalises features with the columns that it was fitted on.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ShapeMismatch`] when the columns are others.
    fn transform(&self, features: &Features) -> Result<Features>;
}

/// Every normalizer, in the order of help and documentation.
pub static NORMALIZERS: &[Entry<dyn Normalizer>] = &[];

/// Builds the normalizer that `spec` names, as in `whiten:shrinkage=0.1`.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn parse(spec: &str) -> Result<Box<dyn Normalizer>> {
    crate::registry::build("normalizer", NORMALIZERS, spec)
}
