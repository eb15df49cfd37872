//! From scores to p-values: split-conformal calibration on in-distribution samples that no detector was fitted on.
//!
//! The p-value of a score is (1 + number of calibration scores at or above it) / (1 + number of calibration scores). For a
//! fresh in-distribution sample it is at most α with a probability of at most α, whatever the distribution (Vovk et al.
//! 2005); fitted samples would look more usual than fresh ones do.

use crate::error::{Error, ErrorKind, Result};

/// The scores of in-distribution samples, to hold others against.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// In rising order.
    scores: Vec<f64>,
}

impl Calibration {
    /// Takes the scores of in-distribution samples, in any order.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewSamples`] without scores, [`ErrorKind::NonFinite`] for a score that is NaN.
    pub fn new(mut scores: Vec<f64>) -> Result<Self> {
        if scores.is_empty() {
            return Err(Error::new(ErrorKind::TooFewSamples, "a calibration needs at least 1 score, got 0"));
        }
        if scores.iter().any(|score| score.is_nan()) {
            return Err(Error::new(ErrorKind::NonFinite, "a calibration score is not a number"));
        }
        scores.sort_unstable_by(f64::total_cmp);
        Ok(Calibration { scores })
    }

    /// The p-value of a score: small where the score is unusually high.
    pub fn p_value(&self, score: f64) -> f64 {
        let below = self.scores.partition_point(|other| *other < score);
        (1 + self.scores.len() - below) as f64 / (1 + self.scores.len()) as f64
    }

    /// The score above which [`Calibration::p_value`] is at most `false_alarm_rate`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] for a rate outside of 0 … 1, [`ErrorKind::TooFewSamples`] where the rate is finer
    /// than the calibration can tell (n scores tell no less than 1 / (n + 1)).
    pub fn threshold(&self, false_alarm_rate: f64) -> Result<f64> {
        if !(0.0..=1.0).contains(&false_alarm_rate) {
            let message = format!("the false-alarm rate must lie in 0 … 1, got {false_alarm_rate}");
            return Err(Error::new(ErrorKind::InvalidParameter, message));
        }
        // At most this many calibration scores may lie at or above an alarm; a little up, as 0.01 · 100 may round to 0.99….
        let budget = (false_alarm_rate * (self.scores.len() + 1) as f64 * (1.0 + 1e-12)).floor() as usize;
        match budget.checked_sub(1) {
            None => Err(Error::new(
                ErrorKind::TooFewSamples,
                format!(
                    "{} calibration samples cannot tell a false-alarm rate of {false_alarm_rate}",
                    self.scores.len()
                ),
            )
            .hint(format!("give at least {:.0}", (1.0 / false_alarm_rate).ceil() - 1.0))),
            Some(above) if above >= self.scores.len() => Ok(f64::NEG_INFINITY),
            Some(above) => Ok(self.scores[self.scores.len() - 1 - above]),
        }
    }
}

/// Which of several p-values are discoveries when a share `rate` of false ones among them is allowed (Benjamini & Hochberg
/// 1995).
pub fn benjamini_hochberg(p_values: &[f64], rate: f64) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let passes = |&(rank, p): &(usize, &f64)| *p <= rate * (rank + 1) as f64 / count;
    let limit = sorted.iter().enumerate().rfind(passes).map(|(_, p)| *p);
    p_values.iter().map(|p| limit.is_some_and(|limit| *p <= limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_where_the_p_value_reaches_the_rate() {
        let calibration = Calibration::new((0..99).map(f64::from).collect()).expect("99 scores");
        for rate in [0.01, 0.05, 0.07, 0.5, 0.99] {
            let threshold = calibration.threshold(rate).expect("99 scores tell 1 %");
            assert!(calibration.p_value(threshold + 1e-9) <= rate + 1e-12, "just above {threshold} at {rate}");
            assert!(calibration.p_value(threshold) > rate, "at {threshold} for {rate}");
        }
        assert_eq!(calibration.threshold(1.0).expect("any"), f64::NEG_INFINITY, "at a rate of 1 all are alarms");
        let error = calibration.threshold(0.005).expect_err("99 scores do not tell 0.5 %");
        assert_eq!(error.how_to_mend(), Some("give at least 199"));
    }

    #[test]
    fn p_values_count_what_lies_at_or_above() {
        let calibration = Calibration::new(vec![3.0, 1.0, 2.0]).expect("three scores");
        for (score, expected) in [(0.0, 1.0), (1.0, 1.0), (2.0, 0.75), (2.5, 0.5), (3.0, 0.5), (9.0, 0.25)] {
            assert_eq!(calibration.p_value(score), expected, "of score {score}");
        }
    }

    #[test]
    fn discoveries_are_those_up_to_the_last_that_passes() {
        let found = benjamini_hochberg(&[0.9, 0.001, 0.025, 0.02], 0.05);
        assert_eq!(found, [false, true, true, true]);
        assert_eq!(benjamini_hochberg(&[0.5, 0.6], 0.05), [false, false]);
        assert!(benjamini_hochberg(&[], 0.05).is_empty());
    }
}
