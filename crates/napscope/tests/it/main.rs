//! Tests of the crate's public face: contracts over each registered list, oracles, properties.

mod alignment;
mod allocation;
mod clustering;
mod describe;
mod evaluate;
mod known_truth;
mod metrics;
mod neighbors;
mod new_points;
mod normalizers;
mod ood;
mod oracle;
mod principal_components;
mod projections;
mod recondense;
mod selections;
mod sketches;
mod stability;
mod structure;
mod verdict;
