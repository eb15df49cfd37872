//! Makes values inside of a graph outputs of it, and gives nodes attributes, without touching anything else.
//!
//! An ONNX engine delivers graph outputs only, and its optimiser may fuse anything else away. So the wanted names are
//! appended to `graph.output` (a name is enough: engines infer the type). The model's bytes are copied and the lengths of
//! what grew are written anew; no message is decoded and encoded again, so nothing can get lost on the way. (To
//! concatenate a second `graph` field would do by the rules of protobuf, but not every engine merges the two.)

use napscope::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Field number of `ModelProto.graph`.
const GRAPH: u64 = 7;
/// Field number of `GraphProto.node`.
const NODE: u64 = 1;
/// Field number of `GraphProto.output`.
const OUTPUT: u64 = 12;
/// Field number of `NodeProto.attribute`.
const ATTRIBUTE: u64 = 5;
/// Field number of `AttributeProto.ints`.
const INTS: u64 = 8;
/// Field number of `AttributeProto.type`, and its value for a list of integers.
const TYPE: (u64, u64) = (20, 7);
/// Wire type of messages, strings and bytes.
const LENGTH_DELIMITED: u64 = 2;

/// `model` with `names` appended to the outputs of its graph.
///
/// # Errors
/// [`ErrorKind::Source`] when `model` has no graph, or is cut off.
pub(crate) fn with_outputs<'a>(model: &[u8], names: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>> {
    let mut outputs = Vec::new();
    for name in names {
        let mut value_info = Vec::with_capacity(name.len() + 4);
        put_bytes(&mut value_info, 1, name.as_bytes());
        put_bytes(&mut outputs, OUTPUT, &value_info);
    }
    let mut seen = false;
    let spliced = rewrite(model, GRAPH, |graph| {
        seen = true;
        Ok([graph.into(), outputs.as_slice().into()])
    })?;
    if seen { Ok(spliced) } else { Err(cut_off()) }
}

/// An attribute that is a list of integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) ints: Vec<u64>,
}

/// `model` with an attribute more for each of its nodes in `added`, by their place in the graph.
///
/// # Errors
/// [`ErrorKind::Source`] when `model` has no graph, or is cut off.
pub(crate) fn with_attributes<'a>(model: &'a [u8], added: &BTreeMap<usize, Attribute>) -> Result<Cow<'a, [u8]>> {
    if added.is_empty() {
        return Ok(model.into());
    }
    let nodes = |graph: &'a [u8]| {
        let mut place = 0;
        rewrite(graph, NODE, |node| {
            let mut attributes = Vec::new();
            added.get(&place).inspect(|attribute| put_bytes(&mut attributes, ATTRIBUTE, &encoded(attribute)));
            place += 1;
            Ok([node.into(), attributes.into()])
        })
    };
    rewrite(model, GRAPH, |graph| Ok([nodes(graph)?.into(), Cow::default()])).map(Cow::Owned)
}

fn encoded(attribute: &Attribute) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, attribute.name.as_bytes());
    for (field, value) in attribute.ints.iter().map(|&value| (INTS, value)).chain([TYPE]) {
        put_varint(&mut bytes, field << 3);
        put_varint(&mut bytes, value);
    }
    bytes
}

/// `message` with two parts, one behind the other, for the payload of each of its fields number `field`.
fn rewrite<'a>(
    message: &'a [u8],
    field: u64,
    mut parts: impl FnMut(&'a [u8]) -> Result<[Cow<'a, [u8]>; 2]>,
) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut rest = message;
    while !rest.is_empty() {
        let before = rest;
        match take_field(&mut rest).ok_or_else(cut_off)? {
            (found, Some(payload)) if found == field => {
                let [first, second] = parts(payload)?;
                put_varint(&mut out, field << 3 | LENGTH_DELIMITED);
                put_varint(&mut out, (first.len() + second.len()) as u64);
                out.extend_from_slice(&first);
                out.extend_from_slice(&second);
            }
            _ => out.extend_from_slice(&before[..before.len() - rest.len()]),
        }
    }
    Ok(out)
}

fn cut_off() -> Error {
    Error::new(ErrorKind::Source, "the model has no whole graph").hint("the file is cut off: export or copy it again")
}

/// Takes one field off the front: its number, and its bytes where it is length-delimited. `None`: malformed.
fn take_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let key = take_varint(bytes)?;
    let payload = match key & 7 {
        0 => {
            take_varint(bytes)?;
            None
        }
        1 => {
            take(bytes, 8)?;
            None
        }
        LENGTH_DELIMITED => {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            Some(take(bytes, length)?)
        }
        5 => {
            take(bytes, 4)?;
            None
        }
        _ => return None,
    };
    Some((key >> 3, payload))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | LENGTH_DELIMITED);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut rest = bytes.as_slice();
            assert_eq!(take_varint(&mut rest), Some(value), "{value} as a varint");
            assert!(rest.is_empty(), "{value} leaves bytes");
        }
        assert_eq!(take_varint(&mut [0xff; 11].as_slice()), None, "a varint has at most ten bytes");
    }

    #[test]
    fn everything_around_the_outputs_stays() {
        // ir_version 8, a graph of three bytes, a field behind it.
        let model = [0x08, 8, 0x3a, 3, 0x12, 1, b'g', 0x42, 2, 0x10, 17];
        let spliced = with_outputs(&model, ["ab"]).expect("a graph is there");
        let expected =
            [&[0x08, 8, 0x3a, 9, 0x12, 1, b'g'][..], &[0x62, 4, 0x0a, 2, b'a', b'b'], &[0x42, 2, 0x10, 17]].concat();
        assert_eq!(spliced, expected);
        assert_eq!(with_outputs(&model, []).expect("nothing to add"), model);
    }

    #[test]
    fn an_attribute_goes_to_its_node_alone() {
        // Two nodes, each with an operator type alone, and the graph's name between them.
        let model = [0x3a, 11, 0x0a, 3, 0x22, 1, b'A', 0x12, 0, 0x0a, 2, 0x22, 0];
        let added = BTreeMap::from([(1, Attribute { name: "k", ints: vec![3, 200] })]);
        let attribute = [0x0a, 1, b'k', 0x40, 3, 0x40, 200, 1, 0xa0, 1, 7];
        let node = [&[0x22, 0, 0x2a, 11][..], &attribute].concat();
        let expected = [&[0x3a, 24, 0x0a, 3, 0x22, 1, b'A', 0x12, 0, 0x0a, 15][..], &node].concat();
        assert_eq!(*with_attributes(&model, &added).expect("two nodes"), expected);
        assert_eq!(*with_attributes(&model, &BTreeMap::new()).expect("nothing to add"), model);
    }

    #[test]
    fn a_model_without_a_whole_graph_is_refused() {
        for (model, what) in
            [(&[][..], "empty"), (&[0x08, 8], "no graph"), (&[0x3a, 9, 1], "cut off"), (&[0x3b], "a group")]
        {
            assert_eq!(with_outputs(model, ["x"]).expect_err(what).kind(), ErrorKind::Source, "{what}");
        }
    }
}
