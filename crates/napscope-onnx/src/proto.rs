//! The few ONNX messages this crate reads, by their protobuf field numbers (onnx.proto3, IR version 13 and before).
//!
//! Weight bytes are left undeclared on purpose: the decoder steps over an undeclared field, so that parsing a model of
//! several hundred megabytes copies names and shapes and nothing else. For the same reason a model is never written
//! back through these messages (see `splice.rs`).

use napscope::{Error, ErrorKind, Result};
use prost::Message;

/// `onnx.ModelProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    #[prost(int64, optional, tag = "1")]
    pub(crate) ir_version: Option<i64>,
    #[prost(string, tag = "2")]
    pub(crate) producer_name: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSetIdProto>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<StringStringEntryProto>,
}

/// `onnx.OperatorSetIdProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub(crate) domain: String,
    #[prost(int64, tag = "2")]
    pub(crate) version: i64,
}

/// `onnx.GraphProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "13")]
    pub(crate) value_info: Vec<ValueInfoProto>,
}

/// `onnx.NodeProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<AttributeProto>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) metadata_props: Vec<StringStringEntryProto>,
}

/// `onnx.AttributeProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int64, tag = "3")]
    pub(crate) i: i64,
    #[prost(message, optional, boxed, tag = "6")]
    pub(crate) g: Option<Box<GraphProto>>,
    #[prost(int64, repeated, tag = "8")]
    pub(crate) ints: Vec<i64>,
}

/// `onnx.TensorProto`, without its data.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<StringStringEntryProto>,
}

/// `onnx.StringStringEntryProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StringStringEntryProto {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// `onnx.ValueInfoProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<TypeProto>,
}

/// `onnx.TypeProto`, of which only tensors are read.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor_type: Option<TensorTypeProto>,
}

/// `onnx.TypeProto.Tensor`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub(crate) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<TensorShapeProto>,
}

/// `onnx.TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<DimensionProto>,
}

/// `onnx.TensorShapeProto.Dimension`: a size, or the name of one that is known at run time only.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    pub(crate) dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub(crate) dim_param: Option<String>,
}

/// Reads a model's messages.
///
/// # Errors
/// [`ErrorKind::Source`] when `bytes` are no ONNX model, or only the beginning of one.
pub(crate) fn parse(bytes: &[u8]) -> Result<ModelProto> {
    let model = ModelProto::decode(bytes).map_err(|error| {
        Error::new(ErrorKind::Source, format!("the file does not read as an ONNX model ({error})"))
            .hint("the file is damaged, cut off, or of another format: export or copy it again")
    })?;
    let nodes = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    let missing = match (&model.graph, model.ir_version, model.opset_import.is_empty()) {
        (None, _, _) => "a graph",
        (Some(_), None, _) => "an IR version",
        (Some(_), Some(_), true) => "an operator set (its end may be cut off)",
        (Some(_), Some(_), false) if nodes == 0 => "any node in its graph",
        _ => return Ok(model),
    };
    Err(Error::new(ErrorKind::Source, format!("the file does not read as an ONNX model: it lacks {missing}"))
        .hint("the file is damaged, cut off, or of another format: export or copy it again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest() -> ModelProto {
        let node = NodeProto { op_type: "Relu".into(), output: vec!["y".into()], ..NodeProto::default() };
        ModelProto {
            ir_version: Some(8),
            graph: Some(GraphProto { node: vec![node], ..GraphProto::default() }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            ..ModelProto::default()
        }
    }

    #[test]
    fn undeclared_fields_are_stepped_over() {
        let mut bytes = smallest().encode_to_vec();
        bytes.extend([(5 << 3) | 2, 3, b'd', b'o', b'c']);
        assert_eq!(parse(&bytes).expect("a doc string is no harm"), smallest());
    }

    #[test]
    fn what_lacks_is_named() {
        let without = |change: fn(&mut ModelProto)| {
            let mut model = smallest();
            change(&mut model);
            parse(&model.encode_to_vec()).expect_err("a part is missing").to_string()
        };
        for (message, expected) in [
            (without(|model| model.graph = None), "lacks a graph"),
            (without(|model| model.ir_version = None), "lacks an IR version"),
            (without(|model| model.opset_import.clear()), "lacks an operator set"),
            (without(|model| model.graph.iter_mut().for_each(|graph| graph.node.clear())), "lacks any node"),
        ] {
            assert!(message.contains(expected), "`{message}` should contain `{expected}`");
        }
        assert!(parse(&[0x3a, 0xff]).expect_err("cut off").to_string().contains("does not read as an ONNX model"));
    }
}
