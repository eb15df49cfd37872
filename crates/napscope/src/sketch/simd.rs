//! Plain loops, compiled once for each instruction set and chosen at run time.
//!
//! The kernels of this folder are ordinary Rust that a compiler turns into vector instructions, given two things: a fixed
//! number of independent accumulators ([`LANES`]), and leave to use the instructions ([`dispatch`]). As the lanes are part of
//! the formula and nothing fuses a multiplication with an addition, every path gives the same bytes: AVX-512, AVX2, NEON
//! or none of them.

/// Independent accumulators of every reduction.
pub(super) const LANES: usize = 16;

/// The instruction sets that kernels are compiled for, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InstructionSet {
    /// What every processor of the target has (on ARM this includes NEON).
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl InstructionSet {
    /// The best one that this machine has.
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return InstructionSet::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return InstructionSet::Avx2;
            }
        }
        InstructionSet::Baseline
    }
}

/// Runs `kernel` compiled for the best instruction set that this machine has.
///
/// Everything that `kernel` calls must be inlined into it (`#[inline(always)]`) to profit.
#[inline(always)]
pub(super) fn dispatch<R>(kernel: impl FnOnce() -> R) -> R {
    let best = InstructionSet::best();
    #[cfg(test)]
    let best = tests::LIMIT.get().map_or(best, |limit| limit.min(best));
    match best {
        InstructionSet::Baseline => kernel(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `best` found the feature that `avx2` is compiled with.
        InstructionSet::Avx2 => unsafe { avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `best` found the four features that `avx512` is compiled with.
        InstructionSet::Avx512 => unsafe { avx512(kernel) },
    }
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

/// `f` of each of the values side by side (the standard library's `map` on arrays is a call, which vectors do not survive).
#[inline(always)]
pub(super) fn each<A: Copy, B: Copy + Default, const N: usize>(values: &[A; N], f: impl Fn(A) -> B) -> [B; N] {
    let mut results = [B::default(); N];
    for (result, value) in results.iter_mut().zip(values) {
        *result = f(*value);
    }
    results
}

/// 2^23: a sum with it has no room for a fraction, and ends in the bits of the whole number.
const ROUND: f32 = 8_388_608.0;

/// ⌊x⌋ for 0 <= x <= 2^22.
#[inline(always)]
pub(super) fn floor(x: f32) -> f32 {
    let nearest = (x + ROUND) - ROUND;
    if nearest > x { nearest - 1.0 } else { nearest }
}

/// The whole number `whole` as an index below `COUNT`, a power of two up to 2^22: whatever `whole` is, no bounds need be
/// checked. (The language's own cast is defined for every f32, which keeps compilers from doing many at a time.)
#[inline(always)]
pub(super) fn index<const COUNT: usize>(whole: f32) -> u32 {
    const { assert!(COUNT.is_power_of_two() && COUNT <= 1 << 22) };
    (whole + ROUND).to_bits() & (COUNT as u32 - 1)
}

/// True when `map` holds neither NaN nor infinity: their exponent bits are all ones, and no finite number's are.
#[inline(always)]
pub(super) fn all_finite(map: &[f32]) -> bool {
    let largest = |bits: u32, value: &f32| bits.max(value.to_bits() & 0x7fff_ffff);
    let bits = match map.last_chunk::<LANES>() {
        None => map.iter().fold(0, largest),
        Some(tail) => {
            let mut lanes = [0; LANES];
            for chunk in map.as_chunks::<LANES>().0.iter().chain([tail]) {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane = largest(*lane, value);
                }
            }
            fold(lanes, u32::max)
        }
    };
    bits < f32::INFINITY.to_bits()
}

/// Σ term(value), summed in f64.
#[inline(always)]
pub(super) fn sum(map: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = map.as_chunks::<LANES>();
    let Some(tail) = map.last_chunk::<LANES>() else {
        return rest.iter().map(|value| term(f64::from(*value))).sum();
    };
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += term(f64::from(*value));
        }
    }
    // The rest are the last values of `tail`; those before were in a chunk already.
    for (at, (lane, value)) in lanes.iter_mut().zip(tail).enumerate() {
        *lane += if at < LANES - rest.len() { 0.0 } else { term(f64::from(*value)) };
    }
    fold(lanes, |a, b| a + b)
}

/// The sum of `values`, in lanes.
#[inline(always)]
pub(super) fn total(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    fold(lanes, |a, b| a + b)
}

/// Smallest and largest value of a map without NaN. Of two zeros the positive one is taken, so that the order of the
/// positions cannot show in the sign.
#[inline(always)]
pub(super) fn min_max(map: &[f32]) -> (f32, f32) {
    let Some(tail) = map.last_chunk::<LANES>() else {
        let fold = |first, join: fn(f32, f32) -> f32| map.iter().copied().fold(first, join);
        return (fold(f32::INFINITY, smaller) + 0.0, fold(f32::NEG_INFINITY, larger) + 0.0);
    };
    let (mut low, mut high) = (*tail, *tail);
    for chunk in map.as_chunks::<LANES>().0 {
        for ((low, high), value) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = smaller(*low, *value);
            *high = larger(*high, *value);
        }
    }
    (fold(low, smaller) + 0.0, fold(high, larger) + 0.0)
}

/// `f32::min` for numbers that are no NaN: one instruction.
#[inline(always)]
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// `f32::max` for numbers that are no NaN: one instruction.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
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
pub(super) mod tests {
    use super::*;
    use std::cell::Cell;

    /// Maps of many lengths, so that every remainder of LANES occurs.
    fn maps() -> impl Iterator<Item = Vec<f32>> {
        (1..70).map(|len| (0..len).map(|i| ((i * 37 + len * 11) % 101) as f32 / 7.0 - 5.0).collect())
    }

    thread_local! {
        /// What `dispatch` may use at most in this thread.
        pub(crate) static LIMIT: Cell<Option<InstructionSet>> = const { Cell::new(None) };
    }

    /// What `kernel` gives on each instruction set that this machine has, the baseline first.
    pub(crate) fn on_every_instruction_set<R>(kernel: impl Fn() -> R) -> Vec<(InstructionSet, R)> {
        let sets = [
            InstructionSet::Baseline,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512,
        ];
        let run = |set| {
            LIMIT.set(Some(set));
            let result = kernel();
            LIMIT.set(None);
            (set, result)
        };
        sets.into_iter().filter(|set| *set <= InstructionSet::best()).map(run).collect()
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
    fn floor_is_the_whole_number_below() {
        for quarter in 0..4 * 64 {
            for x in
                [quarter as f32 / 4.0, (quarter as f32 / 4.0).next_up(), (quarter as f32 / 4.0).next_down().max(0.0)]
            {
                assert_eq!(floor(x), x.floor(), "floor of {x}");
                assert_eq!(index::<64>(floor(x)), x.floor() as u32, "index of {x}");
            }
        }
        for wild in [f32::NAN, f32::INFINITY, -1.0, 1e30] {
            assert!(index::<64>(floor(wild)) < 64, "an index, even of {wild}");
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
        for len in [2, 16, 37] {
            for negative in 0..len {
                let mut map = vec![0.0; len];
                map[..=negative].fill(-0.0);
                for _ in 0..2 {
                    let (low, high) = min_max(&map);
                    assert_eq!((low.to_bits(), high.to_bits()), (0, 0), "{map:?}");
                    map.reverse();
                }
            }
        }
    }
}
