//! One sweep from what is asked to the ranked table.

use super::grid::Grid;
use super::rank::{self, Ranking};
use super::report::{Resampling, Row, SCHEMA, SweepReport, ValidityForm, Work};
use super::subject::{Origin, Stock, Subject};
use super::tell::Format;
use super::together::Together;
use super::units::{self, UnitResult, Units};
use crate::extraction::Extraction;
use crate::facts::hex;
use crate::recipe::{PatternChoice, SketchChoice};
use crate::run_folder::{Opened, RunFolder};
use crate::settings::Settings;
use crate::terminal::{Style, print, say, thousands};
use crate::{args, files, progress, recipe, shell};
use anyhow::Context;
use napscope::evaluate::subsamples;
use napscope::{Error, ErrorKind, Result, distance, normalize, sketch};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// Share of the samples in each subsample.
const SHARE: f64 = 0.8;
/// What subsamples are drawn with.
const SEED: u64 = 0;

/// What only a sweep is asked.
pub struct Wishes {
    /// What the recipes of a layer are ranked by.
    pub ranking: &'static Ranking,
    /// Subsamples that every tree is built again for.
    pub resamples: usize,
    /// Which validity is taken.
    pub validity: ValidityForm,
    /// Rows of each layer that people are shown; 0 for all.
    pub top: usize,
    /// Are seconds told?
    pub timings: bool,
    /// What stdout gets.
    pub format: Format,
    /// Does stdout get anything?
    pub shown: bool,
    /// The file that gets all rows.
    pub output: Option<(PathBuf, Format)>,
    /// The array that holds the features.
    pub array: Option<String>,
    /// No progress, no notes.
    pub quiet: bool,
}

/// A sweep, ready to run.
pub struct Sweep<'a> {
    /// What was set.
    pub settings: &'a Settings,
    /// What only a sweep is asked.
    pub wishes: &'a Wishes,
    /// What is swept over.
    pub subject: Subject,
    /// The recipes.
    pub grid: Grid,
    /// Is it the embedded example?
    pub is_example: bool,
    /// The command that makes the table again.
    pub command: String,
    /// Most memory that the sweep may take, in bytes.
    pub memory_limit: u64,
}

