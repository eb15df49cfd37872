//! Fitted detectors of every layer, and what they say of samples.

use super::bundle::{Bundle, BundleHead, BundleLayer, Condition};
use super::detectors::{Detectors, covariate};
use super::evidence::Witness;
use super::source::{rows, shaping};
use crate::question::Question;
use crate::recipe::SketchChoice;
use crate::settings::Settings;
use napscope::activations::{ActivationSource, MapShape};
use napscope::features::Features;
use napscope::normalize::{self, Transform};
use napscope::ood::{Calibration, Fusion};
use napscope::sketch::{self, ChannelRanges, FittedSketch};
use napscope::{Error, Result, pipeline};

/// Samples whose features are held at a time.
const CHUNK: usize = 1024;

/// What the user asked a bundle to be.
pub struct Wanted<'a> {
    /// The sketch.
    pub sketch: &'a SketchChoice,
    /// The normalizer with its options.
    pub normalize: String,
    /// The detectors with their options.
    pub detectors: Vec<String>,
    /// What is known of every sample besides.
    pub condition: Option<Condition>,
    /// How p-values are joined.
    pub fuse: Fusion,
    /// The share of in-distribution samples that may raise an alarm.
    pub false_alarm_rate: f64,
    /// The command that makes the bundle again.
    pub command: String,
}

/// What a layer's detectors need.
struct Layer {
    transform: Box<dyn Transform>,
    detectors: Detectors,
    /// What each detector is calibrated by.
    calibrations: Vec<Calibration>,
    witness: Witness,
}

/// Everything that a bundle needs to judge.
pub struct Judge {
    /// What the bundle says of itself.
    pub head: BundleHead,
    sketches: Vec<Box<dyn FittedSketch>>,
    layers: Vec<Layer>,
    fused: Calibration,
}

/// What is said of some samples.
pub struct Judgement {
    /// Scores: layer by layer, detector by detector, sample by sample.
    pub scores: Vec<Vec<Vec<f64>>>,
    /// The p-values of [`Judgement::scores`].
    pub p_values: Vec<Vec<Vec<f64>>>,
    /// The joint score of each sample.
    pub fused: Vec<f64>,
    /// The joint p-value of each sample: at most a share `p` of in-distribution samples has one up to `p`.
    pub fused_p: Vec<f64>,
}

/// Learns from `reference` and calibrates on `held_out`, both numbers of samples of `question`.
///
/// # Errors
/// The source's, the parts', and too few samples to tell the false-alarm rate.
pub fn fit(
    wanted: &Wanted<'_>,
    settings: &Settings,
    question: &Question,
    [reference, held_out]: &[Vec<usize>; 2],
) -> Result<Bundle> {
    let source = &question.source;
    let ranges = wanted.sketch.sketch.needs_ranges().then(|| ranges(source, wanted.sketch, reference)).transpose()?;
    let shapes: Vec<MapShape> = source.layers().iter().map(|layer| layer.shape).collect();
    let sketches = sketches(&*wanted.sketch.sketch, &shapes, ranges.as_deref())?;
    let references = rows(source, &sketches, reference)?;
    let given = wanted.condition.as_ref().map(|condition| covariate(condition, question, reference)).transpose()?;
    let covariate = given.unwrap_or_default();
    let calibrations = held_out_scores(wanted, question, &sketches, (&references, &covariate), held_out)?;
    let layers = source.layers().iter().zip(&references);
    let layers = layers.map(|(layer, features)| BundleLayer {
        name: layer.name.clone(),
        shape: [layer.shape.channels, layer.shape.height, layer.shape.width],
        columns: features.columns().to_vec(),
    });
    Ok(Bundle {
        head: BundleHead {
            schema: super::SCHEMA.to_owned(),
            napscope: env!("CARGO_PKG_VERSION").to_owned(),
            command: wanted.command.clone(),
            model: question.model.clone(),
            engine: question.engine.clone(),
            data: question.data.clone(),
            shaping: shaping(settings),
            sketch: wanted.sketch.spec.clone(),
            normalize: wanted.normalize.clone(),
            detectors: wanted.detectors.clone(),
            condition: wanted.condition.clone(),
            fuse: wanted.fuse,
            false_alarm_rate: wanted.false_alarm_rate,
            layers: layers.collect(),
        },
        samples: reference.iter().map(|sample| *sample as u64).collect(),
        fused: joint_scores(wanted, &calibrations)?,
        covariate,
        references,
        ranges,
        calibrations,
    })
}

