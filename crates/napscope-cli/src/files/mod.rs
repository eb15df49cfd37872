//! Files that a run writes, and reads back.

mod error;

pub mod atomic;

pub mod features;
pub mod npz;
pub mod table;

pub use error::io_error;
