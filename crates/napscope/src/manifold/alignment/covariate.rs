//! What is known of each sample besides its activations: a number or a class.

use faer::Mat;
use std::collections::BTreeMap;

/// Fewest samples on which anything is said of a covariate.
pub(super) const FEWEST_SAMPLES: usize = 50;
/// Classes beyond this are names of samples rather than classes.
const MOST_CLASSES: usize = 50;

/// A column that is no part of the activations.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariate {
    /// Its name.
    pub name: String,
    /// One value a sample; `None` where it is missing.
    pub values: CovariateValues,
}

/// The values of a covariate.
#[derive(Debug, Clone, PartialEq)]
pub enum CovariateValues {
    /// Finite numbers.
    Numbers(Vec<Option<f64>>),
    /// Classes without an order.
    Classes(Vec<Option<u32>>),
}

impl Covariate {
    /// Is the value of `sample` known?
    pub(super) fn is_known(&self, sample: usize) -> bool {
        match &self.values {
            CovariateValues::Numbers(values) => values[sample].is_some_and(f64::is_finite),
            CovariateValues::Classes(values) => values[sample].is_some(),
        }
    }

    /// Bits that are the same for the same value.
    pub(super) fn bits(&self, sample: usize) -> u64 {
        match &self.values {
            CovariateValues::Numbers(values) => values[sample].map_or(1, f64::to_bits),
            CovariateValues::Classes(values) => values[sample].map_or(0, |class| u64::from(class) + 1),
        }
    }

    /// The values of `samples`, where all are known, as something to be told from activations; `None` where there is nothing
    /// to tell: too few samples, a constant, or as good as a class a sample.
    pub(super) fn target(&self, samples: &[usize]) -> Option<Target> {
        if samples.len() < FEWEST_SAMPLES {
            return None;
        }
        let of = match &self.values {
            CovariateValues::Numbers(values) => Target::numbers(samples.iter().filter_map(|&at| values[at]).collect()),
            CovariateValues::Classes(values) => Target::classes(samples.iter().filter_map(|&at| values[at]).collect()),
        };
        of.filter(|target| target.values.nrows() == samples.len())
    }
}

/// What is to be told of each sample: a number, or for each class but for its mean whether the sample is of it.
///
/// With classes the share of variance that is told, over all of these columns, is the Brier skill score.
pub(super) struct Target {
    /// `[samples, columns]`, each column with mean 0; a number has variance 1.
    pub(super) values: Mat<f64>,
    /// Number of classes; `None` of a number.
    pub(super) classes: Option<usize>,
}

impl Target {
    fn numbers(values: Vec<f64>) -> Option<Self> {
        let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        // Scaled first, so that squares of the largest numbers stay finite.
        let values: Vec<f64> = values.into_iter().map(|value| value / largest).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        // Less is rounding.
        let varies = spread > 1e-12;
        varies.then(|| Target {
            values: Mat::from_fn(values.len(), 1, |row, _| (values[row] - mean) / spread),
            classes: None,
        })
    }

    fn classes(values: Vec<u32>) -> Option<Self> {
        let mut counts = BTreeMap::new();
        values.iter().for_each(|&class| *counts.entry(class).or_insert(0usize) += 1);
        let classes: Vec<(u32, f64)> =
            counts.into_iter().map(|(class, count)| (class, count as f64 / values.len() as f64)).collect();
        let few = (2..=MOST_CLASSES.min(values.len() / 5)).contains(&classes.len());
        few.then(|| Target {
            values: Mat::from_fn(values.len(), classes.len(), |row, column| {
                let (class, share) = classes[column];
                f64::from(u8::from(values[row] == class)) - share
            }),
            classes: Some(classes.len()),
        })
    }
}
