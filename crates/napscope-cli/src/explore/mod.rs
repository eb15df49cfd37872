//! The explorer: a run folder as a web page, served on this machine only or written as one file.
//!
//! What may be asked is a short list of addresses (`routes.rs`) in which runs, layers and samples are numbers: no part of an
//! address ever becomes a path. `guard.rs` stands in front of all of them. Everything that is told comes from the documented
//! files of the run folder, and is checked before it is used: a run folder may come from anybody.

mod cache;
mod selection;

mod layer;
mod run;

mod channels;
mod clustering;
mod export;
mod neighbors;
mod tell;

mod answer;
mod assets;
mod guard;
mod refusal;
mod routes;

mod page;
mod patience;
mod server;

pub use page::write_page;
pub use run::Run;
pub use server::{Address, serve};
