//! Every value of a network that can really be tapped: what it is called, its shape, and where its channels stand.
//!
//! A graph says little about its values: shapes may be missing, an engine may fuse a value away, a batch may end up on
//! another axis or be mixed into one. So what is listed here was seen in a run (`probe.rs`).

use crate::engine::Choice;
use crate::graph::{Computed, computed, reads};
use crate::layout::{self, Shapes};
use crate::model::{Dim, Input, Model};
use crate::names::{self, Names};
use crate::probe::{self, Seen, Sight};
use crate::proto::GraphProto;
use crate::tensor::DataType;
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
    /// The name it would be listed under.
    pub name: String,
    /// Other names of it.
    pub aliases: Vec<String>,
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
        let seen = probe::look(self, engine, &sample_shapes, &values)?;
        Ok(list(self, &values, seen, sample_shapes))
    }

    /// The shape of one sample of every input.
    fn sample_shapes(&self, given: Option<&[Vec<usize>]>) -> Result<Vec<Vec<usize>>> {
        let shapes = match given {
            Some(given) => given.to_vec(),
            None => self.inputs().iter().map(declared_sample).collect::<Result<_>>()?,
        };
        if shapes.len() != self.inputs().len() {
            return Err(Error::shape("the model's inputs", [self.inputs().len()], [shapes.len()]));
        }
        for (input, shape) in self.inputs().iter().zip(&shapes) {
            input.check_sample(shape)?;
            let batch = self.fixed_batch().unwrap_or(1);
            let values = shape.iter().try_fold(batch, |product, &size| product.checked_mul(size));
            if values.is_none_or(|values| values > LARGEST) {
                return Err(Error::new(
                    ErrorKind::MemoryLimit,
                    format!("the model's input `{}` takes {batch} samples of shape {shape:?} at once", input.name),
                )
                .hint(format!("no more than {LARGEST} numbers are read at once")));
            }
        }
        Ok(shapes)
    }
}

/// The most numbers that one run may take in: a damaged model can ask for any.
const LARGEST: usize = 1 << 28;

/// The shape of one sample of an input that leaves nothing but the batch axis open.
fn declared_sample(input: &Input) -> Result<Vec<usize>> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => Ok(*size),
        Dim::Dynamic(name) => Err(Error::new(
            ErrorKind::InvalidParameter,
            format!("the model's input `{}` leaves the size of an axis open (`{name}`)", input.name),
        )
        .hint(format!(
            "give the data, or the shape of one sample (`napscope layers MODEL --sample-shape SIZES`), here {}",
            input.declared_sizes()
        ))),
    };
    input.shape[1..].iter().map(size).collect()
}

