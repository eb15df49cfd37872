//! The directions in which points spread most, from a sample of them.
//!
//! Projections to few orthonormal directions bound distances from below, whatever the directions are; the more of the spread
//! they hold, the closer. So a rough answer is good enough: some steps of subspace iteration (Halko, Martinsson, Tropp 2011).

use super::frame::Frame;
use crate::distance::Points;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Rows that directions are found from: one in so many, at the least and at the most.
const ONE_IN: usize = 8;
const FEW_ROWS: usize = 256;
const SAMPLE: usize = 1024;
/// Steps of subspace iteration.
const STEPS: usize = 2;

/// Orthonormal directions, those of the largest spread first.
pub(super) struct Basis {
    dimensions: usize,
    /// `[directions, dimensions]`
    directions: Vec<f64>,
}

impl Basis {
    /// About the `count` leading principal directions of `points`.
    pub(super) fn leading(points: &Points, frame: &Frame, count: usize) -> Self {
        let (n, d) = (points.samples(), points.dimensions());
        let rows = (n / ONE_IN).clamp(FEW_ROWS, SAMPLE).min(n);
        let mut placed = vec![0.0; d];
        let mut sample = Vec::with_capacity(rows * d);
        for at in 0..rows {
            frame.place(points.row(at * n / rows), 0, &mut placed);
            sample.extend(placed.iter().map(|x| f64::from(*x)));
        }
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        let mut directions: Vec<f64> = (0..count * d).map(|_| noise()).collect();
        let mut images = vec![0.0; rows * count];
        let x = MatRef::from_row_major_slice(&sample, rows, d);
        for _ in 0..STEPS {
            orthonormalize(&mut directions, d, false);
            let v = MatMut::from_row_major_slice_mut(&mut directions, count, d);
            let mut y = MatMut::from_row_major_slice_mut(&mut images, rows, count);
            matmul(y.as_mut(), Accum::Replace, x, v.as_ref().transpose(), 1.0, Par::Seq);
            matmul(v, Accum::Replace, y.as_ref().transpose(), x, 1.0, Par::Seq);
        }
        orthonormalize(&mut directions, d, true);
        Basis { dimensions: d, directions }
    }

    /// Bytes that [`Basis::leading`] takes at the most, the room that products of matrices take included.
    pub(super) fn memory_bytes(samples: u64, dimensions: u64, count: u64) -> u64 {
        const PRODUCTS: u64 = 1 << 21;
        8 * (samples.min(SAMPLE as u64) * (dimensions + count) + 3 * count * dimensions) + PRODUCTS
    }

    /// Number of directions.
    pub(super) fn len(&self) -> usize {
        self.directions.len() / self.dimensions
    }

    /// The first `count` coordinates in this basis of some rows, `[rows, count]`, added to `coordinates`; and for each of
    /// `rests`, the norm of what so many coordinates leave of every row, `[rows, rests]`, added to `left`.
    pub(super) fn project(
        &self,
        rows: &[f32],
        count: usize,
        rests: &[usize],
        coordinates: &mut [f32],
        left: &mut [f32],
    ) {
        let d = self.dimensions;
        let x: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
        let mut z = vec![0.0; rows.len() / d * count];
        matmul(
            MatMut::from_row_major_slice_mut(&mut z, rows.len() / d, count),
            Accum::Replace,
            MatRef::from_row_major_slice(&x, rows.len() / d, d),
            MatRef::from_row_major_slice(&self.directions[..count * d], count, d).transpose(),
            1.0,
            Par::Seq,
        );
        coordinates.iter_mut().zip(&z).for_each(|(coordinate, z)| *coordinate = *z as f32);
        for ((x, z), left) in x.chunks_exact(d).zip(z.chunks_exact(count)).zip(left.chunks_exact_mut(rests.len())) {
            let mut rest = dot(x, x);
            let mut held = 0;
            for (left, &upto) in left.iter_mut().zip(rests) {
                rest -= dot(&z[held..upto], &z[held..upto]);
                held = upto;
                *left = rest.max(0.0).sqrt() as f32;
            }
        }
    }
}

