//! Streams samples through a network and lends the activations of the tapped layers, batch by batch.
//!
//! The same bytes come out for any batch size and any number of threads. Engines do not promise that by themselves: a
//! product of one row may be rounded differently from the same row in a product of eight. So the network always runs on a
//! fixed number of samples at once, its *grain*; the last one is filled up with copies of the last sample, whose results
//! are dropped. And the grain is more than one only where a trial shows that a sample's results are the same bits in every
//! place of it, so that no result hangs on which samples happen to be neighbors.

use crate::arrange::arranged;
use crate::engine::{Choice, Engine, Output};
use crate::layers::{Layers, Value};
use crate::model::{Input, Model};
use crate::tensor::InputTensor;
use napscope::activations::{Activations, Batch, Layer};
use napscope::{Error, ErrorKind, Result};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Samples of a small network that run at once: the cost of starting each operator is shared, the memory still small.
const GRAIN: usize = 8;

/// Above this many bytes of all the values of one sample, a sample keeps the engine busy on its own.
const SMALL: usize = 4 << 20;

/// Reads samples: one tensor an input of the model, in their order, with one row a sample of the range.
pub type Read<'a> = &'a (dyn Fn(Range<usize>) -> Result<Vec<InputTensor>> + Sync);

/// Takes what was tapped.
pub type Sink<'a> = &'a (dyn Fn(Batch<'_>) -> Result<()> + Sync);

/// How the samples stream. Neither number changes a bit of what comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streaming {
    /// Worker threads, each of which runs the whole network; at least 1.
    pub threads: usize,
    /// Samples that a worker reads at once; rounded up to a whole number of grains.
    pub batch: usize,
}

/// A network loaded so that it delivers some of its layers.
pub struct Tap {
    engine: Box<dyn Engine>,
    inputs: Vec<Input>,
    sample_shapes: Vec<Vec<usize>>,
    values: Vec<Value>,
    layers: Vec<Layer>,
    grain: usize,
    live_bytes: usize,
    model_bytes: usize,
}

impl Tap {
    /// Loads `model` to deliver the values `selected` (indices into `layers.values`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when nothing is selected, [`ErrorKind::Source`] when the engine fails.
    pub fn new(model: &Model, engine: &Choice, layers: &Layers, selected: &[usize]) -> Result<Tap> {
        if selected.is_empty() {
            return Err(Error::new(ErrorKind::InvalidParameter, "no layer is selected"));
        }
        let values: Vec<Value> = selected.iter().map(|&index| layers.values[index].clone()).collect();
        let taps: Vec<&str> = values.iter().map(|value| value.tensor.as_str()).collect();
        let wanted = model.fixed_batch().unwrap_or(if layers.live_bytes <= SMALL { GRAIN } else { 1 });
        let trial = model.made_up(&layers.sample_shapes, wanted, 1);
        let engine = engine.load(model, &taps, &trial)?;
        let mut tap = Tap {
            engine,
            inputs: model.inputs().to_vec(),
            sample_shapes: layers.sample_shapes.clone(),
            layers: values.iter().map(|value| Layer { name: value.name.clone(), shape: value.map }).collect(),
            values,
            grain: wanted,
            live_bytes: layers.live_bytes,
            model_bytes: model.weight_bytes()?,
        };
        if model.fixed_batch().is_none() && !tap.same_bits_in_every_place(&trial)? {
            tap.grain = 1;
        }
        Ok(tap)
    }

    /// The tapped layers, in the order of the selection.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Samples that the network runs at once.
    pub fn grain(&self) -> usize {
        self.grain
    }

    /// Bytes that a run holds at once, estimated: the weights, and a thread's share: the samples it read, the values that
    /// live in the network at once, and the tapped ones, which an engine holds until the end of its run.
    pub fn memory(&self, streaming: Streaming) -> usize {
        let read: usize = self.sample_shapes.iter().map(|shape| shape.iter().product::<usize>()).sum::<usize>() * 8;
        let tapped: usize = self.values.iter().map(|value| value.bytes).sum();
        let arranged = self.values.iter().map(|value| value.bytes).max().unwrap_or(0);
        let worker = read * self.chunk(streaming.batch) + (read + tapped + arranged + self.live_bytes) * self.grain;
        let threads = streaming.threads.max(1);
        let copies = if self.engine.copies_weights() { threads } else { 1 };
        copies * self.model_bytes + threads * worker
    }

    /// Refuses a run that would hold more than `limit` bytes at once.
    ///
    /// # Errors
    /// [`ErrorKind::MemoryLimit`] naming the largest layer.
    pub fn check_memory(&self, streaming: Streaming, limit: usize) -> Result<()> {
        let needed = self.memory(streaming);
        let Some(largest) = self.values.iter().max_by_key(|value| value.bytes).filter(|_| needed > limit) else {
            return Ok(());
        };
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        Err(Error::new(
            ErrorKind::MemoryLimit,
            format!(
                "tapping {} layers with {} threads needs about {} MiB, the limit is {} MiB",
                self.values.len(),
                streaming.threads,
                mib(needed),
                mib(limit)
            ),
        )
        .hint(format!(
            "tap fewer layers (the largest is {}, {} KiB a sample), take fewer threads or a smaller batch, or raise the limit",
            largest.name,
            largest.bytes.div_ceil(1024)
        )))
    }

    /// Runs the samples `0 .. samples` once and lends every tapped layer's activations to `sink`, in any order and from
    /// several threads; a batch's `layer` is an index into [`layers`](Self::layers).
    ///
    /// # Errors
    /// The reader's, the sink's or the engine's, that of the earliest samples if several fail.
    pub fn run(&self, samples: usize, streaming: Streaming, read: Read<'_>, sink: Sink<'_>) -> Result<()> {
        let chunk = self.chunk(streaming.batch);
        let chunks = samples.div_ceil(chunk);
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || {
            let mut buffer = Vec::new();
            while failed().is_none() {
                // Chunks are taken in their order, so when one fails, those before it are done or under way.
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= chunks {
                    break;
                }
                let range = index * chunk..samples.min((index + 1) * chunk);
                if let Err(error) = self.run_chunk(range, read, sink, &mut buffer) {
                    let mut first = failed();
                    if first.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                        *first = Some((index, error));
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..streaming.threads.min(chunks) {
                scope.spawn(work);
            }
            work();
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), |(_, error)| Err(error))
    }

    fn chunk(&self, batch: usize) -> usize {
        batch.max(1).next_multiple_of(self.grain)
    }

    fn run_chunk(&self, range: Range<usize>, read: Read<'_>, sink: Sink<'_>, buffer: &mut Vec<f32>) -> Result<()> {
        let inputs = read(range.clone())?;
        self.check(&inputs, range.len())?;
        for first in (0..range.len()).step_by(self.grain) {
            let grain: Vec<InputTensor> = inputs.iter().map(|input| input.padded(first, self.grain)).collect();
            let rows = self.grain.min(range.len() - first);
            self.engine.run(&grain, &mut |layer, output| {
                let values = self.arranged(layer, &output, rows, buffer)?;
                let activations = Activations::new(values, self.layers[layer].shape)?;
                sink(Batch { layer, first: range.start + first, activations })
            })?;
        }
        Ok(())
    }

    /// What a reader gave, against what the model declares and what the layers were listed for.
    fn check(&self, inputs: &[InputTensor], samples: usize) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            return Err(Error::shape("the model's inputs", [self.inputs.len()], [inputs.len()]));
        }
        for ((tensor, input), shape) in inputs.iter().zip(&self.inputs).zip(&self.sample_shapes) {
            let expected = [&[samples], shape.as_slice()].concat();
            if tensor.shape() != expected {
                return Err(Error::shape(
                    &format!("the data for the model's input `{}`", input.name),
                    expected,
                    tensor.shape(),
                ));
            }
            tensor.check_type(&input.name, input.dtype)?;
        }
        Ok(())
    }

    /// The first `rows` samples of a tapped value, samples first, then channels, then the other axes.
    fn arranged<'v>(
        &self,
        layer: usize,
        output: &Output<'v>,
        rows: usize,
        buffer: &'v mut Vec<f32>,
    ) -> Result<&'v [f32]> {
        let value = &self.values[layer];
        let mut expected = value.shape.clone();
        expected[value.batch_axis] = self.grain;
        if output.shape != expected || output.values.len() != value.map.len() * self.grain {
            return Err(Error::shape(&format!("layer {}", value.name), expected, output.shape)
                .hint("its shape depends on the data: it cannot be tapped"));
        }
        Ok(arranged(output.values, output.shape, value.batch_axis, value.channel_axis, rows, buffer))
    }

    /// Whether a sample's results are the same bits in every place among others: first among copies of itself, then
    /// before other samples.
    fn same_bits_in_every_place(&self, others: &[InputTensor]) -> Result<bool> {
        let copies: Vec<InputTensor> = others.iter().map(|input| input.padded(0, 1).padded(0, self.grain)).collect();
        let among_copies = self.hashes(&copies)?;
        let among_others = self.hashes(others)?;
        let alike = |(copies, others): (&Vec<u64>, &Vec<u64>)| copies.iter().all(|hash| *hash == others[0]);
        Ok(among_copies.iter().zip(&among_others).all(alike))
    }

    /// A hash of every sample's bits of every tapped value: `[layer][sample]`.
    fn hashes(&self, inputs: &[InputTensor]) -> Result<Vec<Vec<u64>>> {
        let mut buffer = Vec::new();
        let mut hashes = Vec::new();
        self.engine.run(inputs, &mut |layer, output| {
            let values = self.arranged(layer, &output, self.grain, &mut buffer)?;
            let hash = |sample: &[f32]| {
                let mut hasher = DefaultHasher::new();
                sample.iter().for_each(|value| value.to_bits().hash(&mut hasher));
                hasher.finish()
            };
            hashes.push(values.chunks(self.values[layer].map.len()).map(hash).collect());
            Ok(())
        })?;
        Ok(hashes)
    }
}
