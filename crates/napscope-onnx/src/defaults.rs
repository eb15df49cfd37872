//! Attributes that the standard lets an exporter leave out, and that rten 0.27 cannot do without.
//!
//! It counts the axes of a convolution by `kernel_shape`, which may be left out since the weights tell it, and takes the
//! `strides` of a pool, whose default is 1 everywhere, for none.

use crate::proto::{GraphProto, NodeProto};
use crate::splice::Attribute;
use std::collections::BTreeMap;

/// What each node of the graph lacks, by its place.
pub(crate) fn missing_attributes(graph: &GraphProto) -> BTreeMap<usize, Attribute> {
    let nodes = graph.node.iter().enumerate();
    nodes.filter_map(|(place, node)| Some((place, missing_attribute(graph, node)?))).collect()
}

fn missing_attribute(graph: &GraphProto, node: &NodeProto) -> Option<Attribute> {
    let given = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let (name, ints) = match node.op_type.as_str() {
        "Conv" | "ConvTranspose" | "ConvInteger" => ("kernel_shape", kernel_shape(graph, node)?),
        "MaxPool" | "AveragePool" | "LpPool" => ("strides", vec![1; given("kernel_shape")?.ints.len()]),
        _ => return None,
    };
    given(name).is_none().then_some(Attribute { name, ints })
}

/// The weights' shape behind their two axes of channels. Weights that are computed do not tell it.
fn kernel_shape(graph: &GraphProto, node: &NodeProto) -> Option<Vec<u64>> {
    let weights = graph.initializer.iter().find(|weights| Some(&weights.name) == node.input.get(1))?;
    weights.dims.get(2..)?.iter().map(|&size| u64::try_from(size).ok()).collect()
}
