//! How sparse each map is: the fraction of positions at or below a threshold (0: where a ReLU is silent).

use super::Sketch;
use super::map::MapSketch;
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "sparsity",
    summary: "fraction of each channel's positions at or below a threshold",
    options: &[("threshold", "0", "an activation; positions at or below it count as silent")],
    build: |options| {
        let threshold: f32 = options.get_in("threshold", f32::MIN..=f32::MAX)?;
        MapSketch::build(
            "sparsity",
            &[Statistic::Sparsity],
            #[inline(always)]
            move |map: &[f32], columns: &mut [f32]| {
                let silent = map.iter().map(|value| u32::from(*value <= threshold)).sum::<u32>();
                columns[0] = (f64::from(silent) / map.len() as f64) as f32;
            },
        )
    },
};
