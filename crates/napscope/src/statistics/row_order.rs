//! The order in which rows are summed.
//!
//! A sum of floating-point numbers depends, in its last bits, on the order of its terms. Here rows are summed in an order
//! that hangs on their content alone, so that a matrix with permuted rows has the same mean and covariance to the bit.

use rayon::prelude::*;

/// The rows of `values` (`[rows, columns]`) in an order that depends on nothing but what the rows hold: by a hash of their
/// bits, and by the bits themselves where hashes are equal. Rows that stay tied are the same to the bit.
pub(crate) fn canonical_order(values: &[f32], columns: usize) -> Vec<usize> {
    let row = |index: usize| &values[index * columns..(index + 1) * columns];
    let mut keyed: Vec<(u64, usize)> =
        (0..values.len() / columns).into_par_iter().map(|index| (hash(row(index)), index)).collect();
    keyed.sort_unstable_by(|(a_hash, a), (b_hash, b)| {
        let bits = |index: usize| row(index).iter().map(|value| value.to_bits());
        a_hash.cmp(b_hash).then_with(|| bits(*a).cmp(bits(*b)))
    });
    keyed.into_iter().map(|(_, index)| index).collect()
}

/// FNV-1a over whole words, in four strands that do not wait for each other, finished with a shift: two rows that differ only in
/// the last word must differ in more than the low bits.
fn hash(row: &[f32]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(PRIME).rotate_left(29);
    let mut strands = [0xcbf2_9ce4_8422_2325_u64; 4];
    for words in row.chunks(strands.len()) {
        for (strand, word) in strands.iter_mut().zip(words) {
            *strand = step(*strand, u64::from(word.to_bits()));
        }
    }
    let hash = strands.into_iter().reduce(step).unwrap_or(0);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_hangs_on_content_alone() {
        let rows: Vec<[f32; 2]> = (0..50).map(|i| [(i % 7) as f32, (i % 5) as f32 - 2.0]).collect();
        let sorted = |rows: &[[f32; 2]]| -> Vec<[f32; 2]> {
            canonical_order(rows.as_flattened(), 2).into_iter().map(|index| rows[index]).collect()
        };
        let mut turned = rows.clone();
        turned.rotate_left(17);
        turned.swap(3, 40);
        assert_eq!(sorted(&rows), sorted(&turned));
        let mut indices = canonical_order(rows.as_flattened(), 2);
        indices.sort_unstable();
        assert_eq!(indices, (0..50).collect::<Vec<_>>(), "each row once");
    }
}
