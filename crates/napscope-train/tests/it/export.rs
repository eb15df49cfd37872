//! The exported model computes what the network computes: by our own taps, on rten and on onnxruntime where it is at hand.

use crate::support::{batches, smallest};
use napscope_ofdm::link::tensor::ReceiverInput;
use napscope_onnx::{Choice, Dim, EngineName, InputData, InputTensor, Model, Provider, Request, Streaming, Tap};
use napscope_train::config::TrainConfig;
use napscope_train::data::Batch;
use napscope_train::device::Compute;
use napscope_train::export::{METADATA_KEY, to_onnx};
use napscope_train::trainer::{Trainer, logits};
use serde_json::json;
use std::ops::Range;
use std::sync::Mutex;

/// Largest difference allowed, relative to the largest logit.
const TOLERANCE: f32 = 1e-4;

/// rten, and onnxruntime where this machine has it, as in the tests of `napscope-onnx`.
fn engines() -> Vec<Choice> {
    let ort = std::env::var_os("NAPSCOPE_TEST_ORT").map(|library| {
        let request = Request { engine: EngineName::Ort, library: Some(library.into()), provider: Provider::Cpu };
        Choice::new(&request).expect("the onnxruntime that NAPSCOPE_TEST_ORT names")
    });
    [Choice::rten()].into_iter().chain(ort).collect()
}

/// A network that three steps have moved away from its first weights and moments, with its model as a file.
fn exported() -> (TrainConfig, Trainer, Model) {
    let config = smallest(3);
    let mut trainer = Trainer::new(config.clone()).expect("a trainer");
    let parts = batches(&config, 2, 2);
    for _ in 0..3 {
        trainer.step(&parts, &Compute::cpu(1)).expect("a step");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("receiver.onnx");
    std::fs::write(&path, to_onnx(&config, &trainer.weights).expect("a model")).expect("written");
    let model = Model::open(&path).expect("a model");
    (config, trainer, model)
}

/// The input of each slot, `[channels, 14, subcarriers]`: the middle of each neighbourhood.
fn inputs(batch: &Batch, channels: usize) -> Vec<Vec<f32>> {
    let (len, size) = (batch.planes.num_elements(), batch.planes.size());
    let plane = |slot: usize, channel: usize| &batch.columns[(9 * channel + 4) * len + slot * size..][..size];
    (0..batch.planes.count)
        .map(|slot| (0..channels).flat_map(|channel| plane(slot, channel).iter().copied()).collect())
        .collect()
}

/// The output of each slot, two slots at once.
fn tapped(model: &Model, engine: &Choice, inputs: &[Vec<f32>], shape: &[usize]) -> Vec<Vec<f32>> {
    let layers = model.layers(engine, Some(&[shape.to_vec()])).expect("the model runs");
    let names: Vec<&str> = layers.values.iter().map(|value| value.name.as_str()).collect();
    for wanted in ["conv_in", "block1.relu1", "block3.relu2", "block4.add", "relu_out"] {
        assert!(names.contains(&wanted), "no layer is called {wanted}: {names:?}");
    }
    let last = layers.values.iter().position(|value| value.tensor == "llr").expect("the output is a layer");
    let tap = Tap::new(model, engine, &layers, &[last]).expect("it can be tapped");
    let found = Mutex::new(vec![Vec::new(); inputs.len()]);
    let read = |range: Range<usize>| {
        let shape = [&[range.len()], shape].concat();
        Ok(vec![InputTensor::new(shape, InputData::Float(inputs[range].concat()))?])
    };
    tap.run(inputs.len(), Streaming { threads: 1, batch: 2 }, &read, &|batch| {
        let mut found = found.lock().expect("no sink panics");
        for sample in 0..batch.activations.samples() {
            found[batch.first + sample] = batch.activations.sample(sample).to_vec();
        }
        Ok(())
    })
    .expect("it runs");
    found.into_inner().expect("no sink panics")
}

#[test]
fn the_exported_model_computes_what_the_network_computes() {
    let (config, trainer, model) = exported();
    let channels = ReceiverInput::Estimate.num_channels(2);
    // Batch and grid are open: two slots, and one that is left; two resource blocks as in the training, and five.
    for num_prb in [2, 5] {
        let mut config = config.clone();
        config.link.insert("num_prb".into(), num_prb.into());
        let batch = &batches(&config, 1, 3)[0];
        let expected = logits(&trainer.weights, batch, &Compute::cpu(1).device);
        let (len, size) = (batch.planes.num_elements(), batch.planes.size());
        assert_eq!(size, 14 * 12 * num_prb as usize, "the grid that was asked for");
        let peak = expected.iter().fold(0f32, |peak, value| peak.max(value.abs()));
        for engine in engines() {
            let shape = [channels, batch.planes.height, batch.planes.width];
            let found = tapped(&model, &engine, &inputs(batch, channels), &shape);
            for (place, &expected) in expected.iter().enumerate() {
                let (bit, slot, element) = (place / len, place % len / size, place % size);
                let got = found[slot][bit * size + element];
                assert!(
                    (got - expected).abs() <= TOLERANCE * peak,
                    "{}, {num_prb} PRB: bit {bit} of element {element} of slot {slot} is {got}, not {expected}",
                    engine.name()
                );
            }
        }
    }
}

#[test]
fn the_exported_model_says_what_it_is() {
    let (config, trainer, model) = exported();
    assert!(model.opset() >= 17, "opset {}", model.opset());
    let [input] = model.inputs() else { panic!("one input, got {:?}", model.inputs()) };
    let open = |dim: &Dim| matches!(dim, Dim::Dynamic(_));
    let are_open: Vec<bool> = input.shape.iter().map(open).collect();
    assert_eq!(are_open, [true, false, false, true], "batch and subcarriers of {:?}", input.shape);
    let text = model.metadata(METADATA_KEY).expect("metadata");
    let said: serde_json::Value = serde_json::from_str(text).expect("JSON");
    for (key, expected) in [
        ("version", json!(1)),
        ("input", json!("estimate")),
        ("num_rx_ant", json!(2)),
        ("num_bits", json!(4)),
        ("modulations", json!(["qpsk", "16qam"])),
        ("llr", json!("ln P(1)/P(0)")),
        ("axes", json!(["batch", "channel", "ofdm_symbol", "subcarrier"])),
        ("dmrs_additional_positions", json!([0, 1])),
        ("num_parameters", json!(trainer.weights.values.len())),
    ] {
        assert_eq!(said[key], expected, "`{key}` of {text}");
    }
    assert_eq!(said["training"]["snr_db"].as_str(), config.link["snr_db"].as_str(), "the ranges of the training");
    assert!(said["normalization"].is_string(), "how its input is scaled: {text}");
}
