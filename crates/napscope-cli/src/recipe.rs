//! The method as the user chose it: sketch, normalizer, metric and HDBSCAN's parameters, checked before any work begins.

use crate::report::Recipe;
use crate::settings::Settings;
use napscope::activations::{Activations, Layer, MapShape};
use napscope::cluster::{Glosh, Hdbscan};
use napscope::distance::{self, Metric};
use napscope::features::Features;
use napscope::manifold::{self, Projection};
use napscope::normalize::{self, Normalizer};
use napscope::sketch::{self, ChannelRanges, Sketch};
use napscope::{Error, ErrorKind, Result};

/// What is kept of each channel.
pub struct SketchChoice {
    /// As the user wrote it.
    pub spec: String,
    /// The sketch.
    pub sketch: Box<dyn Sketch>,
    /// Samples that settle the channels' ranges, where the sketch needs them.
    pub calibration: usize,
}

/// How patterns are found in features.
pub struct PatternChoice {
    /// The normalizer as the user wrote it.
    pub normalize: String,
    /// The metric as the user wrote it.
    pub metric: String,
    /// The normalizer.
    pub normalizer: Box<dyn Normalizer>,
    /// The metric.
    pub distance: Box<dyn Metric>,
    /// HDBSCAN's parameters.
    pub hdbscan: Hdbscan,
    /// The projections as the user wrote them.
    pub projections: Vec<String>,
    /// The projections.
    pub drawn: Vec<Box<dyn Projection>>,
}

impl SketchChoice {
    /// Reads `--sketch` and `--calibration`.
    ///
    /// # Errors
    /// An unknown sketch or option, or a calibration that is neither a number above 0 nor `all`.
    pub fn of(settings: &Settings) -> Result<Self> {
        let spec = settings.text("sketch").unwrap_or("mean").to_owned();
        let calibration = match settings.text("calibration") {
            Some("all") | None => usize::MAX,
            Some(text) => text
                .parse()
                .ok()
                .filter(|&count: &usize| count > 0)
                .ok_or_else(|| settings.refuse("calibration", "is neither a number above 0 nor `all`"))?,
        };
        Ok(SketchChoice { sketch: sketch::parse(&spec)?, spec, calibration })
    }
}

impl PatternChoice {
    /// Reads the method's and the clustering's settings.
    ///
    /// # Errors
    /// An unknown part or option, or a parameter out of its range.
    pub fn of(settings: &Settings) -> Result<Self> {
        let text = |name| settings.text(name).unwrap_or_default().to_owned();
        let (normalize, metric) = (text("normalize"), text("metric"));
        let projections = projection_specs(settings.list("projection"));
        if projections.is_empty() {
            return Err(settings.refuse("projection", "names no projection"));
        }
        Ok(PatternChoice {
            normalizer: normalize::parse(&normalize)?,
            distance: distance::parse(&metric)?,
            hdbscan: hdbscan(settings)?,
            drawn: projections.iter().map(|spec| manifold::parse(spec)).collect::<Result<_>>()?,
            projections,
            normalize,
            metric,
        })
    }

    /// Tries the recipe on made-up features of the columns that `sketch` gives for `layer`, so that a metric which cannot
    /// work on them is refused before the network runs.
    ///
    /// # Errors
    /// [`ErrorKind::NotADistribution`] and its like.
    pub fn try_on(&self, sketch: &SketchChoice, layer: &Layer) -> Result<()> {
        self.try_columns(&made_up_features(&*sketch.sketch, layer.shape)?)
            .map_err(|error| error.context(format!("sketch {}", sketch.spec)))
    }

