//! The divergence itself: each bin in f32, all of them in f64, in one fixed order: the same bits on every vector unit, and for
//! (p, q) and (q, p). No bin is less than 0, so nothing cancels: it is right to a few units of f32 of its own size, however
//! near the two are.

use super::logarithm::ln_single;
use crate::lanes::fold;
use std::ops::Range;

/// Bins at a time, and those whose terms are added up in f32.
const LANES: usize = 16;
const PIECE: usize = 8 * LANES;
/// Channels at a time.
const TOGETHER: usize = 16;
/// Keeps 0/0 out, and changes the quotients of nothing but bins that hold less than f32 tells from nothing.
const TINY: f32 = 1e-36;

/// (1 + t) ln(1 + t) + (1 − t) ln(1 − t) = t²·(A(t²) + w·B(w)·ln w) with w = 1 − t², to 4e-8 of it: both polynomials by linear
/// programming. What has no Taylor series at t = ±1 is in the logarithm.
const A: [f32; 5] = [0.999_999_97, 1.888_902_1, -2.736_343_4, 1.543_673_2, -0.309_937_6];
const B: [f32; 5] = [0.499_902_22, 0.611_956, 0.496_287_3, 0.119_045_56, -0.004_959_347_8];

#[inline(always)]
fn polynomial(x: f32, c: &[f32; 5]) -> f32 {
    c[4].mul_add(x, c[3]).mul_add(x, c[2]).mul_add(x, c[1]).mul_add(x, c[0])
}

/// What a bin adds to four times the divergence: (p + q)·((1 + t) ln(1 + t) + (1 − t) ln(1 − t)) with t = (p − q)/(p + q).
#[inline(always)]
fn term(p: f32, q: f32) -> f32 {
    let both = p + q;
    let part = 1.0 / (both + TINY);
    let t = (p - q) * part;
    let square = t * t;
    let w = 4.0 * ((p * part) * (q * part));
    let kinked = w * polynomial(w, &B);
    both * square * kinked.mul_add(ln_single(w), polynomial(square, &A))
}

#[inline(always)]
fn add_line(p: &[f32; LANES], q: &[f32; LANES], sums: &mut [f32; LANES]) {
    for lane in 0..LANES {
        sums[lane] += term(p[lane], q[lane]);
    }
}

/// Adds to each lane what every sixteenth bin adds to four times the divergence.
#[inline(always)]
fn add_terms(p: &[f32], q: &[f32], sums: &mut [f64; LANES]) {
    for (p, q) in p.chunks(PIECE).zip(q.chunks(PIECE)) {
        let mut of_piece = [0.0; LANES];
        let (p, p_rest) = p.as_chunks::<LANES>();
        let (q, q_rest) = q.as_chunks::<LANES>();
        for (p, q) in p.iter().zip(q) {
            add_line(p, q, &mut of_piece);
        }
        if !p_rest.is_empty() {
            let (mut p, mut q) = ([0.0; LANES], [0.0; LANES]);
            p[..p_rest.len()].copy_from_slice(p_rest);
            q[..q_rest.len()].copy_from_slice(q_rest);
            add_line(&p, &q, &mut of_piece);
        }
        for lane in 0..LANES {
            sums[lane] += f64::from(of_piece[lane]);
        }
    }
}

/// The root of the Jensen-Shannon divergence in nats, by four times its lanes.
#[inline(always)]
fn root(lanes: &[f64; LANES]) -> f64 {
    (0.25 * fold(lanes)).sqrt()
}

