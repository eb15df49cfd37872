//! Keys: what searches compare instead of distances.
//!
//! The key of a pair rises with its distance and costs less: for L2 it is the square of the norm; for the others the norm
//! itself. Keys are exact where distances are: a distance is a function of its key.

use crate::distance::{Geometry, Points, Rescale, norm};

/// More than any rounding in [`Points::key_bound`] can take away.
const ROUNDING: f64 = 1e-9;

impl Points {
    /// The key of two rows.
    pub(crate) fn key_of_rows(&self, a: &[f32], b: &[f32]) -> f64 {
        match self.geometry() {
            Geometry::L2 => norm::squared_l2(a, b),
            _ => self.raw_distance(a, b),
        }
    }

    /// The metric's distance of a pair with this key.
    pub(crate) fn distance_of_key(&self, key: f64) -> f64 {
        self.rescale().apply(if matches!(self.geometry(), Geometry::L2) { key.sqrt() } else { key })
    }

    /// A key that no pair at or below the metric's `distance` exceeds.
    pub(crate) fn key_bound(&self, distance: f64) -> f64 {
        let raw = match self.rescale() {
            Rescale::Identity => distance,
            Rescale::HalfSquare => (2.0 * distance).sqrt(),
            Rescale::Angle if distance >= 1.0 => f64::MAX.sqrt(),
            Rescale::Angle => 2.0 * (0.5 * std::f64::consts::PI * distance).sin(),
        };
        let key = if matches!(self.geometry(), Geometry::L2) { raw * raw } else { raw };
        key * (1.0 + ROUNDING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_exceeds_the_key_bound_of_its_distance() {
        let values: Vec<f32> = (0..60).map(|at| ((at * at) as f32 * 0.61).sin()).collect();
        for geometry in [Geometry::L2, Geometry::L1] {
            for rescale in [Rescale::Identity, Rescale::HalfSquare, Rescale::Angle] {
                let points = Points::new(values.clone(), 3, geometry.clone(), rescale);
                for (i, j) in (0..20).flat_map(|i| (0..20).map(move |j| (i, j))) {
                    let key = points.key_of_rows(points.row(i), points.row(j));
                    let distance = points.distance(i, j);
                    assert_eq!(points.distance_of_key(key), distance, "{rescale:?} {i} {j}");
                    assert!(key <= points.key_bound(distance), "{rescale:?} {i} {j}: {key} at {distance}");
                }
            }
        }
    }
}
