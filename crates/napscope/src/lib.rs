//! Refined neural activation patterns (arXiv 2505.15570): what a layer of a trained network has learned, and when an
//! input lies outside of it.
//!
//! The modules stand in the order in which data flows. No file is opened here, no clock is read, no global random number
//! is drawn; the crate knows neither ONNX nor a training framework, nor any word of radio.

mod error;
mod lanes;
pub mod names;
pub mod progress;
pub mod registry;
mod statistics;

pub mod activations;

pub mod sketch;

pub mod features;

pub mod normalize;

pub mod distance;

pub mod neighbors;

pub mod cluster;

pub mod manifold;

pub mod evaluate;

pub mod ood;

pub mod describe;

pub mod pipeline;

pub use error::{Error, ErrorKind, Result};
