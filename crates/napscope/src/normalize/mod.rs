//! Normalizers: put the columns of a feature matrix on a common scale before distances are taken.
//!
//! The columns of a distribution (histogram, KDE) are probabilities, not activations. A normalizer that shifts and scales
//! activations (max_abs, standard, robust, min_max) therefore acts on such a channel's *support*: the bin edges move, the
//! probabilities stay. Sketching and normalising commute that way, and metrics that look at the support (Wasserstein,
//! energy) see normalised activations.

mod affine;
mod max_abs;
mod min_max;
mod none;
mod quantile;
mod robust;
mod standard;
mod unit_l2;
mod whiten;

use crate::error::Result;
use crate::features::{Column, Features, Statistic};
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
pub static NORMALIZERS: &[Entry<dyn Normalizer>] = &[
    none::ENTRY,
    max_abs::ENTRY,
    standard::ENTRY,
    robust::ENTRY,
    min_max::ENTRY,
    unit_l2::ENTRY,
    quantile::ENTRY,
    whiten::ENTRY,
];

/// The columns of a normalizer that keeps channels apart but not what was measured of them.
fn abstract_columns(columns: &[Column]) -> Vec<Column> {
    columns.iter().map(|column| Column { statistic: Statistic::Mixed, ..*column }).collect()
}

/// Builds the normalizer that `spec` names, as in `whiten:shrinkage=0.1`.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn parse(spec: &str) -> Result<Box<dyn Normalizer>> {
    crate::registry::build("normalizer", NORMALIZERS, spec)
}
