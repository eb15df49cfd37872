//! What a recipe costs: the seconds that units counted, by sketch and detector.

use super::grid::Grid;
use super::units::{Unit, Units};

/// Means over layers and normalizers.
pub(super) struct SketchCost {
    pub(super) sketch: &'static str,
    /// Columns of the features.
    pub(super) columns: f64,
    /// Seconds of the sketch, for all samples of a layer.
    pub(super) seconds: f64,
    /// Seconds of fitting and of scoring, detector by detector.
    pub(super) detectors: Vec<[f64; 2]>,
}

pub(super) fn of(grid: &Grid, units: &Units) -> Vec<SketchCost> {
    let of_sketch = |(number, &sketch): (usize, &&'static str)| {
        let is_member = |index: usize| index / grid.normalizers.len() % grid.sketches.len() == number;
        let members: Vec<&Unit> =
            units.units.iter().enumerate().filter(|(index, _)| is_member(*index)).map(|(_, unit)| unit).collect();
        let mean = |value: &dyn Fn(&Unit) -> f64| {
            members.iter().map(|unit| value(unit)).sum::<f64>() / members.len().max(1) as f64
        };
        let detector = |at: usize| [0, 1].map(|step: usize| mean(&|unit| unit.cost.detectors[at][step]));
        SketchCost {
            sketch,
            columns: mean(&|unit| unit.columns as f64),
            seconds: mean(&|unit| unit.cost.sketch),
            detectors: (0..grid.detectors.len()).map(detector).collect(),
        }
    };
    grid.sketches.iter().enumerate().map(of_sketch).collect()
}
