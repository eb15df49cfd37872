//! The work, unit by unit. A unit is one spanning tree and all that is read off it; what units share is made when the first
//! one needs it, and dropped behind the last.

use super::grid::Grid;
use super::report::{Scores, ValidityForm, Work};
use super::score::Evidence;
use super::subject::{Stock, Subject};
use crate::interrupt;
use crate::run_folder::RunFolder;
use anyhow::Context;
use indicatif::ProgressBar;
use napscope::cluster::{Clustering, Hdbscan, HdbscanFit, Reading};
use napscope::distance::{Metric, Points};
use napscope::evaluate::{Stability, stability};
use napscope::features::Features;
use napscope::normalize::Normalizer;
use napscope::progress::Watch;
use napscope::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;

/// What a recipe came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What it found.
    Scores(Box<Scores>),
    /// Why it cannot be.
    Reason(String),
}

/// What one unit came to: an outcome for each `min_cluster_size` and selection, selections innermost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitResult {
    /// The outcomes.
    pub outcomes: Vec<Outcome>,
    /// What was computed for it.
    pub work: Work,
}

/// Everything that the units need to know.
pub struct Units<'a> {
    /// What is swept over.
    pub subject: &'a Subject,
    /// The recipes.
    pub grid: &'a Grid,
    /// Where features lie.
    pub stock: &'a Stock<'a>,
    /// Why a (sketch, normalizer, metric) cannot be, metrics innermost.
    pub impossible: &'a [Option<String>],
    /// The normalizers of the grid.
    pub normalizers: Vec<Box<dyn Normalizer>>,
    /// The metrics of the grid.
    pub metrics: Vec<Box<dyn Metric>>,
    /// For each `min_samples`, the parameters of each (`min_cluster_size`, selection).
    pub choices: Vec<Vec<Hdbscan>>,
    /// The samples of each subsample.
    pub subsamples: Vec<Vec<usize>>,
    /// Which validity is taken.
    pub validity: ValidityForm,
}

/// A value and the seconds that it took, or why it cannot be.
type Made<T> = Result<(T, f64), String>;

/// Where a unit stands in the grid.
#[derive(Clone, Copy)]
struct Place {
    layer: usize,
    sketch: usize,
    normalizer: usize,
    metric: usize,
    min_samples: usize,
}

