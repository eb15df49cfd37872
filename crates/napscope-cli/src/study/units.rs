//! Scores of every detector on every sample, unit by unit. What a unit came to is kept, so that a stopped study goes on.

use super::conditioned::Condition;
use super::grid::{Grid, ORIGINAL};
use super::sets::{Random, Set};
use super::timed::timed;
use crate::files::tensors::{TensorsReader, TensorsWriter};
use crate::run_folder::RunFolder;
use crate::sweep::together::Together;
use crate::{interrupt, progress};
use napscope::activations::ActivationSource;
use napscope::features::Features;
use napscope::{Result, normalize, ood, pipeline, sketch};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::time::Instant;

/// Samples that settle the channels' ranges: the first of the reference.
const CALIBRATION: usize = 256;

/// What a detector came to.
pub(super) enum Outcome {
    /// The scores of all samples behind the reference, then of as many shuffled ones as are held out.
    Scores(Vec<f64>),
    /// Why it cannot be.
    Reason(String),
}

impl Outcome {
    fn of(scores: Result<Vec<f64>>) -> Self {
        scores.map_or_else(|error| Outcome::Reason(error.to_string()), Outcome::Scores)
    }
}

/// A (layer, sketch, normalizer).
pub(super) struct Unit {
    pub(super) columns: usize,
    pub(super) cost: Cost,
    /// Of the grid's detectors, then (of the original's features alone) of those that know a covariate.
    pub(super) outcomes: Vec<Outcome>,
}

/// Seconds of one thread at a time.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Cost {
    /// Of the sketch, for all samples.
    pub(super) sketch: f64,
    /// Of fitting and of scoring, detector by detector.
    pub(super) detectors: Vec<[f64; 2]>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    columns: usize,
    cost: Cost,
    reasons: Vec<Option<String>>,
}

/// The features of a layer by all sketches side by side; of each sketch its columns and the seconds that it took.
struct LayerFeatures {
    matrix: Features,
    parts: Vec<(Range<usize>, f64)>,
}

/// Everything that units are made of.
pub(super) struct Work<'a> {
    pub(super) grid: &'a Grid,
    pub(super) sets: &'a [Set],
    pub(super) source: &'a dyn ActivationSource,
    pub(super) condition: Option<&'a Condition>,
    pub(super) quiet: bool,
}

/// All units, layer by layer, sketch by sketch, normalizer by normalizer; and the seconds that the network took.
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    pub(super) network_seconds: f64,
}

impl Units {
    /// The unit of the original's features of a layer.
    pub(super) fn of_original(&self, grid: &Grid, layer: usize) -> Option<&Unit> {
        let sketch = grid.sketches.iter().position(|spec| *spec == ORIGINAL[0])?;
        let normalizer = grid.normalizers.iter().position(|spec| *spec == ORIGINAL[1])?;
        self.units.get((layer * grid.sketches.len() + sketch) * grid.normalizers.len() + normalizer)
    }
}

/// The most bytes that units take: the features of all layers and the scores of all units are held at once, and some copies of the
/// features that a unit is made of.
///
/// # Errors
/// When a sketch does not fit a layer.
pub(super) fn memory_bytes(grid: &Grid, source: &dyn ActivationSource) -> Result<u64> {
    let together = Together(grid.sketches.iter().map(|spec| sketch::parse(spec)).collect::<Result<_>>()?);
    let (mut all, mut largest) = (0, 0);
    for layer in source.layers() {
        let parts = together.parts(layer.shape)?;
        all += parts.last().map_or(0, |part| part.end);
        largest = parts.iter().map(|part| part.len()).fold(largest, usize::max);
    }
    let samples = source.samples() + grid.parts[1];
    let scores = source.layers().len() * grid.sketches.len() * grid.normalizers.len() * grid.detectors.len();
    Ok(samples as u64 * (4 * (all + 4 * largest) + 16 * scores) as u64)
}

