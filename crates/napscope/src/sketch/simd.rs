//! Plain loops, compiled once for each instruction set and chosen at run time.
//!
//! The kernels of this folder are ordinary Rust that a compiler turns into vector instructions, given two things: a fixed
//! number of independent accumulators ([`LANES`]), and leave to use the instructions ([`dispatch`]). As the lanes are part of
//! the formula and nothing fuses a multiplication with an addition, every path gives the same bytes: AVX-512, AVX2, NEON
//! or none of them.

/// Independent accumulators of every reduction: value `i` of a map goes to accumulator `i % LANES`.
pub(super) const LANES: usize = 16;

/// Runs `kernel` compiled for the best instruction set that this machine has.
///
/// Everything that `kernel` calls must be inlined into it (`#[inline(always)]`) to profit.
#[inline]
pub(super) fn dispatch<R>(kernel: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            // SAFETY: the four features that `avx512` is compiled with were just detected.
            return unsafe { avx512(kernel) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature that `avx2` is compiled with was just detected.
            return unsafe { avx2(kernel) };
        }
    }
    kernel()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<R>(kernel: impl FnOnce() -> R) -> R {
    kernel()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<R>(kernel: impl FnOnce() -> R) -> R {
    kernel()
}

/// True when `map` holds neither NaN nor infinity: their exponent bits are all ones, and no finite number's are.
#[inline(always)]
pub(super) fn all_finite(map: &[f32]) -> bool {
    let largest = map.iter().fold(0, |largest, value| largest.max(value.to_bits() & 0x7fff_ffff));
    largest < f32::INFINITY.to_bits()
}

/// Σ term(value), summed in f64.
#[inline(always)]
pub(super) fn sum(map: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = map.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += term(f64::from(*value));
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += term(f64::from(*value));
    }
    fold(lanes, |a, b| a + b)
}

/// Smallest and largest value of a map without NaN. Of two zeros the positive one is taken, so that the order of the
/// positions cannot show in the sign.
#[inline(always)]
pub(super) fn min_max(map: &[f32]) -> (f32, f32) {
    let mut low = [f32::INFINITY; LANES];
    let mut high = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = map.as_chunks::<LANES>();
    for chunk in chunks {
        for ((low, high), value) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = smaller(*low, *value);
            *high = larger(*high, *value);
        }
    }
    for ((low, high), value) in low.iter_mut().zip(&mut high).zip(rest) {
        *low = smaller(*low, *value);
        *high = larger(*high, *value);
    }
    (fold(low, smaller) + 0.0, fold(high, larger) + 0.0)
}

/// `f32::min` for numbers that are no NaN: one instruction.
#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// `f32::max` for numbers that are no NaN: one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Joins the lanes pairwise: lane i with lane i + 8, then + 4, + 2, + 1.
#[inline(always)]
fn fold<T: Copy>(mut lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = join(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Maps of many lengths, so that every remainder of LANES occurs.
    fn maps() -> impl Iterator<Item = Vec<f32>> {
        (1..70).map(|len| (0..len).map(|i| ((i * 37 + len * 11) % 101) as f32 / 7.0 - 5.0).collect())
    }

    #[test]
    fn every_path_gives_the_same_bytes_as_the_plain_one() {
        for map in maps() {
            let kernel = || (sum(&map, |v| v * 0.1).to_bits(), min_max(&map), all_finite(&map));
            let expected = kernel();
            assert_eq!(dispatch(kernel), expected, "chosen path, {} values", map.len());
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was just detected.
                assert_eq!(unsafe { avx2(kernel) }, expected, "AVX2, {} values", map.len());
            }
        }
    }

    #[test]
    fn the_lanes_miss_no_value() {
        for map in maps() {
            let expected: f64 = map.iter().map(|v| f64::from(*v)).sum();
            assert!((sum(&map, |v| v) - expected).abs() < 1e-9, "sum of {} values", map.len());
            let low = map.iter().copied().fold(f32::INFINITY, f32::min);
            let high = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(min_max(&map), (low, high), "range of {} values", map.len());
        }
    }

    #[test]
    fn nan_and_infinity_are_seen_wherever_they_stand() {
        for map in maps() {
            assert!(all_finite(&map), "{} finite values", map.len());
            for at in 0..map.len() {
                for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut map = map.clone();
                    map[at] = bad;
                    assert!(!all_finite(&map), "{bad} at {at} of {}", map.len());
                }
            }
        }
        assert!(all_finite(&[f32::MAX, f32::MIN, f32::from_bits(1)]), "the largest and smallest numbers are finite");
    }

    #[test]
    fn the_sign_of_zero_does_not_tell_the_order() {
        for map in [[0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0]] {
            let (low, high) = min_max(&map);
            assert_eq!((low.to_bits(), high.to_bits()), (0, 0), "{map:?}");
        }
    }
}
