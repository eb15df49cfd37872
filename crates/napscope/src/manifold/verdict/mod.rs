//! Distinct concepts or a continuum? The verdict on a layer, with every piece of the evidence.
//!
//! Two questions are asked apart. *Are there parts with valleys between them?* The density tree tells it in few dimensions,
//! projections that were chosen on other samples in many; null models say what chance would show. *Do the samples lie along
//! few directions?* The intrinsic dimension is held against that of the normal distribution with the same covariance and of
//! columns that know nothing of each other. Parts without directions are concepts, directions without parts a continuum,
//! both are mixed, neither is no structure; and where the evidence does not carry an answer there is none.

mod density;
mod null;
mod projected;
mod shape;
mod view;

mod evidence;
mod rules;

pub use evidence::{AxisDip, Connectivity, Density, Evidence, FEWEST_VERDICT_SAMPLES, Groups, NullModel, Within};
pub use projected::Projected;
pub use shape::Dimension;

use super::alignment::Alignment;
use crate::distance::Points;
use crate::error::Result;
use crate::progress::Watch;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Samples that a verdict is based on, at most.
pub const VERDICT_SAMPLES: usize = 2000;

/// What the samples of a layer are, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Parts with valleys between them.
    Concepts,
    /// One part, along few directions.
    Continuum,
    /// Parts, and few directions along which they lie or stretch.
    Mixed,
    /// One part that is as a normal or an even distribution would be.
    NoStructure,
    /// The evidence carries no answer.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Concepts => "concepts",
            Verdict::Continuum => "continuum",
            Verdict::Mixed => "mixed",
            Verdict::NoStructure => "no structure",
            Verdict::Undecided => "undecided",
        })
    }
}

/// A verdict, why it is given, and all that it was based on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in plain words, the weightiest first.
    pub reasons: Vec<String>,
    /// What was measured.
    pub evidence: Evidence,
}

/// Judges `points`; `alignments` are those of the same points, where anything else is known of the samples.
///
/// Based on at most [`VERDICT_SAMPLES`] points, drawn by content; permuting the rows changes nothing.
///
/// # Errors
/// [`crate::ErrorKind::TooFewSamples`] for fewer than 30 points, [`crate::ErrorKind::Interrupted`] when `watch` says so.
pub fn judge(points: &Points, alignments: &[Alignment], watch: &Watch<'_>) -> Result<Judgement> {
    let evidence = evidence::gather(points, watch)?;
    let (verdict, reasons) = rules::decide(&evidence, alignments);
    Ok(Judgement { verdict, reasons, evidence })
}
