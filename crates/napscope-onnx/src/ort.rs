//! The engine onnxruntime, loaded when the program runs from a library that is installed. The only file that knows `ort`.
//!
//! A session is used by one thread at a time, so each worker gets its own. Each runs on one thread: see `rten.rs`. On a
//! graphics card there is one session for all, because its memory is small and it is parallel by itself.

use crate::engine::{Engine, Output, Provider, Spares, Visit};
use crate::model::Model;
use crate::runtime::{self, Library};
use crate::splice;
use crate::tensor::{DataType, InputData, InputTensor};
use half::f16;
use napscope::{Error, ErrorKind, Result};
use ort::environment::Environment;
use ort::ep;
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};
use std::fmt::{self, Debug, Display};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The oldest onnxruntime that `ort` is built for here: see the feature `api-20` in Cargo.toml.
const OLDEST: u32 = ort::MINOR_VERSION;

/// See `Choice::grain_bytes`. onnxruntime keeps its buffers, and rearranges weights once a run: a ResNet-18 on pictures of
/// 64 × 64 takes half the time in grains of 16.
pub(crate) const GRAIN_BYTES: usize = 64 << 20;

/// The library that this process has loaded; there can be one only.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// An onnxruntime library that is loaded, and where it runs networks.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    environment: Environment,
    provider: Provider,
    /// What people call it: `onnxruntime 1.32.0`.
    name: String,
}

impl Runtime {
    /// Loads `library`.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when it is no onnxruntime, too old a one, or another one is loaded already.
    pub(crate) fn load(library: &Library, provider: Provider) -> Result<Runtime> {
        let path = std::fs::canonicalize(&library.path).unwrap_or_else(|_| library.path.clone());
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let version: Vec<String> = runtime::version(&file).iter().map(u32::to_string).collect();
        let name = format!("onnxruntime {}", version.join(".")).trim_end().to_owned();
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = match &*loaded {
            Some((other, environment)) if *other == path => environment.clone(),
            Some((other, _)) => {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!("{} cannot be loaded: {} is loaded already", path.display(), other.display()),
                ));
            }
            None => {
                let refused = |error: &dyn Display| {
                    Error::new(ErrorKind::Source, format!("{} cannot be loaded: {error}", path.display()))
                        .hint(format!("give a library of onnxruntime 1.{OLDEST} or newer (pip install onnxruntime)"))
                };
                let builder = ort::init_from(&path).map_err(|error| refused(&error))?;
                let environment = builder.with_telemetry(false).build().map_err(|error| refused(&error))?;
                // Its errors come back as errors; to print them too would be to say everything twice.
                environment.set_log_level(LogLevel::Fatal);
                *loaded = Some((path, environment.clone()));
                environment
            }
        };
        let runtime = Runtime { environment, provider, name };
        // A provider that is not there must be known now, and not when the data are read.
        runtime.session_builder()?;
        Ok(runtime)
    }

    fn error(&self, what: &str, error: &dyn Display) -> Error {
        Error::new(ErrorKind::Source, format!("{} {what}: {error}", self.name))
    }

    /// A session to be, on one thread and on the provider.
    fn session_builder(&self) -> Result<SessionBuilder> {
        let cuda = || ep::CUDA::default().with_tf32(false).build().error_on_failure();
        let providers = match self.provider {
            Provider::Cpu => vec![],
            // TF32 rounds the factors of a product to 10 bits: that is not what the graph says.
            Provider::Cuda => vec![cuda()],
            Provider::TensorRt => vec![ep::TensorRT::default().build().error_on_failure(), cuda()],
        };
        let builder =
            || Ok::<_, ort::Error>(Session::builder(&self.environment)?.with_intra_threads(1)?.with_inter_threads(1)?);
        let builder = builder().map_err(|error| self.error("cannot start", &error))?;
        builder.with_execution_providers(providers).map_err(|error| {
            self.error(&format!("cannot run on {}", self.provider), &error)
                .hint("install onnxruntime-gpu with its CUDA libraries, or run on the cpu")
        })
    }

    fn session(&self, model: &[u8], weights: &[(String, Arc<[u8]>)]) -> Result<Session> {
        let refused = |error: &dyn Display| {
            self.error("cannot load the model", error)
                .hint("take the engine rten, a newer onnxruntime, or export the model again")
        };
        let mut builder = self.session_builder()?;
        for (file, bytes) in weights {
            builder = builder
                .with_external_initializer_file_in_memory(file, bytes.clone())
                .map_err(|error| refused(&error))?;
        }
        builder.commit_from_memory(model).map_err(|error| refused(&error))
    }
}

