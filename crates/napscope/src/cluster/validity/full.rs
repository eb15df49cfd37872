//! The validity index as published (Moulavi et al. 2014, "Density-Based Clustering Validation"), in logarithms.
//!
//! The all-points core distance of o in its pattern is ((Σᵢ d(o, i)^−D) / (n − 1))^(−1/D). With D in the hundreds the powers
//! leave the range of numbers (Python's hdbscan then returns NaN), their logarithms do not. Coinciding samples are left out
//! of the sum, as there.

use super::super::ClusterId;
use super::{Validity, silhouette, sizes};
use crate::distance::Points;
use crate::error::{Error, Result};
use crate::neighbors::{content_order, ranks};
use crate::progress::{Meter, Watch};
use rayon::prelude::*;

/// The density-based validity of any patterns of `points`, in time O(samples² · dimensions) and memory O(samples).
///
/// Distances are the metric's, D is the number of coordinates. One pattern alone, which nothing is apart from, scores 0.
///
/// # Errors
/// [`crate::ErrorKind::ShapeMismatch`] unless there is one label a sample, [`crate::ErrorKind::Interrupted`] when `watch`
/// says so.
pub fn validity_index(points: &Points, labels: &[Option<ClusterId>], watch: &Watch<'_>) -> Result<Validity> {
    if labels.len() != points.samples() {
        return Err(Error::shape("labels", [points.samples()], [labels.len()]));
    }
    validity_by_rank(points, labels, &ranks(&content_order(points)), watch)
}

/// A pattern: what its spanning tree tells.
struct Pattern {
    /// The samples with more than one edge of the tree.
    inner: Vec<u32>,
    /// The longest edge between inner samples (of all edges, where there is none).
    sparseness: f64,
}

/// `rank` breaks ties: equal edges abound, for core distances are shared.
fn validity_by_rank(
    points: &Points,
    labels: &[Option<ClusterId>],
    rank: &[u32],
    watch: &Watch<'_>,
) -> Result<Validity> {
    let sizes = sizes(labels);
    let mut members: Vec<Vec<u32>> = sizes.iter().map(|&size| Vec::with_capacity(size as usize)).collect();
    let mut by_rank: Vec<u32> = (0..labels.len() as u32).collect();
    by_rank.sort_unstable_by_key(|&sample| rank[sample as usize]);
    for sample in by_rank {
        if let Some(ClusterId(pattern)) = labels[sample as usize] {
            members[pattern as usize].push(sample);
        }
    }
    let clustered: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
    let meter = Meter::new(watch, 2 * clustered * clustered * points.dimensions() as u64);
    let mut core = vec![0.0; labels.len()];
    let mut patterns = Vec::with_capacity(members.len());
    for samples in &members {
        let cores = samples.par_iter().map(|&sample| {
            meter.advance((samples.len() * points.dimensions()) as u64)?;
            Ok(all_points_core_distance(points, sample, samples))
        });
        for (&sample, value) in samples.iter().zip(cores.collect::<Result<Vec<f64>>>()?) {
            core[sample as usize] = value;
        }
        patterns.push(spanning_tree(points, samples, &core, &meter)?);
    }
    let separation = separations(points, &patterns, &core, &meter)?;
    // Nothing else is anywhere near: a pattern alone.
    let score = |(pattern, apart): (&Pattern, &f64)| {
        if apart.is_finite() { silhouette(pattern.sparseness, *apart) } else { 0.0 }
    };
    Ok(Validity::new(labels, patterns.iter().zip(&separation).map(score).collect()))
}

/// ln(Σ d^−D) by the largest term, summed in the order of `samples`.
fn all_points_core_distance(points: &Points, sample: u32, samples: &[u32]) -> f64 {
    let exponent = points.dimensions() as f64;
    let logs: Vec<f64> = samples
        .iter()
        .map(|&other| points.distance(sample as usize, other as usize))
        .filter(|distance| *distance > 0.0)
        .map(|distance| -exponent * distance.ln())
        .collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return 0.0;
    }
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    (-(largest + sum.ln() - (samples.len() as f64 - 1.0).ln()) / exponent).exp()
}

