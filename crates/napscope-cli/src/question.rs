//! What the user asks about: a network and its data, or ready-made activations, opened and ready to stream.

use crate::data::{Column, DataSet, InputKind, ModelInput, OpenOptions, ReadyMade, ReadyMadeOptions, TensorValues};
use crate::preparation;
use crate::report::{FileFacts, PictureKind};
use crate::settings::{Given, IMAGES, Origin, Settings};
use napscope::activations::{ActivationSource, Batch, Layer};
use napscope::manifold::{Covariate, CovariateValues};
use napscope::{Error, ErrorKind, Result};
use napscope_onnx::{Choice, Dim, InputData, InputTensor, Layers, Model, Request, Streaming, Tap};
use std::collections::BTreeMap;
use std::path::Path;

/// Samples that a worker reads at a time, when nobody says.
const BATCH: usize = 32;

/// What a run is about.
pub struct Question {
    /// Where activations come from.
    pub source: Source,
    /// What is known of each sample.
    pub columns: Vec<Column>,
    /// The column of [`Question::columns`] that holds the class of a sample.
    pub label: Option<usize>,
    /// The network; `None` for ready-made activations.
    pub model: Option<FileFacts>,
    /// What runs the network, with its version.
    pub engine: Option<String>,
    /// The same with why it was taken and where it was found: for people, not for the report.
    pub engine_reason: Option<String>,
    /// The data.
    pub data: FileFacts,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// A network with its data, or arrays.
pub enum Source {
    /// A network that runs over a data set.
    Network(Box<Network>),
    /// Activations that somebody tapped elsewhere.
    ReadyMade(ReadyMade, usize),
}

/// A tapped network and the data that it runs over.
pub struct Network {
    tap: Tap,
    data: DataSet,
    samples: usize,
    streaming: Streaming,
}

impl ActivationSource for Source {
    fn layers(&self) -> &[Layer] {
        match self {
            Source::Network(network) => network.tap.layers(),
            Source::ReadyMade(arrays, _) => arrays.layers(),
        }
    }

    fn samples(&self) -> usize {
        match self {
            Source::Network(network) => network.samples,
            Source::ReadyMade(_, samples) => *samples,
        }
    }

    fn content_key(&self, sample: usize) -> Result<u64> {
        match self {
            Source::Network(network) => network.data.content_key(sample),
            Source::ReadyMade(arrays, _) => arrays.content_key(sample),
        }
    }

    fn run(&self, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()> {
        match self {
            Source::Network(network) => network.run(samples, sink),
            Source::ReadyMade(arrays, _) => arrays.run(samples, sink),
        }
    }
}

impl Source {
    /// Bytes that streaming holds at once, estimated.
    pub fn memory(&self) -> u64 {
        match self {
            Source::Network(network) => network.tap.memory(network.streaming) as u64 + network.data.held_bytes(),
            Source::ReadyMade(arrays, _) => arrays.held_bytes() + (64 << 20),
        }
    }

    /// What pictures of samples show, where there are any.
    pub fn pictures(&self) -> Option<PictureKind> {
        match self {
            Source::Network(network) => network.data.pictures(),
            Source::ReadyMade(..) => None,
        }
    }

    /// A small PNG of a sample, where samples are pictures.
    pub fn picture(&self, sample: usize, max_side: u32) -> Option<Vec<u8>> {
        match self {
            Source::Network(network) => network.data.picture_png(sample, max_side),
            Source::ReadyMade(..) => None,
        }
    }
}

impl Network {
    fn run(&self, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()> {
        let read = |rows: std::ops::Range<usize>| {
            let tensors = self.data.read(&samples[rows])?;
            tensors.into_iter().map(|tensor| InputTensor::new(tensor.shape, values(tensor.values))).collect()
        };
        self.tap.run(samples.len(), self.streaming, &read, sink)
    }
}

fn values(values: TensorValues) -> InputData {
    match values {
        TensorValues::F32(values) => InputData::Float(values),
        TensorValues::I64(values) => InputData::Integer(values),
    }
}

/// Opens what `settings` name: `model` over `--data`, or the arrays of `--data` when there is no network.
///
/// # Errors
/// When a file cannot be read, network and data do not fit, a layer or column does not exist.
pub fn open(settings: &Settings, model: Option<&Path>, memory_limit: u64) -> anyhow::Result<Question> {
    let data = settings.path("data").ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, "no data is given")
            .hint("name it with --data PATH (.npz, .npy, .safetensors or a folder of images or of shards); without MODEL and --data an example runs")
    })?;
    let mut question = match model {
        Some(model) => open_network(settings, model, &data, memory_limit)?,
        None => open_ready_made(settings, &data, memory_limit)?,
    };
    if let Some(metadata) = settings.path("metadata") {
        let samples = question.all_samples();
        let table = crate::data::metadata::read(&metadata, samples, settings.text("id"), &question.columns)?;
        question.columns.extend(table.columns);
        question.notes.extend(table.notes);
    }
    question.notes.extend(idle(settings, &question));
    question.limit(settings)?;
    question.label = label(settings, &question.columns)?;
    Ok(question)
}

