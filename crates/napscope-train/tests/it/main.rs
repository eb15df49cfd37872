//! The tests of the crate that go through its public face.

mod checkpoint;
mod export;
mod gradients;
mod support;
mod training;
