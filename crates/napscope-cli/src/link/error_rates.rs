//! Error rates against SNR: a measurement at each point, and the tables of it.
//!
//! Every point simulates slots 0, 1, 2 … of the same seed: bits, channels and (but for their power) noise are the same at every
//! SNR and for every receiver, so curves can be compared more closely than their intervals say.

use super::receivers::NamedReceiver;
use super::told;
use crate::data::{Column, ColumnValues};
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::link::{Count, ErrorRates, LinkConfig, Simulator, StopRule, Values};
use std::ops::ControlFlow;

/// More points than this are a mistake in the step.
const MOST_POINTS: usize = 1000;

/// A confidence level and its quantile of the normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// In percent.
    pub name: &'static str,
    /// Standard deviations to each side.
    pub z: f64,
}

/// The confidence levels that there are.
pub const CONFIDENCES: [Confidence; 3] = [
    Confidence { name: "90", z: 1.644_853_626_951_472_7 },
    Confidence { name: "95", z: 1.959_963_984_540_054 },
    Confidence { name: "99", z: 2.575_829_303_548_901 },
];

/// The error rates at one SNR.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Es/N0 in dB.
    pub snr_db: f64,
    /// Of each receiver.
    pub rates: Vec<ErrorRates>,
}

/// A kind of error rate.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, as in the table.
    pub name: &'static str,
    /// What a figure calls it.
    pub title: &'static str,
    /// Is it one of coded links only?
    pub coded: bool,
    /// Where it stands.
    pub count: fn(&ErrorRates) -> &Count,
}

/// The error rates that are measured.
pub const METRICS: [Metric; 3] = [
    Metric { name: "uncoded_ber", title: "Uncoded bit error rate", coded: false, count: |rates| &rates.uncoded },
    Metric { name: "coded_ber", title: "Coded bit error rate", coded: true, count: |rates| &rates.coded },
    Metric { name: "bler", title: "Block error rate", coded: true, count: |rates| &rates.blocks },
];

/// The error rates that a link has.
pub fn metrics(coded: bool) -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(move |metric| coded || !metric.coded)
}

/// The points that `snr_db` says: a value, a list, or a range in steps of `step_db`.
///
/// # Errors
/// For a step that leads nowhere and ranges without points.
pub fn points(snr_db: &Values, step_db: f64) -> Result<Vec<f64>> {
    let wrong = |message: String, hint: &str| Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint));
    match snr_db {
        Values::Fixed(value) => Ok(vec![*value]),
        Values::OneOf(values) => {
            let mut values = values.clone();
            values.sort_by(f64::total_cmp);
            values.dedup();
            Ok(values)
        }
        Values::Uniform(low, high) => {
            if !(step_db.is_finite() && step_db > 0.0) {
                return wrong(
                    format!("snr-step: a step of {step_db} dB leads nowhere"),
                    "give a positive number of dB",
                );
            }
            if low > high {
                let error = format!("snr_db runs from {low} to {high}, which is backwards");
                return wrong(error, &format!("write {high}..{low}"));
            }
            // A little more than the last step, so that 0..1 in steps of 0.1 has its end.
            let count = ((high - low) / step_db + 1e-9).floor() + 1.0;
            if count.is_nan() || count > MOST_POINTS as f64 {
                return wrong(
                    format!("snr_db would have {count} points; at most {MOST_POINTS} are measured"),
                    "widen --snr-step",
                );
            }
            Ok((0..count as u32).map(|at| low + f64::from(at) * step_db).collect())
        }
        Values::LogUniform(..) => wrong("snr_db is in dB, which is a logarithm already".to_owned(), "write LOW..HIGH"),
    }
}

/// Measures `receivers` at each SNR. `progress` hears how many slots of which point are done; a break ends the sweep, and what
/// is whole comes back.
///
/// # Errors
/// For a configuration that cannot be.
pub fn sweep(
    config: &LinkConfig,
    points: &[f64],
    receivers: &[NamedReceiver],
    rule: StopRule,
    mut progress: impl FnMut(usize, &[ErrorRates]) -> ControlFlow<()>,
) -> Result<Vec<Point>> {
    let configs: Vec<_> = receivers.iter().map(|receiver| receiver.config).collect();
    let mut measured = Vec::new();
    for (at, &snr_db) in points.iter().enumerate() {
        let config = LinkConfig { snr_db: Values::Fixed(snr_db), ..config.clone() };
        let simulator = Simulator::new(config).map_err(told)?;
        let mut stopped = false;
        let rates = simulator.error_rates(&configs, rule, |rates| {
            let flow = progress(at, rates);
            stopped = flow.is_break();
            flow
        });
        let rates = rates.map_err(told)?;
        if stopped {
            break;
        }
        measured.push(Point { snr_db, rates });
    }
    Ok(measured)
}

