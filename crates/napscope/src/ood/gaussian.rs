//! The Gaussian kernel e^(−γ |x − y|²) of many pairs: what a support vector machine spends its time on.
//!
//! Distances are differences, squared and summed in f32 in sixteen lanes: no cancellation, unlike |x|² + |y|² − 2 x·y. A pair's
//! bits are the same whatever is computed beside it.

use crate::lanes::fold;
use crate::sketch::exp;
use rayon::prelude::*;

const LANES: usize = 16;
/// Rows that look at the others together, so that each of those is fetched once for all of them.
const TOGETHER: usize = 4;
/// Pairs whose exponentials are taken in one loop.
const BLOCK: usize = 64;

/// Compiles a function for the vector units that a processor may have; nothing is fused, so the bits are the same for all.
macro_rules! for_every_vector_unit {
    ($name:ident, $plain:ident, [$($argument:ident: $kind:ty),*], [$($constant:tt)*], [$($call:tt)*]) => {
        fn $name $($constant)* ($($argument: $kind),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq")]
                fn wide $($constant)* ($($argument: $kind),*) {
                    $plain($($argument),*);
                }
                #[target_feature(enable = "avx2")]
                fn medium $($constant)* ($($argument: $kind),*) {
                    $plain($($argument),*);
                }
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                    // SAFETY: the processor has both.
                    return unsafe { wide $($call)* ($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { medium $($call)* ($($argument),*) };
                }
            }
            $plain($($argument),*);
        }
    };
}

/// |x − y|² of some x and one y.
#[inline(always)]
fn squared<const Q: usize>(x: &[&[f32]; Q], y: &[f32]) -> [f32; Q] {
    let (whole, rest) = y.as_chunks::<LANES>();
    let x_whole: [_; Q] = std::array::from_fn(|q| &x[q].as_chunks::<LANES>().0[..whole.len()]);
    let mut sums = [[0.0f32; LANES]; Q];
    for (at, y) in whole.iter().enumerate() {
        for q in 0..Q {
            for lane in 0..LANES {
                let difference = x_whole[q][at][lane] - y[lane];
                sums[q][lane] += difference * difference;
            }
        }
    }
    let done = whole.len() * LANES;
    for q in 0..Q {
        for (lane, y) in rest.iter().enumerate() {
            let difference = x[q][done + lane] - y;
            sums[q][lane] += difference * difference;
        }
    }
    std::array::from_fn(|q| fold(&sums[q]))
}

/// `total[q]` += Σ weight · kernel over the rows, for each x.
#[inline(always)]
fn sums_of<const Q: usize>(x: &[&[f32]; Q], rows: &[f32], weights: &[f64], gamma: f64, total: &mut [f64; Q]) {
    let columns = x[0].len();
    let mut exponents = [[0.0; BLOCK]; Q];
    for (rows, weights) in rows.chunks(BLOCK * columns).zip(weights.chunks(BLOCK)) {
        for (at, row) in rows.chunks_exact(columns).enumerate() {
            let squares = squared(x, row);
            for q in 0..Q {
                exponents[q][at] = -gamma * f64::from(squares[q]);
            }
        }
        for q in 0..Q {
            for exponent in &mut exponents[q] {
                *exponent = exp(*exponent);
            }
            total[q] += weights.iter().zip(&exponents[q]).map(|(weight, kernel)| weight * kernel).sum::<f64>();
        }
    }
}

#[inline(always)]
fn row_of(x: &[f32], rows: &[f32], gamma: f64, kernel: &mut [f32]) {
    for (kernel, rows) in kernel.chunks_mut(BLOCK).zip(rows.chunks(BLOCK * x.len())) {
        let mut exponents = [0.0; BLOCK];
        for (exponent, row) in exponents.iter_mut().zip(rows.chunks_exact(x.len())) {
            *exponent = -gamma * f64::from(squared(&[x], row)[0]);
        }
        for exponent in &mut exponents {
            *exponent = exp(*exponent);
        }
        kernel.iter_mut().zip(exponents).for_each(|(kernel, value)| *kernel = value as f32);
    }
}

for_every_vector_unit! {
    add_sums, sums_of,
    [x: &[&[f32]; Q], rows: &[f32], weights: &[f64], gamma: f64, total: &mut [f64; Q]],
    [<const Q: usize>], [::<Q>]
}

for_every_vector_unit! {
    fill_row, row_of,
    [x: &[f32], rows: &[f32], gamma: f64, kernel: &mut [f32]],
    [], []
}

/// Σ weight · kernel over `rows` (`[weights, columns]`), for every row of `x` (`[any, columns]`).
pub(super) fn weighted_sums(x: &[f32], columns: usize, rows: &[f32], weights: &[f64], gamma: f64) -> Vec<f64> {
    let mut sums = vec![0.0; x.len() / columns];
    sums.par_chunks_mut(TOGETHER).zip(x.par_chunks(TOGETHER * columns)).for_each(|(sums, x)| {
        let row = |at: usize| &x[at * columns..(at + 1) * columns];
        if let Ok(sums) = <&mut [f64; TOGETHER]>::try_from(&mut *sums) {
            add_sums(&std::array::from_fn::<_, TOGETHER, _>(row), rows, weights, gamma, sums);
        } else {
            for (at, sum) in sums.iter_mut().enumerate() {
                add_sums(&[row(at)], rows, weights, gamma, std::array::from_mut(sum));
            }
        }
    });
    sums
}

/// The kernel of `x` with every row.
pub(super) fn kernel_row(x: &[f32], rows: &[f32], gamma: f64) -> Box<[f32]> {
    const PART: usize = 16 * BLOCK;
    let mut kernel = vec![0.0; rows.len() / x.len()];
    let parts = kernel.par_chunks_mut(PART).zip(rows.par_chunks(PART * x.len()));
    parts.for_each(|(kernel, rows)| fill_row(x, rows, gamma, kernel));
    kernel.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_rows_are_those_of_the_formula_for_every_length() {
        for (count, rows, columns) in [(1, 1, 1), (3, 70, 5), (4, 64, 16), (9, 200, 33)] {
            let name = format!("{count} x {rows} x {columns}");
            let value = |at: usize| (at as f32 * 0.37).sin();
            let x: Vec<f32> = (0..count * columns).map(value).collect();
            let y: Vec<f32> = (0..rows * columns).map(|at| value(at + 91)).collect();
            let weights: Vec<f64> = (0..rows).map(|at| 0.1 + at as f64).collect();
            let gamma = 0.3;
            let kernel = |a: &[f32], b: &[f32]| {
                let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                (-gamma * squares.sum::<f64>()).exp()
            };
            let found = weighted_sums(&x, columns, &y, &weights, gamma);
            for (at, x) in x.chunks_exact(columns).enumerate() {
                let terms = y.chunks_exact(columns).zip(&weights).map(|(y, weight)| weight * kernel(x, y));
                let expected: f64 = terms.sum();
                assert!((found[at] - expected).abs() < 1e-5 * expected, "{name}: sum {at}");
                assert_eq!(weighted_sums(x, columns, &y, &weights, gamma), [found[at]], "{name}: sum {at} alone");
                for (row, kept) in y.chunks_exact(columns).zip(kernel_row(x, &y, gamma)) {
                    assert!((f64::from(kept) - kernel(x, row)).abs() < 1e-6, "{name}: kernel of {at}");
                }
            }
        }
    }
}
