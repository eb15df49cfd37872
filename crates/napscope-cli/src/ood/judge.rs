//! Fitted detectors of every layer, and what they say of samples.

use super::bundle::{Bundle, BundleHead, BundleLayer};
use super::evidence::Witness;
use super::source::{rows, shaping};
use crate::question::Question;
use crate::recipe::SketchChoice;
use crate::settings::Settings;
use napscope::activations::{ActivationSource, MapShape};
use napscope::features::Features;
use napscope::normalize::{self, Transform};
use napscope::ood::{self, Calibration, Fusion, Scorer};
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
    /// How p-values are joined.
    pub fuse: Fusion,
    /// The share of in-distribution samples that may raise an alarm.
    pub false_alarm_rate: f64,
    /// The command that makes the bundle again.
    pub command: String,
}

/// A detector of a layer with the scores that it is calibrated by.
struct Calibrated {
    scorer: Box<dyn Scorer>,
    calibration: Calibration,
}

/// What a layer's detectors need.
struct Layer {
    transform: Box<dyn Transform>,
    detectors: Vec<Calibrated>,
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
    let calibrations = held_out_scores(wanted, source, &sketches, &references, held_out)?;
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
            fuse: wanted.fuse,
            false_alarm_rate: wanted.false_alarm_rate,
            layers: layers.collect(),
        },
        samples: reference.iter().map(|sample| *sample as u64).collect(),
        fused: joint_scores(wanted, &calibrations)?,
        references,
        ranges,
        calibrations,
    })
}

/// The scores of the held-out samples: layer by layer, detector by detector.
fn held_out_scores(
    wanted: &Wanted<'_>,
    source: &dyn ActivationSource,
    sketches: &[Box<dyn FittedSketch>],
    references: &[Features],
    held_out: &[usize],
) -> Result<Vec<Vec<Vec<f64>>>> {
    let layers = references.iter().zip(source.layers());
    let fitted = layers.map(|(features, layer)| {
        fit_layer(features, &wanted.normalize, &wanted.detectors).map_err(|error| at(error, &layer.name))
    });
    let fitted = fitted.collect::<Result<Vec<_>>>()?;
    let mut scores = vec![vec![Vec::new(); wanted.detectors.len()]; fitted.len()];
    for chunk in held_out.chunks(CHUNK) {
        let layers = rows(source, sketches, chunk)?.into_iter().zip(&fitted).zip(&mut scores);
        for ((features, (transform, scorers)), scores) in layers {
            let normalized = transform.transform(&features)?;
            for (scorer, scores) in scorers.iter().zip(scores) {
                scores.extend(scorer.score(&normalized)?);
            }
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
    let held_out = scores[0].len();
    // Of all held-out scores, its own among them, over n + 1: no more than a fresh sample's p-value would be.
    let own = 1.0 / (held_out + 1) as f64;
    let joint = |sample: usize| {
        let parts = scores.iter().zip(&calibrations);
        let p_values: Vec<f64> = parts.map(|(scores, calibration)| calibration.p_value(scores[sample]) - own).collect();
        wanted.fuse.score(&p_values)
    };
    Ok((0..held_out).map(joint).collect())
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

type Fitted = (Box<dyn Transform>, Vec<Box<dyn Scorer>>);

fn fit_layer(reference: &Features, normalize: &str, detectors: &[String]) -> Result<Fitted> {
    let transform = normalize::parse(normalize)?.fit(reference)?;
    let normalized = transform.transform(reference)?;
    let scorers = detectors.iter().map(|spec| ood::parse(spec)?.fit(&normalized)).collect::<Result<_>>()?;
    Ok((transform, scorers))
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
        let Bundle { head, samples, references, ranges, calibrations, fused } = bundle;
        let shape = |layer: &BundleLayer| {
            let [channels, height, width] = layer.shape;
            MapShape { channels, height, width }
        };
        let shapes: Vec<MapShape> = head.layers.iter().map(shape).collect();
        let sketches = sketches(&*sketch::parse(&head.sketch)?, &shapes, ranges.as_deref())?;
        let layer = |(index, scores): (usize, Vec<Vec<f64>>)| {
            let reference = &references[index];
            let (transform, scorers) = fit_layer(reference, &head.normalize, &head.detectors)?;
            let witness = Witness::new(transform.transform(reference)?, &samples)?;
            let calibrated = |(scorer, scores)| Ok(Calibrated { scorer, calibration: Calibration::new(scores)? });
            let detectors = scorers.into_iter().zip(scores).map(calibrated).collect::<Result<_>>()?;
            Ok(Layer { transform, detectors, witness })
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
            self.score(&normalized, &mut judgement)?;
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

    fn score(&self, normalized: &[Features], judgement: &mut Judgement) -> Result<()> {
        for (index, (layer, features)) in self.layers.iter().zip(normalized).enumerate() {
            for (number, detector) in layer.detectors.iter().enumerate() {
                let scores = detector.scorer.score(features)?;
                let p_values = scores.iter().map(|score| detector.calibration.p_value(*score));
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
