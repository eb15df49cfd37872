//! The `napscope` command: the only place that opens files, reads the clock and talks to people.
//!
//! The modules stand in the order in which a run goes through them: what was asked, what is done, what is written, and how
//! it is told.

pub mod args;
pub mod settings;

pub mod commands;

pub mod data;

pub mod extraction;

pub mod interrupt;
pub mod memory;
pub mod progress;

pub mod files;
pub mod page;
pub mod report;
pub mod run_folder;

pub mod exit;
pub mod terminal;