/// Prim's algorithm over the mutual reachability of one pattern; `samples` stand by rank.
fn spanning_tree(points: &Points, samples: &[u32], core: &[f64], meter: &Meter<'_>) -> Result<Pattern> {
    let height = |a: u32, b: u32| {
        let (a, b) = (a as usize, b as usize);
        points.distance(a, b).max(core[a]).max(core[b])
    };
    let count = samples.len();
    // The lowest edge from each sample into the tree, and where it ends; of equal ones the end of the lowest rank.
    let mut reach = vec![(f64::INFINITY, 0usize); count];
    let mut outside: Vec<usize> = (1..count).collect();
    let mut edges: Vec<(usize, usize, f64)> = Vec::with_capacity(count.saturating_sub(1));
    let mut degree = vec![0u32; count];
    let mut newest = 0;
    while !outside.is_empty() {
        meter.advance((outside.len() * points.dimensions()) as u64)?;
        let heights: Vec<f64> = outside.par_iter().map(|&at| height(samples[newest], samples[at])).collect();
        let mut nearest = 0;
        for (place, (&at, height)) in outside.iter().zip(heights).enumerate() {
            if height < reach[at].0 || (height == reach[at].0 && newest < reach[at].1) {
                reach[at] = (height, newest);
            }
            if reach[at].0 < reach[outside[nearest]].0 {
                nearest = place;
            }
        }
        // Not a swap: what is outside stands by rank, so that the first of equally near ones has the lowest.
        newest = outside.remove(nearest);
        let (height, end) = reach[newest];
        degree[newest] += 1;
        degree[end] += 1;
        edges.push((newest, end, height));
    }
    let is_inner = |at: usize| degree[at] > 1;
    let longest = |edges: &mut dyn Iterator<Item = &(usize, usize, f64)>| edges.map(|edge| edge.2).reduce(f64::max);
    let sparseness = longest(&mut edges.iter().filter(|edge| is_inner(edge.0) && is_inner(edge.1)));
    let sparseness = sparseness.or_else(|| longest(&mut edges.iter())).unwrap_or(0.0);
    let mut inner: Vec<u32> = (0..count).filter(|&at| is_inner(at)).map(|at| samples[at]).collect();
    if inner.is_empty() {
        inner = samples[..count.min(1)].to_vec();
    }
    Ok(Pattern { inner, sparseness })
}

/// The least mutual reachability from the inner samples of each pattern to those of any other.
fn separations(points: &Points, patterns: &[Pattern], core: &[f64], meter: &Meter<'_>) -> Result<Vec<f64>> {
    let all: Vec<(usize, u32)> = patterns
        .iter()
        .enumerate()
        .flat_map(|(pattern, Pattern { inner, .. })| inner.iter().map(move |&sample| (pattern, sample)))
        .collect();
    let nearest = all.par_iter().map(|&(pattern, sample)| {
        meter.advance((all.len() * points.dimensions()) as u64)?;
        let a = sample as usize;
        let others = all.iter().filter(|(other, _)| *other != pattern);
        let height = |&(_, b): &(usize, u32)| points.distance(a, b as usize).max(core[a]).max(core[b as usize]);
        Ok(others.map(height).fold(f64::INFINITY, f64::min))
    });
    let mut separation = vec![f64::INFINITY; patterns.len()];
    for ((pattern, _), nearest) in all.iter().zip(nearest.collect::<Result<Vec<f64>>>()?) {
        separation[*pattern] = separation[*pattern].min(nearest);
    }
    Ok(separation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};
    use crate::progress::unwatched;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Oracle {
        indices: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        n: usize,
        d: usize,
        values: Vec<f32>,
        labels: Vec<i64>,
        index: f64,
        patterns: Vec<f64>,
    }

    /// In few dimensions, where powers keep their range; hdbscan breaks ties by the row, and here so do we.
    #[test]
    fn the_index_is_pythons() {
        let oracle: Oracle =
            serde_json::from_str(include_str!("../../../../../oracles/hdbscan_more.json")).expect("JSON");
        assert!(oracle.indices.len() >= 8);
        for Case { n, d, values, labels, index, patterns } in oracle.indices {
            let points = Points::new(values, d, Geometry::L2, Rescale::Identity);
            let labels: Vec<_> = labels.iter().map(|label| u32::try_from(*label).ok().map(ClusterId)).collect();
            let rank: Vec<u32> = (0..n as u32).collect();
            let found = validity_by_rank(&points, &labels, &rank, &unwatched).expect("one label a sample");
            assert!((found.index - index).abs() < 1e-6, "{n} x {d}: {}, expected {index}", found.index);
            for (found, expected) in found.patterns.iter().zip(&patterns) {
                assert!((found - expected).abs() < 1e-6, "{n} x {d}: {found}, expected {expected}");
            }
        }
    }
}
