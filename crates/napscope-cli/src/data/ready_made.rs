//! Ready-made activations: every array of a file is a layer, as people save them who tap a network in PyTorch or JAX.

use super::array::Array;
use super::array_file::{ArrayEntry, ArrayFile, refused_type, show_shape};
use super::budget::Budget;
use super::columns::Column;
use super::dtype::Kind;
use super::keys::ContentKeys;
use super::source::{read_columns, same_length};
use napscope::activations::{ActivationSource, Activations, Batch, Layer, MapShape};
use napscope::{Error, ErrorKind, Result};
use rayon::prelude::*;
use std::path::Path;

/// A batch of a layer is cut so that it takes about this many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// How ready-made activations are opened.
#[derive(Debug, Clone, Default)]
pub struct ReadyMadeOptions {
    /// Names of the layers, or patterns with `*` and `?`; empty for every floating-point array with two axes or more;
    /// (n, 1) is then taken for a column.
    pub layers: Vec<String>,
    /// `(pattern, axis)`: the channel axis of the layers that match, counted from 0 (the samples' axis) or from the end (-1);
    /// the last match counts, 1 is the default.
    pub channel_axes: Vec<(String, isize)>,
    /// Most bytes that arrays may hold in memory (only deflated arrays are held); `None` for no limit.
    pub memory_limit: Option<u64>,
}

/// Activations that lie in arrays.
#[derive(Debug)]
pub struct ReadyMade {
    layers: Vec<Layer>,
    axes: Vec<usize>,
    arrays: Vec<Array>,
    samples: usize,
    columns: Vec<Column>,
    notes: Vec<String>,
    keys: ContentKeys,
    budget: Budget,
    place: String,
}

impl ReadyMade {
    /// Opens the arrays at `path`.
    ///
    /// # Errors
    /// As [`super::DataSet::open`]; [`ErrorKind::UnknownName`] for a layer that does not exist,
    /// [`ErrorKind::InvalidParameter`] for a channel axis that a layer has not.
    pub fn open(path: &Path, options: &ReadyMadeOptions) -> Result<ReadyMade> {
        let file = ArrayFile::open(path)?;
        Self::from_file(&file, path, options).map_err(|error| error.context(path.display().to_string()))
    }

