//! What the scores say: how well each recipe separates, which one is chosen without looking at what lies outside, and what that
//! choice gains over the original NAP on the same samples.

use super::conditioned::Condition;
use super::costs::{self, SketchCost};
use super::grid::{Grid, ORIGINAL, ORIGINAL_PATTERNS};
use super::sets::Set;
use super::units::{Outcome, Units};
use napscope::Result;
use napscope::evaluate::{AurocDifference, mean_auroc, mean_auroc_difference, separation, spearman};
use napscope::ood::{Calibration, Fusion};
use serde::Serialize;
use std::ops::Range;

/// The share of in-distribution samples that may raise an alarm.
pub(super) const FALSE_ALARM_RATE: f64 = 0.01;

/// What stands for the sketch where a score is several recipes', joined.
const JOINED: &str = "joined";

/// A recipe on a layer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) layer: String,
    pub(super) sketch: String,
    pub(super) normalize: String,
    pub(super) detector: String,
    /// AUROC of fresh samples and each set outside, and their mean with its interval (DeLong).
    pub(super) auroc: Vec<f64>,
    pub(super) mean: f64,
    pub(super) interval: [f64; 2],
    /// AUROC of held-out samples and mixed pictures, and of held-out samples and shuffled ones. What recipes are chosen by is the
    /// mean of both: nothing of it comes from outside.
    pub(super) mixed: f64,
    pub(super) shuffled: f64,
    /// Share of the fresh samples that raise an alarm at [`FALSE_ALARM_RATE`].
    pub(super) false_alarms: f64,
    /// What its mean AUROC gains over the original's of its layer, paired.
    pub(super) gain: Option<AurocDifference>,
    #[serde(skip)]
    scores: Vec<f64>,
}

impl Row {
    pub(super) fn criterion(&self) -> f64 {
        (self.mixed + self.shuffled) / 2.0
    }

    pub(super) fn recipe(&self) -> String {
        if self.sketch == JOINED {
            return format!("{}, joined by {}", self.detector, self.normalize);
        }
        format!("{} + {} + {}", self.sketch, self.normalize, self.detector)
    }

    fn is(&self, [sketch, normalize, detector]: [&str; 3]) -> bool {
        self.sketch == sketch && self.normalize == normalize && self.detector == detector
    }
}

/// Two recipes on the same samples.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Comparison {
    pub(super) what: String,
    pub(super) layer: String,
    pub(super) recipe: String,
    pub(super) against: String,
    /// What both were seen to do on in-distribution data: AUROC against mixed and shuffled samples.
    pub(super) seen: [[f64; 2]; 2],
    /// Mean AUROC of both, and the first less the second.
    pub(super) means: [f64; 2],
    pub(super) difference: AurocDifference,
    pub(super) by_set: Vec<AurocDifference>,
}

/// A change of the original in one place, over all layers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Change {
    pub(super) what: &'static str,
    pub(super) to: String,
    /// Mean over the layers of what it gains; layers where the interval of that lies above zero, and below.
    pub(super) gain: f64,
    /// The same of each set outside.
    pub(super) by_set: Vec<f64>,
    pub(super) better: usize,
    pub(super) worse: usize,
    pub(super) layers: usize,
}

/// Everything that the tables show.
pub(super) struct Findings {
    pub(super) outside: Vec<&'static str>,
    pub(super) layers: Vec<String>,
    /// The best first.
    pub(super) rows: Vec<Row>,
    pub(super) impossible: usize,
    /// Layer by layer: the chosen recipe, and the chosen features under the original's detector, against the original.
    pub(super) chosen: Vec<Comparison>,
    pub(super) features_alone: Vec<Comparison>,
    /// The choice among all layers against the original on the layer that the same criterion chooses for it; the patterns of the
    /// original; all layers joined.
    pub(super) overall: Vec<Comparison>,
    pub(super) changes: Vec<Change>,
    /// Detectors that know a covariate against the same without it.
    pub(super) conditioned: Vec<Change>,
    /// Rank correlation of the criterion and the mean AUROC over the recipes of each layer.
    pub(super) foresight: Vec<f64>,
    pub(super) costs: Vec<SketchCost>,
}

/// Where samples stand among the scores.
struct Places {
    held_out: Range<usize>,
    fresh: Range<usize>,
    mixed: Range<usize>,
    outside: Vec<Range<usize>>,
    shuffled: Range<usize>,
}

