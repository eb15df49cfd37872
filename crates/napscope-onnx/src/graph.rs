//! What a model's graph says before it has run: which of its values depend on the input, who computes them, and the
//! module of the network that each belongs to.

use crate::proto::{GraphProto, NodeProto};
use std::collections::HashSet;

/// A value that one of the graph's nodes computes out of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Computed<'a> {
    /// The exporter's name of it, unique in the graph.
    pub(crate) tensor: &'a str,
    /// Index of the node that computes it.
    pub(crate) node: usize,
}

/// Every value that varies with the input's content, in the order of the graph (producers first). Constants and
/// arithmetic on shapes (whatever hangs on the input through `Shape` or `Size` only) do not.
pub(crate) fn computed(graph: &GraphProto) -> Vec<Computed<'_>> {
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let mut varying: HashSet<&str> = inputs.filter(|name| !constants.contains(name)).collect();
    let mut computed = Vec::new();
    for (index, node) in graph.node.iter().enumerate() {
        if matches!(node.op_type.as_str(), "Shape" | "Size") || !reads(node).iter().any(|name| varying.contains(name)) {
            continue;
        }
        for tensor in node.output.iter().map(String::as_str).filter(|name| !name.is_empty()) {
            if varying.insert(tensor) {
                computed.push(Computed { tensor, node: index });
            }
        }
    }
    computed
}

/// The names that a node reads: its inputs, and what the graphs inside of it (`If`, `Loop`, `Scan`) capture.
pub(crate) fn reads(node: &NodeProto) -> Vec<&str> {
    fn captured<'a>(graph: &'a GraphProto, names: &mut Vec<&'a str>) {
        for node in &graph.node {
            names.extend(reads(node));
        }
        names.extend(graph.output.iter().map(|output| output.name.as_str()));
    }
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
        captured(graph, &mut names);
    }
    names
}

/// The list of integers that an attribute of a node holds.
pub(crate) fn integers<'a>(node: &'a NodeProto, attribute: &str) -> Option<&'a [i64]> {
    node.attribute.iter().find(|candidate| candidate.name == attribute).map(|found| found.ints.as_slice())
}

/// The integer that an attribute of a node holds.
pub(crate) fn integer(node: &NodeProto, attribute: &str) -> Option<i64> {
    node.attribute.iter().find(|candidate| candidate.name == attribute).map(|found| found.i)
}

/// The module of the network that a node was traced in, outermost first: `["layer1", "layer1.1", "layer1.1.bn1"]`.
/// Empty in the network's own forward function, and where the exporter left no trace.
///
/// torch.export writes it as metadata, `['', 'layer1', 'layer1.1', 'layer1.1.bn1', 'batch_norm_3']`, the operation's own
/// name last. The older TorchScript exporter writes it into the node's name, `/layer1/layer1.1/bn1/BatchNormalization`,
/// where a scope may repeat its parent.
pub(crate) fn modules(node: &NodeProto) -> Vec<String> {
    let scopes = node.metadata_props.iter().find(|entry| entry.key == "pkg.torch.onnx.name_scopes");
    if let Some(scopes) = scopes {
        let mut path = python_strings(&scopes.value);
        path.pop();
        path.retain(|scope| !scope.is_empty());
        return path;
    }
    let Some(scoped) = node.name.strip_prefix('/') else { return Vec::new() };
    let mut parts: Vec<&str> = scoped.split('/').collect();
    parts.pop();
    let mut path: Vec<String> = Vec::new();
    let mut parent = "";
    for part in parts {
        let child = part.strip_prefix(parent).and_then(|rest| rest.strip_prefix('.')).unwrap_or(part);
        let outer = path.last().map(|outer| format!("{outer}.")).unwrap_or_default();
        path.push(outer + if parent.is_empty() { part } else { child });
        parent = part;
    }
    path
}

/// The strings of a Python list's `repr`: `['', 'a.b', "it's"]`.
fn python_strings(list: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut letters = list.chars();
    while let Some(quote) = letters.by_ref().find(|letter| matches!(letter, '\'' | '"')) {
        let mut string = String::new();
        while let Some(letter) = letters.next().filter(|&letter| letter != quote) {
            string.extend(if letter == '\\' { letters.next() } else { Some(letter) });
        }
        strings.push(string);
    }
    strings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{AttributeProto, StringStringEntryProto, TensorProto, ValueInfoProto};

    fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
        let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        NodeProto { op_type: op.into(), input: names(inputs), output: names(outputs), ..NodeProto::default() }
    }

    fn value(name: &str) -> ValueInfoProto {
        ValueInfoProto { name: name.into(), r#type: None }
    }

    #[test]
    fn only_what_hangs_on_the_inputs_content_is_computed() {
        let mut choice = node("If", &["flag"], &["chosen"]);
        let inner = GraphProto { node: vec![node("Identity", &["relu"], &["inner"])], ..GraphProto::default() };
        choice.attribute =
            vec![AttributeProto { name: "then_branch".into(), g: Some(inner.into()), ..Default::default() }];
        let graph = GraphProto {
            node: vec![
                node("Constant", &[], &["c"]),
                node("Mul", &["w", "c"], &["folded"]),
                node("Relu", &["x"], &["relu"]),
                node("Shape", &["relu"], &["shape"]),
                node("Reshape", &["w", "shape"], &["from_shape"]),
                node("Split", &["relu", ""], &["a", "", "b"]),
                choice,
            ],
            initializer: vec![TensorProto { name: "w".into(), ..TensorProto::default() }],
            input: vec![value("x"), value("w")],
            ..GraphProto::default()
        };
        let names: Vec<&str> = computed(&graph).iter().map(|value| value.tensor).collect();
        assert_eq!(names, ["relu", "a", "b", "chosen"]);
    }

    #[test]
    fn modules_are_read_from_both_exporters() {
        let named = |name: &str| NodeProto { name: name.into(), ..NodeProto::default() };
        let traced = |scopes: &str| NodeProto {
            metadata_props: vec![StringStringEntryProto {
                key: "pkg.torch.onnx.name_scopes".into(),
                value: scopes.into(),
            }],
            ..named("node_relu")
        };
        for (node, expected) in [
            (
                traced("['', 'layer1', 'layer1.1', 'layer1.1.bn1', 'batch_norm']"),
                &["layer1", "layer1.1", "layer1.1.bn1"][..],
            ),
            (traced("['', 'relu_3']"), &[]),
            (traced(""), &[]),
            (traced("[\"it's\", 'x']"), &["it's"]),
            (named("/layer1/layer1.1/bn1/BatchNormalization"), &["layer1", "layer1.1", "layer1.1.bn1"]),
            (named("/enc/layers.0/norm1/Add_1"), &["enc", "enc.layers.0", "enc.layers.0.norm1"]),
            (named("/Relu"), &[]),
            (named("model/conv2d/BiasAdd"), &[]),
        ] {
            assert_eq!(modules(&node), expected, "of `{}` {:?}", node.name, node.metadata_props);
        }
    }
}
