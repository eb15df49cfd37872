//! AVX-512 and AVX2.

use super::super::grid::Group;
use super::{COLS, Grid, ROWS, Side, TOGETHER, Tile};
use std::arch::x86_64::*;

/// `a` starts at the first row of the tile and may end with the panel; `b` holds whole coordinates.
///
/// # Safety
/// The processor has AVX-512F; `a` reaches 8 values beyond the start of `b`'s last coordinate.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn accumulate_avx512<const MIN: bool>(a: &[f32], b: &[f32], tile: &mut Tile) {
    const VECTORS: usize = COLS / 16;
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    let (mut a, mut left) = (a.as_ptr(), b.len() / COLS);
    let mut b = b.as_ptr();
    while left > 0 {
        // SAFETY: `left` coordinates of 48 columns and (from `a` on) at least 8 rows are still ahead.
        unsafe {
            let columns: [__m512; VECTORS] = std::array::from_fn(|v| _mm512_loadu_ps(b.add(16 * v)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let row = _mm512_set1_ps(*a.add(i));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = if MIN {
                        _mm512_add_ps(*sum, _mm512_min_ps(row, column))
                    } else {
                        _mm512_fmadd_ps(row, column, *sum)
                    };
                }
            }
            left -= 1;
            a = a.wrapping_add(COLS);
            b = b.wrapping_add(COLS);
        }
    }
    for (total, sums) in tile.0.iter_mut().zip(sums) {
        for (total, sum) in total.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
            // SAFETY: 16 values are there to read and write.
            unsafe { _mm512_storeu_ps(total.as_mut_ptr(), _mm512_add_ps(_mm512_loadu_ps(total.as_ptr()), sum)) };
        }
    }
}

const VECTORS: usize = COLS / 16;

/// The processor multiplies unsigned by signed bytes: columns are made unsigned by adding 128, which `bias` takes back.
///
/// # Safety
/// The processor has AVX-512 VNNI; `b` holds the grid's places, `a` reaches 8 rows beyond the start of its last four, and
/// there are 8 `bias` of rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn dot_bytes_avx512(a: &[u8], b: &[u8], grid: &Grid, bias: (&[i32], &[i32]), tile: &mut Tile) {
    let mut sums = [[_mm512_setzero_si512(); VECTORS]; ROWS];
    let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
    let signs = _mm512_set1_epi8(i8::MIN);
    for &Group { quads, shift } in grid.groups() {
        let shift = _mm_cvtsi32_si128(shift as i32);
        sums.as_flattened_mut().iter_mut().for_each(|sum| *sum = _mm512_sll_epi32(*sum, shift));
        for _ in 0..quads {
            // SAFETY: four more places of 48 columns and (from `a` on) at least 8 rows are still ahead.
            unsafe {
                let columns: [__m512i; VECTORS] =
                    std::array::from_fn(|v| _mm512_xor_si512(_mm512_loadu_si512(b.add(64 * v).cast()), signs));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let row = _mm512_set1_epi32(a.add(TOGETHER * i).cast::<i32>().read_unaligned());
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = _mm512_dpbusd_epi32(*sum, column, row);
                    }
                }
            }
            a = a.wrapping_add(TOGETHER * COLS);
            b = b.wrapping_add(TOGETHER * COLS);
        }
    }
    for ((total, sums), bias) in tile.0.iter_mut().zip(sums).zip(bias.0) {
        store_whole(total, sums.map(|sum| _mm512_add_epi32(sum, _mm512_set1_epi32(*bias))));
    }
}

