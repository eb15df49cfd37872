//! Shift and scale, for the normalizers that differ only in how they choose the two.
//!
//! What one shift and scale is learned from is a [`Pool`] of activations: the values of one column, or, where several
//! columns describe the activations of one channel (a distribution), the distribution of the whole reference. Each thread
//! holds 4 bytes a sample and column for at least 32 columns, or one channel's distribution.

use super::Transform;
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features, Statistic};
use crate::statistics::canonical_order;
use rayon::prelude::*;
use std::ops::Range;

/// x ↦ (x − `shift`) · `factor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    pub(super) shift: f64,
    pub(super) factor: f64,
}

impl Affine {
    /// Subtracts `shift` and divides by `spread`. Where the spread is nothing but rounding it only shifts, as
    /// scikit-learn does: a constant column becomes 0.
    pub(super) fn standardise(shift: f64, spread: f64) -> Self {
        Affine { shift, factor: if spread < 10.0 * f64::EPSILON { 1.0 } else { spread.recip() } }
    }

    fn apply(self, value: f64) -> f64 {
        (value - self.shift) * self.factor
    }
}

/// Activations in [low, high] with their weight; a plain value has low = high and weight 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Atom {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) weight: f64,
}

impl Atom {
    pub(super) fn center(&self) -> f64 {
        0.5 * (self.low + self.high)
    }
}

/// The activations that one shift and scale is learned from: those of one column, or of all columns that describe the
/// distribution of one channel.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    columns: Range<usize>,
    /// The weight of each column's values; none where the columns are probabilities.
    shares: Vec<f64>,
    /// The cells of the grid, where the columns are probabilities.
    cells: Vec<Atom>,
    /// The values of all samples, row by row, in an order that does not hang on the order of the samples.
    values: Vec<f32>,
}

impl Pool {
    fn new(columns: Range<usize>, meanings: &[Column]) -> Self {
        let mut pool = Pool { columns, shares: Vec::new(), cells: Vec::new(), values: Vec::new() };
        for column in &meanings[pool.columns.clone()] {
            match column.statistic {
                Statistic::Bin { low, high } => pool.cells.push(Atom { low, high, weight: 0.0 }),
                Statistic::Density { at, step } => {
                    pool.cells.push(Atom { low: at - 0.5 * step, high: at + 0.5 * step, weight: 0.0 });
                }
                Statistic::Quantile { weight, .. } => pool.shares.push(weight),
                _ => pool.shares.push(1.0),
            }
        }
        pool
    }

    /// Takes in one sample's row.
    fn absorb(&mut self, row: &[f32]) {
        let values = &row[self.columns.clone()];
        if self.cells.is_empty() {
            self.values.extend_from_slice(values);
        } else {
            self.cells.iter_mut().zip(values).for_each(|(cell, mass)| cell.weight += f64::from(*mass));
        }
    }

    /// All mass in one cell: the channel did not move as far as the grid can tell, so the cell stands for one value, 0
    /// where it holds 0 (a channel that never fires).
    fn settle(&mut self) {
        let mut filled = self.cells.iter_mut().filter(|cell| cell.weight > 0.0);
        if let (Some(only), None) = (filled.next(), filled.next()) {
            let value = if (only.low..=only.high).contains(&0.0) { 0.0 } else { only.center() };
            (only.low, only.high) = (value, value);
        }
    }

    /// Everything that has weight.
    pub(super) fn atoms(&self) -> impl Iterator<Item = Atom> {
        let value =
            |(value, share): (&f32, &f64)| Atom { low: f64::from(*value), high: f64::from(*value), weight: *share };
        let values = self.values.iter().zip(self.shares.iter().cycle()).map(value);
        self.cells.iter().copied().chain(values).filter(|atom| atom.weight > 0.0)
    }

    /// Smallest and largest activation; none where nothing has weight.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        self.atoms().map(|atom| (atom.low, atom.high)).reduce(|(low, high), next| (low.min(next.0), high.max(next.1)))
    }
}

/// Which columns share one shift and scale, before any sample was seen.
fn pools(columns: &[Column]) -> Vec<Pool> {
    let on_grid = |column: &Column| matches!(column.statistic, Statistic::Bin { .. } | Statistic::Density { .. });
    let quantile = |column: &Column| matches!(column.statistic, Statistic::Quantile { .. });
    let together =
        |a: &Column, b: &Column| a.channel == b.channel && ((on_grid(a) && on_grid(b)) || (quantile(a) && quantile(b)));
    let mut start = 0;
    let range = |chunk: &[Column]| {
        start += chunk.len();
        Pool::new(start - chunk.len()..start, columns)
    };
    columns.chunk_by(together).map(range).collect()
}

/// Shares work among threads by these many columns at least: enough to use a row that was read, few enough that what is
/// gathered of them (4 bytes a value) stays small beside the features.
const CHUNK: usize = 32;

