//! Which axis of a value holds the channels. ONNX does not say, so it is found from what computes and consumes the value.
//!
//! Some operators fix it by their definition: a convolution's channels stand on axis 1, those of a product with a weight
//! matrix on the last. From there it spreads along the graph, first with the data, then against it: through a `Transpose`
//! by its permutation (this is how an NHWC network shows itself: it transposes to NCHW around every convolution), through a
//! `Reshape` by the place in memory, through everything that works element by element unchanged.

use crate::graph::{integer, integers};
use crate::proto::{GraphProto, NodeProto};
use std::collections::HashMap;

/// Shapes of the values that vary with the input, by name; the model's inputs among them. What is absent is a constant.
pub(crate) type Shapes<'a> = HashMap<&'a str, Vec<usize>>;

/// How an operator relates the channel axis of its first input to that of its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Axis 1 of both, by definition.
    Second,
    /// The last axis of both, by definition.
    Last,
    /// The last axis of the output: looked up in a table of vectors.
    LastOfOutput,
    /// The axes change places.
    Permuted,
    /// The same numbers in memory, other sizes.
    Reshaped,
    /// A product of two computed matrices: the axes before the last two stay.
    Batched,
    /// Each axis stays where it is, counted from the last where shapes broadcast.
    Kept,
}

fn rule(node: &NodeProto, shapes: &Shapes<'_>) -> Rule {
    let computed = |input: usize| node.input.get(input).is_some_and(|name| shapes.contains_key(name.as_str()));
    let rank = |name: Option<&String>| name.and_then(|name| shapes.get(name.as_str())).map_or(0, Vec::len);
    match node.op_type.as_str() {
        "Conv"
        | "ConvTranspose"
        | "ConvInteger"
        | "QLinearConv"
        | "DeformConv"
        | "BatchNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "LRN"
        | "MaxPool"
        | "AveragePool"
        | "LpPool"
        | "MaxUnpool"
        | "GlobalAveragePool"
        | "GlobalMaxPool"
        | "GlobalLpPool"
        | "DepthToSpace"
        | "SpaceToDepth" => Rule::Second,
        "MatMul" | "MatMulInteger" | "FusedMatMul" if computed(0) && computed(1) => Rule::Batched,
        "MatMul" | "MatMulInteger" | "FusedMatMul" if computed(0) => Rule::Last,
        "Attention" | "MultiHeadAttention" if rank(node.output.first()) == 3 => Rule::Last,
        "Gemm" | "LSTM" | "GRU" | "RNN" => Rule::Last,
        "LayerNormalization" | "RMSNormalization" | "SimplifiedLayerNormalization" | "SkipLayerNormalization" => {
            let last = integer(node, "axis").unwrap_or(-1);
            if last == -1 || last + 1 == rank(node.input.first()) as i64 { Rule::Last } else { Rule::Kept }
        }
        "Gather" if !computed(0) => Rule::LastOfOutput,
        "Transpose" => Rule::Permuted,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Gather" | "Einsum" => Rule::Reshaped,
        reduce if reduce.starts_with("Reduce") && rank(node.input.first()) != rank(node.output.first()) => {
            Rule::Reshaped
        }
        _ => Rule::Kept,
    }
}

/// The channel axis of every value in `shapes` that has one: an index into its shape, the batch axis counted.
pub(crate) fn channel_axes<'a>(graph: &'a GraphProto, shapes: &Shapes<'a>) -> HashMap<&'a str, usize> {
    let mut axes: HashMap<&str, usize> = HashMap::new();
    for _ in 0..2 {
        for node in &graph.node {
            forward(node, shapes, &mut axes);
        }
        for node in graph.node.iter().rev() {
            backward(node, shapes, &mut axes);
        }
    }
    for (&name, shape) in shapes {
        // Two axes: samples and features. Three: a sequence of vectors. More: maps, behind their channel.
        match shape.len() {
            0 | 1 => axes.remove(name),
            2 => axes.insert(name, 1),
            3 => Some(*axes.entry(name).or_insert(2)),
            _ => Some(*axes.entry(name).or_insert(1)),
        };
    }
    axes
}

fn forward<'a>(node: &'a NodeProto, shapes: &Shapes<'a>, axes: &mut HashMap<&'a str, usize>) {
    let rule = rule(node, shapes);
    for output in node.output.iter().map(String::as_str) {
        let Some(to) = shapes.get(output).filter(|_| !axes.contains_key(output)) else { continue };
        let found = match rule {
            Rule::Second => (to.len() > 1).then_some(1),
            Rule::Last | Rule::LastOfOutput => to.len().checked_sub(1),
            Rule::Permuted | Rule::Reshaped | Rule::Batched | Rule::Kept => node.input.iter().find_map(|input| {
                let (from, &axis) = (shapes.get(input.as_str())?, axes.get(input.as_str())?);
                moved(rule, node, from, axis, to)
            }),
        };
        axes.extend(found.map(|axis| (output, axis)));
    }
}

