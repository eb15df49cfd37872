//! Neighbors beside every pair, on samples of all kinds: few live channels, outliers, groups, twins, values far from 0.

use super::clustering::uniform;
use napscope::distance::{Geometry, Points, Rescale};
use napscope::neighbors::{Neighbors, Reference, self_neighbors};
use napscope::progress::unwatched;
use proptest::prelude::*;

/// What a layer may look like: `live` of `d` channels see `latent` directions.
#[derive(Debug, Clone, Copy)]
struct Layer {
    d: usize,
    live: usize,
    latent: usize,
    kind: usize,
    noise: f64,
}

impl Layer {
    fn samples(&self, count: usize, seed: u64) -> Vec<f32> {
        let lift = uniform(7, self.latent * self.live);
        let place = uniform(seed, count * self.latent);
        let noise = uniform(seed + 1, count * self.d);
        let value = |at: usize| {
            let (sample, channel) = (at / self.d, at % self.d);
            if channel >= self.live {
                return 0.0;
            }
            // Six groups; one sample in fifty is far out.
            let far = if sample.is_multiple_of(50) { 100.0 } else { 1.0 };
            let along = |axis: usize| {
                let z = place[sample * self.latent + axis] + f64::from((sample % 6 * (axis + 1) % 7) as u32);
                far * z * (lift[axis * self.live + channel] - 0.5)
            };
            let value = (0..self.latent).map(along).sum::<f64>() + self.noise * noise[at];
            let value = match self.kind {
                0 => value,
                1 => value.max(0.0),
                2 => value.round(),
                3 => value + 1000.0,
                _ => value * f64::from(channel as u32 % 9).exp(),
            };
            value as f32
        };
        (0..count * self.d).map(value).collect()
    }
}

/// The distances of one row to the `k` nearest of some points, but itself.
fn nearest(points: &Points, row: &[f32], itself: Option<usize>, k: usize) -> Vec<f64> {
    let others = (0..points.samples()).filter(|&other| Some(other) != itself);
    let mut distances: Vec<f64> = others.map(|other| points.raw_distance(row, points.row(other))).collect();
    distances.sort_by(f64::total_cmp);
    distances.truncate(k);
    distances
}

fn wrong(found: &Neighbors, expected: impl Fn(usize) -> Vec<f64>) -> Option<usize> {
    (0..found.samples()).find(|&sample| found.distances(sample) != expected(sample))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn neighbors_are_those_of_every_pair(
        d in 1..160usize, live in 0.0..1.0f64, latent in 1..16usize, kind in 0..5usize, noisy in any::<bool>(),
        n in 60..900usize, queries in 20..900usize, k in 1..50usize, manhattan in any::<bool>(), seed in 0..1000u64,
    ) {
        let live = 1 + (live * d as f64) as usize;
        let layer = Layer { d, live: live.min(d), latent, kind, noise: if noisy { 0.3 } else { 0.0 } };
        let geometry = if manhattan { Geometry::L1 } else { Geometry::L2 };
        let points = |count, seed| Points::new(layer.samples(count, seed), d, geometry.clone(), Rescale::Identity);
        let (points, queries) = (points(n, 2 * seed), points(queries, 2 * seed + 5000));
        let among = self_neighbors(&points, k, &unwatched).expect("enough points");
        let sample = wrong(&among, |sample| nearest(&points, points.row(sample), Some(sample), k));
        prop_assert!(sample.is_none(), "among themselves, sample {:?}", sample);
        let reference = Reference::new(points.clone());
        let of_others = reference.neighbors(&queries, k, &unwatched).expect("enough points");
        let query = wrong(&of_others, |query| nearest(&points, queries.row(query), None, k));
        prop_assert!(query.is_none(), "of others, query {:?}", query);
        let furthest = reference.kth_distances(&queries, k, &unwatched).expect("enough points");
        let expected: Vec<f64> = (0..queries.samples()).map(|query| of_others.distances(query)[k - 1]).collect();
        prop_assert_eq!(furthest, expected, "distances of others to their {}th", k);
    }
}
