//! AdamW and LAMB over a flat vector of weights, and the clipping of gradients.

use crate::weights::Weights;
use serde::{Deserialize, Serialize};

/// Shares of the past in the running moments of the gradient.
const BETAS: [f64; 2] = [0.9, 0.999];

/// What keeps a division by the root of a second moment finite.
const EPSILON: f64 = 1e-8;

/// How a step follows from the moments of the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Adam with decoupled weight decay (arXiv 1711.05101).
    AdamW,
    /// The same step, but for each tensor as long as the tensor itself (arXiv 1904.00962).
    Lamb,
}

/// An optimiser's memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    /// Running mean of the gradient.
    pub first: Vec<f32>,
    /// Running mean of its square.
    pub second: Vec<f32>,
    /// Steps taken.
    pub steps: u64,
}

/// What decides the length of a step.
#[derive(Debug, Clone, Copy)]
pub struct StepSize {
    /// The method.
    pub method: Method,
    /// Learning rate.
    pub learning_rate: f64,
    /// Weight decay of kernels.
    pub weight_decay: f64,
}

impl Optimizer {
    /// An optimiser that has seen nothing, for `len` weights.
    pub fn new(len: usize) -> Self {
        Optimizer { first: vec![0.0; len], second: vec![0.0; len], steps: 0 }
    }

    /// One step along `gradient`.
    pub fn step(&mut self, weights: &mut Weights, gradient: &[f32], size: StepSize) {
        self.steps += 1;
        let corrections = BETAS.map(|beta| 1.0 - beta.powf(self.steps as f64));
        let mut values = std::mem::take(&mut weights.values);
        for (parameter, range) in weights.ranges() {
            let decay = if parameter.is_kernel() { size.weight_decay } else { 0.0 };
            let direction: Vec<f64> = range
                .clone()
                .map(|i| {
                    let gradient = f64::from(gradient[i]);
                    let follow = |old: f32, new: f64, beta: f64| beta * f64::from(old) + (1.0 - beta) * new;
                    self.first[i] = follow(self.first[i], gradient, BETAS[0]) as f32;
                    self.second[i] = follow(self.second[i], gradient * gradient, BETAS[1]) as f32;
                    let mean = f64::from(self.first[i]) / corrections[0];
                    let root = (f64::from(self.second[i]) / corrections[1]).sqrt();
                    mean / (root + EPSILON) + decay * f64::from(values[i])
                })
                .collect();
            let trust = match size.method {
                Method::AdamW => 1.0,
                Method::Lamb => {
                    let norms =
                        [norm(values[range.clone()].iter().copied().map(f64::from)), norm(direction.iter().copied())];
                    if norms.contains(&0.0) { 1.0 } else { norms[0] / norms[1] }
                }
            };
            for (value, direction) in values[range].iter_mut().zip(direction) {
                *value = (f64::from(*value) - size.learning_rate * trust * direction) as f32;
            }
        }
        weights.values = values;
    }
}

/// Shortens `gradient` to the norm `most` where it is longer; returns the norm that it had.
pub fn clip(gradient: &mut [f32], most: f64) -> f64 {
    let length = norm(gradient.iter().copied().map(f64::from));
    if length > most {
        let factor = most / length;
        gradient.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }
    length
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Architecture;

    fn after_one_step(method: Method) -> (Weights, Weights, Vec<f32>) {
        let network = Architecture::of_size("tiny", 3, 2).expect("a size");
        let before = Weights::new(network, 1);
        let gradient: Vec<f32> = (0..before.values.len()).map(|i| if i % 3 == 0 { 0.5 } else { -2.0 }).collect();
        let (mut after, mut optimizer) = (before.clone(), Optimizer::new(gradient.len()));
        let size = StepSize { method, learning_rate: 0.01, weight_decay: 0.1 };
        optimizer.step(&mut after, &gradient, size);
        (before, after, gradient)
    }

    #[test]
    fn the_first_step_of_adamw_is_the_sign_of_the_gradient_and_the_decay_of_kernels() {
        let (before, after, gradient) = after_one_step(Method::AdamW);
        for (parameter, range) in before.ranges() {
            let decay = if parameter.is_kernel() { 0.1 } else { 0.0 };
            for i in range {
                let expected = before.values[i] - 0.01 * (gradient[i].signum() + decay * before.values[i]);
                assert!((after.values[i] - expected).abs() < 1e-6, "{} at {i}", parameter.name);
            }
        }
    }

    #[test]
    fn a_step_of_lamb_is_as_long_as_the_learning_rate_says_of_each_tensor() {
        let (before, after, _) = after_one_step(Method::Lamb);
        for (parameter, range) in before.ranges().filter(|(parameter, _)| parameter.is_kernel()) {
            let old = &before.values[range.clone()];
            let step = norm(after.values[range].iter().zip(old).map(|(new, old)| f64::from(new - old)));
            let length = norm(old.iter().copied().map(f64::from));
            assert!((step / length - 0.01).abs() < 1e-4, "{}: {}", parameter.name, step / length);
        }
    }

    #[test]
    fn long_gradients_are_cut_and_short_ones_left() {
        let mut gradient = vec![3.0, 4.0];
        assert_eq!((clip(&mut gradient, 10.0), gradient.clone()), (5.0, vec![3.0, 4.0]));
        assert_eq!((clip(&mut gradient, 1.0), gradient), (5.0, vec![0.6, 0.8]));
    }
}
