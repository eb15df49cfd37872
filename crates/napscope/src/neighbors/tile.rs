//! Sums over the coordinates of 8 × 48 pairs of points at once, in registers: the inner loop of everything exact and fast.
//!
//! Two sums serve all norms: Σ aᵢ·bᵢ, from which |a − b|² = |a|² + |b|² − 2 Σ aᵢbᵢ, and Σ min(aᵢ, bᵢ), from which
//! Σ|aᵢ − bᵢ| = Σaᵢ + Σbᵢ − 2 Σ min(aᵢ, bᵢ). They are rounded to f32, so they only say which pairs cannot matter, with a
//! margin for their rounding; what is left is computed exactly. So the three ways of computing them here (AVX-512, AVX2,
//! and plain code that compilers vectorise for any other processor) need not agree in the last bits: results do.

use super::quantized::TOGETHER;

/// Points that stand side by side in a panel; the columns of a tile.
pub(super) const COLS: usize = 48;
/// Points of one panel that a tile takes as its rows.
pub(super) const ROWS: usize = 8;
/// Coordinates summed up before the sum is added to the tile's, which keeps rounding errors small.
pub(super) const CHUNK: usize = 128;

/// Sums of 8 × 48 pairs.
#[repr(C, align(64))]
pub(super) struct Tile(pub(super) [[f32; COLS]; ROWS]);

impl Tile {
    pub(super) const ZERO: Tile = Tile([[0.0; COLS]; ROWS]);
}

/// What a test of a tile knows of the panel on one of its sides.
///
/// A pair (i, j) matters where sum + rest(i)·rest(j) > min(near(i) + half(j), half(i) + near(j)): `half` is half of the
/// term that the norm adds for a point, `near` that less half of the key up to which the point looks, and `rest` is the norm
/// of the coordinates not yet summed up.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) half: &'a [f32; COLS],
    pub(super) near: &'a [f32; COLS],
    pub(super) rest: &'a [f32; COLS],
}

/// The rest when all coordinates are summed up.
pub(super) static NOTHING_LEFT: [f32; COLS] = [0.0; COLS];

/// Which sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    /// Σ aᵢ·bᵢ
    Dot,
    /// Σ min(aᵢ, bᵢ)
    Min,
    /// −½ Σ |a − b| over channels (see [`super::norms`])
    Norms,
}

type Accumulate = unsafe fn(&[f32], &[f32], &mut Tile);
type AccumulateBytes = unsafe fn(&[i8], &[i8], &[i32; COLS], &mut Tile);
type SubtractNorms = unsafe fn(&Tile, &[f32], &[f32], &mut Tile);
type Passing = unsafe fn(&Tile, &Side<'_>, usize, &Side<'_>) -> [u64; ROWS];

/// The best code for a sum on the processor at hand.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    accumulate: Accumulate,
    /// Where the processor has instructions for it.
    accumulate_bytes: Option<AccumulateBytes>,
    subtract_norms: SubtractNorms,
    passing: Passing,
}

