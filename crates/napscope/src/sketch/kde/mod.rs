//! Kernel density estimate of each map on a grid of its channel's range: a smooth distribution.
//!
//! The density at x is Σ_i K((x − a_i) / h) / (n h) with a Gaussian K. A column is the probability mass at one grid point: the
//! density there, divided by the sum over the grid, so that a channel's columns add up to 1.
//!
//! - **Grid**: `grid` points from low − w/8 to high + w/8, where [low, high] is the channel's range and w its width: room for
//!   the tails that the kernel adds. Activations outside of the grid count at its ends.
//! - **Bandwidth** h: chosen for each map by a rule ([`bandwidth`]), or a number in activation units. It is at least half a
//!   grid step: a narrower kernel could fall between two points and vanish, and a constant map has bandwidth 0.
//! - **Method**: [`binned`] shares every activation between its two neighboring grid points and convolves; [`exact`] evaluates
//!   the sum.

mod bandwidth;
mod isj;

mod binning;

mod binned;
mod exact;

use super::grid::Span;
use super::{ChannelRanges, FittedSketch, Sketch, map, simd};
use crate::activations::{Activations, MapShape};
use crate::error::{Error, Result};
use crate::features::{Column, Statistic};
use crate::registry::{Entry, Options};
use bandwidth::Rule;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "kde",
    summary: "kernel density estimate of each channel over its range",
    options: &[
        ("grid", "64", "how many points the density is taken at, 2 to 1024"),
        ("bandwidth", "scott", "scott, silverman, isj (improved Sheather-Jones) or a number in activation units"),
        ("method", "binned", "binned (fast) or exact (the direct sum)"),
    ],
    build: |options| Ok(Box::new(Kde::from_options(options)?)),
};

/// What the grid extends beyond the channel's range at either end, as a fraction of the range.
const MARGIN: f64 = 0.125;

#[derive(Debug, Clone, Copy)]
enum Method {
    Binned,
    Exact,
}

struct Kde {
    points: usize,
    rule: Rule,
    method: Method,
}

impl Kde {
    fn from_options(options: &Options<'_>) -> Result<Self> {
        let method = match options.text("method") {
            "binned" => Method::Binned,
            "exact" => Method::Exact,
            other => return Err(Error::unknown("method of kde", other, ["binned", "exact"])),
        };
        Ok(Kde { points: options.get_in("grid", 2..=binning::MAX_POINTS)?, rule: Rule::from_options(options)?, method })
    }
}

impl Sketch for Kde {
    fn name(&self) -> &'static str {
        "kde"
    }

    fn needs_ranges(&self) -> bool {
        true
    }

    fn fit(&self, shape: MapShape, ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        let spans = Span::of_channels(self.name(), shape, ranges)?;
        let grids: Vec<Grid> = spans.into_iter().map(|span| Grid::over(span, self.points)).collect();
        let columns = map::columns(shape, self.points, |channel| {
            let grid = grids[channel];
            Ok((0..grid.points).map(move |k| Statistic::Density { at: grid.at(k), step: grid.step }))
        })?;
        Ok(Box::new(FittedKde { columns, grids, rule: self.rule, method: self.method }))
    }
}

/// The grid points of one channel: `low + k · step`.
#[derive(Debug, Clone, Copy)]
struct Grid {
    low: f32,
    step: f64,
    points: usize,
}

impl Grid {
    fn over(span: Span, points: usize) -> Self {
        let low = span.at(-MARGIN).max(f64::from(f32::MIN)) as f32;
        let step = (span.at(1.0 + MARGIN) - f64::from(low)) / (points - 1) as f64;
        Grid { low, step, points }
    }

    fn at(self, k: usize) -> f64 {
        f64::from(self.low) + k as f64 * self.step
    }
}

struct FittedKde {
    columns: Vec<Column>,
    grids: Vec<Grid>,
    rule: Rule,
    method: Method,
}

impl FittedSketch for FittedKde {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        let points = self.grids[0].points;
        let positions = batch.shape().positions();
        let mut bandwidth = bandwidth::Bandwidth::new(self.rule, positions);
        let mut binned = binned::Smoother::new(points);
        let mut exact = exact::DirectSum::new(positions);
        let mut density = vec![0.0; points];
        map::for_each_map(
            batch,
            points,
            rows,
            #[inline(always)]
            |channel, map, columns| {
                let grid = self.grids[channel];
                let width = bandwidth.of(map).max(0.5 * grid.step);
                match self.method {
                    Method::Binned => {
                        binned.density(map, grid, width, columns);
                        let unit = (1.0 / simd::sum(columns, |density| density)) as f32;
                        columns.iter_mut().for_each(|column| *column *= unit);
                    }
                    Method::Exact => {
                        exact.density(map, grid, width, &mut density);
                        let unit = 1.0 / simd::total(&density);
                        for (column, density) in columns.iter_mut().zip(&density) {
                            *column = (density * unit) as f32;
                        }
                    }
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_reaches_an_eighth_of_the_range_beyond_it() {
        for (low, high) in [(0.0, 8.0), (-3.0, 1.0), (1000.0, 1000.5)] {
            let grid = Grid::over(Span { low, high }, 11);
            let margin = f64::from(high - low) / 8.0;
            for (k, expected) in [(0, f64::from(low) - margin), (10, f64::from(high) + margin)] {
                assert!((grid.at(k) - expected).abs() < 1e-4, "point {k} of {low}..{high}: {}", grid.at(k));
            }
        }
    }

    #[test]
    fn the_grid_of_the_largest_numbers_stays_finite() {
        let grid = Grid::over(Span { low: f32::MIN, high: f32::MIN / 2.0 }, 64);
        assert!(grid.low.is_finite() && grid.step > 0.0, "{grid:?}");
    }
}
