//! One error type for the link: what went wrong, where, and how to mend it.
//!
//! The kind decides what a caller does next; the message says what was expected and what was found; the hint says how to
//! mend it. Everything that a user can write is checked when a configuration is built, so the simulation itself cannot fail.

use crate::names::nearest;
use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of mistake an [`Error`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter is outside of its range, or two parameters contradict each other.
    InvalidParameter,
    /// A name (of a channel model, a modulation, a receiver …) that nothing bears.
    UnknownName,
    /// An array has another length than the one it must have.
    ShapeMismatch,
    /// NaN or infinity where a finite number must stand.
    NonFinite,
}

/// What went wrong, and how to mend it.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl Error {
    /// An error of `kind` that says `message` (what was expected and what was found, no trailing full stop).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), hint: None }
    }

    /// A parameter outside of its range.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidParameter, message)
    }

    /// No `kind_of_thing` is called `name`; the hint says which of `known` may be meant, and lists them where they are few
    /// or none is near.
    pub(crate) fn unknown<'a>(kind_of_thing: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let meant: Vec<String> = nearest(name, &known).iter().map(|name| format!("`{name}`")).collect();
        let question = format!("did you mean {}?", meant.join(" or "));
        let list = format!("choose one of: {}", known.join(", "));
        Self::new(ErrorKind::UnknownName, format!("no {kind_of_thing} is called `{name}`")).hint(
            match (meant.is_empty(), known.len() <= 12) {
                (true, _) => list,
                (false, true) => format!("{question} {list}"),
                (false, false) => question,
            },
        )
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The kind of mistake.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How to mend it, where that is known.
    pub fn how_to_mend(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Checks that `value` of the parameter `name` is finite and lies within `range` (both ends included).
pub(crate) fn in_range(name: &str, value: f64, range: std::ops::RangeInclusive<f64>) -> Result<()> {
    if !value.is_finite() {
        return Err(Error::new(ErrorKind::NonFinite, format!("{name} must be a finite number, got {value}"))
            .hint(format!("{name} lies from {} to {}", range.start(), range.end())));
    }
    if !range.contains(&value) {
        // 1e300 is not written with three hundred zeros.
        let got = if value.abs() < 1e12 { value.to_string() } else { format!("{value:e}") };
        return Err(Error::parameter(format!("{name} must lie from {} to {}, got {got}", range.start(), range.end())));
    }
    Ok(())
}
