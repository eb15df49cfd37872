//! How much of a sample's surroundings a picture keeps: where it keeps little, the picture shows what is not there.

use crate::distance::{Geometry, Points, Rescale};
use crate::error::{Error, ErrorKind, Result};
use crate::neighbors::{Neighbors, self_neighbors};
use crate::progress::Watch;

/// The share of each sample's nearest neighbors that are among as many nearest to it in the picture: 1 where all are.
///
/// A picture without any relation to the data keeps k / (samples − 1) of them.
///
/// # Shapes
/// - `picture`: one place a sample; `neighbors`: k neighbors of each sample, in all dimensions.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] when the two have different numbers of samples, [`ErrorKind::Interrupted`] when `watch` says
/// so.
pub fn neighborhood_preservation(picture: &[[f32; 2]], neighbors: &Neighbors, watch: &Watch<'_>) -> Result<Vec<f32>> {
    if picture.len() != neighbors.samples() {
        let message = format!("a picture of {} samples, neighbors of {}", picture.len(), neighbors.samples());
        return Err(Error::new(ErrorKind::ShapeMismatch, message));
    }
    let plane = Points::new(picture.as_flattened().to_vec(), 2, Geometry::L2, Rescale::Identity);
    let seen = self_neighbors(&plane, neighbors.k(), watch)?;
    let kept = |sample: usize| {
        let (near, seen) = (neighbors.indices(sample), seen.indices(sample));
        near.iter().filter(|other| seen.contains(other)).count() as f32 / near.len() as f32
    };
    Ok((0..picture.len()).map(kept).collect())
}
