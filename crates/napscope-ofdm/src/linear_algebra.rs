//! The little linear algebra that channel estimation needs, on small Hermitian matrices in double precision.
//!
//! Matrices are row-major slices of n² elements: the largest have one row a path of the channel, some tens, and the work
//! must not allocate, so a library would be more code than these three functions.

use rustfft::num_complex::Complex64;

/// Replaces the Hermitian positive definite `a` by its Cholesky factor L (lower triangle; the upper one is left as it is).
/// A pivot that rounding made less than `floor` becomes `floor`: with it the factor is that of a slightly heavier diagonal.
pub(crate) fn cholesky(a: &mut [Complex64], n: usize, floor: f64) {
    for j in 0..n {
        let (above, below) = a.split_at_mut((j + 1) * n);
        let row_j = &mut above[j * n..];
        let pivot = row_j[j].re - row_j[..j].iter().map(|l| l.norm_sqr()).sum::<f64>();
        let diagonal = pivot.max(floor).sqrt();
        row_j[j] = diagonal.into();
        for row_i in below.chunks_exact_mut(n) {
            let sum: Complex64 = row_i[..j].iter().zip(&row_j[..j]).map(|(x, y)| x * y.conj()).sum();
            row_i[j] = (row_i[j] - sum) / diagonal;
        }
    }
}

/// Solves L x = b in place, with L of [`cholesky`].
pub(crate) fn solve_lower(l: &[Complex64], b: &mut [Complex64]) {
    let n = b.len();
    for i in 0..n {
        let sum: Complex64 = l[i * n..i * n + i].iter().zip(&*b).map(|(l, x)| l * x).sum();
        b[i] = (b[i] - sum) / l[i * n + i].re;
    }
}

/// Solves Lᴴ x = b in place, with L of [`cholesky`].
pub(crate) fn solve_upper(l: &[Complex64], b: &mut [Complex64]) {
    let n = b.len();
    for i in (0..n).rev() {
        b[i] /= l[i * n + i].re;
        let x = b[i];
        for (b, l) in b[..i].iter_mut().zip(&l[i * n..]) {
            *b -= l.conj() * x;
        }
    }
}

/// Eigenvalues of the Hermitian `a` on its diagonal, eigenvectors in the columns of `vectors`: cyclic Jacobi rotations.
pub(crate) fn hermitian_eigen(a: &mut [Complex64], vectors: &mut [Complex64], n: usize) {
    vectors.fill(Complex64::default());
    for i in 0..n {
        vectors[i * n + i] = 1.0.into();
    }
    let scale: f64 = a.iter().map(|x| x.norm_sqr()).sum();
    for _ in 0..50 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].norm_sqr()).sum();
        if off <= 1e-30 * scale {
            return;
        }
        for q in 1..n {
            for p in 0..q {
                rotate(a, vectors, n, p, q);
            }
        }
    }
}

/// One Jacobi rotation, which makes a[p, q] zero.
fn rotate(a: &mut [Complex64], vectors: &mut [Complex64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq.norm_sqr() == 0.0 {
        return;
    }
    let phase = apq / apq.norm();
    let theta = (a[q * n + q].re - a[p * n + p].re) / (2.0 * apq.norm());
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (t * t + 1.0).sqrt();
    let sine = phase * (t * cosine);
    // Columns: [p, q] <- [c p - s* q, s p + c q]; then the same on rows, conjugated.
    for matrix in [&mut *a, vectors] {
        for k in 0..n {
            let (x, y) = (matrix[k * n + p], matrix[k * n + q]);
            matrix[k * n + p] = x * cosine - y * sine.conj();
            matrix[k * n + q] = x * sine + y * cosine;
        }
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = x * cosine - y * sine;
        a[q * n + k] = x * sine.conj() + y * cosine;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// A random Hermitian positive definite matrix.
    fn positive_definite(n: usize, random: &mut Stream) -> Vec<Complex64> {
        let b: Vec<Complex64> = (0..n * n).map(|_| Complex64::new(random.normal(), random.normal())).collect();
        let mut a = vec![Complex64::default(); n * n];
        for i in 0..n {
            for j in 0..n {
                a[i * n + j] = (0..n).map(|k| b[i * n + k] * b[j * n + k].conj()).sum();
            }
            a[i * n + i] += 0.1;
        }
        a
    }

    #[test]
    fn a_solved_system_gives_back_its_right_side() {
        let mut random = Stream::new(1, 0, Purpose::Parameters);
        for n in [1, 2, 5, 24] {
            let a = positive_definite(n, &mut random);
            let b: Vec<Complex64> = (0..n).map(|_| Complex64::new(random.normal(), random.normal())).collect();
            let (mut l, mut x) = (a.clone(), b.clone());
            cholesky(&mut l, n, 0.0);
            solve_lower(&l, &mut x);
            solve_upper(&l, &mut x);
            for i in 0..n {
                let got: Complex64 = (0..n).map(|k| a[i * n + k] * x[k]).sum();
                assert!((got - b[i]).norm() < 1e-9, "n = {n}, row {i}: expected {}, got {got}", b[i]);
            }
        }
    }

    #[test]
    fn eigenvectors_are_scaled_by_their_eigenvalues() {
        let mut random = Stream::new(2, 0, Purpose::Parameters);
        for n in [1, 2, 3, 4] {
            let a = positive_definite(n, &mut random);
            let (mut d, mut v) = (a.clone(), a.clone());
            hermitian_eigen(&mut d, &mut v, n);
            for j in 0..n {
                for i in 0..n {
                    let got: Complex64 = (0..n).map(|k| a[i * n + k] * v[k * n + j]).sum();
                    let expected = v[i * n + j] * d[j * n + j].re;
                    assert!((got - expected).norm() < 1e-10, "n = {n}, vector {j}: expected {expected}, got {got}");
                }
            }
        }
    }
}
