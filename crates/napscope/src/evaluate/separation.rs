//! How well a score separates out-of-distribution from in-distribution samples: exact, from the scores themselves.
//!
//! Scores rise with strangeness. Equal scores count half everywhere that a rank counts; no threshold splits them.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The share that both FPR95s are named after.
const TPR: f64 = 0.95;

/// Smaller moves along either axis of a curve are left out: no picture would show them.
const CURVE_STEP: f64 = 1.0 / 256.0;

/// Two-sided 95 % of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// How well a score tells samples apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Probability that an out-of-distribution sample scores above an in-distribution one, ties counting half.
    pub auroc: f64,
    /// Its 95 % interval (DeLong et al. 1988), cut off at 0 and 1.
    pub auroc_interval: [f64; 2],
    /// Average precision with in-distribution samples as the positives.
    pub aupr_in: f64,
    /// Average precision with out-of-distribution samples as the positives.
    pub aupr_out: f64,
    /// Share of out-of-distribution samples that pass where 95 % of the in-distribution ones pass: OpenOOD's FPR@95.
    pub fpr_ood_at_tpr_id_95: f64,
    /// Share of in-distribution samples that raise an alarm where 95 % of the out-of-distribution ones do.
    pub fpr_id_at_tpr_ood_95: f64,
}

/// A difference of two AUROCs on the same samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AurocDifference {
    /// The first AUROC minus the second.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// Two-sided p-value of no difference; 1 where neither score varies.
    pub p_value: f64,
}

/// How well the scores of in-distribution (`id`) and out-of-distribution (`ood`) samples lie apart.
///
/// # Errors
/// [`ErrorKind::TooFewSamples`] when one side is empty, [`ErrorKind::NonFinite`] for a score that is NaN.
pub fn separation(id: &[f64], ood: &[f64]) -> Result<Separation> {
    let (auroc, auroc_interval) = mean_auroc((id, &[ood]))?;
    let steps = steps(id, ood);
    let flipped: Vec<[usize; 2]> = steps.iter().rev().map(|[id, ood]| [*ood, *id]).collect();
    Ok(Separation {
        auroc,
        auroc_interval,
        aupr_in: average_precision(&flipped, id.len()),
        aupr_out: average_precision(&steps, ood.len()),
        fpr_ood_at_tpr_id_95: false_positives(&flipped, id.len(), ood.len()),
        fpr_id_at_tpr_ood_95: false_positives(&steps, ood.len(), id.len()),
    })
}

/// The curve behind the AUROC, threshold by threshold from the highest score down: the share of in-distribution samples that raise
/// an alarm, and that of out-of-distribution ones. From (0, 0) to (1, 1); moves of less than 1/256 on both axes are left out, so a
/// curve has at most 514 points.
///
/// # Errors
/// As [`separation`].
pub fn roc(id: &[f64], ood: &[f64]) -> Result<Vec<[f64; 2]>> {
    check(id, ood)?;
    let (mut alarms, mut curve) = ([0, 0], vec![[0.0, 0.0]]);
    for step in steps(id, ood) {
        alarms = [alarms[0] + step[0], alarms[1] + step[1]];
        let point = [alarms[0] as f64 / id.len() as f64, alarms[1] as f64 / ood.len() as f64];
        let last = curve[curve.len() - 1];
        if point == [1.0, 1.0] || (0..2).any(|axis| point[axis] - last[axis] >= CURVE_STEP) {
            curve.push(point);
        }
    }
    Ok(curve)
}

/// Compares two scores, `a` and `b`, of the same samples (each `[id, ood]`): DeLong's test for correlated curves.
///
/// # Errors
/// As [`separation`], and [`ErrorKind::ShapeMismatch`] when the two have other numbers of samples.
pub fn auroc_difference(a: [&[f64]; 2], b: [&[f64]; 2]) -> Result<AurocDifference> {
    mean_auroc_difference((a[0], &[a[1]]), (b[0], &[b[1]]))
}

/// The mean AUROC over several sets of out-of-distribution samples (`(id, sets)`), with its 95 % interval: the sets count alike,
/// and that they share their in-distribution samples is taken into account.
///
/// # Errors
/// As [`separation`], and [`ErrorKind::TooFewSamples`] without any set.
pub fn mean_auroc(scores: (&[f64], &[&[f64]])) -> Result<(f64, [f64; 2])> {
    let placements = MeanPlacements::new(scores)?;
    let (auroc, reach) = (placements.auroc(), Z_95 * placements.covariance(&placements).sqrt());
    Ok((auroc, [(auroc - reach).max(0.0), (auroc + reach).min(1.0)]))
}

