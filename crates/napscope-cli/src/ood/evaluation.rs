//! How well detectors tell data sets apart, as one JSON document: what `ood evaluate` prints, and what a run folder keeps in
//! `ood/NAME.json` for the explorer to draw.

use super::bundle::BundleHead;
use super::judge::Judgement;
use crate::report::FileFacts;
use anyhow::{Context, ensure};
use napscope::Result;
use napscope::evaluate::{Separation, roc, separation};
use napscope::ood::Fusion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Layout of an evaluation.
pub const EVALUATION_SCHEMA: &str = "napscope.ood_evaluation/1";

/// The folder of a run that holds evaluations.
pub const FOLDER: &str = "ood";

/// Bars of a score's histogram.
const BARS: usize = 48;
/// Scores of one sign that reach this many times beyond the usual one are counted on a logarithmic axis.
const LONG_TAIL: f64 = 30.0;
/// A larger file is no evaluation of ours: 10 kB a line, at some thousand lines.
const LARGEST: u64 = 16 << 20;

/// `ood/NAME.json`: how well the detectors of a bundle tell data sets apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// Layout of the document, `napscope.ood_evaluation/1`.
    pub schema: String,
    /// Version of napscope that wrote it.
    pub napscope: String,
    /// The command that makes it again.
    pub command: String,
    /// The network; absent for ready-made activations.
    pub model: Option<FileFacts>,
    /// The in-distribution data.
    pub id: EvaluatedSet,
    /// The out-of-distribution data.
    pub sets: Vec<EvaluatedSet>,
    /// The share of in-distribution samples that may raise an alarm, as the bundle was fitted for.
    pub false_alarm_rate: f64,
    /// For each set: all layers and detectors together, then each of them, the highest AUROC first.
    pub lines: Vec<EvaluationLine>,
}

/// Data that were judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatedSet {
    /// The name of its file or folder.
    pub name: String,
    /// Number of samples.
    pub samples: usize,
}

/// How well one detector of one layer tells one set from the in-distribution data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluationLine {
    /// The out-of-distribution data, by name.
    pub ood: String,
    /// Absent: all layers together.
    pub layer: Option<String>,
    /// The detector, or how the p-values are joined.
    pub detector: String,
    /// The share of the in-distribution samples that raise an alarm.
    pub false_alarm_rate: f64,
    /// The share of the out-of-distribution samples that do.
    pub alarm_rate: f64,
    /// AUROC with its 95 % interval, AUPR of either side, and both FPR95s.
    #[serde(flatten)]
    #[schemars(with = "SeparationFields")]
    pub separation: Separation,
    /// How the scores lie.
    pub scores: ScoreHistogram,
    /// The curve from (0, 0) to (1, 1), threshold by threshold: share of in-distribution samples above, share of
    /// out-of-distribution samples above.
    pub roc: Vec<[f64; 2]>,
}

/// The fields of [`Separation`], for the schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "its fields are told in the schema only")]
struct SeparationFields {
    /// Probability that an out-of-distribution sample scores above an in-distribution one.
    auroc: f64,
    /// Its 95 % interval (DeLong).
    auroc_interval: [f64; 2],
    /// Average precision with in-distribution samples as the positives.
    aupr_in: f64,
    /// Average precision with out-of-distribution samples as the positives.
    aupr_out: f64,
    /// Share of out-of-distribution samples that pass where 95 % of the in-distribution ones pass.
    fpr_ood_at_tpr_id_95: f64,
    /// Share of in-distribution samples that raise an alarm where 95 % of the out-of-distribution ones do.
    fpr_id_at_tpr_ood_95: f64,
}

/// Scores of both sides, counted in the same bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreHistogram {
    /// The lowest and the highest score.
    pub range: [f64; 2],
    /// Are the bars equally wide in the logarithm of the score?
    pub logarithmic: bool,
    /// In-distribution samples a bar.
    pub id: Vec<usize>,
    /// Out-of-distribution samples a bar.
    pub ood: Vec<usize>,
    /// The lowest score that raises an alarm; absent where none does.
    pub alarm_from: Option<f64>,
}

