//! Every tapped value against onnxruntime without optimisation (`oracles/make_taps.py`).

use crate::common::{engines, inputs, model, onnxruntime, references, tap_all};
use napscope_onnx::{Choice, Provider, Streaming, Value};
use serde_json::Value as Json;

/// Largest difference allowed, relative to the largest absolute value of the tensor. Engines sum in other orders than
/// onnxruntime; on networks of this size that is some 1e-6.
const TOLERANCE: f64 = 1e-4;

/// The same where the network computes in float16: rten keeps such values in f32, so they differ by a rounding to 11 bits.
const HALF_TOLERANCE: f64 = 1.0 / 2048.0;

/// Where the entry `place` of a value (C order in the network's layout) stands among its activations.
fn arranged_place(value: &Value, shape: &[usize], mut place: usize) -> usize {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = place % shape[axis];
        place /= shape[axis];
    }
    let others = (0..shape.len()).filter(|&axis| axis != value.batch_axis && Some(axis) != value.channel_axis);
    let order = [value.batch_axis].into_iter().chain(value.channel_axis).chain(others);
    order.fold(0, |place, axis| place * shape[axis] + index[axis])
}

/// The largest difference of `activations` from what is known of the value, relative to its peak.
fn difference(value: &Value, activations: &[f32], reference: &Json) -> f64 {
    let shape: Vec<usize> = serde_json::from_value(reference["shape"].clone()).expect("a shape");
    assert_eq!(activations.len(), shape.iter().product::<usize>(), "{}: as many values as {shape:?}", value.name);
    let number = |key: &str| reference[key].as_f64().expect("a number");
    let (peak, abs_sum) = (number("peak").max(1e-30), number("abs_sum").max(1e-30));
    let entries = reference["entries"].as_array().expect("entries");
    let of_entries = entries.iter().map(|entry| {
        let place = entry[0].as_u64().expect("a place") as usize;
        (f64::from(activations[arranged_place(value, &shape, place)]) - entry[1].as_f64().expect("a value")).abs()
            / peak
    });
    let sum: f64 = activations.iter().map(|&value| f64::from(value)).sum();
    let abs: f64 = activations.iter().map(|&value| f64::from(value).abs()).sum();
    let found_peak = activations.iter().fold(0.0, |peak: f64, &value| peak.max(f64::from(value).abs()));
    let of_sums =
        [(sum - number("sum")).abs() / abs_sum, (abs - abs_sum).abs() / abs_sum, (found_peak - peak).abs() / peak];
    of_entries.chain(of_sums).fold(0.0, f64::max)
}

fn check(engine: &Choice) {
    let mut compared = 0;
    for (name, reference) in references() {
        let model = model(&name);
        let samples = model.fixed_batch().unwrap_or(3);
        let inputs = inputs(&model, &reference, samples);
        let (layers, activations) = tap_all(&model, engine, &inputs, Streaming { threads: 1, batch: 3 });
        for (value, activations) in layers.values.iter().zip(&activations) {
            let expected = &reference["values"][&value.tensor];
            assert!(expected.is_object(), "{engine}, {name}: the oracle knows no value `{}`", value.tensor);
            let difference = difference(value, activations, expected);
            let tolerance = if expected["half"] == true { HALF_TOLERANCE } else { TOLERANCE };
            assert!(
                difference <= tolerance,
                "{engine}, {name}: {} ({}) is off by {difference}",
                value.name,
                value.tensor
            );
            compared += 1;
        }
        // Attention splits the batch into heads, and the oddities are there to be left out; else nothing is.
        let complete = !name.starts_with("transformer") && name != "oddities";
        assert!(!complete || layers.left_out.is_empty(), "{engine}, {name}: left out {:?}", layers.left_out);
    }
    assert!(compared >= 370, "{engine}: only {compared} values were compared");
}

#[test]
fn every_engine_computes_what_onnxruntime_computes_without_optimisation() {
    for engine in engines() {
        check(&engine);
    }
}

#[test]
fn a_graphics_card_computes_the_same_or_its_absence_is_said() {
    if engines().len() == 1 {
        return;
    }
    for provider in [Provider::Cuda, Provider::TensorRt] {
        match onnxruntime(provider) {
            Ok(engine) => check(&engine),
            Err(error) => {
                assert!(error.to_string().contains(&format!("cannot run on {provider}")), "{error}");
                assert!(error.how_to_mend().is_some(), "{provider}: no hint");
            }
        }
    }
}
