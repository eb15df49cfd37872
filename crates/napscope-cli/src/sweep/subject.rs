//! What is swept over: a network and its data, ready-made activations, or features that are made already; and where the
//! features of each (layer, sketch) come from.

use super::together::Together;
use crate::data::{Column, metadata};
use crate::extraction::Extraction;
use crate::files;
use crate::question::{self, Question, Source};
use crate::report::FileFacts;
use crate::run_folder::{RunFolder, layer_file};
use crate::settings::Settings;
use anyhow::Context;
use napscope::activations::{ActivationSource, Batch, Layer};
use napscope::features::Features;
use napscope::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is swept over.
pub struct Subject {
    /// Where it comes from.
    pub origin: Origin,
    /// The network.
    pub model: Option<FileFacts>,
    /// What runs it.
    pub engine: Option<String>,
    /// The data, or the features.
    pub data: FileFacts,
    /// Number of samples.
    pub samples: usize,
    /// Names of the layers.
    pub layers: Vec<String>,
    /// The column with the class of a sample, and the class of each.
    pub labels: Option<(String, Vec<String>)>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// Where features come from.
pub enum Origin {
    /// Activations are to be sketched.
    Activations(Box<Question>),
    /// Features files, one a layer, all of one sketch.
    Files(Vec<PathBuf>),
    /// A matrix out of an array file.
    Matrix(Box<Features>),
}

impl Subject {
    /// A network with its data, or ready-made activations.
    pub fn of_question(question: Question) -> Self {
        let labels = question.labels();
        let label = question.label.map(|label| question.columns[label].name.clone());
        Subject {
            model: question.model.clone(),
            engine: question.engine.clone(),
            data: question.data.clone(),
            samples: question.source.samples(),
            layers: question.source.layers().iter().map(|layer| layer.name.clone()).collect(),
            labels: label.zip(labels),
            notes: question.notes.clone(),
            origin: Origin::Activations(Box::new(question)),
        }
    }

    /// A features file, or the features of a run folder.
    ///
    /// # Errors
    /// When a file cannot be read, or the files are not of one run.
    pub fn of_files(settings: &Settings, path: &Path) -> anyhow::Result<Self> {
        let files = if path.is_dir() { stored_features(path)? } else { vec![path.to_owned()] };
        let heads = files.iter().map(|file| files::features::read_head_of(file)).collect::<Result<Vec<_>>>()?;
        let samples = heads[0].samples;
        if let Some(other) = heads.iter().position(|head| head.samples != samples || head.sketch != heads[0].sketch) {
            let message = "it is of another run: other samples or another sketch";
            let hint = format!("sweep over {} by itself", files[other].display());
            let place = files[other].display().to_string();
            return Err(Error::new(ErrorKind::ShapeMismatch, message).hint(hint).context(place).into());
        }
        let mut columns = Vec::new();
        let table = path.join("samples.parquet");
        if table.is_file() {
            columns = columns_of_run(&table, samples)?;
        }
        let data = FileFacts::of_path(if path.is_dir() { path.join("features") } else { path.to_owned() }.as_path())?;
        let layers = heads.iter().map(|head| head.layer.clone()).collect();
        Self::of_features(settings, Origin::Files(files), data, (samples, layers), columns)
    }

    /// A matrix out of an array file, with the columns beside it.
    ///
    /// # Errors
    /// Those of `--metadata` and `--label`.
    pub fn of_matrix(
        settings: &Settings,
        path: &Path,
        features: Features,
        columns: Vec<Column>,
    ) -> anyhow::Result<Self> {
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let shape = (features.samples(), vec![name]);
        Self::of_features(settings, Origin::Matrix(Box::new(features)), FileFacts::of_path(path)?, shape, columns)
    }

    fn of_features(
        settings: &Settings,
        origin: Origin,
        data: FileFacts,
        (samples, layers): (usize, Vec<String>),
        mut columns: Vec<Column>,
    ) -> anyhow::Result<Self> {
        let mut notes = Vec::new();
        if let Some(path) = settings.path("metadata") {
            let table = metadata::read(&path, samples, settings.text("id"), &columns)?;
            columns.extend(table.columns);
            notes = table.notes;
        }
        let label = question::label(settings, &columns)?;
        let labels = label.map(|label| (columns[label].name.clone(), question::texts(&columns[label])));
        Ok(Subject { origin, model: None, engine: None, data, samples, layers, labels, notes })
    }

    /// The sketch that ready-made features are; `None` where sketches can be chosen.
    pub fn ready(&self) -> Option<String> {
        match &self.origin {
            Origin::Activations(_) => None,
            Origin::Files(files) => files::features::peek(&files[0]).map(|head| head.sketch),
            Origin::Matrix(_) => Some("ready-made".to_owned()),
        }
    }

    /// A key of each sample's content: what subsamples are drawn by.
    ///
    /// # Errors
    /// When the samples cannot be read.
    pub fn keys(&self) -> anyhow::Result<Vec<u64>> {
        let of_rows = |features: &Features| (0..features.samples()).map(|sample| key(features.row(sample))).collect();
        Ok(match &self.origin {
            Origin::Activations(question) => {
                (0..self.samples).map(|sample| question.source.content_key(sample)).collect::<Result<_>>()?
            }
            Origin::Files(files) => of_rows(&files::features::read(&files[0])?.1),
            Origin::Matrix(features) => of_rows(features),
        })
    }

