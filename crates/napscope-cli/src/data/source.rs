//! A data set: the inputs of a network and what is known of each sample.

use super::array::Array;
use super::array_file::ArrayFile;
use super::budget::Budget;
use super::columns::{self, Column};
use super::dtype::Kind;
use super::images::ImageFolder;
use super::keys::ContentKeys;
use super::pictures::{self, ArrayPictures};
use super::preprocess::Preprocess;
use super::resolve::{self, InputKind, ModelInput};
use super::shards;
use crate::link::picture::SlotPictures;
use crate::report::PictureKind;
use image::DynamicImage;
use napscope::{Error, ErrorKind, Result};
use std::path::Path;

/// How a data set is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The inputs of the network; empty when there is none.
    pub model_inputs: Vec<ModelInput>,
    /// `--input NAME=ARRAY`: which array feeds which input.
    pub input_arrays: Vec<(String, String)>,
    /// What is done to pictures of a folder.
    pub preprocess: Preprocess,
    /// Most bytes that arrays may hold in memory (only deflated arrays are held); `None` for no limit.
    pub memory_limit: Option<u64>,
}

/// One input as a data set delivers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedInput {
    /// The input's name in the network; without a network, the array's name.
    pub name: String,
    /// What it is made of: an array, or `pictures`.
    pub source: String,
    /// What is delivered.
    pub kind: InputKind,
    /// The shape of one sample.
    pub shape: Vec<usize>,
}

/// A batch of one input.
///
/// # Shapes
/// - `values`: `shape`, whose first axis counts the samples of the batch; C order.
#[derive(Debug, Clone, PartialEq)]
pub struct InputTensor {
    /// The input's name in the network.
    pub name: String,
    /// Samples first.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: TensorValues,
}

/// The numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorValues {
    /// For [`InputKind::Float`].
    F32(Vec<f32>),
    /// For [`InputKind::Int`].
    I64(Vec<i64>),
}

/// Samples that a network can take. Reading takes `&self`: any number of threads may read at once.
#[derive(Debug)]
pub struct DataSet {
    samples: usize,
    inputs: Vec<NamedInput>,
    columns: Vec<Column>,
    notes: Vec<String>,
    source: Source,
    budget: Budget,
    place: String,
}

/// What samples are made of.
#[derive(Debug)]
enum Source {
    Arrays { arrays: Vec<Array>, keys: ContentKeys, drawn: Drawn },
    Images(ImageFolder),
}

/// How samples of arrays are drawn.
#[derive(Debug)]
enum Drawn {
    Nothing,
    Pictures(ArrayPictures),
    /// Slots of a radio link, with the array of their bits.
    Slots(SlotPictures, Array),
}

impl Drawn {
    fn find(arrays: &[Array], file: &ArrayFile, budget: &Budget) -> Drawn {
        let bits = file.entries.iter().find(|entry| entry.name() == "bits");
        if let ([input], Some(bits)) = (arrays, bits.filter(|bits| bits.shape().first() == Some(&arrays[0].rows()))) {
            let slots = SlotPictures::find(&input.shape()[1..], &bits.shape()[1..]);
            // Bits that cannot be read cost the pictures, not the run.
            if let (Some(slots), Ok(bits)) = (slots, bits.open(budget)) {
                return Drawn::Slots(slots, bits);
            }
        }
        ArrayPictures::find(arrays).map_or(Drawn::Nothing, Drawn::Pictures)
    }
}

