//! `napscope sweep`: many recipes over the same samples, and no stage twice.
//!
//! ```text
//! network ─ once for all layers and sketches
//!   └ features of (layer, sketch)
//!       └ normalised, once a normalizer
//!           └ embedded, once a metric
//!               └ spanning tree, once a min_samples          (a unit: what --resume need not do again)
//!                   └ patterns by min_cluster_size and selection: a row each
//! ```

pub mod grid;

pub mod together;

pub mod subject;

pub mod score;
pub mod units;

pub mod plan;
pub mod run;

pub mod rank;
pub mod report;
pub mod tell;
