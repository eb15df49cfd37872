//! Approximate nearest neighbors by NN-descent (Dong, Moses and Li, WWW 2011): a neighbor of a neighbor is likely a neighbor.
//!
//! It begins with the groves of a few random trees. In every round each point introduces to each other those among its
//! neighbors, and those whose neighbor it is, that have not met through it. All of a round is settled by what the lists held
//! before it: which pairs meet, by hashes of the seed, the round and the two; and what a list holds after it, the best of all
//! that were offered, in whatever order. So threads decide nothing. Points are numbered in the order of their content, so
//! the order of the rows decides nothing either.

use super::Neighbors;
use super::content::content_order;
use super::groves::{groves, mix};
use crate::distance::Points;
use crate::error::Result;
use crate::progress::Meter;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Random trees to begin with, and the points that a grove of theirs has at the least.
const TREES: u64 = 4;
const GROVE: usize = 32;
/// Rounds at the most.
const ROUNDS: u64 = 12;
/// New ones, and as many that are not, that a point introduces in a round, at the most.
const INTRODUCED: usize = 24;
/// The search ends with a round that changes less than this part of all entries.
const SETTLED: f64 = 0.002;
/// Points worked on between two reports of progress.
const TOGETHER: usize = 64;

/// The `k` nearest neighbors of every point, nearly: there must be more points than `k`. The distances are exact.
///
/// # Errors
/// [`crate::ErrorKind::Interrupted`].
pub(super) fn approximate_neighbors(points: &Points, k: usize, seed: u64, meter: &Meter<'_>) -> Result<Neighbors> {
    let content = content_order(points);
    let sorted = points.select(&content.iter().map(|&sample| sample as usize).collect::<Vec<_>>());
    let descent = Descent::new(&sorted, k);
    for tree in 0..TREES {
        let (order, sizes) = groves(&sorted, GROVE.max(k + 1), mix(seed, tree));
        descent.meet_in_groves(&order, &sizes, meter)?;
    }
    for round in 0..ROUNDS {
        descent.introduce(mix(seed, TREES + round), meter)?;
        if descent.count_new() as f64 <= SETTLED * (points.samples() * k) as f64 {
            break;
        }
    }
    Ok(descent.neighbors(&content))
}

/// Steps that a search may take at the most, in coordinates of pairs.
pub(super) fn most_steps(samples: usize, dimensions: usize, k: usize) -> u64 {
    let pairs_of_point = TREES * (GROVE.max(k + 1) as u64) + ROUNDS * (INTRODUCED * INTRODUCED * 3 / 2) as u64;
    samples as u64 * dimensions as u64 * pairs_of_point
}

/// The most bytes that a search takes a sample: the points once more, lists, and whom each is a neighbor of.
pub(super) fn bytes_of_sample(dimensions: u64, k: u64) -> u64 {
    4 * dimensions + 16 * k + 8 * k + 16 * INTRODUCED as u64 + 128
}

/// A neighbor on a list.
#[derive(Clone, Copy)]
struct Entry {
    key: f64,
    point: u32,
    /// Has it not been introduced to the others on this list?
    is_new: bool,
}

struct Descent<'a> {
    points: &'a Points,
    k: usize,
    /// By point: the best so far, nearest first.
    lists: Vec<Mutex<Vec<Entry>>>,
    /// By point: bits of the k-th key; they order as the numbers do, for no key is negative.
    reaches: Vec<AtomicU64>,
}

impl<'a> Descent<'a> {
    fn new(points: &'a Points, k: usize) -> Self {
        let samples = 0..points.samples();
        Descent {
            points,
            k,
            lists: samples.clone().map(|_| Mutex::new(Vec::with_capacity(k + 1))).collect(),
            reaches: samples.map(|_| AtomicU64::new(f64::INFINITY.to_bits())).collect(),
        }
    }

