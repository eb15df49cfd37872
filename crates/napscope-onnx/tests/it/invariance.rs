//! The same bytes for any batch size, any number of threads, and any order of the samples.

use crate::common::{engines, inputs, model, references, rows, sample_shapes, stream};
use napscope_onnx::{Choice, InputTensor, Model, Streaming, Tap};
use serde_json::Value as Json;

/// Every engine with every committed model.
fn everything() -> impl Iterator<Item = (Choice, (String, Json))> {
    engines().into_iter().flat_map(|engine| references().into_iter().map(move |reference| (engine.clone(), reference)))
}

fn bits(activations: &[Vec<f32>]) -> Vec<Vec<u32>> {
    activations.iter().map(|layer| layer.iter().map(|value| value.to_bits()).collect()).collect()
}

/// A tap on every layer of a model, listed for samples like `inputs`.
fn tap(model: &Model, engine: &Choice, inputs: &[InputTensor]) -> Tap {
    let layers = model.layers(engine, Some(&sample_shapes(inputs))).expect("the model runs");
    let all: Vec<usize> = (0..layers.values.len()).collect();
    Tap::new(model, engine, &layers, &all).expect("the layers can be tapped")
}

#[test]
fn batch_size_and_threads_change_no_bit() {
    for (engine, (name, reference)) in everything() {
        let model = model(&name);
        let inputs = inputs(&model, &reference, 19);
        let tapped = tap(&model, &engine, &inputs);
        let expected = bits(&stream(&tapped, &inputs, Streaming { threads: 1, batch: 1 }));
        for (threads, batch) in [(1, 3), (1, 7), (2, 1), (2, 3), (2, 7), (3, 100)] {
            let found = bits(&stream(&tapped, &inputs, Streaming { threads, batch }));
            assert_eq!(found, expected, "{engine}, {name}: {threads} threads, batch {batch}");
        }
    }
}

#[test]
fn a_sample_is_the_same_wherever_it_stands() {
    for (engine, (name, reference)) in everything() {
        let model = model(&name);
        let inputs = inputs(&model, &reference, 19);
        let streaming = Streaming { threads: 2, batch: 5 };
        let tapped = tap(&model, &engine, &inputs);
        let all = stream(&tapped, &inputs, streaming);
        // Loaded once more, and without the first samples.
        let part = stream(&tap(&model, &engine, &inputs), &rows(&inputs, 4..19), streaming);
        for ((layer, all), part) in tapped.layers().iter().zip(bits(&all)).zip(bits(&part)) {
            assert_eq!(all[4 * layer.shape.len()..], part, "{engine}, {name}, layer {}", layer.name);
        }
    }
}
