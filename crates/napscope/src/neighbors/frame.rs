//! Shift and scale: coordinates around the mean and below 1, so that sums in f32 neither overflow nor cancel more than need be.

use crate::distance::Points;
use rayon::prelude::*;

/// Places coordinates: (value − center) · scale.
pub(super) struct Frame {
    center: Vec<f32>,
    /// A power of two: multiplying by it rounds nothing.
    scale: f64,
    /// The same, where neither differences nor the scale leave the range of f32.
    short_scale: Option<f32>,
    /// The least and the greatest value of each coordinate, placed.
    least: Vec<f32>,
    greatest: Vec<f32>,
}

/// Placed coordinates of others than the frame is of are at most this.
const WIDEST: f64 = 16.0;
/// Scales within 2^±this are short.
const SHORT: f64 = 100.0;

impl Frame {
    /// A frame around the mean of `points` that holds all of `clouds`.
    pub(super) fn around(points: &Points, clouds: &[&Points]) -> Self {
        let (n, d) = (points.samples(), points.dimensions());
        let mut sums = vec![0.0; d];
        for row in points.values().chunks_exact(d) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let center: Vec<f32> = sums.iter().map(|sum| (sum / n as f64) as f32).collect();
        let (least, greatest) = clouds.iter().map(|cloud| ranges(cloud)).fold(no_ranges(d), widest);
        // The largest offset is that of the least or the greatest value of some coordinate.
        let offset = |((least, greatest), center): ((&f32, &f32), &f32)| {
            let center = f64::from(*center);
            (center - f64::from(*least)).max(f64::from(*greatest) - center)
        };
        let largest = least.iter().zip(&greatest).zip(&center).map(offset).fold(0.0, f64::max);
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        let short_scale = (scale.log2().abs() <= SHORT).then_some(scale as f32);
        let mut frame = Frame { center, scale, short_scale, least: vec![0.0; d], greatest: vec![0.0; d] };
        let mut placed = vec![0.0; d];
        frame.place(&least, 0, &mut placed);
        frame.least.copy_from_slice(&placed);
        frame.place(&greatest, 0, &mut placed);
        frame.greatest.copy_from_slice(&placed);
        frame
    }

    /// The least value of each coordinate, placed.
    pub(super) fn least(&self) -> &[f32] {
        &self.least
    }

    /// The greatest value of each coordinate, placed.
    pub(super) fn greatest(&self) -> &[f32] {
        &self.greatest
    }

    /// Are others placed near enough?
    pub(super) fn holds(&self, others: &Points) -> bool {
        let (least, greatest) = ranges(others);
        let is_near =
            |(value, center): (&f32, &f32)| (f64::from(*value) - f64::from(*center)).abs() * self.scale <= WIDEST;
        least.iter().zip(&self.center).chain(greatest.iter().zip(&self.center)).all(is_near)
    }

    /// The scale.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Places the coordinates of `row` from `first` on.
    pub(super) fn place(&self, row: &[f32], first: usize, placed: &mut [f32]) {
        let center = &self.center[first..first + placed.len()];
        if let Some(scale) = self.short_scale {
            for ((placed, value), center) in placed.iter_mut().zip(&row[first..]).zip(center) {
                *placed = (value - center) * scale;
            }
            return;
        }
        for ((placed, value), center) in placed.iter_mut().zip(&row[first..]).zip(center) {
            *placed = ((f64::from(*value) - f64::from(*center)) * self.scale) as f32;
        }
    }
}

type Ranges = (Vec<f32>, Vec<f32>);

fn no_ranges(dimensions: usize) -> Ranges {
    (vec![f32::INFINITY; dimensions], vec![f32::NEG_INFINITY; dimensions])
}

/// The least and the greatest value of each coordinate.
fn ranges(points: &Points) -> Ranges {
    let widen = |mut ranges: Ranges, row: &[f32]| {
        for ((least, greatest), value) in ranges.0.iter_mut().zip(&mut ranges.1).zip(row) {
            *least = if *value < *least { *value } else { *least };
            *greatest = if *value > *greatest { *value } else { *greatest };
        }
        ranges
    };
    let d = points.dimensions();
    let rows = points.values().par_chunks_exact(d).with_min_len(1024);
    rows.fold(|| no_ranges(d), widen).reduce(|| no_ranges(d), widest)
}

fn widest(x: Ranges, y: Ranges) -> Ranges {
    let least = x.0.iter().zip(&y.0).map(|(x, y)| x.min(*y)).collect();
    let greatest = x.1.iter().zip(&y.1).map(|(x, y)| x.max(*y)).collect();
    (least, greatest)
}
