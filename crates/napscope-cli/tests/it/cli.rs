//! The program from the outside: what it prints, writes and refuses.

mod bad_input;
pub(crate) mod harness;
mod ood;
mod runs;
mod sweep;
