//! What layers are as a whole, and what they know: the verdict, and how far each layer tells what else is known of the samples.

use super::grid::Grid;
use crate::report::LayerVerdict;
use crate::run_folder::RunFolder;
use crate::{interrupt, patterns, progress};
use anyhow::Context;
use napscope::activations::{ActivationSource, Layer};
use napscope::distance::{self, Geometry, Points, Rescale};
use napscope::features::Features;
use napscope::manifold::{self, Alignment, Covariate, CovariateValues};
use napscope::progress::unwatched;
use napscope::{Result, normalize, pipeline, sketch};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Samples that settle the channels' ranges.
const CALIBRATION: usize = 256;
/// Where what was found is kept.
const FILE: &str = "layers.json";

/// In-distribution samples, and what is known of them.
pub(super) struct Known<'a> {
    pub(super) source: &'a dyn ActivationSource,
    pub(super) samples: Vec<usize>,
    /// Of each of these samples.
    pub(super) covariates: Vec<Covariate>,
    /// What a method without a network tells of each sample: layers are held against it.
    pub(super) yardstick: Option<Covariate>,
}

/// Everything that was found.
#[derive(Serialize, Deserialize)]
pub(super) struct Layers {
    pub(super) judged: Vec<JudgedLayer>,
    /// How far the yardstick alone tells each covariate.
    pub(super) by_yardstick: Vec<Alignment>,
}

/// A layer in the features of one recipe.
#[derive(Serialize, Deserialize)]
pub(super) struct JudgedLayer {
    pub(super) layer: String,
    /// Sketch, normalizer and metric.
    pub(super) recipe: [String; 3],
    pub(super) verdict: LayerVerdict,
    /// How far it tells the yardstick.
    pub(super) of_yardstick: Option<Alignment>,
}

impl Known<'_> {
    /// Judges every layer by every recipe of the grid, or reads what a stopped study has found.
    ///
    /// # Errors
    /// The source's; Ctrl-C; a full disk.
    pub(super) fn judge(&self, grid: &Grid, folder: &RunFolder, quiet: bool) -> anyhow::Result<Layers> {
        let done = std::fs::read(folder.partial(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(done) = done {
            return Ok(done);
        }
        let names: Vec<&str> = self.source.layers().iter().map(|layer| layer.name.as_str()).collect();
        let bar = progress::bar("verdicts", names.len() * grid.judged.len(), quiet);
        let mut judged: Vec<JudgedLayer> = Vec::new();
        for recipe in grid.judged {
            for (features, layer) in self.features(recipe[0])?.iter().zip(&names) {
                bar.set_message((*layer).to_owned());
                judged.push(self.layer(layer, recipe, features).with_context(|| format!("verdict on {layer}"))?);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        for recipe in grid.judged {
            let alike = judged.iter_mut().filter(|layer| layer.recipe == *recipe);
            patterns::adjust(alike.map(|layer| &mut layer.verdict));
        }
        let layers = Layers { judged, by_yardstick: self.by_yardstick()? };
        folder.write(FILE, &serde_json::to_vec(&layers)?)?;
        Ok(layers)
    }

    fn features(&self, spec: &str) -> Result<Vec<Features>> {
        let sketch = sketch::parse(spec)?;
        let calibration: Vec<usize> = self.samples.iter().copied().take(CALIBRATION).collect();
        let ranges = sketch.needs_ranges().then(|| pipeline::calibrate(self.source, &calibration)).transpose()?;
        let fit = |(at, layer): (usize, &Layer)| sketch.fit(layer.shape, ranges.as_ref().map(|ranges| &ranges[at]));
        let fitted = self.source.layers().iter().enumerate().map(fit).collect::<Result<Vec<_>>>()?;
        let rows = pipeline::sketch_samples(self.source, &fitted, &self.samples, &|_| interrupt::check())?;
        rows.into_iter().zip(&fitted).map(|(rows, fitted)| Features::new(rows, fitted.columns().to_vec())).collect()
    }

    fn layer(&self, layer: &str, recipe: &[&str; 3], features: &Features) -> anyhow::Result<JudgedLayer> {
        let [_, normalizer, metric] = *recipe;
        let (_, points) = pipeline::embed(features, &*normalize::parse(normalizer)?, &*distance::parse(metric)?)?;
        let of_yardstick = match &self.yardstick {
            Some(yardstick) => manifold::alignment(&points, std::slice::from_ref(yardstick), &watch)?.pop(),
            None => None,
        };
        let verdict = patterns::judge(&points, &self.covariates, &watch)?.context("too few samples for a verdict")?;
        Ok(JudgedLayer { layer: layer.to_owned(), recipe: recipe.map(str::to_owned), verdict, of_yardstick })
    }

    /// The yardstick as if it were a layer of one channel.
    fn by_yardstick(&self) -> Result<Vec<Alignment>> {
        let Some(Covariate { values: CovariateValues::Numbers(values), .. }) = &self.yardstick else {
            return Ok(Vec::new());
        };
        let values = values.iter().map(|value| value.unwrap_or_default() as f32).collect();
        manifold::alignment(&Points::new(values, 1, Geometry::L2, Rescale::Identity), &self.covariates, &unwatched)
    }
}

fn watch(_: f64) -> ControlFlow<()> {
    if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