impl Kernel {
    /// All kernels that this processor can run, the best first.
    pub(super) fn available(product: Product) -> Vec<Kernel> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                let accumulate: Accumulate = match product {
                    Product::Dot | Product::Norms => x86::accumulate_avx512::<false>,
                    Product::Min => x86::accumulate_avx512::<true>,
                };
                let accumulate_bytes: Option<AccumulateBytes> = (product == Product::Dot
                    && is_x86_feature_detected!("avx512vnni"))
                .then_some(x86::accumulate_bytes_avx512);
                let subtract_norms: SubtractNorms = x86::subtract_norms_avx512;
                kernels.push(Kernel { accumulate, accumulate_bytes, subtract_norms, passing: x86::passing_avx512 });
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                let accumulate: Accumulate = match product {
                    Product::Dot | Product::Norms => x86::accumulate_avx2::<false>,
                    Product::Min => x86::accumulate_avx2::<true>,
                };
                let subtract_norms: SubtractNorms = x86::subtract_norms_avx2;
                kernels.push(Kernel { accumulate, accumulate_bytes: None, subtract_norms, passing: x86::passing_avx2 });
            }
        }
        let accumulate: Accumulate = match product {
            Product::Dot | Product::Norms => portable::accumulate::<false>,
            Product::Min => portable::accumulate::<true>,
        };
        let subtract_norms: SubtractNorms = portable::subtract_norms;
        kernels.push(Kernel { accumulate, accumulate_bytes: None, subtract_norms, passing: portable::passing });
        kernels
    }

    /// Adds to `tile` the sums of rows `row` .. `row` + 8 of panel `a` with all of panel `b`, over the panels' coordinates.
    ///
    /// # Shapes
    /// - `a`, `b`: `[coordinates, 48]`
    pub(super) fn accumulate(self, a: &[f32], b: &[f32], row: usize, tile: &mut Tile) {
        assert!(a.len() == b.len() && a.len().is_multiple_of(COLS) && row + ROWS <= COLS, "a tile lies in its panels");
        for (a, b) in a.chunks(CHUNK * COLS).zip(b.chunks(CHUNK * COLS)) {
            // SAFETY: the processor has the features (`available`), both hold the same whole number of coordinates, and
            // the rows from `row` on lie in the panel.
            unsafe { (self.accumulate)(&a[row..], b, tile) };
        }
    }

    /// Does the processor multiply bytes?
    pub(super) fn has_bytes(self) -> bool {
        self.accumulate_bytes.is_some()
    }

    /// Sets `tile` to the sums of products of rows `row` .. `row` + 8 of panel `a` with all of panel `b`; `bias` is
    /// −128 times the sum of each column of `b`. False where the processor does not multiply bytes.
    ///
    /// # Shapes
    /// - `a`, `b`: `[coordinates / 4, 48, 4]`
    pub(super) fn accumulate_bytes(self, a: &[i8], b: &[i8], bias: &[i32; COLS], row: usize, tile: &mut Tile) -> bool {
        let whole = a.len().is_multiple_of(TOGETHER * COLS);
        assert!(a.len() == b.len() && whole && row + ROWS <= COLS, "a tile lies in its panels");
        let Some(accumulate) = self.accumulate_bytes else { return false };
        // SAFETY: the processor has the features (`available`), both hold the same whole number of coordinates, and the
        // rows from `row` on lie in the panel.
        unsafe { accumulate(&a[row * TOGETHER..], b, bias, tile) };
        true
    }

    /// Takes from `tile` the roots of half of what `rows`, for 8 rows, and `cols`, for 48 columns, have beyond `products`.
    pub(super) fn subtract_norms(self, products: &Tile, rows: &[f32], cols: &[f32], tile: &mut Tile) {
        assert!(rows.len() >= ROWS && cols.len() == COLS, "a tile lies in its panels");
        // SAFETY: the processor has the features (`available`).
        unsafe { (self.subtract_norms)(products, rows, cols, tile) };
    }

    /// The pairs of a tile that matter: bit j of word i for row `row` + i and column j.
    pub(super) fn passing(self, tile: &Tile, rows: &Side<'_>, row: usize, cols: &Side<'_>) -> [u64; ROWS] {
        assert!(row + ROWS <= COLS, "a tile lies in its panels");
        // SAFETY: the processor has the features (`available`), and the rows from `row` on lie in the panel.
        unsafe { (self.passing)(tile, rows, row, cols) }
    }
}

mod portable {
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
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{COLS, ROWS, Side, TOGETHER, Tile};
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

