//! `napscope cluster`: from features to label, membership and outlier score of each sample.

use crate::data::{Column, DataSet, OpenOptions, TensorValues};
use crate::exit::Outcome;
use crate::files::{features, table};
use crate::recipe::PatternChoice;
use crate::settings::Settings;
use crate::terminal::{counted, print, say, thousands};
use crate::{data, interrupt, memory};
use clap::ArgMatches;
use napscope::cluster::{Candidate, ClusterId, Clustering, Evidence, HdbscanFit, Selection};
use napscope::features::Features;
use napscope::progress::Watch;
use napscope::{Error, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let settings = super::settings(matches)?;
    let choice = PatternChoice::of(&settings)?;
    let output = settings.path("output");
    if let Some(output) = &output {
        table::check_destination(output, settings.on("force"))?;
    }
    let Some(path) = matches.get_one::<PathBuf>("features") else { return Ok(Outcome::Ok) };
    let memory_limit = super::memory_limit(&settings)?;
    let (features, mut columns) = read(path, matches.get_one::<String>("array"), memory_limit)?;
    if let Some(metadata) = settings.path("metadata") {
        columns.extend(data::metadata::read(&metadata, features.samples(), settings.text("id"), &columns)?.columns);
    }
    let (features, columns) = limited(&settings, features, columns)?;
    forecast(&features, &choice).check(memory_limit)?;
    let quiet = super::analyze::quiet(matches);
    let HdbscanFit { clustering, evidence, .. } =
        super::with_threads(&settings, || Ok(cluster(&features, &choice, quiet)?))?;
    let mut ours = crate::table::clustering_columns(&clustering);
    ours.extend(crate::table::neighbors_column(choice.hdbscan.neighbors, clustering.labels.len()));
    let all = crate::table::beside(ours, columns);
    match &output {
        Some(output) => table::write(output, &all)?,
        None if crate::args::json(matches) => print(&table::json(&all)?)?,
        None => print(&table::csv(&all)?)?,
    }
    if !quiet {
        say(&summary(&clustering));
        if let Some(note) = choice.hdbscan.neighbors.note() {
            say(&note);
        }
        if let Some(evidence) = evidence {
            say(&settled(choice.hdbscan.selection, &evidence));
        }
    }
    Ok(Outcome::Ok)
}

/// A features file of ours, or a matrix in any array file.
pub(super) fn read(path: &Path, array: Option<&String>, memory_limit: u64) -> anyhow::Result<(Features, Vec<Column>)> {
    if array.is_none() && features::peek(path).is_some() {
        return Ok((features::read(path)?.1, Vec::new()));
    }
    if path.is_dir() {
        let hint = "give one file: a layer of a run (RUN/features/LAYER.safetensors), or a matrix as .npz, .npy or .safetensors";
        let error = Error::new(ErrorKind::InvalidParameter, "it is a folder, and features are a file").hint(hint);
        return Err(error.context(path.display().to_string()).into());
    }
    let input_arrays = array.map(|name| ("features".to_owned(), name.clone())).into_iter().collect();
    let options = OpenOptions { input_arrays, memory_limit: Some(memory_limit), ..OpenOptions::default() };
    let set = DataSet::open(path, &options)?;
    let input = &set.inputs()[0];
    let place = format!("{}: array `{}`", path.display(), input.source);
    let [columns] = input.shape[..] else {
        let message = format!("features are a matrix (samples, columns); a row has shape {:?}", input.shape);
        return Err(Error::new(ErrorKind::ShapeMismatch, message)
            .hint("for activations with more axes use `napscope analyze --data FILE`, or choose another array with --array")
            .context(place)
            .into());
    };
    let all: Vec<usize> = (0..set.samples()).collect();
    let values = match set.read(&all)?.swap_remove(0).values {
        TensorValues::F32(values) => values,
        TensorValues::I64(values) => values.into_iter().map(|value| value as f32).collect(),
    };
    let features = Features::plain(values, columns).map_err(|error| error.context(place))?;
    Ok((features, set.columns().to_vec()))
}

pub(super) fn limited(
    settings: &Settings,
    features: Features,
    columns: Vec<Column>,
) -> Result<(Features, Vec<Column>), Error> {
    let Some(limit) = settings.get::<usize>("limit")? else { return Ok((features, columns)) };
    let first: Vec<usize> = (0..features.samples().min(limit)).collect();
    if first.is_empty() {
        return Err(settings.refuse("limit", "leaves no sample"));
    }
    Ok((features.select(&first), columns.iter().map(|column| column.select(&first)).collect()))
}

pub(super) fn forecast(features: &Features, choice: &PatternChoice) -> memory::Forecast {
    let (samples, columns) = (features.samples(), features.columns().len());
    let mut forecast = memory::Forecast::default();
    let matrices = 3 * 4 * samples as u64 * columns as u64;
    forecast.stage(
        "clustering",
        matrices + choice.hdbscan.memory_bytes(samples, choice.distance.searched_columns(columns)),
    );
    forecast
}

fn cluster(features: &Features, choice: &PatternChoice, quiet: bool) -> Result<HdbscanFit, Error> {
    let (_, points) = napscope::pipeline::embed(features, &*choice.normalizer, &*choice.distance)?;
    watched("clustering", quiet, |watch| choice.hdbscan.fit_watched(&points, watch))
}

/// Runs `work` under a bar called `name`; the user may stop it.
pub(super) fn watched<R>(
    name: &'static str,
    quiet: bool,
    work: impl FnOnce(&Watch<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    let bar = crate::progress::percent(1, quiet);
    bar.set_message(name);
    let watch = |fraction: f64| {
        bar.set_position((1000.0 * fraction) as u64);
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let done = work(&watch)?;
    bar.finish_and_clear();
    Ok(done)
}

/// What a selection with a size of its own has settled on.
fn settled(selection: Selection, evidence: &Evidence) -> String {
    let Candidate { min_cluster_size, method, .. } = evidence.taken();
    let tried = evidence.candidates.len();
    format!(
        "{selection} settled on --min-cluster-size {min_cluster_size} --selection {method}, of {tried} that it tried"
    )
}

fn summary(clustering: &Clustering) -> String {
    let samples = clustering.labels.len();
    let patterns = clustering.persistence.len();
    let noise = clustering.labels.iter().filter(|label| label.is_none()).count();
    let size = |pattern: u32| clustering.labels.iter().filter(|label| **label == Some(ClusterId(pattern))).count();
    let largest = if patterns == 0 { String::new() } else { format!(", the largest has {}", thousands(size(0))) };
    let (patterns, verb) = (counted(patterns, "pattern", "patterns"), if noise == 1 { "is" } else { "are" });
    format!("{patterns} in {}, {} {verb} noise{largest}", counted(samples, "sample", "samples"), thousands(noise))
}
