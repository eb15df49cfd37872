//! `napscope study`: a case study from raw configuration to a report.
//!
//! ```text
//! pictures ─ in-distribution (reference, held out, fresh), mixed, outside                        pictures.rs
//!   └ features of every layer and sketch, the network run once                                   units.rs
//!       └ scores of every detector on every sample, a unit a (layer, sketch, normalizer):
//!         what --resume need not do again                                                        units.rs
//!           └ findings: separations, the choice without labels, paired comparisons               findings.rs
//! patterns of the in-distribution pictures by `napscope sweep`                                   patterns.rs
//!   └ README.md, auroc.svg, report.json                                                           tell.rs, figure.rs
//! ```

mod grid;
mod pictures;

mod units;

mod findings;
mod patterns;

mod figure;
mod tell;

pub mod vision;
