//! Every setting, in one list: the flags, the environment variables, the TOML keys, their defaults and their help are all
//! read off it. A flag goes before the environment, that before the file, that before the default.

mod toml_file;

use napscope::{Error, ErrorKind};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// One value.
    One,
    /// A path; in a TOML file it is relative to that file.
    Path,
    /// Several values: the flag may be repeated, TOML takes an array, the environment a comma-separated list.
    Many,
    /// Nothing: it is on or off.
    Switch,
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name: `--name`, `NAPSCOPE_NAME`, `name` in TOML (underscores for hyphens).
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What help calls its value.
    pub value: &'static str,
    /// What an absent setting stands for; `None` where that is a matter of the data, and help says which.
    pub default: Option<&'static str>,
    /// The heading that help puts it under.
    pub heading: &'static str,
    /// One or two lines of help.
    pub help: &'static str,
}

const DATA: &str = "Data";
/// The heading of what prepares pictures.
pub const IMAGES: &str = "Images";
const NETWORK: &str = "Network";
const METHOD: &str = "Method";
const CLUSTERING: &str = "Clustering";
const RUNNING: &str = "Running";

const fn one(
    heading: &'static str,
    name: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, takes: Takes::One, value, default, heading, help }
}

const fn path(heading: &'static str, name: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { name, takes: Takes::Path, value, default: None, heading, help }
}

const fn many(heading: &'static str, name: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { name, takes: Takes::Many, value, default: None, heading, help }
}

const fn switch(heading: &'static str, name: &'static str, help: &'static str) -> Setting {
    Setting { name, takes: Takes::Switch, value: "", default: Some("false"), heading, help }
}