/// A shift and scale for every column.
pub(super) struct AffineTransform {
    columns: Vec<Column>,
    /// One a column, for the column's values where they are activations, for its support where they are probabilities.
    pub(super) affine: Vec<Affine>,
}

impl AffineTransform {
    /// Learns by `choose` from the pools of `features`.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewSamples`] with fewer than `least` samples.
    pub(super) fn fit(features: &Features, least: usize, choose: impl Fn(&Pool) -> Affine + Sync) -> Result<Self> {
        if features.samples() < least {
            return Err(Error::new(
                ErrorKind::TooFewSamples,
                format!("a scale needs at least {least} samples, got {}", features.samples()),
            ));
        }
        let order = canonical_order(features.values(), features.columns().len());
        let mut pools = pools(features.columns());
        let learn = |pools: &mut [Pool]| -> Vec<Affine> {
            for &sample in &order {
                pools.iter_mut().for_each(|pool| pool.absorb(features.row(sample)));
            }
            let affine = |pool: &mut Pool| {
                pool.settle();
                let affine = choose(pool);
                pool.values = Vec::new();
                vec![affine; pool.columns.len()]
            };
            pools.iter_mut().flat_map(affine).collect()
        };
        let widest = pools.iter().map(|pool| pool.columns.len()).max().unwrap_or(1);
        let learned: Vec<Vec<Affine>> = pools.par_chunks_mut(CHUNK.div_ceil(widest)).map(learn).collect();
        Ok(AffineTransform { columns: features.columns().to_vec(), affine: learned.concat() })
    }

    /// What the columns mean afterwards: the support of a distribution moves.
    fn rescaled_columns(&self) -> Vec<Column> {
        let rescale = |(column, affine): (&Column, &Affine)| {
            let statistic = match column.statistic {
                Statistic::Bin { low, high } => Statistic::Bin { low: affine.apply(low), high: affine.apply(high) },
                Statistic::Density { at, step } => {
                    Statistic::Density { at: affine.apply(at), step: step * affine.factor }
                }
                other => other,
            };
            Column { statistic, ..*column }
        };
        self.columns.iter().zip(&self.affine).map(rescale).collect()
    }
}

impl Transform for AffineTransform {
    fn transform(&self, features: &Features) -> Result<Features> {
        features.expect_columns(&self.columns)?;
        let on_values: Vec<Affine> = (self.columns.iter().zip(&self.affine))
            .map(|(column, affine)| match column.statistic {
                Statistic::Bin { .. } | Statistic::Density { .. } => Affine { shift: 0.0, factor: 1.0 },
                _ => *affine,
            })
            .collect();
        let mut values = features.values().to_vec();
        values.par_chunks_mut(self.columns.len()).for_each(|row| {
            let rescale = |(value, affine): (&mut f32, &Affine)| *value = affine.apply(f64::from(*value)) as f32;
            row.iter_mut().zip(&on_values).for_each(rescale);
        });
        Features::new(values, self.rescaled_columns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_follow_channels_and_kinds() {
        let bin = |channel, low| Column { channel, statistic: Statistic::Bin { low, high: low + 1.0 } };
        let value = |channel, x| Column { channel, statistic: Statistic::Value { y: 0, x } };
        let mean = |channel| Column { channel, statistic: Statistic::Mean };
        let columns = [bin(0, 0.0), bin(0, 1.0), bin(1, 0.0), mean(1), mean(1), value(2, 0), value(2, 1)];
        let ranges: Vec<_> = pools(&columns).into_iter().map(|pool| pool.columns).collect();
        assert_eq!(ranges, [0..2, 2..3, 3..4, 4..5, 5..6, 6..7]);
    }

    #[test]
    fn a_channel_that_never_leaves_its_bin_is_constant() {
        let bin = |channel, low: f64| Column { channel, statistic: Statistic::Bin { low, high: low + 0.5 } };
        let columns = vec![bin(0, -0.5), bin(0, 0.0), bin(1, 4.0), bin(1, 4.5)];
        let features = Features::new([0.0, 1.0, 1.0, 0.0].repeat(3), columns).expect("finite values");
        // The lower edges of the bins that hold the mass: channel 0 stays at 0, channel 1 in [4, 4.5).
        for (name, expected) in [
            ("max_abs", [0.0, 4.0 / 4.25]),
            ("standard", [0.0, -0.25]),
            ("robust", [0.0, -0.25]),
            ("min_max", [0.0, -0.25]),
        ] {
            let fitted = crate::normalize::parse(name).and_then(|part| part.fit(&features)).expect(name);
            let columns = fitted.transform(&features).expect(name).columns().to_vec();
            for (index, expected) in [1, 2].into_iter().zip(expected) {
                let Statistic::Bin { low, .. } = columns[index].statistic else { panic!("{name}: no bin") };
                assert_eq!(low, expected, "{name}, column {index}");
            }
        }
    }
}
