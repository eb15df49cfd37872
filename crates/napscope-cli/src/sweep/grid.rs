//! The grid: the values of each dimension, and the recipes that they make.

use crate::recipe::{PatternChoice, SketchChoice};
use crate::settings::{Origin, Settings};
use napscope::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings that a sweep takes several values of, outermost loop first.
pub const DIMENSIONS: [&str; 6] = ["sketch", "normalize", "metric", "min-samples", "min-cluster-size", "selection"];

/// What is tried when nobody names a value of any dimension: the four choices of the refined patterns, two or three values
/// each.
const FIRST_LOOK: [(&str, &[&str]); 4] = [
    ("sketch", &["mean", "mean_std", "histogram"]),
    ("normalize", &["max_abs", "standard"]),
    ("metric", &["euclidean", "cosine", "wasserstein_1"]),
    ("selection", &["leaf", "eom"]),
];

/// The values of each dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grid {
    /// Sketches with their options; one entry that tells what the features are, where they are ready-made.
    pub sketch: Vec<String>,
    /// Normalizers.
    pub normalize: Vec<String>,
    /// Metrics.
    pub metric: Vec<String>,
    /// `min_samples`.
    pub min_samples: Vec<String>,
    /// `min_cluster_size`.
    pub min_cluster_size: Vec<String>,
    /// Selections.
    pub selection: Vec<String>,
}

impl Grid {
    /// Reads the dimensions off the settings. `ready` tells what ready-made features are: then no sketch can be chosen.
    ///
    /// # Errors
    /// An unknown part, with the nearest known one; a number that is none; a value that is given twice; a sketch for features.
    pub fn of(settings: &Settings, ready: Option<&str>) -> Result<Self> {
        let mut settings = settings.clone();
        let said = |name| settings.given(name).is_some_and(|given| given.origin != Origin::Default);
        if let Some(sketch) = ready.filter(|_| said("sketch")) {
            return Err(Error::new(ErrorKind::InvalidParameter, "--sketch: the features are made already")
                .hint(format!("they are `{sketch}`; give the network and its data to sweep over sketches")));
        }
        if !DIMENSIONS.into_iter().any(said) {
            for (name, values) in FIRST_LOOK {
                settings.set_default(name, values);
            }
        }
        let values = |name| values(&settings, name);
        let grid = Grid {
            sketch: ready.map_or_else(|| values("sketch"), |sketch| Ok(vec![sketch.to_owned()]))?,
            normalize: values("normalize")?,
            metric: values("metric")?,
            min_samples: values("min-samples")?,
            min_cluster_size: values("min-cluster-size")?,
            selection: values("selection")?,
        };
        grid.check(&settings, ready.is_some())?;
        Ok(grid)
    }

    /// The values, in the order of [`DIMENSIONS`].
    fn values(&self) -> [&[String]; 6] {
        [&self.sketch, &self.normalize, &self.metric, &self.min_samples, &self.min_cluster_size, &self.selection]
    }

    /// Builds every part once, so that a misspelt one is told before the work begins.
    fn check(&self, settings: &Settings, ready: bool) -> Result<()> {
        for (dimension, values) in self.values().into_iter().enumerate() {
            for (index, value) in values.iter().enumerate() {
                if values[..index].contains(value) {
                    let message = format!("--{}: `{value}` is given twice", DIMENSIONS[dimension]);
                    return Err(Error::new(ErrorKind::InvalidParameter, message).hint("give every value once"));
                }
                let mut at = [0; 6];
                at[dimension] = index;
                let settings = self.settings(settings, at);
                if !ready {
                    SketchChoice::of(&settings)?;
                }
                PatternChoice::of(&settings)?;
            }
        }
        Ok(())
    }

    /// `settings` with the value at index `at` of every dimension.
    pub fn settings(&self, settings: &Settings, at: [usize; 6]) -> Settings {
        let mut settings = settings.clone();
        for ((name, values), index) in DIMENSIONS.into_iter().zip(self.values()).zip(at) {
            settings.set(name, vec![values[index].clone()]);
        }
        settings
    }

    /// Number of (sketch, normalizer, metric) combinations.
    pub fn combinations(&self) -> usize {
        self.sketch.len() * self.normalize.len() * self.metric.len()
    }

    /// Recipes that share a spanning tree: every (`min_cluster_size`, selection), selections innermost.
    pub fn choices(&self) -> usize {
        self.min_cluster_size.len() * self.selection.len()
    }

    /// Recipes a layer.
    pub fn recipes(&self) -> usize {
        self.combinations() * self.min_samples.len() * self.choices()
    }
}

