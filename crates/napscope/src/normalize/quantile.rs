//! Each value becomes its rank in the reference, 0 … 1 (scikit-learn's `QuantileTransformer`, uniform, with as many
//! quantiles as samples): columns keep their order and lose their shape.

use super::{Normalizer, Transform, abstract_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features};
use crate::registry::Entry;
use rayon::prelude::*;

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "quantile",
    summary: "each value becomes its rank in the reference, 0 … 1",
    options: &[],
    build: |_| Ok(Box::new(Quantile)),
};

struct Quantile;

impl Normalizer for Quantile {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        let (samples, width) = (features.samples(), features.columns().len());
        if samples < 2 {
            return Err(Error::new(
                ErrorKind::TooFewSamples,
                format!("quantile: ranks need at least 2 samples, got {samples}"),
            ));
        }
        let mut sorted = vec![0.0f32; samples * width];
        sorted.par_chunks_mut(samples).enumerate().for_each(|(column, sorted)| {
            let values = features.values()[column..].iter().step_by(width);
            sorted.iter_mut().zip(values).for_each(|(slot, value)| *slot = *value);
            sorted.sort_unstable_by(f32::total_cmp);
        });
        Ok(Box::new(Ranks { columns: features.columns().to_vec(), sorted, samples }))
    }
}

struct Ranks {
    columns: Vec<Column>,
    /// `[columns, samples]`: each column of the reference, sorted.
    sorted: Vec<f32>,
    samples: usize,
}

impl Transform for Ranks {
    fn transform(&self, features: &Features) -> Result<Features> {
        features.expect_columns(&self.columns)?;
        let width = self.columns.len();
        let mut values = features.values().to_vec();
        // Columns outside, so that a column's ranks stay in the cache for a whole block of rows.
        values.par_chunks_mut(4096 * width).for_each(|rows| {
            for (column, sorted) in self.sorted.chunks_exact(self.samples).enumerate() {
                rows[column..].iter_mut().step_by(width).for_each(|value| *value = rank(sorted, *value) as f32);
            }
        });
        Features::new(values, abstract_columns(&self.columns))
    }
}

/// The rank of `value` among `sorted`, as a fraction: the middle of equal values, a straight line between neighbours, and
/// 0 and 1 at and beyond the ends.
fn rank(sorted: &[f32], value: f32) -> f64 {
    let last = sorted.len() - 1;
    if value <= sorted[0] {
        return 0.0;
    }
    if value >= sorted[last] {
        return 1.0;
    }
    let below = sorted.partition_point(|reference| *reference < value);
    // Mostly a value is in the reference once, or not at all.
    let ties = &sorted[below..];
    let through = match ties.get(1).is_some_and(|next| *next <= value) {
        true => below + ties.partition_point(|reference| *reference <= value),
        false => below + usize::from(ties[0] == value),
    };
    let position = if through > below {
        0.5 * (below + through - 1) as f64
    } else {
        let (left, right) = (f64::from(sorted[below - 1]), f64::from(sorted[below]));
        (below - 1) as f64 + (f64::from(value) - left) / (right - left)
    };
    position / last as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_ties_gaps_and_ends() {
        let sorted = [0.0, 0.0, 1.0, 1.0, 1.0, 3.0, 4.0];
        for (value, expected) in [
            (-1.0, 0.0),
            (0.0, 0.0),
            (0.5, 1.5 / 6.0),
            (1.0, 3.0 / 6.0),
            (2.0, 4.5 / 6.0),
            (3.0, 5.0 / 6.0),
            (3.5, 5.5 / 6.0),
            (4.0, 1.0),
            (9.0, 1.0),
        ] {
            assert!((rank(&sorted, value) - expected).abs() < 1e-12, "rank of {value}: {}", rank(&sorted, value));
        }
        assert_eq!(rank(&[2.0, 2.0], 2.0), 0.0, "a constant column is 0");
    }
}