    fn list(&self, point: u32) -> MutexGuard<'_, Vec<Entry>> {
        // A panic elsewhere ends the whole search; what it left behind is never read.
        self.lists[point as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets two points see each other.
    fn meet(&self, a: u32, b: u32) {
        let key = self.points.key_of_rows(self.points.row(a as usize), self.points.row(b as usize));
        for (point, other) in [(a, b), (b, a)] {
            if key <= f64::from_bits(self.reaches[point as usize].load(Ordering::Relaxed)) {
                self.offer(point, Entry { key, point: other, is_new: true });
            }
        }
    }

    fn offer(&self, point: u32, entry: Entry) {
        let mut list = self.list(point);
        let at = list.partition_point(|other| (other.key, other.point) < (entry.key, entry.point));
        if at == self.k || list.get(at).is_some_and(|other| other.point == entry.point) {
            return;
        }
        list.truncate(self.k - 1);
        let at = at.min(list.len());
        list.insert(at, entry);
        if list.len() == self.k {
            self.reaches[point as usize].store(list[self.k - 1].key.to_bits(), Ordering::Relaxed);
        }
    }

    fn meet_in_groves(&self, order: &[u32], sizes: &[usize], meter: &Meter<'_>) -> Result<()> {
        let mut rest = order;
        let split = |size: &usize| {
            let (grove, after) = rest.split_at(*size);
            rest = after;
            grove
        };
        let groves: Vec<&[u32]> = sizes.iter().map(split).collect();
        groves.into_par_iter().try_for_each(|grove| {
            for (at, &a) in grove.iter().enumerate() {
                grove[..at].iter().for_each(|&b| self.meet(a, b));
            }
            meter.advance((grove.len() * grove.len() / 2 * self.points.dimensions()) as u64)
        })
    }

    /// One round.
    fn introduce(&self, seed: u64, meter: &Meter<'_>) -> Result<()> {
        let met = self.acquaintances(seed);
        met.par_chunks(TOGETHER).try_for_each(|chunk| {
            let mut pairs = 0;
            for Acquaintances { new, old } in chunk {
                for (at, &a) in new.iter().enumerate() {
                    let others = new[..at].iter().chain(old).filter(|&&b| b != a);
                    others.for_each(|&b| self.meet(a, b));
                    pairs += at + old.len();
                }
            }
            meter.advance((pairs * self.points.dimensions()) as u64)
        })
    }

    /// Whom each point introduces; entries that are among them are new no more.
    fn acquaintances(&self, seed: u64) -> Vec<Acquaintances> {
        let lists: Vec<Vec<(u32, bool)>> = (0..self.lists.len() as u32)
            .into_par_iter()
            .map(|point| self.list(point).iter().map(|entry| (entry.point, entry.is_new)).collect())
            .collect();
        let known_to = reversed(&lists);
        let chosen = |(point, list): (usize, &Vec<(u32, bool)>)| {
            let both = || list.iter().chain(known_to.of(point)).copied();
            let pick = |is_new: bool| {
                let of_kind = both().filter(|(_, new)| *new == is_new);
                let mut by_chance: Vec<(u64, u32)> =
                    of_kind.map(|(other, _)| (mix(seed, (point as u64) << 32 | u64::from(other)), other)).collect();
                by_chance.sort_unstable();
                by_chance.dedup();
                by_chance.truncate(INTRODUCED);
                by_chance.into_iter().map(|(_, other)| other).collect::<Vec<u32>>()
            };
            let chosen = Acquaintances { new: pick(true), old: pick(false) };
            for entry in self.list(point as u32).iter_mut() {
                entry.is_new &= !chosen.new.contains(&entry.point);
            }
            chosen
        };
        lists.par_iter().enumerate().map(chosen).collect()
    }

    /// Entries that the last round has made.
    fn count_new(&self) -> usize {
        let of_point = |point: u32| self.list(point).iter().filter(|entry| entry.is_new).count();
        (0..self.lists.len() as u32).into_par_iter().map(of_point).sum()
    }

    /// What was found, by sample.
    fn neighbors(&self, content: &[u32]) -> Neighbors {
        let samples = content.len();
        let (mut indices, mut distances) = (vec![0; samples * self.k], vec![0.0; samples * self.k]);
        for (point, &sample) in content.iter().enumerate() {
            let slots = sample as usize * self.k..(sample as usize + 1) * self.k;
            let slots = indices[slots.clone()].iter_mut().zip(&mut distances[slots]);
            for ((index, distance), entry) in slots.zip(self.list(point as u32).iter()) {
                *index = content[entry.point as usize];
                *distance = self.points.distance_of_key(entry.key);
            }
        }
        Neighbors { k: self.k, indices, distances }
    }
}

/// Whom a point introduces: new ones to each other and to the old ones.
struct Acquaintances {
    new: Vec<u32>,
    old: Vec<u32>,
}

/// On whose list each point stands, and whether it is new there.
struct Reversed {
    starts: Vec<usize>,
    entries: Vec<(u32, bool)>,
}

impl Reversed {
    fn of(&self, point: usize) -> &[(u32, bool)] {
        &self.entries[self.starts[point]..self.starts[point + 1]]
    }
}

fn reversed(lists: &[Vec<(u32, bool)>]) -> Reversed {
    let mut starts = vec![0; lists.len() + 1];
    for &(other, _) in lists.iter().flatten() {
        starts[other as usize + 1] += 1;
    }
    for point in 0..lists.len() {
        starts[point + 1] += starts[point];
    }
    let mut next = starts.clone();
    let mut entries = vec![(0, false); starts[lists.len()]];
    for (point, list) in lists.iter().enumerate() {
        for &(other, is_new) in list {
            entries[next[other as usize]] = (point as u32, is_new);
            next[other as usize] += 1;
        }
    }
    Reversed { starts, entries }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};
    use crate::neighbors::self_neighbors;
    use crate::progress::unwatched;

