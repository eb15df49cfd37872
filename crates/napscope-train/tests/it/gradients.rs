//! Loss, logits and every gradient against PyTorch (`oracles/make_receiver_gradients.py`).

use napscope_train::architecture::{Architecture, Block};
use napscope_train::data::Batch;
use napscope_train::depthwise::Planes;
use napscope_train::device::Compute;
use napscope_train::network::unfold;
use napscope_train::trainer::{gradient, logits};
use napscope_train::weights::Weights;
use serde_json::Value as Json;
use std::path::Path;

/// Largest difference allowed, relative to the norm of the tensor: of gradients, which pass through many sums, and of values.
const GRADIENT_TOLERANCE: f64 = 1e-3;
const VALUE_TOLERANCE: f64 = 1e-5;

fn numbers(json: &Json) -> Vec<f32> {
    json.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number") as f32).collect()
}

fn integer(json: &Json) -> usize {
    json.as_u64().expect("a count") as usize
}

fn check(what: &str, got: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: as many numbers as PyTorch's");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut got.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
    let size = norm(&mut expected.iter().map(|&b| f64::from(b))).max(1e-4);
    assert!(difference <= tolerance * size, "{what} is off by {:.2e}, at most {tolerance:.0e}", difference / size);
}

/// `[slots, channels, plane]` as `[channels, slots, plane]`.
fn channels_first<T: Copy>(values: &[T], channels: usize, planes: Planes) -> Vec<T> {
    let place = |channel: usize, slot: usize| (slot * channels + channel) * planes.size();
    (0..channels)
        .flat_map(|channel| (0..planes.count).map(move |slot| place(channel, slot)))
        .flat_map(|start| values[start..start + planes.size()].iter().copied())
        .collect()
}

/// The network and the batch of the oracle.
fn subject(oracle: &Json) -> (Weights, Batch) {
    let block =
        |block: &Json| Block { width: integer(&block[0]), dilation: [integer(&block[1][0]), integer(&block[1][1])] };
    let architecture = Architecture {
        num_inputs: integer(&oracle["inputs"]),
        stem_width: integer(&oracle["stem"]),
        blocks: oracle["blocks"].as_array().expect("blocks").iter().map(block).collect(),
        num_bits: integer(&oracle["bits_per_element"]),
    };
    let planes = Planes {
        count: integer(&oracle["slots"]),
        height: integer(&oracle["height"]),
        width: integer(&oracle["width"]),
    };
    let mut weights = Weights::new(architecture, 0);
    weights.values =
        weights.parameters.iter().flat_map(|parameter| numbers(&oracle["weights"][&parameter.name])).collect();
    let running = ["running_mean", "running_var"].map(|kind| oracle[kind].as_f64().expect("a number") as f32);
    weights.moments.chunks_exact_mut(2).for_each(|moments| moments.copy_from_slice(&running));
    let bits: Vec<i8> = numbers(&oracle["bits"]).iter().map(|&bit| bit as i8).collect();
    let batch = Batch {
        planes,
        columns: unfold(&numbers(&oracle["input"]), weights.architecture.num_inputs, planes),
        bits: channels_first(&bits, weights.architecture.num_bits, planes),
        snr_db: vec![0.0; planes.count],
    };
    (weights, batch)
}

#[test]
fn loss_and_gradients_are_those_of_pytorch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/receiver_gradients.json");
    let text = std::fs::read_to_string(path).expect("the oracle is committed");
    let oracle: Json = serde_json::from_str(&text).expect("the oracle is JSON");
    let (weights, batch) = subject(&oracle);
    let device = Compute::cpu(1).device;
    let result = gradient(&weights, &batch, 1.0 / batch.num_active_bits() as f64, &device);
    let loss = oracle["loss"].as_f64().expect("a loss");
    let got = result.score.mean_loss();
    assert!((got - loss).abs() < 1e-5 * loss, "the loss is {got}, PyTorch's {loss}");
    for (parameter, range) in weights.ranges() {
        let expected = numbers(&oracle["gradients"][&parameter.name]);
        check(&format!("gradient of {}", parameter.name), &result.gradient[range], &expected, GRADIENT_TOLERANCE);
    }
    let mut start = 0;
    for (name, channels) in weights.architecture.norms() {
        let moments = &result.moments[2 * start..2 * (start + channels)];
        check(&format!("moments of {name}"), moments, &numbers(&oracle["moments"][&name]), VALUE_TOLERANCE);
        start += channels;
    }
    let expected = channels_first(&numbers(&oracle["logits_in_use"]), weights.architecture.num_bits, batch.planes);
    check("logits with running moments", &logits(&weights, &batch, &device), &expected, VALUE_TOLERANCE);
}
