//! A training on disk, whole: weights, running moments, the optimiser's memory, the configuration, the step.
//!
//! A safetensors file. Its tensors bear the names of the network's (so that other tools can read them), its metadata is one JSON
//! text with a checksum over all numbers. It is written beside and moved into place, so a crash leaves the one before.

use crate::config::TrainConfig;
use crate::optimizer::Optimizer;
use crate::trainer::Trainer;
use crate::weights::Weights;
use anyhow::{Context, Result, bail};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, rename};
use std::io::Write;
use std::path::Path;

/// The one key of the metadata.
const KEY: &str = "napscope.checkpoint";

/// The version that this crate writes and reads.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Metadata {
    version: u32,
    step: u64,
    /// The configuration as TOML.
    config: String,
    /// CRC-32 over the bytes of all tensors, in the order of their names.
    crc32: u32,
}

/// A tensor of the file.
struct Entry {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Entry {
    fn new(name: String, shape: Vec<usize>, values: &[f32]) -> Self {
        Entry { name, shape, bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect() }
    }
}

/// The tensors of a training, in the order of their names.
fn entries(trainer: &Trainer) -> Vec<Entry> {
    let (weights, optimizer) = (&trainer.weights, &trainer.optimizer);
    let of_weights = weights
        .ranges()
        .map(|(parameter, range)| Entry::new(parameter.name.clone(), parameter.shape.clone(), &weights.values[range]));
    let mut list: Vec<Entry> = of_weights.collect();
    list.push(Entry::new("optimizer.first".into(), vec![optimizer.first.len()], &optimizer.first));
    list.push(Entry::new("optimizer.second".into(), vec![optimizer.second.len()], &optimizer.second));
    list.push(Entry::new("running.moments".into(), vec![weights.moments.len() / 2, 2], &weights.moments));
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

fn crc32(entries: &[Entry]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    entries.iter().for_each(|entry| hasher.update(&entry.bytes));
    hasher.finalize()
}

/// Writes the training to `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn save(trainer: &Trainer, path: &Path) -> Result<()> {
    let entries = entries(trainer);
    let metadata = Metadata {
        version: VERSION,
        step: trainer.steps_done(),
        config: toml::to_string(&trainer.config)?,
        crc32: crc32(&entries),
    };
    let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&metadata)?)]);
    let views = entries
        .iter()
        .map(|entry| Ok((entry.name.as_str(), TensorView::new(Dtype::F32, entry.shape.clone(), &entry.bytes)?)));
    let bytes = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?;
    write_atomically(path, &bytes)
}

/// Writes a file beside `path` and moves it there.
///
/// # Errors
/// When it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_added_extension("tmp");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename(&beside, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a training from `path`.
///
/// # Errors
/// When the file is no checkpoint of this version, is damaged, or does not fit its own configuration.
pub fn load(path: &Path) -> Result<Trainer> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    read(&bytes).with_context(|| format!("{} cannot be gone on with", path.display()))
}

fn read(bytes: &[u8]) -> Result<Trainer> {
    let (_, header) =
        SafeTensors::read_metadata(bytes).context("it is no safetensors file, or only the beginning of one")?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let text = text
        .context("it is a safetensors file of something else: a checkpoint of napscope-train has its own metadata")?;
    let metadata: Metadata = serde_json::from_str(text).context("its metadata is not that of a checkpoint")?;
    if metadata.version != VERSION {
        bail!("it is a checkpoint of version {}, and this program reads version {VERSION}", metadata.version);
    }
    let file = SafeTensors::deserialize(bytes).context("it is damaged")?;
    let mut trainer = Trainer::new(TrainConfig::from_toml(&metadata.config)?)?;
    let tensor = |name: &str, len: usize| -> Result<Vec<f32>> {
        let view = file.tensor(name).with_context(|| format!("it lacks the tensor {name}"))?;
        if view.dtype() != Dtype::F32 || view.data().len() != 4 * len {
            bail!("its tensor {name} is {:?} of {} bytes, expected {len} f32", view.dtype(), view.data().len());
        }
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok(view.data().chunks_exact(4).map(number).collect())
    };
    let Weights { values, moments, .. } = &mut trainer.weights;
    let (num_values, num_moments) = (values.len(), moments.len());
    values.clear();
    for parameter in &trainer.weights.parameters {
        trainer.weights.values.extend(tensor(&parameter.name, parameter.num_values())?);
    }
    trainer.weights.moments = tensor("running.moments", num_moments)?;
    trainer.optimizer = Optimizer {
        first: tensor("optimizer.first", num_values)?,
        second: tensor("optimizer.second", num_values)?,
        steps: metadata.step,
    };
    let found = crc32(&entries(&trainer));
    if found != metadata.crc32 {
        bail!("it is damaged: its numbers have the checksum {found:08x}, expected {:08x}", metadata.crc32);
    }
    Ok(trainer)
}