/// Flags that change nothing here: who gives them believes otherwise. (Files and the environment may hold settings for other
/// data.)
fn idle(settings: &Settings, question: &Question) -> Vec<String> {
    const OF_NETWORKS: [&str; 5] = ["input", "engine", "ort-library", "device", "batch"];
    let flag = |name: &str| settings.all().any(|(setting, given)| setting.name == name && is_flag(given));
    let images = settings.all().filter(|(setting, given)| setting.heading == IMAGES && is_flag(*given));
    let images: Vec<&str> = images.map(|(setting, _)| setting.name).collect();
    let (unused, why): (Vec<&str>, &str) = match &question.source {
        Source::ReadyMade(..) => {
            let networks = OF_NETWORKS.into_iter().filter(|name| flag(name));
            (networks.chain(images).collect(), "the data are ready-made activations")
        }
        Source::Network(network) if network.data.is_image_folder() => (Vec::new(), ""),
        Source::Network(_) => (images, "the data are arrays, which are taken as they are"),
    };
    let note = |names: Vec<&str>, why: &str| {
        let flags: Vec<String> = names.iter().map(|name| format!("--{name}")).collect();
        format!("{} {} nothing: {why}", flags.join(", "), if names.len() == 1 { "does" } else { "do" })
    };
    let mut notes = Vec::new();
    if !unused.is_empty() {
        notes.push(note(unused, why));
    }
    if flag("id") && settings.path("metadata").is_none() {
        notes.push(note(vec!["id"], "it joins --metadata, which is not given"));
    }
    let chosen = settings.text("selection").unwrap_or_default();
    if flag("max-cluster-size") && (chosen == "leaf" || chosen.starts_with("level")) {
        notes.push(note(vec!["max-cluster-size"], "only --selection eom, and what is made of it, has such a limit"));
    }
    notes
}

fn is_flag(given: Option<&Given>) -> bool {
    given.is_some_and(|given| given.origin == Origin::Flag)
}

impl Question {
    fn all_samples(&self) -> usize {
        match &self.source {
            Source::Network(network) => network.data.samples(),
            Source::ReadyMade(arrays, _) => arrays.samples(),
        }
    }

    /// `--limit`.
    fn limit(&mut self, settings: &Settings) -> Result<()> {
        let Some(limit) = settings.get::<usize>("limit")? else { return Ok(()) };
        if limit == 0 {
            return Err(settings.refuse("limit", "leaves no sample"));
        }
        let samples = self.source.samples().min(limit);
        match &mut self.source {
            Source::Network(network) => network.samples = samples,
            Source::ReadyMade(_, of) => *of = samples,
        }
        let first: Vec<usize> = (0..samples).collect();
        self.columns = self.columns.iter().map(|column| column.select(&first)).collect();
        Ok(())
    }

    /// What is known of every sample, as covariates: text, truth values, codes of classes and the label are classes, other columns
    /// numbers.
    pub fn covariates(&self) -> Vec<Covariate> {
        let covariate = |(index, column): (usize, &Column)| {
            let numeric = column.is_numeric() && self.label != Some(index) && !column.holds_codes();
            let samples = 0..column.len();
            let values = if numeric {
                CovariateValues::Numbers(samples.map(|sample| column.number(sample)).collect())
            } else {
                let mut classes = BTreeMap::new();
                samples
                    .clone()
                    .filter_map(|sample| column.text(sample))
                    .for_each(|text| _ = classes.insert(text, 0u32));
                classes.values_mut().zip(0..).for_each(|(class, number)| *class = number);
                CovariateValues::Classes(samples.map(|sample| classes.get(&column.text(sample)?).copied()).collect())
            };
            Covariate { name: column.name.clone(), values }
        };
        self.columns.iter().enumerate().map(covariate).collect()
    }

