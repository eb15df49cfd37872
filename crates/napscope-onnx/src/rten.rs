//! The engine rten: pure Rust, always there. The only file that knows it.
//!
//! A loaded model is shared by all threads; each run gets a thread pool of one thread, because one worker a core is
//! faster than one network on all cores, and because a fixed number of threads fixes the order of every sum.

use crate::defaults;
use crate::engine::{Engine, Output, Spares, Visit};
use crate::model::Model;
use crate::splice;
use crate::tensor::{DataType, InputData, InputTensor};
use napscope::{Error, ErrorKind, Result};
use rten::{LoadErrorKind, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueType};
use rten_tensor::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What people call it.
pub(crate) const NAME: &str = "rten 0.27.0";

/// See `Choice::grain_bytes`. More gains nothing here, and buffers of many megabytes, which the allocator fetches from the
/// system anew for every run, cost up to a half.
pub(crate) const GRAIN_BYTES: usize = 1 << 20;

/// The newest operator set of the standard when this version was taken up. rten reads operators by name without asking
/// for their version, so that it would compute a newer one by an older meaning, silently.
const NEWEST_OPSET: i64 = 28;

pub(crate) struct Rten {
    model: rten::Model,
    inputs: Vec<(NodeId, DataType)>,
    taps: Vec<NodeId>,
    pools: Spares<Arc<ThreadPool>>,
}

impl Rten {
    /// Loads `model` so that it delivers `taps`, and proves that by running it on `trial`.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when rten cannot load the model, or cannot deliver some value.
    pub(crate) fn load(model: &Model, taps: &[&str], trial: &[InputTensor]) -> Result<Rten> {
        if model.opset() > NEWEST_OPSET {
            return Err(Error::new(
                ErrorKind::Source,
                format!("the model uses operator set {}; {NAME} knows those up to {NEWEST_OPSET}", model.opset()),
            )
            .hint(format!("export it with opset_version={NEWEST_OPSET} or less, or take the engine ort")));
        }
        // Fused operators leave the outputs of a graph as they are, so the optimised graph delivers every tap. Where it
        // fails all the same, the graph as it was written is slower and sure.
        let fused = Self::attempt(model, taps, trial, true);
        match fused {
            Err(error) if !taps.is_empty() => Self::attempt(model, taps, trial, false).map_err(|_| error),
            outcome => outcome,
        }
    }

    fn attempt(model: &Model, taps: &[&str], trial: &[InputTensor], optimize: bool) -> Result<Rten> {
        let complete = splice::with_attributes(model.bytes(), &defaults::missing_attributes(model.graph()))?;
        let spliced = splice::with_outputs(&complete, model.hidden(taps))?;
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(optimize);
        for (name, bytes) in model.external_data()? {
            options.external_data(&name, bytes);
        }
        let loaded = guarded(|| options.load(spliced).map_err(|error| load_error(model, &error)))?;
        let node = |name: &str| {
            loaded.node_id(name).map_err(|error| Error::new(ErrorKind::Source, format!("{NAME}: {error}")))
        };
        let inputs = model.inputs().iter().map(|input| Ok((node(&input.name)?, input.dtype))).collect::<Result<_>>()?;
        let taps = taps.iter().map(|&tap| node(tap)).collect::<Result<_>>()?;
        let pools = Spares::new(Arc::new(ThreadPool::with_num_threads(1)));
        let engine = Rten { model: loaded, inputs, taps, pools };
        engine.run(trial, &mut |_, _| Ok(()))?;
        Ok(engine)
    }
}

