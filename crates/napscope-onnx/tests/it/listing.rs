//! What is listed of the committed models: names, layouts, and what is left out, with every engine.

use crate::common::{engines, inputs, model, references, sample_shapes};
use napscope::ErrorKind;
use napscope_onnx::{Choice, Layers, Value};

/// The layers of a committed model for samples as in the oracle.
fn listed(engine: &Choice, name: &str) -> Layers {
    let model = model(name);
    let inputs = inputs(&model, &references()[name], 1);
    model.layers(engine, Some(&sample_shapes(&inputs))).expect("the model runs")
}

fn value<'a>(layers: &'a Layers, name: &str) -> &'a Value {
    let index = layers.select(&[name]).unwrap_or_else(|error| panic!("{name}: {error}"))[0];
    &layers.values[index]
}

#[test]
fn modules_are_found_by_their_path_from_both_exporters() {
    for engine in engines() {
        for (model, pattern, tensor) in [
            // torch.export folds batch normalisation into the convolution before it, and calls the two by the second.
            ("resnet_dynamo", "bn1", "getitem"),
            ("resnet_dynamo", "layer1.1.bn2", "getitem_12"),
            ("resnet_dynamo", "layer2.0.downsample", "getitem_21"),
            ("resnet_dynamo", "layer1", "relu_4"),
            ("resnet_dynamo", "layer1.1", "relu_4"),
            ("resnet_dynamo", "layer1.1.relu", "relu_4"),
            ("resnet_dynamo", "layer1.1.relu/Relu", "relu_3"),
            ("resnet_dynamo", "layer1.1/Add", "add_16"),
            ("resnet_dynamo", "relu_3", "relu_3"),
            ("resnet_legacy", "layer1.1.conv2", "/layer1/layer1.1/conv2/Conv_output_0"),
            ("resnet_legacy", "layer2.0.downsample.0", "/layer2/layer2.0/downsample/downsample.0/Conv_output_0"),
            ("resnet_legacy", "layer2", "/layer2/layer2.1/relu_1/Relu_output_0"),
            ("resnet_legacy", "/layer1/layer1.0/Add_output_0", "/layer1/layer1.0/Add_output_0"),
            ("transformer_dynamo", "encoder.layers.0", "add_2"),
            ("transformer_dynamo", "encoder.layers.1.self_attn", "transpose_12"),
            ("mlp_dynamo", "layers.3", "linear_1"),
            ("nhwc", "model/conv2d/Relu:0", "model/conv2d/Relu:0"),
        ] {
            let layers = listed(&engine, model);
            let found = value(&layers, pattern);
            assert_eq!(found.tensor, tensor, "{engine}, {model}: `{pattern}` (listed as {})", found.name);
        }
    }
}

#[test]
fn every_listed_name_is_its_own() {
    for (name, _) in references() {
        let layers = listed(&Choice::rten(), &name);
        let mut names: Vec<&String> =
            layers.values.iter().flat_map(|value| value.aliases.iter().chain([&value.name])).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{name}: two values share a name");
        for (index, value) in layers.values.iter().enumerate() {
            assert_eq!(layers.select(&[&value.name]).expect("it is listed"), [index], "{name}: {}", value.name);
        }
    }
}

#[test]
fn layouts_are_found_from_the_graph() {
    for engine in engines() {
        for (model, layer, axis, [channels, height, width]) in [
            ("resnet_dynamo", "layer2", Some(1), [8, 4, 4]),
            ("resnet_dynamo", "avgpool", Some(1), [8, 1, 1]),
            ("resnet_dynamo", "fc", Some(1), [5, 1, 1]),
            ("plain_cnn_legacy", "features", Some(1), [8, 2, 2]),
            ("depthwise_dynamo", "blocks.1.depthwise", Some(1), [16, 6, 7]),
            ("mobilenet_dynamo", "blocks.0.squeeze", Some(1), [16, 1, 1]),
            ("transformer_dynamo", "patches", Some(1), [8, 2, 2]),
            ("transformer_dynamo", "encoder.layers.0.norm1", Some(2), [8, 1, 5]),
            ("transformer_dynamo", "encoder.layers.0.linear1", Some(2), [16, 1, 5]),
            ("transformer_legacy", "encoder.layers.1.linear2", Some(2), [8, 1, 5]),
            ("transformer_legacy", "/encoder/layers.1/self_attn/Softmax_output_0", Some(1), [2, 5, 5]),
            ("transformer_dynamo", "encoder.layers.0.self_attn/Reshape", Some(2), [3, 5, 8]),
            ("transformer_dynamo", "encoder.layers.0.self_attn/Gather", Some(2), [8, 1, 5]),
            ("conv1d_legacy", "lstm/LSTM", Some(3), [5, 11, 1]),
            ("conv1d_legacy", "net.0", Some(1), [6, 1, 13]),
            ("conv1d_legacy", "net.5", Some(1), [8, 1, 11]),
            ("two_inputs_dynamo", "embedding", Some(2), [6, 1, 7]),
            ("two_inputs_dynamo", "numbers", Some(1), [6, 1, 1]),
            ("nhwc", "model/rescaling/mul:0", Some(3), [3, 8, 6]),
            ("nhwc", "conv/c0", Some(1), [5, 8, 6]),
            ("nhwc", "model/conv2d/Relu:0", Some(3), [5, 8, 6]),
            ("nhwc", "model/bn/mul:0", Some(3), [5, 4, 3]),
            ("nhwc", "model/gap/Mean:0", Some(1), [5, 1, 1]),
            ("fixed_batch", "layer1.0.bn1", Some(1), [6, 8, 8]),
            ("oddities", "samples_last", Some(0), [4, 1, 1]),
            ("oddities", "one_number", None, [1, 1, 1]),
        ] {
            let layers = listed(&engine, model);
            let found = value(&layers, layer);
            let map = [found.map.channels, found.map.height, found.map.width];
            assert_eq!((found.channel_axis, map), (axis, [channels, height, width]), "{engine}, {model}: {layer}");
            assert_eq!(found.bytes, 4 * channels * height * width, "{model}: bytes of {layer}");
        }
    }
}

