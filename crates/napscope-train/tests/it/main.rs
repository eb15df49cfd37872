//! The tests of the crate that go through its public face.

mod checkpoint;
mod command;
mod export;
mod gradients;
#[cfg(feature = "wgpu")]
mod graphics_card;
mod support;
mod training;
