//! Scores of every detector on every picture, unit by unit. What a unit came to is kept, so that a stopped study goes on.

use super::grid::Grid;
use super::pictures::{Random, Set};
use crate::run_folder::RunFolder;
use crate::sweep::together::Together;
use crate::{interrupt, progress};
use anyhow::Context;
use napscope::activations::ActivationSource;
use napscope::features::Features;
use napscope::{Result, normalize, ood, pipeline, sketch};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

/// Pictures that settle the channels' ranges: the first of the reference.
const CALIBRATION: usize = 256;

/// What a detector came to.
pub(super) enum Outcome {
    /// The scores of all samples behind the reference, then of as many shuffled ones as are held out.
    Scores(Vec<f64>),
    /// Why it cannot be.
    Reason(String),
}

/// A (layer, sketch, normalizer).
pub(super) struct Unit {
    /// Columns of the features.
    pub(super) columns: usize,
    /// Seconds of fitting and scoring, detector by detector.
    pub(super) seconds: Vec<f64>,
    pub(super) outcomes: Vec<Outcome>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    columns: usize,
    seconds: Vec<f64>,
    reasons: Vec<Option<String>>,
}

/// Everything that units are made of.
pub(super) struct Work<'a> {
    pub(super) grid: &'a Grid,
    pub(super) sets: &'a [Set],
    pub(super) source: &'a dyn ActivationSource,
    pub(super) quiet: bool,
}

/// All units, layer by layer, sketch by sketch, normalizer by normalizer; and the seconds that the network took.
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    pub(super) network_seconds: f64,
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
                let (matrix, parts) = &features[layer];
                let unit = self.unit(&columns(matrix, parts[sketch].clone())?, self.grid.normalizers[normalizer])?;
                folder.write(&name(index), &bytes(&unit)?)?;
                *slot = Some(unit);
                bar.set_position(index as u64 + 1);
            }
            bar.finish_and_clear();
        }
        Ok(Units { units: done.into_iter().flatten().collect(), network_seconds })
    }

    /// The features of every layer by all sketches side by side, and the columns of each sketch.
    fn features(&self) -> anyhow::Result<Vec<(Features, Vec<Range<usize>>)>> {
        let sketches = self.grid.sketches.iter().map(|spec| sketch::parse(spec)).collect::<Result<_>>()?;
        let together = Together(sketches);
        let reference: Vec<usize> = self.sets[0].rows.clone().take(CALIBRATION).collect();
        let ranges = pipeline::calibrate(self.source, &reference)?;
        let layers = self.source.layers();
        let fitted = layers.iter().zip(&ranges).map(|(layer, ranges)| {
            sketch::Sketch::fit(&together, layer.shape, Some(ranges)).map_err(|error| error.context(layer.name.clone()))
        });
        let fitted = fitted.collect::<Result<Vec<_>>>()?;
        let all: Vec<usize> = (0..self.source.samples()).collect();
        let rows = pipeline::sketch_samples(self.source, &fitted, &all, &|_| interrupt::check())?;
        let features = rows.into_iter().zip(&fitted).zip(layers);
        features
            .map(|((rows, fitted), layer)| {
                Ok((Features::new(rows, fitted.columns().to_vec())?, together.parts(layer.shape)?))
            })
            .collect()
    }

    fn unit(&self, features: &Features, normalizer: &str) -> anyhow::Result<Unit> {
        let reference = features.select(&self.sets[0].rows.clone().collect::<Vec<_>>());
        let later = features.select(&(self.sets[0].rows.end..features.samples()).collect::<Vec<_>>());
        let held_out = features.select(&self.sets[1].rows.clone().collect::<Vec<_>>());
        let transform = normalize::parse(normalizer)?.fit(&reference)?;
        let [reference, later, shuffled] = [
            transform.transform(&reference)?,
            transform.transform(&later)?,
            transform.transform(&shuffled(&held_out)?)?,
        ];
        let (mut seconds, mut outcomes) = (Vec::new(), Vec::new());
        for spec in self.grid.detectors {
            interrupt::check()?;
            let begun = Instant::now();
            let scores = ood::parse(spec)?.fit(&reference).and_then(|scorer| {
                let mut scores = scorer.score(&later)?;
                scores.extend(scorer.score(&shuffled)?);
                Ok(scores)
            });
            seconds.push(begun.elapsed().as_secs_f64());
            outcomes.push(match scores {
                Ok(scores) => Outcome::Scores(scores),
                Err(error) => Outcome::Reason(error.to_string()),
            });
        }
        Ok(Unit { columns: features.columns().len(), seconds, outcomes })
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
            let other = (random.uniform() * features.samples() as f64) as usize;
            values[sample * columns..][block.clone()].copy_from_slice(&features.row(other)[block.clone()]);
        }
    }
    Features::new(values, features.columns().to_vec())
}

fn columns(features: &Features, part: Range<usize>) -> Result<Features> {
    let values = (0..features.samples()).flat_map(|sample| &features.row(sample)[part.clone()]).copied().collect();
    Features::new(values, features.columns()[part].to_vec())
}

fn bytes(unit: &Unit) -> anyhow::Result<Vec<u8>> {
    let reason = |outcome: &Outcome| match outcome {
        Outcome::Scores(_) => None,
        Outcome::Reason(reason) => Some(reason.clone()),
    };
    let reasons = unit.outcomes.iter().map(reason).collect();
    let head = Head { columns: unit.columns, seconds: unit.seconds.clone(), reasons };
    let scores = unit.outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
        Outcome::Scores(scores) => {
            Some((index.to_string(), scores.iter().flat_map(|score| score.to_le_bytes()).collect::<Vec<u8>>()))
        }
        Outcome::Reason(_) => None,
    });
    let scores: Vec<(String, Vec<u8>)> = scores.collect();
    let views = scores
        .iter()
        .map(|(name, bytes)| Ok((name, TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let metadata = HashMap::from([("unit".to_owned(), serde_json::to_string(&head)?)]);
    safetensors::serialize(views, Some(metadata)).context("scores of a unit")
}

/// A unit that was done; `None` where it must be done.
fn read(path: &std::path::Path) -> Option<Unit> {
    let bytes = std::fs::read(path).ok()?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
    let head: Head = serde_json::from_str(metadata.metadata().as_ref()?.get("unit")?).ok()?;
    let tensors = SafeTensors::deserialize(&bytes).ok()?;
    let outcome = |(index, reason): (usize, Option<String>)| match reason {
        Some(reason) => Some(Outcome::Reason(reason)),
        None => {
            let tensor = tensors.tensor(&index.to_string()).ok()?;
            Some(Outcome::Scores(tensor.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()))
        }
    };
    let outcomes = head.reasons.into_iter().enumerate().map(outcome).collect::<Option<_>>()?;
    Some(Unit { columns: head.columns, seconds: head.seconds, outcomes })
}
