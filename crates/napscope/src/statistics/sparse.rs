//! A sparse symmetric matrix, applied to a few vectors at once.

use rayon::prelude::*;

/// Vectors that are worked on together: what the matrix costs to read is shared by all of them.
pub(crate) const WIDTH: usize = 8;

/// `WIDTH` vectors side by side: entry `[row][vector]`.
pub(super) type Block = Vec<[f64; WIDTH]>;

/// Rows that one thread takes at a time.
const ROWS: usize = 512;

/// A symmetric matrix as compressed rows.
pub(crate) struct SparseSymmetric {
    /// Where each row begins in `columns` and `values`, and where the last one ends.
    pub(crate) starts: Vec<usize>,
    /// The columns of each row, rising.
    pub(crate) columns: Vec<u32>,
    /// The entries, one a column.
    pub(crate) values: Vec<f64>,
}

impl SparseSymmetric {
    pub(crate) fn size(&self) -> usize {
        self.starts.len() - 1
    }

    /// The columns of a row that hold anything, and what they hold.
    pub(crate) fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// Puts `finish(row of the product, old)` in the place of every row `old` of `out`. Each row is summed by one thread in
    /// the order of its columns, so threads decide nothing.
    pub(super) fn apply(
        &self,
        block: &Block,
        out: &mut Block,
        finish: impl Fn([f64; WIDTH], [f64; WIDTH], [f64; WIDTH]) -> [f64; WIDTH] + Sync,
    ) {
        out.par_iter_mut().with_min_len(ROWS).enumerate().for_each(|(row, out)| {
            let (columns, values) = self.row(row);
            let mut sum = [0.0; WIDTH];
            for (&column, &value) in columns.iter().zip(values) {
                let other = &block[column as usize];
                for lane in 0..WIDTH {
                    sum[lane] += value * other[lane];
                }
            }
            *out = finish(sum, block[row], *out);
        });
    }
}