/// Every setting, in the order of help.
pub static SETTINGS: &[Setting] = &[
    path(DATA, "model", "MODEL", "A trained network, .onnx (on the command line it stands without a flag)"),
    path(
        DATA,
        "data",
        "PATH",
        "Data: .npz, .npy, .safetensors, or a folder of images or of shards. Without MODEL its arrays are ready-made activations, one layer each",
    ),
    many(
        DATA,
        "input",
        "NAME=ARRAY",
        "Which array feeds which input of the network (found by name where there is no doubt)",
    ),
    path(DATA, "metadata", "FILE", "Columns about the samples: CSV or Parquet, one row a sample"),
    one(DATA, "id", "COLUMN", None, "Join --metadata by this column of both instead of row by row"),
    one(
        DATA,
        "label",
        "COLUMN",
        None,
        "The column that holds the class of a sample (default: label, class, class_name, target or y, if there is one)",
    ),
    one(DATA, "limit", "N", None, "Take only the first N samples"),
    one(
        IMAGES,
        "preset",
        "NAME|FILE",
        None,
        "Preparation of images: imagenet, imagenet-tf, none, or a TOML file with any of the following; the flags below go before it",
    ),
    one(IMAGES, "resize", "PIXELS", None, "Resize the shorter side to this"),
    one(IMAGES, "crop", "PIXELS", None, "Cut this square out of the middle"),
    one(IMAGES, "mean", "R,G,B", None, "Subtract this from each channel, on the scale of --scale"),
    one(IMAGES, "std", "R,G,B", None, "Divide each channel by this"),
    one(IMAGES, "scale", "255|1", None, "Pixels run from 0 to this before mean and std"),
    one(IMAGES, "color", "rgb|grey", None, "Colour of the pixels (default: what the network takes)"),
    one(IMAGES, "layout", "nchw|nhwc", None, "Order of the axes (default: what the network takes)"),
    many(
        NETWORK,
        "layer",
        "NAME",
        "Layer to look at: a name or a glob, may be repeated; `napscope layers MODEL` lists them",
    ),
    one(
        NETWORK,
        "channel-axis",
        "AXIS",
        None,
        "Axis of the channels in a layer's output, the batch axis counted: 1 is NCHW, -1 the last axis (default: found from the graph)",
    ),
    one(
        NETWORK,
        "engine",
        "auto|rten|ort",
        Some("auto"),
        "What runs the network: rten is built in; ort is an installed onnxruntime, 2-4 x faster; auto takes it where it is found",
    ),
    path(
        NETWORK,
        "ort-library",
        "FILE",
        "The onnxruntime library (default: ORT_DYLIB_PATH, the system's, or the Python package's)",
    ),
    one(
        NETWORK,
        "device",
        "cpu|cuda|tensorrt",
        Some("cpu"),
        "Where ort runs the network; anything but what is asked for is an error",
    ),
    one(
        METHOD,
        "sketch",
        "SKETCH",
        Some("mean"),
        "What is kept of each channel's map; `napscope parts` lists them with their options, as in kde:bandwidth=isj",
    ),
    one(METHOD, "normalize", "NORMALIZER", Some("max_abs"), "How columns come to a common scale"),
    one(METHOD, "metric", "METRIC", Some("euclidean"), "The distance between samples"),
    one(
        METHOD,
        "calibration",
        "N|all",
        Some("256"),
        "Samples (chosen by content) that settle each channel's range for sketches on a grid; values beyond it fall into the outermost cell",
    ),
    Setting {
        default: Some("pca"),
        ..many(
            METHOD,
            "projection",
            "PROJECTION",
            "How the report draws the samples in a plane: pca, diffusion, umap, as in umap:neighbors=30; may be repeated, the page switches between them",
        )
    },
    one(
        CLUSTERING,
        "selection",
        "SELECTION",
        Some("leaf"),
        "How patterns are chosen from the tree: leaf (finest), eom (most persistent), level:distance=D, or with their own min-cluster-size plateau, plscan, dbcv; `napscope parts` tells more",
    ),
    one(CLUSTERING, "min-cluster-size", "N", Some("5"), "Smallest number of samples that make a pattern"),
    one(
        CLUSTERING,
        "min-samples",
        "N",
        Some("5"),
        "Neighbors whose distance is a sample's core distance, itself not counted (scikit-learn counts it: its value is one more)",
    ),
    one(CLUSTERING, "alpha", "X", Some("1"), "Distances are divided by this before mutual reachability is taken"),
    one(
        CLUSTERING,
        "cluster-selection-epsilon",
        "D",
        Some("0"),
        "Patterns that part below this distance stay together",
    ),
    one(CLUSTERING, "max-cluster-size", "N", None, "eom selects no larger pattern (default: no limit)"),
    one(
        CLUSTERING,
        "neighbors",
        "SEARCH",
        Some("exact"),
        "How neighbors are found: exact, or approximate (NN-descent, as in approximate:seed=3) for very many samples; every output says so",
    ),
    switch(CLUSTERING, "allow-single-cluster", "All samples may be one pattern"),
    one(
        CLUSTERING,
        "glosh",
        "corrected|compat",
        Some("corrected"),
        "The outlier score: corrected, or as Python's hdbscan computed it up to 0.8.41",
    ),
    path(RUNNING, "output", "RUN", "Folder (analyze, extract) or file (cluster, predict) to write"),
    one(RUNNING, "batch", "N", None, "Samples that a worker reads at a time (default: by memory); changes no result"),
    one(RUNNING, "threads", "N", None, "Workers (default: one a core); changes no result"),
    one(
        RUNNING,
        "memory-limit",
        "SIZE",
        None,
        "Refuse a run that would need more, as in 4GiB or 50% (default: 80 % of what is free)",
    ),
    switch(RUNNING, "resume", "Go on with a run that was stopped; the result is the same to the byte"),
    switch(RUNNING, "force", "Replace a run that is already in the folder"),
];

/// How a file or the environment says that a switch is on, and that it is off.
const ON: [&str; 4] = ["true", "1", "yes", "on"];
const OFF: [&str; 4] = ["false", "0", "no", "off"];

/// Refuses a switch that is neither on nor off: taking `ture` for off would be a surprise.
fn check_switches(values: &BTreeMap<&'static str, Given>) -> Result<(), Error> {
    for (name, given) in values.iter().filter(|(name, _)| find(name).is_some_and(|s| s.takes == Takes::Switch)) {
        if let Some(text) =
            given.texts.iter().find(|text| !ON.contains(&text.as_str()) && !OFF.contains(&text.as_str()))
        {
            let message = format!("{name}: `{text}` (from {}) is neither true nor false", given.origin);
            return Err(Error::new(ErrorKind::InvalidParameter, message).hint("write true or false"));
        }
    }
    Ok(())
}

/// The setting called `name`, with hyphens or underscores.
pub fn find(name: &str) -> Option<&'static Setting> {
    let name = name.replace('_', "-");
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// This TOML file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Environment(variable) => write!(f, "environment {variable}"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The values as text; one, but for settings that take several.
    pub texts: Vec<String>,
    /// Where they came from.
    pub origin: Origin,
}

