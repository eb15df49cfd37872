//! Error rates against SNR or another parameter: a measurement at each point, and the tables of it.
//!
//! Every point simulates slots 0, 1, 2 … of the same seed: bits, channels and (but for their power) noise are the same at every
//! SNR and for every receiver, so curves can be compared more closely than their intervals say.

use super::axis::Axis;
use super::lineup::Lineup;
use super::told;
use crate::data::{Column, ColumnValues};
use napscope::{ErrorKind, Result};
use napscope_ofdm::link::{Count, ErrorRates, LinkConfig, Simulator, StopRule, Tally};
use std::ops::ControlFlow;

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

/// The error rates at one point of the axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The parameter of the axis.
    pub x: f64,
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

/// Measures `receivers` at each of `points` of `axis`. `progress` hears how many slots of which point are done; a break, or the
/// user who stops the work, ends the sweep, and what is whole comes back.
///
/// # Errors
/// For a configuration that cannot be, and for a network that fails.
pub fn sweep(
    config: &LinkConfig,
    (axis, points): (&Axis, &[f64]),
    receivers: &Lineup,
    rule: StopRule,
    mut progress: impl FnMut(usize, &[ErrorRates]) -> ControlFlow<()>,
) -> Result<Vec<Point>> {
    let mut measured = Vec::new();
    for (at, &x) in points.iter().enumerate() {
        let simulator = Simulator::new(axis.at(config, x)?).map_err(told)?;
        let mut tally = Tally::new(rule, receivers.names().len()).map_err(told)?;
        while let Some(slots) = tally.next_round() {
            match receivers.slot_error_rates(&simulator, slots) {
                Ok(round) => tally.add(&round),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(measured),
                Err(error) => return Err(error),
            }
            if progress(at, tally.rates()).is_break() {
                return Ok(measured);
            }
        }
        measured.push(Point { x, rates: tally.rates().to_vec() });
    }
    Ok(measured)
}

/// The table: a row a point and receiver.
pub fn columns(
    measured: &[Point],
    axis: &Axis,
    receivers: &[String],
    coded: bool,
    confidence: Confidence,
) -> Vec<Column> {
    let rows: Vec<(f64, &str, &ErrorRates)> = measured
        .iter()
        .flat_map(|point| receivers.iter().zip(&point.rates).map(|(name, rates)| (point.x, name.as_str(), rates)))
        .collect();
    let floats = |name: String, value: &dyn Fn(&ErrorRates) -> f64| Column {
        name,
        values: ColumnValues::Float(rows.iter().map(|row| Some(value(row.2))).collect()),
    };
    let ints = |name: String, value: &dyn Fn(&ErrorRates) -> u64| Column {
        name,
        values: ColumnValues::Int(rows.iter().map(|row| Some(value(row.2) as i64)).collect()),
    };
    let x = ColumnValues::Float(rows.iter().map(|row| Some(row.0)).collect());
    let mut columns = vec![
        Column { name: axis.name.into(), values: x },
        Column::from_text("receiver", rows.iter().map(|row| Some(row.1))),
    ];
    columns.push(ints("slots".into(), &|rates| rates.uncoded.slots));
    for metric in metrics(coded) {
        let (name, count) = (metric.name, metric.count);
        columns.push(floats(name.into(), &|rates| count(rates).rate()));
        columns.push(floats(format!("{name}_low"), &|rates| count(rates).interval(confidence.z).low));
        columns.push(floats(format!("{name}_high"), &|rates| count(rates).interval(confidence.z).high));
        columns.push(ints(format!("{name}_errors"), &|rates| count(rates).errors));
        columns.push(ints(format!("{name}_trials"), &|rates| count(rates).trials));
    }
    // What does not equalise has no SINR behind it.
    let sinr = rows.iter().map(|row| Some(row.2.mean_post_eq_sinr_db()).filter(|sinr| !sinr.is_nan()));
    columns.push(Column { name: "post_eq_sinr_db".into(), values: ColumnValues::Float(sinr.collect()) });
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

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
