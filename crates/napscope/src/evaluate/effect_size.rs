//! How far a channel sets a group of samples apart from the rest: Cohen's d, Hedges' g, and the AUROC.
//!
//! d is the difference of means in units of the pooled standard deviation (Cohen 1988), g the same without its bias for
//! few samples (Hedges 1981), the AUROC the probability that a sample of the group lies above one of the rest, ties
//! counting half (Mann & Whitney's U over the number of pairs). An effect has a size whatever the number of samples; a
//! p-value only shrinks as samples are added.

use crate::error::{Error, ErrorKind, Result};
use crate::features::Features;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// |d| and |g| never exceed this: it stands for groups that differ without any spread, which is no number.
pub const LARGEST_EFFECT: f64 = 1e6;

/// How far a group lies above (positive, AUROC > 0.5) or below the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EffectSize {
    /// Difference of means over the pooled standard deviation.
    pub cohens_d: f64,
    /// Cohen's d times 1 − 3 / (4·(n − 2) − 1).
    pub hedges_g: f64,
    /// Probability that a value inside lies above one outside, ties counting half.
    pub auroc: f64,
}

/// The effect size of values `inside` a group against those `outside`, in whatever order they stand.
///
/// # Errors
/// [`ErrorKind::TooFewSamples`] when one side is empty.
pub fn effect_size(inside: &[f32], outside: &[f32]) -> Result<EffectSize> {
    if inside.is_empty() || outside.is_empty() {
        let message = format!("an effect needs samples on both sides, got {} and {}", inside.len(), outside.len());
        return Err(Error::new(ErrorKind::TooFewSamples, message));
    }
    // Sorted, the sums do not hang on the order of the samples either.
    let sorted = |values: &[f32]| {
        let mut values = values.to_vec();
        values.sort_unstable_by(f32::total_cmp);
        values
    };
    let (inside, outside) = (sorted(inside), sorted(outside));
    let cohens_d = cohens_d(Moments::of(&inside), Moments::of(&outside));
    let freedom = (inside.len() + outside.len()) as f64 - 2.0;
    let unbiased = if freedom > 0.0 { 1.0 - 3.0 / (4.0 * freedom - 1.0) } else { 1.0 };
    Ok(EffectSize { cohens_d, hedges_g: cohens_d * unbiased, auroc: auroc(&inside, &outside) })
}

/// The effect size of each column, of the samples `inside` against the others.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] when `inside` has another length than the features have samples,
/// [`ErrorKind::TooFewSamples`] when one side is empty.
pub fn effect_sizes(features: &Features, inside: &[bool]) -> Result<Vec<EffectSize>> {
    if inside.len() != features.samples() {
        return Err(Error::shape("which samples are inside", features.samples(), inside.len()));
    }
    let width = features.columns().len();
    let column = |column: usize| {
        let values = features.values()[column..].iter().step_by(width).zip(inside);
        let side =
            |side: bool| values.clone().filter(|value| *value.1 == side).map(|value| *value.0).collect::<Vec<_>>();
        effect_size(&side(true), &side(false))
    };
    (0..width).into_par_iter().map(column).collect()
}

/// Count, mean and sum of squared deviations of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl Moments {
    fn of(values: &[f32]) -> Self {
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
        Moments { count: values.len(), mean, squares }
    }
}

/// Difference of means over the pooled standard deviation, at most [`LARGEST_EFFECT`] either way.
pub(crate) fn cohens_d(inside: Moments, outside: Moments) -> f64 {
    let difference = inside.mean - outside.mean;
    if difference == 0.0 {
        return 0.0;
    }
    let freedom = (inside.count + outside.count).saturating_sub(2).max(1) as f64;
    let pooled = ((inside.squares + outside.squares) / freedom).sqrt();
    difference / pooled.max(difference.abs() / LARGEST_EFFECT)
}

/// Both sorted.
fn auroc(inside: &[f32], outside: &[f32]) -> f64 {
    let (mut below, mut through, mut halves) = (0, 0, 0u64);
    for value in inside {
        while below < outside.len() && outside[below] < *value {
            below += 1;
        }
        through = through.max(below);
        while through < outside.len() && outside[through] <= *value {
            through += 1;
        }
        halves += (below + through) as u64;
    }
    halves as f64 / (2.0 * inside.len() as f64 * outside.len() as f64)
}
