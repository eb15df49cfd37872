//! The neural receiver: DeepRx (arXiv 2005.01494) and smaller networks of its kind, trained on slots that are simulated on the
//! fly, and written as ONNX.
//!
//! The modules stand in the order of a training: what the network is, how it is computed, what it is shown, how it learns,
//! what is kept of it. Burn, the training framework, is known here and nowhere else.

pub mod architecture;
pub mod config;

mod simd;
mod sums;

mod batch_norm;
pub mod depthwise;
pub mod operations;
mod stock;

pub mod device;
pub mod memory;

pub mod weights;

pub mod network;

pub mod data;

pub mod loss;

pub mod optimizer;

pub mod trainer;

pub mod checkpoint;

pub mod baseline;
pub mod run;

pub mod curve;

pub mod export;
mod proto;
