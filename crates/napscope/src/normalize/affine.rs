//! Shift and scale, for the normalizers that differ only in how they choose the two.
//!
//! What one shift and scale is learned from is a [`Pool`] of activations: the values of one column, or, where several
//! columns describe the activations of one channel (a distribution), the distribution of the whole reference.

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
    fn value(value: f32, weight: f64) -> Self {
        Atom { low: f64::from(value), high: f64::from(value), weight }
    }

    pub(super) fn center(&self) -> f64 {
        0.5 * (self.low + self.high)
    }
}

/// The activations that one shift and scale is learned from.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    columns: Range<usize>,
    /// The shares of quantiles, which each stand for a part of the channel's activations.
    shares: Option<Vec<f64>>,
    on_support: bool,
    /// All of them have weight; in an order that does not hang on the order of the samples.
    pub(super) atoms: Vec<Atom>,
}

impl Pool {
    /// Takes in one sample's row.
    fn absorb(&mut self, row: &[f32]) {
        let values = &row[self.columns.clone()];
        match &self.shares {
            _ if self.on_support => {
                self.atoms.iter_mut().zip(values).for_each(|(atom, mass)| atom.weight += f64::from(*mass));
            }
            Some(shares) => {
                self.atoms.extend(values.iter().zip(shares).map(|(value, share)| Atom::value(*value, *share)));
            }
            None => self.atoms.extend(values.iter().map(|value| Atom::value(*value, 1.0))),
        }
    }

    /// Leaves out what has no weight. All mass in one cell of a grid: the channel did not move as far as the grid can tell,
    /// so the cell stands for one value, 0 where it holds 0 (a channel that never fires).
    fn settle(&mut self) {
        self.atoms.retain(|atom| atom.weight > 0.0);
        if let [only] = &mut self.atoms[..] {
            let value = if (only.low..=only.high).contains(&0.0) { 0.0 } else { only.center() };
            (only.low, only.high) = (value, value);
        }
    }

    /// Smallest and largest activation.
    pub(super) fn extent(&self) -> (f64, f64) {
        let ends = |(low, high): (f64, f64), atom: &Atom| (low.min(atom.low), high.max(atom.high));
        self.atoms.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends)
    }
}

/// Which columns share one shift and scale, before any sample was seen.
fn pools(columns: &[Column], one_scale_per_channel: bool) -> Vec<Pool> {
    let kind = |column: &Column| match column.statistic {
        Statistic::Bin { .. } | Statistic::Density { .. } => 1,
        Statistic::Quantile { .. } => 2,
        Statistic::Value { .. } if one_scale_per_channel => 3,
        _ => 0,
    };
    let mut pools: Vec<Pool> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let joins = |pool: &Pool| {
            let first = &columns[pool.columns.start];
            kind(column) != 0 && kind(column) == kind(first) && column.channel == first.channel
        };
        match pools.last_mut() {
            Some(pool) if joins(pool) => pool.columns.end = index + 1,
            _ => pools.push(Pool { columns: index..index + 1, shares: None, on_support: false, atoms: Vec::new() }),
        }
    }
    for pool in &mut pools {
        pool.on_support = kind(&columns[pool.columns.start]) == 1;
        for column in &columns[pool.columns.clone()] {
            match column.statistic {
                Statistic::Bin { low, high } => pool.atoms.push(Atom { low, high, weight: 0.0 }),
                Statistic::Density { at, step } => {
                    pool.atoms.push(Atom { low: at - 0.5 * step, high: at + 0.5 * step, weight: 0.0 });
                }
                Statistic::Quantile { weight, .. } => pool.shares.get_or_insert_default().push(weight),
                _ => {}
            }
        }
    }
    pools
}

/// A shift and scale for every column.
pub(super) struct AffineTransform {
    columns: Vec<Column>,
    /// One a column, for the column's values where they are activations, for its support where they are probabilities.
    pub(super) affine: Vec<Affine>,
}

impl AffineTransform {
    /// Learns by `choose` from the pools of `features`. `one_scale_per_channel` also pools the positions of a map.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewSamples`] with fewer than `least` samples.
    pub(super) fn fit(
        features: &Features,
        least: usize,
        one_scale_per_channel: bool,
        choose: impl Fn(&mut Pool) -> Affine + Sync,
    ) -> Result<Self> {
        if features.samples() < least {
            return Err(Error::new(
                ErrorKind::TooFewSamples,
                format!("a scale needs at least {least} samples, got {}", features.samples()),
            ));
        }
        let order = canonical_order(features.values(), features.columns().len());
        let mut pools = pools(features.columns(), one_scale_per_channel);
        // A chunk of pools reads each row once; what it gathered is dropped before the next chunk.
        let learned: Vec<Vec<Affine>> = pools
            .par_chunks_mut(32)
            .map(|pools| {
                for &sample in &order {
                    pools.iter_mut().for_each(|pool| pool.absorb(features.row(sample)));
                }
                let affine = |pool: &mut Pool| {
                    pool.settle();
                    let affine = choose(pool);
                    pool.atoms = Vec::new();
                    vec![affine; pool.columns.len()]
                };
                pools.iter_mut().flat_map(affine).collect()
            })
            .collect();
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
        let ranges = |shared| pools(&columns, shared).into_iter().map(|pool| pool.columns).collect::<Vec<_>>();
        assert_eq!(ranges(false), [0..2, 2..3, 3..4, 4..5, 5..6, 6..7], "positions have a scale each");
        assert_eq!(ranges(true), [0..2, 2..3, 3..4, 4..5, 5..7], "positions of a map share a scale");
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
