//! Files that a run writes, and reads back.

mod difference;
mod error;

pub mod atomic;

mod npz_layout;

pub mod features;
pub mod npz;
pub mod pictures;
pub mod table;
pub mod tensors;

pub use error::io_error;
