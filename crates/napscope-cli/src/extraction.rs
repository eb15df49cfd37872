//! From a source to features on the disk, chunk by chunk: memory does not grow with the number of samples, and a run that is
//! stopped goes on behind the last chunk that `state.json` vouches for.

use crate::files::features::{FeaturesHead, FeaturesWriter};
use crate::interrupt;
use crate::run_folder::{RunFolder, layer_file};
use anyhow::Context;
use napscope::activations::ActivationSource;
use napscope::features::check_finite;
use napscope::pipeline;
use napscope::sketch::{FittedSketch, Sketch};
use std::time::{Duration, Instant};

/// A stop loses about this much work at most.
const CHUNK_TIME: Duration = Duration::from_secs(2);
const SMALLEST_CHUNK: usize = 64;
/// The rows of a chunk, of all layers, never take more than this (in bytes), so that memory does not grow with n.
const CHUNK_BYTES: usize = 32 << 20;

/// Samples of the largest chunk, when a sample's features of all layers are `columns` numbers.
pub fn largest_chunk(columns: usize) -> usize {
    (CHUNK_BYTES / (4 * columns.max(1))).clamp(SMALLEST_CHUNK, 4096)
}

/// What is to be extracted, and how it is told of.
pub struct Extraction<'a> {
    /// Where activations come from.
    pub source: &'a dyn ActivationSource,
    /// What is kept of them.
    pub sketch: &'a dyn Sketch,
    /// The sketch as the user wrote it.
    pub spec: &'a str,
    /// Samples that settle the channels' ranges.
    pub calibration: usize,
    /// What decides the features.
    pub fingerprint: &'a str,
    /// No progress.
    pub quiet: bool,
}

impl Extraction<'_> {
    /// Writes `features/*.safetensors` into the part of `folder` that is being worked on.
    ///
    /// # Errors
    /// The source's and the sketch's; NaN or infinity with layer, sample and channel; a full disk; Ctrl-C.
    pub fn run(&self, folder: &mut RunFolder) -> anyhow::Result<()> {
        let samples = self.source.samples();
        if folder.state.samples_done >= samples {
            return Ok(());
        }
        let bar = crate::progress::bar("samples", samples, self.quiet);
        bar.set_position(folder.state.samples_done as u64);
        bar.set_message(if self.sketch.needs_ranges() { "calibrating" } else { "running the network" });
        let sketches = pipeline::fit_sketches(self.source, self.sketch, self.calibration)?;
        bar.set_message("sketching the layers");
        bar.reset_elapsed();
        let mut writers = self.writers(folder, &sketches)?;
        let layers = self.source.layers().len();
        let mut chunk = SMALLEST_CHUNK;
        let largest = largest_chunk(sketches.iter().map(|sketch| sketch.columns().len()).sum());
        while folder.state.samples_done < samples {
            let first = folder.state.samples_done;
            let wanted: Vec<usize> = (first..(first + chunk).min(samples)).collect();
            let begun = Instant::now();
            let part = std::sync::atomic::AtomicUsize::new(0);
            let rows = pipeline::sketch_samples(self.source, &sketches, &wanted, &|done| {
                let sum = part.fetch_add(done, std::sync::atomic::Ordering::Relaxed) + done;
                bar.set_position((first + sum / layers) as u64);
                interrupt::check()
            })?;
            for ((rows, sketch), (writer, layer)) in
                rows.iter().zip(&sketches).zip(writers.iter_mut().zip(self.source.layers()))
            {
                check_finite(rows, sketch.columns(), first)
                    .map_err(|error| error.context(format!("layer {}", layer.name)))?;
                writer.append(rows)?;
            }
            folder.state.samples_done += wanted.len();
            folder.save_state()?;
            if begun.elapsed() < CHUNK_TIME / 2 {
                chunk = (chunk * 2).min(largest);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Columns that the sketch gives for each layer.
    ///
    /// # Errors
    /// The sketch's.
    pub fn columns(&self) -> anyhow::Result<Vec<usize>> {
        let layers = self.source.layers().iter();
        layers
            .map(|layer| {
                let ranges = crate::recipe::made_up_ranges(layer.shape)?;
                let fitted = self.sketch.fit(layer.shape, Some(&ranges));
                Ok(fitted.map_err(|error| error.context(format!("layer {}", layer.name)))?.columns().len())
            })
            .collect()
    }

    fn writers(&self, folder: &RunFolder, sketches: &[Box<dyn FittedSketch>]) -> anyhow::Result<Vec<FeaturesWriter>> {
        let layers = self.source.layers().iter().enumerate().zip(sketches);
        layers
            .map(|((index, layer), sketch)| {
                let head = FeaturesHead {
                    layer: layer.name.clone(),
                    shape: [layer.shape.channels, layer.shape.height, layer.shape.width],
                    sketch: self.spec.to_owned(),
                    fingerprint: self.fingerprint.to_owned(),
                    samples: self.source.samples(),
                    columns: sketch.columns().to_vec(),
                };
                let path = folder.partial("features").join(format!("{}.safetensors", layer_file(index, &layer.name)));
                FeaturesWriter::open(&path, &head, folder.state.samples_done)
                    .with_context(|| format!("layer {}", layer.name))
            })
            .collect()
    }
}
