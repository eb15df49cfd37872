//! A trained receiver as an ONNX model.
//!
//! Input `input`, float32 [batch, channels, 14, subcarriers]; output `llr`, float32 [batch, bits, 14, subcarriers], with
//! LLR = ln P(1)/P(0). Batch and subcarriers are open. A value bears the name of its layer (`block3.relu2`), and the entry
//! `napscope.receiver` of the metadata says all that a user of the file must know. Batch norms stay nodes of their own: in a
//! pre-activation block a sum stands before the first of them, which no convolution can take up, and each norm is a layer to look at.

use crate::architecture::Block;
use crate::batch_norm::EPSILON;
use crate::config::TrainConfig;
use crate::proto::{
    AttributeProto, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::weights::Weights;
use anyhow::Result;
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use prost::Message;
use serde_json::json;

/// ONNX's operator set: the first with every operator in its present form that all common engines know.
const OPSET: i64 = 17;

/// ONNX's file format of that operator set.
const IR_VERSION: i64 = 8;

/// float32 among ONNX's types.
const FLOAT: i32 = 1;

/// The key of the metadata that says what the receiver is.
pub const METADATA_KEY: &str = "napscope.receiver";

/// The ONNX file of a receiver trained by `config`.
///
/// # Errors
/// When the configuration contradicts itself.
pub fn to_onnx(config: &TrainConfig, weights: &Weights) -> Result<Vec<u8>> {
    let architecture = &weights.architecture;
    let open = |name: &str| Dimension::Param(name.to_owned());
    let value = |name: &str, channels: usize| {
        let sizes = [
            open("batch"),
            Dimension::Value(channels as i64),
            Dimension::Value(NUM_OFDM_SYMBOLS as i64),
            open("subcarriers"),
        ];
        let dim = sizes.into_iter().map(|size| DimensionProto { value: Some(size) }).collect();
        let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
        ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
    };
    let graph = GraphProto {
        node: nodes(weights),
        name: "receiver".to_owned(),
        initializer: initializers(weights),
        input: vec![value("input", architecture.num_inputs)],
        output: vec![value("llr", architecture.num_bits)],
    };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: vec![StringStringEntryProto {
            key: METADATA_KEY.to_owned(),
            value: serde_json::to_string(&metadata(config, weights)?)?,
        }],
    };
    Ok(model.encode_to_vec())
}

/// What a user of the file must know.
fn metadata(config: &TrainConfig, weights: &Weights) -> Result<serde_json::Value> {
    let link = config.link()?;
    Ok(json!({
        "version": 1,
        "input": config.receiver_input()?.name(),
        "num_rx_ant": link.num_rx_ant,
        "num_bits": weights.architecture.num_bits,
        "modulations": link.modulations.iter().map(|modulation| modulation.name()).collect::<Vec<_>>(),
        "llr": "ln P(1)/P(0)",
        "axes": ["batch", "channel", "ofdm_symbol", "subcarrier"],
        "normalization": "none: the input is as napscope-ofdm writes it, at unit mean power of signal and channel",
        "dmrs_additional_positions": config.dmrs_additional_positions,
        "num_parameters": weights.values.len(),
        "steps": config.steps,
        "slots_per_step": config.slots_per_step,
        "training": config.link,
    }))
}

fn initializers(weights: &Weights) -> Vec<TensorProto> {
    let tensor = |name: String, shape: &[usize], values: &mut dyn Iterator<Item = f32>| TensorProto {
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: FLOAT,
        name,
        raw_data: values.flat_map(f32::to_le_bytes).collect(),
    };
    let parameters = weights.ranges().map(|(parameter, range)| {
        tensor(parameter.name.clone(), &parameter.shape, &mut weights.values[range].iter().copied())
    });
    let mut list: Vec<TensorProto> = parameters.collect();
    let mut start = 0;
    for (name, channels) in weights.architecture.norms() {
        let moments = &weights.moments[2 * start..2 * (start + channels)];
        for (kind, offset) in [("running_mean", 0), ("running_var", 1)] {
            let mut values = moments.iter().copied().skip(offset).step_by(2);
            list.push(tensor(format!("{name}.{kind}"), &[channels], &mut values));
        }
        start += channels;
    }
    list
}

/// The graph, node by node. A node's one value bears the node's name.
struct Graph {
    nodes: Vec<NodeProto>,
}

impl Graph {
    fn add(&mut self, name: &str, op_type: &str, input: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        self.nodes.push(NodeProto {
            input,
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute,
        });
        name.to_owned()
    }

    /// A convolution that keeps the size of the grid.
    fn convolution(&mut self, name: &str, x: String, kernel: i64, dilation: [usize; 2], group: usize) -> String {
        let dilation = dilation.map(|size| size as i64);
        let reach = dilation.map(|size| size * (kernel - 1) / 2);
        let attributes = vec![
            integers("dilations", &dilation),
            integer("group", group as i64),
            integers("kernel_shape", &[kernel, kernel]),
            integers("pads", &[reach, reach].concat()),
            integers("strides", &[1, 1]),
        ];
        self.add(name, "Conv", vec![x, format!("{name}.weight"), format!("{name}.bias")], attributes)
    }

    fn norm_relu(&mut self, norm: &str, relu: &str, x: String) -> String {
        let inputs = ["weight", "bias", "running_mean", "running_var"].map(|kind| format!("{norm}.{kind}"));
        let epsilon = AttributeProto { name: "epsilon".into(), f: EPSILON, r#type: 1, ..AttributeProto::default() };
        let normed = self.add(norm, "BatchNormalization", [vec![x], inputs.to_vec()].concat(), vec![epsilon]);
        self.add(relu, "Relu", vec![normed], vec![])
    }

    fn block(&mut self, name: &str, block: &Block, width: usize, x: String) -> String {
        let part = |part: &str| format!("{name}.{part}");
        let activated = self.norm_relu(&part("bn1"), &part("relu1"), x.clone());
        let shortcut =
            if block.width == width { x } else { self.convolution(&part("shortcut"), activated.clone(), 1, [1, 1], 1) };
        let spread = self.convolution(&part("dw1"), activated, 3, block.dilation, width);
        let half = self.convolution(&part("pw1"), spread, 1, [1, 1], 1);
        let activated = self.norm_relu(&part("bn2"), &part("relu2"), half);
        let spread = self.convolution(&part("dw2"), activated, 3, block.dilation, block.width);
        let half = self.convolution(&part("pw2"), spread, 1, [1, 1], 1);
        self.add(&part("add"), "Add", vec![shortcut, half], vec![])
    }
}

fn nodes(weights: &Weights) -> Vec<NodeProto> {
    let architecture = &weights.architecture;
    let mut graph = Graph { nodes: Vec::new() };
    let mut x = graph.convolution("conv_in", "input".to_owned(), 3, [1, 1], 1);
    let mut width = architecture.stem_width;
    for (block, name) in architecture.blocks.iter().zip(architecture.block_names()) {
        x = graph.block(&name, block, width, x);
        width = block.width;
    }
    x = graph.norm_relu("bn_out", "relu_out", x);
    graph.convolution("conv_out", x, 1, [1, 1], 1);
    // The output bears the name that users of the file ask for.
    if let Some(last) = graph.nodes.last_mut() {
        last.output = vec!["llr".to_owned()];
    }
    graph.nodes
}

fn integer(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i, r#type: 2, ..AttributeProto::default() }
}

fn integers(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: ints.to_vec(), r#type: 7, ..AttributeProto::default() }
}
