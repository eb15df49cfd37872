//! How good are the patterns? Agreement with labels or with another clustering, and how far a pattern stands out.

mod agreement;
mod effect_size;

pub use agreement::{Agreement, Noise, agreement};
pub use effect_size::{EffectSize, LARGEST_EFFECT, effect_size, effect_sizes};
pub(crate) use effect_size::{Moments, cohens_d};
