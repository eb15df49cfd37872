//! The Gaussian kernel e^(−γ |x − y|²) of many pairs: what a support vector machine spends its time on.
//!
//! Rows stand sixteen side by side, one in each lane of a vector, and some x look at them together, so that what is fetched
//! serves them all. Distances are differences, squared and summed in f32 in runs of [`RUN`] coordinates: no cancellation, unlike
//! |x|² + |y|² − 2 x·y. A pair's bits are the same whatever is computed beside it.

use crate::lanes::fold;
use crate::sketch::exp;
use rayon::prelude::*;

/// Rows side by side.
const LANES: usize = 16;
/// x that look at the rows together.
const TOGETHER: usize = 8;
/// Panels of rows that one x alone looks at together.
const ABREAST: usize = 4;
/// Coordinates that are summed before the sum is put aside, so that rounding does not grow with their number.
const RUN: usize = 256;

/// A coordinate of sixteen rows; a line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Sixteen rows: for each coordinate, its value in all of them.
type Panel = [Line];

/// Kernels of one x with the rows of a panel.
type Kernels = [f64; LANES];

/// |x − y|² of some x and the rows of some panels, in f32. All sums are to be in registers.
#[inline(always)]
fn squares<const Q: usize, const P: usize>(x: &[&[f32]; Q], panels: &[&Panel; P]) -> [[[f32; LANES]; P]; Q] {
    let mut totals = [[[0.0f32; LANES]; P]; Q];
    let columns = panels[0].len();
    for first in (0..columns).step_by(RUN) {
        let run = first..(first + RUN).min(columns);
        let x: [&[f32]; Q] = std::array::from_fn(|q| &x[q][run.clone()]);
        let panels: [&Panel; P] = std::array::from_fn(|p| &panels[p][run.clone()]);
        // So that nothing has to be checked below.
        assert!(x.iter().all(|x| x.len() == run.len()) && panels.iter().all(|panel| panel.len() == run.len()));
        let mut sums = [[[0.0f32; LANES]; P]; Q];
        for at in 0..run.len() {
            for p in 0..P {
                let Line(line) = &panels[p][at];
                for q in 0..Q {
                    for lane in 0..LANES {
                        let difference = x[q][at] - line[lane];
                        sums[q][p][lane] = difference.mul_add(difference, sums[q][p][lane]);
                    }
                }
            }
        }
        for (total, sum) in
            totals.as_flattened_mut().as_flattened_mut().iter_mut().zip(sums.as_flattened().as_flattened())
        {
            *total += sum;
        }
    }
    totals
}

/// The kernels of some x, `AT_ONCE` of them at a time, with the rows of some panels.
#[inline(always)]
fn kernels_of<const Q: usize, const P: usize, const AT_ONCE: usize>(
    x: &[&[f32]; Q],
    panels: &[&Panel; P],
    gamma: f64,
    kernels: &mut [[Kernels; P]; Q],
) {
    for (x, kernels) in x.as_chunks::<AT_ONCE>().0.iter().zip(kernels.as_chunks_mut::<AT_ONCE>().0) {
        let squares = squares(x, panels);
        for (kernel, square) in kernels.as_flattened_mut().iter_mut().zip(squares.as_flattened()) {
            for lane in 0..LANES {
                kernel[lane] = exp(-gamma * f64::from(square[lane]));
            }
        }
    }
}