#[inline(always)]
fn sum(a: &[f32], b: &[f32], channels: &[Range<usize>]) -> f64 {
    // Loops, for what iterators call is not compiled for the vector unit of the caller. Two, for the second has little to do side
    // by side.
    let mut sum = 0.0;
    for channels in channels.chunks(TOGETHER) {
        let mut lanes = [[0.0; LANES]; TOGETHER];
        for (lanes, columns) in lanes.iter_mut().zip(channels) {
            add_terms(&a[columns.clone()], &b[columns.clone()], lanes);
        }
        for lanes in &lanes[..channels.len()] {
            sum += root(lanes);
        }
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
        #[target_feature(enable = "avx2,fma")]
        fn medium(a: &[f32], b: &[f32], channels: &[Range<usize>]) -> f64 {
            sum(a, b, channels)
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor has AVX-512F and DQ.
            return unsafe { wide(a, b, channels) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            return unsafe { medium(a, b, channels) };
        }
    }
    sum(a, b, channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divergence(p: &[f32], q: &[f32]) -> f64 {
        let mut lanes = [0.0; LANES];
        add_terms(p, q, &mut lanes);
        root(&lanes).powi(2)
    }

    /// By the definition, in a form in which nothing cancels.
    fn slow(p: &[f32], q: &[f32]) -> f64 {
        let part = |t: f64| if t > -1.0 { (1.0 + t) * t.ln_1p() } else { 0.0 };
        let bin = |(p, q): (&f32, &f32)| {
            let (p, q) = (f64::from(*p), f64::from(*q));
            let t = (p - q) / (p + q).max(1e-300);
            (p + q) * (part(t) + part(-t))
        };
        0.25 * p.iter().zip(q).map(bin).sum::<f64>()
    }

    #[test]
    fn bins_of_every_ratio_are_right_to_f32() {
        for at in 0..=40_000 {
            // From nearly 1, where the divergence vanishes, to nothing at all.
            let ratio = if at == 40_000 { 0.0 } else { (-90.0 * (f64::from(at) / 40_000.0).powi(4)).exp() };
            for mass in [1.0, 0.3, 1e-6, 1e-20] {
                let (p, q) = ([mass as f32], [(mass * ratio) as f32]);
                let (got, expected) = (divergence(&p, &q), slow(&p, &q));
                let error = (got - expected).abs();
                assert!(error <= 8e-7 * expected, "{p:?} and {q:?}: {got}, expected {expected}");
            }
        }
    }

    #[test]
    fn distributions_apart_are_ln_2_apart() {
        let apart = divergence(&[0.5, 0.5, 0.0], &[0.0, 0.0, 1.0]);
        assert!((apart / std::f64::consts::LN_2 - 1.0).abs() < 2e-7, "{apart}, expected ln 2");
        assert_eq!(divergence(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
    }

    #[test]
    fn it_is_the_definition_symmetric_and_the_same_on_every_vector_unit() {
        for length in [1usize, 2, 15, 16, 17, 32, 61, 300] {
            let masses = |seed: f32| -> Vec<f32> {
                (0..length as i32).map(|at| (at as f32 * seed).sin().max(0.0) * 10f32.powi(-(at % 9))).collect()
            };
            let (p, q) = (masses(0.7), masses(1.3));
            let all = 0..length;
            let whole = std::slice::from_ref(&all);
            let (got, expected) = (divergence(&p, &q), slow(&p, &q));
            assert!((got - expected).abs() <= 3e-7 * expected, "{length} bins: {got}, expected {expected}");
            assert_eq!(got.to_bits(), divergence(&q, &p).to_bits(), "symmetry of {length} bins");
            assert_eq!(sum_of_roots(&p, &q, whole).to_bits(), sum(&p, &q, whole).to_bits(), "{length} bins");
            let channels: Vec<_> = (0..length).map(|bin| bin..bin + 1).collect();
            let (got, expected) = (sum_of_roots(&p, &q, &channels), sum(&p, &q, &channels));
            assert_eq!(got.to_bits(), expected.to_bits(), "{length} channels");
            let slow: f64 = (0..length).map(|bin| slow(&p[bin..=bin], &q[bin..=bin]).sqrt()).sum();
            assert!((got - slow).abs() <= 3e-7 * slow, "{length} channels: {got}, expected {slow}");
        }
    }
}
