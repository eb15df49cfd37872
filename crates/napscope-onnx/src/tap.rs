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
use crate::probe;
use crate::tensor::InputTensor;
use napscope::activations::{Activations, Batch, Layer};
use napscope::{Error, ErrorKind, Result};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most samples that run at once. Of what small networks gain by sharing the cost of starting each operator, most is
/// gained by then.
const MOST: usize = 16;

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
        let wanted = model.fixed_batch().unwrap_or(grain(layers, engine.grain_bytes()));
        let trial = probe::made_up(model, &layers.sample_shapes, wanted, 1);
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
        if model.fixed_batch().is_none() && tap.grain > 1 && !tap.same_bits_in_every_place(&trial)? {
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

/// The samples of a network without a fixed batch that run at once: a power of two, whose values take `budget` bytes at
/// most. It hangs on the network and the engine alone, not on which layers are tapped.
fn grain(layers: &Layers, budget: usize) -> usize {
    let sample = layers.live_bytes + layers.values.iter().map(|value| value.bytes).sum::<usize>();
    1 << (budget / sample.max(1)).clamp(1, MOST).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Visit;
    use crate::model::Dim;
    use crate::tensor::{DataType, InputData};
    use napscope::activations::MapShape;

    /// Doubles its input, and adds `slope` times the place of a sample in the grain.
    struct Doubling {
        slope: f32,
    }

    impl Engine for Doubling {
        fn run(&self, inputs: &[InputTensor], visit: Visit<'_>) -> Result<()> {
            let InputData::Float(values) = inputs[0].data() else {
                return Err(Error::new(ErrorKind::Source, "no floats"));
            };
            let doubled: Vec<f32> =
                values.iter().enumerate().map(|(place, value)| 2.0 * value + self.slope * (place / 3) as f32).collect();
            visit(0, Output { dtype: DataType::Float32, shape: inputs[0].shape(), values: &doubled })
        }

        fn copies_weights(&self) -> bool {
            true
        }
    }

    fn doubling(slope: f32, grain: usize) -> Tap {
        let map = MapShape { channels: 3, height: 1, width: 1 };
        Tap {
            engine: Box::new(Doubling { slope }),
            inputs: vec![Input {
                name: "x".into(),
                dtype: DataType::Float32,
                shape: vec![Dim::Dynamic("n".into()), Dim::Fixed(3)],
            }],
            sample_shapes: vec![vec![3]],
            values: vec![Value {
                name: "double".into(),
                aliases: vec![],
                tensor: "double".into(),
                operator: "Mul".into(),
                dtype: DataType::Float32,
                shape: vec![1, 3],
                batch_axis: 0,
                channel_axis: Some(1),
                map,
                bytes: 12,
            }],
            layers: vec![Layer { name: "double".into(), shape: map }],
            grain,
            live_bytes: 24,
            model_bytes: 1000,
        }
    }

    /// Sample `i` is (3i, 3i + 1, 3i + 2).
    fn counting(rows: Range<usize>) -> Result<Vec<InputTensor>> {
        let values = (rows.start * 3..rows.end * 3).map(|i| i as f32).collect();
        Ok(vec![InputTensor::new(vec![rows.len(), 3], InputData::Float(values))?])
    }

    #[test]
    fn a_sample_that_hangs_on_its_place_is_found() {
        let others = counting(0..4).expect("four samples");
        for (slope, expected) in [(0.0, true), (1e-3, false)] {
            assert_eq!(
                doubling(slope, 4).same_bits_in_every_place(&others).expect("it runs"),
                expected,
                "slope {slope}"
            );
        }
    }

    #[test]
    fn every_sample_comes_once() {
        for (samples, grain, batch, threads) in
            [(0, 4, 4, 1), (1, 4, 4, 2), (9, 4, 1, 3), (9, 4, 5, 2), (8, 1, 3, 2), (5, 8, 100, 1)]
        {
            let seen = Mutex::new(Vec::new());
            let tap = doubling(0.0, grain);
            let sink = |batch: Batch<'_>| {
                let rows = 0..batch.activations.samples();
                let mut seen = seen.lock().expect("no sink panics");
                seen.extend(rows.map(|row| (batch.first + row, batch.activations.sample(row).to_vec())));
                Ok(())
            };
            tap.run(samples, Streaming { threads, batch }, &counting, &sink).expect("it runs");
            let mut seen = seen.into_inner().expect("no sink panics");
            seen.sort_by_key(|(sample, _)| *sample);
            let expected: Vec<(usize, Vec<f32>)> =
                (0..samples).map(|i| (i, (3 * i..3 * i + 3).map(|value| 2.0 * value as f32).collect())).collect();
            assert_eq!(seen, expected, "{samples} samples, grain {grain}, batch {batch}, {threads} threads");
        }
    }

    #[test]
    fn the_earliest_error_ends_the_run() {
        let tap = doubling(0.0, 2);
        let streaming = Streaming { threads: 3, batch: 2 };
        let at = |error: &str, first: usize| Error::new(ErrorKind::Source, format!("{error} at {first}"));
        let read =
            |rows: Range<usize>| if rows.start >= 6 { Err(at("unreadable", rows.start)) } else { counting(rows) };
        let error = tap.run(100, streaming, &read, &|_| Ok(())).expect_err("the reader fails");
        assert_eq!(error.to_string(), "unreadable at 6");
        let sink = |batch: Batch<'_>| if batch.first >= 4 { Err(at("full", batch.first)) } else { Ok(()) };
        let error = tap.run(100, streaming, &read, &sink).expect_err("the sink fails");
        assert_eq!(error.to_string(), "full at 4");
    }

    #[test]
    fn data_that_do_not_fit_are_refused_by_name() {
        let tap = doubling(0.0, 2);
        let tensor =
            |shape: &[usize], data: InputData| InputTensor::new(shape.to_vec(), data).expect("it fills its shape");
        for (inputs, expected) in [
            (vec![], "the model's inputs: expected shape [1], got [0]"),
            (
                vec![tensor(&[2, 4], InputData::Float(vec![0.0; 8]))],
                "the model's input `x`: expected shape [2, 3], got [2, 4]",
            ),
            (vec![tensor(&[1, 3], InputData::Float(vec![0.0; 3]))], "expected shape [2, 3], got [1, 3]"),
            (vec![tensor(&[2, 3], InputData::Integer(vec![0; 6]))], "`x` is float32, the data are integers"),
        ] {
            let read = |_: Range<usize>| Ok(inputs.clone());
            let error = tap.run(2, Streaming { threads: 1, batch: 2 }, &read, &|_| Ok(())).expect_err(expected);
            assert!(error.to_string().contains(expected), "`{error}` should contain `{expected}`");
        }
    }

    #[test]
    fn memory_is_bounded_and_a_limit_refuses() {
        let tap = doubling(0.0, 4);
        let one = tap.memory(Streaming { threads: 1, batch: 1 });
        let two = tap.memory(Streaming { threads: 2, batch: 1 });
        assert_eq!(two, 2 * one, "this engine copies its weights for each thread");
        assert!(tap.memory(Streaming { threads: 1, batch: 100 }) > one, "a larger batch is read at once");
        let streaming = Streaming { threads: 1, batch: 1 };
        assert!(tap.check_memory(streaming, one).is_ok(), "it fits exactly");
        let error = tap.check_memory(streaming, one - 1).expect_err("it does not fit");
        assert_eq!(error.kind(), ErrorKind::MemoryLimit);
        assert!(error.how_to_mend().unwrap_or_default().contains("double"), "the largest layer is named");
    }
}