/// Makes rows of length `d` orthonormal (modified Gram-Schmidt; `twice` for full precision); rows without a direction of
/// their own become 0: what rounding leaves of them points anywhere, and distances along it would count twice.
fn orthonormalize(rows: &mut [f64], d: usize, twice: bool) {
    /// Of a row, what is its own, at the least.
    const OWN: f64 = 1e-10;
    for _ in 0..if twice { 2 } else { 1 } {
        for at in 0..rows.len() / d {
            let (before, row) = rows.split_at_mut(at * d);
            let row = &mut row[..d];
            let whole = dot(row, row).sqrt();
            for other in before.chunks_exact(d) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
            }
            let norm = dot(row, row).sqrt();
            let shrink = if norm > 1e-140 && norm > OWN * whole { 1.0 / norm } else { 0.0 };
            row.iter_mut().for_each(|x| *x *= shrink);
        }
    }
}

/// Σ aᵢ·bᵢ, in eight running sums.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};

    #[test]
    fn directions_are_orthonormal_where_points_have_fewer_than_are_asked_for() {
        const DIMENSIONS: usize = 40;
        for live in [0, 1, 3, 11, 31] {
            let wave = |at: usize| (at as f32 * 12.9898).sin() * 43758.547;
            let value = |at: usize| if at % DIMENSIONS < live { wave(at).fract() * 3.0 } else { 0.0 };
            let values = (0..600 * DIMENSIONS).map(value).collect();
            let points = Points::new(values, DIMENSIONS, Geometry::L2, Rescale::Identity);
            let frame = Frame::around(&points, &[&points]);
            let basis = Basis::leading(&points, &frame, 32);
            let direction = |at: usize| &basis.directions[at * DIMENSIONS..(at + 1) * DIMENSIONS];
            for (i, j) in (0..32).flat_map(|i| (0..=i).map(move |j| (i, j))) {
                let product = dot(direction(i), direction(j));
                let expected = if i == j && product > 0.5 { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-12, "{live} dimensions: directions {i} and {j} give {product}");
            }
            let found = (0..32).filter(|&at| dot(direction(at), direction(at)) > 0.5).count();
            assert_eq!(found, live, "directions of {live} dimensions");
        }
    }

    #[test]
    fn the_leading_direction_is_that_of_the_largest_spread() {
        let values: Vec<f32> = (0..400)
            .flat_map(|at| {
                let along = (at as f32 * 0.7).sin() * 10.0;
                [along + 5.0, 2.0 * along, (at as f32 * 1.9).sin() * 0.1]
            })
            .collect();
        let points = Points::new(values, 3, Geometry::L2, Rescale::Identity);
        let frame = Frame::around(&points, &[&points]);
        let basis = Basis::leading(&points, &frame, 2);
        let [x, y, z] = basis.directions[..3] else { panic!("three dimensions") };
        assert!((y / x - 2.0).abs() < 1e-3 && z.abs() < 1e-3, "the direction is (1, 2, 0), found ({x}, {y}, {z})");
        let mut placed = vec![0.0; 1200];
        for (row, placed) in placed.chunks_exact_mut(3).enumerate() {
            frame.place(points.row(row), 0, placed);
        }
        let (mut coordinates, mut left) = (vec![0.0; 800], vec![0.0; 1200]);
        basis.project(&placed, 2, &[0, 1, 2], &mut coordinates, &mut left);
        for (sample, row) in placed.chunks_exact(3).enumerate() {
            let norm: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
            let (first, second) = (f64::from(coordinates[2 * sample]), f64::from(coordinates[2 * sample + 1]));
            for (rest, held) in [(0, 0.0), (1, first * first), (2, first * first + second * second)] {
                let total = held + f64::from(left[3 * sample + rest]).powi(2);
                assert!((total - norm).abs() < 1e-6, "sample {sample}: {total} in {rest} parts, {norm} in all");
            }
        }
    }
}
