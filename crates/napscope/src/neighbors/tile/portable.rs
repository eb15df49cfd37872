//! Plain code that compilers vectorise for any processor.

use super::{COLS, ROWS, Side, Tile};

/// Columns whose sums fit into the registers of any vector unit.
const STRIP: usize = 16;

pub(super) fn accumulate<const MIN: bool>(a: &[f32], b: &[f32], tile: &mut Tile) {
    for (row, sums) in tile.0.iter_mut().enumerate() {
        for (strip, sums) in sums.chunks_exact_mut(STRIP).enumerate() {
            let mut partial = [0.0f32; STRIP];
            for (b, a) in b.chunks_exact(COLS).zip(a[row..].iter().step_by(COLS)) {
                let b = &b[strip * STRIP..(strip + 1) * STRIP];
                for (sum, b) in partial.iter_mut().zip(b) {
                    *sum += if MIN { if *a < *b { *a } else { *b } } else { a * b };
                }
            }
            sums.iter_mut().zip(partial).for_each(|(sum, partial)| *sum += partial);
        }
    }
}

#[inline(always)]
pub(super) fn subtract_norms(products: &Tile, rows: &[f32], cols: &[f32], tile: &mut Tile) {
    for ((sums, products), row) in tile.0.iter_mut().zip(&products.0).zip(rows) {
        for ((sum, product), col) in sums.iter_mut().zip(products).zip(cols) {
            let quarter = 0.5 * (row + col - product);
            *sum -= (if quarter > 0.0 { quarter } else { 0.0 }).sqrt();
        }
    }
}

pub(super) fn passing(tile: &Tile, rows: &Side<'_>, row: usize, cols: &Side<'_>) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for (i, (mask, sums)) in masks.iter_mut().zip(&tile.0).enumerate() {
        let (half, near, rest) = (rows.half[row + i], rows.near[row + i], rows.rest[row + i]);
        let passes = |j: usize| sums[j] + rest * cols.rest[j] > (near + cols.half[j]).min(half + cols.near[j]);
        if (0..COLS).fold(false, |any, j| any | passes(j)) {
            *mask = (0..COLS).fold(0, |mask, j| mask | u64::from(passes(j)) << j);
        }
    }
    masks
}

#[inline(always)]
pub(super) fn outside<const MIN: bool>(
    points: &[f32],
    (least, greatest): (&[f32], &[f32]),
    (limits, other_limits): (&[f32; COLS], &[f32; COLS]),
    (margin, half): (f32, f32),
) -> u64 {
    let mut keys = [0.0f32; COLS];
    for ((points, least), greatest) in points.as_chunks::<COLS>().0.iter().zip(least).zip(greatest) {
        for at in 0..COLS {
            let inside = if points[at] > *least { points[at] } else { *least };
            let inside = if inside < *greatest { inside } else { *greatest };
            let gap = points[at] - inside;
            keys[at] += if MIN { gap.abs() } else { gap * gap };
        }
    }
    let furthest = other_limits.iter().fold(f32::NEG_INFINITY, |most, limit| if *limit > most { *limit } else { most });
    let is_outside = |at: usize| half * keys[at] - margin > if limits[at] > furthest { limits[at] } else { furthest };
    (0..COLS).fold(0, |mask, at| mask | u64::from(is_outside(at)) << at)
}
