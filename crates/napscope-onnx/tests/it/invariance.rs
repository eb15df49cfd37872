//! The same bytes for any batch size, any number of threads, and any order of the samples.

use crate::common::{engines, inputs, model, references, rows, sample_shapes, stream, tap_all};
use napscope_onnx::{Choice, InputTensor, Streaming, Tap};
use serde_json::Value as Json;

/// Every engine with every committed model.
fn everything() -> impl Iterator<Item = (Choice, (String, Json))> {
    engines().into_iter().flat_map(|engine| references().into_iter().map(move |reference| (engine.clone(), reference)))
}

fn bits(activations: &[Vec<f32>]) -> Vec<Vec<u32>> {
    activations.iter().map(|layer| layer.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn batch_size_and_threads_change_no_bit() {
    for (engine, (name, reference)) in everything() {
        let model = model(&name);
        let inputs = inputs(&model, &reference, 19);
        let (_, expected) = tap_all(&model, &engine, &inputs, Streaming { threads: 1, batch: 1 });
        for (threads, batch) in [(1, 3), (1, 7), (2, 1), (2, 3), (2, 7), (3, 100)] {
            let (_, found) = tap_all(&model, &engine, &inputs, Streaming { threads, batch });
            assert_eq!(bits(&found), bits(&expected), "{engine}, {name}: {threads} threads, batch {batch}");
        }
    }
}

#[test]
fn a_sample_is_the_same_wherever_it_stands() {
    for (engine, (name, reference)) in everything() {
        let model = model(&name);
        let inputs = inputs(&model, &reference, 13);
        let layers = model.layers(&engine, Some(&sample_shapes(&inputs))).expect("the model runs");
        let all: Vec<usize> = (0..layers.values.len()).collect();
        let tap = Tap::new(&model, &engine, &layers, &all).expect("the layers can be tapped");
        let streaming = Streaming { threads: 2, batch: 5 };
        let forward = stream(&tap, &inputs, streaming);
        let part: Vec<InputTensor> = rows(&inputs, 4..13);
        let shifted = stream(&tap, &part, streaming);
        for ((layer, forward), shifted) in tap.layers().iter().zip(bits(&forward)).zip(bits(&shifted)) {
            assert_eq!(
                forward[4 * layer.shape.len()..],
                shifted,
                "{engine}, {name}, layer {}: without the first samples",
                layer.name
            );
        }
    }
}