/// The values of the dimension `name`: what the flag said several times, or once with commas between.
fn values(settings: &Settings, name: &'static str) -> Result<Vec<String>> {
    let texts = settings.list(name);
    let all = |text: &String| -> Vec<String> {
        match (name, text.trim()) {
            ("sketch", "all") => names(napscope::sketch::SKETCHES),
            ("normalize", "all") => names(napscope::normalize::NORMALIZERS),
            ("metric", "all") => names(napscope::distance::METRICS),
            ("selection", "all") => names(napscope::cluster::SELECTIONS),
            (_, text) => apart(text),
        }
    };
    let values: Vec<String> = texts.iter().flat_map(all).collect();
    match values.is_empty() {
        true => Err(settings.refuse(name, "leaves nothing to try")),
        false => Ok(values),
    }
}

/// Every part that can be named without an option: one without a default must be given.
fn names<T: ?Sized>(entries: &'static [napscope::registry::Entry<T>]) -> Vec<String> {
    let free = entries.iter().filter(|entry| entry.options.iter().all(|(_, default, _)| !default.is_empty()));
    free.map(|entry| entry.name.to_owned()).collect()
}

/// Splits at commas, but not between the options of one part: `a:x=1,y=2,b` is `a:x=1,y=2` and `b`. An option holds `=` and
/// the name of a part does not.
fn apart(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in text.split(',').map(str::trim) {
        let is_option = piece.split(':').next().is_some_and(|head| head.contains('='));
        match parts.last_mut().filter(|part| is_option && part.contains(':')) {
            Some(part) => part.extend([",", piece]),
            None => parts.push(piece.to_owned()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn grid(flags: &[(&'static str, &[&str])], ready: Option<&str>) -> Result<Grid> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let flags: BTreeMap<_, _> = flags.iter().map(|(name, values)| (*name, texts(values))).collect();
        Grid::of(&Settings::resolve(flags, None).expect("flags alone"), ready)
    }

    #[test]
    fn values_come_from_repeated_flags_and_from_commas() {
        for (given, expected) in [
            (&["mean", "kde:bandwidth=isj,grid=32"][..], &["mean", "kde:bandwidth=isj,grid=32"][..]),
            (&["mean,kde:bandwidth=isj,grid=32,max"], &["mean", "kde:bandwidth=isj,grid=32", "max"]),
            (&["kde:grid=32, histogram : bins = 4 ,mean"], &["kde:grid=32", "histogram : bins = 4", "mean"]),
        ] {
            assert_eq!(grid(&[("sketch", given)], None).expect("sketches").sketch, expected, "{given:?}");
        }
        let sizes = grid(&[("min-cluster-size", &["5,10", "20"])], None).expect("sizes");
        assert_eq!((sizes.min_cluster_size.len(), sizes.recipes()), (3, 3), "what nobody names does not vary");
        assert_eq!(sizes.metric, ["euclidean"]);
        let every = grid(&[("metric", &["all"])], None).expect("every metric");
        assert_eq!(every.metric.len(), napscope::distance::METRICS.len());
    }

    #[test]
    fn without_a_word_there_is_a_first_look() {
        let first = grid(&[], None).expect("defaults");
        assert_eq!((first.combinations(), first.choices(), first.recipes()), (18, 2, 36));
        let ready = grid(&[], Some("features")).expect("defaults");
        assert_eq!(ready.sketch, ["features"], "features are one sketch");
    }

    #[test]
    fn mistakes_are_told() {
        for (name, values, told) in [
            ("sketch", &["meen"][..], "no sketch is called `meen`"),
            ("metric", &["cosine", "euclidian"], "no metric is called `euclidian`"),
            ("metric", &["cosine", "cosine"], "--metric: `cosine` is given twice"),
            ("min-samples", &["5,five"], "min-samples: `five` is not understood"),
            ("min-cluster-size", &["5,,7"], "min-cluster-size: `` is not understood"),
            ("min-cluster-size", &["1,5"], "min_cluster_size must be at least 2, got 1"),
            ("selection", &["leef"], "leef"),
            ("sketch", &["kde:grid=32,bins=4"], "no option of sketch kde is called `bins`"),
        ] {
            let error = grid(&[(name, values)], None).expect_err(told);
            assert!(error.to_string().contains(told), "{name} {values:?}: {error}");
        }
        let error = grid(&[("sketch", &["mean"])], Some("kde")).expect_err("features and a sketch");
        assert!(error.how_to_mend().is_some_and(|hint| hint.contains("`kde`")), "{error:?}");
    }

    #[test]
    fn a_point_of_the_grid_is_settings_with_one_value_each() {
        let given: &[(&str, &[&str])] = &[("metric", &["cosine", "euclidean"]), ("min-cluster-size", &["5,10"])];
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let flags: BTreeMap<_, _> = given.iter().map(|(name, values)| (*name, texts(values))).collect();
        let settings = Settings::resolve(flags, None).expect("flags alone");
        let grid = Grid::of(&settings, None).expect("two by two");
        let point = grid.settings(&settings, [0, 0, 1, 0, 1, 0]);
        assert_eq!(
            (point.list("metric"), point.list("min-cluster-size")),
            (&["euclidean".into()][..], &["10".into()][..])
        );
    }
}
