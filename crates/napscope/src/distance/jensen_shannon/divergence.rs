//! The divergence itself, in f64 and in one fixed order: the same bits on every vector unit, and for (p, q) and (q, p).

use super::logarithm::ln;
use std::ops::Range;

const LANES: usize = 8;
/// Keeps 0/0 out, and changes no other quotient.
const TINY: f64 = 1e-300;

/// What a bin adds to four times the divergence: (p + q)·((1 + t) ln(1 + t) + (1 − t) ln(1 − t)) with t = (p − q)/(p + q).
#[inline(always)]
fn term(p: f64, q: f64) -> f64 {
    let both = p + q;
    let t = (p - q) / (both + TINY);
    let (more, less) = (1.0 + t, 1.0 - t);
    both * (more * ln(more) + less * ln(less))
}

/// The Jensen-Shannon divergence in nats.
#[inline(always)]
fn divergence(p: &[f32], q: &[f32]) -> f64 {
    let (p_chunks, p_rest) = p.as_chunks::<LANES>();
    let (q_chunks, q_rest) = q.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (p, q) in p_chunks.iter().zip(q_chunks) {
        for lane in 0..LANES {
            sums[lane] += term(f64::from(p[lane]), f64::from(q[lane]));
        }
    }
    for (sum, (p, q)) in sums.iter_mut().zip(p_rest.iter().zip(q_rest)) {
        *sum += term(f64::from(*p), f64::from(*q));
    }
    let [a, b, c, d, e, f, g, h] = sums;
    // Rounding can leave a sum that should be 0 a little below.
    (0.25 * (((a + e) + (c + g)) + ((b + f) + (d + h)))).max(0.0)
}

#[inline(always)]
fn sum(a: &[f32], b: &[f32], channels: &[Range<usize>]) -> f64 {
    // A loop, for what iterators call is not compiled for the vector unit of the caller.
    let mut sum = 0.0;
    for columns in channels {
        sum += divergence(&a[columns.clone()], &b[columns.clone()]).sqrt();
    }
    sum
}

/// The roots of the divergences of all channels, added up.
pub(super) fn sum_of_roots(a: &[f32], b: &[f32], channels: &[Range<usize>]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq")]
        fn wide(a: &[f32], b: &[f32], channels: &[Range<usize>]) -> f64 {
            sum(a, b, channels)
        }
        #[target_feature(enable = "avx2")]
        fn medium(a: &[f32], b: &[f32], channels: &[Range<usize>]) -> f64 {
            sum(a, b, channels)
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor has AVX-512F and DQ.
            return unsafe { wide(a, b, channels) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { medium(a, b, channels) };
        }
    }
    sum(a, b, channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition.
    fn slow(p: &[f32], q: &[f32]) -> f64 {
        let part = |mass: f64, both: f64| if mass > 0.0 { mass * (2.0 * mass / both).ln() } else { 0.0 };
        let bin = |(p, q): (&f32, &f32)| {
            let (p, q) = (f64::from(*p), f64::from(*q));
            part(p, p + q) + part(q, p + q)
        };
        0.5 * p.iter().zip(q).map(bin).sum::<f64>()
    }

    #[test]
    fn distributions_apart_are_ln_2_apart() {
        assert_eq!(divergence(&[0.5, 0.5, 0.0], &[0.0, 0.0, 1.0]), std::f64::consts::LN_2);
        assert_eq!(divergence(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
    }

    #[test]
    fn it_is_the_definition_symmetric_and_the_same_on_every_vector_unit() {
        for length in [1usize, 2, 7, 8, 9, 32, 61] {
            let masses = |seed: f32| -> Vec<f32> {
                (0..length as i32).map(|at| (at as f32 * seed).sin().max(0.0) * 10f32.powi(-(at % 9))).collect()
            };
            let (p, q) = (masses(0.7), masses(1.3));
            let all = 0..length;
            let whole = std::slice::from_ref(&all);
            let (got, expected) = (divergence(&p, &q), slow(&p, &q));
            assert!((got - expected).abs() < 1e-15 * length as f64, "{length} bins: {got}, expected {expected}");
            assert_eq!(got.to_bits(), divergence(&q, &p).to_bits(), "symmetry of {length} bins");
            assert_eq!(sum_of_roots(&p, &q, whole).to_bits(), sum(&p, &q, whole).to_bits(), "{length} bins");
        }
    }
}
