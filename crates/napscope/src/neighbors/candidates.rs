//! What may be among the nearest of the points of one panel: others by bounds of their keys, as long as no k are surely nearer.
//!
//! Few more than k are kept for each point. Of those that are not measured yet, only what is left at the end is; or, where more are
//! equally far to a rounding than there is room for, before.

use super::cloud::UNIT;
use super::tile::COLS;

/// Another point, and what is known of the key of the pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// The key is at least this.
    key: f64,
    /// And at most so much more; 0 where it is measured.
    slack: f32,
    pub(super) sample: u32,
}

impl Candidate {
    const NONE: Candidate = Candidate { key: f64::INFINITY, slack: 0.0, sample: u32::MAX };

    /// A sample, the key of which is from `least` to `greatest`.
    pub(super) fn new(sample: usize, [least, greatest]: [f64; 2]) -> Self {
        let slack = ((greatest - least) * (1.0 + 2.0 * UNIT)) as f32;
        // What is too small for an f32 is not nothing.
        let slack = if least < greatest { slack.max(f32::MIN_POSITIVE) } else { 0.0 };
        Candidate { key: least, slack, sample: sample as u32 }
    }

    /// The key of one that is measured.
    pub(super) fn key(&self) -> f64 {
        self.key
    }

    fn greatest(&self) -> f64 {
        self.key + f64::from(self.slack)
    }
}

/// How candidates are measured and told apart.
pub(super) struct Judge<'a, K: Fn(u32) -> f64> {
    /// The key of the pair with a sample.
    pub(super) key: K,
    /// The place of every sample in the order of content, which breaks ties.
    pub(super) rank: &'a [u32],
}

impl<K: Fn(u32) -> f64> Judge<'_, K> {
    /// Puts the keys of all in for their bounds.
    fn measure(&self, candidates: &mut [Candidate]) {
        for candidate in candidates.iter_mut().filter(|candidate| candidate.slack > 0.0) {
            *candidate = Candidate { key: (self.key)(candidate.sample), slack: 0.0, ..*candidate };
        }
    }

    /// Measures all and puts the nearest first.
    fn sort(&self, candidates: &mut [Candidate]) {
        self.measure(candidates);
        let rank = |candidate: &Candidate| self.rank[candidate.sample as usize];
        candidates.sort_unstable_by(|x, y| x.key.total_cmp(&y.key).then_with(|| rank(x).cmp(&rank(y))));
    }
}

/// The candidates of the points of one panel.
pub(super) struct Candidates {
    k: usize,
    most: usize,
    counts: [u32; COLS],
    /// `[48, most]`
    all: Vec<Candidate>,
}

impl Candidates {
    /// Room for `k` of each point and `spare` more, at least 1: the more, the seldomer they are thinned out, and the later limits fall.
    pub(super) fn new(k: usize, spare: usize) -> Self {
        let most = k + spare;
        Candidates { k, most, counts: [0; COLS], all: vec![Candidate::NONE; COLS * most] }
    }

    fn of(&mut self, column: usize) -> &mut [Candidate] {
        &mut self.all[column * self.most..][..self.counts[column] as usize]
    }

    /// Adds a candidate of the point in `column`. Where there is no room for more after it, those that k others are nearer than are
    /// left out, and what comes back is a key that none of the nearest exceeds.
    pub(super) fn add<K: Fn(u32) -> f64>(
        &mut self,
        column: usize,
        candidate: Candidate,
        judge: &Judge<'_, K>,
    ) -> Option<f64> {
        self.counts[column] += 1;
        let (k, most) = (self.k, self.most);
        let candidates = self.of(column);
        candidates[candidates.len() - 1] = candidate;
        if candidates.len() < most {
            return None;
        }
        let mut left = thin(candidates, k);
        if left == most {
            judge.sort(candidates);
            left = k;
        }
        let limit = candidates[k - 1].greatest();
        self.counts[column] = left as u32;
        Some(limit)
    }

