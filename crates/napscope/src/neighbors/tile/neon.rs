//! NEON.

use super::{COLS, ROWS, Side, Tile};
use std::arch::aarch64::*;

/// In four parts of 4 × 24 sums, which is what 32 registers hold.
///
/// # Safety
/// The processor has NEON; `b` holds whole coordinates, and `a` reaches 8 values beyond the start of its last.
#[target_feature(enable = "neon")]
pub(super) unsafe fn accumulate<const MIN: bool>(a: &[f32], b: &[f32], tile: &mut Tile) {
    const PART_ROWS: usize = 4;
    const VECTORS: usize = 6;
    for (row, col) in [(0, 0), (0, 24), (4, 0), (4, 24)] {
        let mut sums = [[vdupq_n_f32(0.0); VECTORS]; PART_ROWS];
        for k in 0..b.len() / COLS {
            // SAFETY: coordinate k has columns `col` .. `col` + 24 in `b` and rows `row` .. `row` + 4 in `a`.
            unsafe {
                let b = b.as_ptr().add(k * COLS + col);
                let columns: [float32x4_t; VECTORS] = std::array::from_fn(|v| vld1q_f32(b.add(4 * v)));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let row = vdupq_n_f32(*a.as_ptr().add(k * COLS + row + i));
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = if MIN { vaddq_f32(*sum, vminq_f32(row, column)) } else { vfmaq_f32(*sum, row, column) };
                    }
                }
            }
        }
        for (total, sums) in tile.0[row..].iter_mut().zip(sums) {
            for (total, sum) in total[col..].as_chunks_mut::<4>().0.iter_mut().zip(sums) {
                // SAFETY: 4 values are there to read and write.
                unsafe { vst1q_f32(total.as_mut_ptr(), vaddq_f32(vld1q_f32(total.as_ptr()), sum)) };
            }
        }
    }
}

/// # Safety
/// The processor has NEON; `row` + 8 is at most 48.
#[target_feature(enable = "neon")]
pub(super) unsafe fn passing(tile: &Tile, rows: &Side<'_>, row: usize, cols: &Side<'_>) -> [u64; ROWS] {
    const BITS: [u32; 4] = [1, 2, 4, 8];
    let mut masks = [0; ROWS];
    for v in 0..COLS / 4 {
        // SAFETY: columns 4·v .. 4·v + 4 and rows `row` .. `row` + 8 lie in their arrays.
        unsafe {
            let bits = vld1q_u32(BITS.as_ptr());
            let half = vld1q_f32(cols.half.as_ptr().add(4 * v));
            let near = vld1q_f32(cols.near.as_ptr().add(4 * v));
            let rest = vld1q_f32(cols.rest.as_ptr().add(4 * v));
            for (i, (mask, sums)) in masks.iter_mut().zip(&tile.0).enumerate() {
                let sum = vld1q_f32(sums.as_ptr().add(4 * v));
                let sum = vfmaq_f32(sum, vdupq_n_f32(rows.rest[row + i]), rest);
                let as_row = vaddq_f32(vdupq_n_f32(rows.near[row + i]), half);
                let as_column = vaddq_f32(vdupq_n_f32(rows.half[row + i]), near);
                let passes = vcgtq_f32(sum, vminq_f32(as_row, as_column));
                *mask |= u64::from(vaddvq_u32(vandq_u32(passes, bits))) << (4 * v);
            }
        }
    }
    masks
}