    /// Everything that decides the features and what they are compared with, besides the sketches.
    pub fn identity(&self, settings: &Settings) -> serde_json::Value {
        let shaping: Vec<Option<&str>> = crate::run::SHAPING.iter().map(|name| settings.text(name)).collect();
        let labels = self.labels.as_ref().map(|(name, labels)| {
            let all: Vec<u8> = labels.iter().flat_map(|label| label.bytes().chain([0xff])).collect();
            (name, crate::facts::hex(&Sha256::digest(all)))
        });
        serde_json::json!({
            "napscope": env!("CARGO_PKG_VERSION"), "model": self.model, "engine": self.engine, "data": self.data,
            "layers": self.layers, "samples": self.samples, "input": settings.list("input"), "shaping": shaping,
            "labels": labels,
        })
    }
}

/// The first eight bytes of a row's SHA-256.
fn key(row: &[f32]) -> u64 {
    let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
    u64::from_le_bytes(*Sha256::digest(bytes).first_chunk().unwrap_or(&[0; 8]))
}

fn stored_features(run: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = run.join("features");
    let hint = "name a run folder of `napscope analyze` or `extract`, a features file, or a network";
    let no = |message: &str| Error::new(ErrorKind::Source, message).hint(hint).context(run.display().to_string());
    if !folder.is_dir() {
        return Err(no("the folder holds no features/").into());
    }
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| files::features::peek(path).is_some());
    files.sort();
    if files.is_empty() {
        return Err(no("its features/ holds no features file").into());
    }
    Ok(files)
}

/// The columns of the data in a run's `samples.parquet`, which stands layer by layer: those of the first.
fn columns_of_run(path: &Path, samples: usize) -> Result<Vec<Column>> {
    const OURS: [&str; 5] = ["layer", "sample", "cluster", "membership", "outlier_score"];
    let (columns, _) =
        crate::data::parquet_table::read(path).map_err(|error| error.context(path.display().to_string()))?;
    let first: Vec<usize> = (0..samples).collect();
    let ours = |column: &Column| OURS.contains(&column.name.as_str()) || column.len() < samples;
    Ok(columns.iter().filter(|column| !ours(column)).map(|column| column.select(&first)).collect())
}

/// Where the features of each layer and sketch lie.
pub struct Stock<'a> {
    subject: &'a Subject,
    /// The file of each layer, and the columns of each sketch in it.
    extracted: Vec<(PathBuf, Vec<Range<usize>>)>,
}

impl<'a> Stock<'a> {
    /// Runs the network once for all layers and sketches, or goes on where that was stopped; features that are made already
    /// lie where they are. Returns the samples that went through the network, too.
    ///
    /// # Errors
    /// Those of [`Extraction::run`].
    pub fn fill(
        subject: &'a Subject,
        extraction: Option<&Extraction<'_>>,
        sketches: &Together,
        folder: &mut RunFolder,
    ) -> anyhow::Result<(Self, u64)> {
        const PASSES: &str = "passes.json";
        let Some((extraction, Origin::Activations(question))) = extraction.zip(Some(&subject.origin)) else {
            return Ok((Stock { subject, extracted: Vec::new() }, 0));
        };
        let source = Counting { source: &question.source, passes: AtomicU64::new(folder.state.samples_done as u64) };
        let counted = std::fs::read(folder.partial(PASSES)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Extraction { source: &source, ..*extraction }.run(folder)?;
        let passes = match counted {
            Some(passes) => passes,
            None => {
                let passes = source.passes.into_inner();
                folder.write(PASSES, &serde_json::to_vec(&passes)?)?;
                passes
            }
        };
        let file = |(index, layer): (usize, &Layer)| {
            let path = folder.partial("features").join(format!("{}.safetensors", layer_file(index, &layer.name)));
            Ok((path, sketches.parts(layer.shape)?))
        };
        let extracted = question.source.layers().iter().enumerate().map(file).collect::<Result<_>>()?;
        Ok((Stock { subject, extracted }, passes))
    }

    /// The features of a layer by a sketch.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn features(&self, layer: usize, sketch: usize) -> anyhow::Result<Features> {
        match &self.subject.origin {
            Origin::Activations(_) => {
                let (path, parts) = &self.extracted[layer];
                files::features::read_columns(path, parts[sketch].clone())
            }
            Origin::Files(files) => Ok(files::features::read(&files[layer])?.1),
            Origin::Matrix(features) => Ok((**features).clone()),
        }
    }
}

/// A source that counts what goes through it.
struct Counting<'a> {
    source: &'a Source,
    passes: AtomicU64,
}

impl ActivationSource for Counting<'_> {
    fn layers(&self) -> &[Layer] {
        self.source.layers()
    }

    fn samples(&self) -> usize {
        self.source.samples()
    }

    fn content_key(&self, sample: usize) -> Result<u64> {
        self.source.content_key(sample)
    }

    fn run(&self, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()> {
        self.passes.fetch_add(samples.len() as u64, Ordering::Relaxed);
        self.source.run(samples, sink)
    }
}