#[test]
fn what_is_no_value_of_a_sample_is_left_out_with_the_reason() {
    for engine in engines() {
        let layers = listed(&engine, "oddities");
        let listed: Vec<&str> = layers.values.iter().map(|value| value.tensor.as_str()).collect();
        assert_eq!(
            listed,
            ["scaled", "samples_last", "as_half", "as_double", "one_number", "left", "right", "y"],
            "{engine}"
        );
        let left_out: Vec<(&str, &str)> =
            layers.left_out.iter().map(|value| (value.tensor.as_str(), value.reason.as_str())).collect();
        for (tensor, expected) in [
            ("batch_mean", "no axis counts the samples: its shape is [1, 4] for 1 and [1, 4] for 2"),
            ("centred_over_batch", "a sample's values depend on the other samples of its batch"),
            ("halved", "no axis counts the samples: its shape is [2, 2] for 1 and [4, 2] for 2"),
            ("argmax", "is no floating-point type"),
            ("positive", "is no floating-point type"),
            ("where_positive", "is no floating-point type"),
        ] {
            let reason =
                left_out.iter().find(|(name, _)| *name == tensor).map(|(_, reason)| *reason).unwrap_or_default();
            assert!(reason.contains(expected), "{engine}: {tensor}: `{reason}` should contain `{expected}`");
        }
        assert_eq!(left_out.len(), 6, "{engine}: {left_out:?}");
        let error = layers.select(&["argmax"]).expect_err("it is no float");
        assert!(error.to_string().contains("`argmax` cannot be tapped"), "{error}");
    }
}

#[test]
fn globs_select_in_the_order_of_the_network_and_each_once() {
    let layers = listed(&Choice::rten(), "resnet_dynamo");
    let names = |patterns: &[&str]| -> Vec<String> {
        let selected = layers.select(patterns).expect("something fits");
        selected.into_iter().map(|index| layers.values[index].name.clone()).collect()
    };
    assert_eq!(names(&["layer?"]), ["layer1.1.relu", "layer2.1.relu"]);
    assert_eq!(names(&["fc", "*.0.bn1", "fc"]), ["layer1.0.bn1", "layer2.0.bn1", "fc"]);
    assert_eq!(names(&["*"]).len(), layers.values.len());
}

#[test]
fn unknown_layers_come_with_near_names() {
    let layers = listed(&Choice::rten(), "resnet_dynamo");
    for (pattern, near) in
        [("layer1.0.rely", "`layer1.0.relu`"), ("layer1.0.bn", "`layer1.0.bn1`"), ("avg_pool", "`avgpool`")]
    {
        let error = layers.select(&["fc", pattern]).expect_err("there is none");
        assert_eq!(error.kind(), ErrorKind::UnknownName, "{pattern}");
        assert_eq!(error.to_string(), format!("no layer is called `{pattern}`"));
        let hint = error.how_to_mend().unwrap_or_default();
        assert!(hint.contains(near), "{pattern}: `{hint}` should suggest {near}");
    }
    for (pattern, hint) in [
        // The exporter folded the convolution into the batch norm behind it, and a newcomer asks for it by its PyTorch name.
        ("layer2.1.convolution", "in layer2.1 there are `layer2.1.bn1`, `layer2.1.relu/Relu`, `layer2.1.bn2`"),
        ("layer1.7.shortcut", "in layer1 there are `layer1.0.bn1`"),
        ("quantum", "`napscope layers MODEL` lists all 26"),
        ("nothing.*", "`napscope layers MODEL` lists all 26"),
    ] {
        let error = layers.select(&[pattern]).expect_err("there is none");
        let found = error.how_to_mend().unwrap_or_default();
        assert!(found.contains(hint), "{pattern}: `{found}` should say {hint}");
    }
}

#[test]
fn the_channel_axis_can_be_set_by_hand() {
    let mut layers = listed(&Choice::rten(), "nhwc");
    let index = layers.select(&["model/conv2d/Relu:0"]).expect("it is listed")[0];
    for (axis, expected) in [(1, [8, 6, 5]), (-2, [6, 8, 5]), (3, [5, 8, 6]), (-1, [5, 8, 6])] {
        layers.set_channel_axis(index, axis).expect("there is such an axis");
        let map = layers.values[index].map;
        assert_eq!([map.channels, map.height, map.width], expected, "axis {axis}");
    }
    for axis in [0, 4, -4, -5, isize::MIN] {
        let error = layers.set_channel_axis(index, axis).expect_err("no channels there");
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "axis {axis}");
    }
}