    /// The label of every sample as text.
    pub fn labels(&self) -> Option<Vec<String>> {
        Some(texts(&self.columns[self.label?]))
    }
}

/// The values of a column as text.
pub fn texts(column: &Column) -> Vec<String> {
    (0..column.len()).map(|sample| column.text(sample).map_or("–".to_owned(), Into::into)).collect()
}

/// What a network is listed with: the model, its engine and its layers.
pub struct Listing {
    /// The model.
    pub model: Model,
    /// What runs it, and why that.
    pub engine: Choice,
    /// What it can deliver.
    pub layers: Layers,
}

/// Opens a network and lists its layers for samples of the given shapes (without the batch axis).
///
/// # Errors
/// When the model cannot be read or run.
pub fn list(
    settings: &Settings,
    model: Model,
    engine: Choice,
    shapes: Option<&[Vec<usize>]>,
) -> anyhow::Result<Listing> {
    let mut layers = model.layers(&engine, shapes)?;
    if let Some(axis) = channel_axis(settings)? {
        // One axis cannot fit layers of every rank: those that lack it keep what the graph says.
        let set: Vec<Result<()>> = (0..layers.values.len()).map(|index| layers.set_channel_axis(index, axis)).collect();
        if !set.iter().any(Result::is_ok) {
            return Err(settings.refuse("channel-axis", "holds the channels of no layer").into());
        }
    }
    Ok(Listing { model, engine, layers })
}

/// Gives the layers that were chosen their channel axis, where `--channel-axis` says it.
///
/// # Errors
/// When none of them has such an axis; notes tell which lack it where others have it.
fn set_axis_of_chosen(
    settings: &Settings,
    layers: &mut Layers,
    chosen: &[usize],
    notes: &mut Vec<String>,
) -> Result<()> {
    let Some(axis) = channel_axis(settings)? else { return Ok(()) };
    let mut refused = Vec::new();
    for &index in chosen {
        if let Err(error) = layers.set_channel_axis(index, axis) {
            refused.push((index, error));
        }
    }
    match refused.pop() {
        Some((_, error)) if refused.len() + 1 == chosen.len() => Err(error),
        Some((last, _)) => {
            let indices = refused.iter().map(|(index, _)| *index).chain([last]);
            let names: Vec<&str> = indices.map(|index| layers.values[index].name.as_str()).collect();
            notes.push(format!(
                "--channel-axis {axis}: what the graph says stays for {}, which cannot take it",
                names.join(", ")
            ));
            Ok(())
        }
        None => Ok(()),
    }
}

/// The engine that `--engine`, `--ort-library` and `--device` ask for.
///
/// # Errors
/// When it is not there.
pub fn engine(settings: &Settings) -> Result<Choice> {
    let request = Request {
        engine: settings.text("engine").unwrap_or_default().parse()?,
        library: settings.path("ort-library"),
        provider: settings.text("device").unwrap_or_default().parse()?,
    };
    Choice::new(&request)
}

fn channel_axis(settings: &Settings) -> Result<Option<isize>> {
    settings.get::<isize>("channel-axis")
}

