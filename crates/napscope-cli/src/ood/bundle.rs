//! Fitted detectors as one safetensors file: what they learned from and how, and the scores that they are calibrated by.
//!
//! Detectors are fitted anew when a bundle is opened: fitting is deterministic, the same bytes come out on every machine,
//! and nothing that could run is ever stored.

use crate::files::atomic;
use crate::files::tensors::{TensorsReader, TensorsWriter};
use crate::report::FileFacts;
use anyhow::Context;
use napscope::activations::{Activations, MapShape};
use napscope::features::{Column, Features};
use napscope::ood::Fusion;
use napscope::sketch::ChannelRanges;
use napscope::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Layout of a bundle.
pub const SCHEMA: &str = "napscope.ood/2";

/// Where a bundle keeps what it says of itself.
const KEY: &str = "napscope.ood";

/// A larger file is no bundle of ours.
const LARGEST: u64 = 1 << 36;

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BundleHead {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version that wrote it.
    pub napscope: String,
    /// The command that made it.
    pub command: String,
    /// The network; `None` for ready-made activations.
    pub model: Option<FileFacts>,
    /// What ran it.
    pub engine: Option<String>,
    /// The in-distribution data.
    pub data: FileFacts,
    /// Settings that decide how data are fed to the network.
    pub shaping: BTreeMap<String, Vec<String>>,
    /// The sketch with its options.
    pub sketch: String,
    /// The normalizer with its options.
    pub normalize: String,
    /// The detectors with their options.
    pub detectors: Vec<String>,
    /// What is known of every sample besides.
    pub condition: Option<Condition>,
    /// How the p-values of layers and detectors are joined.
    pub fuse: Fusion,
    /// The share of in-distribution samples that may raise an alarm.
    pub false_alarm_rate: f64,
    /// The layers.
    pub layers: Vec<BundleLayer>,
}

/// A covariate that detectors are conditioned on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The column that holds it.
    pub column: String,
    /// How it is taken into account: one of [`napscope::ood::CONDITIONINGS`] with its options.
    pub by: String,
    /// Is it estimated from the features of later samples? Else their column is read.
    pub estimated: bool,
}

impl Condition {
    /// Must later samples have the column?
    pub fn is_read(&self) -> bool {
        !self.estimated && self.by.split(':').next().is_none_or(|name| name.trim() != "groups")
    }
}

/// A layer of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BundleLayer {
    /// The layer.
    pub name: String,
    /// Channels, height, width of one sample's activations.
    pub shape: [usize; 3],
    /// What each column of its features means.
    pub columns: Vec<Column>,
}

/// A bundle in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What it says of itself.
    pub head: BundleHead,
    /// The samples of the in-distribution data that were learned from, by their number there.
    pub samples: Vec<u64>,
    /// Their covariate; empty without a condition.
    pub covariate: Vec<f64>,
    /// The features that were learned from, layer by layer.
    pub references: Vec<Features>,
    /// The channels' ranges, layer by layer, where the sketch needs them.
    pub ranges: Option<Vec<ChannelRanges>>,
    /// The scores of held-out samples: layer by layer, detector by detector.
    pub calibrations: Vec<Vec<Vec<f64>>>,
    /// The joint scores of held-out samples.
    pub fused: Vec<f64>,
}

