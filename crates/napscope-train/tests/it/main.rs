//! The tests of the crate that go through its public face.

mod checkpoint;
mod gradients;
mod support;
mod training;
