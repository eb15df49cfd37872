//! One list a kind of part (sketch, normalizer, metric, selection): help, documentation and contract tests loop over it.
//!
//! A part is named in one line: `name` or `name:option=value,option=value`, as in `kde:bandwidth=isj,grid=64`.

use crate::error::{Error, ErrorKind, Result};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// One part: its name, a line of help, its options with their defaults, and how it is built.
pub struct Entry<T: ?Sized + 'static> {
    /// The name that people type.
    pub name: &'static str,
    /// One line of help.
    pub summary: &'static str,
    /// `(option, default, meaning)`; the default is what an absent option stands for.
    pub options: &'static [(&'static str, &'static str, &'static str)],
    /// Builds the part from its options.
    pub build: fn(&Options<'_>) -> Result<Box<T>>,
}

/// The options of one part as the user wrote them, over its defaults.
pub struct Options<'a> {
    part: &'a str,
    known: &'static [(&'static str, &'static str, &'static str)],
    given: Vec<(&'a str, &'a str)>,
}

impl Options<'_> {
    /// The value of `option`: the given one, else the default of the entry.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when it does not parse as a `V`.
    pub fn get<V: FromStr>(&self, option: &'static str) -> Result<V> {
        let value = self.text(option);
        value.parse().map_err(|_| {
            Error::new(ErrorKind::InvalidParameter, format!("{}: `{option}={value}` is not understood", self.part))
                .hint(self.meaning(option))
        })
    }

    /// The value of `option`, which must lie in `range` (NaN lies in none).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when it does not parse as a `V` or lies outside.
    pub fn get_in<V: FromStr + PartialOrd + Debug>(&self, option: &'static str, range: RangeInclusive<V>) -> Result<V> {
        let value: V = self.get(option)?;
        if range.contains(&value) {
            return Ok(value);
        }
        let (low, high) = range.into_inner();
        let must = match format!("{high:?}") {
            largest if largest == format!("{:?}", f64::MAX) => format!("be a finite number from {low:?} up"),
            high => format!("lie in {low:?} ..= {high}"),
        };
        let message = format!("{}: `{option}` must {must}, got {value:?}", self.part);
        Err(Error::new(ErrorKind::InvalidParameter, message).hint(self.meaning(option)))
    }

    /// The value of `option` as text.
    pub fn text(&self, option: &'static str) -> &str {
        let given = self.given.iter().find(|(name, _)| *name == option).map(|(_, value)| *value);
        given.or_else(|| self.known.iter().find(|known| known.0 == option).map(|known| known.1)).unwrap_or("")
    }

    /// What `option` means, for hints.
    fn meaning(&self, option: &str) -> String {
        let known = self.known.iter().find(|known| known.0 == option);
        known.map_or_else(String::new, |(name, default, meaning)| match *default {
            "" => format!("{name}: {meaning}"),
            default => format!("{name}: {meaning} (default {default})"),
        })
    }
}

/// Builds the part that `spec` (`name` or `name:option=value,…`) names from the list `entries` of a `kind` of thing.
///
/// # Errors
/// [`ErrorKind::UnknownName`] for a name or option that the list does not know, [`ErrorKind::InvalidParameter`] for a
/// value that the part refuses.
pub fn build<T: ?Sized>(kind: &str, entries: &'static [Entry<T>], spec: &str) -> Result<Box<T>> {
    let (name, rest) = spec.split_once(':').unwrap_or((spec, ""));
    let name = name.trim();
    let entry = entries
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| Error::unknown(kind, name, entries.iter().map(|entry| entry.name)))?;
    let mut given = Vec::new();
    for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((option, value)) = pair.split_once('=') else {
            return Err(Error::new(
                ErrorKind::InvalidParameter,
                format!("{kind} {name}: `{pair}` is not option=value"),
            )
            .hint(format!("write it as `{name}:option=value`; {}", options_help(entry.options))));
        };
        if !entry.options.iter().any(|known| known.0 == option.trim()) {
            let known = entry.options.iter().map(|known| known.0);
            let error = Error::unknown(&format!("option of {kind} {name}"), option.trim(), known);
            return Err(if entry.options.is_empty() { error.hint(options_help(entry.options)) } else { error });
        }
        given.push((option.trim(), value.trim()));
    }
    (entry.build)(&Options { part: name, known: entry.options, given })
}

fn options_help(options: &[(&str, &str, &str)]) -> String {
    if options.is_empty() {
        return "it has no options".into();
    }
    let lines: Vec<String> =
        options.iter().map(|(name, default, meaning)| format!("{name}={default} ({meaning})")).collect();
    format!("its options: {}", lines.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHAPES: &[Entry<dyn Fn() -> f64>] = &[Entry {
        name: "circle",
        summary: "a round thing",
        options: &[("radius", "2", "a length"), ("height", "", "a length; it has no default")],
        build: |options| {
            let radius: f64 = options.get_in("radius", 0.0..=100.0)?;
            if !options.text("height").is_empty() {
                options.get_in("height", 0.0..=f64::MAX)?;
            }
            Ok(Box::new(move || radius))
        },
    }];

    #[test]
    fn a_default_stands_for_an_absent_option() {
        for (spec, expected) in [("circle", 2.0), ("circle:radius=3", 3.0), (" circle : radius = 4 ,", 4.0)] {
            let radius = build("shape", SHAPES, spec).map(|part| part());
            assert_eq!(radius.expect(spec), expected, "{spec}");
        }
    }

    #[test]
    fn mistakes_name_what_was_written() {
        for (spec, expected) in [
            ("circl", "no shape is called `circl`"),
            ("circle:radios=1", "no option of shape circle is called `radios`"),
            ("circle:radius", "shape circle: `radius` is not option=value"),
            ("circle:radius=wide", "circle: `radius=wide` is not understood"),
            ("circle:radius=-1", "circle: `radius` must lie in 0.0 ..= 100.0, got -1.0"),
            ("circle:radius=NaN", "circle: `radius` must lie in 0.0 ..= 100.0, got NaN"),
        ] {
            let error = build("shape", SHAPES, spec).err().expect(spec);
            assert_eq!(error.to_string(), expected);
            assert!(error.how_to_mend().is_some(), "{spec}: no hint");
        }
        let error = build("shape", SHAPES, "circle:height=-1").err().expect("a negative height");
        assert_eq!(error.to_string(), "circle: `height` must be a finite number from 0.0 up, got -1.0");
        assert_eq!(error.how_to_mend(), Some("height: a length; it has no default"));
    }
}
