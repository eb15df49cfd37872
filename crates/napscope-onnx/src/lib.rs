//! Tap any layer of an ONNX model: list every value it can produce, and stream the wanted ones.
//!
//! ```no_run
//! # use napscope_onnx::{Choice, Request, InputData, InputTensor, Model, Streaming, Tap};
//! let model = Model::open("resnet.onnx")?;
//! let engine = Choice::new(&Request::default())?;
//! let layers = model.layers(&engine, None)?;
//! let tap = Tap::new(&model, &engine, &layers, &layers.select(&["layer?.*.relu"])?)?;
//! let read = |rows: std::ops::Range<usize>| {
//!     let pictures = InputData::Float(vec![0.0; rows.len() * 28 * 28]);
//!     Ok(vec![InputTensor::new(vec![rows.len(), 1, 28, 28], pictures)?])
//! };
//! tap.run(1000, Streaming { threads: 2, batch: 64 }, &read, &|batch| {
//!     println!("{}: {} samples", tap.layers()[batch.layer].name, batch.activations.samples());
//!     Ok(())
//! })?;
//! # Ok::<(), napscope::Error>(())
//! ```
//!
//! This crate is the only place that knows the engines, and in it `rten.rs` and `ort.rs` know one each.

mod proto;
mod tensor;

mod model;

mod graph;

mod splice;

mod defaults;

mod engine;
mod ort;
mod rten;
mod runtime;

mod layout;
mod names;

mod layers;
mod probe;

mod arrange;
mod tap;

pub use engine::{Choice, ENGINES, EngineName, PROVIDERS, Provider, Request};
pub use layers::{Layers, LeftOut, Value};
pub use model::{Dim, Input, Model};
pub use tap::{Read, Sink, Streaming, Tap};
pub use tensor::{DataType, InputData, InputTensor};