/// # Safety
/// As for [`dot_bytes_avx512`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn min_bytes_avx512(a: &[u8], b: &[u8], grid: &Grid, _bias: (&[i32], &[i32]), tile: &mut Tile) {
    let mut sums = [[_mm512_setzero_si512(); VECTORS]; ROWS];
    let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
    for multiple in grid.multiples() {
        // SAFETY: four more places of 48 columns and (from `a` on) at least 8 rows are still ahead.
        unsafe {
            let multiple = _mm512_set1_epi32(i32::from_ne_bytes(multiple.map(|multiple| multiple as u8)));
            let columns: [__m512i; VECTORS] = std::array::from_fn(|v| _mm512_loadu_si512(b.add(64 * v).cast()));
            for (i, sums) in sums.iter_mut().enumerate() {
                let row = _mm512_set1_epi32(a.add(TOGETHER * i).cast::<i32>().read_unaligned());
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbusd_epi32(*sum, _mm512_min_epu8(row, column), multiple);
                }
            }
        }
        a = a.wrapping_add(TOGETHER * COLS);
        b = b.wrapping_add(TOGETHER * COLS);
    }
    tile.0.iter_mut().zip(sums).for_each(|(total, sums)| store_whole(total, sums));
}

#[target_feature(enable = "avx512f")]
fn store_whole(total: &mut [f32; COLS], sums: [__m512i; VECTORS]) {
    for (total, sum) in total.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
        // SAFETY: 16 values are there to write.
        unsafe { _mm512_storeu_ps(total.as_mut_ptr(), _mm512_cvtepi32_ps(sum)) };
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn subtract_norms_avx512(products: &Tile, rows: &[f32], cols: &[f32], tile: &mut Tile) {
    super::portable::subtract_norms(products, rows, cols, tile);
}

#[target_feature(enable = "avx2")]
pub(super) fn subtract_norms_avx2(products: &Tile, rows: &[f32], cols: &[f32], tile: &mut Tile) {
    super::portable::subtract_norms(products, rows, cols, tile);
}

/// # Safety
/// The processor has AVX-512F; `row` + 8 is at most 48.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn passing_avx512(tile: &Tile, rows: &Side<'_>, row: usize, cols: &Side<'_>) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for v in 0..COLS / 16 {
        // SAFETY: columns 16·v .. 16·v + 16 and rows `row` .. `row` + 8 lie in their arrays.
        unsafe {
            let half = _mm512_loadu_ps(cols.half.as_ptr().add(16 * v));
            let near = _mm512_loadu_ps(cols.near.as_ptr().add(16 * v));
            let rest = _mm512_loadu_ps(cols.rest.as_ptr().add(16 * v));
            for (i, (mask, sums)) in masks.iter_mut().zip(&tile.0).enumerate() {
                let sum = _mm512_loadu_ps(sums.as_ptr().add(16 * v));
                let sum = _mm512_fmadd_ps(_mm512_set1_ps(rows.rest[row + i]), rest, sum);
                let as_row = _mm512_add_ps(_mm512_set1_ps(rows.near[row + i]), half);
                let as_column = _mm512_add_ps(_mm512_set1_ps(rows.half[row + i]), near);
                let passes = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(sum, _mm512_min_ps(as_row, as_column));
                *mask |= u64::from(passes) << (16 * v);
            }
        }
    }
    masks
}

/// # Safety
/// The processor has AVX-512F; `points` holds 48 for every coordinate of the box.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn outside_avx512<const MIN: bool>(
    points: &[f32],
    (least, greatest): (&[f32], &[f32]),
    (limits, other_limits): (&[f32; COLS], &[f32; COLS]),
    (margin, half): (f32, f32),
) -> u64 {
    let mut keys = [_mm512_setzero_ps(); VECTORS];
    for ((points, least), greatest) in points.as_chunks::<COLS>().0.iter().zip(least).zip(greatest) {
        let (least, greatest) = (_mm512_set1_ps(*least), _mm512_set1_ps(*greatest));
        for (key, points) in keys.iter_mut().zip(points.as_chunks::<16>().0) {
            // SAFETY: 16 values are there to read.
            let points = unsafe { _mm512_loadu_ps(points.as_ptr()) };
            let gap = _mm512_sub_ps(points, _mm512_min_ps(_mm512_max_ps(points, least), greatest));
            *key = if MIN { _mm512_add_ps(*key, _mm512_abs_ps(gap)) } else { _mm512_fmadd_ps(gap, gap, *key) };
        }
    }
    // SAFETY: 16 values are there to read.
    let load = |values: &[f32; COLS], v: usize| unsafe { _mm512_loadu_ps(values.as_ptr().add(16 * v)) };
    let most = (1..VECTORS).fold(load(other_limits, 0), |most, v| _mm512_max_ps(most, load(other_limits, v)));
    let furthest = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    let (margin, half) = (_mm512_set1_ps(margin), _mm512_set1_ps(half));
    (0..VECTORS).fold(0, |mask, v| {
        let least_half = _mm512_fmsub_ps(keys[v], half, margin);
        let limit = _mm512_max_ps(load(limits, v), furthest);
        mask | u64::from(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(least_half, limit)) << (16 * v)
    })
}

