//! How good are the patterns? Agreement with labels or with another clustering, whether other samples would have given the
//! same, and how far a pattern stands out.

mod agreement;
mod dependence;
mod discovery;
mod effect_size;
mod separation;
mod stability;

pub(crate) use agreement::adjusted_rand_of_groups;
pub use agreement::{Agreement, Noise, adjusted_rand, agreement};
pub use dependence::{CentredDistances, distance_correlation, spearman};
pub use discovery::adjusted_p_values;
pub use effect_size::{EffectSize, LARGEST_EFFECT, effect_size, effect_sizes};
pub(crate) use effect_size::{Moments, cohens_d};
pub use separation::{
    AurocDifference, Separation, auroc_difference, mean_auroc, mean_auroc_difference, roc, separation,
};
pub use stability::{Stability, stability, subsamples};