    fn from_file(file: &ArrayFile, path: &Path, options: &ReadyMadeOptions) -> Result<ReadyMade> {
        let budget = Budget::new(options.memory_limit);
        let mut notes = file.notes.clone();
        let (mut layers, mut axes, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
        for entry in choose(file, &options.layers)? {
            let given = options.channel_axes.iter().rev().find(|(pattern, _)| matches(pattern, entry.name()));
            let axis = channel_axis(entry, given.map(|(_, axis)| *axis))?;
            if given.is_none() && entry.shape().len() == 3 {
                notes.push(format!(
                    "layer {}: axis 1 is taken for the channels; for (n, tokens, features) say --channel-axis -1",
                    entry.describe()
                ));
            }
            layers.push(Layer { name: entry.name().into(), shape: map_shape(entry.shape(), axis) });
            axes.push(axis);
            arrays.push(entry.open(&budget)?);
        }
        let samples = same_length(&arrays)?;
        let used: Vec<&str> = arrays.iter().map(Array::name).collect();
        let columns = read_columns(file, &used, samples, &budget, &mut notes)?;
        let keys = ContentKeys::new(&arrays, samples);
        let place = path.display().to_string();
        Ok(ReadyMade { layers, axes, arrays, samples, columns, notes, keys, budget, place })
    }

    /// What is known of each sample.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What the user should know: what was ignored, or assumed.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Bytes that deflated arrays hold in memory.
    pub fn held_bytes(&self) -> u64 {
        self.budget.held()
    }

    /// Samples of a batch: the largest layer then takes about [`BATCH_BYTES`].
    fn batch(&self) -> usize {
        let largest = self.layers.iter().map(|layer| layer.shape.len()).max().unwrap_or(1);
        (BATCH_BYTES / (4 * largest)).clamp(1, 1024)
    }

    fn deliver(&self, first: usize, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()> {
        for (layer, array) in self.arrays.iter().enumerate() {
            let values = array.f32(samples).map_err(|error| error.context(self.place.clone()))?;
            let values = channels_first(values, array.shape(), self.axes[layer]);
            let activations = Activations::new(&values, self.layers[layer].shape)?;
            sink(Batch { layer, first, activations })?;
        }
        Ok(())
    }
}

impl ActivationSource for ReadyMade {
    fn layers(&self) -> &[Layer] {
        &self.layers
    }

    fn samples(&self) -> usize {
        self.samples
    }

    fn content_key(&self, sample: usize) -> Result<u64> {
        self.keys.of(&self.arrays, sample).map_err(|error| error.context(self.place.clone()))
    }

    fn run(&self, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()> {
        let batch = self.batch();
        samples.par_chunks(batch).enumerate().try_for_each(|(at, chunk)| self.deliver(at * batch, chunk, sink))
    }
}

/// The arrays that are layers.
fn choose<'a>(file: &'a ArrayFile, wanted: &[String]) -> Result<Vec<&'a ArrayEntry>> {
    if wanted.is_empty() {
        return every_layer(file);
    }
    for pattern in wanted {
        if !file.entries.iter().any(|entry| matches(pattern, entry.name())) {
            return Err(Error::unknown("array", pattern, file.entries.iter().map(ArrayEntry::name)));
        }
    }
    let named = |entry: &ArrayEntry| wanted.iter().any(|name| name == entry.name());
    let is_layer = |entry: &ArrayEntry| entry.shape().len() >= 2 && !matches!(entry.dtype().kind(), Kind::Text);
    let fitting = file.entries.iter().filter(|entry| wanted.iter().any(|pattern| matches(pattern, entry.name())));
    let (mut chosen, others): (Vec<&ArrayEntry>, Vec<&ArrayEntry>) = fitting.partition(|entry| is_layer(entry));
    // A glob that finds labels beside layers means the layers; a name means what it says.
    let nothing_else = chosen.is_empty();
    chosen.extend(others.into_iter().filter(|entry| nothing_else || named(entry)));
    for entry in &chosen {
        if !is_layer(entry) {
            let message = format!(
                "array {} is no layer: a layer has numbers and at least two axes (samples, channels)",
                entry.describe()
            );
            return Err(
                Error::new(ErrorKind::ShapeMismatch, message).hint("leave it out of --layer: it becomes a column")
            );
        }
    }
    Ok(chosen)
}

fn every_layer(file: &ArrayFile) -> Result<Vec<&ArrayEntry>> {
    let wide = |shape: &[usize]| shape.len() >= 3 || matches!(shape, [_, width] if *width != 1);
    let of_kind = |kind: Kind| {
        let entries = file.entries.iter().filter(|entry| entry.dtype().kind() == kind && wide(entry.shape()));
        entries.collect::<Vec<&ArrayEntry>>()
    };
    let floats = of_kind(Kind::Float);
    if !floats.is_empty() {
        return Ok(floats);
    }
    match of_kind(Kind::Int)[..] {
        [only] => Ok(vec![only]),
        _ if let Some(pickle) = file.entries.iter().find(|entry| entry.dtype().kind() == Kind::Refused) => {
            Err(refused_type(pickle.name(), pickle.dtype()).context(format!("array `{}`", pickle.name())))
        }
        _ => {
            let message = format!(
                "no floating-point array with two axes or more, as activations have; it holds\n{}",
                file.listing()
            );
            Err(Error::new(ErrorKind::InvalidParameter, message)
                .hint("name the arrays with --layer ARRAY, or save (n, channels, …) arrays"))
        }
    }
}

fn channel_axis(entry: &ArrayEntry, given: Option<isize>) -> Result<usize> {
    let axes = entry.shape().len() as isize;
    let wanted = given.unwrap_or(1);
    let axis = if wanted < 0 { axes + wanted } else { wanted };
    if axis < 1 || axis >= axes {
        let message =
            format!("layer `{}` of shape {} has no channel axis {wanted}", entry.name(), show_shape(entry.shape()));
        return Err(Error::new(ErrorKind::InvalidParameter, message)
            .hint(format!("--channel-axis takes 1 … {} (axis 0 counts the samples), or -1 for the last", axes - 1)));
    }
    Ok(axis as usize)
}

/// Axes other than samples and channels become positions: the last is the width, all before it the height.
fn map_shape(shape: &[usize], axis: usize) -> MapShape {
    let rest: Vec<usize> = (1..shape.len()).filter(|at| *at != axis).map(|at| shape[at]).collect();
    let (width, above) = rest.split_last().map_or((1, &[][..]), |(width, above)| (*width, above));
    MapShape { channels: shape[axis], height: above.iter().product(), width }
}

/// Moves the channel axis to the front of every sample.
fn channels_first(values: Vec<f32>, shape: &[usize], axis: usize) -> Vec<f32> {
    let before: usize = shape[1..axis].iter().product();
    if before == 1 {
        return values;
    }
    let (channels, after) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let mut moved = Vec::with_capacity(values.len());
    for sample in values.chunks_exact(before * channels * after) {
        for channel in 0..channels {
            for outer in 0..before {
                let from = (outer * channels + channel) * after;
                moved.extend_from_slice(&sample[from..from + after]);
            }
        }
    }
    moved
}

/// Does `name` match `pattern`, in which `*` stands for any text and `?` for any one character?
fn matches(pattern: &str, name: &str) -> bool {
    fn rest(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', after)), _) => (0..=name.len()).any(|skip| rest(after, &name[skip..])),
            (Some((wanted, after)), Some((found, left))) => (*wanted == '?' || wanted == found) && rest(after, left),
            _ => false,
        }
    }
    // Neighbouring stars mean the same as one, and would make the search slow.
    let mut pattern: Vec<char> = pattern.chars().collect();
    pattern.dedup_by(|a, b| *a == '*' && *b == '*');
    rest(&pattern, &name.chars().collect::<Vec<char>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("conv1", "conv1", true),
            ("conv1", "conv10", false),
            ("conv*", "conv10", true),
            ("*.bn?", "layer1.bn2", true),
            ("**a**b", "xxaxxb", true),
            ("?", "", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn channels_come_first_whatever_the_axis() {
        // One sample of shape (2, 3): tokens × features.
        let values = vec![0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
        assert_eq!(channels_first(values.clone(), &[1, 2, 3], 1), values);
        assert_eq!(channels_first(values, &[1, 2, 3], 2), [0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
        assert_eq!(map_shape(&[5, 2, 3], 2), MapShape { channels: 3, height: 1, width: 2 });
        assert_eq!(map_shape(&[5, 4, 6, 7], 1), MapShape { channels: 4, height: 6, width: 7 });
        assert_eq!(map_shape(&[5, 4], 1), MapShape { channels: 4, height: 1, width: 1 });
    }
}
