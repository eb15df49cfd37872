//! Nearest neighbors, computed once and shared by all that needs them: exact, unless the user asks for less.

mod content;
mod key;

mod basis;
mod frame;

mod cloud;
mod order;

mod aligned;
mod boxes;
mod grid;
mod norms;
mod panels;
mod quantized;
mod tile;

mod census;
mod stages;
mod sweep;

mod candidates;
mod few;
mod general;
mod groups;
mod kth;
mod nearest;
mod rough;

mod descent;
mod groves;

mod reference;

mod choice;

pub use choice::{NEIGHBOR_SEARCHES, NeighborSearch};
pub use reference::Reference;

pub(crate) use census::live_tiles;
pub(crate) use cloud::{Cloud, memory_bytes};
pub(crate) use content::{content_order, ranks};
pub(crate) use groups::nearest_of_groups;
pub(crate) use panels::Panels;
pub(crate) use stages::choose_stages;
pub(crate) use sweep::{Half, Limits, Search, Span, sweep};

use crate::distance::Points;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Meter, Watch};

/// The nearest neighbors of some points, nearest first.
///
/// Neighbors at exactly the same distance stand in an order that hangs on their coordinates alone, so that the order of the
/// rows decides nothing.
///
/// # Shapes
/// - `indices`, `distances`: `[points, k]`, C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    k: usize,
    indices: Vec<u32>,
    distances: Vec<f64>,
}

impl Neighbors {
    /// Neighbors of each point.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of points whose neighbors these are.
    pub fn samples(&self) -> usize {
        self.indices.len() / self.k
    }

    /// The first `k` of them, or as many as there are.
    pub fn first(&self, k: usize) -> Neighbors {
        let k = k.min(self.k);
        let samples = 0..self.samples();
        Neighbors {
            k,
            indices: samples.clone().flat_map(|sample| &self.indices(sample)[..k]).copied().collect(),
            distances: samples.flat_map(|sample| &self.distances(sample)[..k]).copied().collect(),
        }
    }

    /// The neighbors of one point, nearest first.
    pub fn indices(&self, sample: usize) -> &[u32] {
        &self.indices[sample * self.k..(sample + 1) * self.k]
    }

    /// The metric's distances to [`Neighbors::indices`], in rising order.
    pub fn distances(&self, sample: usize) -> &[f64] {
        &self.distances[sample * self.k..(sample + 1) * self.k]
    }
}

/// The `k` nearest neighbors of every point among the others; the point itself does not count.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for `k` = 0, [`ErrorKind::TooFewSamples`] unless there are more than `k` points,
/// [`ErrorKind::Interrupted`] when `watch` says so.
pub fn self_neighbors(points: &Points, k: usize, watch: &Watch<'_>) -> Result<Neighbors> {
    let samples = points.samples();
    check(k, samples.saturating_sub(1), samples)?;
    let meter = Meter::new(watch, steps(samples, points) / 2);
    if let Some(cloud) = Cloud::new(points) {
        return nearest_in_cloud(&cloud, k, &content_order(points), &meter);
    }
    general::neighbors(points, points, general::Own::Excluded, k, &meter)
}

/// As [`self_neighbors`], but nearly: a few of the neighbors may be missed for others that are further away. Distances are
/// exact, and the same `seed` gives the same neighbors, whatever the threads and the order of the rows.
///
/// # Errors
/// As [`self_neighbors`].
pub fn approximate_neighbors(points: &Points, k: usize, seed: u64, watch: &Watch<'_>) -> Result<Neighbors> {
    let samples = points.samples();
    check(k, samples.saturating_sub(1), samples)?;
    let meter = Meter::new(watch, descent::most_steps(samples, points.dimensions(), k));
    descent::approximate_neighbors(points, k, seed, &meter)
}

/// The most bytes that [`approximate_neighbors`] takes a sample.
pub(crate) fn approximate_bytes_of_sample(dimensions: u64, k: u64) -> u64 {
    descent::bytes_of_sample(dimensions, k)
}

