//! Sums over the coordinates of two rows, in f64 and in one fixed order.
//!
//! Eight running sums, coordinate `i` into sum `i mod 8`, folded in a fixed tree: wide enough for any vector unit, and the
//! same bits on all of them, for any thread count, and for (a, b) and (b, a).

const LANES: usize = 8;

/// Σ f(aᵢ − bᵢ).
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += f(f64::from(a[lane]) - f64::from(b[lane]));
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += f(f64::from(*a) - f64::from(*b));
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

/// Σ (aᵢ − bᵢ)².
pub(crate) fn squared_l2(a: &[f32], b: &[f32]) -> f64 {
    sum_of(a, b, |difference| difference * difference)
}

/// Σ |aᵢ − bᵢ|.
pub(crate) fn l1(a: &[f32], b: &[f32]) -> f64 {
    sum_of(a, b, f64::abs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_right_and_symmetric_for_every_length() {
        for length in 0..40 {
            let a: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
            let b: Vec<f32> = (0..length).map(|i| (i as f32 * 1.3).cos()).collect();
            let differences = || a.iter().zip(&b).map(|(a, b)| f64::from(*a) - f64::from(*b));
            let plain: f64 = differences().map(|d| d * d).sum();
            assert!((squared_l2(&a, &b) - plain).abs() <= 1e-14 * plain, "L2 of {length} coordinates");
            assert_eq!(squared_l2(&a, &b).to_bits(), squared_l2(&b, &a).to_bits(), "symmetry at {length}");
            let plain: f64 = differences().map(f64::abs).sum();
            assert!((l1(&a, &b) - plain).abs() <= 1e-14 * plain, "L1 of {length} coordinates");
            assert_eq!(l1(&a, &b).to_bits(), l1(&b, &a).to_bits(), "symmetry at {length}");
        }
    }
}