impl Units<'_> {
    /// Number of units.
    pub fn count(&self) -> usize {
        self.subject.layers.len() * self.grid.combinations() * self.choices.len()
    }

    /// Why the recipes of a unit cannot be, where that was known beforehand.
    pub fn impossible(&self, unit: usize) -> Option<&str> {
        self.impossible[unit / self.choices.len() % self.grid.combinations()].as_deref()
    }

    fn index(&self, place: Place) -> usize {
        let Place { layer, sketch, normalizer, metric, min_samples } = place;
        let combination = (sketch * self.normalizers.len() + normalizer) * self.metrics.len() + metric;
        (layer * self.grid.combinations() + combination) * self.choices.len() + min_samples
    }

    /// What an earlier, stopped sweep has done: by unit.
    ///
    /// # Errors
    /// When a file of it is gone or was changed.
    pub fn read(&self, folder: &RunFolder) -> anyhow::Result<Vec<Option<UnitResult>>> {
        let mut done = vec![None; self.count()];
        for name in &folder.state.layers_done {
            let path = folder.partial(format!("layers/{name}"));
            let read = || -> anyhow::Result<(usize, UnitResult)> {
                let unit: usize = name.trim_end_matches(".json").parse()?;
                anyhow::ensure!(unit < self.count(), "there is no such unit");
                Ok((unit, serde_json::from_slice(&std::fs::read(&path)?)?))
            };
            let changed = || format!("{} is not what this sweep has written: start again with --force", path.display());
            let (unit, result) = read().with_context(changed)?;
            done[unit] = Some(result);
        }
        Ok(done)
    }

    /// Does the units that are not `done` yet, one after the other, and keeps each in `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`], and what keeps files from being read or written. A recipe that cannot be is no error.
    pub fn work(
        &self,
        folder: &mut RunFolder,
        done: &mut [Option<UnitResult>],
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        for layer in 0..self.subject.layers.len() {
            for sketch in 0..self.grid.sketch.len() {
                self.of_features(layer, sketch, folder, done, bar)?;
            }
        }
        Ok(())
    }

    fn of_features(
        &self,
        layer: usize,
        sketch: usize,
        folder: &mut RunFolder,
        done: &mut [Option<UnitResult>],
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut features: Option<Features> = None;
        for normalizer in 0..self.normalizers.len() {
            let mut normalized: Option<Made<Features>> = None;
            let first = self.index(Place { layer, sketch, normalizer, metric: 0, min_samples: 0 });
            let group = self.metrics.len() * self.choices.len();
            let normalized_before = done[first..first + group].iter().any(Option::is_some);
            for metric in 0..self.metrics.len() {
                let mut points: Option<Made<Points>> = None;
                let first = first + metric * self.choices.len();
                let embedded_before = done[first..first + self.choices.len()].iter().any(Option::is_some);
                for min_samples in 0..self.choices.len() {
                    let place = Place { layer, sketch, normalizer, metric, min_samples };
                    let unit = self.index(place);
                    if done[unit].is_none() && self.impossible(unit).is_none() {
                        interrupt::check()?;
                        let mut work = Work::default();
                        let features = match &mut features {
                            Some(features) => features,
                            none => none.insert(self.stock.features(layer, sketch)?),
                        };
                        let normalized = normalized.get_or_insert_with(|| {
                            work.normalizations += u64::from(!normalized_before);
                            timed(0.0, || self.normalizers[normalizer].fit(features)?.transform(features))
                        });
                        let points = points.get_or_insert_with(|| {
                            let (normalized, seconds) = normalized.as_ref().map_err(Clone::clone)?;
                            work.embeddings += u64::from(!embedded_before);
                            timed(*seconds, || self.metrics[metric].fit(normalized)?.embed(normalized))
                        });
                        let columns = features.columns().len();
                        let result = self.unit(place, points, columns, work, bar)?;
                        let name = format!("{unit:06}.json");
                        folder.write(&format!("layers/{name}"), &serde_json::to_vec(&result)?)?;
                        folder.state.layers_done.push(name);
                        folder.save_state()?;
                        done[unit] = Some(result);
                    }
                    bar.set_position(((unit + 1) * self.grid.choices()) as u64);
                }
            }
        }
        Ok(())
    }

    /// One spanning tree and everything that is read off it.
    fn unit(
        &self,
        place: Place,
        points: &Made<Points>,
        columns: usize,
        mut work: Work,
        bar: &ProgressBar,
    ) -> Result<UnitResult> {
        let choices = &self.choices[place.min_samples];
        let all = |reason: &str| vec![Outcome::Reason(reason.to_owned()); choices.len()];
        let (points, seconds) = match points {
            Ok(points) => points,
            Err(reason) => return Ok(UnitResult { outcomes: all(reason), work }),
        };
        let name = &self.subject.layers[place.layer];
        let step = |what: &'static str| {
            move |fraction: f64| {
                bar.set_message(format!("{name}: {what} {:.0} %", 100.0 * fraction));
                if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        };
        bar.set_message(format!("{name}: tree"));
        // The smallest size asks for the fewest samples: what is too large for the data is told row by row.
        let Some(smallest) = choices.iter().min_by_key(|choice| choice.min_cluster_size) else {
            return Ok(UnitResult { outcomes: Vec::new(), work });
        };
        let begun = Instant::now();
        work.spanning_trees += 1;
        let fit = match smallest.fit_watched(points, &step("tree")) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => return Ok(UnitResult { outcomes: all(&error.to_string()), work }),
            Ok(fit) => fit,
        };
        let seconds = seconds + begun.elapsed().as_secs_f64();
        let found: Vec<Made<Found>> = choices.iter().map(|choice| timed(seconds, || select(&fit, choice))).collect();
        work.clusterings += found.iter().filter(|found| found.is_ok()).count() as u64;
        let stabilities = self.stabilities(points, choices, &found, &mut work, &step("subsamples"))?;
        let labels = self.subject.labels.as_ref().map(|(_, labels)| &labels[..]);
        let evidence = Evidence { points, fit: &fit, columns, labels, validity: self.validity };
        let outcome = |(found, stability): (&Made<Found>, Option<Stability>)| match found {
            Err(reason) => Ok(Outcome::Reason(reason.clone())),
            Ok((found, seconds)) => match evidence.scores(found, stability, *seconds, &step("validity")) {
                Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
                Err(error) => Ok(Outcome::Reason(error.to_string())),
                Ok(scores) => Ok(Outcome::Scores(Box::new(scores))),
            },
        };
        let outcomes = found.iter().zip(stabilities).map(outcome).collect::<Result<_>>()?;
        Ok(UnitResult { outcomes, work })
    }

    /// The stability of every clustering that a subsample has samples enough for.
    fn stabilities(
        &self,
        points: &Points,
        choices: &[Hdbscan],
        found: &[Made<Found>],
        work: &mut Work,
        watch: &Watch<'_>,
    ) -> Result<Vec<Option<Stability>>> {
        let size = self.subsamples.first().map_or(0, Vec::len);
        let enough = |choice: &Hdbscan| {
            size >= choice.min_cluster_size.max(1 + choice.min_samples.unwrap_or(choice.min_cluster_size))
        };
        let mut stabilities = vec![None; found.len()];
        let (indices, tried): (Vec<usize>, Vec<(Hdbscan, &Clustering)>) = choices
            .iter()
            .zip(found)
            .enumerate()
            .filter(|(_, (choice, _))| enough(choice))
            .filter_map(|(index, (choice, found))| Some((index, (choice.clone(), &found.as_ref().ok()?.0.clustering))))
            .unzip();
        if tried.is_empty() {
            return Ok(stabilities);
        }
        work.subsample_trees += self.subsamples.len() as u64;
        for (index, stability) in indices.into_iter().zip(stability(points, &tried, &self.subsamples, watch)?) {
            stabilities[index] = stability;
        }
        Ok(stabilities)
    }
}

/// A clustering read off a tree.
pub struct Found {
    /// The clustering.
    pub clustering: Clustering,
    /// The `min_cluster_size` that the selection settled on, where it has a size of its own.
    pub settled: Option<usize>,
}

fn select(fit: &HdbscanFit, choice: &Hdbscan) -> Result<Found> {
    let Reading { clustering, evidence, .. } = fit.select(choice)?;
    Ok(Found { clustering, settled: evidence.as_ref().map(|evidence| evidence.taken().min_cluster_size) })
}

/// What `make` makes, with the seconds that it took on top of `before`.
fn timed<T>(before: f64, make: impl FnOnce() -> Result<T, Error>) -> Made<T> {
    let begun = Instant::now();
    make().map(|made| (made, before + begun.elapsed().as_secs_f64())).map_err(|error| error.to_string())
}
