//! What is known before the work begins: which recipes cannot be, what will be done, and how much memory it will take.

use super::run::Sweep;
use super::subject::Origin;
use super::together::Together;
use crate::extraction::largest_chunk;
use crate::files;
use crate::memory::Forecast;
use crate::recipe::{self, PatternChoice};
use crate::terminal::{Style, say, thousands};
use anyhow::Context;
use napscope::activations::ActivationSource;
use napscope::features::Features;
use napscope::{Error, ErrorKind, Result};

impl Sweep<'_> {
    /// Why a (sketch, normalizer, metric) cannot be, tried on made-up features of the smallest layer.
    pub(super) fn impossible(&self, sketches: &Together) -> anyhow::Result<Vec<Option<String>>> {
        let mut reasons = Vec::with_capacity(self.grid.combinations());
        let samples = self.sample_features(sketches)?;
        for (sketch, sample) in samples.iter().enumerate() {
            for normalizer in 0..self.grid.normalize.len() {
                for metric in 0..self.grid.metric.len() {
                    let settings = self.grid.settings(self.settings, [sketch, normalizer, metric, 0, 0, 0]);
                    let reason = PatternChoice::of(&settings)?.try_columns(sample).err();
                    reasons.push(reason.map(|error| error.to_string()));
                }
            }
        }
        match reasons.iter().flatten().next() {
            Some(reason) if reasons.iter().all(Option::is_some) => {
                let message = format!("none of the {} combinations can be: {reason}", reasons.len());
                Err(Error::new(ErrorKind::InvalidParameter, message)
                    .hint("metrics between distributions need a sketch that is one: histogram, kde or quantiles")
                    .into())
            }
            _ => Ok(reasons),
        }
    }

    /// Two rows of features by each sketch.
    fn sample_features(&self, sketches: &Together) -> anyhow::Result<Vec<Features>> {
        let two: Vec<usize> = (0..self.subject.samples.min(2)).collect();
        Ok(match &self.subject.origin {
            Origin::Activations(question) => {
                let layers = question.source.layers();
                for layer in layers {
                    sketches.parts(layer.shape).map_err(|error| error.context(format!("layer {}", layer.name)))?;
                }
                let smallest = layers.iter().min_by_key(|layer| layer.shape.len());
                let shape = smallest.context("there is no layer")?.shape;
                sketches.0.iter().map(|sketch| recipe::made_up_features(&**sketch, shape)).collect::<Result<_>>()?
            }
            Origin::Files(files) => vec![files::features::read(&files[0])?.1.select(&two)],
            Origin::Matrix(features) => vec![features.select(&two)],
        })
    }

    /// Tells beforehand what will be done, and what cannot be.
    pub(super) fn announce(&self, impossible: &[Option<String>]) {
        if self.wishes.quiet {
            return;
        }
        let style = Style::stderr();
        if let Origin::Activations(question) = &self.subject.origin
            && let Some(engine) = &question.engine_reason
        {
            say(&style.dim(&format!("engine: {engine}")));
        }
        for note in &self.subject.notes {
            say(&style.dim(&format!("note: {note}")));
        }
        let no = impossible.iter().flatten().count();
        let per_combination = self.grid.min_samples.len();
        let (layers, recipes) = (self.subject.layers.len(), self.grid.recipes());
        let trees = (impossible.len() - no) * per_combination * layers;
        say(&style.dim(&format!(
            "sweep: {} recipes on each of {layers} layers; {} spanning trees, each with {} subsamples",
            thousands(recipes),
            thousands(trees),
            self.wishes.resamples
        )));
        if no > 0 {
            let share = per_combination * self.grid.choices();
            say(&style.dim(&format!("note: {} of the {} recipes cannot be, as in:", no * share, recipes)));
            let mut told: Vec<&String> = Vec::new();
            for reason in impossible.iter().flatten() {
                if !told.contains(&reason) {
                    told.push(reason);
                }
            }
            told.iter().take(3).for_each(|reason| say(&style.dim(&format!("  {reason}"))));
        }
    }

    pub(super) fn forecast(&self, sketches: &Together) -> anyhow::Result<Forecast> {
        let samples = self.subject.samples as u64;
        let mut forecast = Forecast::default();
        let mut widths: Vec<(String, usize)> = Vec::new();
        match &self.subject.origin {
            Origin::Activations(question) => {
                let mut all = 0;
                for layer in question.source.layers() {
                    let parts = sketches.parts(layer.shape)?;
                    all += parts.last().map_or(0, |part| part.end);
                    let widest = parts.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
                    widths.push((layer.name.clone(), widest));
                }
                let chunk = largest_chunk(all).min(self.subject.samples);
                forecast
                    .stage("running the network and sketching", question.source.memory() + 12 * (all * chunk) as u64);
            }
            Origin::Files(files) => {
                for file in files {
                    let head = files::features::read_head_of(file)?;
                    widths.push((head.layer.clone(), head.columns.len()));
                }
            }
            Origin::Matrix(features) => widths.push((self.subject.layers[0].clone(), features.columns().len())),
        }
        for (layer, columns) in widths {
            // The features (twice while they are read), the normalised and the embedded ones, and a subsample of these.
            let matrices = 5 * 4 * samples * columns as u64;
            let settings =
                (0..self.grid.min_samples.len()).map(|index| self.grid.settings(self.settings, [0, 0, 0, index, 0, 0]));
            let trees = settings
                .map(|settings| Ok(recipe::hdbscan(&settings)?.memory_bytes(self.subject.samples, columns)))
                .collect::<Result<Vec<_>>>()?;
            // The tree of all samples lives beside those of a subsample.
            let trees = 2 * trees.into_iter().max().unwrap_or(0);
            forecast.stage(format!("clustering layer {layer}"), matrices + trees);
        }
        Ok(forecast)
    }
}