/// As [`outside_avx512`].
///
/// # Safety
/// The processor has AVX2 and FMA; `points` holds 48 for every coordinate of the box.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn outside_avx2<const MIN: bool>(
    points: &[f32],
    (least, greatest): (&[f32], &[f32]),
    (limits, other_limits): (&[f32; COLS], &[f32; COLS]),
    (margin, half): (f32, f32),
) -> u64 {
    const VECTORS: usize = COLS / 8;
    let mut keys = [_mm256_setzero_ps(); VECTORS];
    let sign = _mm256_set1_ps(-0.0);
    for ((points, least), greatest) in points.as_chunks::<COLS>().0.iter().zip(least).zip(greatest) {
        let (least, greatest) = (_mm256_set1_ps(*least), _mm256_set1_ps(*greatest));
        for (key, points) in keys.iter_mut().zip(points.as_chunks::<8>().0) {
            // SAFETY: 8 values are there to read.
            let points = unsafe { _mm256_loadu_ps(points.as_ptr()) };
            let gap = _mm256_sub_ps(points, _mm256_min_ps(_mm256_max_ps(points, least), greatest));
            *key = if MIN { _mm256_add_ps(*key, _mm256_andnot_ps(sign, gap)) } else { _mm256_fmadd_ps(gap, gap, *key) };
        }
    }
    // SAFETY: 8 values are there to read.
    let load = |values: &[f32; COLS], v: usize| unsafe { _mm256_loadu_ps(values.as_ptr().add(8 * v)) };
    let most = (1..VECTORS).fold(load(other_limits, 0), |most, v| _mm256_max_ps(most, load(other_limits, v)));
    let most = _mm256_max_ps(most, _mm256_permute2f128_ps::<1>(most, most));
    let most = _mm256_max_ps(most, _mm256_permute_ps::<0b0100_1110>(most));
    let furthest = _mm256_max_ps(most, _mm256_permute_ps::<0b1011_0001>(most));
    let (margin, half) = (_mm256_set1_ps(margin), _mm256_set1_ps(half));
    (0..VECTORS).fold(0, |mask, v| {
        let least_half = _mm256_fmsub_ps(keys[v], half, margin);
        let limit = _mm256_max_ps(load(limits, v), furthest);
        let outside = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(least_half, limit));
        mask | (outside as u64) << (8 * v)
    })
}

