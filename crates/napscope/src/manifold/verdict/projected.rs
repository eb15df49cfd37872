//! Modes seen in projection: groups found in one half of the samples, and tested in the other.
//!
//! In many dimensions no sample is near another and the density is no guide, but a line through two centers still shows
//! whether there is a valley between them. Two means are found among one half of the samples; the other half, which did not
//! choose the line, is projected onto it and must not have a single mode (Hartigan's dip). Each side is then split again
//! (after Kalogeratos & Likas 2012, "Dip-means").

use crate::distance::Points;
use crate::manifold::dip::scaled_dip;
use serde::{Deserialize, Serialize};

/// √n · dip that uniform samples exceed one time in a thousand.
pub(super) const CRITICAL: f64 = 0.66;
/// Fewest samples of a half on which a test is done.
const FEWEST: usize = 24;
/// Splits in a row, at most.
const DEEPEST: usize = 6;
/// Rounds of two means.
const ROUNDS: usize = 20;

/// What the projections show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projected {
    /// Groups that a valley parts from the others.
    pub groups: usize,
    /// Share of the held-out samples in the largest of them.
    pub largest: f64,
    /// The largest √n · dip of a held-out half along a line between two groups.
    pub scaled_dip: f64,
}

/// Samples, by their places in the view.
struct Halves {
    found: Vec<usize>,
    tested: Vec<usize>,
}

/// Splits `points`, which stand in random order, again and again.
pub(super) fn projected(points: &Points) -> Projected {
    let all = 0..points.samples();
    let halves = Halves { found: all.clone().step_by(2).collect(), tested: all.skip(1).step_by(2).collect() };
    let mut seen = Projected { groups: 0, largest: 0.0, scaled_dip: 0.0 };
    split(points, &halves, 0, &mut seen);
    seen.largest /= halves.tested.len() as f64;
    seen
}

fn split(points: &Points, halves: &Halves, depth: usize, seen: &mut Projected) {
    let mut parts = None;
    if depth < DEEPEST && halves.found.len().min(halves.tested.len()) >= FEWEST {
        let line = two_means(points, &halves.found);
        let at = |sample: usize| line.place(points.row(sample));
        let values: Vec<f64> = halves.tested.iter().map(|&sample| at(sample)).collect();
        let dip = scaled_dip(&values);
        seen.scaled_dip = seen.scaled_dip.max(dip);
        if dip > CRITICAL {
            let side =
                |side: bool, of: &[usize]| of.iter().copied().filter(|&sample| (at(sample) > 0.0) == side).collect();
            parts = Some(
                [false, true].map(|of| Halves { found: side(of, &halves.found), tested: side(of, &halves.tested) }),
            );
        }
    }
    match parts {
        Some(parts) => parts.iter().for_each(|part| split(points, part, depth + 1, seen)),
        None => {
            seen.groups += 1;
            seen.largest = seen.largest.max(halves.tested.len() as f64);
        }
    }
}

/// A line with 0 halfway between two centers.
struct Line {
    direction: Vec<f64>,
    middle: f64,
}

impl Line {
    fn between(centers: &[Vec<f64>; 2]) -> Self {
        let direction: Vec<f64> = centers[1].iter().zip(&centers[0]).map(|(b, a)| b - a).collect();
        let middle =
            direction.iter().zip(centers[0].iter().zip(&centers[1])).map(|(d, (a, b))| d * (a + b) / 2.0).sum();
        Line { direction, middle }
    }

    fn place(&self, row: &[f32]) -> f64 {
        self.direction.iter().zip(row).map(|(d, value)| d * f64::from(*value)).sum::<f64>() - self.middle
    }
}

/// Two means of `samples`, starting from both sides of the mean along the axis that varies most.
fn two_means(points: &Points, samples: &[usize]) -> Line {
    let width = points.dimensions();
    let center = |chosen: &[usize]| -> Vec<f64> {
        let mut sum = vec![0.0; width];
        chosen
            .iter()
            .for_each(|&sample| sum.iter_mut().zip(points.row(sample)).for_each(|(sum, v)| *sum += f64::from(*v)));
        sum.iter_mut().for_each(|sum| *sum /= chosen.len().max(1) as f64);
        sum
    };
    let mean = center(samples);
    let spread =
        |axis: usize| samples.iter().map(|&s| (f64::from(points.row(s)[axis]) - mean[axis]).powi(2)).sum::<f64>();
    let spreads: Vec<f64> = (0..width).map(spread).collect();
    let widest = (0..width).fold(0, |best, axis| if spreads[axis] > spreads[best] { axis } else { best });
    let mut direction = vec![0.0; width];
    direction[widest] = 1.0;
    let mut line = Line { direction, middle: mean[widest] };
    let mut before = usize::MAX;
    for _ in 0..ROUNDS {
        let (above, below): (Vec<usize>, Vec<usize>) = samples.iter().partition(|&&s| line.place(points.row(s)) > 0.0);
        if above.is_empty() || below.is_empty() || above.len() == before {
            break;
        }
        before = above.len();
        line = Line::between(&[center(&below), center(&above)]);
    }
    line
}
