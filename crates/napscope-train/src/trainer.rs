//! One step of training, and the validation.
//!
//! A step's slots go in two halves; each makes its own forward and backward pass with the moments of its own half, on threads
//! where there are two, and the gradients are added in the order of the halves. The number of threads therefore changes no
//! byte; the device does (see `device.rs`).

use crate::config::TrainConfig;
use crate::data::Batch;
use crate::device::Compute;
use crate::loss::{Score, score};
use crate::network::{Network, Normalization};
use crate::optimizer::{Optimizer, StepSize, clip};
use crate::weights::Weights;
use anyhow::{Result, bail};
use burn::tensor::{Device, Tensor, TensorData, Transaction};

/// Halves of a step.
pub const PARTS: usize = 2;

/// How far the running moments go to those of a step.
const MOMENTUM: f32 = 0.02;

/// A training under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Trainer {
    /// What it does.
    pub config: TrainConfig,
    /// The weights so far.
    pub weights: Weights,
    /// The optimiser's memory.
    pub optimizer: Optimizer,
}

/// What a pass over one part of a step gives.
pub struct PartResult {
    /// Gradient of the mean loss, this part's share.
    pub gradient: Vec<f32>,
    /// Loss and errors.
    pub score: Score,
    /// Moments of the batch norms.
    pub moments: Vec<f32>,
}

impl Trainer {
    /// A training from the beginning.
    ///
    /// # Errors
    /// When the configuration names a network that is none.
    pub fn new(config: TrainConfig) -> Result<Self> {
        let weights = Weights::new(config.architecture()?, config.seed);
        let optimizer = Optimizer::new(weights.values.len());
        Ok(Trainer { config, weights, optimizer })
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.optimizer.steps
    }

    /// One step over the `parts` of a batch. Returns the score and the norm of the gradient.
    ///
    /// # Errors
    /// When the loss is no number any more.
    pub fn step(&mut self, parts: &[Batch], compute: &Compute) -> Result<(Score, f64)> {
        let active: usize = parts.iter().map(Batch::num_active_bits).sum();
        let weights = &self.weights;
        let results = compute.each(parts, |batch| gradient(weights, batch, 1.0 / active as f64, &compute.device));
        let (mut score, mut gradient) = (Score::default(), vec![0.0; weights.values.len()]);
        for result in &results {
            score.add(&result.score);
            gradient.iter_mut().zip(&result.gradient).for_each(|(sum, part)| *sum += part);
        }
        if !score.loss.is_finite() {
            bail!("the loss is no finite number any more at step {}: lower the learning rate", self.steps_done());
        }
        let norm = clip(&mut gradient, self.config.max_gradient_norm);
        let size = StepSize {
            method: self.config.optimizer,
            learning_rate: self.config.learning_rate(self.steps_done()),
            weight_decay: self.config.weight_decay,
        };
        self.optimizer.step(&mut self.weights, &gradient, size);
        for result in &results {
            self.weights.follow(&result.moments, MOMENTUM / PARTS as f32);
        }
        Ok((score, norm))
    }
}

/// Forward and backward over one batch; the loss is its sum times `scale`.
pub fn gradient(weights: &Weights, batch: &Batch, scale: f64, device: &Device) -> PartResult {
    let device = device.clone().autodiff();
    let network = Network::new(weights, &device);
    let forward = network.forward(columns(batch, weights, &device), batch.planes, Normalization::Batch);
    let mut of_logits = Vec::new();
    let score = score(&values(forward.logits.clone().inner()), batch, scale, Some(&mut of_logits));
    let shape = [weights.architecture.num_bits, batch.planes.num_elements()];
    let of_logits = Tensor::<2>::from_data(TensorData::new(of_logits, shape), &device);
    // The gradient of Σ logits · g is g: so the loss needs no operations of its own in the graph.
    let mut gradients = (forward.logits * of_logits).sum().backward();
    let found = weights.ranges().map(|(parameter, _)| {
        let tensor = network.tensor(&parameter.name);
        tensor.grad_remove(&mut gradients).unwrap_or_else(|| tensor.clone().inner().zeros_like())
    });
    let gradient = read_all(found);
    let moments = read_all(forward.moments.into_iter().map(Tensor::inner));
    PartResult { gradient, score, moments }
}

/// The logits of a batch with the running moments, `[num_bits, planes]`.
pub fn logits(weights: &Weights, batch: &Batch, device: &Device) -> Vec<f32> {
    let network = Network::new(weights, device);
    values(network.forward(columns(batch, weights, device), batch.planes, Normalization::Running).logits)
}

/// The score of a batch with the running moments.
pub fn validate(weights: &Weights, batch: &Batch, device: &Device) -> Score {
    score(&logits(weights, batch, device), batch, 1.0, None)
}

fn columns(batch: &Batch, weights: &Weights, device: &Device) -> Tensor<2> {
    let rows = weights.architecture.num_inputs * crate::architecture::TAPS;
    Tensor::from_data(TensorData::new(batch.columns.clone(), [rows, batch.planes.num_elements()]), device)
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    read_all([tensor])
}

/// The values of tensors, one behind the other. A card is asked, and waited for, once.
fn read_all(tensors: impl IntoIterator<Item = Tensor<2>>) -> Vec<f32> {
    let read = tensors.into_iter().fold(Transaction::default(), Transaction::register).execute();
    read.into_iter().flat_map(|data| data.try_into_vec::<f32>().expect("the tensors of the network are f32")).collect()
}