impl Work<'_> {
    /// Does what is left to do.
    ///
    /// # Errors
    /// The source's; Ctrl-C; a full disk.
    pub(super) fn run(&self, folder: &RunFolder) -> anyhow::Result<Units> {
        let count = self.source.layers().len() * self.grid.sketches.len() * self.grid.normalizers.len();
        let name = |index: usize| format!("clusters/{index:04}.scores");
        let mut done: Vec<Option<Unit>> = (0..count).map(|index| read(&folder.partial(name(index)))).collect();
        let mut network_seconds = 0.0;
        if done.iter().any(Option::is_none) {
            let begun = Instant::now();
            let features = self.features()?;
            network_seconds = begun.elapsed().as_secs_f64();
            let bar = progress::bar("recipes", count, self.quiet);
            for (index, slot) in done.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
                interrupt::check()?;
                let (pair, normalizer) = (index / self.grid.normalizers.len(), index % self.grid.normalizers.len());
                let (layer, sketch) = (pair / self.grid.sketches.len(), pair % self.grid.sketches.len());
                bar.set_message(self.source.layers()[layer].name.clone());
                let LayerFeatures { matrix, parts } = &features[layer];
                let (part, seconds) = parts[sketch].clone();
                let mut unit = self.unit(&columns(matrix, part)?, [sketch, normalizer])?;
                unit.cost.sketch = seconds;
                folder.write(&name(index), &bytes(&unit)?)?;
                *slot = Some(unit);
                bar.set_position(index as u64 + 1);
            }
            bar.finish_and_clear();
        }
        Ok(Units { units: done.into_iter().flatten().collect(), network_seconds })
    }

    /// The features of every layer, the network run once.
    fn features(&self) -> anyhow::Result<Vec<LayerFeatures>> {
        let reference: Vec<usize> = self.sets[0].rows.clone().take(CALIBRATION).collect();
        let ranges = pipeline::calibrate(self.source, &reference)?;
        let layers = self.source.layers();
        let together = || -> Result<_> {
            let parse = |spec: &&str| sketch::parse(spec).map(timed);
            let (sketches, clocks): (Vec<_>, Vec<_>) =
                self.grid.sketches.iter().map(parse).collect::<Result<Vec<_>>>()?.into_iter().unzip();
            Ok((Together(sketches), clocks))
        };
        let all_together = layers.iter().map(|_| together()).collect::<Result<Vec<_>>>()?;
        let fitted = layers.iter().zip(&ranges).zip(&all_together).map(|((layer, ranges), (together, _))| {
            sketch::Sketch::fit(together, layer.shape, Some(ranges)).map_err(|error| error.context(layer.name.clone()))
        });
        let fitted = fitted.collect::<Result<Vec<_>>>()?;
        let all: Vec<usize> = (0..self.source.samples()).collect();
        let bar = progress::bar("samples x layers", all.len() * layers.len(), self.quiet);
        let rows = pipeline::sketch_samples(self.source, &fitted, &all, &|done| {
            bar.inc(done as u64);
            interrupt::check()
        })?;
        bar.finish_and_clear();
        let features = rows.into_iter().zip(&fitted).zip(layers.iter().zip(all_together));
        features
            .map(|((rows, fitted), (layer, (together, clocks)))| {
                let parts = together.parts(layer.shape)?.into_iter().zip(clocks.iter().map(|clock| clock.seconds()));
                Ok(LayerFeatures { matrix: Features::new(rows, fitted.columns().to_vec())?, parts: parts.collect() })
            })
            .collect()
    }

    fn unit(&self, features: &Features, [sketch, normalizer]: [usize; 2]) -> anyhow::Result<Unit> {
        let select = |rows: Range<usize>| features.select(&rows.collect::<Vec<_>>());
        let reference = select(self.sets[0].rows.clone());
        let transform = normalize::parse(self.grid.normalizers[normalizer])?.fit(&reference)?;
        let shuffled = shuffled(&select(self.sets[1].rows.clone()))?;
        let later = select(self.sets[0].rows.end..features.samples());
        let later = Features::new([later.values(), shuffled.values()].concat(), features.columns().to_vec())?;
        let (reference, later) = (transform.transform(&reference)?, transform.transform(&later)?);
        let (mut detectors, mut outcomes) = (Vec::new(), Vec::new());
        for spec in self.grid.detectors {
            interrupt::check()?;
            let begun = Instant::now();
            let fitted = ood::parse(spec)?.fit(&reference);
            let fitting = begun.elapsed().as_secs_f64();
            outcomes.push(Outcome::of(fitted.and_then(|scorer| scorer.score(&later))));
            detectors.push([fitting, begun.elapsed().as_secs_f64() - fitting]);
        }
        let is_original = [self.grid.sketches[sketch], self.grid.normalizers[normalizer]] == ORIGINAL[..2];
        if let Some(condition) = self.condition.filter(|_| is_original) {
            // Shuffled samples stand behind all others: each has the covariate of the held-out one that it was made for.
            let covariate = [&condition.values[..], &condition.values[self.sets[1].rows.clone()]].concat();
            for given in self.grid.given {
                interrupt::check()?;
                outcomes.push(Outcome::of(given.scores(&reference, &later, &covariate)));
            }
        }
        let cost = Cost { sketch: 0.0, detectors };
        Ok(Unit { columns: features.columns().len(), cost, outcomes })
    }
}

/// Samples whose channels come from different samples: each channel is as usual, and what channels have to do with each other is
/// lost.
fn shuffled(features: &Features) -> Result<Features> {
    let mut random = Random(77);
    let mut values = features.values().to_vec();
    let columns = features.columns().len();
    for block in features.channel_blocks() {
        for sample in 0..features.samples() {
            let other = random.below(features.samples());
            values[sample * columns..][block.clone()].copy_from_slice(&features.row(other)[block.clone()]);
        }
    }
    Features::new(values, features.columns().to_vec())
}

fn columns(features: &Features, part: Range<usize>) -> Result<Features> {
    let values = (0..features.samples()).flat_map(|sample| &features.row(sample)[part.clone()]).copied().collect();
    Features::new(values, features.columns()[part].to_vec())
}

/// Where a unit's file keeps what is no score.
const KEY: &str = "unit";

fn bytes(unit: &Unit) -> anyhow::Result<Vec<u8>> {
    let mut tensors = TensorsWriter::default();
    let mut reasons = Vec::new();
    for (index, outcome) in unit.outcomes.iter().enumerate() {
        match outcome {
            Outcome::Scores(scores) => {
                tensors.doubles(index.to_string(), scores);
                reasons.push(None);
            }
            Outcome::Reason(reason) => reasons.push(Some(reason.clone())),
        }
    }
    tensors.bytes(KEY, &Head { columns: unit.columns, cost: unit.cost.clone(), reasons })
}

/// A unit that was done; `None` where it must be done.
fn read(path: &std::path::Path) -> Option<Unit> {
    let bytes = std::fs::read(path).ok()?;
    let (head, tensors) = TensorsReader::open(&bytes, KEY).ok()?;
    let Head { columns, cost, reasons } = head?;
    let outcome = |(index, reason): (usize, Option<String>)| match reason {
        Some(reason) => Some(Outcome::Reason(reason)),
        None => tensors.doubles(&index.to_string()).ok().map(Outcome::Scores),
    };
    let outcomes = reasons.into_iter().enumerate().map(outcome).collect::<Option<_>>()?;
    Some(Unit { columns, cost, outcomes })
}