    /// 40 groups in a space of 6 dimensions, turned into `dimensions`.
    fn points(samples: usize, dimensions: usize, geometry: Geometry) -> Points {
        let noise = |about: u64| (mix(5, about) >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
        let mut values = Vec::with_capacity(samples * dimensions);
        for sample in 0..samples as u64 {
            let latent: [f32; 6] = std::array::from_fn(|k| {
                8.0 * noise(1 << 40 | (sample % 40) << 3 | k as u64) + noise(sample << 3 | k as u64)
            });
            for column in 0..dimensions as u64 {
                let along = |(k, z): (usize, &f32)| z * noise(2 << 40 | column << 3 | k as u64);
                let lifted: f32 = latent.iter().enumerate().map(along).sum();
                values.push(lifted + 0.1 * noise(3 << 40 | sample << 10 | column));
            }
        }
        Points::new(values, dimensions, geometry, Rescale::Identity)
    }

    fn find(points: &Points, k: usize, seed: u64) -> Neighbors {
        approximate_neighbors(points, k, seed, &Meter::new(&unwatched, 1)).expect("not stopped")
    }

    #[test]
    fn nearly_all_neighbors_are_found_and_their_distances_are_exact() {
        for (samples, dimensions, k, geometry) in [
            (3000, 40, 15, Geometry::L2),
            (2000, 3, 8, Geometry::L2),
            (2000, 20, 15, Geometry::L1),
            (60, 5, 15, Geometry::L2),
        ] {
            let name = format!("{samples} x {dimensions}, k {k}");
            let points = points(samples, dimensions, geometry);
            let (found, exact) = (find(&points, k, 1), self_neighbors(&points, k, &unwatched).expect("enough"));
            let mut hits = 0;
            for sample in 0..samples {
                let (indices, distances) = (found.indices(sample), found.distances(sample));
                assert!(distances.is_sorted() && !indices.contains(&(sample as u32)), "{name}: the list of {sample}");
                for (&index, &distance) in indices.iter().zip(distances) {
                    assert_eq!(distance, points.distance(sample, index as usize), "{name}: {sample} to {index}");
                    hits += usize::from(exact.indices(sample).contains(&index));
                }
            }
            let recall = hits as f64 / (samples * k) as f64;
            assert!(recall > 0.98, "{name}: a recall of {recall}");
        }
    }

    #[test]
    fn neither_threads_nor_the_order_of_the_rows_decide_anything() {
        let straight = points(1500, 12, Geometry::L2);
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let found = pool(1).install(|| find(&straight, 5, 1));
        assert!(found == pool(3).install(|| find(&straight, 5, 1)), "another number of threads");
        let order: Vec<usize> = (0..1500).map(|at| at * 7 % 1500).collect();
        let turned = find(&straight.select(&order), 5, 1);
        for (at, &sample) in order.iter().enumerate() {
            assert_eq!(turned.distances(at), found.distances(sample), "the distances of {sample} in another order");
            let back: Vec<u32> = turned.indices(at).iter().map(|&other| order[other as usize] as u32).collect();
            assert_eq!(back, found.indices(sample), "the neighbors of {sample} in another order");
        }
    }
}
