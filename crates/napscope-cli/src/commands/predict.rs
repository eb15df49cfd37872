//! `napscope predict`: where new features belong in the patterns of others, without clustering anew with them.

use super::cluster::{forecast, read, watched};
use crate::data::{Column, ColumnValues};
use crate::exit::Outcome;
use crate::files::{features, table};
use crate::interrupt;
use crate::recipe::PatternChoice;
use crate::report::{LayerSummary, Recipe, RunReport};
use crate::settings::{Origin, Settings};
use crate::terminal::{print, say, thousands};
use clap::ArgMatches;
use napscope::cluster::{Clustering, Hdbscan, MembershipVectors, Prediction, Predictor};
use napscope::distance::Points;
use napscope::features::Features;
use napscope::{Error, ErrorKind};
use std::path::{Path, PathBuf};

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let mut settings = super::settings(matches)?;
    let output = settings.path("output");
    if let Some(output) = &output {
        table::check_destination(output, settings.on("force"))?;
    }
    let path = |name| matches.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let memory_limit = super::memory_limit(&settings)?;
    let array = matches.get_one::<String>("array");
    let (known, from) = (path("features"), path("new"));
    let features = if known.is_dir() {
        of_run(&known, &mut settings)?
    } else {
        refuse_layer(&settings)?;
        read(&known, array, memory_limit)?.0
    };
    let choice = PatternChoice::of(&settings)?;
    let (new, columns) = read(&from, array, memory_limit)?;
    check_columns(&features, &new, &from)?;
    forecast(&features, &choice).check(memory_limit)?;
    let quiet = super::analyze::quiet(matches);
    let vectors = matches.get_flag("memberships");
    let found = super::with_threads(&settings, || Ok(predict(&features, &new, &choice, vectors, quiet)?))?;
    let all: Vec<Column> = found.columns().into_iter().chain(columns).collect();
    match &output {
        Some(output) => table::write(output, &all)?,
        None if crate::args::json(matches) => print(&table::json(&all)?)?,
        None => print(&table::csv(&all)?)?,
    }
    if !quiet {
        say(&found.summary());
    }
    Ok(Outcome::Ok)
}

/// The features of one layer of a run; how they were clustered there goes before the defaults, and after what the user says.
fn of_run(root: &Path, settings: &mut Settings) -> anyhow::Result<Features> {
    let report: RunReport = super::analyze::read_report(root)?;
    let place = format!("run folder {}", root.display());
    let recipe = report.recipe.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, "the run stopped after the features, and has no patterns")
            .hint("name the features file itself: RUN/features/LAYER.safetensors")
            .context(place.clone())
    })?;
    let layer = layer_of(&report.layers, settings.list("layer")).map_err(|error| error.context(place))?;
    for (name, text) in recipe_settings(recipe) {
        settings.set_default(name, &[&text]);
    }
    Ok(features::read(&root.join("features").join(format!("{}.safetensors", layer.file)))?.1)
}

/// The layer that `--layer` names; without it, the only one.
fn layer_of<'a>(layers: &'a [LayerSummary], wanted: &[String]) -> Result<&'a LayerSummary, Error> {
    let names = || layers.iter().map(|layer| layer.name.as_str());
    match (wanted, layers) {
        ([], [only]) => Ok(only),
        ([name], _) => {
            layers.iter().find(|layer| layer.name == *name).ok_or_else(|| Error::unknown("layer", name, names()))
        }
        _ => {
            let message = format!("the run has {} layers, and one is wanted", layers.len());
            let hint = format!("choose it with --layer: {}", names().collect::<Vec<_>>().join(", "));
            Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint))
        }
    }
}

