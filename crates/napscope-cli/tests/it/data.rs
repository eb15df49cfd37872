//! Data sources: against files of NumPy, safetensors, pandas and Pillow, and against bad ones.

mod arrays;
mod oracle;
mod sources;
mod write;
