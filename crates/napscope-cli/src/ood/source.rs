//! Which samples a detector learns from and which it is calibrated on, and how later data are opened like the first.

use super::bundle::BundleHead;
use crate::question::{self, Question};
use crate::settings::Settings;
use napscope::activations::ActivationSource;
use napscope::pipeline;
use napscope::sketch::FittedSketch;
use napscope::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Settings that decide what a network is fed with: data are judged as they were learned from.
const SHAPING: &[&str] =
    &["input", "preset", "resize", "crop", "mean", "std", "scale", "color", "layout", "channel-axis"];

/// The settings of [`SHAPING`] that were given.
pub(super) fn shaping(settings: &Settings) -> BTreeMap<String, Vec<String>> {
    let given = SHAPING.iter().filter_map(|name| Some((name.to_string(), settings.given(name)?.texts.clone())));
    given.collect()
}

/// Opens `data` as the bundle's first data were opened: the same network, layers and preparation.
///
/// # Errors
/// When the network is another one, and what [`question::open`] refuses.
pub fn open_like(
    head: &BundleHead,
    settings: &Settings,
    model: Option<&Path>,
    data: &str,
    memory_limit: u64,
) -> anyhow::Result<Question> {
    let mut settings = settings.clone();
    settings.set("data", vec![data.to_owned()]);
    settings.set("layer", head.layers.iter().map(|layer| layer.name.clone()).collect());
    for (name, texts) in &head.shaping {
        if let Some(name) = SHAPING.iter().find(|known| *known == name) {
            settings.set(name, texts.clone());
        }
    }
    if let (Some(facts), None) = (&head.model, model) {
        return Err(Error::new(ErrorKind::InvalidParameter, format!("the detectors judge layers of {}", facts.name))
            .hint("name the network behind the bundle: napscope ood score BUNDLE MODEL --data PATH")
            .into());
    }
    let question = question::open(&settings, model, memory_limit)?;
    let hash = |facts: &Option<crate::report::FileFacts>| facts.as_ref().map(|facts| facts.sha256.clone());
    if hash(&question.model) != hash(&head.model) {
        let name = head.model.as_ref().map_or("ready-made activations", |facts| &facts.name);
        return Err(Error::new(
            ErrorKind::InvalidParameter,
            "the network is not the one that the detectors learned from",
        )
        .hint(format!("they learned from {name}; fit them again for another network"))
        .into());
    }
    for (layer, known) in question.source.layers().iter().zip(&head.layers) {
        let shape = [layer.shape.channels, layer.shape.height, layer.shape.width];
        if layer.name != known.name || shape[0] != known.shape[0] {
            return Err(Error::shape("channels", known.shape, shape).context(format!("layer {}", known.name)).into());
        }
    }
    Ok(question)
}

/// Parts the samples by a hash of their content into those to learn from and a share `held_out` to calibrate on: neither
/// the order of the samples nor their number decides where one goes, and twins go the same way.
///
/// # Errors
/// The source's.
pub fn split(source: &dyn ActivationSource, held_out: f64) -> Result<[Vec<usize>; 2]> {
    let mut parts = [Vec::new(), Vec::new()];
    for sample in 0..source.samples() {
        let mixed = mix(source.content_key(sample)?);
        let to_calibrate = (mixed as f64 / u64::MAX as f64) < held_out;
        parts[usize::from(to_calibrate)].push(sample);
    }
    Ok(parts)
}

/// The finishing steps of SplitMix64: keys that choose the calibration of ranges must not choose here too.
fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The features of `samples`, layer by layer.
///
/// # Errors
/// The source's; Ctrl-C; NaN or infinity with layer, sample and channel.
pub(super) fn rows(
    source: &dyn ActivationSource,
    sketches: &[Box<dyn FittedSketch>],
    samples: &[usize],
) -> Result<Vec<napscope::features::Features>> {
    let rows = pipeline::sketch_samples(source, sketches, samples, &|_| crate::interrupt::check())?;
    let layers = rows.into_iter().zip(sketches).zip(source.layers());
    layers
        .map(|((rows, sketch), layer)| {
            napscope::features::Features::new(rows, sketch.columns().to_vec())
                .map_err(|error| error.context(format!("layer {}", layer.name)))
        })
        .collect()
}
