//! UMAP: what is near in the data is drawn near, and what is not is pushed away.
//!
//! McInnes, Healy & Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", 2018, with the
//! parameters and conventions of their umap-learn; on exact neighbors, from the plane of the first two principal components
//! (Kobak & Linderman, "Initialization is critical for preserving global data structure", 2021), to the same bytes for any
//! number of threads.

mod curve;
mod layout;
mod membership;
mod power;

use super::graph::Surroundings;
use super::{Axes, Plane, Projection, pca};
use crate::distance::Points;
use crate::error::Result;
use crate::neighbors::Neighbors;
use crate::progress::Watch;
use crate::registry::Entry;
use crate::statistics::random;
use curve::Curve;
use layout::Layout;

pub(super) const ENTRY: Entry<dyn Projection> = Entry {
    name: "umap",
    summary: "UMAP: keeps neighbors together and pulls groups apart; sizes and distances of groups mean nothing",
    options: &[
        (
            "neighbors",
            "15",
            "samples that count as near, the sample itself among them, as umap-learn's n_neighbors; at least 2",
        ),
        ("min_dist", "0.1", "how close neighbors may be drawn, 0 to 1"),
        ("epochs", "auto", "rounds of moving the samples; auto: 500, or 200 above 10,000 samples"),
        ("seed", "0", "of the random numbers"),
    ],
    build: |options| {
        let epochs = match options.text("epochs") {
            "auto" => None,
            _ => Some(options.get_in("epochs", 1..=100_000)?),
        };
        Ok(Box::new(Umap {
            neighbors: options.get_in("neighbors", 2..=1000)?,
            min_dist: options.get_in("min_dist", 0.0..=1.0)?,
            epochs,
            seed: options.get("seed")?,
        }))
    },
};

/// Extent of the picture before samples are moved.
const EXTENT: f64 = 10.0;
/// How far samples are shaken first, so that those at the same place can part.
const SHAKE: f64 = 1e-3;
/// Up to this many samples, more epochs are cheap.
const FEW: usize = 10_000;

struct Umap {
    neighbors: usize,
    min_dist: f64,
    epochs: Option<u32>,
    seed: u64,
}

impl Projection for Umap {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn neighbors(&self) -> usize {
        self.neighbors - 1
    }

    fn project(&self, points: &Points, neighbors: &Neighbors, watch: &Watch<'_>) -> Result<Plane> {
        let surroundings = Surroundings::new(points, neighbors, self.neighbors());
        let mut coordinates = vec![[0.0; 2]; points.samples()];
        if let Some(start) = self.start(points, &surroundings.rows)? {
            let layout = Layout::new(&membership::fuzzy_union(&surroundings), Curve::fit(self.min_dist), self.seed);
            let epochs = self.epochs.unwrap_or(if points.samples() <= FEW { 500 } else { 200 });
            let places = layout.arrange(start, epochs, watch)?;
            surroundings.rows.iter().zip(places).for_each(|(&row, place)| coordinates[row as usize] = place);
        }
        Ok(Plane { coordinates, axes: Axes::Meaningless, parts: 1 })
    }

    fn memory_bytes(&self, samples: usize, dimensions: usize) -> u64 {
        // Views of 24 bytes, entries of 16 as rows and of 12 as a matrix, of 8 as edges; the places, and those of a block.
        let graph = samples as u64 * (2 * self.neighbors() as u64 * (24 + 16 + 12 + 8) + 150);
        graph.max(pca::Pca.memory_bytes(samples, dimensions))
    }
}

impl Umap {
    /// The samples in the plane of their principal components, in the order of `rows`; `None` where all are the same.
    fn start(&self, points: &Points, rows: &[u32]) -> Result<Option<Vec<[f32; 2]>>> {
        let components = pca(points.values(), points.dimensions(), 2)?;
        let flat = components.coordinates.as_chunks::<2>().0;
        let ends = |axis: usize| {
            let values = || flat.iter().map(|place| f64::from(place[axis]));
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let (x, y) = (ends(0), ends(1));
        let extent = f64::max(x.1 - x.0, y.1 - y.0);
        if extent == 0.0 {
            return Ok(None);
        }
        let shake = |at: usize| SHAKE * random::signed(random::bits(self.seed).wrapping_add(at as u64));
        let place = |(vertex, &row): (usize, &u32)| {
            let place = flat[row as usize].map(f64::from);
            std::array::from_fn(|axis| (place[axis] / extent * EXTENT + shake(2 * vertex + axis)) as f32)
        };
        Ok(Some(rows.iter().enumerate().map(place).collect()))
    }
}