/// The outcome of flags, environment, file and defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<&'static str, Given>,
}

impl Settings {
    /// Puts flags over the environment over the file over the defaults.
    ///
    /// `flags` holds what the command line says; `config` is the file of `--config`, else `napscope.toml` in the working
    /// folder is read if it is there.
    ///
    /// # Errors
    /// When the file cannot be read, is no TOML, or holds a key that is no setting.
    pub fn resolve(flags: BTreeMap<&'static str, Vec<String>>, config: Option<&Path>) -> anyhow::Result<Self> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                values.insert(setting.name, Given { texts: vec![default.to_owned()], origin: Origin::Default });
            }
        }
        let found = PathBuf::from("napscope.toml");
        if let Some(path) = config.or_else(|| found.is_file().then_some(found.as_path())) {
            values.extend(toml_file::read(path)?);
        }
        for setting in SETTINGS {
            let variable = format!("NAPSCOPE_{}", setting.name.replace('-', "_").to_uppercase());
            let Ok(text) = std::env::var(&variable) else { continue };
            let texts = match setting.takes {
                Takes::Many => text.split(',').map(|part| part.trim().to_owned()).collect(),
                _ => vec![text],
            };
            values.insert(setting.name, Given { texts, origin: Origin::Environment(variable) });
        }
        values.extend(flags.into_iter().map(|(name, texts)| (name, Given { texts, origin: Origin::Flag })));
        toml_file::open_preset(&mut values)?;
        check_switches(&values)?;
        Ok(Settings { values })
    }

    /// The values of `name` and where they came from, if any were given or there is a default.
    pub fn given(&self, name: &'static str) -> Option<&Given> {
        debug_assert!(find(name).is_some(), "{name} is no setting");
        self.values.get(name)
    }

    /// Replaces a value, whoever gave it.
    pub fn set(&mut self, name: &'static str, texts: Vec<String>) {
        self.values.insert(name, Given { texts, origin: Origin::Flag });
    }

    /// Replaces a value, as an embedded example does for what nobody has said.
    pub fn set_default(&mut self, name: &'static str, texts: &[&str]) {
        if self.given(name).is_none_or(|given| given.origin == Origin::Default) {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            self.values.insert(name, Given { texts, origin: Origin::Default });
        }
    }

    /// Forgets all settings but those that `keep` names.
    pub fn keep(&mut self, keep: impl Fn(&Setting) -> bool) {
        self.values.retain(|name, _| find(name).is_some_and(&keep));
    }

    /// All values of a setting that takes several.
    pub fn list(&self, name: &'static str) -> &[String] {
        self.given(name).map_or(&[], |given| &given.texts)
    }

    /// The value of `name` as text.
    pub fn text(&self, name: &'static str) -> Option<&str> {
        self.given(name).and_then(|given| given.texts.last()).map(String::as_str)
    }

    /// The path `name`.
    pub fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Is the switch `name` on?
    pub fn on(&self, name: &'static str) -> bool {
        self.text(name).is_some_and(|text| ON.contains(&text))
    }

    /// The value of `name` read as a `V`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`], saying where the value came from.
    pub fn get<V: FromStr>(&self, name: &'static str) -> Result<Option<V>, Error> {
        let Some(given) = self.given(name) else { return Ok(None) };
        let text = given.texts.last().map_or("", String::as_str);
        text.parse().map(Some).map_err(|_| self.refuse(name, "is not understood"))
    }

    /// One of a few words.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] with the nearest of them.
    pub fn choice<V: Copy>(&self, name: &'static str, choices: &[(&'static str, V)]) -> Result<V, Error> {
        let text = self.text(name).unwrap_or("");
        choices
            .iter()
            .find(|choice| choice.0 == text)
            .map(|choice| choice.1)
            .ok_or_else(|| Error::unknown(&format!("choice of --{name}"), text, choices.iter().map(|choice| choice.0)))
    }

    /// An error about the value of `name`.
    pub fn refuse(&self, name: &'static str, why: &str) -> Error {
        let text = self.text(name).unwrap_or("");
        let origin = self.given(name).map_or_else(String::new, |given| match &given.origin {
            Origin::Flag => String::new(),
            origin => format!(" (from {origin})"),
        });
        let hint = find(name).map_or("", |setting| setting.help);
        Error::new(ErrorKind::InvalidParameter, format!("{name}: `{text}`{origin} {why}")).hint(hint)
    }

    /// Every setting with its value and origin, in the order of the list.
    pub fn all(&self) -> impl Iterator<Item = (&'static Setting, Option<&Given>)> {
        SETTINGS.iter().map(|setting| (setting, self.values.get(setting.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("napscope.toml");
        std::fs::write(&path, text).expect("a writable folder");
        (folder, path)
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let (_folder, path) =
            file("min_cluster_size = 9\nmetric = \"cosine\"\nlayer = [\"a\", \"b\"]\nmean = [0.5, 0.4]\n");
        let flags = BTreeMap::from([("metric", vec!["energy".to_owned()])]);
        let settings = Settings::resolve(flags, Some(&path)).expect("a valid file");
        assert_eq!(settings.text("metric"), Some("energy"), "the flag");
        assert_eq!(settings.get::<usize>("min-cluster-size").expect("a number"), Some(9), "the file");
        assert_eq!(settings.text("sketch"), Some("mean"), "the default");
        assert_eq!(settings.list("layer"), ["a", "b"]);
        assert_eq!(settings.text("mean"), Some("0.5,0.4"));
        assert_eq!(settings.given("min-cluster-size").map(|given| &given.origin), Some(&Origin::File(path)));
    }

    #[test]
    fn paths_in_a_file_are_relative_to_it() {
        let (folder, path) = file("data = \"set.npz\"\n");
        let settings = Settings::resolve(BTreeMap::new(), Some(&path)).expect("a valid file");
        assert_eq!(settings.path("data"), Some(folder.path().join("set.npz")));
    }

    #[test]
    fn mistakes_in_a_file_are_told_with_the_file() {
        for (text, expected) in [
            ("min_cluster_sise = 9", "no setting is called `min_cluster_sise`"),
            ("metric = ", "configuration"),
            ("metric = { a = 1 }", "metric: expected a text"),
        ] {
            let (_folder, path) = file(text);
            let error = Settings::resolve(BTreeMap::new(), Some(&path)).expect_err(text);
            let told = format!("{error:#}");
            assert!(told.contains(expected) && told.contains("napscope.toml"), "{text}: {told}");
        }
    }

    #[test]
    fn a_preset_file_is_the_settings_that_it_holds() {
        let (_folder, path) = file("resize = 40\ncrop = 32\nmean = [0.5, 0.4, 0.3]\n");
        let preset = || ("preset", vec![path.display().to_string()]);
        let flags = BTreeMap::from([preset(), ("crop", vec!["28".to_owned()])]);
        let settings = Settings::resolve(flags, None).expect("a valid preset");
        for (name, expected) in
            [("resize", Some("40")), ("crop", Some("28")), ("mean", Some("0.5,0.4,0.3")), ("preset", None)]
        {
            assert_eq!(settings.text(name), expected, "{name}");
        }
        assert_eq!(settings.given("resize").map(|given| &given.origin), Some(&Origin::File(path.clone())));
        for text in ["metric = \"cosine\"\n", "preset = \"imagenet\"\n"] {
            std::fs::write(&path, text).expect("a writable folder");
            let error = Settings::resolve(BTreeMap::from([preset()]), None).expect_err(text);
            assert!(format!("{error:#}").contains("is nothing that prepares images"), "{text}: {error:#}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off_and_nothing_else() {
        for (text, expected) in [("true", true), ("\"on\"", true), ("0", false), ("\"no\"", false)] {
            let (_folder, path) = file(&format!("allow_single_cluster = {text}\n"));
            let settings = Settings::resolve(BTreeMap::new(), Some(&path)).expect(text);
            assert_eq!(settings.on("allow-single-cluster"), expected, "{text}");
        }
        let (_folder, path) = file("allow_single_cluster = \"ture\"\n");
        let error = Settings::resolve(BTreeMap::new(), Some(&path)).expect_err("neither");
        assert!(error.to_string().starts_with("allow-single-cluster: `ture` (from file"), "{error}");
    }

    #[test]
    fn names_are_unique_and_defaults_parse() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[index + 1..].iter().all(|other| other.name != setting.name), "{} twice", setting.name);
            assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "{}: help", setting.name);
        }
    }
}
