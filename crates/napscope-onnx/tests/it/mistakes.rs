//! Models that are damaged, of another format, or beyond an engine: an error that says what and how to mend it, no panic.

use crate::common::{engines, oracles};
use napscope::{Error, ErrorKind};
use napscope_onnx::{Choice, Model, Tap};
use std::path::{Path, PathBuf};

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("napscope-onnx-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("the temporary folder is writable");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A message's field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    [out, bytes.to_vec()].concat()
}

/// A message's field of a small number.
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
    let name = field(3, format!("node of {output}").as_bytes());
    let message = inputs.chain(field(2, output.as_bytes())).chain(name).chain(field(4, op.as_bytes()));
    field(1, &message.chain(attributes.concat()).collect::<Vec<u8>>())
}

/// A tensor by its element type and axes, of which a 0 is open.
fn value(field_number: u8, name: &str, elements: u8, dims: &[u8]) -> Vec<u8> {
    let dim = |&size: &u8| field(1, &if size == 0 { field(2, b"n") } else { number(1, size) });
    let shape: Vec<u8> = dims.iter().flat_map(dim).collect();
    let tensor = field(1, &[number(1, elements), field(2, &shape)].concat());
    field(field_number, &[field(1, name.as_bytes()), field(2, &tensor)].concat())
}

fn model(opset: u8, graph: &[Vec<u8>]) -> Vec<u8> {
    [number(1, 8), field(7, &graph.concat()), field(8, &[field(1, b""), number(2, opset)].concat())].concat()
}

/// A model of one operator on a batch of three numbers.
fn one(op: &str, opset: u8) -> Vec<u8> {
    model(opset, &[node(op, &["x"], "y", &[]), value(11, "x", 1, &[0, 3]), value(12, "y", 1, &[0, 3])])
}

/// A weight that lies in a file beside the model.
fn weight_in(location: &str) -> Vec<u8> {
    let entry = |key: &str, text: &str| field(13, &[field(1, key.as_bytes()), field(2, text.as_bytes())].concat());
    let tensor = [
        number(1, 3),
        number(2, 1),
        field(8, b"w"),
        entry("location", location),
        entry("offset", "0"),
        entry("length", "12"),
        number(14, 1),
    ];
    let graph = [
        node("Add", &["x", "w"], "y", &[]),
        field(5, &tensor.concat()),
        value(11, "x", 1, &[0, 3]),
        value(12, "y", 1, &[0, 3]),
    ];
    model(17, &graph)
}

/// Opens, lists and taps all of it.
fn use_up(path: &Path, engine: &Choice) -> Result<usize, Error> {
    let model = Model::open(path)?;
    let layers = model.layers(engine, None)?;
    let all: Vec<usize> = (0..layers.values.len()).collect();
    Tap::new(&model, engine, &layers, &all).map(|tap| tap.layers().len())
}

#[test]
fn the_models_written_here_are_models() {
    let folder = Folder::new("sound");
    for engine in engines() {
        let path = folder.write("relu.onnx", &one("Relu", 17));
        assert_eq!(use_up(&path, &engine).expect("a sound model"), 1, "{engine}");
        let path = folder.write("external.onnx", &weight_in("weights.data"));
        folder.write("weights.data", &[0; 12]);
        assert_eq!(use_up(&path, &engine).expect("with its weights beside it"), 1, "{engine}");
    }
}

#[test]
fn damaged_and_foreign_models_are_refused_by_name() {
    let folder = Folder::new("refused");
    let relu = |inputs: Vec<u8>| model(17, &[node("Relu", &["x"], "y", &[]), inputs, value(12, "y", 1, &[0, 3])]);
    for (name, bytes, expected) in [
        ("empty", vec![], "the file is empty"),
        ("zip", b"PK\x03\x04\x14\0\0\0archive/data.pkl".to_vec(), "is a ZIP archive"),
        ("half", one("Relu", 17)[..20].to_vec(), "does not read as an ONNX model"),
        ("noise", (0..200u32).map(|i| (i * i * 31 + 7) as u8).collect(), "does not read as an ONNX model"),
        ("no graph", number(1, 8), "lacks a graph"),
        ("no nodes", model(17, &[value(11, "x", 1, &[0, 3])]), "lacks any node"),
        ("no opset", [number(1, 8), field(7, &node("Relu", &["x"], "y", &[]))].concat(), "lacks an operator set"),
        ("no input", relu(vec![]), "has no input"),
        ("no batch", relu(value(11, "x", 1, &[])), "`x` is a single number, without a batch axis"),
        ("no shape", relu(field(11, &field(1, b"x"))), "`x` is no tensor"),
        ("missing weights", weight_in("gone.data"), "its weights lie in `gone.data`, and that file is not beside it"),
        ("other folder", weight_in("../weights.data"), "`../weights.data`, outside of its folder"),
        ("absolute", weight_in("/etc/passwd"), "`/etc/passwd`, outside of its folder"),
        ("nowhere", weight_in(""), "outside of its folder"),
    ] {
        let path = folder.write("model.onnx", &bytes);
        let error = Model::open(&path).err().unwrap_or_else(|| panic!("{name} is accepted"));
        assert!(error.to_string().contains(expected), "{name}: `{error}` should contain `{expected}`");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{name}: `{error}` should name the file");
        assert_eq!(error.kind(), ErrorKind::Source, "{name}");
        assert!(error.how_to_mend().is_some() || name == "no input", "{name}: no hint");
    }
}

