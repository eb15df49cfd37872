//! Edges of the first tree that are only guesses, and fall as nearer pairs turn up.
//!
//! A bridge between two trees of the forest may be much higher than need be, and then very many pairs are nearer. So each
//! nearer pair between its two sides that is found at once lowers the height that the others have to beat; not below the
//! highest edge on either side, for only above that the bridge is the highest edge between the sides. Who finds what first
//! is left to the threads: pairs as high as the lowered height are still taken, so the tree in the end does not hang on it.

use super::Edge;
use super::chain::Chain;
use std::sync::atomic::{AtomicU64, Ordering};

/// A gap that may fall.
struct Falling {
    /// The height in the chain.
    height: f64,
    place: usize,
    floor: f64,
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
        let falling = |(&number, joint): (&usize, super::chain::Joint)| {
            let height = edges[number].height;
            Falling { height, place: joint.place, floor: joint.floor, now: AtomicU64::new(height.to_bits()) }
        };
        let mut gaps: Vec<Falling> = numbers.iter().zip(joints).map(falling).collect();
        gaps.sort_by(|x, y| x.height.total_cmp(&y.height).then(x.place.cmp(&y.place)));
        let lowest = gaps.first().map_or(f64::INFINITY, |gap| gap.height);
        FallingGaps { gaps, lowest }
    }

    /// The gap of height `highest` between two places, where it is a bridge.
    fn between(&self, from: usize, to: usize, highest: f64) -> Option<&Falling> {
        if highest < self.lowest {
            return None;
        }
        let at = self.gaps.partition_point(|gap| (gap.height, gap.place) < (highest, from));
        self.gaps.get(at).filter(|gap| gap.height == highest && gap.place < to)
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