impl Evaluation {
    /// What `id` and the `sets` of out-of-distribution data, each with its name, came to. `model` is the network, `command`
    /// makes it again.
    ///
    /// # Errors
    /// When a set is empty.
    pub fn new(
        head: &BundleHead,
        command: String,
        id: (&str, &Judgement),
        sets: &[(&str, Judgement)],
    ) -> Result<Evaluation> {
        let set = |name: String, judgement: &Judgement| EvaluatedSet { name, samples: judgement.fused.len() };
        let names = short_names(&sets.iter().map(|set| set.0).collect::<Vec<_>>());
        let mut lines = Vec::new();
        for (name, (_, ood)) in names.iter().zip(sets) {
            lines.extend(compare(head, name, id.1, ood)?);
        }
        Ok(Evaluation {
            schema: EVALUATION_SCHEMA.to_owned(),
            napscope: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            model: head.model.clone(),
            id: set(file_name(id.0), id.1),
            sets: names.into_iter().zip(sets).map(|(name, (_, judgement))| set(name, judgement)).collect(),
            false_alarm_rate: head.false_alarm_rate,
            lines,
        })
    }

    /// Reads an evaluation that anybody may have written.
    ///
    /// # Errors
    /// When it is cut short, or says what cannot be.
    pub fn read(path: &Path) -> anyhow::Result<Evaluation> {
        let place = || path.display().to_string();
        let size = std::fs::metadata(path).with_context(place)?.len();
        ensure!(size <= LARGEST, "{} is larger than {LARGEST} bytes", place());
        let evaluation: Evaluation = serde_json::from_slice(&std::fs::read(path).with_context(place)?)
            .with_context(|| format!("{} is cut short, or not what napscope writes", place()))?;
        evaluation.check().with_context(place)?;
        Ok(evaluation)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.schema == EVALUATION_SCHEMA, "its layout is {:?}, expected {EVALUATION_SCHEMA:?}", self.schema);
        let is_share = |share: &f64| (0.0..=1.0).contains(share);
        ensure!(is_share(&self.false_alarm_rate), "the false-alarm rate is {}", self.false_alarm_rate);
        let distinct = (1..self.sets.len()).all(|at| self.sets[..at].iter().all(|set| set.name != self.sets[at].name));
        ensure!(distinct && !self.sets.is_empty(), "it holds no set, or one of them twice");
        for line in &self.lines {
            let place = || format!("line {} {}", line.layer.as_deref().unwrap_or("all"), line.detector);
            let set = self.sets.iter().find(|set| set.name == line.ood);
            let set = set.with_context(|| format!("{}: there is no set {:?}", place(), line.ood))?;
            let told = &line.separation;
            let mut shares = vec![told.auroc, told.aupr_in, told.aupr_out, line.false_alarm_rate, line.alarm_rate];
            shares.extend([told.fpr_ood_at_tpr_id_95, told.fpr_id_at_tpr_ood_95]);
            shares.extend(told.auroc_interval);
            shares.extend(line.roc.iter().flatten());
            ensure!(shares.iter().all(is_share), "{}: a share is not within 0 and 1", place());
            let rises = line.roc.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1]);
            ensure!(rises && line.roc.len() <= 1000, "{}: its curve does not rise", place());
            let ScoreHistogram { range: [low, high], id, ood, .. } = &line.scores;
            let sum = |bars: &[usize]| bars.iter().try_fold(0usize, |sum, bar| sum.checked_add(*bar));
            let whole = [(id, self.id.samples), (ood, set.samples)];
            let sound = whole.iter().all(|(bars, samples)| bars.len() == BARS && sum(bars) == Some(*samples));
            ensure!(sound && low <= high, "{}: its scores are not those of the samples", place());
        }
        Ok(())
    }
}

/// The last part of a path.
fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The last parts of `paths`, or all of them where that would not tell them apart.
fn short_names(paths: &[&str]) -> Vec<String> {
    let names: Vec<String> = paths.iter().map(|path| file_name(path)).collect();
    let distinct = (1..names.len()).all(|at| !names[..at].contains(&names[at]));
    if distinct { names } else { paths.iter().map(|&path| path.to_owned()).collect() }
}

