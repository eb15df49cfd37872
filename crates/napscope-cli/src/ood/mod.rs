//! Detectors from the first in-distribution sample to the alarm: split, fit, calibrate, keep in one file, judge others.

mod bundle;
mod detectors;
pub mod evaluation;
mod evidence;
mod judge;
mod source;

pub use bundle::{Bundle, BundleHead, BundleLayer, Condition, SCHEMA};
pub use evaluation::{Evaluation, FUSIONS};
pub use evidence::Evidence;
pub use judge::{Judge, Judgement, Wanted, fit};
pub use source::{open_like, split};
