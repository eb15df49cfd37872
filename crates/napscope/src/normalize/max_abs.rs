//! The original: each channel divided by its largest activation.
//!
//! Equation 2 of Bäuerle et al., "Neural Activation Patterns" (arXiv 2206.10611): Â_j = A_j / max_i |A_ij|, and 0 where
//! that is about 0. Where nothing was reduced (`none` sketch) the maximum runs over the whole map of a channel too, as in
//! the authors' code.
//!
//! The authors' code divides the standard deviations of mean_std by √max|mean| instead. `std_quirk` does the same, for
//! those who compare with its patterns.

use super::affine::{Affine, AffineTransform, Pool};
use super::{Normalizer, Transform};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features, Statistic};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "max_abs",
    summary: "divide by the largest absolute activation (the original NAP, equation 2)",
    options: &[("std_quirk", "false", "true: divide std columns by the root of max |mean|, as the original code does")],
    build: |options| Ok(Box::new(MaxAbs { std_quirk: options.get("std_quirk")? })),
};

/// Maxima up to this count as 0 (NumPy's `isclose`, which the original uses).
const ABOUT_ZERO: f64 = 1e-8;

struct MaxAbs {
    std_quirk: bool,
}

impl Normalizer for MaxAbs {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        let mut fitted = AffineTransform::fit(features, 1, divide_by_largest)?;
        share_over_maps(features.columns(), &mut fitted.affine);
        if self.std_quirk {
            apply_std_quirk(features.columns(), &mut fitted.affine)?;
        }
        Ok(Box::new(fitted))
    }
}

fn divide_by_largest(pool: &Pool) -> Affine {
    let largest = pool.extent().map_or(0.0, |(low, high)| high.abs().max(low.abs()));
    Affine { shift: 0.0, factor: if largest > ABOUT_ZERO { largest.recip() } else { 0.0 } }
}

/// Gives all positions of a channel's map the factor of the position with the largest activation.
fn share_over_maps(columns: &[Column], affine: &mut [Affine]) {
    let is_position = |column: &Column| matches!(column.statistic, Statistic::Value { .. });
    let mut rest = affine;
    for map in columns.chunk_by(|a, b| a.channel == b.channel && is_position(a) && is_position(b)) {
        let (mine, others) = rest.split_at_mut(map.len());
        rest = others;
        // A factor of 0 stands for a position that is always about 0.
        let smallest = mine.iter().map(|affine| affine.factor).filter(|factor| *factor > 0.0).reduce(f64::min);
        mine.iter_mut().for_each(|affine| affine.factor = smallest.unwrap_or(0.0));
    }
}

fn apply_std_quirk(columns: &[Column], affine: &mut [Affine]) -> Result<()> {
    let means: std::collections::BTreeMap<u32, f64> = (columns.iter().zip(affine.iter()))
        .filter(|(column, _)| column.statistic == Statistic::Mean)
        .map(|(column, affine)| (column.channel, affine.factor))
        .collect();
    for (column, affine) in columns.iter().zip(affine) {
        if column.statistic == Statistic::Std {
            let factor = means.get(&column.channel).ok_or_else(|| {
                let message = format!("max_abs: std_quirk needs the mean of channel {}", column.channel);
                Error::new(ErrorKind::InvalidParameter, message).hint("use it with the sketch mean_std")
            })?;
            affine.factor = factor.sqrt();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::parse;

    fn mean_std() -> Features {
        let columns =
            [0, 1].map(|channel| [Statistic::Mean, Statistic::Std].map(|statistic| Column { channel, statistic }));
        Features::new(vec![4.0, 1.0, 0.0, 0.0, -2.0, 3.0, 0.0, 5.0], columns.concat()).expect("two rows")
    }

    #[test]
    fn the_quirk_divides_std_by_the_root_of_the_largest_mean() {
        for (spec, expected) in [
            ("max_abs", [1.0, 1.0 / 3.0, 0.0, 0.0, -0.5, 1.0, 0.0, 1.0]),
            ("max_abs:std_quirk=true", [1.0, 0.5, 0.0, 0.0, -0.5, 1.5, 0.0, 0.0]),
        ] {
            let fitted = parse(spec).and_then(|part| part.fit(&mean_std())).expect(spec);
            assert_eq!(fitted.transform(&mean_std()).expect(spec).values(), expected, "{spec}");
        }
    }

    #[test]
    fn the_quirk_needs_a_mean() {
        let column = Column { channel: 4, statistic: Statistic::Std };
        let features = Features::new(vec![1.0, 2.0], vec![column]).expect("two rows");
        let error = parse("max_abs:std_quirk=true").and_then(|part| part.fit(&features)).err().expect("no mean");
        assert_eq!(error.to_string(), "max_abs: std_quirk needs the mean of channel 4");
    }

    #[test]
    fn positions_of_a_map_share_one_scale() {
        let columns = [0, 1].map(|x| Column { channel: 0, statistic: Statistic::Value { y: 0, x } });
        let features = Features::new(vec![1.0, -4.0, 2.0, 0.0], columns.to_vec()).expect("two rows");
        let fitted = parse("max_abs").and_then(|part| part.fit(&features)).expect("fits");
        assert_eq!(fitted.transform(&features).expect("same columns").values(), [0.25, -1.0, 0.5, 0.0]);
    }
}