impl Sweep<'_> {
    /// Does what is left to do, and writes the ranked table to where it was asked for.
    ///
    /// # Errors
    /// Anything that stops the sweep; with an output file what is done stays beside it for `--resume`.
    pub fn run(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let sketches = self.sketches()?;
        let impossible = self.impossible(&sketches)?;
        self.forecast(&sketches)?.check(self.memory_limit)?;
        self.announce(&impossible);
        let place = Workplace::open(self)?;
        let mut folder = match RunFolder::open(
            place.path(),
            &self.fingerprint()?,
            self.settings.on("resume"),
            self.settings.on("force"),
        )? {
            Opened::Work(folder) => folder,
            Opened::Done(path) => anyhow::bail!("{} is a run folder: choose another --output", path.display()),
        };
        let fingerprint = self.fingerprint()?;
        let extraction = self.extraction(&sketches, &fingerprint);
        let (stock, passes) = Stock::fill(&self.subject, extraction.as_ref(), &sketches, &mut folder)
            .map_err(|error| self.stopped(error, 0))?;
        let units = self.units(&stock, &impossible)?;
        let mut done = units.read(&folder)?;
        let total = units.count() * self.grid.choices();
        let bar = progress::bar("recipes", total, self.wishes.quiet);
        let worked = units.work(&mut folder, &mut done, &bar);
        bar.finish_and_clear();
        let report = self.report(&units, &done, passes);
        if let Err(error) = worked {
            let tried = report.rows.iter().filter(|row| row.scores.is_some()).count();
            if tried > 0 && is_interrupted(&error) {
                self.deliver(&report)?;
            }
            return Err(self.stopped(error, tried));
        }
        if report.rows.iter().all(|row| row.scores.is_none()) {
            return Err(nothing(&report, folder, &place));
        }
        self.deliver(&report)?;
        place.clear(folder)?;
        if !self.wishes.quiet {
            say(&Style::stderr().dim(&summary(&report, begun.elapsed().as_secs_f64())));
        }
        Ok(())
    }

    fn sketches(&self) -> Result<Together> {
        match self.subject.ready() {
            Some(_) => Ok(Together(Vec::new())),
            None => Ok(Together(self.grid.sketch.iter().map(|spec| sketch::parse(spec)).collect::<Result<Vec<_>>>()?)),
        }
    }

    /// SHA-256 over everything that decides the rows.
    fn fingerprint(&self) -> anyhow::Result<String> {
        let recipe = PatternChoice::of(&self.grid.settings(self.settings, [0; 6]))?;
        let identity = serde_json::json!({
            "subject": self.subject.identity(self.settings), "grid": self.grid, "hdbscan": recipe.hdbscan,
            "calibration": self.settings.text("calibration"), "resamples": self.wishes.resamples,
            "validity": self.wishes.validity,
        });
        Ok(hex(&Sha256::digest(serde_json::to_vec(&identity)?)))
    }

    fn extraction<'s>(&'s self, sketches: &'s Together, fingerprint: &'s str) -> Option<Extraction<'s>> {
        let Origin::Activations(question) = &self.subject.origin else { return None };
        let calibration =
            SketchChoice::of(&self.grid.settings(self.settings, [0; 6])).map_or(usize::MAX, |c| c.calibration);
        Some(Extraction {
            source: &question.source,
            sketch: sketches,
            spec: "together",
            calibration,
            fingerprint,
            quiet: self.wishes.quiet,
        })
    }

    fn units<'s>(&'s self, stock: &'s Stock<'s>, impossible: &'s [Option<String>]) -> anyhow::Result<Units<'s>> {
        let grid = &self.grid;
        let mut choices = Vec::new();
        for min_samples in 0..grid.min_samples.len() {
            let mut of_tree = Vec::new();
            for size in 0..grid.min_cluster_size.len() {
                for selection in 0..grid.selection.len() {
                    let at = [0, 0, 0, min_samples, size, selection];
                    of_tree.push(recipe::hdbscan(&grid.settings(self.settings, at))?);
                }
            }
            choices.push(of_tree);
        }
        let subsamples = match self.wishes.resamples {
            0 => Vec::new(),
            count => subsamples(&self.subject.keys()?, SHARE, count, SEED)?,
        };
        Ok(Units {
            subject: &self.subject,
            grid,
            stock,
            impossible,
            normalizers: grid.normalize.iter().map(|spec| normalize::parse(spec)).collect::<Result<_>>()?,
            metrics: grid.metric.iter().map(|spec| distance::parse(spec)).collect::<Result<_>>()?,
            choices,
            subsamples,
            validity: self.wishes.validity,
        })
    }

    fn report(&self, units: &Units<'_>, done: &[Option<UnitResult>], passes: u64) -> SweepReport {
        let (grid, wishes) = (&self.grid, self.wishes);
        let mut work = Work { forward_passes: passes, ..Work::default() };
        let mut rows = Vec::with_capacity(done.len() * grid.choices());
        let mut complete = true;
        for (unit, result) in done.iter().enumerate() {
            if let Some(result) = result {
                work.add(result.work);
            }
            for choice in 0..grid.choices() {
                let outcome = result.as_ref().map(|result| &result.outcomes[choice]);
                let reason = units.impossible(unit);
                if outcome.is_none() && reason.is_none() {
                    complete = false;
                    continue;
                }
                rows.push(self.row(units, unit, choice, outcome, reason));
            }
        }
        rank::rank(&mut rows, wishes.ranking);
        SweepReport {
            schema: SCHEMA.to_owned(),
            napscope: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command.clone(),
            model: self.subject.model.clone(),
            engine: self.subject.engine.clone(),
            data: self.subject.data.clone(),
            samples: self.subject.samples,
            label: self.subject.labels.as_ref().map(|(name, _)| name.clone()),
            grid: grid.clone(),
            neighbors: units.choices[0][0].neighbors.to_string(),
            ranked_by: wishes.ranking.name.to_owned(),
            resampling: (wishes.resamples > 0).then_some(Resampling {
                resamples: wishes.resamples,
                share: SHARE,
                seed: SEED,
            }),
            validity: wishes.validity,
            complete,
            work,
            rows,
            notes: [self.subject.notes.clone(), units.choices[0][0].neighbors.note().into_iter().collect()].concat(),
        }
    }

    fn row(
        &self,
        units: &Units<'_>,
        unit: usize,
        choice: usize,
        outcome: Option<&units::Outcome>,
        reason: Option<&str>,
    ) -> Row {
        let grid = &self.grid;
        let (layer, at) = place(grid, unit, choice);
        let hdbscan = &units.choices[at[3]][choice];
        let (scores, why) = match outcome {
            Some(units::Outcome::Scores(scores)) => {
                let mut scores = (**scores).clone();
                scores.seconds = scores.seconds.filter(|_| self.wishes.timings);
                (Some(scores), None)
            }
            Some(units::Outcome::Reason(reason)) => (None, Some(reason.clone())),
            None => (None, reason.map(str::to_owned)),
        };
        Row {
            rank: None,
            layer: self.subject.layers[layer].clone(),
            sketch: grid.sketch[at[0]].clone(),
            normalize: grid.normalize[at[1]].clone(),
            metric: grid.metric[at[2]].clone(),
            min_samples: hdbscan.min_samples.unwrap_or(hdbscan.min_cluster_size),
            min_cluster_size: hdbscan.min_cluster_size,
            selection: grid.selection[at[5]].clone(),
            command: self.row_command(layer, at),
            scores,
            reason: why,
        }
    }

    /// The command that makes a row as a run, or as a clustering of features.
    fn row_command(&self, layer: usize, at: [usize; 6]) -> String {
        let mut settings = self.grid.settings(self.settings, at);
        let file = match &self.subject.origin {
            Origin::Activations(_) => {
                settings.set("layer", vec![self.subject.layers[layer].clone()]);
                return shell::command("analyze", &settings, self.is_example.then_some("--example vision"));
            }
            Origin::Files(files) => files[layer].display().to_string(),
            Origin::Matrix(_) => settings.text("model").unwrap_or_default().to_owned(),
        };
        settings.set("model", vec![file]);
        settings.keep(|setting| setting.name == "model" || args::cluster_takes(setting));
        let mut command = shell::command("cluster", &settings, None);
        if let Some(array) = &self.wishes.array {
            command.push_str(&format!(" --array {}", shell::quote(array)));
        }
        command
    }

    /// Writes the table to where it was asked for.
    fn deliver(&self, report: &SweepReport) -> anyhow::Result<()> {
        if let Some((path, format)) = &self.wishes.output {
            files::atomic::write(path, format.write(report, 0, Style::plain())?.as_bytes())?;
        }
        if !self.wishes.shown {
            return Ok(());
        }
        print(&self.wishes.format.write(report, self.wishes.top, Style::stdout())?)
    }

    /// Tells a user who pressed Ctrl-C what is kept and how to go on.
    fn stopped(&self, error: anyhow::Error, tried: usize) -> anyhow::Error {
        if !is_interrupted(&error) {
            return error;
        }
        let rows = thousands(self.grid.recipes() * self.subject.layers.len());
        let error = |message: String, hint: &str| Error::new(ErrorKind::Interrupted, message).hint(hint).into();
        match &self.wishes.output {
            Some((path, _)) if tried > 0 => error(
                format!("stopped; {} of {rows} rows are in {}", thousands(tried), path.display()),
                "the same command with --resume goes on, to the same bytes",
            ),
            Some((path, _)) => error(
                format!("stopped; what is done is kept in {}", beside(path).display()),
                "the same command with --resume goes on, to the same bytes",
            ),
            None => error(
                format!("stopped; {} of {rows} rows are told", thousands(tried)),
                "with -o FILE a sweep keeps what it has done, and --resume goes on",
            ),
        }
    }
}

