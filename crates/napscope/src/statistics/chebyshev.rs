//! The leading eigenvectors of a sparse symmetric matrix whose spectrum lies in −1 … 1.
//!
//! A diffusion over a large graph is slow: its leading eigenvalues may lie within 1e-6 of 1 and of each other, and a Krylov
//! basis that tells them apart would have thousands of vectors. Here a few vectors are kept, and a Chebyshev polynomial of the
//! matrix damps in them all that lies below the smallest eigenvalue that they have found so far (Zhou, Saad, Tiago &
//! Chelikowsky, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration", 2006). The nearer the
//! spectrum crowds to 1, the higher the degree becomes, by itself.

use super::principal::eigen;
use super::sparse::{Block, SparseSymmetric, WIDTH};
use crate::error::Result;
use crate::progress::Meter;
use faer::Mat;

/// Matrices no larger are decomposed as a whole.
const DENSE: usize = 400;
/// ‖A v − λ v‖ of each eigenvector found, relative to the distance of its eigenvalue from 1: what the picture shows is how
/// eigenvalues differ near 1.
const TOLERANCE: f64 = 1e-6;
/// No residual can be asked to fall below rounding.
const ROUNDING: f64 = 1e-14;
/// How much a polynomial may raise the leading eigenvector over what it damps: more would drown the others in rounding.
const GROWTH: f64 = 1e8;
/// Degree of the polynomials before anything is known of the spectrum.
const FIRST_DEGREE: usize = 8;
/// Highest degree of one polynomial.
const LAST_DEGREE: usize = 2000;
/// Times that the matrix is applied, after which the best vectors so far are taken.
const APPLICATIONS: usize = 20_000;
/// Times that it is applied in a usual case; it decides nothing but how fast the bar of progress moves.
const USUAL_APPLICATIONS: u64 = 300;

/// Eigenvalues (falling) and unit eigenvectors, at most `count` (and at most `WIDTH` − 2), of `matrix` on the space orthogonal to the unit
/// vector `known`, its eigenvector of eigenvalue 1.
pub(crate) fn leading_eigenvectors(
    matrix: &SparseSymmetric,
    known: &[f64],
    count: usize,
    watch: &crate::progress::Watch<'_>,
) -> Result<Vec<(f64, Vec<f64>)>> {
    if matrix.size() <= DENSE {
        return dense(matrix, known, count);
    }
    let application = (matrix.values.len() * WIDTH) as u64;
    let meter = Meter::new(watch, application * USUAL_APPLICATIONS);
    let mut block = starting_block(matrix.size());
    let (mut degree, mut applied) = (FIRST_DEGREE, 0);
    let mut lowest = 0.0;
    loop {
        filter(matrix, &mut block, lowest, degree, || meter.advance(application))?;
        let basis = orthonormal(&block, known);
        let (values, vectors, worst) = rayleigh_ritz(matrix, &basis, count)?;
        applied += degree;
        if worst <= 1.0 || applied >= APPLICATIONS {
            let vector = |index: usize| vectors.col(index).iter().copied().collect();
            return Ok((0..count).map(|index| (values[index], vector(index))).collect());
        }
        lowest = values[WIDTH - 1].clamp(-0.5, 1.0 - 1e-12);
        let stretch = ((3.0 - lowest) / (1.0 + lowest)).acosh();
        degree = ((2.0 * GROWTH).ln() / stretch).clamp(FIRST_DEGREE as f64, LAST_DEGREE as f64) as usize;
        block = (0..matrix.size()).map(|row| std::array::from_fn(|lane| vectors[(row, lane)])).collect();
    }
}

/// Every eigenvector but `known`, which is pushed below all others.
fn dense(matrix: &SparseSymmetric, known: &[f64], count: usize) -> Result<Vec<(f64, Vec<f64>)>> {
    let size = matrix.size();
    let mut whole = Mat::from_fn(size, size, |row, column| -3.0 * known[row] * known[column]);
    for row in 0..size {
        let (columns, values) = matrix.row(row);
        columns.iter().zip(values).for_each(|(&column, value)| whole[(row, column as usize)] += value);
    }
    let (values, vectors) = eigen(&whole, 1.0)?;
    let vector = |index: usize| vectors.col(index).iter().copied().collect();
    Ok((0..count.min(size - 1)).map(|index| (values[index], vector(index))).collect())
}

/// `block` ← T(`matrix`) · `block`, T the Chebyshev polynomial of `degree` that stays within ±1 from −1 to `lowest`.
fn filter(
    matrix: &SparseSymmetric,
    block: &mut Block,
    lowest: f64,
    degree: usize,
    mut applied: impl FnMut() -> Result<()>,
) -> Result<()> {
    let (center, half) = ((lowest - 1.0) / 2.0, (lowest + 1.0) / 2.0);
    let mut before = block.clone();
    // T₁ = t, then T of k + 1 = 2 t T of k − T of k − 1, with t = (A − center) / half.
    matrix.apply(&before, block, |product, own, _| {
        std::array::from_fn(|lane| (product[lane] - center * own[lane]) / half)
    });
    applied()?;
    for _ in 1..degree {
        matrix.apply(block, &mut before, |product, own, before| {
            std::array::from_fn(|lane| 2.0 * (product[lane] - center * own[lane]) / half - before[lane])
        });
        std::mem::swap(block, &mut before);
        applied()?;
    }
    Ok(())
}