impl Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.provider {
            Provider::Cpu => f.write_str(&self.name),
            card => write!(f, "{} on {card}", self.name),
        }
    }
}

pub(crate) struct Ort {
    runtime: Runtime,
    sessions: Spares<Session>,
    /// Held during a run where there is one session for all.
    turn: Option<Mutex<()>>,
    model: Vec<u8>,
    weights: Vec<(String, Arc<[u8]>)>,
    inputs: Vec<(String, DataType)>,
    taps: Vec<String>,
}

impl Ort {
    /// Loads `model` so that it delivers `taps`, and proves that by running it on `trial`.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when onnxruntime cannot load the model, or cannot deliver some value.
    pub(crate) fn load(runtime: &Runtime, model: &Model, taps: &[&str], trial: &[InputTensor]) -> Result<Ort> {
        let weights: Vec<(String, Arc<[u8]>)> =
            model.external_data()?.into_iter().map(|(file, bytes)| (file, bytes.into())).collect();
        let bytes = splice::with_outputs(model.bytes(), model.hidden(taps))?;
        let sessions = Spares::new(runtime.session(&bytes, &weights)?);
        let engine = Ort {
            runtime: runtime.clone(),
            sessions,
            turn: (runtime.provider != Provider::Cpu).then(|| Mutex::new(())),
            model: bytes,
            weights,
            inputs: model.inputs().iter().map(|input| (input.name.clone(), input.dtype)).collect(),
            taps: taps.iter().map(|&tap| tap.to_owned()).collect(),
        };
        engine.run(trial, &mut |_, _| Ok(()))?;
        Ok(engine)
    }

    fn run_session(&self, session: &mut Session, inputs: &[InputTensor], visit: Visit<'_>) -> Result<()> {
        let failed = |error: ort::Error| self.runtime.error("cannot run the model", &error);
        let fed = inputs.iter().zip(&self.inputs);
        let fed: Vec<(String, SessionInputValue<'_>)> = fed
            .map(|(tensor, (name, declared))| Ok((name.clone(), value(tensor, *declared)?.into())))
            .collect::<Result<_, ort::Error>>()
            .map_err(failed)?;
        let options = RunOptions::new().map_err(failed)?;
        if self.taps.is_empty() {
            // Without taps a run is a plain forward pass: the model's own outputs.
            session.run_with_options(fed, &options).map_err(failed)?;
            return Ok(());
        }
        let wanted = self.taps.iter().fold(OutputSelector::no_default(), |wanted, tap| wanted.with(tap));
        let options = options.with_outputs(wanted);
        let outputs = session.run_with_options(fed, &options).map_err(failed)?;
        for (index, tap) in self.taps.iter().enumerate() {
            let output = outputs.get(tap).ok_or_else(|| self.runtime.error("does not deliver", tap))?;
            lend(index, output, visit).map_err(|error| error.context(tap.clone()))?;
        }
        Ok(())
    }
}

impl Engine for Ort {
    fn run(&self, inputs: &[InputTensor], visit: Visit<'_>) -> Result<()> {
        let _turn = self.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        self.sessions.with(
            || self.runtime.session(&self.model, &self.weights),
            |session| self.run_session(session, inputs, visit),
        )
    }

