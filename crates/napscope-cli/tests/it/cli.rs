//! The program from the outside: what it prints, writes and refuses.

mod bad_input;
#[cfg(unix)]
mod browser;
mod example;
mod explore;
#[cfg(unix)]
mod explore_page;
pub(crate) mod harness;
mod ood;
#[cfg(unix)]
mod page;
mod predict;
mod runs;
#[cfg(unix)]
mod study;
mod sweep;
