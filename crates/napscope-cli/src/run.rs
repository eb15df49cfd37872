//! One run from the question to the run folder: `analyze`, and `extract`, which stops after the features.

use crate::extraction::{Extraction, largest_chunk};
use crate::facts::hex;
use crate::files::pictures;
use crate::memory::Forecast;
use crate::page::PageLayer;
use crate::patterns::{self, Known, LayerPatterns};
use crate::question::Question;
use crate::recipe::{PatternChoice, SketchChoice};
use crate::report::{RunReport, SCHEMA};
use crate::run_folder::{Opened, RunFolder, State, layer_file};
use crate::settings::Settings;
use crate::terminal::thousands;
use crate::{files, page, table};
use napscope::activations::ActivationSource;
use napscope::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Settings that shape what the network is given and how its values are read.
pub const SHAPING: [&str; 9] = ["channel-axis", "preset", "resize", "crop", "mean", "std", "scale", "color", "layout"];

/// Pixels that a picture in the report is wide and high at most; slots of a radio link are larger.
const PICTURE: u32 = 96;

/// Everything that a run needs to know.
pub struct Run<'a> {
    /// What was set.
    pub settings: &'a Settings,
    /// What the run is about.
    pub question: &'a Question,
    /// What is kept of each channel.
    pub sketch: &'a SketchChoice,
    /// How patterns are found; `None` stops after the features.
    pub patterns: Option<&'a PatternChoice>,
    /// The command that makes this run again.
    pub command: String,
    /// Most memory that the run may take, in bytes.
    pub memory_limit: u64,
    /// No progress, no notes.
    pub quiet: bool,
}

/// Did the user press Ctrl-C?
fn is_stop(error: &anyhow::Error) -> bool {
    let ours = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    ours.into_iter().any(|cause| cause.kind() == ErrorKind::Interrupted)
}

