//! Every value of a network that can really be tapped, found by letting the network run.
//!
//! A graph says little about its values: shapes may be missing, an engine may fuse a value away, a batch may end up on
//! another axis or be mixed into one. So the network runs on made-up samples with all of its values tapped, once with one
//! sample and once with two (a network of a fixed batch: twice with other neighbors of the first sample). The axis that
//! grows is the batch's; a value in which the first sample is not what it was alone is no value of a sample.

use crate::engine::{Choice, Engine};
use crate::graph::{Computed, computed, reads};
use crate::layout::{self, Shapes};
use crate::model::{Dim, Input, Model};
use crate::names;
use crate::proto::GraphProto;
use crate::tensor::{DataType, InputData, InputTensor};
use napscope::activations::MapShape;
use napscope::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// A value of a network that can be tapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The name it is listed under: the module's path where the exporter left one, else the exporter's name.
    pub name: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// The exporter's name of it in the ONNX graph.
    pub tensor: String,
    /// The operator that computes it.
    pub operator: String,
    /// The element type in the engine; activations are float32 whatever it is.
    pub dtype: DataType,
    /// Its shape in the network for one sample: `shape[batch_axis]` is 1.
    pub shape: Vec<usize>,
    /// The axis that counts the samples.
    pub batch_axis: usize,
    /// The axis that counts the channels, `None` where a sample is a single number.
    pub channel_axis: Option<usize>,
    /// The shape of one sample's activations as they are delivered: channels first, the last of the other axes as the
    /// width, those before it as the height.
    pub map: MapShape,
    /// Bytes of one sample's activations.
    pub bytes: usize,
}

/// A value that cannot be tapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The exporter's name of it.
    pub tensor: String,
    /// The operator that computes it.
    pub operator: String,
    /// Why it cannot be tapped.
    pub reason: String,
}

/// What a network can deliver for samples of one shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layers {
    /// The values that can be tapped, in the order in which the network computes them.
    pub values: Vec<Value>,
    /// The others.
    pub left_out: Vec<LeftOut>,
    /// The shape of one sample of each input of the model.
    pub sample_shapes: Vec<Vec<usize>>,
    /// Bytes of the values that the network holds at once for one sample, at most, when nothing is tapped.
    pub live_bytes: usize,
}

impl Model {
    /// Lists what the network can deliver. `sample_shapes` holds the shape of one sample of each input, without the batch
    /// axis; `None` takes them from the model, which must then fix all but the batch axis.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when a shape does not fit the model, [`ErrorKind::InvalidParameter`] when the model
    /// leaves an axis open and no shape is given, [`ErrorKind::Source`] when the engine cannot run the model.
    pub fn layers(&self, engine: &Choice, sample_shapes: Option<&[Vec<usize>]>) -> Result<Layers> {
        let sample_shapes = self.sample_shapes(sample_shapes)?;
        let values = computed(self.graph());
        let (alone, among) = match self.fixed_batch() {
            Some(batch) => (self.made_up(&sample_shapes, batch, 1), self.made_up(&sample_shapes, batch, 2)),
            None => (self.made_up(&sample_shapes, 1, 1), self.made_up(&sample_shapes, 2, 1)),
        };
        let probe = Probe { model: self, engine, inputs: [alone, among] };
        let seen = match probe.observe(&values) {
            Ok(seen) => seen.into_iter().map(Ok).collect(),
            Err(_) => {
                probe.prove_it_runs()?;
                let mut seen = vec![Err(String::new()); values.len()];
                probe.look(&values, &mut seen);
                seen
            }
        };
        Ok(list(self, &values, seen, sample_shapes))
    }

