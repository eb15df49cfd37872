//! Smallest and largest value of each map: NAP's "feature range" (arXiv 2206.10611, table 1).

use super::map::MapSketch;
use super::{Sketch, simd};
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "min_max",
    summary: "smallest and largest value of each channel: the range of a feature",
    options: &[],
    build: |_| {
        MapSketch::build(
            "min_max",
            &[Statistic::Min, Statistic::Max],
            #[inline(always)]
            |map: &[f32], columns: &mut [f32]| (columns[0], columns[1]) = simd::min_max(map),
        )
    },
};
