//! What an engine does for us, and which one does it.

use crate::model::Model;
use crate::ort::{self, Ort, Runtime};
use crate::rten::{self, Rten};
use crate::runtime::{self, Library};
use crate::tensor::{DataType, InputTensor};
use napscope::{Error, ErrorKind, Result};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// A model loaded so that it delivers some of its values.
pub(crate) trait Engine: Send + Sync {
    /// Runs the model on `inputs` (one tensor a model input, in their order, all with the same number of samples) and
    /// lends every wanted value to `visit`, with its index among the taps, in their order. Any number of threads may
    /// run at once; each run uses one.
    fn run(&self, inputs: &[InputTensor], visit: Visit<'_>) -> Result<()>;

    /// Whether every thread holds its own copy of the weights.
    fn copies_weights(&self) -> bool;
}

/// Takes a value by its index among the taps.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(usize, Output<'_>) -> Result<()>;

/// A value as an engine lends it.
pub(crate) struct Output<'a> {
    /// Its element type in the engine.
    pub(crate) dtype: DataType,
    /// Its shape.
    pub(crate) shape: &'a [usize],
    /// Its elements in C order, as f32; none where the element type is no floating-point one.
    pub(crate) values: &'a [f32],
}

/// Which engine a user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineName {
    /// onnxruntime where one is found, else rten.
    #[default]
    Auto,
    /// Pure Rust, always there.
    Rten,
    /// onnxruntime, from an installed library: 2 to 4 times as fast on a CPU, and the way to a graphics card.
    Ort,
}

/// Where onnxruntime runs a network. There is no silent fall-back: what was asked for runs, or an error says why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provider {
    /// On the processor.
    #[default]
    Cpu,
    /// On an NVIDIA graphics card.
    Cuda,
    /// On an NVIDIA graphics card through TensorRT, with CUDA for the operators that it lacks.
    TensorRt,
}

/// The names of the engines, as people type them.
pub const ENGINES: [&str; 3] = ["auto", "rten", "ort"];

/// The names of the providers, as people type them.
pub const PROVIDERS: [&str; 3] = ["cpu", "cuda", "tensorrt"];

impl FromStr for EngineName {
    type Err = Error;

    fn from_str(name: &str) -> Result<EngineName> {
        let engines = [EngineName::Auto, EngineName::Rten, EngineName::Ort];
        let place = ENGINES.iter().position(|known| *known == name);
        place.map(|place| engines[place]).ok_or_else(|| Error::unknown("engine", name, ENGINES))
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(name: &str) -> Result<Provider> {
        let providers = [Provider::Cpu, Provider::Cuda, Provider::TensorRt];
        let place = PROVIDERS.iter().position(|known| *known == name);
        place.map(|place| providers[place]).ok_or_else(|| Error::unknown("provider", name, PROVIDERS))
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PROVIDERS[*self as usize])
    }
}

/// What a user asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The engine.
    pub engine: EngineName,
    /// The onnxruntime library to load; `None` searches for one.
    pub library: Option<PathBuf>,
    /// Where onnxruntime runs the network.
    pub provider: Provider,
}

/// The engine that was chosen, and why. Shown as text, it says both.
#[derive(Debug, Clone)]
pub struct Choice {
    runtime: Option<Runtime>,
    reason: String,
}

impl Choice {
    /// The engine that is always there.
    pub fn rten() -> Choice {
        Choice { runtime: None, reason: "built in".into() }
    }

    /// Chooses an engine, loading the onnxruntime library if it is the one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when rten is asked for something that only onnxruntime has, [`ErrorKind::Source`]
    /// when onnxruntime is asked for and there is none that can be loaded.
    pub fn new(request: &Request) -> Result<Choice> {
        let only_ort = request.library.is_some() || request.provider != Provider::Cpu;
        match request.engine {
            EngineName::Rten if only_ort => Err(Error::new(
                ErrorKind::InvalidParameter,
                "the engine rten runs on the cpu, and takes no onnxruntime library",
            )
            .hint("take the engine ort")),
            EngineName::Rten => Ok(Choice::rten()),
            EngineName::Ort => Self::ort(request),
            EngineName::Auto if only_ort => Self::ort(request),
            EngineName::Auto => Ok(Self::ort(request).unwrap_or_else(|error| {
                let reason = match error.how_to_mend() {
                    Some(hint) => format!("built in; {error} (for a faster engine: {hint})"),
                    None => format!("built in; {error}"),
                };
                Choice { runtime: None, reason }
            })),
        }
    }

