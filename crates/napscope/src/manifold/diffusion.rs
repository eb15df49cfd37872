//! The diffusion map: samples lie close together when a random walk along the data soon comes from one to the other.
//!
//! Coifman & Lafon, "Diffusion maps", 2006, on the graph of nearest neighbors. Where that graph falls into parts, no walk leaves
//! one, and the leading eigenvectors would say nothing but which part a sample is in. Each part is then mapped by itself,
//! and the maps stand side by side.

use super::graph::{Surroundings, from_rows, parts, within};
use super::shelves::side_by_side;
use super::{Axes, Plane, Projection};
use crate::distance::Points;
use crate::error::Result;
use crate::neighbors::Neighbors;
use crate::progress::Watch;
use crate::registry::Entry;
use crate::statistics::{SparseSymmetric, leading_eigenvectors};

pub(super) const ENTRY: Entry<dyn Projection> = Entry {
    name: "diffusion",
    summary: "Diffusion map: near is what a random walk along the data soon reaches; shows a continuum as a curve",
    options: &[
        ("neighbors", "15", "samples that count as near, the sample itself among them, at least 2"),
        (
            "bandwidth",
            "local",
            "reach of the kernel: a distance, or local: each sample's own, to the middle one of its neighbors",
        ),
        ("alpha", "1", "how far the density of the samples is divided out: 0 not at all, 1 wholly"),
    ],
    build: |options| {
        let bandwidth = match options.text("bandwidth") {
            "local" => Bandwidth::Local,
            _ => Bandwidth::Distance(options.get_in("bandwidth", f64::MIN_POSITIVE..=f64::MAX)?),
        };
        let (neighbors, alpha) = (options.get_in("neighbors", 2..=1000)?, options.get_in("alpha", 0.0..=1.0)?);
        Ok(Box::new(Diffusion { neighbors, bandwidth, alpha }))
    },
};

/// A walk that takes a step less often than this does not take it.
const VANISHED: f64 = 1e-8;

/// How far the kernel exp(−d²/ε) reaches.
#[derive(Debug, Clone, Copy)]
enum Bandwidth {
    /// ε = σᵢσⱼ, σ each sample's distance to the middle one of its neighbors (Zelnik-Manor & Perona, "Self-tuning
    /// spectral clustering", 2004).
    Local,
    /// ε is this distance squared.
    Distance(f64),
}

struct Diffusion {
    neighbors: usize,
    bandwidth: Bandwidth,
    alpha: f64,
}

impl Projection for Diffusion {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn neighbors(&self) -> usize {
        self.neighbors - 1
    }

    fn project(&self, points: &Points, neighbors: &Neighbors, watch: &Watch<'_>) -> Result<Plane> {
        let surroundings = Surroundings::new(points, neighbors, self.neighbors());
        let kernel = self.kernel(&surroundings);
        let parts = parts(&kernel);
        let mut maps = Vec::with_capacity(parts.len());
        let mut before = 0.0;
        for part in &parts {
            let share = part.len() as f64 / points.samples() as f64;
            maps.push(self.map(within(&kernel, part), &|done| watch(before + share * done))?);
            before += share;
        }
        let eigenvalues = maps[0].0;
        let placed = side_by_side(maps.into_iter().map(|(_, map)| map).collect());
        let mut coordinates = vec![[0.0; 2]; points.samples()];
        for (&vertex, place) in parts.iter().flatten().zip(placed.iter().flatten()) {
            coordinates[surroundings.rows[vertex as usize] as usize] = place.map(|value| value as f32);
        }
        Ok(Plane { coordinates, axes: Axes::Diffusion(eigenvalues), parts: parts.len() })
    }

    fn memory_bytes(&self, samples: usize, _dimensions: usize) -> u64 {
        // A sample sees and is seen by its neighbors: views of 24 bytes, two copies of entries of 16 as rows and two of 12 as a
        // matrix; four blocks of eight vectors, and as many while a basis is made orthonormal.
        samples as u64 * (2 * self.neighbors() as u64 * (24 + 32 + 24) + 8 * 8 * 8 + 100)
    }
}

