//! Sums over the coordinates of 8 × 48 pairs of points at once, in registers: the inner loop of everything exact and fast.
//!
//! Two sums serve all norms: Σ aᵢ·bᵢ, from which |a − b|² = |a|² + |b|² − 2 Σ aᵢbᵢ, and Σ min(aᵢ, bᵢ), from which
//! Σ|aᵢ − bᵢ| = Σaᵢ + Σbᵢ − 2 Σ min(aᵢ, bᵢ). They are rounded to f32, so they only say which pairs cannot matter, with a
//! margin for their rounding; what is left is computed exactly. So the ways of computing them here (AVX-512, AVX2, NEON, and
//! plain code that compilers vectorise for any other processor) need not agree in the last bits: results do.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::grid::{Grid, TOGETHER};

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
type AccumulateBytes = unsafe fn(&[u8], &[u8], &Grid, (&[i32], &[i32]), &mut Tile);
type SubtractNorms = unsafe fn(&Tile, &[f32], &[f32], &mut Tile);
type Outside = unsafe fn(&[f32], (&[f32], &[f32]), (&[f32; COLS], &[f32; COLS]), (f32, f32)) -> u64;
type Passing = unsafe fn(&Tile, &Side<'_>, usize, &Side<'_>) -> [u64; ROWS];

/// What a processor makes of bytes.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "elsewhere there is no code for bytes"))]
pub(super) struct Bytes {
    accumulate: AccumulateBytes,
    /// The largest whole number that it adds up without loss.
    pub(super) largest: u8,
}

impl Bytes {
    /// Do they say nearly as much as f32 of neighbors, too? Coarse ones only rule out what is far.
    pub(super) fn are_fine(self) -> bool {
        self.largest >= 254
    }
}

