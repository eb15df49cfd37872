//! Sums over many numbers: eight lanes of f32 over a short stretch, stretches in f64.

const LANES: usize = 8;
const STRETCH: usize = 256;

/// Σ `term(a, b)` over two rows of equal length.
#[inline(always)]
pub(crate) fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(STRETCH).zip(b.chunks(STRETCH)) {
        let mut lanes = [0.0f32; LANES];
        let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        for (a, b) in (&mut a).zip(&mut b) {
            for lane in 0..LANES {
                lanes[lane] += term(a[lane], b[lane]);
            }
        }
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        total += a.remainder().iter().zip(b.remainder()).map(|(&a, &b)| f64::from(term(a, b))).sum::<f64>();
    }
    total
}

/// The sum of `values`.
#[inline(always)]
pub(crate) fn sum(values: &[f32]) -> f64 {
    sum_of(values, values, |value, _| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_counts_once() {
        for len in [0, 1, 7, 8, 255, 256, 257, 1000] {
            let values: Vec<f32> = (0..len).map(|i| i as f32 + 0.5).collect();
            let expected: f64 = values.iter().map(|&value| f64::from(value)).sum();
            assert!((sum(&values) - expected).abs() < 1e-9 * (1.0 + expected), "{len} numbers");
            let expected: f64 = values.iter().map(|&value| f64::from(value) * 2.0).sum();
            let found = sum_of(&values, &vec![2.0; len], |a, b| a * b);
            assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "{len} products");
        }
    }
}