/// The table: a row a point and receiver.
pub fn columns(measured: &[Point], receivers: &[NamedReceiver], coded: bool, confidence: Confidence) -> Vec<Column> {
    let rows: Vec<(f64, &str, &ErrorRates)> = measured
        .iter()
        .flat_map(|point| receivers.iter().zip(&point.rates).map(|(r, rates)| (point.snr_db, r.name.as_str(), rates)))
        .collect();
    let floats = |name: String, value: &dyn Fn(&ErrorRates) -> f64| Column {
        name,
        values: ColumnValues::Float(rows.iter().map(|row| Some(value(row.2))).collect()),
    };
    let ints = |name: String, value: &dyn Fn(&ErrorRates) -> u64| Column {
        name,
        values: ColumnValues::Int(rows.iter().map(|row| Some(value(row.2) as i64)).collect()),
    };
    let snr =
        Column { name: "snr_db".into(), values: ColumnValues::Float(rows.iter().map(|row| Some(row.0)).collect()) };
    let mut columns = vec![snr, Column::from_text("receiver", rows.iter().map(|row| Some(row.1)))];
    columns.push(ints("slots".into(), &|rates| rates.uncoded.slots));
    for metric in metrics(coded) {
        let (name, count) = (metric.name, metric.count);
        columns.push(floats(name.into(), &|rates| count(rates).rate()));
        columns.push(floats(format!("{name}_low"), &|rates| count(rates).interval(confidence.z).low));
        columns.push(floats(format!("{name}_high"), &|rates| count(rates).interval(confidence.z).high));
        columns.push(ints(format!("{name}_errors"), &|rates| count(rates).errors));
        columns.push(ints(format!("{name}_trials"), &|rates| count(rates).trials));
    }
    columns.push(floats("post_eq_sinr_db".into(), &ErrorRates::mean_post_eq_sinr_db));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_that_were_asked_for() {
        for (values, step, expected) in [
            (Values::Fixed(3.0), 1.0, vec![3.0]),
            (Values::OneOf(vec![5.0, 0.0, 5.0]), 1.0, vec![0.0, 5.0]),
            (Values::Uniform(-4.0, 2.0), 2.0, vec![-4.0, -2.0, 0.0, 2.0]),
            (Values::Uniform(0.0, 1.0), 0.3, vec![0.0, 0.3, 0.6, 0.3 * 3.0]),
            (Values::Uniform(2.0, 2.0), 1.0, vec![2.0]),
        ] {
            assert_eq!(points(&values, step).expect("points"), expected, "{values} in steps of {step}");
        }
        assert_eq!(points(&Values::Uniform(0.0, 1.0), 0.1).expect("points").len(), 11, "with its end");
    }

    #[test]
    fn sweeps_without_points_are_refused() {
        for (values, step, expected) in [
            (Values::Uniform(0.0, 1.0), 0.0, "leads nowhere"),
            (Values::Uniform(0.0, 1.0), -1.0, "leads nowhere"),
            (Values::Uniform(0.0, 1.0), f64::NAN, "leads nowhere"),
            (Values::Uniform(1.0, 0.0), 1.0, "backwards"),
            (Values::Uniform(0.0, f64::INFINITY), 1.0, "points"),
            (Values::Uniform(0.0, 1.0), 1e-6, "points"),
            (Values::LogUniform(1.0, 2.0), 1.0, "logarithm already"),
        ] {
            let error = points(&values, step).expect_err(expected);
            assert!(error.to_string().contains(expected), "{values} in steps of {step}: {error}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        for confidence in CONFIDENCES {
            // ∫ φ over ± z by Simpson's rule.
            let (steps, h) = (2000, confidence.z / 2000.0);
            let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let weight = |at: usize| {
                if at == 0 || at == steps {
                    1.0
                } else if at % 2 == 1 {
                    4.0
                } else {
                    2.0
                }
            };
            let sum: f64 = (0..=steps).map(|at| weight(at) * density(at as f64 * h)).sum();
            let inside = 2.0 * sum * h / 3.0;
            assert!(
                (inside - confidence.name.parse::<f64>().expect("a number") / 100.0).abs() < 1e-9,
                "{confidence:?}: {inside}"
            );
        }
    }
}
