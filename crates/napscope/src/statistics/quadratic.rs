//! Σ weight · (w · (x − c))² + outside · |x − c|²: what Mahalanobis distances and the residuals of principal components are.
//!
//! Samples go through eight at a time, one in each lane of a vector, and the rows w six at a time: a sample's bits do not hang
//! on those beside it, and one sample alone costs no more than eight.

use super::PrincipalAxes;
use faer::MatRef;
use rayon::prelude::*;

/// Samples side by side.
const LANES: usize = 8;
/// Rows w side by side: with their sums in registers, the lanes of a sample are read once for all of them.
const ROWS: usize = 6;

/// A coordinate of eight samples; a line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f64; LANES]);

/// A sum of weighted squares of linear functions.
pub(crate) struct QuadraticForm {
    mean: Vec<f64>,
    outside: f64,
    panels: Vec<Panel>,
}

/// Some rows w, column by column; columns behind the last are 0 in all of them.
struct Panel {
    weights: [f64; ROWS],
    coefficients: Vec<[f64; ROWS]>,
}

/// A point that samples are held against.
pub(crate) struct Center {
    /// It, less the mean.
    offset: Vec<f64>,
    /// w · offset, panel by panel.
    images: Vec<[f64; ROWS]>,
}

impl QuadraticForm {
    /// Takes the rows w (`[rows, columns]`) with a weight for each, the weight of everything, and a point near the samples: what is
    /// summed are differences from it.
    pub(crate) fn new(mean: Vec<f64>, rows: MatRef<'_, f64>, weights: &[f64], outside: f64) -> Self {
        let at = |row: usize, column: usize| if row < rows.nrows() { rows[(row, column)] } else { 0.0 };
        let panel = |first: usize| {
            let column = |column: usize| std::array::from_fn(|row| at(first + row, column));
            let mut coefficients: Vec<[f64; ROWS]> = (0..rows.ncols()).map(column).collect();
            let reach = coefficients.iter().rposition(|row| *row != [0.0; ROWS]).map_or(0, |last| last + 1);
            coefficients.truncate(reach);
            Panel { weights: std::array::from_fn(|row| weights.get(first + row).copied().unwrap_or(0.0)), coefficients }
        };
        QuadraticForm { mean, outside, panels: (0..rows.nrows()).step_by(ROWS).map(panel).collect() }
    }

    /// The squared length of what the first `kept` of some axes leave over. Those that are kept are taken off, if they are fewer
    /// and enough is left that rounding does not show; else those that are left are summed, if the axes span everything.
    pub(crate) fn residual(axes: &PrincipalAxes, kept: usize) -> Self {
        /// Of the variance: rounding is then some 1e-13 of the square of what samples leave on average.
        const ENOUGH: f64 = 1e-3;
        let directions = axes.directions.transpose();
        let mean = axes.mean.clone();
        let count = directions.nrows();
        let left = count - kept;
        let variance = |axes: &[f64]| axes.iter().sum::<f64>();
        let is_enough = variance(&axes.variances[kept..]) > ENOUGH * variance(&axes.variances);
        if count == axes.columns() && !(is_enough && kept < left) {
            Self::new(mean, directions.subrows(kept, left), &vec![1.0; left], 0.0)
        } else {
            Self::new(mean, directions.subrows(0, kept), &vec![-1.0; kept], 1.0)
        }
    }

    /// The mean as a center.
    pub(crate) fn middle(&self) -> Center {
        self.center(&self.mean)
    }

    /// `point` as a center.
    pub(crate) fn center(&self, point: &[f64]) -> Center {
        let offset: Vec<f64> = point.iter().zip(&self.mean).map(|(point, mean)| point - mean).collect();
        let image = |panel: &Panel| {
            let mut image = [0.0; ROWS];
            for (coefficients, offset) in panel.coefficients.iter().zip(&offset) {
                image.iter_mut().zip(coefficients).for_each(|(sum, coefficient)| *sum += coefficient * offset);
            }
            image
        };
        Center { images: self.panels.iter().map(image).collect(), offset }
    }

    /// The form's value for each row, from the center where it is least; never below 0.
    ///
    /// # Shapes
    /// - `values`: `[samples, columns]`; there is at least one center.
    pub(crate) fn nearest(&self, values: &[f32], centers: &[Center]) -> Vec<f64> {
        let columns = self.mean.len();
        let mut least = vec![0.0; values.len() / columns];
        let blocks = least.par_chunks_mut(LANES).zip(values.par_chunks(LANES * columns));
        let scratch = || (vec![Line([0.0; LANES]); columns], vec![[0.0; LANES]; centers.len()]);
        blocks.for_each_init(scratch, |(lines, totals), (least, values)| {
            // Lanes without a sample hold the first one again.
            let row = |lane: usize| values.get(lane * columns..(lane + 1) * columns).unwrap_or(&values[..columns]);
            let rows: [&[f32]; LANES] = std::array::from_fn(row);
            for (column, (line, mean)) in lines.iter_mut().zip(&self.mean).enumerate() {
                line.0 = std::array::from_fn(|lane| f64::from(rows[lane][column]) - mean);
            }
            evaluate(self, lines, centers, totals);
            for (lane, least) in least.iter_mut().enumerate() {
                *least = totals.iter().fold(f64::INFINITY, |least, total| least.min(total[lane])).max(0.0);
            }
        });
        least
    }
}

