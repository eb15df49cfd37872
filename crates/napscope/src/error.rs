//! One error type for the method: what went wrong, where, and how to mend it.
//!
//! The kind decides what a caller does next; the message says what was expected and what was found; the hint says how to
//! mend it; the context says where (a layer, a file), outermost first.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of mistake an [`Error`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter is outside of its range, or two parameters contradict each other.
    InvalidParameter,
    /// A name (of a sketch, metric, layer …) that nothing bears.
    UnknownName,
    /// An array has another shape than the one it must have.
    ShapeMismatch,
    /// NaN or infinity where a finite number must stand.
    NonFinite,
    /// A distribution metric was given columns that are no distribution.
    NotADistribution,
    /// Fewer samples than the method needs.
    TooFewSamples,
    /// The work would need more memory than the stated limit.
    MemoryLimit,
    /// The user stopped the work.
    Interrupted,
    /// A data source or a network could not deliver what it promised.
    Source,
}

/// What went wrong, where, and how to mend it.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    context: Vec<String>,
}

impl Error {
    /// An error of `kind` that says `message` (what was expected and what was found, no trailing full stop).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), hint: None, context: Vec::new() }
    }

    /// Shape error: `what` should have shape `expected` and has shape `got`.
    pub fn shape(what: &str, expected: impl fmt::Debug, got: impl fmt::Debug) -> Self {
        Self::new(ErrorKind::ShapeMismatch, format!("{what}: expected shape {expected:?}, got {got:?}"))
    }

    /// No `kind_of_thing` is called `name`; names the nearest of `known`, and all of them when they are few.
    pub fn unknown<'a>(kind_of_thing: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let error = Self::new(ErrorKind::UnknownName, format!("no {kind_of_thing} is called `{name}`"));
        let near = crate::names::nearest(name, &known);
        match (near.is_empty(), known.len() <= 20) {
            (false, _) => error.hint(format!("did you mean {}?", crate::names::or_list(&near))),
            (true, true) if !known.is_empty() => error.hint(format!("choose one of: {}", known.join(", "))),
            _ => error,
        }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds where it happened; call it on the way out, so that the outermost place stands first.
    #[must_use]
    pub fn context(mut self, place: impl Into<String>) -> Self {
        self.context.insert(0, place.into());
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
        for place in &self.context {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_reads_from_the_outside_in() {
        let error = Error::new(ErrorKind::NonFinite, "NaN in channel 3").context("sample 7").context("layer conv1");
        assert_eq!(error.to_string(), "layer conv1: sample 7: NaN in channel 3");
    }

    #[test]
    fn unknown_names_suggest_the_nearest() {
        let error = Error::unknown("metric", "hellingr", ["hellinger", "euclidean"]);
        assert_eq!(error.how_to_mend(), Some("did you mean `hellinger`?"));
        let error = Error::unknown("metric", "zzz", ["hellinger", "euclidean"]);
        assert_eq!(error.how_to_mend(), Some("choose one of: hellinger, euclidean"));
    }
}
