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
}

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
        // The largest offset is that of the least or the greatest value of some coordinate.
        let largest = clouds.iter().map(|cloud| largest_offset(cloud, &center)).fold(0.0, f64::max);
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        let short_scale = (scale.log2().abs() <= SHORT).then_some(scale as f32);
        Frame { center, scale, short_scale }
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

fn largest_offset(points: &Points, center: &[f32]) -> f64 {
    let none = || vec![(f32::INFINITY, f32::NEG_INFINITY); center.len()];
    let widen = |mut range: Vec<(f32, f32)>, row: &[f32]| {
        for ((least, greatest), value) in range.iter_mut().zip(row) {
            (*least, *greatest) = (least.min(*value), greatest.max(*value));
        }
        range
    };
    let both = |x: Vec<(f32, f32)>, y: Vec<(f32, f32)>| -> Vec<(f32, f32)> {
        x.into_iter().zip(y).map(|(x, y)| (x.0.min(y.0), x.1.max(y.1))).collect()
    };
    let rows = points.values().par_chunks_exact(points.dimensions()).with_min_len(1024);
    let ranges = rows.fold(none, widen).reduce(none, both);
    let offset = |((least, greatest), center): (&(f32, f32), &f32)| {
        let center = f64::from(*center);
        (center - f64::from(*least)).max(f64::from(*greatest) - center)
    };
    ranges.iter().zip(center).map(offset).fold(0.0, f64::max)
}
