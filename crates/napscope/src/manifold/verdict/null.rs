//! Null models: what would be found if there were nothing to find.

use crate::distance::{Geometry, Points, Rescale};
use crate::manifold::sample::{mix, permutation};
use faer::Mat;

/// A number between 0 and 1, neither included.
fn uniform(seed: u64) -> f64 {
    ((mix(seed) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// A number from the standard normal distribution (Box & Muller 1958).
pub(super) fn normal(seed: u64) -> f64 {
    let (radius, angle) = (uniform(seed), uniform(!seed));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// `samples` points from the normal distribution with the mean and the covariance of `points`.
pub(super) fn gaussian(points: &Points, samples: usize, seed: u64) -> Points {
    let (count, width) = (points.samples(), points.dimensions());
    let salt = mix(seed);
    // Rows of a random matrix times the centered points: sums of them with normal weights have their covariance.
    let value = |row: usize, column: usize| f64::from(points.row(row)[column]);
    let mean: Vec<f64> =
        (0..width).map(|at| (0..count).map(|row| value(row, at)).sum::<f64>() / count as f64).collect();
    let centered = Mat::from_fn(count, width, |row, column| value(row, column) - mean[column]);
    let weights =
        Mat::from_fn(samples, count, |row, at| normal(salt ^ (row * count + at) as u64) / (count as f64).sqrt());
    let drawn = weights * centered;
    let values = (0..samples * width).map(|at| (drawn[(at / width, at % width)] + mean[at % width]) as f32).collect();
    Points::new(values, width, Geometry::L2, Rescale::Identity)
}

/// The points with the values of every column in a random order of its own: the same marginals, no dependence.
pub(super) fn shuffled(points: &Points, seed: u64) -> Points {
    let (count, width) = (points.samples(), points.dimensions());
    let mut values = vec![0.0; count * width];
    for column in 0..width {
        let order = permutation(count, mix(seed) ^ column as u64);
        order.iter().enumerate().for_each(|(row, &from)| values[row * width + column] = points.row(from)[column]);
    }
    Points::new(values, width, Geometry::L2, Rescale::Identity)
}

/// `samples` points spread evenly over a cube of `dimensions`: a manifold without modes.
pub(super) fn even(samples: usize, dimensions: usize, seed: u64) -> Points {
    let salt = mix(seed);
    let values = (0..samples * dimensions).map(|at| uniform(salt ^ at as u64) as f32).collect();
    Points::new(values, dimensions, Geometry::L2, Rescale::Identity)
}