/// The settings that made the patterns of a run.
pub(crate) fn recipe_settings(recipe: &Recipe) -> Vec<(&'static str, String)> {
    let Hdbscan {
        min_cluster_size, min_samples, alpha, cluster_selection_epsilon, max_cluster_size, selection, ..
    } = &recipe.hdbscan;
    let glosh = match recipe.hdbscan.glosh {
        napscope::cluster::Glosh::Corrected => "corrected",
        napscope::cluster::Glosh::Compat => "compat",
    };
    let mut all = vec![
        ("normalize", recipe.normalize.clone()),
        ("metric", recipe.metric.clone()),
        ("selection", selection.to_string()),
        ("min-cluster-size", min_cluster_size.to_string()),
        ("min-samples", min_samples.unwrap_or(*min_cluster_size).to_string()),
        ("alpha", alpha.to_string()),
        ("cluster-selection-epsilon", cluster_selection_epsilon.to_string()),
        ("allow-single-cluster", recipe.hdbscan.allow_single_cluster.to_string()),
        ("neighbors", recipe.hdbscan.neighbors.to_string()),
        ("glosh", glosh.to_owned()),
    ];
    all.extend(max_cluster_size.map(|size| ("max-cluster-size", size.to_string())));
    all
}

fn refuse_layer(settings: &Settings) -> Result<(), Error> {
    // A layer in the configuration may be meant for other commands.
    if settings.given("layer").is_none_or(|given| given.origin != Origin::Flag) {
        return Ok(());
    }
    Err(settings.refuse("layer", "names a layer of a run, and FEATURES is a file"))
}

fn check_columns(features: &Features, new: &Features, from: &Path) -> Result<(), Error> {
    let (expected, got) = (features.columns().len(), new.columns().len());
    if expected == got {
        return Ok(());
    }
    let message = format!("new features need the {expected} columns of those that were clustered, got {got}");
    Err(Error::new(ErrorKind::ShapeMismatch, message)
        .hint("sketch them as the others were: the same layer, --sketch and its options")
        .context(from.display().to_string()))
}

/// What is known of the new points.
struct Found {
    prediction: Prediction,
    vectors: Option<MembershipVectors>,
}

fn predict(
    features: &Features,
    new: &Features,
    choice: &PatternChoice,
    vectors: bool,
    quiet: bool,
) -> Result<Found, Error> {
    let (points, new) = embed(features, new, choice)?;
    let fit = watched("clustering", quiet, |watch| choice.hdbscan.fit_watched(&points, watch))?;
    let predictor = Predictor::new(&points, &fit, &choice.hdbscan)?;
    let prediction = watched("placing new points", quiet, |watch| predictor.predict(&new, watch))?;
    let vectors =
        vectors.then(|| watched("memberships", quiet, |watch| predictor.memberships(&new, watch))).transpose()?;
    Ok(Found { prediction, vectors })
}

/// Both embedded by what the first teaches.
fn embed(features: &Features, new: &Features, choice: &PatternChoice) -> Result<(Points, Points), Error> {
    let transform = choice.normalizer.fit(features)?;
    let normalized = transform.transform(features)?;
    let embedding = choice.distance.fit(&normalized)?;
    let points = embedding.embed(&normalized)?;
    let of_new = |error: Error| error.context("new features");
    let new = embedding.embed(&transform.transform(new).map_err(of_new)?).map_err(of_new)?;
    Ok((points, new))
}

impl Found {
    /// As those of a clustering; the membership in pattern 3 is `membership_3`.
    fn columns(&self) -> Vec<Column> {
        let Prediction { labels, membership, outlier_score, .. } = &self.prediction;
        let clustering = Clustering {
            labels: labels.clone(),
            membership: membership.clone(),
            outlier_score: outlier_score.clone(),
            persistence: Vec::new(),
            exemplars: Vec::new(),
            nodes: Vec::new(),
        };
        let mut columns = crate::table::clustering_columns(&clustering);
        if let Some(vectors) = &self.vectors {
            let of = |pattern| (0..labels.len()).map(move |point| Some(f64::from(vectors.row(point)[pattern])));
            columns.extend((0..vectors.patterns()).map(|pattern| Column {
                name: format!("membership_{pattern}"),
                values: ColumnValues::Float(of(pattern).collect()),
            }));
        }
        columns
    }

    fn summary(&self) -> String {
        let labels = &self.prediction.labels;
        let inside = labels.iter().flatten().count();
        format!("{} of {} new samples are in patterns", thousands(inside), thousands(labels.len()))
    }
}