/// The scores of the held-out samples: layer by layer, detector by detector.
fn held_out_scores(
    wanted: &Wanted<'_>,
    question: &Question,
    sketches: &[Box<dyn FittedSketch>],
    (references, of_references): (&[Features], &[f64]),
    held_out: &[usize],
) -> Result<Vec<Vec<Vec<f64>>>> {
    let source = &question.source;
    let condition = wanted.condition.as_ref();
    let layers = references.iter().zip(source.layers());
    let fitted = layers.map(|(features, layer)| {
        let given = condition.map(|condition| (condition, of_references));
        fit_layer(features, &wanted.normalize, &wanted.detectors, given).map_err(|error| at(error, &layer.name))
    });
    let fitted = fitted.collect::<Result<Vec<_>>>()?;
    let mut scores = vec![vec![Vec::new(); wanted.detectors.len()]; fitted.len()];
    for chunk in held_out.chunks(CHUNK) {
        let covariate = later_covariate(condition, question, chunk)?;
        let layers = rows(source, sketches, chunk)?.into_iter().zip(&fitted).zip(&mut scores);
        for ((features, (transform, detectors)), scores) in layers {
            let found = detectors.score(&transform.transform(&features)?, &covariate)?;
            found.into_iter().zip(scores).for_each(|(found, scores)| scores.extend(found));
        }
    }
    Ok(scores)
}

/// The joint scores of the held-out samples.
fn joint_scores(wanted: &Wanted<'_>, scores: &[Vec<Vec<f64>>]) -> Result<Vec<f64>> {
    let scores: Vec<&Vec<f64>> = scores.iter().flatten().collect();
    let calibrations = scores.iter().map(|scores| Calibration::new(scores.to_vec())).collect::<Result<Vec<_>>>()?;
    // A rate that is too fine for so few samples is told now and not when the first alarm is due.
    calibrations[0].threshold(wanted.false_alarm_rate)?;
    let scores: Vec<&[f64]> = scores.into_iter().map(Vec::as_slice).collect();
    Ok(wanted.fuse.joint_scores(&calibrations, &scores))
}

/// The covariate of samples that are judged; empty where none is read.
fn later_covariate(condition: Option<&Condition>, question: &Question, samples: &[usize]) -> Result<Vec<f64>> {
    match condition.filter(|condition| condition.is_read()) {
        Some(condition) => covariate(condition, question, samples),
        None => Ok(Vec::new()),
    }
}

/// The channels' ranges, over the reference samples with the smallest content keys.
fn ranges(source: &dyn ActivationSource, choice: &SketchChoice, reference: &[usize]) -> Result<Vec<ChannelRanges>> {
    let keyed = reference.iter().map(|&sample| Ok((source.content_key(sample)?, sample)));
    let mut keyed = keyed.collect::<Result<Vec<_>>>()?;
    keyed.sort_unstable();
    let samples: Vec<usize> = keyed.into_iter().take(choice.calibration).map(|(_, sample)| sample).collect();
    pipeline::calibrate(source, &samples)
}

fn sketches(
    sketch: &dyn sketch::Sketch,
    shapes: &[MapShape],
    ranges: Option<&[ChannelRanges]>,
) -> Result<Vec<Box<dyn FittedSketch>>> {
    let fit = |(layer, shape): (usize, &MapShape)| sketch.fit(*shape, ranges.map(|ranges| &ranges[layer]));
    shapes.iter().enumerate().map(fit).collect()
}

fn fit_layer(
    reference: &Features,
    normalize: &str,
    detectors: &[String],
    given: Option<(&Condition, &[f64])>,
) -> Result<(Box<dyn Transform>, Detectors)> {
    let transform = normalize::parse(normalize)?.fit(reference)?;
    let normalized = transform.transform(reference)?;
    let detectors = Detectors::fit(detectors, &normalized, given)?;
    Ok((transform, detectors))
}

fn at(error: Error, layer: &str) -> Error {
    error.context(format!("layer {layer}"))
}

