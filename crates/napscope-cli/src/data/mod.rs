//! Data sources: from a path that the user gave to samples that a network, or a sketch, can take.
//!
//! Data flows downwards through this list: bytes of a file, arrays in it, columns and inputs made of arrays, and at the end
//! two ways to deliver them: [`DataSet`] hands a network its inputs, [`ReadyMade`] is a source of activations itself.
//! Nothing in this module unpickles, runs or trusts what it reads.

mod budget;
mod bytes;

mod dtype;
mod npy;
mod npz;
mod safetensors;

mod array;
mod array_file;
mod shards;

mod columns;
mod csv_table;
pub mod metadata;
pub(crate) mod parquet_table;

mod keys;
mod resolve;

mod images;
mod pictures;
mod preprocess;
mod resize;

mod ready_made;
mod source;

pub(crate) use array_file::show_shape;
pub(crate) use npy::MAGIC as NPY_MAGIC;

pub use array::Array;
pub use array_file::{ArrayEntry, ArrayFile};
pub use budget::Budget;
pub use columns::{Column, ColumnValues};
pub use dtype::{DType, Kind};
pub use preprocess::{Color, Layout, PRESETS, Preprocess};
pub use ready_made::{ReadyMade, ReadyMadeOptions};
pub use resolve::{InputKind, ModelInput};
pub use source::{DataSet, InputTensor, NamedInput, OpenOptions, TensorValues};
