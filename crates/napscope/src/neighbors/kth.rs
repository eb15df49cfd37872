//! An upper bound of the k-th smallest of some numbers, for less than finding it: by counting.

use crate::lanes::for_every_vector_unit;

/// At least the `k`-th smallest of some numbers, which are not negative, and at most a thousandth more; `None` unless so many are finite.
pub(super) fn above_kth(values: &[f32], k: usize) -> Option<f32> {
    /// A thousandth of a number, in the places of its bits.
    const CLOSE: u32 = 1 << 13;
    let [mut below, mut above] = range(values);
    if count_up_to(values, above) < k {
        return None;
    }
    // Bits order as the numbers do, and halve the range by factors: one that is far out does not make it wide.
    while above - below > CLOSE {
        let middle = below + (above - below) / 2;
        if count_up_to(values, middle) < k {
            below = middle;
        } else {
            above = middle;
        }
    }
    Some(f32::from_bits(above))
}

const INFINITE: u32 = f32::INFINITY.to_bits();

#[inline(always)]
fn bits(values: &[f32]) -> impl Iterator<Item = u32> {
    values.iter().map(|value| value.to_bits())
}

#[inline(always)]
fn finite_range(values: &[f32]) -> [u32; 2] {
    let largest = bits(values).map(|bits| if bits < INFINITE { bits } else { 0 }).fold(0, u32::max);
    [bits(values).fold(largest, u32::min), largest]
}

#[inline(always)]
fn counted(values: &[f32], limit: u32) -> usize {
    bits(values).map(|bits| u32::from(bits <= limit)).sum::<u32>() as usize
}

for_every_vector_unit! {
    /// The bits of the least, and of the largest that is finite.
    range, finite_range, (values: &[f32]), [u32; 2]
}

for_every_vector_unit! {
    /// How many have bits of no more than `limit`.
    count_up_to, counted, (values: &[f32], limit: u32), usize
}

#[cfg(test)]
mod tests {
    use super::above_kth;

    #[test]
    fn the_bound_is_no_less_than_the_kth_and_not_far_above_it() {
        for (count, levels) in [(1, 0.0), (7, 0.0), (48, 3.0), (500, 0.0), (500, 2.0), (500, 1e-30), (500, 1e30)] {
            let wave = |at: usize| (at as f32 * 12.9898).sin().abs();
            let value = |at: usize| if levels == 0.0 { wave(at) } else { (wave(at) * 3.0).floor() * levels };
            let mut values: Vec<f32> = (0..count).map(value).collect();
            values.resize(count + 5, f32::INFINITY);
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            for k in [1, 2, 5, count] {
                let bound = above_kth(&values, k.min(count)).expect("enough are finite");
                let kth = sorted[k.min(count) - 1];
                // Below the normal numbers, a thousandth is one of these.
                let enough = 1.001 * kth.max(f32::MIN_POSITIVE);
                assert!((kth..=enough).contains(&bound), "{k} of {count}, {levels}: {bound} for {kth}");
            }
            assert_eq!(above_kth(&values, count + 1), None, "{count} are finite");
        }
    }
}