/// The form's value from every center, of one sample a lane.
#[inline(always)]
fn sums(form: &QuadraticForm, lines: &[Line], centers: &[Center], totals: &mut [[f64; LANES]]) {
    for (total, center) in totals.iter_mut().zip(centers) {
        *total = [0.0; LANES];
        if form.outside != 0.0 {
            for (Line(values), offset) in lines.iter().zip(&center.offset) {
                for lane in 0..LANES {
                    let difference = values[lane] - offset;
                    total[lane] += form.outside * (difference * difference);
                }
            }
        }
    }
    for (number, panel) in form.panels.iter().enumerate() {
        let mut sums = [[0.0; LANES]; ROWS];
        for (coefficients, Line(values)) in panel.coefficients.iter().zip(lines) {
            for row in 0..ROWS {
                for lane in 0..LANES {
                    sums[row][lane] = coefficients[row].mul_add(values[lane], sums[row][lane]);
                }
            }
        }
        for (total, center) in totals.iter_mut().zip(centers) {
            let image = &center.images[number];
            for row in 0..ROWS {
                for lane in 0..LANES {
                    let difference = sums[row][lane] - image[row];
                    total[lane] += panel.weights[row] * (difference * difference);
                }
            }
        }
    }
}

/// [`sums`], compiled for the vector units that a processor may have. What is fused is fused on all, so the bits are the same.
fn evaluate(form: &QuadraticForm, lines: &[Line], centers: &[Center], totals: &mut [[f64; LANES]]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn wide(form: &QuadraticForm, lines: &[Line], centers: &[Center], totals: &mut [[f64; LANES]]) {
            sums(form, lines, centers, totals);
        }
        #[target_feature(enable = "avx2,fma")]
        fn medium(form: &QuadraticForm, lines: &[Line], centers: &[Center], totals: &mut [[f64; LANES]]) {
            sums(form, lines, centers, totals);
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F.
            return unsafe { wide(form, lines, centers, totals) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            return unsafe { medium(form, lines, centers, totals) };
        }
    }
    sums(form, lines, centers, totals);
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    fn number(at: usize) -> f64 {
        (at as f64 * 0.731).sin()
    }

    #[test]
    fn it_is_the_sum_that_it_says() {
        for (samples, columns, rows, outside) in [(1, 1, 1, 0.0), (3, 4, 2, 0.5), (8, 7, 7, 0.0), (21, 13, 20, 2.0)] {
            let name = format!("{samples} samples, {columns} columns, {rows} rows, {outside} outside");
            let matrix =
                Mat::from_fn(rows, columns, |row, column| if column <= row { number(row * 31 + column) } else { 0.0 });
            let weights: Vec<f64> = (0..rows).map(|row| 0.5 + number(row).abs()).collect();
            let mean: Vec<f64> = (0..columns).map(|column| number(column + 500)).collect();
            let form = QuadraticForm::new(mean.clone(), matrix.as_ref(), &weights, outside);
            let values: Vec<f32> = (0..samples * columns).map(|at| number(at + 900) as f32).collect();
            let other: Vec<f64> = (0..columns).map(|column| number(column + 40)).collect();
            let plain = |row: &[f32], center: &[f64]| {
                let z: Vec<f64> = row.iter().zip(center).map(|(x, c)| f64::from(*x) - c).collect();
                let along = |row: usize| (0..columns).map(|column| matrix[(row, column)] * z[column]).sum::<f64>();
                let inside: f64 = (0..rows).map(|row| weights[row] * along(row).powi(2)).sum();
                inside + outside * z.iter().map(|z| z * z).sum::<f64>()
            };
            let found = form.nearest(&values, &[form.middle()]);
            let nearest = form.nearest(&values, &[form.middle(), form.center(&other)]);
            for (sample, row) in values.chunks_exact(columns).enumerate() {
                let (to_mean, to_other) = (plain(row, &mean), plain(row, &other));
                assert!((found[sample] - to_mean).abs() < 1e-12 * (1.0 + to_mean), "{name}: sample {sample}");
                let least = to_mean.min(to_other);
                assert!(
                    (nearest[sample] - least).abs() < 1e-12 * (1.0 + least),
                    "{name}: sample {sample}, two centers"
                );
                let alone = form.nearest(row, &[form.middle()]);
                assert_eq!(alone[0].to_bits(), found[sample].to_bits(), "{name}: sample {sample} alone");
            }
        }
    }
}
