//! The `napscope` command: the only place that opens files, reads the clock and talks to people.
//!
//! The modules stand in the order in which a run goes through them: what was asked, what it is about, what is done, what is
//! written, and how it is told.

pub mod args;
pub mod settings;

pub mod commands;
pub mod example;

pub mod data;
pub mod facts;
pub mod preparation;
pub mod question;
pub mod recipe;

pub mod run;

pub mod extraction;
pub mod ood;
pub mod patterns;

pub mod link;

pub use napscope_chart as chart;

pub mod sweep;

pub mod study;

pub mod files;
pub mod page;
pub mod report;
pub mod run_folder;
pub mod table;

pub mod explore;

pub mod interrupt;
pub mod memory;
pub mod progress;

pub mod exit;
pub mod shell;
pub mod terminal;
