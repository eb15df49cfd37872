//! How many directions a cloud of points really has, from the distances to nearest neighbors.
//!
//! In d dimensions a ball's content grows with the d-th power of its radius. Both estimators read d off how quickly neighbors
//! come with distance; neither presumes that the manifold is flat. Points at distance 0 from a neighbor (twins) tell nothing
//! about growth and are left out.

use crate::error::{Error, ErrorKind, Result};
use crate::neighbors::Neighbors;

/// The share of the largest ratios that TwoNN leaves out, as its authors advise: they come from the edge.
const DISCARDED: f64 = 0.1;

/// TwoNN (Facco et al. 2017): the slope, through the origin, of −ln(1 − F(μ)) against ln μ, where μ is the ratio of the
/// distances to the second and the first neighbor and F its empirical distribution.
///
/// # Errors
/// [`ErrorKind::TooFewSamples`] when fewer than 2 neighbors are known of each point or fewer than 3 ratios are left.
pub fn two_nn(neighbors: &Neighbors) -> Result<f64> {
    check_neighbors("TwoNN", neighbors, 2)?;
    let ratios = (0..neighbors.samples()).filter_map(|sample| {
        let [first, second] = [neighbors.distances(sample)[0], neighbors.distances(sample)[1]];
        (first > 0.0).then(|| (second / first).ln())
    });
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let count = ratios.len() as f64;
    let kept = (count * (1.0 - DISCARDED)) as usize;
    let (mut products, mut squares) = (0.0, 0.0);
    for (rank, ratio) in ratios[..kept].iter().enumerate() {
        let reached = (rank + 1) as f64 / count;
        products -= ratio * (-reached).ln_1p();
        squares += ratio * ratio;
    }
    if kept < 3 || squares == 0.0 {
        return Err(no_estimate("TwoNN", ratios.len()));
    }
    Ok(products / squares)
}

/// Maximum likelihood (Levina & Bickel 2005), with all neighbors that are known: the mean of the local inverse dimensions,
/// inverted (MacKay & Ghahramani's correction).
///
/// # Errors
/// [`ErrorKind::TooFewSamples`] when fewer than 3 neighbors are known of each point, or every point has a twin.
pub fn levina_bickel(neighbors: &Neighbors) -> Result<f64> {
    check_neighbors("the dimension by maximum likelihood", neighbors, 3)?;
    let inverse = |sample: usize| {
        let distances = neighbors.distances(sample);
        let (last, others) = distances.split_last()?;
        let sum: f64 = others.iter().map(|distance| (last / distance).ln()).sum();
        (distances[0] > 0.0).then_some(sum / others.len() as f64)
    };
    // Summed in rising order, so that the order of the samples does not show in the last bits.
    let mut inverses: Vec<f64> = (0..neighbors.samples()).filter_map(inverse).collect();
    inverses.sort_unstable_by(f64::total_cmp);
    let sum: f64 = inverses.iter().sum();
    if sum > 0.0 { Ok(inverses.len() as f64 / sum) } else { Err(no_estimate("maximum likelihood", inverses.len())) }
}

fn check_neighbors(what: &str, neighbors: &Neighbors, needed: usize) -> Result<()> {
    if neighbors.k() >= needed {
        return Ok(());
    }
    let message = format!("{what} needs {needed} neighbors of each sample, got {}", neighbors.k());
    Err(Error::new(ErrorKind::TooFewSamples, message))
}

fn no_estimate(what: &str, usable: usize) -> Error {
    let message = format!("{what} finds no dimension: {usable} samples have neighbors at different distances above 0");
    Error::new(ErrorKind::TooFewSamples, message).hint("equal samples tell nothing: leave duplicates out")
}
