//! Random numbers by their place in a sequence (SplitMix64): number `index` is the same whoever asks for it, and when.

/// 64 random bits.
pub(crate) fn bits(index: u64) -> u64 {
    let z = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number between −1 and 1.
pub(crate) fn signed(index: u64) -> f64 {
    (bits(index) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