impl Judge {
    /// Fits the detectors of a bundle.
    ///
    /// # Errors
    /// When the bundle holds what no part takes.
    pub fn new(bundle: Bundle) -> Result<Judge> {
        let Bundle { head, samples, covariate, references, ranges, calibrations, fused } = bundle;
        let shape = |layer: &BundleLayer| {
            let [channels, height, width] = layer.shape;
            MapShape { channels, height, width }
        };
        let shapes: Vec<MapShape> = head.layers.iter().map(shape).collect();
        let sketches = sketches(&*sketch::parse(&head.sketch)?, &shapes, ranges.as_deref())?;
        let layer = |(index, scores): (usize, Vec<Vec<f64>>)| {
            let reference = &references[index];
            let given = head.condition.as_ref().map(|condition| (condition, covariate.as_slice()));
            let (transform, detectors) = fit_layer(reference, &head.normalize, &head.detectors, given)?;
            let witness = Witness::new(transform.transform(reference)?, &samples)?;
            let calibrations = scores.into_iter().map(Calibration::new).collect::<Result<_>>()?;
            Ok(Layer { transform, detectors, calibrations, witness })
        };
        let layers = calibrations
            .into_iter()
            .enumerate()
            .map(|(index, scores)| layer((index, scores)).map_err(|error| at(error, &head.layers[index].name)))
            .collect::<Result<_>>()?;
        Ok(Judge { sketches, layers, fused: Calibration::new(fused)?, head })
    }

    /// Judges all samples of `question`; for those that raise an alarm, `alarm(sample, evidence)` hears why.
    ///
    /// # Errors
    /// The source's; Ctrl-C.
    pub fn judge(
        &self,
        question: &Question,
        quiet: bool,
        mut alarm: impl FnMut(usize, super::Evidence),
    ) -> Result<Judgement> {
        let source = &question.source;
        let empty = || vec![vec![Vec::new(); self.head.detectors.len()]; self.layers.len()];
        let mut judgement = Judgement { scores: empty(), p_values: empty(), fused: Vec::new(), fused_p: Vec::new() };
        let bar = crate::progress::bar("samples", source.samples(), quiet);
        let all: Vec<usize> = (0..source.samples()).collect();
        for chunk in all.chunks(CHUNK) {
            let normalized = self.normalized(source, chunk)?;
            let covariate = later_covariate(self.head.condition.as_ref(), question, chunk)?;
            self.score(&normalized, &covariate, &mut judgement)?;
            for (row, &sample) in chunk.iter().enumerate() {
                let p_values: Vec<f64> = judgement.p_values.iter().flatten().map(|p| p[sample]).collect();
                judgement.fused.push(self.head.fuse.score(&p_values));
                judgement.fused_p.push(self.fused.p_value(judgement.fused[sample]));
                if judgement.fused_p[sample] <= self.head.false_alarm_rate {
                    alarm(sample, self.evidence(&normalized, row, &p_values)?);
                }
            }
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        Ok(judgement)
    }

    fn normalized(&self, source: &dyn ActivationSource, samples: &[usize]) -> Result<Vec<Features>> {
        let layers = rows(source, &self.sketches, samples)?.into_iter().zip(&self.layers);
        layers.map(|(features, layer)| layer.transform.transform(&features)).collect()
    }

    fn score(&self, normalized: &[Features], covariate: &[f64], judgement: &mut Judgement) -> Result<()> {
        for (index, (layer, features)) in self.layers.iter().zip(normalized).enumerate() {
            let scores = layer.detectors.score(features, covariate)?;
            for (number, (scores, calibration)) in scores.into_iter().zip(&layer.calibrations).enumerate() {
                let p_values = scores.iter().map(|score| calibration.p_value(*score));
                judgement.p_values[index][number].extend(p_values);
                judgement.scores[index][number].extend(scores);
            }
        }
        Ok(())
    }

    /// The layer and detector with the smallest p-value, and what that layer shows.
    fn evidence(&self, normalized: &[Features], row: usize, p_values: &[f64]) -> Result<super::Evidence> {
        let detectors = self.head.detectors.len();
        let smallest = (0..p_values.len()).min_by(|a, b| p_values[*a].total_cmp(&p_values[*b])).unwrap_or(0);
        let (layer, detector) = (smallest / detectors, smallest % detectors);
        let (channels, nearest) = self.layers[layer].witness.of(&normalized[layer], row)?;
        Ok(super::Evidence { layer, detector, channels, nearest })
    }
}