/// An orthonormal basis of the vectors of `block`, orthogonal to `known` too.
fn orthonormal(block: &Block, known: &[f64]) -> Mat<f64> {
    let mut basis = Mat::from_fn(block.len(), WIDTH, |row, lane| block[row][lane]);
    // Twice is enough: the second pass removes what rounding left of the first.
    for _ in 0..2 {
        for vector in basis.col_iter_mut() {
            let along: f64 = vector.as_ref().iter().zip(known).map(|(value, known)| value * known).sum();
            vector.iter_mut().zip(known).for_each(|(value, known)| *value -= along * known);
        }
        basis = basis.qr().compute_thin_Q();
    }
    basis
}

/// The best eigenvalues (falling) and eigenvectors within a basis, and the worst residual of the first `count`, as a multiple of
/// what is allowed.
fn rayleigh_ritz(matrix: &SparseSymmetric, basis: &Mat<f64>, count: usize) -> Result<(Vec<f64>, Mat<f64>, f64)> {
    let rows: Block = (0..basis.nrows()).map(|row| std::array::from_fn(|lane| basis[(row, lane)])).collect();
    let mut product = vec![[0.0; WIDTH]; rows.len()];
    matrix.apply(&rows, &mut product, |product, _, _| product);
    let product = Mat::from_fn(rows.len(), WIDTH, |row, lane| product[row][lane]);
    let (values, mixing) = eigen(&(basis.transpose() * &product), 1.0)?;
    let vectors = basis * &mixing;
    let mut residuals = &product * &mixing;
    let excess = |lane: usize, residuals: &mut Mat<f64>| {
        let of = vectors.col(lane);
        residuals.col_mut(lane).iter_mut().zip(of.iter()).for_each(|(value, of)| *value -= values[lane] * of);
        residuals.col(lane).norm_l2() / (TOLERANCE * (1.0 - values[lane])).max(ROUNDING)
    };
    let worst = (0..count).map(|lane| excess(lane, &mut residuals)).fold(0.0, f64::max);
    Ok((values, vectors, worst))
}

/// Numbers between −1 and 1, the same each time.
fn starting_block(size: usize) -> Block {
    (0..size).map(|row| std::array::from_fn(|lane| super::random::signed((row * WIDTH + lane) as u64))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::unwatched;

    /// The lazy walk on a ring of `size`: eigenvalues (1 + 2 cos(2πk/size)) / 3, each but the first twice.
    fn ring(size: usize) -> SparseSymmetric {
        let columns = (0..size).flat_map(|row| {
            let mut row = [(row + size - 1) % size, row, (row + 1) % size].map(|column| column as u32);
            row.sort_unstable();
            row
        });
        SparseSymmetric {
            starts: (0..=size).map(|row| 3 * row).collect(),
            columns: columns.collect(),
            values: vec![1.0 / 3.0; 3 * size],
        }
    }

    #[test]
    fn a_ring_has_the_eigenvalues_of_theory() {
        // The last has its leading eigenvalues within 4e-6 of 1.
        for size in [3, 5, 400, 401, 2000] {
            let known = vec![1.0 / (size as f64).sqrt(); size];
            let found = leading_eigenvectors(&ring(size), &known, 2, &unwatched).expect("converges");
            let angle = std::f64::consts::TAU / size as f64;
            let gap = 2.0 * (1.0 - angle.cos()) / 3.0;
            for (value, vector) in &found {
                assert!(((1.0 - value) / gap - 1.0).abs() < 1e-6, "ring of {size}: 1 - {value} instead of {gap}");
                let along: f64 = vector.iter().zip(&known).map(|(a, b)| a * b).sum();
                assert!(along.abs() < 1e-10, "ring of {size}: {along} along the known one");
            }
            // The pair spans cosine and sine: at every place the squares add up to the same.
            for row in 0..size {
                let square: f64 = found.iter().map(|(_, vector)| vector[row].powi(2)).sum();
                assert!((square * size as f64 / 2.0 - 1.0).abs() < 1e-4, "ring of {size}: {square} at {row}");
            }
        }
    }

    #[test]
    fn threads_decide_nothing_and_a_watch_stops_it() {
        let (matrix, known) = (ring(3000), vec![1.0 / 3000f64.sqrt(); 3000]);
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| leading_eigenvectors(&matrix, &known, 2, &unwatched).expect("converges"))
        };
        assert!(with_threads(1) == with_threads(3));
        let stop = |_: f64| std::ops::ControlFlow::Break(());
        let error = leading_eigenvectors(&matrix, &known, 2, &stop).expect_err("stopped at the first report");
        assert_eq!(error.kind(), crate::ErrorKind::Interrupted);
    }
}
