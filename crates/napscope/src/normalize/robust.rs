//! Median 0, interquartile range 1: outliers do not move the scale (scikit-learn's `RobustScaler`).

use super::affine::{Affine, AffineTransform, Atom, Pool};
use super::{Normalizer, Transform};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "robust",
    summary: "zero median and unit interquartile range",
    options: &[],
    build: |_| Ok(Box::new(Robust)),
};

struct Robust;

impl Normalizer for Robust {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        Ok(Box::new(AffineTransform::fit(features, 2, center_on_median)?))
    }
}

fn center_on_median(pool: &Pool) -> Affine {
    let Some(curve) = QuantileCurve::new(pool.atoms().collect()) else {
        return Affine::standardise(0.0, 0.0);
    };
    Affine::standardise(curve.at(0.5), curve.at(0.75) - curve.at(0.25))
}

/// A quantile function made of straight lines: through the edges of bins, or through values in NumPy's "linear" way.
struct QuantileCurve {
    /// (position, activation), both rising; the last position is the total weight.
    knots: Vec<(f64, f64)>,
}

impl QuantileCurve {
    fn new(mut atoms: Vec<Atom>) -> Option<Self> {
        atoms.sort_unstable_by(|a, b| a.low.total_cmp(&b.low).then(a.weight.total_cmp(&b.weight)));
        let mut knots = Vec::with_capacity(atoms.len());
        let mut position = 0.0;
        for (index, atom) in atoms.iter().enumerate() {
            if atom.low < atom.high {
                knots.push((position, atom.low));
                position += atom.weight;
                knots.push((position, atom.high));
            } else {
                // Neighbouring values lie half of both weights apart: with equal weights these are NumPy's positions.
                position += if index == 0 { 0.0 } else { 0.5 * (atoms[index - 1].weight + atom.weight) };
                knots.push((position, atom.low));
            }
        }
        (!knots.is_empty()).then_some(QuantileCurve { knots })
    }

    fn at(&self, p: f64) -> f64 {
        let position = p * self.knots[self.knots.len() - 1].0;
        let above = self.knots.partition_point(|knot| knot.0 < position);
        let (right, high) = self.knots[above];
        match above.checked_sub(1).map(|below| self.knots[below]) {
            Some((left, low)) => low + (high - low) * (position - left) / (right - left),
            None => high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_values_and_of_bins() {
        let value = |value: f64| Atom { low: value, high: value, weight: 1.0 };
        let bin = |low: f64, weight: f64| Atom { low, high: low + 1.0, weight };
        for (what, atoms, p, expected) in [
            ("one value", vec![value(3.0)], 0.25, 3.0),
            ("NumPy's linear rule", vec![value(4.0), value(1.0), value(2.0)], 0.25, 1.5),
            ("median of four", vec![value(4.0), value(1.0), value(2.0), value(8.0)], 0.5, 3.0),
            ("ties", vec![value(1.0), value(1.0), value(1.0), value(5.0)], 0.5, 1.0),
            ("half way through a bin", vec![bin(0.0, 1.0), bin(1.0, 2.0), bin(2.0, 1.0)], 0.5, 1.5),
            ("end of the first bin", vec![bin(0.0, 1.0), bin(1.0, 2.0), bin(2.0, 1.0)], 0.25, 1.0),
        ] {
            let curve = QuantileCurve::new(atoms).expect(what);
            assert!((curve.at(p) - expected).abs() < 1e-12, "{what}: {} instead of {expected}", curve.at(p));
        }
    }
}
