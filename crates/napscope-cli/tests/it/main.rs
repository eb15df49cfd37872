//! One binary for all tests of the crate that look at it from the outside.

mod data;
mod scratch;