impl Diffusion {
    /// exp(−d²/ε) between neighbors, and 1 on the diagonal.
    fn kernel(&self, surroundings: &Surroundings) -> SparseSymmetric {
        let mut graph = surroundings.graph(|_, distance| distance, f64::max);
        let reach: Vec<f64> = (0..graph.size()).map(|vertex| self.reach(surroundings, &graph, vertex)).collect();
        for vertex in 0..graph.size() {
            for at in graph.starts[vertex]..graph.starts[vertex + 1] {
                let distance = graph.values[at];
                graph.values[at] = (-(distance / reach[vertex]) * (distance / reach[graph.columns[at] as usize])).exp();
            }
        }
        with_diagonal(&graph)
    }

    /// σ of a vertex. Where so many neighbors coincide with it that the middle one does, the nearest vertex elsewhere counts;
    /// where there is none, every distance from it is 0 and any reach will do.
    fn reach(&self, surroundings: &Surroundings, graph: &SparseSymmetric, vertex: usize) -> f64 {
        match self.bandwidth {
            Bandwidth::Distance(reach) => reach,
            Bandwidth::Local => {
                let distances = surroundings.distances(vertex);
                let middle = distances[distances.len() / 2];
                let others = graph.row(vertex).1.iter().copied().filter(|distance| *distance > 0.0);
                if middle > 0.0 { middle } else { others.reduce(f64::min).unwrap_or(1.0) }
            }
        }
    }

    /// λψ of the two leading eigenvectors ψ of the walk on a connected kernel that are not constant, and their eigenvalues.
    ///
    /// The walk D⁻¹K shares its eigenvalues with the symmetric D^−½ K D^−½, whose eigenvectors are D^½ψ. ψ has mean square 1 over
    /// the walk's stationary distribution, and its entry of largest size is positive.
    fn map(&self, mut kernel: SparseSymmetric, watch: &Watch<'_>) -> Result<([f64; 2], Vec<[f64; 2]>)> {
        let density: Vec<f64> = row_sums(&kernel).into_iter().map(|sum| sum.powf(-self.alpha)).collect();
        scale(&mut kernel, &density);
        let degrees = row_sums(&kernel);
        let roots: Vec<f64> = degrees.iter().map(|degree| degree.sqrt()).collect();
        scale(&mut kernel, &roots.iter().map(|root| 1.0 / root).collect::<Vec<_>>());
        let total = degrees.iter().sum::<f64>().sqrt();
        let known: Vec<f64> = roots.iter().map(|root| root / total).collect();
        let (mut eigenvalues, mut map) = ([0.0; 2], vec![[0.0; 2]; roots.len()]);
        for (axis, (value, vector)) in leading_eigenvectors(&kernel, &known, 2, watch)?.into_iter().enumerate() {
            eigenvalues[axis] = value;
            let coordinate = |vertex: usize| value * vector[vertex] / known[vertex];
            let larger = |best: f64, value: f64| if value.abs() > best.abs() { value } else { best };
            let sign = (0..roots.len()).map(coordinate).fold(0.0, larger).signum();
            map.iter_mut().enumerate().for_each(|(vertex, place)| place[axis] = sign * coordinate(vertex));
        }
        Ok((eigenvalues, map))
    }
}

fn row_sums(matrix: &SparseSymmetric) -> Vec<f64> {
    (0..matrix.size()).map(|row| matrix.row(row).1.iter().sum()).collect()
}

/// Multiplies row and column i by `factors[i]`.
fn scale(matrix: &mut SparseSymmetric, factors: &[f64]) {
    for row in 0..matrix.size() {
        for at in matrix.starts[row]..matrix.starts[row + 1] {
            matrix.values[at] *= factors[row] * factors[matrix.columns[at] as usize];
        }
    }
}

/// The same matrix with ones on its diagonal, which was empty, and without the entries that have vanished.
fn with_diagonal(graph: &SparseSymmetric) -> SparseSymmetric {
    let row = |row: usize| {
        let (columns, values) = graph.row(row);
        let entries = columns.iter().copied().zip(values.iter().copied());
        let mut kept: Vec<(u32, f64)> = entries.filter(|(_, value)| *value >= VANISHED).collect();
        let split = kept.partition_point(|(column, _)| (*column as usize) < row);
        kept.insert(split, (row as u32, 1.0));
        kept
    };
    from_rows((0..graph.size()).map(row).collect())
}
