//! The sets of a study's samples, side by side, and numbers by chance.

use std::ops::Range;

/// Some of the samples.
pub(super) struct Set {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) rows: Range<usize>,
}

/// The sets in the order in which they stand: reference, held out, fresh, mixed, then those outside.
pub(super) fn side_by_side(sets: impl IntoIterator<Item = (&'static str, &'static str, usize)>) -> Vec<Set> {
    let mut start = 0;
    let set = |(name, meaning, count): (&'static str, &'static str, usize)| {
        start += count;
        Set { name, meaning, rows: start - count..start }
    };
    sets.into_iter().map(set).collect()
}

/// SplitMix64 with uniform and normal numbers.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// In 0 … 1, 1 not included.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of mean 0 and standard deviation 1.
    pub(super) fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.uniform()).ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }

    /// One of `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.uniform() * count as f64) as usize
    }
}