    /// The shape of one sample of every input.
    pub(crate) fn sample_shapes(&self, given: Option<&[Vec<usize>]>) -> Result<Vec<Vec<usize>>> {
        let Some(given) = given else {
            let open = |dim: &Dim, input: &str| match dim {
                Dim::Fixed(size) => Ok(*size),
                Dim::Dynamic(name) => Err(Error::new(
                    ErrorKind::InvalidParameter,
                    format!("the model's input `{input}` leaves the size of an axis open (`{name}`)"),
                )
                .hint("give the shape of one sample, or the data")),
            };
            let shape = |input: &Input| input.shape[1..].iter().map(|dim| open(dim, &input.name)).collect();
            return self.inputs().iter().map(shape).collect();
        };
        if given.len() != self.inputs().len() {
            return Err(Error::shape("the model's inputs", [self.inputs().len()], [given.len()]));
        }
        for (input, shape) in self.inputs().iter().zip(given) {
            input.check_sample(shape)?;
        }
        Ok(given.to_vec())
    }

    /// `batch` made-up samples for every input, the same first one whatever `seed` is.
    pub(crate) fn made_up(&self, sample_shapes: &[Vec<usize>], batch: usize, seed: u64) -> Vec<InputTensor> {
        let tensor = |(input, shape): (&Input, &Vec<usize>)| {
            let len: usize = shape.iter().product();
            let data = if input.dtype.is_float() {
                let sample = |index: usize| noise(if index == 0 { 0 } else { seed + index as u64 }, len);
                InputData::Float((0..batch).flat_map(sample).collect())
            } else {
                // Integers are mostly indices into tables of unknown length: 0 is in each.
                InputData::Integer(vec![0; batch * len])
            };
            InputTensor::new([&[batch], shape.as_slice()].concat(), data)
        };
        self.inputs().iter().zip(sample_shapes).filter_map(|pair| tensor(pair).ok()).collect()
    }
}

/// `len` numbers between -1 and 1 that look like chance (a linear congruential generator, Knuth's constants).
fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(&mut next).take(len).collect()
}

/// What a run showed of one value.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    dtype: DataType,
    shape: Vec<usize>,
    /// Evenly spread values of the first sample, if the first axis of the value counts the samples.
    first_sample: Vec<f32>,
    /// The largest absolute value among all.
    peak: f32,
}

struct Probe<'a> {
    model: &'a Model,
    engine: &'a Choice,
    inputs: [Vec<InputTensor>; 2],
}