impl DataSet {
    /// Opens the data at `path`: a `.npy`, `.npz` or `.safetensors` file, a folder of pictures, or one of shards.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for files that cannot be read or are refused, [`ErrorKind::ShapeMismatch`] for arrays that do not
    /// fit the network or each other, [`ErrorKind::InvalidParameter`] when it is not clear which arrays are meant,
    /// [`ErrorKind::MemoryLimit`] for deflated arrays that are too large.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<DataSet> {
        if path.is_dir() && !shards::is_folder(path) {
            return Self::from_images(path, options).map_err(|error| error.context(path.display().to_string()));
        }
        let file = ArrayFile::open(path)?;
        Self::from_arrays(file, path, options).map_err(|error| error.context(path.display().to_string()))
    }

    fn from_images(path: &Path, options: &OpenOptions) -> Result<DataSet> {
        let folder = ImageFolder::open(path, &options.preprocess, &options.model_inputs)?;
        Ok(DataSet {
            samples: folder.samples(),
            inputs: vec![folder.input().clone()],
            columns: folder.columns(),
            notes: folder.notes(),
            source: Source::Images(folder),
            budget: Budget::new(options.memory_limit),
            place: path.display().to_string(),
        })
    }

    fn from_arrays(file: ArrayFile, path: &Path, options: &OpenOptions) -> Result<DataSet> {
        let budget = Budget::new(options.memory_limit);
        let mut notes = file.notes.clone();
        let (mut inputs, mut arrays) = (Vec::new(), Vec::new());
        for (name, entry) in resolve::resolve(&file, &options.model_inputs, &options.input_arrays)? {
            let declared = options.model_inputs.iter().find(|input| input.name == name).cloned();
            let kind = if entry.dtype().kind() == Kind::Int { InputKind::Int } else { InputKind::Float };
            let input = declared.unwrap_or(ModelInput { name, kind, shape: None });
            let shape = resolve::fit(&input, entry)?;
            notes.extend(resolve::note(entry, &input));
            inputs.push(NamedInput { name: input.name, source: entry.name().into(), kind: input.kind, shape });
            arrays.push(entry.open(&budget)?);
        }
        let samples = same_length(&arrays)?;
        let used: Vec<&str> = arrays.iter().map(Array::name).collect();
        let columns = read_columns(&file, &used, samples, &budget, &mut notes)?;
        let keys = ContentKeys::new(&arrays, samples);
        let drawn = Drawn::find(&arrays, &file, &budget);
        let (source, place) = (Source::Arrays { arrays, keys, drawn }, path.display().to_string());
        Ok(DataSet { samples, inputs, columns, notes, source, budget, place })
    }

    /// Number of samples; at least 1.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The inputs, in the network's order.
    pub fn inputs(&self) -> &[NamedInput] {
        &self.inputs
    }

    /// What is known of each sample.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What the user should know: what was ignored, or delivered in an unusual way.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Bytes that deflated arrays hold in memory.
    pub fn held_bytes(&self) -> u64 {
        self.budget.held()
    }

    /// Reads the samples `samples`, in this order: one tensor an input, in the order of [`DataSet::inputs`].
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when a sample cannot be read, or does not fit the number type.
    pub fn read(&self, samples: &[usize]) -> Result<Vec<InputTensor>> {
        self.check(samples)?;
        let tensor = |input: &NamedInput, values: TensorValues| {
            let shape = std::iter::once(samples.len()).chain(input.shape.iter().copied()).collect();
            InputTensor { name: input.name.clone(), shape, values }
        };
        let arrays = match &self.source {
            Source::Images(folder) => return Ok(vec![tensor(folder.input(), folder.read(samples)?)]),
            Source::Arrays { arrays, .. } => arrays,
        };
        let tensors = self.inputs.iter().zip(arrays).map(|(input, array)| {
            let values = match input.kind {
                InputKind::Float => array.f32(samples).map(TensorValues::F32),
                InputKind::Int => array.i64(samples).map(TensorValues::I64),
            };
            Ok(tensor(input, values.map_err(|error| error.context(self.place.clone()))?))
        });
        tensors.collect()
    }

    fn check(&self, samples: &[usize]) -> Result<()> {
        match samples.iter().find(|sample| **sample >= self.samples) {
            Some(sample) => {
                let message = format!("sample {sample} was asked for; there are {}", self.samples);
                Err(Error::new(ErrorKind::InvalidParameter, message))
            }
            None => Ok(()),
        }
    }

    /// The first 8 bytes of the SHA-256 of the sample's bytes (of its file, for pictures): the same wherever the sample
    /// stands.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when the sample cannot be read.
    pub fn content_key(&self, sample: usize) -> Result<u64> {
        self.check(&[sample])?;
        match &self.source {
            Source::Images(folder) => folder.content_key(sample),
            Source::Arrays { arrays, keys, .. } => {
                keys.of(arrays, sample).map_err(|error| error.context(self.place.clone()))
            }
        }
    }

    /// True where samples are files of pictures, which are prepared before a network gets them.
    pub fn is_image_folder(&self) -> bool {
        matches!(self.source, Source::Images(_))
    }

    /// What [`DataSet::picture_png`] draws; `None` where samples are no pictures.
    pub fn pictures(&self) -> Option<PictureKind> {
        match &self.source {
            Source::Images(_) | Source::Arrays { drawn: Drawn::Pictures(_), .. } => Some(PictureKind::Sample),
            Source::Arrays { drawn: Drawn::Slots(..), .. } => Some(PictureKind::Slot),
            Source::Arrays { drawn: Drawn::Nothing, .. } => None,
        }
    }

    /// The sample as a PNG of at most `max_side` pixels a side (a slot: as large as it takes to see something in it); `None`
    /// where samples are no pictures.
    pub fn picture_png(&self, sample: usize, max_side: u32) -> Option<Vec<u8>> {
        self.check(&[sample]).ok()?;
        match &self.source {
            Source::Images(folder) => pictures::png(&folder.picture(sample).ok()?, max_side),
            Source::Arrays { arrays, drawn: Drawn::Pictures(pictures), .. } => {
                pictures.png(&arrays[pictures.array], sample, max_side)
            }
            Source::Arrays { arrays, drawn: Drawn::Slots(slots, bits), .. } => {
                let drawn = slots.draw(&arrays[0].f32(&[sample]).ok()?, &bits.f32(&[sample]).ok()?);
                let longest = drawn.width().max(drawn.height());
                pictures::png(&DynamicImage::from(drawn), longest)
            }
            Source::Arrays { drawn: Drawn::Nothing, .. } => None,
        }
    }
}