fn backward<'a>(node: &'a NodeProto, shapes: &Shapes<'a>, axes: &mut HashMap<&'a str, usize>) {
    let rule = rule(node, shapes);
    let output = node.output.first().map(String::as_str).unwrap_or_default();
    let known = shapes.get(output).zip(axes.get(output).copied());
    let inputs = if rule == Rule::Kept { node.input.len() } else { 1 };
    for input in node.input.iter().take(inputs).map(String::as_str) {
        let Some(to) = shapes.get(input).filter(|_| !axes.contains_key(input)) else { continue };
        let found = match (rule, known) {
            (Rule::Second, _) => (to.len() > 1).then_some(1),
            (Rule::Last, _) => to.len().checked_sub(1),
            (Rule::Permuted, Some((from, axis))) => permutation(node, from.len()).get(axis).copied(),
            (Rule::LastOfOutput, _) | (_, None) => None,
            (_, Some((from, axis))) => moved(rule, node, from, axis, to),
        };
        axes.extend(found.map(|axis| (input, axis)));
    }
}

/// Where axis `axis` of a value of shape `from` stands in one of shape `to`.
fn moved(rule: Rule, node: &NodeProto, from: &[usize], axis: usize, to: &[usize]) -> Option<usize> {
    match rule {
        Rule::Permuted => permutation(node, to.len()).iter().position(|&source| source == axis),
        Rule::Reshaped => reshaped(from, axis, to),
        Rule::Batched => (from.len() == to.len() && axis + 2 < to.len()).then_some(axis),
        _ => (axis + to.len()).checked_sub(from.len()),
    }
}

/// `perm` of a `Transpose`; by default the axes are reversed.
fn permutation(node: &NodeProto, rank: usize) -> Vec<usize> {
    match integers(node, "perm") {
        Some(perm) => perm.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect(),
        None => (0..rank).rev().collect(),
    }
}