/// A line for every layer and detector, best AUROC first, and one for all together before them.
fn compare(head: &BundleHead, name: &str, id: &Judgement, ood: &Judgement) -> Result<Vec<EvaluationLine>> {
    let alarm = |p: &f64| *p <= head.false_alarm_rate;
    let share = |p_values: &[f64]| p_values.iter().filter(|p| alarm(p)).count() as f64 / p_values.len() as f64;
    let line = |layer: Option<&str>, detector: &str, scores: [&[f64]; 2], p_values: [&[f64]; 2]| {
        let alarms = scores.iter().zip(p_values).flat_map(|(scores, p_values)| scores.iter().zip(p_values));
        let alarm_from = alarms.filter(|(_, p)| alarm(p)).map(|(score, _)| *score).min_by(f64::total_cmp);
        let rounded = |share: f64| (share * 1e5).round() / 1e5;
        Ok(EvaluationLine {
            ood: name.to_owned(),
            layer: layer.map(str::to_owned),
            detector: detector.to_owned(),
            false_alarm_rate: share(p_values[0]),
            alarm_rate: share(p_values[1]),
            separation: separation(scores[0], scores[1])?,
            scores: ScoreHistogram::new(scores, alarm_from),
            roc: roc(scores[0], scores[1])?.into_iter().map(|point| point.map(rounded)).collect(),
        })
    };
    let mut lines = Vec::new();
    for (index, layer) in head.layers.iter().enumerate() {
        for (number, detector) in head.detectors.iter().enumerate() {
            let scores = [id, ood].map(|side| side.scores[index][number].as_slice());
            let p_values = [id, ood].map(|side| side.p_values[index][number].as_slice());
            lines.push(line(Some(&layer.name), detector, scores, p_values)?);
        }
    }
    lines.sort_by(|a, b| b.separation.auroc.total_cmp(&a.separation.auroc));
    let all = line(None, fusion_name(head.fuse), [&id.fused, &ood.fused], [&id.fused_p, &ood.fused_p])?;
    lines.insert(0, all);
    Ok(lines)
}

/// Every way of joining p-values with its name.
pub const FUSIONS: [(&str, Fusion); 4] =
    [("fisher", Fusion::Fisher), ("stouffer", Fusion::Stouffer), ("max", Fusion::Max), ("mean", Fusion::Mean)];

fn fusion_name(fuse: Fusion) -> &'static str {
    FUSIONS.iter().find(|fusion| fusion.1 == fuse).map_or("", |fusion| fusion.0)
}

impl ScoreHistogram {
    fn new(sides: [&[f64]; 2], alarm_from: Option<f64>) -> Self {
        let finite = |score: &f64| score.clamp(f64::MIN, f64::MAX);
        let all = || sides.iter().copied().flatten().map(finite);
        let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
        let mut usual = sides[0].to_vec();
        usual.sort_unstable_by(f64::total_cmp);
        let logarithmic = low > 0.0 && high > LONG_TAIL * usual[usual.len() / 2];
        let axis = |score: f64| if logarithmic { score.ln() } else { score };
        let counts = |side: &[f64]| {
            let mut bars = vec![0; BARS];
            for score in side.iter().map(finite) {
                let place = (axis(score) - axis(low)) / (axis(high) - axis(low));
                // NaN where all scores are the same: they stand in the first bar.
                bars[((place * BARS as f64) as usize).min(BARS - 1)] += 1;
            }
            bars
        };
        let [id, ood] = sides.map(counts);
        ScoreHistogram { range: [low, high], logarithmic, id, ood, alarm_from: alarm_from.as_ref().map(finite) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_told_apart_by_as_little_as_it_takes() {
        for (paths, expected) in [
            (["a/test.npz", "b/noise.npz"], ["test.npz", "noise.npz"]),
            (["a/test.npz", "b/test.npz"], ["a/test.npz", "b/test.npz"]),
        ] {
            assert_eq!(short_names(&paths), expected);
        }
    }

    #[test]
    fn every_score_is_counted_once_on_an_axis_that_suits_it() {
        for (id, ood, logarithmic, says) in [
            (&[1.0, 2.0, 3.0][..], &[3.0, 4.0][..], false, "near each other"),
            (&[1.0, 2.0, 3.0], &[5.0, 4000.0], true, "a long tail"),
            (&[-1.0, 2.0, 3.0], &[5.0, 4000.0], false, "no logarithm below zero"),
            (&[2.0, 2.0], &[2.0], false, "all the same"),
            (&[1.0, f64::INFINITY], &[f64::NEG_INFINITY], false, "beyond all numbers"),
        ] {
            let found = ScoreHistogram::new([id, ood], None);
            assert_eq!(found.logarithmic, logarithmic, "{says}");
            assert_eq!(
                (found.id.iter().sum::<usize>(), found.ood.iter().sum::<usize>()),
                (id.len(), ood.len()),
                "{says}"
            );
            assert!(found.range.iter().all(|end| end.is_finite()), "{says}");
        }
        let found = ScoreHistogram::new([&[0.0, 1.0, 47.9], &[48.0]], Some(47.9));
        assert_eq!([found.id[0], found.id[1], found.id[BARS - 1], found.ood[BARS - 1]], [1, 1, 1, 1]);
    }
}
