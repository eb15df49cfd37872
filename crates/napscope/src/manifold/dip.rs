//! Hartigan's dip: how far a sample's distribution is from the nearest one with a single mode.
//!
//! The dip is the smallest d for which a unimodal distribution function lies within d of the empirical one (Hartigan &
//! Hartigan 1985). Of all functions in the band of half-width d the taut string, pulled tight through it, has the fewest
//! modes (Davies & Kovac 2001). So d is large enough when the slopes of the string rise and then fall, and the smallest
//! such d is found by bisection.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The dip of a sample and how unusual it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dip {
    /// Largest difference of the distribution functions, 1/(2n) … 1/2 (1/4 where no two values are equal).
    pub dip: f64,
    /// The share of uniform samples (the unimodal distribution whose dips are largest) with a dip at least as large: small
    /// where the sample has several modes.
    pub p_value: f64,
}

/// Uniform samples that the p-value is counted over.
const SIMULATED: usize = 999;

/// Points of a simulated sample at most: the dip times √n hardly changes beyond.
const LARGEST_SIMULATED: usize = 1000;

/// The dip of `values`, in any order.
///
/// # Errors
/// [`ErrorKind::TooFewSamples`] with fewer than 4 values, [`ErrorKind::NonFinite`] for NaN or infinity.
pub fn dip(values: &[f64]) -> Result<Dip> {
    if values.len() < 4 {
        let message = format!("a dip needs at least 4 values, got {}", values.len());
        return Err(Error::new(ErrorKind::TooFewSamples, message));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(Error::new(ErrorKind::NonFinite, "a dip of NaN or infinity"));
    }
    let dip = dip_of_sorted(&sorted(values.to_vec()));
    let scaled = dip * (values.len() as f64).sqrt();
    let count = values.len().min(LARGEST_SIMULATED);
    let mut uniform = uniform(count as u64);
    // Where nothing unimodal fits within a distance, the dip is larger: one look instead of a bisection.
    let within = scaled / (count as f64).sqrt() * (1.0 - 1e-9);
    let larger = (0..SIMULATED).filter(|_| !fits(&steps(&sorted((0..count).map(|_| uniform()).collect())), within));
    Ok(Dip { dip, p_value: (1 + larger.count()) as f64 / (1 + SIMULATED) as f64 })
}

/// √n · dip, which hardly hangs on the number of values; 0 for fewer than 4. The caller vouches that all are finite.
pub(super) fn scaled_dip(values: &[f64]) -> f64 {
    if values.len() < 4 {
        return 0.0;
    }
    dip_of_sorted(&sorted(values.to_vec())) * (values.len() as f64).sqrt()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Numbers in [0, 1), the same for the same seed (SplitMix64).
fn uniform(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One distinct value: where it is, and the empirical distribution function just below and at it.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: f64,
    below: f64,
    up_to: f64,
}

fn steps(sorted: &[f64]) -> Vec<Step> {
    let count = sorted.len() as f64;
    let mut seen = 0;
    let steps = sorted.chunk_by(|a, b| a == b).map(|group| {
        let below = seen as f64 / count;
        seen += group.len();
        Step { at: group[0], below, up_to: seen as f64 / count }
    });
    steps.collect()
}

fn dip_of_sorted(values: &[f64]) -> f64 {
    let steps = steps(values);
    // No d below half the step of a single value; a half always suffices.
    let (mut too_small, mut enough) = (0.5 / values.len() as f64, 0.5);
    while enough - too_small > 1e-10 {
        let middle = 0.5 * (too_small + enough);
        if fits(&steps, middle) {
            enough = middle;
        } else {
            too_small = middle;
        }
    }
    enough
}

/// A corner of the string.
type Corner = [f64; 2];

fn slope(from: Corner, to: Corner) -> f64 {
    (to[1] - from[1]) / (to[0] - from[0])
}

/// Is the second slope no smaller? Corners on one line, whatever `d` is, must not part by their rounding.
fn rises(first: f64, second: f64) -> bool {
    first - second <= 1e-11 * first.abs().max(second.abs())
}

/// Does a unimodal distribution function lie within `d`?
fn fits(steps: &[Step], d: f64) -> bool {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return true };
    // The string begins on the upper edge and ends on the lower one, so that the density is free to begin and end low.
    let (start, end) = (first.below + d, last.up_to - d);
    let inner = 1..steps.len().max(2) - 1;
    // A gate without width counts as a jump: rounding must not open it the wrong way round.
    let mut jumps = inner.filter(|&index| steps[index].up_to - steps[index].below > 2.0 * d * (1.0 - 1e-12));
    match (jumps.next(), jumps.next()) {
        (None, _) => {
            let slopes = taut_string(steps, start, end, d);
            let rising = slopes.windows(2).take_while(|pair| rises(pair[0], pair[1])).count();
            slopes[rising..].windows(2).all(|pair| rises(pair[1], pair[0]))
        }
        // A value that alone holds more than the band is wide can only be the mode.
        (Some(mode), None) => {
            let before = taut_string(&steps[..=mode], start, steps[mode].below + d, d);
            let behind = taut_string(&steps[mode..], steps[mode].up_to - d, end, d);
            before.windows(2).all(|pair| rises(pair[0], pair[1]))
                && behind.windows(2).all(|pair| rises(pair[1], pair[0]))
        }
        (Some(_), Some(_)) => false,
    }
}

/// The slopes of the shortest way from `start` at the first value to `end` at the last, through the band of half-width `d`.
fn taut_string(steps: &[Step], start: f64, end: f64, d: f64) -> Vec<f64> {
    let [first, inner @ .., last] = steps else { return Vec::new() };
    let mut funnel = Funnel { way: vec![[first.at, start]], above: VecDeque::new(), below: VecDeque::new() };
    for step in inner {
        funnel.keep_below([step.at, step.below + d]);
        funnel.keep_above([step.at, step.up_to - d]);
    }
    funnel.keep_below([last.at, end]);
    funnel.way.extend(funnel.above);
    funnel.way.windows(2).map(|pair| slope(pair[0], pair[1])).collect()
}

/// The string as far as it is settled, and what it may still bend around.
struct Funnel {
    way: Vec<Corner>,
    /// Corners of the upper edge: the largest convex function below it, from the end of `way` on.
    above: VecDeque<Corner>,
    /// Corners of the lower edge: the smallest concave function above it.
    below: VecDeque<Corner>,
}

impl Funnel {
    fn keep_below(&mut self, edge: Corner) {
        narrow(&mut self.way, &mut self.above, &mut self.below, edge, |before, after| before >= after);
    }

    fn keep_above(&mut self, edge: Corner) {
        narrow(&mut self.way, &mut self.below, &mut self.above, edge, |before, after| before <= after);
    }
}

/// Adds `edge` to its own side of the funnel; where that side is then straight and cuts the other one, the string bends
/// around the other's first corners.
fn narrow(
    way: &mut Vec<Corner>,
    own: &mut VecDeque<Corner>,
    other: &mut VecDeque<Corner>,
    edge: Corner,
    bends_back: impl Fn(f64, f64) -> bool,
) {
    let mut end = way[way.len() - 1];
    while let Some(last) = own.back().copied() {
        let before = if own.len() > 1 { own[own.len() - 2] } else { end };
        if !bends_back(slope(before, last), slope(last, edge)) {
            break;
        }
        own.pop_back();
    }
    while own.is_empty()
        && let Some(corner) = other.front().copied()
        && bends_back(slope(end, corner), slope(end, edge))
    {
        other.pop_front();
        way.push(corner);
        end = corner;
    }
    own.push_back(edge);
}
