//! An order of the points in which neighbors stand near each other, so that panels of them are compact.

use rayon::join;

/// Points looked at to choose the coordinate to split by.
const SPREAD_SAMPLE: usize = 256;
/// Fewer points are not worth a second thread.
const ALONE: usize = 4096;

/// The samples, such that every aligned run of `run` of them is compact: halves are split off, in whole runs, along the
/// coordinate of the largest variance.
///
/// # Shapes
/// - `coordinates`: `[samples, stride]`, of which the first `dimensions` count
pub(super) fn compact_order(coordinates: &[f32], stride: usize, dimensions: usize, run: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..(coordinates.len() / stride) as u32).collect();
    split(&Coordinates { values: coordinates, stride, dimensions }, run, &mut order);
    order
}

struct Coordinates<'a> {
    values: &'a [f32],
    stride: usize,
    dimensions: usize,
}

fn split(coordinates: &Coordinates<'_>, run: usize, order: &mut [u32]) {
    let runs = order.len().div_ceil(run);
    if runs < 2 {
        return;
    }
    let along = widest(coordinates, order);
    let middle = runs / 2 * run;
    let value = |sample: &u32| coordinates.values[*sample as usize * coordinates.stride + along];
    order.select_nth_unstable_by(middle, |x, y| value(x).total_cmp(&value(y)).then(x.cmp(y)));
    let (left, right) = order.split_at_mut(middle);
    if left.len() < ALONE {
        split(coordinates, run, left);
        split(coordinates, run, right);
    } else {
        join(|| split(coordinates, run, left), || split(coordinates, run, right));
    }
}

/// The coordinate with the largest variance among some of `order`.
fn widest(coordinates: &Coordinates<'_>, order: &[u32]) -> usize {
    let dimensions = coordinates.dimensions;
    let step = order.len().div_ceil(SPREAD_SAMPLE);
    let mut sums = vec![(0.0f64, 0.0f64); dimensions];
    for &sample in order.iter().step_by(step) {
        let row = &coordinates.values[sample as usize * coordinates.stride..][..dimensions];
        for ((sum, squares), value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
            *squares += f64::from(*value).powi(2);
        }
    }
    let count = order.len().div_ceil(step) as f64;
    let variance = |at: usize| sums[at].1 - sums[at].0 * sums[at].0 / count;
    (0..dimensions).max_by(|&x, &y| variance(x).total_cmp(&variance(y))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_compact_and_nobody_is_lost() {
        let coordinates: Vec<f32> = (0..1000).map(|at| ((at * 617) % 1000) as f32).collect();
        let order = compact_order(&coordinates, 1, 1, 48);
        for run in order.chunks(48) {
            let values: Vec<f32> = run.iter().map(|&sample| coordinates[sample as usize]).collect();
            let spread = values.iter().copied().fold(0.0, f32::max) - values.iter().copied().fold(1000.0, f32::min);
            assert!(spread < 100.0, "48 of 1000 points on a line span {spread}");
        }
        let mut sorted = order;
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(at, sample)| at == *sample as usize), "a permutation");
    }
}