#[test]
fn what_an_engine_cannot_run_is_said() {
    let folder = Folder::new("beyond");
    let embedded = [
        node("Relu", &["x"], "y", &[]),
        node("FancyAttention", &["y"], "z", &[]),
        value(11, "x", 1, &[0, 3]),
        value(12, "z", 1, &[0, 3]),
    ];
    for engine in engines() {
        for (name, bytes, expected) in [
            ("unknown operator", model(17, &embedded), &["FancyAttention", "node of z"][..]),
            ("opset of the future", one("Relu", 99), &["99"]),
            ("short weights", weight_in("short.data"), &["cannot load the model"]),
            (
                "wrong shapes",
                model(
                    17,
                    &[node("MatMul", &["x", "x"], "y", &[]), value(11, "x", 1, &[0, 3]), value(12, "y", 1, &[0, 3])],
                ),
                &["node of y"],
            ),
        ] {
            folder.write("short.data", &[0; 8]);
            let path = folder.write("model.onnx", &bytes);
            let error = use_up(&path, &engine).err().unwrap_or_else(|| panic!("{engine}: {name} is accepted"));
            for part in expected {
                assert!(error.to_string().contains(part), "{engine}: {name}: `{error}` should contain `{part}`");
            }
            assert_eq!(error.kind(), ErrorKind::Source, "{engine}: {name}");
        }
    }
}

#[test]
fn open_axes_need_a_shape_and_shapes_must_fit() {
    let folder = Folder::new("shapes");
    let open =
        model(17, &[node("Relu", &["x"], "y", &[]), value(11, "x", 1, &[0, 3, 0]), value(12, "y", 1, &[0, 3, 0])]);
    let model = Model::open(folder.write("open.onnx", &open)).expect("a sound model");
    let engine = Choice::rten();
    let error = model.layers(&engine, None).expect_err("the last axis is open");
    assert_eq!(error.kind(), ErrorKind::InvalidParameter);
    assert!(error.to_string().contains("`x` leaves the size of an axis open (`n`)"), "{error}");
    for (shapes, expected) in [
        (vec![vec![3]], "has shape [3, ?], the data have [3]"),
        (vec![vec![4, 5]], "has shape [3, ?], the data have [4, 5]"),
        (vec![vec![3, 0]], "has shape [3, ?], the data have [3, 0]"),
        (vec![], "expected shape [1], got [0]"),
    ] {
        let error = model.layers(&engine, Some(&shapes)).expect_err("it does not fit");
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch, "{shapes:?}");
        assert!(error.to_string().contains(expected), "`{error}` should contain `{expected}`");
    }
    for huge in [vec![3, 1 << 40], vec![3, usize::MAX]] {
        let error = model.layers(&engine, Some(&[huge])).expect_err("no machine has that");
        assert_eq!(error.kind(), ErrorKind::MemoryLimit, "{error}");
    }
    assert_eq!(model.layers(&engine, Some(&[vec![3, 7]])).expect("it fits").values[0].map.channels, 7);
}

#[test]
fn a_model_cut_off_anywhere_is_refused_or_runs() {
    let folder = Folder::new("cut");
    let whole = std::fs::read(oracles().join("taps").join("plain_cnn_dynamo.onnx")).expect("it is committed");
    let engine = Choice::rten();
    let mut refused = 0;
    for cut in 0..200 {
        let path = folder.write("cut.onnx", &whole[..whole.len() * cut / 200]);
        refused += usize::from(use_up(&path, &engine).is_err());
    }
    // Behind the graph and the operator set stands nothing that a network needs.
    assert!(refused >= 195, "only {refused} of 200 were refused");
}