    fn ort(request: &Request) -> Result<Choice> {
        if let Some(path) = &request.library {
            let library = Library { path: path.clone(), found: "as asked for".into() };
            return Self::with(&library, request.provider);
        }
        let mut complaint = None;
        for library in runtime::libraries() {
            match Self::with(&library, request.provider) {
                Ok(choice) => return Ok(choice),
                Err(error) => complaint = complaint.or(Some(error)),
            }
        }
        Err(complaint.unwrap_or_else(|| {
            Error::new(ErrorKind::Source, "no onnxruntime library is found on this machine")
                .hint("pip install onnxruntime, or give the path of a library")
        }))
    }

    fn with(library: &Library, provider: Provider) -> Result<Choice> {
        let runtime = Runtime::load(library, provider)?;
        Ok(Choice { runtime: Some(runtime), reason: format!("{}, {}", library.found, library.path.display()) })
    }

    /// The engine's name and version, and where it runs: `onnxruntime 1.32.0 on cuda`.
    pub fn name(&self) -> String {
        match &self.runtime {
            None => rten::NAME.into(),
            Some(runtime) => runtime.to_string(),
        }
    }

    /// Why it is this one.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Bytes of values that a run of several samples may take before it stops being faster than one after the other.
    pub(crate) fn grain_bytes(&self) -> usize {
        match &self.runtime {
            None => rten::GRAIN_BYTES,
            Some(_) => ort::GRAIN_BYTES,
        }
    }

    /// Loads `model` so that it delivers `taps`, and proves that by running it on `trial`.
    pub(crate) fn load(&self, model: &Model, taps: &[&str], trial: &[InputTensor]) -> Result<Box<dyn Engine>> {
        Ok(match &self.runtime {
            None => Box::new(Rten::load(model, taps, trial)?),
            Some(runtime) => Box::new(Ort::load(runtime, model, taps, trial)?),
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.reason)
    }
}

/// Things that one thread at a time can use (sessions, thread pools): made on demand, kept for the next to come.
pub(crate) struct Spares<T>(Mutex<Vec<T>>);

impl<T> Spares<T> {
    pub(crate) fn new(first: T) -> Self {
        Spares(Mutex::new(vec![first]))
    }

    /// Runs `work` with a spare thing, or a new one.
    pub(crate) fn with<R>(
        &self,
        make: impl FnOnce() -> Result<T>,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let spare = self.lock().pop();
        let mut thing = spare.map_or_else(make, Ok)?;
        let result = work(&mut thing);
        self.lock().push(thing);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        // A thread that panicked left the list whole: it only pushes and pops.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_near_ones_suggested() {
        for name in ENGINES {
            assert!(name.parse::<EngineName>().is_ok(), "engine {name}");
        }
        for name in PROVIDERS {
            assert_eq!(name.parse::<Provider>().map(|provider| provider.to_string()).ok().as_deref(), Some(name));
        }
        let error = "ortt".parse::<EngineName>().expect_err("there is none");
        assert_eq!(error.how_to_mend(), Some("did you mean `ort`?"));
        assert!("gpu".parse::<Provider>().is_err(), "gpu is no provider");
    }

    #[test]
    fn rten_refuses_what_only_onnxruntime_has() {
        for request in [
            Request { engine: EngineName::Rten, provider: Provider::Cuda, ..Request::default() },
            Request { engine: EngineName::Rten, library: Some("lib.so".into()), ..Request::default() },
        ] {
            assert_eq!(
                Choice::new(&request).expect_err("cannot be").kind(),
                ErrorKind::InvalidParameter,
                "{request:?}"
            );
        }
    }

    #[test]
    fn a_library_that_is_none_is_refused() {
        let request = Request { library: Some("no/such/libonnxruntime.so".into()), ..Request::default() };
        let error = Choice::new(&request).expect_err("it is absent");
        assert!(error.to_string().contains("no/such/libonnxruntime.so cannot be loaded"), "{error}");
        assert!(error.how_to_mend().is_some(), "no hint");
    }

    #[test]
    fn spares_come_back() {
        let spares = Spares::new(0);
        for expected in 0..3 {
            let seen = spares.with(|| Ok(100), |spare| Ok(std::mem::replace(spare, expected + 1)));
            assert_eq!(seen.expect("no work fails"), expected, "the one spare is used again");
        }
    }
}
