//! The shape of a layer's activations: what they look like when they are no clusters.

mod dip;
mod intrinsic_dimension;
mod projection;

pub use dip::{Dip, dip};
pub use intrinsic_dimension::{levina_bickel, two_nn};
pub use projection::{Projection, pca};
