//! How much each sample counts as a neighbor of another: the fuzzy simplicial set, in the words of the paper.

use crate::manifold::graph::Surroundings;
use crate::statistics::SparseSymmetric;
use rayon::prelude::*;

/// Rounds of bisection.
const ROUNDS: usize = 64;
/// The effective number of neighbors is met up to this.
const TOLERANCE: f64 = 1e-5;
/// No reach is shorter than this share of the mean distance.
const SHORTEST: f64 = 1e-3;

/// From where on, and how fast, a sample's surroundings thin out.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reach {
    /// Distance to the nearest other place (ρ).
    nearest: f64,
    /// Distance beyond that over which membership falls to 1/e (σ).
    fall: f64,
}

/// Two samples are neighbors as far as either counts the other as one: a + b − ab.
pub(super) fn fuzzy_union(surroundings: &Surroundings) -> SparseSymmetric {
    let reaches = reaches(surroundings);
    surroundings.graph(|vertex, distance| reaches[vertex].membership(distance), |own, other| own + other - own * other)
}

impl Reach {
    fn membership(self, distance: f64) -> f64 {
        if distance <= self.nearest { 1.0 } else { (-(distance - self.nearest) / self.fall).exp() }
    }
}

/// The reach of every vertex, such that the memberships of its neighbors add up to log₂ of their number, itself counted in
/// that number.
fn reaches(surroundings: &Surroundings) -> Vec<Reach> {
    let mean = |distances: &[f64]| distances.iter().sum::<f64>() / (distances.len() + 1) as f64;
    let vertices = surroundings.vertices();
    let overall = (0..vertices).map(|vertex| mean(surroundings.distances(vertex))).sum::<f64>() / vertices as f64;
    let reach = |vertex: usize| {
        let distances = surroundings.distances(vertex);
        let nearest = distances.iter().copied().find(|distance| *distance > 0.0).unwrap_or(0.0);
        let shortest = SHORTEST * if nearest > 0.0 { mean(distances) } else { overall };
        Reach { nearest, fall: fall(distances, nearest).max(shortest) }
    };
    (0..vertices).into_par_iter().map(reach).collect()
}

/// σ by doubling and bisection, as umap-learn does it.
fn fall(distances: &[f64], nearest: f64) -> f64 {
    let target = ((distances.len() + 1) as f64).log2();
    let (mut low, mut high, mut fall) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..ROUNDS {
        let sum: f64 = distances.iter().map(|&distance| Reach { nearest, fall }.membership(distance)).sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = fall;
        } else {
            low = fall;
        }
        fall = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * fall };
    }
    fall
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Points, Rescale};
    use crate::manifold::oracle;
    use crate::neighbors::self_neighbors;
    use crate::progress::unwatched;

    #[test]
    fn reaches_and_memberships_are_those_of_umap_learn() {
        for case in oracle::read()["memberships"].as_array().expect("a list") {
            let count = |key: &str| case[key].as_u64().expect(key) as usize;
            let values = oracle::numbers(&case["x"]).into_iter().map(|value| value as f32).collect();
            let points = Points::new(values, count("columns"), Geometry::L2, Rescale::Identity);
            let k = count("neighbors") - 1;
            let neighbors = self_neighbors(&points, k, &unwatched).expect("enough points");
            let surroundings = Surroundings::new(&points, &neighbors, k);
            let (sigmas, rhos) = (oracle::numbers(&case["sigmas"]), oracle::numbers(&case["rhos"]));
            for (reach, &row) in reaches(&surroundings).iter().zip(&surroundings.rows) {
                let expected = Reach { nearest: rhos[row as usize], fall: sigmas[row as usize] };
                assert!((reach.nearest - expected.nearest).abs() < 1e-5, "row {row}: {reach:?}, not {expected:?}");
                assert!((reach.fall - expected.fall).abs() < 1e-5, "row {row}: {reach:?}, not {expected:?}");
            }
            let graph = fuzzy_union(&surroundings);
            let mut found: Vec<(u32, u32, f64)> = (0..graph.size())
                .flat_map(|vertex| graph.row(vertex).0.iter().zip(graph.row(vertex).1).map(move |edge| (vertex, edge)))
                .map(|(vertex, (&other, &weight))| {
                    (surroundings.rows[vertex], surroundings.rows[other as usize], weight)
                })
                .collect();
            found.sort_by_key(|edge| (edge.0, edge.1));
            let expected = oracle::numbers(&case["edges"]);
            assert_eq!(3 * found.len(), expected.len(), "number of edges");
            for (edge, expected) in found.iter().zip(expected.as_chunks::<3>().0) {
                assert_eq!([f64::from(edge.0), f64::from(edge.1)], expected[..2]);
                assert!((edge.2 - expected[2]).abs() < 1e-5, "{edge:?}, not {expected:?}");
            }
        }
    }
}
