//! The view in which modes are looked for: the principal components that stand out of what chance makes.
//!
//! With hundreds of channels of noise every sample is as far from each other one, and modes that lie along a few directions
//! drown. A component is kept when it has more variance than the first one of the same columns, each shuffled by itself
//! (Horn 1965, parallel analysis).

use super::null;
use crate::distance::{Geometry, Points, Rescale};
use crate::error::Result;
use crate::manifold::pca;

/// Components of a view, at most.
const MOST: usize = 24;
/// Components of a view even where none stands out.
const FEWEST: usize = 3;

/// The points along their components, and how many of these stand out.
pub(super) fn view(points: &Points) -> Result<(Points, usize)> {
    let width = points.dimensions();
    let seen = pca(points.values(), width, MOST.min(width))?;
    let by_chance = pca(null::shuffled(points, 3).values(), width, 1)?.explained_variance_ratio[0];
    let standing = seen.explained_variance_ratio.iter().take_while(|share| **share > 1.05 * by_chance).count();
    let kept = standing.max(FEWEST).min(seen.components());
    let values = seen.coordinates.chunks_exact(seen.components()).flat_map(|row| &row[..kept]).copied().collect();
    Ok((Points::new(values, kept, Geometry::L2, Rescale::Identity), standing))
}