/// The number of rows that all `arrays` share.
pub(super) fn same_length(arrays: &[Array]) -> Result<usize> {
    let first = &arrays[0];
    if let Some(other) = arrays.iter().find(|array| array.rows() != first.rows()) {
        let message = format!(
            "array `{}` has {} samples, array `{}` has {}",
            first.name(),
            first.rows(),
            other.name(),
            other.rows()
        );
        return Err(Error::new(ErrorKind::ShapeMismatch, message)
            .hint("the first axis counts the samples: choose arrays of one length with --layer or --input"));
    }
    if first.rows() == 0 || arrays.iter().any(|array| array.row_len() == 0) {
        let empty = arrays.iter().find(|array| array.rows() * array.row_len() == 0).unwrap_or(first);
        let message =
            format!("array `{}` of shape {} is empty", empty.name(), super::array_file::show_shape(empty.shape()));
        return Err(Error::new(ErrorKind::TooFewSamples, message).hint("save at least one sample"));
    }
    Ok(first.rows())
}

/// Every array but the `used` ones that holds columns, as columns; notes say what was ignored.
pub(super) fn read_columns(
    file: &ArrayFile,
    used: &[&str],
    samples: usize,
    budget: &Budget,
    notes: &mut Vec<String>,
) -> Result<Vec<Column>> {
    let mut found = Vec::new();
    for entry in file.entries.iter().filter(|entry| !used.contains(&entry.name())) {
        let per_sample = entry.shape().first() == Some(&samples);
        match entry.dtype().kind() {
            Kind::Refused if per_sample && *entry.dtype() == super::dtype::DType::Object => {
                // It holds something of each sample, most likely the labels: going on without them would surprise.
                entry.open(budget)?;
            }
            _ if columns::holds_columns(entry.dtype(), entry.shape(), samples) => {
                found.extend(columns::from_array(&entry.open(budget)?)?);
            }
            Kind::Refused => notes.push(format!("array {} is ignored: its type is not read", entry.describe())),
            _ => notes.push(format!(
                "array {} is ignored: a column has one row a sample ({samples}) and at most {} values in it",
                entry.describe(),
                columns::MAX_COLUMNS
            )),
        }
    }
    Ok(found)
}