impl Run<'_> {
    /// Does what is left to do in the folder `output` and returns the folder.
    ///
    /// # Errors
    /// Anything that stops the run; what is done stays in the folder for `--resume`.
    pub fn work(&self, output: &Path) -> anyhow::Result<PathBuf> {
        self.try_recipe()?;
        let extraction = Extraction {
            source: &self.question.source,
            sketch: &*self.sketch.sketch,
            spec: &self.sketch.spec,
            calibration: self.sketch.calibration,
            fingerprint: &self.fingerprint(false)?,
            quiet: self.quiet,
        };
        // Before the folder is made: a run that is refused leaves none behind.
        self.forecast(&extraction)?.check(self.memory_limit)?;
        let fingerprint = self.fingerprint(true)?;
        let opened = RunFolder::open(output, &fingerprint, self.settings.on("resume"), self.settings.on("force"))?;
        let mut folder = match opened {
            Opened::Done(root) => {
                if !self.quiet {
                    crate::terminal::say(&format!(
                        "{} already holds this very run: nothing to do (--force runs it again)",
                        root.display()
                    ));
                }
                return Ok(root);
            }
            Opened::Work(folder) => folder,
        };
        if let Err(error) = extraction.run(&mut folder) {
            let stopped = is_stop(&error);
            let error = self.stopped(error, &folder, output);
            if !stopped {
                folder.forget_if_nothing_is_done();
            }
            return Err(error);
        }
        match self.patterns {
            None => folder.finish(&["features"], Some(&self.report_json(fingerprint, Vec::new())?)),
            Some(choice) => {
                let found = self.find_patterns(&mut folder, choice);
                let found = found.map_err(|error| self.stopped(error, &folder, output))?;
                self.write_results(folder, fingerprint, found)
            }
        }
    }

    /// Tells a user who pressed Ctrl-C what is kept and how to go on.
    fn stopped(&self, error: anyhow::Error, folder: &RunFolder, output: &Path) -> anyhow::Error {
        if !is_stop(&error) {
            return error;
        }
        let State { samples_done, layers_done, .. } = &folder.state;
        let (samples, layers) = (self.question.source.samples(), self.question.source.layers().len());
        let kept = if *samples_done < samples {
            format!("the features of {} of {} samples", thousands(*samples_done), thousands(samples))
        } else {
            format!("all features and the patterns of {} of {layers} layers", layers_done.len())
        };
        Error::new(ErrorKind::Interrupted, format!("stopped; {kept} are kept in {}", output.display()))
            .hint("the same command with --resume goes on, to the same bytes")
            .into()
    }

    fn try_recipe(&self) -> Result<()> {
        let layers = self.question.source.layers();
        if let (Some(choice), Some(layer)) = (self.patterns, layers.first()) {
            choice.try_on(self.sketch, layer)?;
        }
        Ok(())
    }

    /// SHA-256 over everything that decides the features, or (`whole`) everything that decides the run.
    fn fingerprint(&self, whole: bool) -> anyhow::Result<String> {
        let question = self.question;
        let layers: Vec<&str> = question.source.layers().iter().map(|layer| layer.name.as_str()).collect();
        let shaping: Vec<Option<&str>> = SHAPING.iter().map(|name| self.settings.text(name)).collect();
        let features = serde_json::json!({
            "napscope": env!("CARGO_PKG_VERSION"), "model": question.model, "engine": question.engine, "data": question.data,
            "layers": layers, "samples": question.source.samples(), "input": self.settings.list("input"), "shaping": shaping,
            "sketch": self.sketch.spec, "calibration": self.calibration(),
        });
        let patterns = self.patterns.filter(|_| whole).map(|choice| {
            let columns: Vec<String> = question.columns.iter().map(crate::table::fingerprint).collect();
            serde_json::json!({ "recipe": choice.report(&self.sketch.spec, self.calibration()), "label": question.label, "columns": columns })
        });
        Ok(hex(&Sha256::digest(serde_json::to_vec(&[Some(features), patterns])?)))
    }

    /// Samples that settle the ranges, where the sketch needs any.
    fn calibration(&self) -> Option<usize> {
        self.sketch.sketch.needs_ranges().then(|| self.sketch.calibration.min(self.question.source.samples()))
    }

    fn forecast(&self, extraction: &Extraction<'_>) -> anyhow::Result<Forecast> {
        let source = &self.question.source;
        let samples = source.samples() as u64;
        let columns = extraction.columns()?;
        let all: usize = columns.iter().sum();
        let mut forecast = Forecast::default();
        forecast.stage(
            if self.question.model.is_some() { "running the network and sketching" } else { "reading and sketching" },
            source.memory() + 8 * (all * largest_chunk(all).min(source.samples())) as u64,
        );
        for (layer, columns) in source.layers().iter().zip(columns).filter(|_| self.patterns.is_some()) {
            // The features, the normalised ones and the embedded ones; the files' bytes while they are read.
            let matrices = 4 * 4 * samples * columns as u64;
            let trees = self.patterns.map_or(0, |choice| choice.memory_bytes(source.samples(), columns));
            forecast.stage(format!("clustering layer {}", layer.name), matrices + trees);
            let judging = patterns::judging_bytes(source.samples(), columns);
            forecast.stage(format!("judging layer {}", layer.name), matrices + judging);
        }
        Ok(forecast)
    }

    fn find_patterns(&self, folder: &mut RunFolder, choice: &PatternChoice) -> anyhow::Result<Vec<LayerPatterns>> {
        let (labels, covariates) = (self.question.labels(), self.question.covariates());
        let known = Known { labels: labels.as_deref(), covariates: &covariates };
        let layers = self.question.source.layers();
        let bar = crate::progress::percent(layers.len(), self.quiet);
        let mut found = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let file = layer_file(index, &layer.name);
            let (layer_json, samples_json) = (format!("layers/{file}.json"), format!("clusters/{file}.json"));
            if folder.state.layers_done.contains(&file) {
                found.push(LayerPatterns::read(&folder.partial(&layer_json), &folder.partial(&samples_json))?);
                continue;
            }
            bar.set_message(format!("clustering {}", layer.name));
            let (_, features) = files::features::read(&folder.partial("features").join(format!("{file}.safetensors")))?;
            let watch = |fraction: f64| {
                bar.set_position((1000.0 * (index as f64 + fraction)) as u64);
                if crate::interrupt::requested() {
                    std::ops::ControlFlow::Break(())
                } else {
                    std::ops::ControlFlow::Continue(())
                }
            };
            let patterns = patterns::find(layer, &file, &features, choice, &known, &watch)
                .map_err(|error: Error| error.context(format!("layer {}", layer.name)))?;
            folder.write(&layer_json, &serde_json::to_vec(&patterns.report)?)?;
            folder.write(&samples_json, &serde_json::to_vec(&patterns.clustering)?)?;
            folder.state.layers_done.push(file);
            folder.save_state()?;
            found.push(patterns);
        }
        bar.finish_and_clear();
        Ok(found)
    }

    fn write_results(
        &self,
        folder: RunFolder,
        fingerprint: String,
        mut found: Vec<LayerPatterns>,
    ) -> anyhow::Result<PathBuf> {
        table::write_samples(&folder.partial("samples.parquet"), self.question, &found)?;
        patterns::adjust(found.iter_mut().filter_map(|layer| layer.report.summary.verdict.as_mut()));
        let summaries = found.iter().map(|layer| layer.report.summary.clone()).collect();
        let report = self.report(fingerprint, summaries);
        let layers: Vec<PageLayer> = found.into_iter().map(LayerPatterns::into_page).collect();
        folder.write("report.html", self.page(&report, &layers)?.as_bytes())?;
        let mut pieces = vec!["features", "layers", "samples.parquet", "report.html"];
        if let Some(archive) = self.pictures(&layers)? {
            folder.write(pictures::NAME, &archive)?;
            pieces.push(pictures::NAME);
        }
        let json = serde_json::to_vec_pretty(&report)?;
        folder.finish(&pieces, Some(&json))
    }

    /// The pictures that the run keeps: of all samples, or of evenly spaced and of typical ones.
    fn pictures(&self, layers: &[PageLayer]) -> anyhow::Result<Option<Vec<u8>>> {
        let samples = self.question.source.samples();
        let kept = samples.min(pictures::MOST);
        let mut wanted: Vec<usize> = (0..kept).map(|i| i * samples / kept).collect();
        wanted.extend(page::pictured_samples(layers));
        wanted.sort_unstable();
        wanted.dedup();
        Ok(pictures::archive(&wanted, &|sample| self.question.source.picture(sample, PICTURE))?)
    }

    fn page(&self, report: &RunReport, layers: &[PageLayer]) -> anyhow::Result<String> {
        let drawn = page::drawn_samples(report.samples);
        let columns: Vec<_> =
            self.question.columns.iter().filter_map(|column| table::page_column(column, &drawn)).collect();
        let pictures = page::pictured_samples(layers)
            .into_iter()
            .filter_map(|sample| Some((sample, page::data_uri(&self.question.source.picture(sample, PICTURE)?))))
            .collect();
        page::render(report, layers, &columns, &pictures)
    }

    fn report_json(&self, fingerprint: String, layers: Vec<crate::report::LayerSummary>) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&self.report(fingerprint, layers))?)
    }

    fn report(&self, fingerprint: String, layers: Vec<crate::report::LayerSummary>) -> RunReport {
        let question = self.question;
        let approximate = self.patterns.and_then(|choice| choice.hdbscan.neighbors.note());
        RunReport {
            schema: SCHEMA.to_owned(),
            napscope: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command.clone(),
            fingerprint,
            model: question.model.clone(),
            engine: question.engine.clone(),
            data: question.data.clone(),
            samples: question.source.samples(),
            sketch: self.sketch.spec.clone(),
            recipe: self.patterns.map(|choice| choice.report(&self.sketch.spec, self.calibration())),
            columns: question.columns.iter().map(|column| column.name.clone()).collect(),
            label: question.label.map(|label| question.columns[label].name.clone()),
            pictures: question.source.pictures(),
            layers,
            notes: [question.notes.clone(), approximate.into_iter().collect()].concat(),
        }
    }
}