impl Places {
    fn of(sets: &[Set]) -> Self {
        let start = sets[0].rows.end;
        let place = |set: &Set| set.rows.start - start..set.rows.end - start;
        let end = sets.last().map_or(0, |set| set.rows.end - start);
        Places {
            held_out: place(&sets[1]),
            fresh: place(&sets[2]),
            mixed: place(&sets[3]),
            outside: sets[4..].iter().map(place).collect(),
            shuffled: end..end + sets[1].rows.len(),
        }
    }

    /// The scores of fresh samples and of each set outside.
    fn judged<'a>(&self, scores: &'a [f64]) -> (&'a [f64], Vec<&'a [f64]>) {
        (&scores[self.fresh.clone()], self.outside.iter().map(|set| &scores[set.clone()]).collect())
    }

    fn compare(&self, a: &[f64], b: &[f64]) -> Result<(AurocDifference, Vec<AurocDifference>)> {
        let ((a_id, a_sets), (b_id, b_sets)) = (self.judged(a), self.judged(b));
        let pairs = a_sets.iter().zip(&b_sets);
        let by_set = pairs.map(|(a, b)| mean_auroc_difference((a_id, &[a]), (b_id, &[b]))).collect::<Result<_>>()?;
        Ok((mean_auroc_difference((a_id, &a_sets), (b_id, &b_sets))?, by_set))
    }
}

/// Every recipe that can be, and the number of those that cannot.
fn all_rows(grid: &Grid, places: &Places, layers: &[String], units: &Units) -> Result<(Vec<Row>, usize)> {
    let mut rows = Vec::new();
    let mut impossible = 0;
    for (index, unit) in units.units.iter().enumerate() {
        let (pair, normalizer) = (index / grid.normalizers.len(), index % grid.normalizers.len());
        let (layer, sketch) = (pair / grid.sketches.len(), pair % grid.sketches.len());
        for (detector, outcome) in grid.detectors.iter().zip(&unit.outcomes) {
            let Outcome::Scores(scores) = outcome else {
                impossible += 1;
                continue;
            };
            let names = [layers[layer].as_str(), grid.sketches[sketch], grid.normalizers[normalizer], *detector];
            rows.push(row(places, names, scores)?);
        }
    }
    for layer in layers {
        let original = rows.iter().find(|row| row.layer == *layer && row.is(ORIGINAL)).map(|row| row.scores.clone());
        let Some(original) = original else { continue };
        for row in rows.iter_mut().filter(|row| row.layer == *layer) {
            row.gain = Some(places.compare(&row.scores, &original)?.0);
        }
    }
    Ok((rows, impossible))
}

/// Reads everything off the scores.
pub(super) fn find(
    grid: &Grid,
    sets: &[Set],
    layers: &[String],
    units: &Units,
    condition: Option<&Condition>,
) -> Result<Findings> {
    let places = Places::of(sets);
    let (rows, impossible) = all_rows(grid, &places, layers, units)?;
    let of_layer = |layer: &String| -> Vec<&Row> { rows.iter().filter(|row| row.layer == *layer).collect() };
    let best = |rows: &[&Row]| -> Option<Row> {
        rows.iter().copied().rev().max_by(|a, b| a.criterion().total_cmp(&b.criterion())).cloned()
    };
    let (mut chosen, mut features_alone, mut foresight) = (Vec::new(), Vec::new(), Vec::new());
    let (mut picks, mut originals) = (Vec::new(), Vec::new());
    for layer in layers {
        let here = of_layer(layer);
        let nearest: Vec<&Row> = here.iter().copied().filter(|row| row.detector.starts_with("knn")).collect();
        let original = here.iter().find(|row| row.is(ORIGINAL)).copied();
        let (Some(pick), Some(features), Some(original)) = (best(&here), best(&nearest), original) else { continue };
        chosen.push(compare(&places, "chosen recipe", &pick, original)?);
        features_alone.push(compare(&places, "chosen features, k-NN", &features, original)?);
        let criteria: Vec<f64> = here.iter().map(|row| row.criterion()).collect();
        let means: Vec<f64> = here.iter().map(|row| row.mean).collect();
        foresight.push(spearman(&criteria, &means)?);
        picks.push(pick);
        originals.push(original.clone());
    }
    let overall = overall(&places, &rows, &picks, &originals)?;
    let changes = changes(grid, &places, &rows, &originals)?;
    let conditioned = match condition {
        Some(condition) => conditioned(grid, &places, &rows, layers, units, condition)?,
        None => Vec::new(),
    };
    let mut ranked = rows;
    ranked.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    Ok(Findings {
        outside: sets[4..].iter().map(|set| set.name).collect(),
        layers: layers.to_vec(),
        impossible,
        chosen,
        features_alone,
        overall,
        changes,
        conditioned,
        foresight,
        costs: costs::of(grid, units),
        rows: ranked,
    })
}