impl Engine for Rten {
    fn run(&self, inputs: &[InputTensor], visit: Visit<'_>) -> Result<()> {
        let fed: Vec<Value> = inputs
            .iter()
            .zip(&self.inputs)
            .map(|(tensor, &(_, declared))| value(tensor, declared))
            .collect::<Result<_>>()?;
        let outputs = self.pools.with(
            || Ok(Arc::new(ThreadPool::with_num_threads(1))),
            |pool| {
                let fed = self.inputs.iter().zip(&fed).map(|(&(id, _), value)| (id, value.into())).collect();
                let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
                // Without taps a run is a plain forward pass: the model's own outputs.
                let wanted = if self.taps.is_empty() { self.model.output_ids() } else { &self.taps };
                guarded(|| {
                    self.model
                        .run(fed, wanted, Some(options))
                        .map_err(|error| Error::new(ErrorKind::Source, format!("{NAME} cannot run the model: {error}")))
                })
            },
        )?;
        for (tap, output) in outputs.into_iter().take(self.taps.len()).enumerate() {
            let shape = output.shape();
            match output.as_tensor_view::<f32>() {
                Some(view) => {
                    let values = view.to_contiguous();
                    visit(tap, Output { dtype: DataType::Float32, shape: &shape, values: values.data() })?;
                }
                None => visit(tap, Output { dtype: dtype(output.dtype()), shape: &shape, values: &[] })?,
            }
        }
        Ok(())
    }

    fn copies_weights(&self) -> bool {
        false
    }
}

/// A tensor in the element type that rten keeps a model's declared one in: 64-bit integers and truth values as int32.
fn value(tensor: &InputTensor, declared: DataType) -> Result<Value> {
    let integers = || -> Vec<i64> {
        match tensor.data() {
            InputData::Integer(values) => values.clone(),
            InputData::Bool(values) => values.iter().map(|&value| value.into()).collect(),
            InputData::Float(_) => Vec::new(),
        }
    };
    let too_big = |value: i64| {
        Error::new(ErrorKind::Source, format!("an integer input holds {value}, and {NAME} keeps integers in 32 bits"))
            .hint("take the engine ort")
    };
    let fed = match (tensor.data(), declared) {
        (InputData::Float(values), _) => Value::from_shape(tensor.shape(), values.clone()).ok(),
        (_, DataType::Uint8) => {
            Value::from_shape(tensor.shape(), integers().into_iter().map(|value| value as u8).collect::<Vec<_>>()).ok()
        }
        (_, DataType::Int8) => {
            Value::from_shape(tensor.shape(), integers().into_iter().map(|value| value as i8).collect::<Vec<_>>()).ok()
        }
        _ => {
            let narrow = |value: i64| i32::try_from(value).map_err(|_| too_big(value));
            let values: Vec<i32> = integers().into_iter().map(narrow).collect::<Result<_>>()?;
            Value::from_shape(tensor.shape(), values).ok()
        }
    };
    fed.ok_or_else(|| Error::new(ErrorKind::Source, "an input's values do not fill its shape"))
}

fn dtype(kind: ValueType) -> DataType {
    match kind {
        ValueType::Tensor(rten::DataType::Float) => DataType::Float32,
        ValueType::Tensor(rten::DataType::Int32) => DataType::Int32,
        ValueType::Tensor(rten::DataType::Int8) => DataType::Int8,
        ValueType::Tensor(rten::DataType::UInt8) => DataType::Uint8,
        _ => DataType::Other(0),
    }
}

fn load_error(model: &Model, error: &rten::LoadError) -> Error {
    let at = error.node().and_then(|name| model.graph().node.iter().find(|node| node.name == name));
    let place = at.map(|node| format!(" (operator {} of node `{}`)", node.op_type, node.name)).unwrap_or_default();
    let hint = match error.kind() {
        LoadErrorKind::OperatorInvalid => "take the engine ort, or export the model without this operator",
        _ => "export the model again, or take the engine ort",
    };
    Error::new(ErrorKind::Source, format!("{NAME} cannot load the model: {error}{place}")).hint(hint)
}

/// Runs rten's code; should it panic over a malformed model, the user gets an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Source, format!("{NAME} broke down over this model"))
            .hint("take the engine ort, or check the model with onnx.checker"))
    })
}