/// As [`accumulate_avx512`], in six parts of 4 × 16 sums: eight registers, as many as two units have sums on the way. With twelve
/// the compiler runs out of the sixteen that there are, and one goes through memory at every coordinate.
///
/// # Safety
/// The processor has AVX2 and FMA; `a` reaches 8 values beyond the start of `b`'s last coordinate.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn accumulate_avx2<const MIN: bool>(a: &[f32], b: &[f32], tile: &mut Tile) {
    const PART_ROWS: usize = 4;
    const VECTORS: usize = 2;
    for (row, col) in [(0, 0), (0, 16), (0, 32), (4, 0), (4, 16), (4, 32)] {
        let mut sums = [[_mm256_setzero_ps(); VECTORS]; PART_ROWS];
        for k in 0..b.len() / COLS {
            // SAFETY: coordinate k has columns `col` .. `col` + 16 in `b` and rows `row` .. `row` + 4 in `a`.
            unsafe {
                let b = b.as_ptr().add(k * COLS + col);
                let columns: [__m256; VECTORS] = std::array::from_fn(|v| _mm256_loadu_ps(b.add(8 * v)));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let row = _mm256_set1_ps(*a.as_ptr().add(k * COLS + row + i));
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = if MIN {
                            _mm256_add_ps(*sum, _mm256_min_ps(row, column))
                        } else {
                            _mm256_fmadd_ps(row, column, *sum)
                        };
                    }
                }
            }
        }
        for (total, sums) in tile.0[row..].iter_mut().zip(sums) {
            for (total, sum) in total[col..].as_chunks_mut::<8>().0.iter_mut().zip(sums) {
                // SAFETY: 8 values are there to read and write.
                unsafe { _mm256_storeu_ps(total.as_mut_ptr(), _mm256_add_ps(_mm256_loadu_ps(total.as_ptr()), sum)) };
            }
        }
    }
}

/// Rows and vectors of columns whose sums, with what they are made of, 16 registers hold.
const PART_ROWS: usize = 2;
const PART_VECTORS: usize = 3;
/// Columns in a part of a tile: eight in a vector, as four places of each stand side by side.
const PART_COLS: usize = 8 * PART_VECTORS;

/// Where a part of a tile begins.
fn parts() -> impl Iterator<Item = (usize, usize)> {
    (0..ROWS).step_by(PART_ROWS).flat_map(|row| (0..COLS).step_by(PART_COLS).map(move |col| (row, col)))
}

/// The processor multiplies unsigned by signed bytes and adds neighbors in 16 bits: with places from 0 to 126, made signed (−63
/// to 63) and, for rows, unsigned again (1 to 127), two such sums still fit. `bias` of the columns takes that back.
///
/// # Safety
/// The processor has AVX2; `b` holds the grid's places, which are at most 126, `a` reaches 8 rows beyond the start of its last
/// four, and there are 48 `bias` of columns.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn dot_bytes_avx2(a: &[u8], b: &[u8], grid: &Grid, bias: (&[i32], &[i32]), tile: &mut Tile) {
    const NEXT: usize = TOGETHER * COLS;
    let (to_unsigned, ones) = (_mm256_set1_epi8(64), _mm256_set1_epi16(1));
    for (row, col) in parts() {
        let mut sums = [[_mm256_setzero_si256(); PART_VECTORS]; PART_ROWS];
        let (mut a, mut b) = (a[TOGETHER * row..].as_ptr(), b[TOGETHER * col..].as_ptr());
        for &Group { quads, shift } in grid.groups() {
            let shift = _mm_cvtsi32_si128(shift as i32);
            sums.as_flattened_mut().iter_mut().for_each(|sum| *sum = _mm256_sll_epi32(*sum, shift));
            // SAFETY: so many places of 48 columns and (from `a` on) at least 2 rows are ahead: 4 a quad.
            unsafe {
                let place = |a: *const u8, i| {
                    let quad = a.add(TOGETHER * i).cast::<i32>().read_unaligned();
                    _mm256_add_epi8(_mm256_set1_epi32(quad), to_unsigned)
                };
                let column = |b: *const u8, v| _mm256_loadu_si256(b.add(32 * v).cast());
                for _ in 0..quads / 2 {
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let (first, second) = (place(a, i), place(a.wrapping_add(NEXT), i));
                        for (v, sum) in sums.iter_mut().enumerate() {
                            let both = _mm256_add_epi16(
                                _mm256_maddubs_epi16(first, column(b, v)),
                                _mm256_maddubs_epi16(second, column(b.wrapping_add(NEXT), v)),
                            );
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(both, ones));
                        }
                    }
                    (a, b) = (a.wrapping_add(2 * NEXT), b.wrapping_add(2 * NEXT));
                }
                if quads % 2 == 1 {
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let row = place(a, i);
                        for (v, sum) in sums.iter_mut().enumerate() {
                            let products = _mm256_maddubs_epi16(row, column(b, v));
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(products, ones));
                        }
                    }
                    (a, b) = (a.wrapping_add(NEXT), b.wrapping_add(NEXT));
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            let total = &mut tile.0[row + i][col..col + PART_COLS];
            let biases = bias.1[col..col + PART_COLS].as_chunks::<8>().0;
            for ((total, sum), bias) in total.as_chunks_mut::<8>().0.iter_mut().zip(sums).zip(biases) {
                // SAFETY: 8 values are there to read and to write.
                unsafe {
                    let sum = _mm256_add_epi32(sum, _mm256_loadu_si256(bias.as_ptr().cast()));
                    _mm256_storeu_ps(total.as_mut_ptr(), _mm256_cvtepi32_ps(sum));
                }
            }
        }
    }
}

