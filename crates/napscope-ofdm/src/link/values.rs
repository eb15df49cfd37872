//! A parameter that is fixed, or drawn anew for each slot.

use crate::error::{Error, ErrorKind, Result, in_range};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Where the value of a parameter comes from. Written as `5`, `0..30`, `log:1e-8..3e-7` or `1,2,5`.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Always the same.
    Fixed(f64),
    /// Uniform between two ends.
    Uniform(f64, f64),
    /// Its logarithm is uniform between the logarithms of two positive ends.
    LogUniform(f64, f64),
    /// One of these, each as likely.
    OneOf(Vec<f64>),
}

impl Values {
    /// The value for the uniform number `u` of `[0, 1)`.
    pub fn at(&self, u: f64) -> f64 {
        match self {
            Values::Fixed(value) => *value,
            Values::Uniform(low, high) => low + (high - low) * u,
            Values::LogUniform(low, high) => (low.ln() + (high / low).ln() * u).exp(),
            Values::OneOf(values) => values[(u * values.len() as f64) as usize],
        }
    }

    /// The smallest and the largest value.
    pub fn range(&self) -> (f64, f64) {
        match self {
            Values::Fixed(value) => (*value, *value),
            Values::Uniform(low, high) | Values::LogUniform(low, high) => (*low, *high),
            Values::OneOf(values) => {
                values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
            }
        }
    }

    /// Checks that all values of the parameter `name` are finite and lie within `allowed`.
    pub(crate) fn check(&self, name: &str, allowed: RangeInclusive<f64>) -> Result<()> {
        match self {
            Values::Fixed(value) => in_range(name, *value, allowed),
            Values::Uniform(low, high) | Values::LogUniform(low, high) => {
                in_range(name, *low, allowed.clone())?;
                in_range(name, *high, allowed)?;
                if low > high {
                    return Err(Error::parameter(format!("{name} runs from {low} to {high}, which is backwards"))
                        .hint(format!("write {high}..{low}")));
                }
                if matches!(self, Values::LogUniform(..)) && *low <= 0.0 {
                    return Err(Error::parameter(format!("{name} has a logarithmic range from {low}"))
                        .hint("a logarithmic range has positive ends"));
                }
                Ok(())
            }
            Values::OneOf(values) if values.is_empty() => {
                Err(Error::parameter(format!("{name} is a list without a value")))
            }
            Values::OneOf(values) => values.iter().try_for_each(|value| in_range(name, *value, allowed.clone())),
        }
    }
}

impl From<f64> for Values {
    fn from(value: f64) -> Self {
        Values::Fixed(value)
    }
}

impl FromStr for Values {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::InvalidParameter, format!("`{text}` is no number, range or list"))
                .hint("write 5, 0..30, log:1e-8..3e-7 or 1,2,5")
        };
        let number = |part: &str| part.trim().parse::<f64>().map_err(|_| wrong());
        let logarithmic = text.trim().strip_prefix("log:");
        match logarithmic.unwrap_or(text).split_once("..") {
            Some((low, high)) if logarithmic.is_some() => Ok(Values::LogUniform(number(low)?, number(high)?)),
            Some((low, high)) => Ok(Values::Uniform(number(low)?, number(high)?)),
            None if logarithmic.is_some() => Err(wrong()),
            None => {
                let mut values = text.split(',').map(number).collect::<Result<Vec<f64>>>()?;
                Ok(if values.len() == 1 { Values::Fixed(values.remove(0)) } else { Values::OneOf(values) })
            }
        }
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Fixed(value) => write!(f, "{value}"),
            Values::Uniform(low, high) => write!(f, "{low}..{high}"),
            Values::LogUniform(low, high) => write!(f, "log:{low}..{high}"),
            Values::OneOf(values) => f.write_str(&values.iter().map(f64::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_written_and_drawn() {
        for (text, expected, middle) in [
            ("5", Values::Fixed(5.0), 5.0),
            ("-4..32", Values::Uniform(-4.0, 32.0), 14.0),
            ("log:1e-8..1e-6", Values::LogUniform(1e-8, 1e-6), 1e-7),
            ("1, 2,5", Values::OneOf(vec![1.0, 2.0, 5.0]), 2.0),
        ] {
            let values: Values = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(values, expected, "{text}");
            assert_eq!(values.to_string().parse::<Values>().expect(text), expected, "{text} written and read");
            assert!((values.at(0.5) / middle - 1.0).abs() < 1e-12, "{text}: expected {middle}, got {}", values.at(0.5));
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["", "x", "1..", "log:5", "1,,2", "..", "0..1..2"] {
            assert!(text.parse::<Values>().is_err(), "`{text}` is no value");
        }
        for values in [
            Values::Fixed(f64::NAN),
            Values::Fixed(11.0),
            Values::Uniform(3.0, 1.0),
            Values::Uniform(1.0, f64::INFINITY),
            Values::LogUniform(0.0, 1.0),
            Values::OneOf(vec![]),
            Values::OneOf(vec![1.0, -1.0]),
        ] {
            assert!(values.check("x", 0.0..=10.0).is_err(), "{values:?} is out of range");
        }
    }
}
