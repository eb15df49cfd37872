//! Fitted detectors as one safetensors file: what they learned from and how, and the scores that they are calibrated by.
//!
//! Detectors are fitted anew when a bundle is opened: fitting is deterministic, the same bytes come out on every machine,
//! and nothing that could run is ever stored.

use crate::files::atomic;
use crate::report::FileFacts;
use anyhow::Context;
use napscope::activations::{Activations, MapShape};
use napscope::features::{Column, Features};
use napscope::ood::Fusion;
use napscope::sketch::ChannelRanges;
use napscope::{Error, ErrorKind};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Layout of a bundle.
pub const SCHEMA: &str = "napscope.ood/2";

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

/// A tensor that is still bytes.
struct Raw(Dtype, Vec<usize>, Vec<u8>);

impl Bundle {
    /// Writes the bundle, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut tensors: BTreeMap<String, Raw> = BTreeMap::new();
        let singles = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let doubles = |values: &[f64]| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            Raw(Dtype::F64, vec![values.len()], bytes)
        };
        for (layer, reference) in self.references.iter().enumerate() {
            let shape = vec![reference.samples(), reference.columns().len()];
            tensors.insert(format!("{layer}.reference"), Raw(Dtype::F32, shape, singles(reference.values())));
            for (detector, scores) in self.calibrations[layer].iter().enumerate() {
                tensors.insert(format!("{layer}.{detector}.calibration"), doubles(scores));
            }
        }
        for (layer, ranges) in self.ranges.iter().flatten().enumerate() {
            let bounds: Vec<(f32, f32)> = (0..ranges.channels()).map(|channel| ranges.of(channel)).collect();
            let (low, high): (Vec<f32>, Vec<f32>) = bounds.into_iter().unzip();
            let shape = vec![2, ranges.channels()];
            tensors.insert(format!("{layer}.ranges"), Raw(Dtype::F32, shape, singles(&[low, high].concat())));
        }
        let samples = self.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        tensors.insert("samples".into(), Raw(Dtype::U64, vec![self.samples.len()], samples));
        tensors.insert("fused.calibration".into(), doubles(&self.fused));
        tensors.insert("covariate".into(), doubles(&self.covariate));
        let views = tensors
            .iter()
            .map(|(name, Raw(dtype, shape, bytes))| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let metadata = HashMap::from([("napscope.ood".to_owned(), serde_json::to_string(&self.head)?)]);
        Ok(atomic::write(path, &safetensors::serialize(views, Some(metadata))?)?)
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
        let no = |error: safetensors::SafeTensorError| damaged(&format!("no safetensors file: {error}"));
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(no)?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get("napscope.ood"));
        let head: BundleHead = text
            .and_then(|text| serde_json::from_str(text).ok())
            .filter(|head: &BundleHead| head.schema == SCHEMA)
            .ok_or_else(|| damaged(&format!("it does not say {SCHEMA}")))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(no)?;
        let reader = Reader { tensors };
        let layers = 0..head.layers.len();
        let references = layers.clone().map(|layer| {
            let columns = head.layers[layer].columns.clone();
            Features::new(reader.singles(&format!("{layer}.reference"))?, columns)
        });
        let calibrations = layers.clone().map(|layer| {
            let detectors = 0..head.detectors.len();
            detectors.map(|detector| reader.doubles(&format!("{layer}.{detector}.calibration"))).collect()
        });
        let has_ranges = reader.tensors.names().iter().any(|name| name.ends_with(".ranges"));
        let ranges = layers.clone().map(|layer| reader.ranges(layer, head.layers[layer].shape[0]));
        let bundle = Bundle {
            samples: reader.whole("samples")?,
            covariate: reader.doubles("covariate")?,
            references: references.collect::<Result<_, _>>()?,
            ranges: if has_ranges { Some(ranges.collect::<Result<_, _>>()?) } else { None },
            calibrations: calibrations.collect::<Result<_, _>>()?,
            fused: reader.doubles("fused.calibration")?,
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

struct Reader<'a> {
    tensors: SafeTensors<'a>,
}

impl Reader<'_> {
    fn bytes(&self, name: &str, dtype: Dtype) -> Result<&[u8], Error> {
        let tensor = self.tensors.tensor(name).map_err(|_| damaged(&format!("it holds no `{name}`")))?;
        if tensor.dtype() != dtype {
            return Err(damaged(&format!("`{name}` holds {:?}, not {dtype:?}", tensor.dtype())));
        }
        Ok(tensor.data())
    }

    fn singles(&self, name: &str) -> Result<Vec<f32>, Error> {
        Ok(self.bytes(name, Dtype::F32)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn doubles(&self, name: &str) -> Result<Vec<f64>, Error> {
        Ok(self.bytes(name, Dtype::F64)?.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    fn whole(&self, name: &str) -> Result<Vec<u64>, Error> {
        Ok(self.bytes(name, Dtype::U64)?.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }

    fn ranges(&self, layer: usize, channels: usize) -> Result<ChannelRanges, Error> {
        // Two samples of one position: the lows and the highs.
        let bounds = self.singles(&format!("{layer}.ranges"))?;
        let mut ranges = ChannelRanges::new(channels);
        ranges.update(&Activations::new(&bounds, MapShape { channels, height: 1, width: 1 })?)?;
        Ok(ranges)
    }
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Source, format!("not a bundle of detectors: {what}"))
        .hint("bundles are made by `napscope ood fit`; make it again if it was damaged")
}
