//! Which columns of a layer's features set a selection apart from all other samples, strongest first.

use super::selection::Selection;
use crate::patterns::word;
use napscope::features::Features;
use rayon::prelude::*;
use serde::Serialize;

/// Bars of a histogram.
const BARS: usize = 32;

/// One column, inside of the selection and outside of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Contrast {
    pub(super) column: usize,
    pub(super) channel: u32,
    pub(super) statistic: String,
    /// Difference of the means in pooled standard deviations (Cohen's d); 0 where nothing varies.
    pub(super) effect: f64,
    /// Ends of the histograms.
    pub(super) range: [f32; 2],
    pub(super) inside: Part,
    pub(super) outside: Part,
}

/// A column over some samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) samples: usize,
    pub(super) mean: f64,
    /// 5, 25, 50, 75 and 95 %.
    pub(super) quantiles: [f32; 5],
    pub(super) bars: Vec<u32>,
}

#[derive(Clone, Default)]
struct Sums {
    mean: Vec<f64>,
    /// Squared differences from the mean, summed.
    squares: Vec<f64>,
    samples: usize,
}

/// The `most` columns with the largest effect; equal ones stand by column.
pub(super) fn contrasts(features: &Features, selection: &Selection, most: usize) -> Vec<Contrast> {
    let (inside, outside): (Vec<usize>, Vec<usize>) =
        (0..features.samples()).partition(|&sample| selection.has(sample));
    let (within, without) = (sums(features, &inside), sums(features, &outside));
    let effects: Vec<f64> = (0..features.columns().len()).map(|column| effect(&within, &without, column)).collect();
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by(|&x, &y| effects[y].abs().total_cmp(&effects[x].abs()).then(x.cmp(&y)));
    order.truncate(most);
    let contrast = |column: usize| {
        let values =
            |samples: &[usize]| -> Vec<f32> { samples.iter().map(|&sample| features.row(sample)[column]).collect() };
        let (x, y) = (values(&inside), values(&outside));
        let fold = |start: f32, pick: fn(f32, f32) -> f32| x.iter().chain(&y).copied().fold(start, pick);
        let range = [fold(f32::INFINITY, f32::min), fold(f32::NEG_INFINITY, f32::max)];
        let of = features.columns()[column];
        Contrast {
            column,
            channel: of.channel,
            statistic: word(of.statistic),
            effect: effects[column],
            range,
            inside: part(x, within.mean[column], range),
            outside: part(y, without.mean[column], range),
        }
    };
    order.into_par_iter().map(contrast).collect()
}

fn sums(features: &Features, samples: &[usize]) -> Sums {
    let columns = features.columns().len();
    let count = samples.len().max(1) as f64;
    let (mut mean, mut squares) = (vec![0.0; columns], vec![0.0; columns]);
    for &sample in samples {
        mean.iter_mut().zip(features.row(sample)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    mean.iter_mut().for_each(|sum| *sum /= count);
    for &sample in samples {
        for ((sum, mean), value) in squares.iter_mut().zip(&mean).zip(features.row(sample)) {
            *sum += (f64::from(*value) - mean).powi(2);
        }
    }
    Sums { mean, squares, samples: samples.len() }
}

fn effect(inside: &Sums, outside: &Sums, column: usize) -> f64 {
    let freedom = (inside.samples + outside.samples).saturating_sub(2);
    if freedom == 0 || inside.samples == 0 || outside.samples == 0 {
        return 0.0;
    }
    let pooled = ((inside.squares[column] + outside.squares[column]) / freedom as f64).sqrt();
    if pooled > 0.0 { (inside.mean[column] - outside.mean[column]) / pooled } else { 0.0 }
}

fn part(mut values: Vec<f32>, mean: f64, [low, high]: [f32; 2]) -> Part {
    let mut bars = vec![0; BARS];
    let width = f64::from(high) - f64::from(low);
    for value in &values {
        let share = if width > 0.0 { (f64::from(*value) - f64::from(low)) / width } else { 0.0 };
        bars[((share * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    values.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| {
        let last = values.len().saturating_sub(1);
        values.get((share * last as f64).round() as usize).copied().unwrap_or(0.0)
    };
    Part { samples: values.len(), mean, quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(at), bars }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_that_differs_comes_first() {
        // Column 0 does not vary with the selection, column 1 is 0 outside and 10 inside but for 1 in 4.
        let rows: Vec<f32> =
            (0..80).flat_map(|i| [(i / 2 % 5) as f32, if i % 2 == 0 && i % 8 != 0 { 10.0 } else { 0.0 }]).collect();
        let features = Features::plain(rows, 2).expect("finite");
        let even = Selection::new(&[0b0101_0101; 10], 80).expect("ten bytes");
        let found = contrasts(&features, &even, 9);
        assert_eq!(found.iter().map(|found| found.column).collect::<Vec<_>>(), [1, 0]);
        let Contrast { inside, outside, effect, range, .. } = &found[0];
        assert_eq!((inside.mean, outside.mean, inside.samples, *range), (7.5, 0.0, 40, [0.0, 10.0]));
        // Squares: 30 · 2.5² + 10 · 7.5² = 750 inside, none outside; 78 degrees of freedom.
        assert!((effect - 7.5 / (750.0f64 / 78.0).sqrt()).abs() < 1e-12, "{effect}");
        assert_eq!((inside.bars[0], inside.bars[BARS - 1], outside.bars[0]), (10, 30, 40));
        // Ten zeros and thirty tens: the 25 % are read at place 9.75 of 0 … 39, to the nearest.
        assert_eq!(inside.quantiles, [0.0, 10.0, 10.0, 10.0, 10.0]);
    }

    #[test]
    fn nothing_and_everything_can_be_selected() {
        let features = Features::plain((0..24).map(|i| i as f32).collect(), 3).expect("finite");
        for bits in [0, 0xff] {
            let found = contrasts(&features, &Selection::new(&[bits], 8).expect("a byte"), 5);
            assert!(found.iter().all(|found| found.effect == 0.0) && found.len() == 3, "{found:?}");
        }
    }
}