/// Defines a function that fills the kernels of each x with the rows of each panel, compiled for the vector units that a processor may
/// have: with so many x at a time as their registers hold the sums of. What is fused is fused on all, so the bits are the same.
macro_rules! fill_kernels {
    ($(#[$doc:meta])* $name:ident, $together:expr, $panels:expr, $wide:expr, $medium:expr) => {
        $(#[$doc])*
        fn $name(
            x: &[&[f32]; $together],
            panels: &[&Panel; $panels],
            gamma: f64,
            kernels: &mut [[Kernels; $panels]; $together],
        ) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq")]
                fn wide(
                    x: &[&[f32]; $together],
                    panels: &[&Panel; $panels],
                    gamma: f64,
                    kernels: &mut [[Kernels; $panels]; $together],
                ) {
                    kernels_of::<_, _, $wide>(x, panels, gamma, kernels);
                }
                #[target_feature(enable = "avx2,fma")]
                fn medium(
                    x: &[&[f32]; $together],
                    panels: &[&Panel; $panels],
                    gamma: f64,
                    kernels: &mut [[Kernels; $panels]; $together],
                ) {
                    kernels_of::<_, _, $medium>(x, panels, gamma, kernels);
                }
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                    // SAFETY: the processor has both.
                    return unsafe { wide(x, panels, gamma, kernels) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has both.
                    return unsafe { medium(x, panels, gamma, kernels) };
                }
            }
            kernels_of::<_, _, $medium>(x, panels, gamma, kernels);
        }
    };
}

fill_kernels! {
    /// Some x and the rows of one panel.
    fill_together, TOGETHER, 1, TOGETHER, { TOGETHER / 2 }
}

fill_kernels! {
    /// One x and the rows of some panels.
    fill_abreast, 1, ABREAST, 1, 1
}

fill_kernels! {
    /// One x and the rows of one panel.
    fill_one, 1, 1, 1, 1
}

/// Rows, packed so that others can be held against all of them.
pub(super) struct Bank {
    rows: usize,
    columns: usize,
    /// `[panels, columns]`; rows behind the last are 0.
    values: Vec<Line>,
}

impl Bank {
    /// Packs `rows`, `[any, columns]`.
    pub(super) fn new(rows: &[f32], columns: usize) -> Self {
        let count = rows.len() / columns;
        let mut values = vec![Line([0.0; LANES]); count.div_ceil(LANES) * columns];
        for (panel, rows) in values.chunks_exact_mut(columns).zip(rows.chunks(LANES * columns)) {
            for (lane, row) in rows.chunks_exact(columns).enumerate() {
                panel.iter_mut().zip(row).for_each(|(line, value)| line.0[lane] = *value);
            }
        }
        Bank { rows: count, columns, values }
    }

    fn panel(&self, number: usize) -> &Panel {
        &self.values[number * self.columns..(number + 1) * self.columns]
    }

    fn panels(&self) -> usize {
        self.rows.div_ceil(LANES)
    }

    /// Tells `visit` the kernels of `x` with the rows of each panel, in order.
    fn kernels(&self, x: &[f32], gamma: f64, mut visit: impl FnMut(usize, &Kernels)) {
        let together = self.panels() / ABREAST * ABREAST;
        for first in (0..together).step_by(ABREAST) {
            let mut kernels = [[[0.0; LANES]; ABREAST]];
            fill_abreast(&[x], &std::array::from_fn(|p| self.panel(first + p)), gamma, &mut kernels);
            kernels[0].iter().enumerate().for_each(|(p, kernels)| visit(first + p, kernels));
        }
        for number in together..self.panels() {
            let mut kernels = [[[0.0; LANES]]];
            fill_one(&[x], &[self.panel(number)], gamma, &mut kernels);
            visit(number, &kernels[0][0]);
        }
    }

    /// Σ weight · kernel over the rows, for every row of `x` (`[any, columns]`); one weight a row of the bank.
    pub(super) fn weighted_sums(&self, x: &[f32], weights: &[f64], gamma: f64) -> Vec<f64> {
        let mut of_panels = vec![[0.0; LANES]; self.panels()];
        of_panels.as_flattened_mut()[..weights.len()].copy_from_slice(weights);
        let add = |sums: &mut [f64; LANES], number: usize, kernels: &Kernels| {
            for lane in 0..LANES {
                sums[lane] += of_panels[number][lane] * kernels[lane];
            }
        };
        let mut totals = vec![0.0; x.len() / self.columns];
        totals.par_chunks_mut(TOGETHER).zip(x.par_chunks(TOGETHER * self.columns)).for_each(|(totals, x)| {
            let row = |at: usize| &x[at * self.columns..(at + 1) * self.columns];
            let mut sums = [[0.0; LANES]; TOGETHER];
            if totals.len() == TOGETHER {
                let x = std::array::from_fn::<_, TOGETHER, _>(row);
                for number in 0..self.panels() {
                    let mut kernels = [[[0.0; LANES]]; TOGETHER];
                    fill_together(&x, &[self.panel(number)], gamma, &mut kernels);
                    sums.iter_mut().zip(&kernels).for_each(|(sums, kernels)| add(sums, number, &kernels[0]));
                }
            } else {
                for (at, sums) in sums.iter_mut().enumerate().take(totals.len()) {
                    self.kernels(row(at), gamma, |number, kernels| add(sums, number, kernels));
                }
            }
            totals.iter_mut().zip(&sums).for_each(|(total, sums)| *total = fold(sums));
        });
        totals
    }

