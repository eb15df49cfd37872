//! Data sets and ready-made activations.

use super::write::{counting, integers, npy, npy_raw, zip};
use crate::scratch::Scratch;
use napscope::activations::ActivationSource;
use napscope_cli::data::{
    ColumnValues, DataSet, InputKind, ModelInput, OpenOptions, ReadyMade, ReadyMadeOptions, TensorValues,
};
use std::sync::Mutex;

fn input(name: &str, kind: InputKind, shape: &[usize]) -> ModelInput {
    let free_batch = std::iter::once(None).chain(shape.iter().map(|size| Some(*size)));
    ModelInput { name: name.into(), kind, shape: Some(free_batch.collect()) }
}

fn open(bytes: Vec<u8>, inputs: Vec<ModelInput>) -> napscope::Result<DataSet> {
    let scratch = Scratch::new();
    let path = scratch.file("data.npz", bytes);
    DataSet::open(&path, &OpenOptions { model_inputs: inputs, ..OpenOptions::default() })
}

#[test]
fn the_right_arrays_become_inputs() {
    let x = || counting(&[4, 3]);
    let labels = || integers(&[0, 1, 0, 1]);
    let float = |name| vec![input(name, InputKind::Float, &[3])];
    type Members = Vec<(&'static str, Vec<u8>)>;
    type Pairs = &'static [(&'static str, &'static str)];
    let cases: [(&str, Members, Vec<ModelInput>, Pairs); 7] = [
        ("its own name", vec![("other.npy", x()), ("signal.npy", x())], float("signal"), &[("signal", "signal")]),
        ("a usual name", vec![("w.npy", x()), ("X.npy", x())], float("signal"), &[("signal", "X")]),
        (
            "the only float array",
            vec![("arr_0.npy", x()), ("arr_1.npy", labels())],
            float("signal"),
            &[("signal", "arr_0")],
        ),
        (
            "the only array",
            vec![("a.npy", integers(&[1, 2]))],
            vec![input("ids", InputKind::Int, &[])],
            &[("ids", "a")],
        ),
        (
            "the last one left",
            vec![("noise.npy", x()), ("w.npy", x())],
            vec![input("signal", InputKind::Float, &[3]), input("noise", InputKind::Float, &[3])],
            &[("signal", "w"), ("noise", "noise")],
        ),
        ("without a network", vec![("images.npy", x()), ("labels.npy", labels())], vec![], &[("images", "images")]),
        ("integers for floats", vec![("x.npy", npy("|u1", &[2, 3], &[1, 2, 3, 4, 5, 255]))], float("x"), &[("x", "x")]),
    ];
    for (what, members, inputs, expected) in cases {
        let data = open(zip(&members, false), inputs).unwrap_or_else(|error| panic!("{what}: {error}"));
        let found: Vec<(&str, &str)> =
            data.inputs().iter().map(|input| (input.name.as_str(), input.source.as_str())).collect();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn an_unclear_choice_lists_the_arrays() {
    let members = [("a.npy", counting(&[4, 3])), ("b.npy", counting(&[4, 3]))];
    let error = open(zip(&members, false), vec![input("signal", InputKind::Float, &[3])]).expect_err("a or b?");
    let text = error.to_string();
    for expected in ["which array feeds `signal`?", "a float32 (4, 3)", "b float32 (4, 3)"] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(error.how_to_mend(), Some("say it with --input signal=ARRAY"));

    let scratch = Scratch::new();
    let path = scratch.file("data.npz", zip(&members, false));
    let options = OpenOptions { input_arrays: vec![("signal".into(), "b".into())], ..OpenOptions::default() };
    assert_eq!(DataSet::open(&path, &options).expect("b was chosen").inputs()[0].source, "b");
}

#[test]
fn batches_have_the_shape_of_the_network() {
    // Grey pictures without a channel axis, and integers for an integer input.
    let members = [
        ("x.npy", counting(&[3, 2, 2])),
        ("ids.npy", npy(">i2", &[3, 2], &[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0xff, 0xfa])),
    ];
    let inputs = vec![input("x", InputKind::Float, &[1, 2, 2]), input("ids", InputKind::Int, &[2])];
    let data = open(zip(&members, true), inputs).expect("both fit");
    let batch = data.read(&[2, 0]).expect("two samples");
    assert_eq!(batch[0].shape, [2, 1, 2, 2]);
    assert_eq!(batch[0].values, TensorValues::F32(vec![8.0, 9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 3.0]));
    assert_eq!(batch[1].shape, [2, 2]);
    assert_eq!(batch[1].values, TensorValues::I64(vec![5, -6, 1, 2]));
}

#[test]
fn arrays_of_the_right_length_become_columns() {
    let floats: Vec<u8> = [0.5_f64, f64::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
    let huge: Vec<u8> = [1, u64::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
    let members = [
        ("x.npy", counting(&[2, 3])),
        ("label.npy", npy("|S3", &[2], b"catdog")),
        ("snr_db.npy", npy("<f8", &[2], &floats)),
        ("box.npy", npy("|i1", &[2, 2], &[1, 2, 3, 0xff])),
        ("seen.npy", npy("|b1", &[2, 1], &[0, 1])),
        ("id.npy", npy("<u8", &[2], &huge)),
        ("other.npy", integers(&[1, 2, 3])),
        ("notes.txt", b"hello".to_vec()),
    ];
    let data = open(zip(&members, false), vec![]).expect("x is the data");
    let names: Vec<&str> = data.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["label", "snr_db", "box[0]", "box[1]", "seen", "id"]);
    let cells: Vec<Vec<Option<String>>> = data
        .columns()
        .iter()
        .map(|column| (0..2).map(|sample| column.text(sample).map(|text| text.into_owned())).collect())
        .collect();
    let some = |text: &str| Some(text.to_string());
    assert_eq!(cells[0], [some("cat"), some("dog")]);
    assert_eq!(cells[1], [some("0.5"), None], "NaN is missing");
    assert_eq!(cells[3], [some("2"), some("-1")]);
    assert_eq!(cells[4], [some("false"), some("true")]);
    assert_eq!(cells[5], [some("1"), some("18446744073709551615")], "an id beyond i64 stays exact");
    assert!(matches!(data.columns()[2].values, ColumnValues::Int(_)));
    let notes = data.notes().join("\n");
    assert!(notes.contains("array other int64 (3,) is ignored"), "{notes}");
    assert!(notes.contains("`notes.txt` is no .npy array"), "{notes}");
}

#[test]
fn a_samples_key_hangs_on_its_content_alone() {
    let scratch = Scratch::new();
    let values = [[1.0_f32, 2.0], [3.0, 4.0], [1.0, 2.0]];
    let little: Vec<u8> = values.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    let big: Vec<u8> = values.iter().flatten().flat_map(|value| value.to_be_bytes()).collect();
    let columns: Vec<u8> = [1.0_f32, 3.0, 1.0, 2.0, 4.0, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let fortran = npy_raw("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2)}", &columns);
    let files = [
        scratch.file("little.npy", npy("<f4", &[3, 2], &little)),
        scratch.file("big.npy", npy(">f4", &[3, 2], &big)),
        scratch.file("fortran.npy", fortran),
        scratch.file("deflated.npz", zip(&[("x.npy", npy("<f4", &[3, 2], &little))], true)),
    ];
    let keys: Vec<Vec<u64>> = files
        .iter()
        .map(|path| {
            let data = DataSet::open(path, &OpenOptions::default()).expect("readable");
            (0..3).map(|sample| data.content_key(sample).expect("a key")).collect()
        })
        .collect();
    // First 8 bytes of the SHA-256 of 00 00 80 3f 00 00 00 40, from Python's hashlib.
    assert_eq!(keys[0][0], 0xb9c8_0b5a_deca_4507, "the key of (1, 2)");
    assert_eq!(keys[0][0], keys[0][2], "equal samples, equal keys");
    assert_ne!(keys[0][0], keys[0][1]);
    assert!(keys.iter().all(|others| *others == keys[0]), "{keys:?}");
}

/// Everything that a source delivers: for each layer, the samples in order.
fn deliver(source: &ReadyMade, samples: &[usize]) -> Vec<Vec<f32>> {
    let layers = source.layers();
    let out: Vec<Mutex<Vec<f32>>> =
        layers.iter().map(|layer| Mutex::new(vec![f32::NAN; samples.len() * layer.shape.len()])).collect();
    let sink = |batch: napscope::activations::Batch<'_>| {
        let length = layers[batch.layer].shape.len();
        let mut out = out[batch.layer].lock().expect("no test panics while it holds the lock");
        for at in 0..batch.activations.samples() {
            out[(batch.first + at) * length..][..length].copy_from_slice(batch.activations.sample(at));
        }
        Ok(())
    };
    source.run(samples, &sink).expect("all samples are there");
    out.into_iter().map(|layer| layer.into_inner().expect("unlocked")).collect()
}

#[test]
fn ready_made_arrays_are_layers() {
    let scratch = Scratch::new();
    let members = [
        ("dense.npy", counting(&[5000, 3])),
        ("tokens.npy", counting(&[5000, 2, 3])),
        ("conv.npy", counting(&[5000, 2, 2, 2])),
        ("label.npy", integers(&vec![7; 5000])),
        ("snr_db.npy", counting(&[5000, 1])),
    ];
    let path = scratch.file("taps.npz", zip(&members, false));
    let options = ReadyMadeOptions { channel_axes: vec![("tok*".into(), -1)], ..ReadyMadeOptions::default() };
    let source = ReadyMade::open(&path, &options).expect("three layers");
    let shapes: Vec<(&str, usize, usize, usize)> = source
        .layers()
        .iter()
        .map(|layer| (layer.name.as_str(), layer.shape.channels, layer.shape.height, layer.shape.width))
        .collect();
    assert_eq!(shapes, [("dense", 3, 1, 1), ("tokens", 3, 1, 2), ("conv", 2, 2, 2)]);
    assert_eq!(source.columns().len(), 2, "the labels, and the one number a sample");

    let samples: Vec<usize> = (0..5000).rev().collect();
    let delivered = deliver(&source, &samples);
    assert_eq!(delivered[0][..3], [14997.0, 14998.0, 14999.0], "sample 4999 comes first");
    let first = 4999.0 * 6.0;
    assert_eq!(delivered[1][..6], [0.0, 3.0, 1.0, 4.0, 2.0, 5.0].map(|at| first + at), "features first, then tokens");
    assert_eq!(delivered[2][4999 * 8..], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert!(delivered.iter().flatten().all(|value| !value.is_nan()), "every sample of every layer was delivered");
}

#[test]
fn a_sinks_error_stops_the_run() {
    let scratch = Scratch::new();
    let path = scratch.file("x.npy", counting(&[3000, 4]));
    let source = ReadyMade::open(&path, &ReadyMadeOptions::default()).expect("one layer");
    let samples: Vec<usize> = (0..3000).collect();
    let stop = || napscope::Error::new(napscope::ErrorKind::Interrupted, "stopped");
    let error = source.run(&samples, &|_| Err(stop())).expect_err("the sink refuses");
    assert_eq!(error.kind(), napscope::ErrorKind::Interrupted);
}

#[test]
fn layers_are_chosen_by_pattern() {
    let scratch = Scratch::new();
    let members = [("a1.npy", counting(&[3, 2])), ("a2.npy", counting(&[3, 2])), ("b.npy", counting(&[3, 2]))];
    let path = scratch.file("taps.npz", zip(&members, false));
    let open = |layers: &[&str]| {
        let layers = layers.iter().map(|layer| layer.to_string()).collect();
        ReadyMade::open(&path, &ReadyMadeOptions { layers, ..ReadyMadeOptions::default() })
    };
    let source = open(&["a?"]).expect("two match");
    assert_eq!(source.layers().iter().map(|layer| layer.name.as_str()).collect::<Vec<&str>>(), ["a1", "a2"]);
    assert_eq!(source.columns().iter().map(|column| column.name.as_str()).collect::<Vec<&str>>(), ["b[0]", "b[1]"]);
    let error = open(&["a3"]).expect_err("no such layer");
    assert_eq!(error.kind(), napscope::ErrorKind::UnknownName);
    assert!(error.how_to_mend().is_some_and(|hint| hint.contains("`a1`")), "{:?}", error.how_to_mend());
}
