//! What an engine does for us, and which one does it.

use crate::model::Model;
use crate::rten;
use crate::tensor::{DataType, InputTensor};
use napscope::Result;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A model loaded so that it delivers some of its values.
pub(crate) trait Engine: Send + Sync {
    /// Runs the model on `inputs` (one tensor a model input, in their order, all with the same number of samples) and
    /// lends every wanted value to `visit`, with its index among the taps, in their order. Any number of threads may
    /// run at once; each run uses one.
    fn run(&self, inputs: &[InputTensor], visit: Visit<'_>) -> Result<()>;
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

/// The engine that was chosen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    reason: String,
}

impl Choice {
    /// The engine that is always there.
    pub fn rten() -> Choice {
        Choice { reason: format!("{}: built in", rten::NAME) }
    }

    /// Loads `model` so that it delivers `taps`, and proves that by running it on `trial`.
    pub(crate) fn load(&self, model: &Model, taps: &[&str], trial: &[InputTensor]) -> Result<Box<dyn Engine>> {
        Ok(Box::new(rten::Rten::load(model, taps, trial)?))
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
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