/// The best code for a sum on the processor at hand.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    accumulate: Accumulate,
    /// Where the processor has instructions for it.
    bytes: Option<Bytes>,
    subtract_norms: SubtractNorms,
    passing: Passing,
    outside: Outside,
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
                let has_bytes = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni");
                let wide = |accumulate: AccumulateBytes| has_bytes.then_some(Bytes { accumulate, largest: 254 });
                let bytes = match product {
                    Product::Dot => wide(x86::dot_bytes_avx512),
                    Product::Min => wide(x86::min_bytes_avx512),
                    Product::Norms => None,
                };
                let subtract_norms: SubtractNorms = x86::subtract_norms_avx512;
                let outside: Outside = match product {
                    Product::Dot | Product::Norms => x86::outside_avx512::<false>,
                    Product::Min => x86::outside_avx512::<true>,
                };
                kernels.push(Kernel { accumulate, bytes, subtract_norms, passing: x86::passing_avx512, outside });
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                let accumulate: Accumulate = match product {
                    Product::Dot | Product::Norms => x86::accumulate_avx2::<false>,
                    Product::Min => x86::accumulate_avx2::<true>,
                };
                let narrow = |accumulate: AccumulateBytes| Some(Bytes { accumulate, largest: 126 });
                let bytes = match product {
                    Product::Dot => narrow(x86::dot_bytes_avx2),
                    Product::Min => narrow(x86::min_bytes_avx2),
                    Product::Norms => None,
                };
                let subtract_norms: SubtractNorms = x86::subtract_norms_avx2;
                let outside: Outside = match product {
                    Product::Dot | Product::Norms => x86::outside_avx2::<false>,
                    Product::Min => x86::outside_avx2::<true>,
                };
                kernels.push(Kernel { accumulate, bytes, subtract_norms, passing: x86::passing_avx2, outside });
            }
        }
        let outside: Outside = match product {
            Product::Dot | Product::Norms => portable::outside::<false>,
            Product::Min => portable::outside::<true>,
        };
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            let accumulate: Accumulate = match product {
                Product::Dot | Product::Norms => neon::accumulate::<false>,
                Product::Min => neon::accumulate::<true>,
            };
            let subtract_norms: SubtractNorms = portable::subtract_norms;
            kernels.push(Kernel { accumulate, bytes: None, subtract_norms, passing: neon::passing, outside });
        }
        let accumulate: Accumulate = match product {
            Product::Dot | Product::Norms => portable::accumulate::<false>,
            Product::Min => portable::accumulate::<true>,
        };
        let subtract_norms: SubtractNorms = portable::subtract_norms;
        kernels.push(Kernel { accumulate, bytes: None, subtract_norms, passing: portable::passing, outside });
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

    /// The points whose distance from a box is beyond all limits: bit i for point i where `half` · its key − `margin` is more
    /// than its own limit and all `other_limits`.
    ///
    /// # Shapes
    /// - `points`: `[coordinates, 48]`; `least`, `greatest`: `[coordinates]`
    pub(super) fn outside(
        self,
        points: &[f32],
        (least, greatest): (&[f32], &[f32]),
        (limits, other_limits): (&[f32; COLS], &[f32; COLS]),
        (margin, half): (f32, f32),
    ) -> u64 {
        // SAFETY: the processor has the features (`available`).
        unsafe { (self.outside)(points, (least, greatest), (limits, other_limits), (margin, half)) }
    }

    /// What the processor makes of bytes; nothing where it has no instructions for them.
    pub(super) fn bytes(self) -> Option<Bytes> {
        self.bytes
    }

    /// Sets `tile` to the sums over bytes of rows `row` .. `row` + 8 of panel `a` with all of panel `b`; `bias` is that of
    /// either. False where the processor has no instructions for bytes; the grid must be one for this kernel.
    ///
    /// # Shapes
    /// - `a`, `b`: `[places / 4, 48, 4]`
    pub(super) fn accumulate_bytes(
        self,
        (a, b): (&[u8], &[u8]),
        grid: &Grid,
        bias: (&[i32; COLS], &[i32; COLS]),
        row: usize,
        tile: &mut Tile,
    ) -> bool {
        let size = grid.width() * COLS;
        assert!(a.len() == size && b.len() == size && row + ROWS <= COLS, "a tile lies in its panels");
        let Some(Bytes { accumulate, .. }) = self.bytes else { return false };
        // SAFETY: the processor has the features (`available`), both hold the grid's places, and the rows from `row` on lie
        // in the panel.
        unsafe { accumulate(&a[row * TOGETHER..], b, grid, (&bias.0[row..], bias.1), tile) };
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

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::super::quantized::{Quantized, Rounded};
    use super::*;
    use crate::distance::{Geometry, Points, Rescale};
    use std::sync::Arc;

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

    /// What the grid says of two of its places is what sums over bytes say, to the last bit.
    #[test]
    fn bytes_are_summed_up_without_rounding() {
        for (product, geometry) in [(Product::Dot, Geometry::L2), (Product::Min, Geometry::L1)] {
            for (dimensions, ends) in [(1, false), (20, false), (300, false), (300, true)] {
                // Coordinates of very different ranges, so that there are many groups; or all at the ends of the grid, whose
                // products are the largest.
                let value = |at: usize| match (at as f32 * 1.7).sin() {
                    wave if ends => wave.signum(),
                    wave => wave * 2f32.powi((at % dimensions % 11) as i32),
                };
                let values = (0..2 * COLS * dimensions).map(value).collect();
                let points = Points::new(values, dimensions, geometry.clone(), Rescale::Identity);
                let frame = Frame::around(&points, &[&points]);
                let order: Vec<u32> = (0..points.samples() as u32).collect();
                let mut placed = vec![0.0; points.samples() * dimensions];
                for (row, placed) in placed.chunks_exact_mut(dimensions).enumerate() {
                    frame.place(points.row(row), 0, placed);
                }
                for kernel in Kernel::available(product) {
                    let Some(Bytes { largest, .. }) = kernel.bytes() else { continue };
                    let grid = Arc::new(Grid::new(&points, &frame, product, largest));
                    let mut rounded = Rounded::new(grid, points.samples());
                    rounded.blocks(points.samples()).for_each(|mut block| block.round(&placed, dimensions));
                    let panels = Quantized::new(&rounded, &order);
                    let mut tile = Tile::ZERO;
                    let sides = (panels.panel(0), panels.panel(1));
                    assert!(kernel.accumulate_bytes(
                        sides,
                        panels.grid,
                        (panels.bias(0), panels.bias(1)),
                        16,
                        &mut tile
                    ));
                    for (i, j) in (0..ROWS).flat_map(|i| (0..COLS).map(move |j| (i, j))) {
                        let expected = rounded.sum(16 + i, COLS + j);
                        assert_eq!(
                            tile.0[i][j], expected as f32,
                            "{product:?}, {dimensions} dimensions, {largest} steps, pair ({i}, {j})"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_kernel_finds_the_same_points_outside() {
        let values = |seed: f32| -> [f32; COLS] { std::array::from_fn(|at| (at as f32 * seed).sin()) };
        for product in [Product::Dot, Product::Min] {
            let mut points = panel(3, 0.37);
            // No point stands there.
            points.iter_mut().skip(47).step_by(COLS).for_each(|value| *value = f32::INFINITY);
            let (least, greatest) = ([-0.2, 0.1, -2.0], [0.3, 0.4, 2.0]);
            let (limits, others) = (values(0.9), values(0.7).map(|limit| limit - 0.9));
            let (margin, half) = (0.01, 0.5);
            let furthest = others.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut expected = 0u64;
            for at in 0..COLS {
                let gap = |k: usize| points[k * COLS + at] - points[k * COLS + at].clamp(least[k], greatest[k]);
                let key: f32 =
                    (0..3).map(gap).map(|gap| if product == Product::Min { gap.abs() } else { gap * gap }).sum();
                expected |= u64::from(half * key - margin > limits[at].max(furthest)) << at;
            }
            assert!(expected.count_ones() > 5 && expected.count_ones() < 43 && expected >> 47 == 1, "some are outside");
            for (number, kernel) in Kernel::available(product).into_iter().enumerate() {
                let outside = kernel.outside(&points, (&least, &greatest), (&limits, &others), (margin, half));
                assert_eq!(outside, expected, "{product:?}, kernel {number}");
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