/// The layer of a unit, and where its choice stands in each dimension.
fn place(grid: &Grid, unit: usize, choice: usize) -> (usize, [usize; 6]) {
    let (combination, min_samples) = (unit / grid.min_samples.len(), unit % grid.min_samples.len());
    let (layer, combination) = (combination / grid.combinations(), combination % grid.combinations());
    let (pair, metric) = (combination / grid.metric.len(), combination % grid.metric.len());
    let (sketch, normalizer) = (pair / grid.normalize.len(), pair % grid.normalize.len());
    let (size, selection) = (choice / grid.selection.len(), choice % grid.selection.len());
    (layer, [sketch, normalizer, metric, min_samples, size, selection])
}

fn is_interrupted(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    causes.any(|cause| cause.kind() == ErrorKind::Interrupted)
}

/// No recipe worked: that is an error, and leaves nothing behind.
fn nothing(report: &SweepReport, folder: RunFolder, place: &Workplace) -> anyhow::Error {
    let reason = report.rows.iter().find_map(|row| row.reason.clone()).unwrap_or_default();
    if let Err(error) = place.clear(folder) {
        return error;
    }
    Error::new(ErrorKind::InvalidParameter, format!("no recipe worked: {reason}")).into()
}

/// The folder where a sweep that writes `output` keeps what it has done.
pub fn beside(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    output.with_file_name(name)
}

/// Where a sweep keeps features and finished units: beside its output, or in a temporary folder.
enum Workplace {
    Beside(PathBuf),
    Temporary(TempDir),
}

impl Workplace {
    fn open(sweep: &Sweep<'_>) -> anyhow::Result<Self> {
        Ok(match &sweep.wishes.output {
            Some((path, _)) => Workplace::Beside(beside(path)),
            None => Workplace::Temporary(tempfile::tempdir().context("no temporary folder for the features")?),
        })
    }

    fn path(&self) -> &Path {
        match self {
            Workplace::Beside(path) => path,
            Workplace::Temporary(folder) => folder.path(),
        }
    }

    /// Removes what was kept; a temporary folder goes by itself.
    fn clear(&self, folder: RunFolder) -> anyhow::Result<()> {
        folder.finish(&[], None)?;
        match self {
            Workplace::Beside(path) => {
                std::fs::remove_dir(path).with_context(|| format!("cannot remove {}", path.display()))
            }
            Workplace::Temporary(_) => Ok(()),
        }
    }
}

fn summary(report: &SweepReport, seconds: f64) -> String {
    let Work { forward_passes, normalizations, embeddings, spanning_trees, subsample_trees, clusterings } = report.work;
    let [passes, trees, subsamples] =
        [forward_passes, spanning_trees, subsample_trees].map(|count| thousands(count as usize));
    format!(
        "{clusterings} clusterings from {trees} spanning trees ({normalizations} normalizations, {embeddings} embeddings, \
         {passes} forward passes; {subsamples} trees of subsamples) in {seconds:.1} s"
    )
}
