//! The first four moments of each map: location, spread, asymmetry and weight of the tails.
//!
//! Skewness m₃ / m₂^(3/2) and excess kurtosis m₄ / m₂² − 3 of the central moments m_k = Σ (a − mean)^k / n, as
//! `scipy.stats.skew` and `kurtosis` have them by default (population moments). A constant map has none: both are 0.

use super::map::MapSketch;
use super::mean::mean;
use super::mean_std::central_moment_2;
use super::{Sketch, simd};
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "moments",
    summary: "mean, standard deviation, skewness and excess kurtosis of each channel",
    options: &[],
    build: |_| {
        MapSketch::build(
            "moments",
            &[Statistic::Mean, Statistic::Std, Statistic::Skewness, Statistic::ExcessKurtosis],
            #[inline(always)]
            |map: &[f32], columns: &mut [f32]| columns.copy_from_slice(&moments(map)),
        )
    },
};

/// Mean, standard deviation, skewness, excess kurtosis.
#[inline(always)]
fn moments(map: &[f32]) -> [f32; 4] {
    let mean = mean(map);
    let m2 = central_moment_2(map, mean);
    let (mut skewness, mut excess_kurtosis) = (0.0, 0.0);
    if m2 > 0.0 {
        let scale = 1.0 / m2.sqrt();
        let standardized = |value: f64| (value - mean) * scale;
        let n = map.len() as f64;
        skewness = simd::sum(map, |value| standardized(value).powi(3)) / n;
        excess_kurtosis = simd::sum(map, |value| standardized(value).powi(4)) / n - 3.0;
    }
    [mean, m2.sqrt(), skewness, excess_kurtosis].map(|moment| moment as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_coin_and_of_constants() {
        for (map, expected) in [
            (vec![1.0, -1.0, 1.0, -1.0], [0.0, 1.0, 0.0, -2.0]),
            (vec![0.0, 0.0, 0.0, 4.0], [1.0, 3.0_f32.sqrt(), 2.0 / 3.0_f32.sqrt(), -2.0 / 3.0]),
            (vec![0.1; 196], [0.1, 0.0, 0.0, 0.0]),
            (vec![-7.0], [-7.0, 0.0, 0.0, 0.0]),
        ] {
            for (got, expected) in moments(&map).into_iter().zip(expected) {
                assert!((got - expected).abs() < 1e-6, "{map:?}: expected {expected}, got {got}");
            }
        }
    }

    #[test]
    fn huge_and_tiny_values_overflow_nothing() {
        for scale in [f32::MAX, 1e-30, f32::from_bits(2)] {
            let got = moments(&[-scale, 0.0, scale]);
            assert!(got.iter().all(|moment| moment.is_finite()), "scale {scale}: {got:?}");
            assert!(
                (got[3] + 1.5).abs() < 1e-5,
                "scale {scale}: kurtosis of three equal steps is -1.5, got {}",
                got[3]
            );
        }
    }
}
