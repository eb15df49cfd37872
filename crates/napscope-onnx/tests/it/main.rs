//! Tests of the whole crate, in one binary: what a user of it sees.

mod common;
mod invariance;
mod listing;
mod mistakes;
mod oracle;