/// The axis of `to` that begins where `axis` of `from` begins in memory (after as many steps of the axes before it), or,
/// where axes before it were dropped, that has as many numbers behind it. Among several, one of the same size.
fn reshaped(from: &[usize], axis: usize, to: &[usize]) -> Option<usize> {
    let before = |shape: &[usize], axis: usize| shape[..axis].iter().product::<usize>();
    let behind = |shape: &[usize], axis: usize| shape[axis + 1..].iter().product::<usize>();
    let best = |fits: &dyn Fn(usize) -> bool| {
        let same_size = (0..to.len()).find(|&candidate| fits(candidate) && to[candidate] == from[axis]);
        same_size.or_else(|| (0..to.len()).find(|&candidate| fits(candidate)))
    };
    best(&|candidate| candidate > 0 && before(to, candidate) == before(from, axis))
        .or_else(|| best(&|candidate| candidate > 0 && behind(to, candidate) == behind(from, axis)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::AttributeProto;

    fn node(op: &str, inputs: &[&str], output: &str, attribute: Option<(&str, &[i64])>) -> NodeProto {
        let attribute = attribute.map(|(name, ints)| AttributeProto {
            name: name.into(),
            i: ints[0],
            ints: ints.into(),
            ..AttributeProto::default()
        });
        NodeProto {
            op_type: op.into(),
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: vec![output.into()],
            attribute: attribute.into_iter().collect(),
            ..NodeProto::default()
        }
    }

    /// The axes found for `values` (name, shape) in a graph of `nodes`.
    fn found(nodes: Vec<NodeProto>, values: &[(&'static str, &[usize])]) -> Vec<Option<usize>> {
        let graph = GraphProto { node: nodes, ..GraphProto::default() };
        let shapes: Shapes<'_> = values.iter().map(|&(name, shape)| (name, shape.to_vec())).collect();
        let axes = channel_axes(&graph, &shapes);
        values.iter().map(|(name, _)| axes.get(name).copied()).collect()
    }

    #[test]
    fn nchw_by_convolutions() {
        let nodes = vec![
            node("Conv", &["x", "w"], "conv", None),
            node("Relu", &["conv"], "relu", None),
            node("GlobalAveragePool", &["relu"], "pool", None),
            node("Flatten", &["pool"], "flat", None),
            node("Gemm", &["flat", "w2"], "out", None),
        ];
        let values: &[(&str, &[usize])] = &[
            ("x", &[2, 3, 8, 8]),
            ("conv", &[2, 4, 8, 8]),
            ("relu", &[2, 4, 8, 8]),
            ("pool", &[2, 4, 1, 1]),
            ("flat", &[2, 4]),
            ("out", &[2, 5]),
        ];
        assert_eq!(found(nodes, values), [Some(1), Some(1), Some(1), Some(1), Some(1), Some(1)]);
    }

    #[test]
    fn nhwc_by_the_transposes_around_convolutions() {
        let (to_nchw, to_nhwc): (&[i64], &[i64]) = (&[0, 3, 1, 2], &[0, 2, 3, 1]);
        let nodes = vec![
            node("Mul", &["x", "scale"], "scaled", None),
            node("Transpose", &["scaled"], "t0", Some(("perm", to_nchw))),
            node("Conv", &["t0", "w"], "conv", None),
            node("Transpose", &["conv"], "t1", Some(("perm", to_nhwc))),
            node("Add", &["t1", "bias"], "add", None),
            node("Pad", &["add", "pads"], "pad", None),
            node("ReduceMean", &["pad"], "mean", None),
        ];
        let values: &[(&str, &[usize])] = &[
            ("x", &[2, 8, 8, 3]),
            ("scaled", &[2, 8, 8, 3]),
            ("t0", &[2, 3, 8, 8]),
            ("conv", &[2, 4, 8, 8]),
            ("t1", &[2, 8, 8, 4]),
            ("add", &[2, 8, 8, 4]),
            ("pad", &[2, 9, 9, 4]),
            ("mean", &[2, 4]),
        ];
        assert_eq!(found(nodes, values), [Some(3), Some(3), Some(1), Some(1), Some(3), Some(3), Some(3), Some(1)]);
    }

    #[test]
    fn sequences_by_their_weights() {
        let nodes = vec![
            node("Conv", &["x", "w"], "conv", None),
            node("Reshape", &["conv", "s0"], "patches", None),
            node("Transpose", &["patches"], "tokens", Some(("perm", &[0, 2, 1]))),
            node("LayerNormalization", &["tokens", "g"], "norm", Some(("axis", &[-1]))),
            node("MatMul", &["norm", "wq"], "q", None),
            node("Reshape", &["q", "s1"], "split", None),
            node("Transpose", &["split"], "heads", Some(("perm", &[0, 2, 1, 3]))),
            node("MatMul", &["heads", "keys"], "scores", None),
            node("Softmax", &["scores"], "weights", None),
        ];
        let values: &[(&str, &[usize])] = &[
            ("x", &[2, 3, 8, 8]),
            ("conv", &[2, 6, 4, 4]),
            ("patches", &[2, 6, 16]),
            ("tokens", &[2, 16, 6]),
            ("norm", &[2, 16, 6]),
            ("q", &[2, 16, 6]),
            ("split", &[2, 16, 3, 2]),
            ("heads", &[2, 3, 16, 2]),
            ("keys", &[2, 3, 2, 16]),
            ("scores", &[2, 3, 16, 16]),
            ("weights", &[2, 3, 16, 16]),
        ];
        let axes = [1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1].map(Some);
        assert_eq!(found(nodes, values), axes);
    }

    #[test]
    fn signals_embeddings_and_the_rest() {
        let nodes = vec![
            node("Conv", &["x", "w"], "ncl", None),
            node("Gather", &["table", "words"], "embedded", None),
            node("Erf", &["free"], "erf", None),
        ];
        let values: &[(&str, &[usize])] = &[
            ("x", &[2, 1, 50]),
            ("ncl", &[2, 4, 48]),
            ("words", &[2, 7]),
            ("embedded", &[2, 7, 5]),
            ("free", &[2, 9, 5]),
            ("erf", &[2, 9, 5]),
            ("one", &[2]),
        ];
        let expected = [Some(1), Some(1), Some(1), Some(2), Some(2), Some(2), None];
        assert_eq!(found(nodes, values), expected);
    }

    #[test]
    fn reshapes_keep_the_place_in_memory() {
        for (from, axis, to, expected) in [
            (&[2, 6, 4, 4][..], 1, &[2, 6, 16][..], Some(1)),
            (&[2, 4, 4, 6], 3, &[2, 16, 6], Some(2)),
            (&[2, 16, 6], 2, &[2, 16, 3, 2], Some(2)),
            (&[2, 1, 1, 6], 3, &[2, 6], Some(1)),
            (&[2, 6], 1, &[2, 1, 1, 6], Some(3)),
            (&[2, 6], 1, &[2, 6, 1, 1], Some(1)),
            (&[2, 5, 4, 6], 3, &[2, 4, 6], Some(2)),
            (&[2, 4, 6, 5], 2, &[2, 120], None),
        ] {
            assert_eq!(reshaped(from, axis, to), expected, "axis {axis} of {from:?} in {to:?}");
        }
    }
}