    fn copies_weights(&self) -> bool {
        self.turn.is_none()
    }
}

/// Lends one output as f32.
fn lend(index: usize, output: &DynValue, visit: Visit<'_>) -> Result<()> {
    let ValueType::Tensor { ty, shape, .. } = output.dtype() else {
        return visit(index, Output { dtype: DataType::Other(0), shape: &[], values: &[] });
    };
    let shape: Vec<usize> = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
    let unread = |error: ort::Error| Error::new(ErrorKind::Source, format!("cannot be read: {error}"));
    let converted: Vec<f32>;
    let (dtype, values) = match ty {
        TensorElementType::Float32 => (DataType::Float32, output.try_extract_tensor::<f32>().map_err(unread)?.1),
        TensorElementType::Float64 => {
            let (_, values) = output.try_extract_tensor::<f64>().map_err(unread)?;
            converted = values.iter().map(|&value| value as f32).collect();
            (DataType::Float64, converted.as_slice())
        }
        TensorElementType::Float16 => {
            let (_, values) = output.try_extract_tensor::<f16>().map_err(unread)?;
            converted = values.iter().map(|value| value.to_f32()).collect();
            (DataType::Float16, converted.as_slice())
        }
        other => (other_type(*other), &[][..]),
    };
    visit(index, Output { dtype, shape: &shape, values })
}

fn other_type(ty: TensorElementType) -> DataType {
    match ty {
        TensorElementType::Int8 => DataType::Int8,
        TensorElementType::Int16 => DataType::Int16,
        TensorElementType::Int32 => DataType::Int32,
        TensorElementType::Int64 => DataType::Int64,
        TensorElementType::Uint8 => DataType::Uint8,
        TensorElementType::Uint16 => DataType::Uint16,
        TensorElementType::Uint32 => DataType::Uint32,
        TensorElementType::Uint64 => DataType::Uint64,
        TensorElementType::Bool => DataType::Bool,
        _ => DataType::Other(0),
    }
}

/// A tensor in the element type that the model declares. The values fit it: see [`InputTensor::check_type`].
fn value(tensor: &InputTensor, declared: DataType) -> Result<DynValue, ort::Error> {
    match tensor.data() {
        InputData::Float(values) => match declared {
            DataType::Float16 => filled(tensor, values.iter().map(|&value| f16::from_f32(value))),
            DataType::Float64 => filled(tensor, values.iter().map(|&value| f64::from(value))),
            _ => filled(tensor, values.iter().copied()),
        },
        InputData::Integer(values) => integers(tensor, values.iter().copied(), declared),
        InputData::Bool(values) => integers(tensor, values.iter().map(|&value| value.into()), declared),
    }
}

fn integers(
    tensor: &InputTensor,
    values: impl Iterator<Item = i64>,
    declared: DataType,
) -> Result<DynValue, ort::Error> {
    match declared {
        DataType::Int8 => filled(tensor, values.map(|value| value as i8)),
        DataType::Int16 => filled(tensor, values.map(|value| value as i16)),
        DataType::Int32 => filled(tensor, values.map(|value| value as i32)),
        DataType::Uint8 => filled(tensor, values.map(|value| value as u8)),
        DataType::Uint16 => filled(tensor, values.map(|value| value as u16)),
        DataType::Uint32 => filled(tensor, values.map(|value| value as u32)),
        DataType::Uint64 => filled(tensor, values.map(|value| value as u64)),
        DataType::Bool => filled(tensor, values.map(|value| value != 0)),
        _ => filled(tensor, values),
    }
}

fn filled<T>(tensor: &InputTensor, values: impl Iterator<Item = T>) -> Result<DynValue, ort::Error>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    let values: Vec<T> = values.collect();
    Ok(Tensor::from_array((tensor.shape().to_vec(), values))?.into_dyn())
}
