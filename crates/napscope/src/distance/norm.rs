//! Sums over the coordinates of two rows, in f64 and in one fixed order.
//!
//! Sixteen running sums, coordinate `i` into sum `i mod 16`, folded in a fixed tree: wide enough for any vector unit, and
//! the same bits on all of them, for any thread count, and for (a, b) and (b, a).

use crate::lanes::{for_every_vector_unit, sum_of_pairs};

/// Σ f(aᵢ − bᵢ).
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    sum_of_pairs::<_, 16>(a, b, |a, b| f(f64::from(a) - f64::from(b)))
}

#[inline(always)]
fn sum_of_squares(a: &[f32], b: &[f32]) -> f64 {
    sum_of(a, b, |difference| difference * difference)
}

#[inline(always)]
fn sum_of_absolutes(a: &[f32], b: &[f32]) -> f64 {
    sum_of(a, b, f64::abs)
}

for_every_vector_unit! {
    /// Σ (aᵢ − bᵢ)².
    pub(crate) squared_l2, sum_of_squares, (a: &[f32], b: &[f32]), f64
}

for_every_vector_unit! {
    /// Σ |aᵢ − bᵢ|.
    pub(crate) l1, sum_of_absolutes, (a: &[f32], b: &[f32]), f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_right_and_symmetric_for_every_length() {
        for length in 0..70 {
            let a: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
            let b: Vec<f32> = (0..length).map(|i| (i as f32 * 1.3).cos()).collect();
            let differences = || a.iter().zip(&b).map(|(a, b)| f64::from(*a) - f64::from(*b));
            let plain: f64 = differences().map(|d| d * d).sum();
            assert!((squared_l2(&a, &b) - plain).abs() <= 1e-14 * plain, "L2 of {length} coordinates");
            assert_eq!(squared_l2(&a, &b).to_bits(), squared_l2(&b, &a).to_bits(), "symmetry at {length}");
            assert_eq!(squared_l2(&a, &b).to_bits(), sum_of(&a, &b, |d| d * d).to_bits(), "vector units at {length}");
            let plain: f64 = differences().map(f64::abs).sum();
            assert!((l1(&a, &b) - plain).abs() <= 1e-14 * plain, "L1 of {length} coordinates");
            assert_eq!(l1(&a, &b).to_bits(), l1(&b, &a).to_bits(), "symmetry at {length}");
            assert_eq!(l1(&a, &b).to_bits(), sum_of(&a, &b, f64::abs).to_bits(), "vector units at {length}");
        }
    }
}
