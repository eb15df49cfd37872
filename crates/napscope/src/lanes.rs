//! Long sums in lanes: coordinate `i` into sum `i mod LANES`, so that vector units of any width add the same numbers in the same
//! order; at the end the lanes become one sum.

use std::ops::AddAssign;

/// The sum of all lanes, the upper half onto the lower one until one is left. `LANES` must be a power of two.
///
/// Never inlined: where the compiler sees what becomes of the lanes, it packs them two by two throughout the loop before, which took
/// two to three times as long.
#[inline(never)]
pub(crate) fn fold<T: Copy + AddAssign, const LANES: usize>(sums: &[T; LANES]) -> T {
    const { assert!(LANES.is_power_of_two(), "halves of a power of two are whole") };
    let mut sums = *sums;
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let upper = sums[lane + width];
            sums[lane] += upper;
        }
        width /= 2;
    }
    sums[0]
}

/// Σ term(aᵢ, bᵢ). Inlined, so that it is compiled for the vector units of who calls it.
#[inline(always)]
pub(crate) fn sum_of_pairs<T: Copy + Default + AddAssign, const LANES: usize>(
    a: &[f32],
    b: &[f32],
    term: impl Fn(f32, f32) -> T,
) -> T {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [T::default(); LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += term(*a, *b);
    }
    fold(&sums)
}

/// Compiles a function for the vector units that a processor may have; nothing is fused, so the bits are the same for all.
macro_rules! for_every_vector_unit {
    ($(#[$doc:meta])* $visibility:vis $name:ident, $plain:ident, ($($argument:ident: $kind:ty),*), $result:ty) => {
        $(#[$doc])*
        $visibility fn $name($($argument: $kind),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn wide($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn medium($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: the processor has the three.
                    return unsafe { wide($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { medium($($argument),*) };
                }
            }
            $plain($($argument),*)
        }
    };
}
pub(crate) use for_every_vector_unit;

/// Σ f(xᵢ) in f64, in eight lanes.
pub(crate) fn sum(values: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += f(f64::from(chunk[lane]));
        }
    }
    sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += f(f64::from(*value)));
    fold(&sums)
}

#[cfg(test)]
mod tests {
    use super::{fold, sum};

    #[test]
    fn every_value_is_summed_once() {
        for length in 0..40_u8 {
            let values: Vec<f32> = (0..length).map(f32::from).collect();
            let expected: u32 = (0..u32::from(length)).map(|value| value * value).sum();
            assert_eq!(sum(&values, |x| x * x), f64::from(expected), "{length} values");
        }
    }

    #[test]
    fn halves_are_added_until_one_is_left() {
        assert_eq!(fold(&[1, 20, 300, 4000]), 4321);
        assert_eq!(fold(&[7.5_f32]), 7.5);
        // ((1e8 + 1) + (-1e8 + 1)) in f32: 1e8 swallows a 1, so that the order shows.
        assert_eq!(fold(&[1e8_f32, -1e8, 1.0, 1.0]), 0.0);
        assert_eq!(fold(&[1e8_f32, 1.0, -1e8, 1.0]), 2.0);
    }
}