    /// The processor multiplies unsigned by signed bytes: rows are made unsigned by adding 128, which `bias` takes back.
    ///
    /// # Safety
    /// The processor has AVX-512 VNNI; `a` reaches 8 rows beyond the start of `b`'s last coordinates.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) unsafe fn accumulate_bytes_avx512(a: &[i8], b: &[i8], bias: &[i32; COLS], tile: &mut Tile) {
        const VECTORS: usize = COLS / 16;
        // SAFETY: `bias` holds three vectors.
        let bias: [__m512i; VECTORS] =
            std::array::from_fn(|v| unsafe { _mm512_loadu_si512(bias.as_ptr().add(16 * v).cast()) });
        let mut sums = [bias; ROWS];
        let (mut a, mut b, mut left) = (a.as_ptr(), b.as_ptr(), b.len() / (TOGETHER * COLS));
        while left > 0 {
            // SAFETY: `left` times 4 coordinates of 48 columns and (from `a` on) at least 8 rows are still ahead.
            unsafe {
                let columns: [__m512i; VECTORS] = std::array::from_fn(|v| _mm512_loadu_si512(b.add(64 * v).cast()));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let row = a.add(TOGETHER * i).cast::<i32>().read_unaligned() ^ 0x8080_8080_u32 as i32;
                    let row = _mm512_set1_epi32(row);
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = _mm512_dpbusd_epi32(*sum, row, column);
                    }
                }
                left -= 1;
                a = a.wrapping_add(TOGETHER * COLS);
                b = b.wrapping_add(TOGETHER * COLS);
            }
        }
        for (total, sums) in tile.0.iter_mut().zip(sums) {
            for (total, sum) in total.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
                // SAFETY: 16 values are there to write.
                unsafe { _mm512_storeu_ps(total.as_mut_ptr(), _mm512_cvtepi32_ps(sum)) };
            }
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

    /// As [`accumulate_avx512`], in four parts of 4 × 24 sums, which is what 16 registers hold.
    ///
    /// # Safety
    /// The processor has AVX2 and FMA; `a` reaches 8 values beyond the start of `b`'s last coordinate.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn accumulate_avx2<const MIN: bool>(a: &[f32], b: &[f32], tile: &mut Tile) {
        const PART_ROWS: usize = 4;
        const VECTORS: usize = 3;
        for (row, col) in [(0, 0), (0, 24), (4, 0), (4, 24)] {
            let mut sums = [[_mm256_setzero_ps(); VECTORS]; PART_ROWS];
            for k in 0..b.len() / COLS {
                // SAFETY: coordinate k has columns `col` .. `col` + 24 in `b` and rows `row` .. `row` + 4 in `a`.
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
                    unsafe {
                        _mm256_storeu_ps(total.as_mut_ptr(), _mm256_add_ps(_mm256_loadu_ps(total.as_ptr()), sum))
                    };
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(coordinates: usize, seed: f32) -> Vec<f32> {
        (0..coordinates * COLS).map(|at| (at as f32 * seed).sin()).collect()
    }

    #[test]
    fn every_kernel_sums_what_the_definition_says() {
        for product in [Product::Dot, Product::Min] {
            for coordinates in [1, 7, CHUNK, CHUNK + 3, 3 * CHUNK] {
                let (a, b) = (panel(coordinates, 0.37), panel(coordinates, 0.71));
                for (number, kernel) in Kernel::available(product).into_iter().enumerate() {
                    for row in [0, 8, COLS - ROWS] {
                        let mut tile = Tile([[0.5; COLS]; ROWS]);
                        kernel.accumulate(&a, &b, row, &mut tile);
                        for (i, sums) in tile.0.iter().enumerate() {
                            for (j, &sum) in sums.iter().enumerate() {
                                let pairs = (0..coordinates).map(|k| (a[k * COLS + row + i], b[k * COLS + j]));
                                let terms = pairs
                                    .map(|(a, b)| f64::from(if product == Product::Dot { a * b } else { a.min(b) }));
                                let expected = 0.5 + terms.sum::<f64>();
                                let error = (f64::from(sum) - expected).abs();
                                assert!(
                                    error <= 2e-5 * coordinates as f64,
                                    "{product:?}, {coordinates} coordinates, kernel {number}, pair ({i}, {j}): {sum}, expected {expected}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_are_multiplied_without_rounding() {
        let byte = |at: usize, seed: usize| (at * seed % 255) as i8;
        for coordinates in [4, 20, 1024] {
            let a: Vec<i8> = (0..coordinates * COLS).map(|at| byte(at, 7919)).collect();
            let b: Vec<i8> = (0..coordinates * COLS).map(|at| byte(at, 104_729)).collect();
            let pair = |i: usize, j: usize| {
                (0..coordinates)
                    .map(move |k| (k / 4 * COLS, k % 4))
                    .map(move |(at, k)| ((at + i) * 4 + k, (at + j) * 4 + k))
            };
            let bias = std::array::from_fn(|j| pair(0, j).map(|(_, at)| -128 * i32::from(b[at])).sum());
            for kernel in Kernel::available(Product::Dot) {
                let mut tile = Tile::ZERO;
                if kernel.accumulate_bytes(&a, &b, &bias, 16, &mut tile) {
                    for (i, j) in (0..ROWS).flat_map(|i| (0..COLS).map(move |j| (i, j))) {
                        let expected: i32 = pair(16 + i, j).map(|(x, y)| i32::from(a[x]) * i32::from(b[y])).sum();
                        assert_eq!(tile.0[i][j], expected as f32, "{coordinates} coordinates, pair ({i}, {j})");
                    }
                }
            }
        }
    }

    #[test]
    fn every_kernel_passes_the_same_pairs() {
        let values = |seed: f32| -> [f32; COLS] { std::array::from_fn(|at| (at as f32 * seed).sin()) };
        let mut tile = Tile([[0.0; COLS]; ROWS]);
        tile.0.as_flattened_mut().iter_mut().enumerate().for_each(|(at, sum)| *sum = (at as f32 * 0.93).cos());
        let rows = Side { half: &values(0.3), near: &values(0.5), rest: &values(0.1) };
        let (mut half, mut near) = (values(0.7), values(1.1));
        (half[5], near[5]) = (f32::INFINITY, f32::INFINITY);
        let cols = Side { half: &half, near: &near, rest: &values(0.2) };
        let kernels = Kernel::available(Product::Dot);
        let expected = kernels[kernels.len() - 1].passing(&tile, &rows, 8, &cols);
        assert!(expected.iter().any(|mask| *mask != 0) && expected.iter().all(|mask| mask & (1 << 5) == 0));
        for kernel in kernels {
            assert_eq!(kernel.passing(&tile, &rows, 8, &cols), expected);
        }
    }
}
