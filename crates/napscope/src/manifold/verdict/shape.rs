//! How many directions the data really have: three estimates, and the same of null models.

use super::null;
use crate::distance::{Geometry, Points, Rescale};
use crate::error::Result;
use crate::manifold::{levina_bickel, pca, two_nn};
use crate::neighbors::{Neighbors, self_neighbors};
use crate::progress::Watch;
use serde::{Deserialize, Serialize};

/// Neighbors that an estimate by maximum likelihood takes.
pub(super) const NEAR: usize = 10;
/// Neighbors whose spread is looked at around a sample.
const AROUND: usize = 20;
/// Samples around which it is looked at.
const PLACES: usize = 100;
/// The share of the variance around a sample that counts.
const COUNTED: f64 = 0.9;
/// Points of a null model, and of the data beside it.
const COMPARED: usize = 500;

/// The intrinsic dimension of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// Dimensions in which distances are taken.
    pub ambient: usize,
    /// By TwoNN.
    pub two_nn: Option<f64>,
    /// By maximum likelihood over 10 neighbors (Levina & Bickel).
    pub levina_bickel: Option<f64>,
    /// Mean number of principal components that hold 90 % of the variance among a sample and its 20 nearest.
    pub local_pca: f64,
    /// At a coarse scale, from the 2 % to the 10 % nearest of 500 samples (Euclidean): noise thinner than that does not count.
    pub coarse: Option<f64>,
    /// The same of as many points from the normal distribution with the same covariance.
    pub gaussian: Option<f64>,
    /// The same with each column shuffled: the same marginals, no dependence.
    pub shuffled: Option<f64>,
}

impl Dimension {
    /// Dimension over that of a null model; 1 where either is unknown.
    pub(super) fn relative_to(&self, null: Option<f64>) -> f64 {
        match (self.coarse, null) {
            (Some(found), Some(null)) => found / null,
            _ => 1.0,
        }
    }
}

/// Estimates the dimension of `points`, which stand in random order; `near` are at least [`NEAR`] neighbors of each.
pub(super) fn dimension(points: &Points, near: &Neighbors, watch: &Watch<'_>) -> Result<Dimension> {
    let part: Vec<usize> = (0..points.samples().min(COMPARED)).collect();
    let part = points.select(&part);
    let plain = Points::new(part.values().to_vec(), points.dimensions(), Geometry::L2, Rescale::Identity);
    Ok(Dimension {
        ambient: points.dimensions(),
        two_nn: two_nn(near).ok(),
        levina_bickel: levina_bickel(&near.first(NEAR)).ok(),
        local_pca: local_pca(points, watch)?,
        coarse: coarse(&plain, watch)?,
        gaussian: coarse(&null::gaussian(points, plain.samples(), 1), watch)?,
        shuffled: coarse(&null::shuffled(&plain, 2), watch)?,
    })
}

/// The dimension by how much farther the 10 % nearest reach than the 2 % nearest: a ball's content grows with the d-th power of
/// its radius. `None` where too many points coincide.
pub(super) fn coarse(points: &Points, watch: &Watch<'_>) -> Result<Option<f64>> {
    let samples = points.samples();
    let (inner, outer) = ((samples / 50).max(4), (samples / 10).max(10).min(samples - 1));
    let near = self_neighbors(points, outer, watch)?;
    let growth = |sample: usize| {
        let distances = near.distances(sample);
        (distances[inner - 1] > 0.0).then(|| (distances[outer - 1] / distances[inner - 1]).ln())
    };
    let growths: Vec<f64> = (0..samples).filter_map(growth).collect();
    let sum: f64 = growths.iter().sum();
    let content = (outer as f64 / inner as f64).ln();
    Ok((growths.len() > samples / 2 && sum > 0.0).then(|| content * growths.len() as f64 / sum))
}

fn local_pca(points: &Points, watch: &Watch<'_>) -> Result<f64> {
    let around = AROUND.min(points.samples() - 1);
    let near = self_neighbors(points, around, watch)?;
    let places = points.samples().min(PLACES);
    let mut sum = 0;
    for place in 0..places {
        let group: Vec<usize> =
            std::iter::once(place).chain(near.indices(place).iter().map(|&other| other as usize)).collect();
        let components = points.dimensions().min(group.len());
        let shares = pca(points.select(&group).values(), points.dimensions(), components)?.explained_variance_ratio;
        let mut held = 0.0;
        sum += 1 + shares
            .iter()
            .take_while(|share| {
                held += **share;
                held < COUNTED
            })
            .count()
            .min(components - 1);
    }
    Ok(sum as f64 / places as f64)
}