fn row(places: &Places, [layer, sketch, normalize, detector]: [&str; 4], scores: &[f64]) -> Result<Row> {
    let (fresh, outside) = places.judged(scores);
    let (mean, interval) = mean_auroc((fresh, &outside))?;
    let held_out = &scores[places.held_out.clone()];
    let calibration = Calibration::new(held_out.to_vec())?;
    let alarms = fresh.iter().filter(|score| calibration.p_value(**score) <= FALSE_ALARM_RATE).count();
    Ok(Row {
        layer: layer.to_owned(),
        sketch: sketch.to_owned(),
        normalize: normalize.to_owned(),
        detector: detector.to_owned(),
        auroc: outside.iter().map(|set| Ok(separation(fresh, set)?.auroc)).collect::<Result<_>>()?,
        mean,
        interval,
        mixed: separation(held_out, &scores[places.mixed.clone()])?.auroc,
        shuffled: separation(held_out, &scores[places.shuffled.clone()])?.auroc,
        false_alarms: alarms as f64 / fresh.len() as f64,
        gain: None,
        scores: scores.to_vec(),
    })
}

fn compare(places: &Places, what: &str, row: &Row, against: &Row) -> Result<Comparison> {
    let (difference, by_set) = places.compare(&row.scores, &against.scores)?;
    let layer =
        if row.layer == against.layer { row.layer.clone() } else { format!("{} ({})", row.layer, against.layer) };
    Ok(Comparison {
        what: what.to_owned(),
        layer,
        recipe: row.recipe(),
        against: against.recipe(),
        seen: [row, against].map(|row| [row.mixed, row.shuffled]),
        means: [row.mean, against.mean],
        difference,
        by_set,
    })
}

/// The choices that go beyond one layer, against the original on the layer that the criterion chooses for it.
fn overall(places: &Places, rows: &[Row], picks: &[Row], originals: &[Row]) -> Result<Vec<Comparison>> {
    let best = |rows: &[Row]| rows.iter().rev().max_by(|a, b| a.criterion().total_cmp(&b.criterion())).cloned();
    let (Some(pick), Some(original)) = (best(picks), best(originals)) else { return Ok(Vec::new()) };
    let mut comparisons = vec![compare(places, "chosen layer and recipe", &pick, &original)?];
    let patterns: Vec<Row> =
        rows.iter().filter(|row| row.is([ORIGINAL[0], ORIGINAL[1], ORIGINAL_PATTERNS])).cloned().collect();
    if let Some(patterns) = best(&patterns) {
        comparisons.push(compare(places, "the same, against the original's patterns", &pick, &patterns)?);
    }
    let all: Vec<&Row> = picks.iter().collect();
    let fused = joined(places, &all, "chosen recipes")?;
    comparisons.push(compare(places, "chosen recipes of all layers, joined (Fisher)", &fused, &original)?);
    comparisons.push(compare(places, "joined layers, against the chosen layer alone", &fused, &pick)?);
    let joined_originals = joined(places, &originals.iter().collect::<Vec<_>>(), "original")?;
    comparisons.push(compare(
        places,
        "joined layers, against the original's layers joined",
        &fused,
        &joined_originals,
    )?);
    let family = |row: &&Row| row.layer == pick.layer && row.sketch == ORIGINAL[0] && row.normalize == ORIGINAL[1];
    let families: Vec<Row> = rows.iter().filter(family).cloned().collect();
    if let Some(alone) = best(&families).filter(|_| families.len() > 1) {
        let all = joined(places, &families.iter().collect::<Vec<_>>(), "every detector on the original's features")?;
        comparisons.push(compare(
            places,
            "joined detectors, against the one that the criterion chooses",
            &all,
            &alone,
        )?);
    }
    Ok(comparisons)
}