fn list(model: &Model, computed: &[Computed<'_>], seen: Vec<Sight>, sample_shapes: Vec<Vec<usize>>) -> Layers {
    let batches = probe::batches(model);
    let inputs = model.inputs().iter().zip(&sample_shapes);
    let mut shapes: Shapes<'_> =
        inputs.map(|(input, shape)| (input.name.as_str(), [&[batches[1]], shape.as_slice()].concat())).collect();
    let produced = computed.iter().zip(&seen).filter_map(|(value, seen)| Some((value.tensor, seen.as_ref().ok()?)));
    // The larger batch: with one sample, its axis would be taken for any other of size one.
    shapes.extend(produced.map(|(tensor, seen)| (tensor, seen[1].shape.clone())));
    let axes = layout::channel_axes(model.graph(), &shapes);
    let live_bytes = live_bytes(model.graph(), &shapes) / batches[1];
    let mut layers = Layers { values: Vec::new(), left_out: Vec::new(), sample_shapes, live_bytes };
    let named = names::name_values(model.graph(), computed);
    for ((computed, seen), Names { name, aliases }) in computed.iter().zip(seen).zip(named) {
        let operator = model.graph().node[computed.node].op_type.clone();
        let tensor = computed.tensor.to_owned();
        match seen.and_then(|seen| Ok((probe::batch_axis(&seen, batches)?, seen))) {
            Err(reason) => layers.left_out.push(LeftOut { name, aliases, tensor, operator, reason }),
            Ok((batch_axis, [Seen { dtype, mut shape, .. }, _])) => {
                shape[batch_axis] = 1;
                let found = axes.get(computed.tensor).copied().filter(|&axis| axis != batch_axis);
                let channel_axis = found.or_else(|| (0..shape.len()).find(|&axis| axis != batch_axis));
                let map = map_shape(&shape, batch_axis, channel_axis);
                let bytes = map.len() * size_of::<f32>();
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
pub(crate) fn live_bytes(graph: &GraphProto, shapes: &Shapes<'_>) -> usize {
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
            let named = self.values.iter().position(|value| is_called(pattern, &value.name, &value.aliases));
            let found: Vec<usize> = match named {
                Some(index) => vec![index],
                None => {
                    let values = self.values.iter().enumerate();
                    values
                        .filter(|(_, value)| fits(pattern, &value.name, &value.aliases))
                        .map(|(index, _)| index)
                        .collect()
                }
            };
            if found.is_empty() {
                return Err(self.unknown(pattern));
            }
            selected.extend(found);
        }
        Ok(selected.into_iter().collect())
    }

    fn unknown(&self, pattern: &str) -> Error {
        let called = |left_out: &&LeftOut| is_called(pattern, &left_out.name, &left_out.aliases);
        if let Some(left_out) = self.left_out.iter().find(called) {
            return Error::new(ErrorKind::UnknownName, format!("`{pattern}` cannot be tapped: {}", left_out.reason));
        }
        // A module around the wanted layer is not like it, though its name is a part of the other.
        let around = |name: &str| pattern.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '/']));
        let known = self.values.iter().flat_map(|value| value.aliases.iter().chain([&value.name]));
        let error = Error::unknown("layer", pattern, known.map(String::as_str).filter(|name| !around(name)));
        if error.how_to_mend().is_some() {
            return error;
        }
        let lists = format!("`napscope layers MODEL` lists all {}", self.values.len());
        match self.relatives(pattern) {
            Some((module, names)) => error.hint(format!("in {module} there are {names}; {lists}")),
            None => error.hint(lists),
        }
    }

    /// The innermost module around `pattern` that has values, and the first of them. Exporters fold layers into each other
    /// (a convolution bears the name of its batch norm), so what a user knows from PyTorch may be gone while its neighbours
    /// are there.
    fn relatives<'p>(&self, pattern: &'p str) -> Option<(&'p str, String)> {
        const MOST: usize = 6;
        let mut module = pattern;
        while let Some(end) = module.rfind(['.', '/']).filter(|&end| end > 0) {
            module = &module[..end];
            let inside = |name: &str| name.strip_prefix(module).is_some_and(|rest| rest.starts_with(['.', '/']));
            let names = self.values.iter().map(|value| value.name.as_str()).filter(|name| inside(name));
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            if !names.is_empty() {
                let more = if names.len() > MOST { " …" } else { "" };
                return Some((module, format!("{}{more}", names[..names.len().min(MOST)].join(", "))));
            }
        }
        None
    }

    /// Takes `axis` as the channels' axis of the value at `index`; negative ones count from the last axis. The batch axis
    /// counts as an axis: 1 is NCHW, 3 or -1 is NHWC.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] when the value has no such axis, or it counts the samples.
    ///
    /// # Panics
    /// When there is no value at `index`.
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

fn is_called(pattern: &str, name: &str, aliases: &[String]) -> bool {
    name == pattern || aliases.iter().any(|alias| alias == pattern)
}

fn fits(pattern: &str, name: &str, aliases: &[String]) -> bool {
    names::fits(pattern, name) || aliases.iter().any(|alias| names::fits(pattern, alias))
}
