//! Edges of the first tree that are only guesses, and fall as nearer pairs turn up.
//!
//! A bridge between two trees of the forest may be much higher than need be, and then very many pairs are nearer. So each
//! nearer pair between its two sides that is found at once lowers the height that the others have to beat; not below the
//! highest edge on either side, for only above that the bridge is the highest edge between the sides. Who finds what first
//! is left to the threads: pairs as high as the lowered height are still taken, so the tree in the end does not hang on it.

use super::Edge;
use super::chain::Chain;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// A gap that may fall.
struct Falling {
    /// The height in the chain.
    height: f64,
    place: usize,
    floor: f64,
    /// The gaps around it that are lower. Of two equally high gaps between two places one may fall without the other.
    lower: Range<usize>,
    /// Bits of the height that a pair has to stay below: they order as the numbers do, for no height is negative.
    now: AtomicU64,
}

/// The gaps of the bridges in a chain.
pub(super) struct FallingGaps {
    /// By height, then place.
    gaps: Vec<Falling>,
    lowest: f64,
}

impl FallingGaps {
    /// The gaps of `bridges` in the chain of `edges`, among which they are; both sorted.
    pub(super) fn new(chain: &Chain, edges: &[Edge], bridges: &[Edge]) -> Self {
        let numbers: Vec<usize> = bridges
            .iter()
            .filter_map(|bridge| edges.binary_search_by(|edge| super::forest::compare(edge, bridge)).ok())
            .collect();
        let joints = chain.joints(numbers.iter().copied());
        let lower = lower_around(&chain.gaps);
        let falling = |(&number, joint): (&usize, super::chain::Joint)| {
            let height = edges[number].height;
            let (place, now) = (joint.place, AtomicU64::new(height.to_bits()));
            Falling { height, place, floor: joint.floor, lower: lower[place].clone(), now }
        };
        let mut gaps: Vec<Falling> = numbers.iter().zip(joints).map(falling).collect();
        gaps.sort_by(|x, y| x.height.total_cmp(&y.height).then(x.place.cmp(&y.place)));
        let lowest = gaps.first().map_or(f64::INFINITY, |gap| gap.height);
        FallingGaps { gaps, lowest }
    }

    /// The one gap of height `highest` between two places, where there is only one and it is a bridge.
    fn between(&self, from: usize, to: usize, highest: f64) -> Option<&Falling> {
        if highest < self.lowest {
            return None;
        }
        let at = self.gaps.partition_point(|gap| (gap.height, gap.place) < (highest, from));
        let is_between = |gap: &&Falling| gap.height == highest && gap.place < to;
        self.gaps.get(at).filter(is_between).filter(|gap| gap.lower.start <= from && to <= gap.lower.end)
    }

    /// The height that a pair between two places has to stay below; `highest` is the highest gap there.
    pub(super) fn limit(&self, from: usize, to: usize, highest: f64) -> f64 {
        self.between(from, to, highest).map_or(highest, |gap| f64::from_bits(gap.now.load(Ordering::Relaxed)))
    }

    /// Takes note of a pair of this height between two places. Where that lowers a gap: its place, and its height now.
    pub(super) fn lower(&self, from: usize, to: usize, highest: f64, height: f64) -> Option<(usize, f64)> {
        let gap = self.between(from, to, highest)?;
        let lowered = gap.floor.max(height).next_up();
        let before = f64::from_bits(gap.now.fetch_min(lowered.to_bits(), Ordering::Relaxed));
        (lowered < before).then_some((gap.place, lowered))
    }
}

/// For each gap, those around it up to the next that is as high or higher.
fn lower_around(gaps: &[f64]) -> Vec<Range<usize>> {
    let mut around = vec![0..gaps.len(); gaps.len()];
    // Gaps that none after them has reached the height of yet: they fall from each to the next.
    let mut open: Vec<usize> = Vec::new();
    for (at, height) in gaps.iter().enumerate() {
        while let Some(before) = open.pop_if(|before| gaps[*before] <= *height) {
            around[before].end = at;
            if gaps[before] == *height {
                around[at].start = before + 1;
            }
        }
        around[at].start = around[at].start.max(open.last().map_or(0, |higher| higher + 1));
        open.push(at);
    }
    around
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_a_gap_are_those_up_to_one_as_high() {
        for (gaps, expected) in [
            (vec![1.0, 3.0, 2.0], vec![0..1, 0..3, 2..3]),
            (vec![2.0, 2.0, 1.0, 2.0], vec![0..1, 1..3, 2..3, 2..4]),
            (vec![4.0, 1.0, 1.0, 3.0, 1.0], vec![0..5, 1..2, 2..3, 1..5, 4..5]),
            (vec![], vec![]),
        ] {
            assert_eq!(lower_around(&gaps), expected, "around each of {gaps:?}");
        }
    }
}