/// As [`auroc_difference`], of the means over several sets of out-of-distribution samples.
///
/// # Errors
/// As [`mean_auroc`] and [`auroc_difference`].
pub fn mean_auroc_difference(a: (&[f64], &[&[f64]]), b: (&[f64], &[&[f64]])) -> Result<AurocDifference> {
    let sizes = |(id, sets): (&[f64], &[&[f64]])| -> Vec<usize> {
        std::iter::once(id.len()).chain(sets.iter().map(|set| set.len())).collect()
    };
    if sizes(a) != sizes(b) {
        return Err(Error::shape("scores of the second detector", sizes(a), sizes(b)));
    }
    let (a, b) = (MeanPlacements::new(a)?, MeanPlacements::new(b)?);
    let difference = a.auroc() - b.auroc();
    let variance = a.covariance(&a) + b.covariance(&b) - 2.0 * a.covariance(&b);
    let error = variance.max(0.0).sqrt();
    let p_value = match (difference == 0.0, error == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        _ => libm::erfc(difference.abs() / error / std::f64::consts::SQRT_2),
    };
    Ok(AurocDifference { difference, interval: [difference - Z_95 * error, difference + Z_95 * error], p_value })
}

/// The placements of a mean AUROC: of an in-distribution sample the mean of those among every set, of the others each its own.
struct MeanPlacements {
    id: Vec<f64>,
    ood: Vec<Vec<f64>>,
}

impl MeanPlacements {
    fn new((id, sets): (&[f64], &[&[f64]])) -> Result<Self> {
        if sets.is_empty() {
            return Err(Error::new(ErrorKind::TooFewSamples, "a mean AUROC needs at least 1 set, got 0"));
        }
        let mut mean = vec![0.0; id.len()];
        let mut ood = Vec::with_capacity(sets.len());
        for set in sets {
            let placements = Placements::new(id, set)?;
            mean.iter_mut().zip(&placements.id).for_each(|(mean, place)| *mean += place / sets.len() as f64);
            ood.push(placements.ood);
        }
        Ok(MeanPlacements { id: mean, ood })
    }

    fn auroc(&self) -> f64 {
        self.ood.iter().map(|places| mean(places)).sum::<f64>() / self.ood.len() as f64
    }

    /// Covariance of two mean AUROCs: that of the placements on either side, over the numbers of samples.
    fn covariance(&self, other: &Self) -> f64 {
        let sets = self.ood.iter().zip(&other.ood).map(|(a, b)| covariance_of_means(a, b)).sum::<f64>();
        covariance_of_means(&self.id, &other.id) + sets / (self.ood.len() * self.ood.len()) as f64
    }
}

/// Covariance of the means of two lists.
fn covariance_of_means(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b, count) = (mean(a), mean(b), a.len() as f64);
    let products: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    if count > 1.0 { products / (count - 1.0) / count } else { 0.0 }
}

/// Where each sample stands among those of the other side (Sun & Xu 2014): for an out-of-distribution sample the share of
/// in-distribution ones below it, for an in-distribution sample the share of out-of-distribution ones above it.
struct Placements {
    id: Vec<f64>,
    ood: Vec<f64>,
}

impl Placements {
    fn new(id: &[f64], ood: &[f64]) -> Result<Self> {
        check(id, ood)?;
        let (id_sorted, ood_sorted) = (sorted(id), sorted(ood));
        Ok(Placements {
            id: id.iter().map(|score| 1.0 - share_below(&ood_sorted, *score)).collect(),
            ood: ood.iter().map(|score| share_below(&id_sorted, *score)).collect(),
        })
    }
}