    /// The kernels of each x (`[any, columns]`) with every row; many of them cost less than as many times one.
    pub(super) fn kernel_rows(&self, x: &[&[f32]], gamma: f64) -> Vec<Box<[f32]>> {
        // An x that is missing is the first one again.
        let groups = x.chunks(TOGETHER).map(|x| std::array::from_fn(|at| *x.get(at).unwrap_or(&x[0])));
        let groups: Vec<[&[f32]; TOGETHER]> = groups.collect();
        let together = groups.len() * TOGETHER;
        // `[panels, x]`
        let mut kernels = vec![[0.0f32; LANES]; self.panels() * together];
        kernels.par_chunks_mut(together).enumerate().for_each(|(number, of_panel)| {
            for (group, of_group) in groups.iter().zip(of_panel.chunks_exact_mut(TOGETHER)) {
                let mut kernels = [[[0.0; LANES]]; TOGETHER];
                fill_together(group, &[self.panel(number)], gamma, &mut kernels);
                for (narrow, [wide]) in of_group.iter_mut().zip(&kernels) {
                    narrow.iter_mut().zip(wide).for_each(|(narrow, wide)| *narrow = *wide as f32);
                }
            }
        });
        let row = |at: usize| {
            let mut row = Vec::with_capacity(self.panels() * LANES);
            kernels.iter().skip(at).step_by(together).for_each(|kernels| row.extend_from_slice(kernels));
            row.truncate(self.rows);
            row.into_boxed_slice()
        };
        (0..x.len()).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_rows_are_those_of_the_formula_for_every_length() {
        for (count, rows, columns) in [(1, 1, 1), (3, 70, 5), (4, 64, 16), (6, 65, 300), (13, 200, 33)] {
            let name = format!("{count} x {rows} x {columns}");
            let value = |at: usize| (at as f32 * 0.37).sin();
            let x: Vec<f32> = (0..count * columns).map(value).collect();
            let y: Vec<f32> = (0..rows * columns).map(|at| value(at + 91)).collect();
            let weights: Vec<f64> = (0..rows).map(|at| 0.1 + at as f64).collect();
            let gamma = 5.0 / (16.0 + columns as f64);
            let bank = Bank::new(&y, columns);
            let kernel = |a: &[f32], b: &[f32]| {
                let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                (-gamma * squares.sum::<f64>()).exp()
            };
            let found = bank.weighted_sums(&x, &weights, gamma);
            for (at, x) in x.chunks_exact(columns).enumerate() {
                let terms = y.chunks_exact(columns).zip(&weights).map(|(y, weight)| weight * kernel(x, y));
                let expected: f64 = terms.sum();
                assert!((found[at] - expected).abs() < 1e-5 * expected, "{name}: sum {at}");
                assert_eq!(bank.weighted_sums(x, &weights, gamma), [found[at]], "{name}: sum {at} alone");
            }
            let x: Vec<&[f32]> = x.chunks_exact(columns).collect();
            for (x, kept) in x.iter().zip(bank.kernel_rows(&x, gamma)) {
                assert_eq!(kept.len(), rows, "{name}: a kernel for each row");
                for (row, kept) in y.chunks_exact(columns).zip(kept) {
                    assert!((f64::from(kept) - kernel(x, row)).abs() < 1e-6, "{name}: a kernel");
                }
            }
        }
    }
}
