//! Joins the p-values of several detectors or layers into one score, without out-of-distribution data.
//!
//! Detectors of one network look at the same sample: their p-values hang together, and the textbook distribution of a joint
//! statistic does not hold. So a fusion gives a score, to be calibrated like any other ([`super::Calibration`]).

use super::Calibration;
use serde::{Deserialize, Serialize};

/// How p-values are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// −2 Σ ln p (Fisher): one very small p-value counts much.
    Fisher,
    /// Σ Φ⁻¹(1 − p) / √m (Stouffer): all count evenly.
    Stouffer,
    /// 1 − the smallest p: the most alarmed alone decides.
    Max,
    /// 1 − the mean of p.
    Mean,
}

impl Fusion {
    /// Every way.
    pub const ALL: [Fusion; 4] = [Fusion::Fisher, Fusion::Stouffer, Fusion::Max, Fusion::Mean];

    /// The joint scores of the samples that `calibrations` were made of, from their scores (detector by detector): what the joint
    /// scores of other samples are calibrated by. A sample's own score is among those that its p-values count; they are taken over
    /// n + 1, so that they are never above what a fresh sample would get, and the fusion errs towards fewer alarms.
    pub fn joint_scores(self, calibrations: &[Calibration], scores: &[&[f64]]) -> Vec<f64> {
        let samples = scores.iter().map(|scores| scores.len()).min().unwrap_or(0);
        let own = 1.0 / (samples + 1) as f64;
        let joint = |sample: usize| {
            let parts = scores.iter().zip(calibrations);
            let p_values: Vec<f64> =
                parts.map(|(scores, calibration)| calibration.p_value(scores[sample]) - own).collect();
            self.score(&p_values)
        };
        (0..samples).map(joint).collect()
    }

    /// The joint score of one sample's p-values: higher is further out. Each must lie in 0 … 1; 0 counts as the smallest
    /// positive number. No p-value at all gives 0.
    pub fn score(self, p_values: &[f64]) -> f64 {
        let count = p_values.len() as f64;
        if p_values.is_empty() {
            return 0.0;
        }
        let positive = || p_values.iter().map(|p| p.max(f64::MIN_POSITIVE));
        match self {
            Fusion::Fisher => -2.0 * positive().map(f64::ln).sum::<f64>(),
            Fusion::Stouffer => positive().map(upper_quantile).sum::<f64>() / count.sqrt(),
            Fusion::Max => 1.0 - p_values.iter().copied().fold(1.0, f64::min),
            Fusion::Mean => 1.0 - p_values.iter().sum::<f64>() / count,
        }
    }
}

/// The z that a standard normal number exceeds with probability `p`, for 0 < p <= 1; −8.3 stands for p = 1.
///
/// By bisection on the complementary error function: slow beside a rational fit, and right everywhere.
fn upper_quantile(p: f64) -> f64 {
    let survival = |z: f64| 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
    let (mut low, mut high) = (-8.3, 38.5);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if survival(middle) > p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (fusion, p_values, expected) in [
            (Fusion::Fisher, &[0.05, 0.5][..], 7.377_758_908_227_871),
            (Fusion::Stouffer, &[0.025], 1.959_963_984_540_054),
            (Fusion::Stouffer, &[0.025, 0.025], 2.771_807_648_699_953_5),
            (Fusion::Stouffer, &[0.5, 0.5], 0.0),
            (Fusion::Max, &[0.2, 0.01], 0.99),
            (Fusion::Mean, &[0.2, 0.4], 0.7),
            (Fusion::Mean, &[], 0.0),
        ] {
            let found = fusion.score(p_values);
            assert!((found - expected).abs() < 1e-9, "{fusion:?} of {p_values:?}: expected {expected}, got {found}");
        }
    }

    #[test]
    fn smaller_p_values_never_lower_the_score() {
        for fusion in Fusion::ALL {
            let scores: Vec<f64> =
                [1.0, 0.9, 0.5, 0.1, 1e-3, 1e-12, 1e-300, 0.0].map(|p| fusion.score(&[0.3, p])).into();
            assert!(scores.is_sorted(), "{fusion:?}: {scores:?}");
            assert!(scores.iter().all(|score| score.is_finite()), "{fusion:?}: {scores:?}");
        }
    }
}
