//! Norms that are nearly the Jensen-Shannon distance: two coordinates a bin hold at least 96.1 % of it.
//!
//! The divergence is the square of a distance in an infinite-dimensional space. Of its coordinates, √p·e^{iω ln p} for all
//! frequencies ω (Vedaldi & Zisserman 2012, "Efficient additive kernels via explicit feature maps"), one frequency is
//! taken, with the weight with which the sum of squares never exceeds the divergence and is as near as can be to it, for
//! all ratios p/q; found by linear programming, checked by the test below. (A second frequency, 0, would hold 98.7 %, for half
//! as much work again.)

use super::logarithm::ln;
use std::f64::consts::TAU;
use std::ops::Range;

/// Coordinates of a bin.
pub(super) const COORDINATES: usize = 2;
/// No sum of norms is less than this part of the distance: √0.92469, rounded down.
pub(super) const TIGHTNESS: f64 = 0.9616;

/// The weight of the squares, rounded down.
const WEIGHT: f64 = 0.322_057;
/// The frequency.
const OMEGA: f64 = 0.33;
/// Bins embedded at a time.
const BINS: usize = 16;

/// cos x and sin x for moderate x, to 1e-9.
#[inline(always)]
fn cos_sin(x: f64) -> (f64, f64) {
    /// 1.5 · 2^52: a sum with it has no room for a fraction.
    const NO_FRACTION: f64 = 6_755_399_441_055_744.0;
    let turns = x * (1.0 / TAU);
    let x = TAU * (turns - (turns + NO_FRACTION - NO_FRACTION));
    let square = x * x;
    let (mut cos, mut sin) = (1.0, 1.0);
    let mut k = TERMS;
    while k > 0 {
        k -= 1;
        cos = 1.0 - cos * square * STEPS[k].0;
        sin = 1.0 - sin * square * STEPS[k].1;
    }
    (cos, x * sin)
}

/// Terms of the series, and the quotients of one and the next: 1 / (2k (2k − 1)) for the cosine, 1 / (2k (2k + 1)) for the sine.
const TERMS: usize = 11;
const STEPS: [(f64, f64); TERMS] = {
    let mut steps = [(0.0, 0.0); TERMS];
    let mut at = 0;
    while at < TERMS {
        let k = 2.0 * (at + 1) as f64;
        steps[at] = (1.0 / (k * (k - 1.0)), 1.0 / (k * (k + 1.0)));
        at += 1;
    }
    steps
};

#[inline(always)]
fn bin(p: f64) -> [f64; COORDINATES] {
    let root = (WEIGHT * p).sqrt();
    let (cos, sin) = cos_sin(OMEGA * ln(p));
    [root * cos, root * sin]
}

#[inline(always)]
fn embed_channels(row: &[f32], channels: &[Range<usize>], embedded: &mut [f32]) {
    let mut start = 0;
    for columns in channels {
        let embedded = &mut embedded[start..start + COORDINATES * columns.len()];
        start += embedded.len();
        for (masses, embedded) in row[columns.clone()].chunks(BINS).zip(embedded.chunks_mut(COORDINATES * BINS)) {
            let mut padded = [0.0f32; BINS];
            padded[..masses.len()].copy_from_slice(masses);
            let mut parts = [[0.0f32; BINS]; COORDINATES];
            for at in 0..BINS {
                let [cos, sin] = bin(f64::from(padded[at]));
                (parts[0][at], parts[1][at]) = (cos as f32, sin as f32);
            }
            for (embedded, part) in embedded.chunks_mut(masses.len()).zip(parts) {
                embedded.copy_from_slice(&part[..masses.len()]);
            }
        }
    }
}

/// Embeds the probabilities of all channels, one channel after another.
pub(super) fn embed(row: &[f32], channels: &[Range<usize>], embedded: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq")]
        fn wide(row: &[f32], channels: &[Range<usize>], embedded: &mut [f32]) {
            embed_channels(row, channels, embedded);
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor has AVX-512F and DQ.
            return unsafe { wide(row, channels, embedded) };
        }
    }
    embed_channels(row, channels, embedded);
}

#[cfg(test)]
mod tests {
    use super::super::divergence::sum_of_roots;
    use super::*;
    use std::slice::from_ref;

    #[test]
    fn norms_bound_the_distance_from_below_and_closely_for_every_ratio() {
        let norm = |p: f32, q: f32| {
            let (mut a, mut b) = ([0.0; COORDINATES], [0.0; COORDINATES]);
            embed(&[p], from_ref(&(0..1)), &mut a);
            embed(&[q], from_ref(&(0..1)), &mut b);
            let difference = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
            a.iter().zip(&b).map(difference).sum::<f64>().sqrt()
        };
        for at in 0..=20_000 {
            // Ratios from 1 to 10^37, the near ones most densely; and nothing at all.
            let p = if at == 20_000 { 0.0 } else { (-85.0 * (f64::from(at) / 20_000.0).powi(2)).exp() as f32 };
            let distance = sum_of_roots(&[p], &[1.0], from_ref(&(0..1)));
            let norm = norm(p, 1.0);
            // What rounding of coordinates near 1 to f32 can do.
            let slack = 1e-7;
            assert!(norm <= distance + slack, "{p} and 1: norm {norm}, distance {distance}");
            assert!(norm >= TIGHTNESS * distance - slack, "{p} and 1: norm {norm}, distance {distance}");
        }
    }

    #[test]
    fn every_bin_has_its_coordinates_wherever_it_stands() {
        let masses: Vec<f32> = (0..45).map(|at| (at as f32 * 0.37).sin().abs() * 0.1).collect();
        let channels = [0..20, 20..21, 21..45];
        let mut embedded = vec![0.0; COORDINATES * masses.len()];
        embed(&masses, &channels, &mut embedded);
        for columns in channels {
            let of_channel = &embedded[COORDINATES * columns.start..COORDINATES * columns.end];
            let square: f64 = of_channel.iter().map(|x| f64::from(*x).powi(2)).sum();
            let mass: f64 = masses[columns.clone()].iter().map(|p| f64::from(*p)).sum();
            assert!((square / (mass * WEIGHT) - 1.0).abs() < 1e-6, "the norm of channel {columns:?}");
        }
    }
}