    /// Does the recipe work on such columns at all? Other errors (too few samples, say) are a matter of the real features.
    ///
    /// # Errors
    /// [`ErrorKind::NotADistribution`] and [`ErrorKind::InvalidParameter`].
    pub fn try_columns(&self, features: &Features) -> Result<()> {
        match napscope::pipeline::embed(features, &*self.normalizer, &*self.distance) {
            Err(error) if matches!(error.kind(), ErrorKind::NotADistribution | ErrorKind::InvalidParameter) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// The recipe as the report tells it.
    pub fn report(&self, sketch: &str, calibration: Option<usize>) -> Recipe {
        Recipe {
            sketch: sketch.to_owned(),
            normalize: self.normalize.clone(),
            metric: self.metric.clone(),
            calibration,
            hdbscan: self.hdbscan.clone(),
            projections: self.projections.clone(),
        }
    }

    /// The most bytes that finding and drawing the patterns of a layer takes at once, its matrices not counted.
    pub fn memory_bytes(&self, samples: usize, dimensions: usize) -> u64 {
        /// Of what was clustered, per sample: tree, linkage, labels.
        const KEPT: u64 = 200;
        let drawing =
            manifold::memory_bytes(samples, dimensions, self.hdbscan.neighbors, &self.drawn) + KEPT * samples as u64;
        self.hdbscan.memory_bytes(samples, self.distance.searched_columns(dimensions)).max(drawing)
    }
}

/// Projections from texts that may each name several, as in `pca,umap:neighbors=30,min_dist=0`: a comma may stand between two
/// projections or between two options of one. One that is named twice is drawn once.
fn projection_specs(texts: &[String]) -> Vec<String> {
    let mut specs: Vec<String> = Vec::new();
    for piece in texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|piece| !piece.is_empty()) {
        let is_option = piece.split_once('=').is_some_and(|(before, _)| !before.contains(':'));
        match specs.last_mut().filter(|_| is_option) {
            Some(last) => *last = format!("{last},{piece}"),
            None => specs.push(piece.to_owned()),
        }
    }
    let mut known = Vec::new();
    specs.retain(|spec| {
        !known.contains(spec) && {
            known.push(spec.clone());
            true
        }
    });
    specs
}

/// Two made-up maps, sketched like real ones: rows of zeros are no distribution.
///
/// # Errors
/// The sketch's.
pub fn made_up_features(sketch: &dyn Sketch, shape: MapShape) -> Result<Features> {
    let fitted = sketch.fit(shape, Some(&made_up_ranges(shape)?))?;
    let values: Vec<f32> = (0..2 * shape.len()).map(|i| (i % 7) as f32 / 7.0).collect();
    let mut rows = vec![0.0; 2 * fitted.columns().len()];
    fitted.sketch(&Activations::new(&values, shape)?, &mut rows);
    Features::new(rows, fitted.columns().to_vec())
}

/// Ranges from 0 to 1, to try a sketch on before anything is known of the data.
///
/// # Errors
/// None that a layer with a channel could meet.
pub fn made_up_ranges(shape: MapShape) -> Result<ChannelRanges> {
    let mut ranges = ChannelRanges::new(shape.channels);
    let one = MapShape { channels: shape.channels, height: 1, width: 1 };
    let values: Vec<f32> = [0.0, 1.0].iter().flat_map(|&value| vec![value; shape.channels]).collect();
    ranges.update(&Activations::new(&values, one)?)?;
    Ok(ranges)
}

/// Reads the clustering's settings.
///
/// # Errors
/// A parameter out of its range.
pub fn hdbscan(settings: &Settings) -> Result<Hdbscan> {
    let number = |name| Ok::<usize, Error>(settings.get::<usize>(name)?.unwrap_or_default());
    let real = |name| Ok::<f64, Error>(settings.get::<f64>(name)?.unwrap_or_default());
    let hdbscan = Hdbscan {
        min_cluster_size: number("min-cluster-size")?,
        min_samples: Some(number("min-samples")?),
        alpha: real("alpha")?,
        cluster_selection_epsilon: real("cluster-selection-epsilon")?,
        max_cluster_size: settings.get("max-cluster-size")?,
        allow_single_cluster: settings.on("allow-single-cluster"),
        selection: settings.text("selection").unwrap_or_default().parse()?,
        neighbors: settings.text("neighbors").map(str::parse).transpose()?.unwrap_or_default(),
        glosh: settings.choice("glosh", &[("corrected", Glosh::Corrected), ("compat", Glosh::Compat)])?,
    };
    hdbscan.check()?;
    Ok(hdbscan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_projections_and_between_options() {
        for (texts, expected) in [
            (vec!["pca"], vec!["pca"]),
            (vec!["pca", "umap"], vec!["pca", "umap"]),
            (
                vec!["pca, umap:neighbors=30,min_dist=0,diffusion"],
                vec!["pca", "umap:neighbors=30,min_dist=0", "diffusion"],
            ),
            // As the environment hands it on, split at every comma.
            (vec!["umap:neighbors=30", "min_dist=0", "pca"], vec!["umap:neighbors=30,min_dist=0", "pca"]),
            (vec!["pca", "umap", "pca"], vec!["pca", "umap"]),
            (vec!["seed=3"], vec!["seed=3"]),
            (vec![""], vec![]),
        ] {
            let given: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(projection_specs(&given), expected, "{texts:?}");
        }
    }
}