impl Bundle {
    /// Writes the bundle, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut tensors = TensorsWriter::default();
        for (layer, reference) in self.references.iter().enumerate() {
            let shape = vec![reference.samples(), reference.columns().len()];
            tensors.singles(format!("{layer}.reference"), shape, reference.values());
            for (detector, scores) in self.calibrations[layer].iter().enumerate() {
                tensors.doubles(format!("{layer}.{detector}.calibration"), scores);
            }
        }
        for (layer, ranges) in self.ranges.iter().flatten().enumerate() {
            let bounds: Vec<(f32, f32)> = (0..ranges.channels()).map(|channel| ranges.of(channel)).collect();
            let (low, high): (Vec<f32>, Vec<f32>) = bounds.into_iter().unzip();
            tensors.singles(format!("{layer}.ranges"), vec![2, ranges.channels()], &[low, high].concat());
        }
        tensors.whole("samples".into(), &self.samples);
        tensors.doubles("fused.calibration".into(), &self.fused);
        tensors.doubles("covariate".into(), &self.covariate);
        Ok(atomic::write(path, &tensors.bytes(KEY, &self.head)?)?)
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when it is no bundle, is of another version, or is damaged.
    pub fn read(path: &Path) -> anyhow::Result<Bundle> {
        let place = || format!("bundle {}", path.display());
        let length = std::fs::metadata(path).with_context(place)?.len();
        if length > LARGEST {
            return Err(damaged("it is impossibly large").context(place()).into());
        }
        let bytes = std::fs::read(path).with_context(place)?;
        Ok(Bundle::of_bytes(&bytes).map_err(|error| error.context(place()))?)
    }

    fn of_bytes(bytes: &[u8]) -> Result<Bundle, Error> {
        let (head, tensors) = TensorsReader::open(bytes, KEY).map_err(|what| damaged(&what))?;
        let head: BundleHead = head
            .filter(|head: &BundleHead| head.schema == SCHEMA)
            .ok_or_else(|| damaged(&format!("it does not say {SCHEMA}")))?;
        let doubles = |name: &str| tensors.doubles(name).map_err(|what| damaged(&what));
        let layers = 0..head.layers.len();
        let references = layers.clone().map(|layer| {
            let columns = head.layers[layer].columns.clone();
            let values = tensors.singles(&format!("{layer}.reference")).map_err(|what| damaged(&what))?;
            Features::new(values, columns)
        });
        let calibrations = layers.clone().map(|layer| {
            let detectors = 0..head.detectors.len();
            detectors.map(|detector| doubles(&format!("{layer}.{detector}.calibration"))).collect()
        });
        let has_ranges = tensors.has_ending(".ranges");
        let ranges = layers.clone().map(|layer| ranges_of(&tensors, layer, head.layers[layer].shape[0]));
        let bundle = Bundle {
            samples: tensors.whole("samples").map_err(|what| damaged(&what))?,
            covariate: doubles("covariate")?,
            references: references.collect::<Result<_, _>>()?,
            ranges: if has_ranges { Some(ranges.collect::<Result<_, _>>()?) } else { None },
            calibrations: calibrations.collect::<Result<_, _>>()?,
            fused: doubles("fused.calibration")?,
            head,
        };
        let counts = bundle.references.iter().all(|reference| reference.samples() == bundle.samples.len());
        let scores = bundle.calibrations.iter().flatten().all(|scores| scores.len() == bundle.fused.len());
        let covariates = if bundle.head.condition.is_some() { bundle.samples.len() } else { 0 };
        let numbers = bundle.calibrations.iter().flatten().flatten().chain(&bundle.fused).chain(&bundle.covariate);
        let finite = numbers.into_iter().all(|number| number.is_finite()) && bundle.covariate.len() == covariates;
        if !(counts && scores && finite) || bundle.head.layers.is_empty() || bundle.head.detectors.is_empty() {
            return Err(damaged("its parts do not fit together"));
        }
        Ok(bundle)
    }
}

fn ranges_of(tensors: &TensorsReader<'_>, layer: usize, channels: usize) -> Result<ChannelRanges, Error> {
    // Two samples of one position: the lows and the highs.
    let bounds = tensors.singles(&format!("{layer}.ranges")).map_err(|what| damaged(&what))?;
    let mut ranges = ChannelRanges::new(channels);
    ranges.update(&Activations::new(&bounds, MapShape { channels, height: 1, width: 1 })?)?;
    Ok(ranges)
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Source, format!("not a bundle of detectors: {what}"))
        .hint("bundles are made by `napscope ood fit`; make it again if it was damaged")
}