/// The joint scores (Fisher's) of some recipes, by p-values among the held-out samples.
fn joined(places: &Places, rows: &[&Row], what: &str) -> Result<Row> {
    let held_out: Vec<&[f64]> = rows.iter().map(|row| &row.scores[places.held_out.clone()]).collect();
    let calibrations = held_out.iter().map(|scores| Calibration::new(scores.to_vec())).collect::<Result<Vec<_>>>()?;
    let joint = |sample: usize| {
        let p_values = rows.iter().zip(&calibrations).map(|(row, calibration)| calibration.p_value(row.scores[sample]));
        Fusion::Fisher.score(&p_values.collect::<Vec<_>>())
    };
    let mut scores: Vec<f64> = (0..places.shuffled.end).map(joint).collect();
    let own = Fusion::Fisher.joint_scores(&calibrations, &held_out);
    scores[places.held_out.clone()].copy_from_slice(&own);
    let layers_alike = rows.iter().all(|row| row.layer == rows[0].layer);
    let layer = if layers_alike { &rows[0].layer } else { "all layers" };
    row(places, [layer, JOINED, "Fisher", what], &scores)
}

/// What each change of the original in one place gains.
fn changes(grid: &Grid, places: &Places, rows: &[Row], originals: &[Row]) -> Result<Vec<Change>> {
    let [sketch, normalize, detector] = ORIGINAL;
    let mut wanted: Vec<(&'static str, [&'static str; 3])> = Vec::new();
    wanted.extend(grid.sketches.iter().map(|other| ("sketch", [*other, normalize, detector])));
    wanted.extend(grid.normalizers.iter().map(|other| ("normalizer", [sketch, *other, detector])));
    wanted.extend(grid.detectors.iter().map(|other| ("detector", [sketch, normalize, *other])));
    let distributions = grid.detectors.iter().filter(|other| other.starts_with("knn") && other.contains("metric="));
    wanted.extend(distributions.map(|other| ("sketch and metric", ["histogram:bins=8", normalize, *other])));
    let mut changes = Vec::new();
    for (what, recipe) in wanted.into_iter().filter(|(_, recipe)| *recipe != ORIGINAL) {
        let pairs = originals.iter().filter_map(|original| {
            let row = rows.iter().find(|row| row.layer == original.layer && row.is(recipe))?;
            Some((&row.scores[..], &original.scores[..]))
        });
        changes.extend(change(places, what, recipe.join(" + "), pairs)?);
    }
    changes.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    Ok(changes)
}

/// What a covariate gains: on the original's features, each detector that knows it against the same one that does not.
fn conditioned(
    grid: &Grid,
    places: &Places,
    rows: &[Row],
    layers: &[String],
    units: &Units,
    condition: &Condition,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (number, given) in grid.given.iter().enumerate() {
        let pairs = layers.iter().enumerate().filter_map(|(layer, name)| {
            let alone =
                rows.iter().find(|row| row.layer == *name && row.is([ORIGINAL[0], ORIGINAL[1], given.detector]))?;
            match units.of_original(grid, layer)?.outcomes.get(grid.detectors.len() + number)? {
                Outcome::Scores(scores) => Some((&scores[..], &alone.scores[..])),
                Outcome::Reason(_) => None,
            }
        });
        changes.extend(change(places, "covariate", given.name(condition.name), pairs)?);
    }
    Ok(changes)
}

/// The mean over layers of what the first scores gain over the second ones; `None` without a layer.
fn change<'a>(
    places: &Places,
    what: &'static str,
    to: String,
    pairs: impl Iterator<Item = (&'a [f64], &'a [f64])>,
) -> Result<Option<Change>> {
    let found = pairs.map(|(row, against)| places.compare(row, against)).collect::<Result<Vec<_>>>()?;
    if found.is_empty() {
        return Ok(None);
    }
    let layers = found.len();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / layers as f64;
    let sets = 0..places.outside.len();
    Ok(Some(Change {
        what,
        to,
        gain: mean(&mut found.iter().map(|(all, _)| all.difference)),
        by_set: sets.map(|set| mean(&mut found.iter().map(|(_, by_set)| by_set[set].difference))).collect(),
        better: found.iter().filter(|(all, _)| all.interval[0] > 0.0).count(),
        worse: found.iter().filter(|(all, _)| all.interval[1] < 0.0).count(),
        layers,
    }))
}