impl Probe<'_> {
    /// The engine must run the model as it is; else its complaint is about the model and not about a tap.
    fn prove_it_runs(&self) -> Result<()> {
        self.engine.load(self.model, &[], &self.inputs[0]).map(|_| ())
    }

    /// Looks at `values` in both runs, where the engine cannot deliver all of them: those are found by halving.
    fn look(&self, values: &[Computed<'_>], seen: &mut [Result<[Seen; 2], String>]) {
        match self.observe(values) {
            Ok(observed) => seen.iter_mut().zip(observed).for_each(|(slot, observed)| *slot = Ok(observed)),
            Err(error) if values.len() == 1 => seen[0] = Err(error.to_string()),
            Err(_) => {
                let half = values.len() / 2;
                let (left, right) = seen.split_at_mut(half);
                self.look(&values[..half], left);
                self.look(&values[half..], right);
            }
        }
    }

    fn observe(&self, values: &[Computed<'_>]) -> Result<Vec<[Seen; 2]>> {
        let taps: Vec<&str> = values.iter().map(|value| value.tensor).collect();
        let engine = self.engine.load(self.model, &taps, &self.inputs[0])?;
        let runs = [run(&*engine, &self.inputs[0])?, run(&*engine, &self.inputs[1])?];
        let [alone, among] = runs;
        Ok(alone.into_iter().zip(among).map(|(alone, among)| [alone, among]).collect())
    }
}

fn run(engine: &dyn Engine, inputs: &[InputTensor]) -> Result<Vec<Seen>> {
    const LOOKED_AT: usize = 256;
    let mut seen = Vec::new();
    engine.run(inputs, &mut |_, output| {
        let len = output.values.len() / output.shape.first().copied().unwrap_or(1).max(1);
        let step = len.div_ceil(LOOKED_AT).max(1);
        seen.push(Seen {
            dtype: output.dtype,
            shape: output.shape.to_vec(),
            first_sample: output.values[..len].iter().step_by(step).copied().collect(),
            peak: output.values.iter().fold(0.0, |peak, value| peak.max(value.abs())),
        });
        Ok(())
    })?;
    Ok(seen)
}

fn list(
    model: &Model,
    values: &[Computed<'_>],
    seen: Vec<Result<[Seen; 2], String>>,
    sample_shapes: Vec<Vec<usize>>,
) -> Layers {
    let batches = model.fixed_batch().map_or([1, 2], |batch| [batch, batch]);
    let inputs = model.inputs().iter().zip(&sample_shapes);
    let mut shapes: Shapes<'_> =
        inputs.map(|(input, shape)| (input.name.as_str(), [&[batches[1]], shape.as_slice()].concat())).collect();
    let produced = values.iter().zip(&seen).filter_map(|(value, seen)| Some((value.tensor, seen.as_ref().ok()?)));
    // The larger batch: with one sample, its axis would be taken for any other of size one.
    shapes.extend(produced.map(|(tensor, seen)| (tensor, seen[1].shape.clone())));
    let axes = layout::channel_axes(model.graph(), &shapes);
    let live_bytes = live_bytes(model.graph(), &shapes) / batches[1];
    let mut layers = Layers { values: Vec::new(), left_out: Vec::new(), sample_shapes, live_bytes };
    let named = names::name_values(model.graph(), values);
    for ((value, seen), names) in values.iter().zip(seen).zip(named) {
        let operator = model.graph().node[value.node].op_type.clone();
        let tensor = value.tensor.to_owned();
        match seen.and_then(|[alone, among]| batch_axis(&alone, &among, batches).map(|axis| (alone, axis))) {
            Err(reason) => layers.left_out.push(LeftOut { tensor, operator, reason }),
            Ok((Seen { dtype, mut shape, .. }, batch_axis)) => {
                shape[batch_axis] = 1;
                let found = axes.get(value.tensor).copied().filter(|&axis| axis != batch_axis);
                let channel_axis = found.or_else(|| (0..shape.len()).find(|&axis| axis != batch_axis));
                let map = map_shape(&shape, batch_axis, channel_axis);
                let bytes = map.len() * size_of::<f32>();
                let names::Names { name, aliases } = names;
                layers.values.push(Value {
                    name,
                    aliases,
                    tensor,
                    operator,
                    dtype,
                    shape,
                    batch_axis,
                    channel_axis,
                    map,
                    bytes,
                });
            }
        }
    }
    layers
}

/// The most bytes that the values in `shapes` take at once, when each is dropped after its last reader.
fn live_bytes(graph: &GraphProto, shapes: &Shapes<'_>) -> usize {
    let bytes = |name: &str| shapes.get(name).map_or(0, |shape| shape.iter().product::<usize>() * size_of::<f32>());
    let mut last_reader: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        last_reader.extend(reads(node).into_iter().map(|name| (name, index)));
    }
    let mut live: usize = graph.input.iter().map(|input| bytes(&input.name)).sum();
    let mut most = live;
    for (index, node) in graph.node.iter().enumerate() {
        live += node.output.iter().map(|name| bytes(name)).sum::<usize>();
        most = most.max(live);
        let mut done = reads(node);
        done.extend(node.output.iter().map(String::as_str).filter(|name| !last_reader.contains_key(name)));
        done.sort_unstable();
        done.dedup();
        let dropped = done.into_iter().filter(|name| last_reader.get(name).is_none_or(|&last| last == index));
        live -= dropped.map(bytes).sum::<usize>().min(live);
    }
    most
}

/// The axis that counts the samples, or why there is none.
fn batch_axis(alone: &Seen, among: &Seen, batches: [usize; 2]) -> Result<usize, String> {
    if !alone.dtype.is_float() {
        return Err(format!("{} is no floating-point type", alone.dtype));
    }
    if alone.shape.contains(&0) {
        return Err("it holds no number".into());
    }
    let grown = |axis: usize| alone.shape[axis] == batches[0] && among.shape.get(axis) == Some(&batches[1]);
    let same_rank = alone.shape.len() == among.shape.len();
    let others_stay =
        |axis: usize| (0..alone.shape.len()).all(|other| other == axis || alone.shape[other] == among.shape[other]);
    let axis = if batches[0] == batches[1] {
        // Nothing grows where the batch is fixed: only the first axis can be trusted to count the samples.
        (same_rank && !alone.shape.is_empty() && grown(0) && others_stay(0)).then_some(0)
    } else {
        (0..alone.shape.len()).find(|&axis| same_rank && grown(axis) && others_stay(axis))
    };
    let Some(axis) = axis else {
        return Err(format!(
            "no axis counts the samples: its shape is {:?} for {} and {:?} for {}",
            alone.shape, batches[0], among.shape, batches[1]
        ));
    };
    // Rounding may differ between batch sizes by a few units in the last place; a neighbor's influence is no rounding.
    const ROUNDING: f32 = 1e-3;
    let differs = |(a, b): (&f32, &f32)| (a - b).abs() > ROUNDING * alone.peak.max(among.peak);
    if axis == 0 && alone.first_sample.iter().zip(&among.first_sample).any(differs) {
        return Err("a sample's values depend on the other samples of its batch".into());
    }
    Ok(axis)
}

/// Channels first, the last of the other axes as the width, those before it as the height.
pub(crate) fn map_shape(shape: &[usize], batch_axis: usize, channel_axis: Option<usize>) -> MapShape {
    let axes = (0..shape.len()).filter(|&axis| axis != batch_axis && Some(axis) != channel_axis);
    let positions: Vec<usize> = axes.map(|axis| shape[axis]).collect();
    let (width, height) = positions.split_last().map_or((1, 1), |(last, rest)| (*last, rest.iter().product()));
    MapShape { channels: channel_axis.map_or(1, |axis| shape[axis]), height, width }
}

impl Layers {
    /// The values that `patterns` name, by their index in [`values`](Self::values), each once and in that order. A pattern
    /// is a name or an alias, or one with `*` for any letters and `?` for one.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] when a pattern names nothing; a value that was left out comes with the reason.
    pub fn select(&self, patterns: &[impl AsRef<str>]) -> Result<Vec<usize>> {
        let mut selected = BTreeSet::new();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let named = self.values.iter().position(|value| value.is_called(pattern));
            let found: Vec<usize> = match named {
                Some(index) => vec![index],
                None => (0..self.values.len()).filter(|&index| self.values[index].fits(pattern)).collect(),
            };
            if found.is_empty() {
                return Err(self.unknown(pattern));
            }
            selected.extend(found);
        }
        Ok(selected.into_iter().collect())
    }

    fn unknown(&self, pattern: &str) -> Error {
        if let Some(left_out) = self.left_out.iter().find(|value| value.tensor == pattern) {
            return Error::new(ErrorKind::UnknownName, format!("`{pattern}` cannot be tapped: {}", left_out.reason));
        }
        let known = self.values.iter().flat_map(|value| value.aliases.iter().chain([&value.name]));
        Error::unknown("layer", pattern, known.map(String::as_str))
    }

    /// Takes `axis` as the channels' axis of the value at `index`; negative ones count from the last axis. The batch axis
    /// counts as an axis: 1 is NCHW, 3 or -1 is NHWC.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when the value has no such axis, or it counts the samples.
    pub fn set_channel_axis(&mut self, index: usize, axis: isize) -> Result<()> {
        let value = &mut self.values[index];
        let rank = value.shape.len() as isize;
        let axis = if axis < 0 { axis + rank } else { axis };
        match usize::try_from(axis).ok().filter(|&axis| axis < value.shape.len() && axis != value.batch_axis) {
            None => Err(Error::new(
                ErrorKind::InvalidParameter,
                format!(
                    "layer {}: its shape is {:?}, and axis {axis} cannot hold the channels",
                    value.name, value.shape
                ),
            )
            .hint(format!("axis {} counts the samples; choose another of the {rank}", value.batch_axis))),
            Some(axis) => {
                value.channel_axis = Some(axis);
                value.map = map_shape(&value.shape, value.batch_axis, Some(axis));
                Ok(())
            }
        }
    }
}

impl Value {
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    fn fits(&self, pattern: &str) -> bool {
        names::fits(pattern, &self.name) || self.aliases.iter().any(|alias| names::fits(pattern, alias))
    }
}