/// # Safety
/// As for [`dot_bytes_avx2`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn min_bytes_avx2(a: &[u8], b: &[u8], grid: &Grid, _bias: (&[i32], &[i32]), tile: &mut Tile) {
    let ones = _mm256_set1_epi16(1);
    for (row, col) in parts() {
        let mut sums = [[_mm256_setzero_si256(); PART_VECTORS]; PART_ROWS];
        let (mut a, mut b) = (a[TOGETHER * row..].as_ptr(), b[TOGETHER * col..].as_ptr());
        for multiple in grid.multiples() {
            // SAFETY: four more places of 48 columns and (from `a` on) at least 2 rows are still ahead.
            unsafe {
                let multiple = _mm256_set1_epi32(i32::from_ne_bytes(multiple.map(|multiple| multiple as u8)));
                let columns: [__m256i; PART_VECTORS] =
                    std::array::from_fn(|v| _mm256_loadu_si256(b.add(32 * v).cast()));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let row = _mm256_set1_epi32(a.add(TOGETHER * i).cast::<i32>().read_unaligned());
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        let both = _mm256_maddubs_epi16(_mm256_min_epu8(row, column), multiple);
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(both, ones));
                    }
                }
            }
            a = a.wrapping_add(TOGETHER * COLS);
            b = b.wrapping_add(TOGETHER * COLS);
        }
        for (i, sums) in sums.into_iter().enumerate() {
            let total = &mut tile.0[row + i][col..col + PART_COLS];
            for (total, sum) in total.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
                // SAFETY: 8 values are there to write.
                unsafe { _mm256_storeu_ps(total.as_mut_ptr(), _mm256_cvtepi32_ps(sum)) };
            }
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA; `row` + 8 is at most 48.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn passing_avx2(tile: &Tile, rows: &Side<'_>, row: usize, cols: &Side<'_>) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for v in 0..COLS / 8 {
        // SAFETY: columns 8·v .. 8·v + 8 and rows `row` .. `row` + 8 lie in their arrays.
        unsafe {
            let half = _mm256_loadu_ps(cols.half.as_ptr().add(8 * v));
            let near = _mm256_loadu_ps(cols.near.as_ptr().add(8 * v));
            let rest = _mm256_loadu_ps(cols.rest.as_ptr().add(8 * v));
            for (i, (mask, sums)) in masks.iter_mut().zip(&tile.0).enumerate() {
                let sum = _mm256_loadu_ps(sums.as_ptr().add(8 * v));
                let sum = _mm256_fmadd_ps(_mm256_set1_ps(rows.rest[row + i]), rest, sum);
                let as_row = _mm256_add_ps(_mm256_set1_ps(rows.near[row + i]), half);
                let as_column = _mm256_add_ps(_mm256_set1_ps(rows.half[row + i]), near);
                let passes = _mm256_cmp_ps::<_CMP_GT_OQ>(sum, _mm256_min_ps(as_row, as_column));
                *mask |= (_mm256_movemask_ps(passes) as u64) << (8 * v);
            }
        }
    }
    masks
}
