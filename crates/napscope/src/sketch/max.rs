//! The largest value of each map: NAP's "peak feature strength" (arXiv 2206.10611, table 1).

use super::map::MapSketch;
use super::{Sketch, simd};
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "max",
    summary: "largest value of each channel: how strong a feature is at its peak",
    options: &[],
    build: |_| {
        MapSketch::build(
            "max",
            &[Statistic::Max],
            #[inline(always)]
            |map: &[f32], columns: &mut [f32]| columns[0] = simd::min_max(map).1,
        )
    },
};
