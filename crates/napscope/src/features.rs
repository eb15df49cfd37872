//! The features of one layer: a matrix, and what each of its columns means.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What a column measures of its channel's activation map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The activation at one position of the map (NAP's "none").
    Value {
        /// Row of the position.
        y: u32,
        /// Column of the position.
        x: u32,
    },
    /// Mean over the map.
    Mean,
    /// Standard deviation over the map (population: divided by the number of positions).
    Std,
    /// Largest value.
    Max,
    /// Smallest value.
    Min,
    /// Third standardised moment; 0 for a constant map.
    Skewness,
    /// Fourth standardised moment less 3; 0 for a constant map.
    ExcessKurtosis,
    /// Fraction of positions at or below a threshold.
    Sparsity,
    /// −T · ln Σ exp(value / T) over the map.
    FreeEnergy,
    /// Probability that a value lies in [low, high).
    Bin {
        /// Left edge, in activation units (or in those of the normalizer that rescaled it).
        low: f64,
        /// Right edge.
        high: f64,
    },
    /// Probability mass that a kernel density estimate puts on a grid point.
    Density {
        /// The grid point.
        at: f64,
        /// Distance between grid points.
        step: f64,
    },
    /// The value below which a fraction `p` of the map lies.
    Quantile {
        /// The fraction, in [0, 1].
        p: f64,
        /// The share of probability that this quantile stands for (the quantiles of a channel add up to 1).
        weight: f64,
    },
    /// An abstract coordinate: some normalizer mixed columns, so that none keeps a meaning of its own.
    Mixed,
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::Value { y, x } => write!(f, "at ({y}, {x})"),
            Statistic::Mean => f.write_str("mean"),
            Statistic::Std => f.write_str("std"),
            Statistic::Max => f.write_str("max"),
            Statistic::Min => f.write_str("min"),
            Statistic::Skewness => f.write_str("skewness"),
            Statistic::ExcessKurtosis => f.write_str("excess kurtosis"),
            Statistic::Sparsity => f.write_str("sparsity"),
            Statistic::FreeEnergy => f.write_str("free energy"),
            Statistic::Bin { low, high } => write!(f, "bin {low} to {high}"),
            Statistic::Density { at, step } => write!(f, "density at {at}, step {step}"),
            Statistic::Quantile { p, .. } => write!(f, "quantile {p:.3}"),
            Statistic::Mixed => f.write_str("mixed"),
        }
    }
}

/// What one column of [`Features`] means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The channel of the layer.
    pub channel: u32,
    /// What is measured of it.
    pub statistic: Statistic,
}

/// The features of one layer: one row a sample, one column a (channel, statistic). Every value is finite.
///
/// # Shapes
/// - `values`: `[samples, columns]`, C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    values: Arc<Vec<f32>>,
    columns: Vec<Column>,
    samples: usize,
}

impl Features {
    /// Takes a matrix and the meaning of its columns.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when the sizes do not fit, [`ErrorKind::NonFinite`] naming the first sample and
    /// column that hold NaN or infinity: behind this door nothing checks again.
    pub fn new(values: Vec<f32>, columns: Vec<Column>) -> Result<Self> {
        if columns.is_empty() || !values.len().is_multiple_of(columns.len()) {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("features: {} values are no whole number of rows of {} columns", values.len(), columns.len()),
            ));
        }
        check_finite(&values, &columns, 0)?;
        let samples = values.len() / columns.len();
        Ok(Features { values: Arc::new(values), columns, samples })
    }

    /// Features whose columns are plain numbers without a distribution: one `Mean` a channel.
    ///
    /// # Errors
    /// As [`Features::new`].
    pub fn plain(values: Vec<f32>, columns: usize) -> Result<Self> {
        let columns = (0..columns as u32).map(|channel| Column { channel, statistic: Statistic::Mean }).collect();
        Self::new(values, columns)
    }

    /// Number of samples (rows).
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// What each column means.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The whole matrix, `[samples, columns]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The same, shared rather than copied.
    pub(crate) fn shared_values(&self) -> Arc<Vec<f32>> {
        self.values.clone()
    }

    /// The features of one sample.
    pub fn row(&self, sample: usize) -> &[f32] {
        &self.values[sample * self.columns.len()..(sample + 1) * self.columns.len()]
    }

    /// The rows `samples`, in that order.
    pub fn select(&self, samples: &[usize]) -> Features {
        let values = samples.iter().flat_map(|&sample| self.row(sample)).copied().collect();
        Features { values: Arc::new(values), columns: self.columns.clone(), samples: samples.len() }
    }

    /// Checks that these features have the columns that something was fitted on.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] naming the number of columns, or the first column that differs.
    pub(crate) fn expect_columns(&self, fitted: &[Column]) -> Result<()> {
        let hint = "use the same layer and the same sketch with the same options for both";
        if self.columns.len() != fitted.len() {
            let message = format!("features: fitted on {} columns, got {}", fitted.len(), self.columns.len());
            return Err(Error::new(ErrorKind::ShapeMismatch, message).hint(hint));
        }
        match self.columns.iter().zip(fitted).position(|(got, expected)| got != expected) {
            None => Ok(()),
            Some(index) => {
                let describe = |column: &Column| format!("channel {} ({})", column.channel, column.statistic);
                let (expected, got) = (describe(&fitted[index]), describe(&self.columns[index]));
                let message = format!("features: column {index} was {expected} when fitted, now it is {got}");
                Err(Error::new(ErrorKind::ShapeMismatch, message).hint(hint))
            }
        }
    }

    /// Column ranges of one channel each, in the order of the columns.
    pub fn channel_blocks(&self) -> Vec<std::ops::Range<usize>> {
        let mut blocks: Vec<std::ops::Range<usize>> = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            match blocks.last_mut() {
                Some(block) if self.columns[block.start].channel == column.channel => block.end = index + 1,
                _ => blocks.push(index..index + 1),
            }
        }
        blocks
    }
}

/// Refuses NaN and infinity in rows of features; `first` is the number of their first sample.
///
/// # Errors
/// [`ErrorKind::NonFinite`] naming the first sample and column that hold one.
pub fn check_finite(values: &[f32], columns: &[Column], first: usize) -> Result<()> {
    let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let Column { channel, statistic } = columns[at % columns.len()];
    let sample = first + at / columns.len();
    Err(Error::new(ErrorKind::NonFinite, format!("sample {sample}, channel {channel} ({statistic}) is {}", values[at]))
        .hint("find out where the network or the data yields it, or leave the sample or the layer out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_is_refused_with_its_place() {
        let error = Features::plain(vec![0.0, 1.0, 2.0, f32::NAN], 2).expect_err("NaN must not pass");
        assert_eq!(error.kind(), ErrorKind::NonFinite);
        assert_eq!(error.to_string(), "sample 1, channel 1 (mean) is NaN");
    }

    #[test]
    fn a_ragged_matrix_is_refused() {
        let error = Features::plain(vec![0.0; 5], 2).expect_err("5 values are not rows of 2");
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    }

    #[test]
    fn channel_blocks_group_neighbouring_columns() {
        let column = |channel| Column { channel, statistic: Statistic::Mean };
        let features = Features::new(vec![0.0; 5], [0, 0, 1, 1, 1].map(column).to_vec()).expect("one row");
        assert_eq!(features.channel_blocks(), [0..2, 2..5]);
    }
}
