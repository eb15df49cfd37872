//! Files that a run writes, and reads back.

mod error;

pub mod features;

pub use error::io_error;
