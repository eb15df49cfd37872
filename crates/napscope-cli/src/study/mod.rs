//! `napscope study`: a case study from raw configuration to a report.
//!
//! ```text
//! samples ─ in-distribution (reference, held out, fresh), mixed, outside      pictures.rs (vision), slots.rs (receiver)
//!   ├ verdict and knowledge of every layer                                    layers.rs
//!   └ features of every layer and sketch, the network run once                units.rs
//!       └ scores of every detector on every sample, a unit a (layer, sketch, normalizer):
//!         what --resume need not do again                                     units.rs, conditioned.rs
//!           └ findings: separations, the choice without labels, paired comparisons, costs    findings.rs, costs.rs
//! patterns of the garments by `napscope sweep`                                patterns.rs
//! bit errors of receivers on the slots of each set                            errors.rs
//!   └ README.md, auroc.svg, report.json                                       run.rs, tell/, figure.rs
//! ```

mod grid;
mod sets;

mod pictures;
mod slots;

mod conditioned;
mod timed;
mod units;

mod costs;
mod errors;
mod findings;
mod layers;
mod patterns;

mod figure;
mod tell;

mod run;

pub mod receiver;
pub mod vision;

pub use run::Asked;