/// As [`self_neighbors`] of points that are prepared already; `content` is their order of content.
pub(crate) fn nearest_in_cloud(cloud: &Cloud<'_>, k: usize, content: &[u32], meter: &Meter<'_>) -> Result<Neighbors> {
    nearest::among_themselves(&Panels::new(cloud, cloud.compact_order()), k, content, meter)
}

fn steps(queries: usize, reference: &Points) -> u64 {
    queries as u64 * reference.samples() as u64 * reference.dimensions() as u64
}

fn check(k: usize, available: usize, samples: usize) -> Result<()> {
    if k == 0 {
        return Err(Error::new(ErrorKind::InvalidParameter, "k must be at least 1, got 0"));
    }
    if k > available {
        let message = format!("{k} neighbors need more samples than the {samples} that there are");
        return Err(Error::new(ErrorKind::TooFewSamples, message).hint("ask for fewer neighbors, or give more samples"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::general::Own;
    use super::*;
    use crate::distance::{Geometry, Rescale};
    use crate::features::{Column, Features, Statistic};
    use crate::progress::unwatched;

    fn line(values: &[f32]) -> Points {
        Points::new(values.to_vec(), 1, Geometry::L1, Rescale::Identity)
    }

    /// Pseudo-random points: on a grid where `levels` is small, so that ties and duplicates abound.
    fn cloud(samples: usize, dimensions: usize, levels: f32, geometry: &Geometry, seed: usize) -> Points {
        let value = |at: usize| {
            let wave = ((at + 1) as f32 * 12.9898 + seed as f32 * 78.233).sin() * 43758.547;
            ((wave - wave.floor()) * levels).floor() / levels * ((at % dimensions) as f32 * -0.1).exp()
        };
        Points::new((0..samples * dimensions).map(value).collect(), dimensions, geometry.clone(), Rescale::Identity)
    }

    #[test]
    fn the_fast_way_finds_what_looking_at_every_pair_finds() {
        for geometry in [Geometry::L2, Geometry::L1] {
            for (samples, dimensions, levels, k) in [
                (2, 1, 4.0, 1),
                (49, 3, 2.0, 5),
                (200, 2, 1e6, 7),
                (300, 40, 1e6, 16),
                (700, 20, 3.0, 4),
                (900, 150, 1e6, 9),
            ] {
                let name = format!("{samples} x {dimensions}, {levels} levels, k {k}");
                let points = cloud(samples, dimensions, levels, &geometry, 1);
                let meter = Meter::new(&unwatched, 1);
                let fast = self_neighbors(&points, k, &unwatched).expect(&name);
                let slow = general::neighbors(&points, &points, Own::Excluded, k, &meter).expect(&name);
                assert!(fast == slow, "{name}: neighbors among themselves");
                for count in [3, 97] {
                    let queries = cloud(count, dimensions, levels, &geometry, 2);
                    let fast = Reference::new(points.clone()).neighbors(&queries, k, &unwatched).expect(&name);
                    let slow = general::neighbors(&points, &queries, Own::Included, k, &meter).expect(&name);
                    assert!(fast == slow, "{name}: neighbors of {count} others");
                    let furthest = Reference::new(points.clone()).kth_distances(&queries, k, &unwatched).expect(&name);
                    let expected: Vec<f64> = (0..count).map(|query| slow.distances(query)[k - 1]).collect();
                    assert!(furthest == expected, "{name}: distances of {count} others to their {k}-th");
                }
            }
        }
    }

    #[test]
    fn points_with_dead_dimensions_are_found_as_looking_at_every_pair_finds_them() {
        for (geometry, live) in
            [Geometry::L2, Geometry::L1].into_iter().flat_map(|geometry| [(geometry.clone(), 3), (geometry, 12)])
        {
            let name = format!("{live} of 80 dimensions, L1 {}", matches!(geometry, Geometry::L1));
            let widened = |samples: usize, seed: usize| {
                let narrow = cloud(samples, live, 1e6, &geometry, seed);
                let value = |at: usize| narrow.row(at / 80).get(at % 80).copied().unwrap_or(0.0);
                Points::new((0..samples * 80).map(value).collect(), 80, geometry.clone(), Rescale::Identity)
            };
            let (points, queries) = (widened(1000, 1), widened(1500, 2));
            let meter = Meter::new(&unwatched, 1);
            let fast = Reference::new(points.clone()).neighbors(&queries, 10, &unwatched).expect(&name);
            let slow = general::neighbors(&points, &queries, Own::Included, 10, &meter).expect(&name);
            assert!(fast == slow, "{name}: neighbors of others");
            let fast = self_neighbors(&points, 10, &unwatched).expect(&name);
            let slow = general::neighbors(&points, &points, Own::Excluded, 10, &meter).expect(&name);
            assert!(fast == slow, "{name}: neighbors among themselves");
        }
    }

    #[test]
    fn the_fast_way_finds_the_same_at_any_scale_and_among_twins() {
        for (scale, levels) in
            [1e-36f32, 1e-20, 1e15, 1e30, 1e37].into_iter().flat_map(|scale| [(scale, 1e6), (scale, 2.0)])
        {
            for geometry in [Geometry::L2, Geometry::L1] {
                let name = format!("scale {scale:e}, {levels} levels");
                let [points, queries] = [(700, 1), (97, 2)].map(|(samples, seed)| {
                    // With two levels of one coordinate all others are 0.
                    let own = cloud(samples, 40, levels, &geometry, seed);
                    let values = own.values().iter().enumerate();
                    let values =
                        values.map(|(at, value)| if levels > 2.0 || at % 40 == 0 { value * scale } else { 0.0 });
                    Points::new(values.collect(), 40, geometry.clone(), Rescale::Identity)
                });
                let meter = Meter::new(&unwatched, 1);
                let fast = self_neighbors(&points, 9, &unwatched).expect(&name);
                let slow = general::neighbors(&points, &points, Own::Excluded, 9, &meter).expect(&name);
                assert!(fast == slow, "{name}: neighbors among themselves");
                let fast = Reference::new(points.clone()).neighbors(&queries, 9, &unwatched).expect(&name);
                let slow = general::neighbors(&points, &queries, Own::Included, 9, &meter).expect(&name);
                assert!(fast == slow, "{name}: neighbors of others");
                let furthest = Reference::new(points.clone()).kth_distances(&queries, 9, &unwatched).expect(&name);
                let expected: Vec<f64> = (0..97).map(|query| slow.distances(query)[8]).collect();
                assert_eq!(furthest, expected, "{name}: distances of others to their 9th");
            }
        }
    }

    #[test]
    fn a_reference_finds_the_same_however_far_out_queries_lie_and_however_often_it_is_asked() {
        for geometry in [Geometry::L2, Geometry::L1] {
            let points = cloud(700, 40, 1e6, &geometry, 1);
            let reference = Reference::new(points.clone());
            let meter = Meter::new(&unwatched, 1);
            // In its own frame, near the end of that, and beyond; some among others, and all of them.
            for (stretch, one_in) in
                [(1.0, 1), (3.0, 5), (12.0, 1), (12.0, 7), (1000.0, 1), (1e20, 9), (0.0, 1), (1.0, 1)]
            {
                let name = format!("one in {one_in} stretched {stretch:e}");
                let own = cloud(97, 40, 1e6, &geometry, 2);
                let factor = |at: usize| if (at / 40).is_multiple_of(one_in) { stretch } else { 1.0 };
                let values = own.values().iter().enumerate().map(|(at, value)| value * factor(at)).collect();
                let queries = Points::new(values, 40, geometry.clone(), Rescale::Identity);
                let fast = reference.neighbors(&queries, 7, &unwatched).expect(&name);
                let slow = general::neighbors(&points, &queries, Own::Included, 7, &meter).expect(&name);
                assert!(fast == slow, "{name}: neighbors");
                let furthest = reference.kth_distances(&queries, 7, &unwatched).expect(&name);
                let expected: Vec<f64> = (0..97).map(|query| slow.distances(query)[6]).collect();
                assert_eq!(furthest, expected, "{name}: distances to the 7th");
            }
        }
    }

    /// Histograms of `channels` channels with 20 bins: few different ones where `levels` is small.
    fn histograms(samples: usize, channels: usize, levels: f32, seed: usize) -> Points {
        const BINS: usize = 20;
        let masses = cloud(samples, channels * BINS, levels, &Geometry::L1, seed);
        let columns = (0..channels * BINS).map(|at| {
            let low = (at % BINS) as f64;
            Column { channel: (at / BINS) as u32, statistic: Statistic::Bin { low, high: low + 1.0 } }
        });
        let values = masses.values().iter().map(|mass| mass + 1e-3).collect();
        let features = Features::new(values, columns.collect()).expect("finite");
        let metric = crate::distance::parse("jensen_shannon").expect("a metric");
        metric.fit(&features).and_then(|fitted| fitted.embed(&features)).expect("distributions")
    }

    #[test]
    fn norms_find_what_looking_at_every_pair_finds() {
        for (samples, channels, levels, k) in [(40, 1, 3.0, 3), (200, 3, 1e6, 7), (700, 2, 2.0, 4), (300, 40, 1e6, 16)]
        {
            let name = format!("{samples} samples, {channels} channels, {levels} levels, k {k}");
            let points = histograms(samples, channels, levels, 1);
            let meter = Meter::new(&unwatched, 1);
            let fast = self_neighbors(&points, k, &unwatched).expect(&name);
            let slow = general::neighbors(&points, &points, Own::Excluded, k, &meter).expect(&name);
            assert!(fast == slow, "{name}: neighbors among themselves");
            let queries = histograms(97, channels, levels, 2);
            let fast = Reference::new(points.clone()).neighbors(&queries, k, &unwatched).expect(&name);
            let slow = general::neighbors(&points, &queries, Own::Included, k, &meter).expect(&name);
            assert!(fast == slow, "{name}: neighbors of others");
        }
    }

    #[test]
    fn values_of_any_size_are_told_apart() {
        for scale in [1e-38f32, 1e-20, 1.0, 1e18, 1e37] {
            let values: Vec<f32> =
                (0..120).map(|at| ((at * 37) % 120) as f32 * 0.01 * scale).chain([scale * 3.0]).collect();
            let found = self_neighbors(&line(&values), 2, &unwatched).expect("121 points");
            for sample in 0..120 {
                let reach = f64::from(found.distances(sample)[0] as f32);
                let expected = f64::from(0.01 * scale);
                assert!((reach - expected).abs() < 0.01 * expected, "at scale {scale}: {reach}, expected {expected}");
            }
            // A handful of queries goes another way than many.
            for repeats in [1, few::FEW] {
                let queries = [f32::MAX, 0.0].repeat(repeats);
                let far = Reference::new(line(&values)).neighbors(&line(&queries), 1, &unwatched).expect("121 points");
                let expected = f64::from(f32::MAX) - f64::from(scale * 3.0);
                assert_eq!(far.distances(0), [expected], "from the largest of all to the largest value");
                assert_eq!(far.distances(1), [0.0], "a huge query beside it does not blur the others");
            }
        }
    }

    #[test]
    fn the_point_itself_does_not_count_but_its_twin_does() {
        let found = self_neighbors(&line(&[0.0, 3.0, 0.0, 10.0]), 2, &unwatched).expect("four points");
        assert_eq!((found.indices(0), found.distances(0)), (&[2, 1][..], &[0.0, 3.0][..]));
        assert_eq!((found.indices(3)[0], found.distances(3)), (1, &[7.0, 10.0][..]));
    }

    #[test]
    fn too_few_points_are_refused() {
        let error = self_neighbors(&line(&[1.0, 2.0]), 2, &unwatched).expect_err("each has one other");
        assert_eq!(error.to_string(), "2 neighbors need more samples than the 2 that there are");
    }
}