    /// The k nearest of the point in `column`, nearest first; of those at the same distance the first in the order of content.
    pub(super) fn nearest<K: Fn(u32) -> f64>(&mut self, column: usize, judge: &Judge<'_, K>) -> &[Candidate] {
        let k = self.k;
        let candidates = self.of(column);
        let left = thin(candidates, k);
        judge.sort(&mut candidates[..left]);
        &candidates[..k]
    }

    /// The key of the k-th nearest of the point in `column`: only those that may be it are measured.
    pub(super) fn kth_key<K: Fn(u32) -> f64>(&mut self, column: usize, judge: &Judge<'_, K>) -> f64 {
        let k = self.k;
        let candidates = self.of(column);
        let left = thin(candidates, k);
        let candidates = &mut candidates[..left];
        let (_, kth, _) = candidates.select_nth_unstable_by(k - 1, |x, y| x.key.total_cmp(&y.key));
        let least = kth.key;
        // All keys that are less than this are among those of the k - 1 nearest.
        let mut may_be_it: Vec<_> =
            candidates.iter().filter(|candidate| candidate.greatest() >= least).copied().collect();
        let nearer = left - may_be_it.len();
        judge.measure(&mut may_be_it);
        may_be_it.select_nth_unstable_by(k - 1 - nearer, |x, y| x.key.total_cmp(&y.key)).1.key
    }
}

/// Moves those that may be among the k nearest to the front, of them the k with the lowest upper bounds, the k-th of these in its place;
/// says how many they are.
fn thin(candidates: &mut [Candidate], k: usize) -> usize {
    let (_, kth, _) = candidates.select_nth_unstable_by(k - 1, |x, y| x.greatest().total_cmp(&y.greatest()));
    let limit = kth.greatest();
    let mut left = k;
    for at in k..candidates.len() {
        if candidates[at].key <= limit {
            candidates.swap(at, left);
            left += 1;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last: none may write behind it.
    const COLUMN: usize = COLS - 1;

    #[test]
    fn the_nearest_are_those_of_the_keys_however_wide_the_bounds() {
        let wave = |at: u32| (f64::from(at) * 12.9898).sin().abs();
        for (k, others, levels) in
            [(1, 1, 0.0), (1, 50, 0.0), (5, 200, 0.0), (5, 200, 3.0), (40, 300, 0.0), (40, 300, 2.0), (9, 9, 1.0)]
        {
            for (scale, width) in [(1.0, 1e-6), (1.0, 0.9), (1e-70, 1e-6), (1e70, 0.1), (1.0, 0.0)] {
                let name = format!("{k} of {others}, {levels} levels, scale {scale:e}, width {width:e}");
                // With few levels many are equally far.
                let key = |sample: u32| match levels {
                    0.0 => scale * wave(sample),
                    _ => scale * (wave(sample) * levels).round(),
                };
                let rank: Vec<u32> = (0..others).rev().collect();
                let judge = Judge { key, rank: &rank };
                let mut candidates = Candidates::new(k, 1 + k / 4);
                let mut limit = f64::INFINITY;
                for sample in 0..others {
                    let [below, above] = [wave(sample + 1000), wave(sample + 2000)].map(|part| part * width);
                    let bounds = [key(sample) * (1.0 - below), key(sample) * (1.0 + above)];
                    if bounds[0] <= limit {
                        let lower = candidates.add(COLUMN, Candidate::new(sample as usize, bounds), &judge);
                        limit = limit.min(lower.unwrap_or(limit));
                    }
                }
                let mut expected: Vec<(f64, u32)> = (0..others).map(|sample| (key(sample), sample)).collect();
                expected.sort_by(|x, y| x.0.total_cmp(&y.0).then(y.1.cmp(&x.1)));
                assert_eq!(candidates.kth_key(COLUMN, &judge), expected[k - 1].0, "{name}: the key of the last");
                let nearest = candidates.nearest(COLUMN, &judge);
                let found: Vec<(f64, u32)> = nearest.iter().map(|found| (found.key(), found.sample)).collect();
                assert_eq!(found, expected[..k], "{name}");
            }
        }
    }
}