fn open_network(settings: &Settings, path: &Path, data: &Path, memory_limit: u64) -> anyhow::Result<Question> {
    let batch = settings.get::<usize>("batch")?.unwrap_or(BATCH);
    if batch == 0 {
        return Err(settings.refuse("batch", "must be at least 1").into());
    }
    let engine = engine(settings)?;
    let model = Model::open(path)?;
    let facts = FileFacts::of_bytes(path, model.bytes());
    let options = OpenOptions {
        model_inputs: model.inputs().iter().map(model_input).collect(),
        input_arrays: input_arrays(settings)?,
        memory_limit: Some(memory_limit),
        preprocess: preparation::preprocess(settings)?,
    };
    let set = DataSet::open(data, &options)?;
    let shapes: Vec<Vec<usize>> = set.inputs().iter().map(|input| input.shape.clone()).collect();
    let mut listing = list(settings, model, engine, Some(&shapes))?;
    let (chosen, mut notes) = choose(settings, &listing.layers)?;
    set_axis_of_chosen(settings, &mut listing.layers, &chosen, &mut notes)?;
    let tap = Tap::new(&listing.model, &listing.engine, &listing.layers, &chosen)?;
    let threads = rayon::current_num_threads();
    notes.extend(set.notes().iter().cloned());
    Ok(Question {
        columns: set.columns().to_vec(),
        label: None,
        model: Some(facts),
        engine: Some(listing.engine.name()),
        engine_reason: Some(listing.engine.to_string()),
        data: FileFacts::of_path(data)?,
        notes,
        source: Source::Network(Box::new(Network {
            tap,
            samples: set.samples(),
            data: set,
            streaming: Streaming { threads, batch },
        })),
    })
}

fn open_ready_made(settings: &Settings, data: &Path, memory_limit: u64) -> anyhow::Result<Question> {
    let axis = channel_axis(settings)?;
    let options = ReadyMadeOptions {
        layers: settings.list("layer").to_vec(),
        channel_axes: axis.map(|axis| ("*".to_owned(), axis)).into_iter().collect(),
        memory_limit: Some(memory_limit),
    };
    let arrays = ReadyMade::open(data, &options)?;
    let samples = arrays.samples();
    Ok(Question {
        columns: arrays.columns().to_vec(),
        label: None,
        model: None,
        engine: None,
        engine_reason: None,
        data: FileFacts::of_path(data)?,
        notes: arrays.notes().to_vec(),
        source: Source::ReadyMade(arrays, samples),
    })
}

fn model_input(input: &napscope_onnx::Input) -> ModelInput {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Dynamic(_) => None,
    };
    ModelInput {
        name: input.name.clone(),
        kind: if input.dtype.is_float() { InputKind::Float } else { InputKind::Int },
        shape: Some(input.shape.iter().map(size).collect()),
    }
}

fn input_arrays(settings: &Settings) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (name, array) = text.split_once('=').ok_or_else(|| settings.refuse("input", "is not NAME=ARRAY"))?;
        Ok((name.trim().to_owned(), array.trim().to_owned()))
    };
    settings.list("input").iter().map(pair).collect()
}

/// The layers that were asked for; without a word from the user, the last value of each module that an activation
/// function or an addition makes, and a note that says so.
fn choose(settings: &Settings, layers: &Layers) -> Result<(Vec<usize>, Vec<String>)> {
    let wanted = settings.list("layer");
    if !wanted.is_empty() {
        return Ok((layers.select(wanted)?, Vec::new()));
    }
    const ACTIVATIONS: [&str; 12] = [
        "Relu",
        "Clip",
        "Gelu",
        "Sigmoid",
        "Tanh",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "HardSwish",
        "Selu",
        "Softplus",
        "Mish",
    ];
    let kind = |index: &usize| ACTIVATIONS.contains(&layers.values[*index].operator.as_str());
    let all = 0..layers.values.len();
    let mut chosen: Vec<usize> = all.clone().filter(kind).collect();
    if chosen.is_empty() {
        chosen = all.collect();
    }
    let what = if chosen.len() == layers.values.len() {
        "every layer".to_owned()
    } else {
        "every activation function".to_owned()
    };
    let note =
        format!("no --layer was given: {what} is looked at ({} of {} values)", chosen.len(), layers.values.len());
    Ok((chosen, vec![note]))
}

/// The column with the class of a sample: the one that `--label` names, or the first of the usual names.
///
/// # Errors
/// [`ErrorKind::UnknownName`] when `--label` names no column.
pub fn label(settings: &Settings, columns: &[Column]) -> Result<Option<usize>> {
    const USUAL: [&str; 7] = ["class_name", "label_name", "class", "label", "labels", "target", "y"];
    let position = |name: &str| columns.iter().position(|column| column.name == name);
    match settings.text("label") {
        Some(name) => position(name)
            .map(Some)
            .ok_or_else(|| Error::unknown("column", name, columns.iter().map(|column| column.name.as_str()))),
        None => Ok(USUAL.iter().find_map(|name| position(name))),
    }
}