fn check(id: &[f64], ood: &[f64]) -> Result<()> {
    if id.is_empty() || ood.is_empty() {
        let message = format!("a separation needs scores on both sides, got {} and {}", id.len(), ood.len());
        return Err(Error::new(ErrorKind::TooFewSamples, message));
    }
    if id.iter().chain(ood).any(|score| score.is_nan()) {
        return Err(Error::new(ErrorKind::NonFinite, "a score is not a number"));
    }
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sorted(scores: &[f64]) -> Vec<f64> {
    let mut scores = scores.to_vec();
    scores.sort_unstable_by(f64::total_cmp);
    scores
}

/// The share of `sorted` below `score`, equal ones counting half.
fn share_below(sorted: &[f64], score: f64) -> f64 {
    let below = sorted.partition_point(|other| *other < score);
    let up_to = sorted.partition_point(|other| *other <= score);
    (below + up_to) as f64 / (2 * sorted.len()) as f64
}

/// How many samples of each side have each score, from the highest score down.
fn steps(id: &[f64], ood: &[f64]) -> Vec<[usize; 2]> {
    let mut all: Vec<(f64, usize)> =
        id.iter().map(|score| (*score, 0)).chain(ood.iter().map(|score| (*score, 1))).collect();
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let equal = |a: &(f64, usize), b: &(f64, usize)| a.0 == b.0;
    let count = |group: &[(f64, usize)], side| group.iter().filter(|sample| sample.1 == side).count();
    all.chunk_by(equal).map(|group| [count(group, 0), count(group, 1)]).collect()
}

/// Σ precision · (step of recall), over steps of `[negatives, positives]`.
fn average_precision(steps: &[[usize; 2]], positives: usize) -> f64 {
    let (mut alarms, mut hits, mut area) = (0, 0, 0.0);
    for [negative, positive] in steps {
        alarms += negative + positive;
        hits += positive;
        area += hits as f64 / alarms as f64 * *positive as f64;
    }
    area / positives as f64
}

/// The share of negatives taken in once 95 % of the positives are.
fn false_positives(steps: &[[usize; 2]], positives: usize, negatives: usize) -> f64 {
    let (mut taken, mut hits) = (0, 0);
    for [negative, positive] in steps {
        taken += negative;
        hits += positive;
        if hits as f64 >= TPR * positives as f64 {
            break;
        }
    }
    taken as f64 / negatives as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_counted_by_hand() {
        let found = separation(&[1.0, 2.0, 3.0], &[3.0, 4.0]).expect("both sides");
        assert!((found.auroc - 5.5 / 6.0).abs() < 1e-15, "five pairs in order and one tie: {}", found.auroc);
        assert_eq!(found.fpr_ood_at_tpr_id_95, 0.5, "to pass all of 1, 2, 3, the 3 outside passes too");
        assert_eq!(found.fpr_id_at_tpr_ood_95, 1.0 / 3.0, "to catch 4 and 3, the 3 inside is an alarm");
    }

    #[test]
    fn the_area_under_the_curve_is_the_auroc() {
        let curve = roc(&[1.0, 2.0, 3.0], &[3.0, 4.0]).expect("both sides");
        assert_eq!(curve, [[0.0, 0.0], [0.0, 0.5], [1.0 / 3.0, 1.0], [2.0 / 3.0, 1.0], [1.0, 1.0]]);
        // Of 6,000 scores, many of them equal, the curve leaves out what no picture shows.
        let scores = |count: usize, step: usize, shift: f64| -> Vec<f64> {
            (0..count).map(|i| (i * step % 977) as f64 / 977.0 + shift).collect()
        };
        let (id, ood) = (scores(4000, 311, 0.0), scores(2000, 97, 0.3));
        let curve = roc(&id, &ood).expect("both sides");
        assert!((100..=514).contains(&curve.len()) && curve[curve.len() - 1] == [1.0, 1.0], "{}", curve.len());
        let area: f64 = curve.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[1][1] + pair[0][1]) / 2.0).sum();
        let auroc = separation(&id, &ood).expect("both sides").auroc;
        assert!((area - auroc).abs() < 1e-3, "{area} and {auroc}");
    }

    #[test]
    fn scores_without_a_difference_separate_nothing() {
        let found = separation(&[1.0; 4], &[1.0; 7]).expect("both sides");
        assert_eq!((found.auroc, found.auroc_interval), (0.5, [0.5, 0.5]));
        assert_eq!((found.fpr_ood_at_tpr_id_95, found.fpr_id_at_tpr_ood_95), (1.0, 1.0));
        let same = auroc_difference([&[1.0, 2.0], &[2.0, 3.0]], [&[1.0, 2.0], &[2.0, 3.0]]).expect("both sides");
        assert_eq!((same.difference, same.p_value), (0.0, 1.0));
    }

    #[test]
    fn empty_sides_and_nan_are_refused() {
        assert_eq!(separation(&[], &[1.0]).expect_err("no id").kind(), ErrorKind::TooFewSamples);
        assert_eq!(roc(&[1.0], &[]).expect_err("no ood").kind(), ErrorKind::TooFewSamples);
        assert_eq!(separation(&[f64::NAN], &[1.0]).expect_err("NaN").kind(), ErrorKind::NonFinite);
        assert_eq!(mean_auroc((&[1.0], &[])).expect_err("no set").kind(), ErrorKind::TooFewSamples);
        let error = auroc_difference([&[1.0], &[2.0]], [&[1.0, 2.0], &[2.0]]).expect_err("other samples");
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    }
}
