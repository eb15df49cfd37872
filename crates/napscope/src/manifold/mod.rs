//! The shape of a layer's activations: what they look like when they are no clusters.

mod projection;

pub use projection::{Projection, pca};
