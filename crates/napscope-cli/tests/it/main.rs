//! One binary for all tests of the crate that look at it from the outside.

mod cli;
mod data;
mod link;
mod scratch;
