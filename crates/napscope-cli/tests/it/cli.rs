//! The program from the outside: what it prints, writes and refuses.

mod bad_input;
mod harness;
mod ood;
pub(crate) mod harness;
mod runs;
