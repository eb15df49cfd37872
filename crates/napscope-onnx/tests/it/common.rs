//! The committed models, their inputs, and a short way through the crate.

use napscope::Result;
use napscope_onnx::{Choice, EngineName, InputData, InputTensor, Layers, Model, Provider, Request, Streaming, Tap};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

/// The folder of the oracles.
pub(crate) fn oracles() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../oracles")
}

/// rten, and onnxruntime where this machine has it: as `NAPSCOPE_TEST_ORT` names it, or in the usual places. With
/// `CI_REQUIRE_ORT=1` it must be there.
pub(crate) fn engines() -> Vec<Choice> {
    let ort = onnxruntime(Provider::Cpu);
    if let (Err(error), Ok("1")) = (&ort, std::env::var("CI_REQUIRE_ORT").as_deref()) {
        panic!("CI_REQUIRE_ORT=1, and {error}");
    }
    [Choice::rten()].into_iter().chain(ort.ok()).collect()
}

/// onnxruntime on `provider`.
pub(crate) fn onnxruntime(provider: Provider) -> Result<Choice> {
    let library = std::env::var_os("NAPSCOPE_TEST_ORT").map(PathBuf::from);
    Choice::new(&Request { engine: EngineName::Ort, library, provider })
}

/// A committed model.
pub(crate) fn model(name: &str) -> Model {
    let path = oracles().join("taps").join(format!("{name}.onnx"));
    Model::open(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What `make_taps.py` wrote, by the name of the model.
pub(crate) fn references() -> BTreeMap<String, Json> {
    let text = std::fs::read_to_string(oracles().join("make_taps.json")).expect("the oracle is committed");
    let document: Json = serde_json::from_str(&text).expect("the oracle is JSON");
    serde_json::from_value(document["models"].clone()).expect("one entry a model")
}

/// The numbers of `make_taps.py`: see `number` and `integers` there.
pub(crate) fn data(shape: &[usize], below: Option<u64>) -> InputTensor {
    let len: usize = shape.iter().product();
    let hash = |i: usize| (((i as u64 + 1) * 2_654_435_761) % (1 << 32)) >> 8;
    let values = match below {
        None => InputData::Float((0..len).map(|i| (hash(i) as f64 / f64::from(1 << 23) - 1.0) as f32).collect()),
        Some(below) => InputData::Integer((0..len as u64).map(|i| ((i * 7 + 3) % below) as i64).collect()),
    };
    InputTensor::new(shape.to_vec(), values).expect("as many values as the shape says")
}

/// `samples` samples for every input of `model`, whose open axes are as in `like` (the entry of the oracle).
pub(crate) fn inputs(model: &Model, reference: &Json, samples: usize) -> Vec<InputTensor> {
    let tensor = |name: &str| {
        let entry = &reference["inputs"][name];
        let mut shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).expect("a shape");
        shape[0] = samples;
        data(&shape, entry["below"].as_u64())
    };
    model.inputs().iter().map(|input| tensor(&input.name)).collect()
}

/// The samples `range` of every input.
pub(crate) fn rows(inputs: &[InputTensor], range: Range<usize>) -> Vec<InputTensor> {
    let part = |input: &InputTensor| {
        let len = input.data().len() / input.samples();
        let (from, to) = (range.start * len, range.end * len);
        let data = match input.data() {
            InputData::Float(values) => InputData::Float(values[from..to].to_vec()),
            InputData::Integer(values) => InputData::Integer(values[from..to].to_vec()),
            InputData::Bool(values) => InputData::Bool(values[from..to].to_vec()),
        };
        InputTensor::new([&[range.len()], &input.shape()[1..]].concat(), data).expect("some rows of a tensor")
    };
    inputs.iter().map(part).collect()
}

/// The shape of one sample of every input.
pub(crate) fn sample_shapes(inputs: &[InputTensor]) -> Vec<Vec<usize>> {
    inputs.iter().map(|input| input.shape()[1..].to_vec()).collect()
}

/// All layers of `model` with their activations for `inputs`, `[n, channels, height, width]`.
pub(crate) fn tap_all(
    model: &Model,
    engine: &Choice,
    inputs: &[InputTensor],
    streaming: Streaming,
) -> (Layers, Vec<Vec<f32>>) {
    let layers = model.layers(engine, Some(&sample_shapes(inputs))).expect("the model runs");
    let all: Vec<usize> = (0..layers.values.len()).collect();
    let tap = Tap::new(model, engine, &layers, &all).expect("the layers can be tapped");
    let activations = stream(&tap, inputs, streaming);
    (layers, activations)
}

/// Runs all of `inputs` and puts the batches together.
pub(crate) fn stream(tap: &Tap, inputs: &[InputTensor], streaming: Streaming) -> Vec<Vec<f32>> {
    let samples = inputs[0].samples();
    let lens: Vec<usize> = tap.layers().iter().map(|layer| layer.shape.len()).collect();
    let found: Vec<Mutex<Vec<f32>>> = lens.iter().map(|len| Mutex::new(vec![f32::NAN; samples * len])).collect();
    let read = |range: Range<usize>| Ok(rows(inputs, range));
    tap.run(samples, streaming, &read, &|batch| {
        let mut all = found[batch.layer].lock().expect("no sink panics");
        for sample in 0..batch.activations.samples() {
            let len = lens[batch.layer];
            let at = (batch.first + sample) * len;
            all[at..at + len].copy_from_slice(batch.activations.sample(sample));
        }
        Ok(())
    })
    .expect("the samples run");
    found.into_iter().map(|all| all.into_inner().expect("no sink panics")).collect()
}
