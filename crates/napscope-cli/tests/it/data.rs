//! Data sources: against files of NumPy, safetensors, pandas and Pillow, and against bad ones.

mod oracle;
pub(crate) mod write;

mod arrays;
mod bad;
mod images;
mod metadata;
mod sources;
mod torn;
