//! Bad input: every case must end in an error that names the file, says what is wrong, and how to mend it.

use super::images::png;
use super::oracle;
use super::write::{counting, integers, npy, npy_raw, safetensors, zip};
use crate::scratch::Scratch;
use image::{GrayImage, RgbImage};
use napscope::activations::ActivationSource;
use napscope_cli::data::{
    Column, DataSet, InputKind, ModelInput, OpenOptions, Preprocess, ReadyMade, ReadyMadeOptions, metadata,
};
use std::path::{Path, PathBuf};

/// Opens data and reads all of it, as a run does.
fn use_data(path: &Path, options: &OpenOptions) -> napscope::Result<()> {
    let data = DataSet::open(path, options)?;
    let samples: Vec<usize> = (0..data.samples()).collect();
    data.read(&samples)?;
    samples.iter().try_for_each(|sample| data.content_key(*sample).map(|_| ()))
}

fn use_arrays(path: &Path, options: &ReadyMadeOptions) -> napscope::Result<()> {
    let source = ReadyMade::open(path, options)?;
    source.run(&(0..source.samples()).collect::<Vec<usize>>(), &|_| Ok(()))
}

type Run = Box<dyn Fn(&Path) -> napscope::Result<()>>;

/// What is opened how; the error must name the file's name and hold every text, in its message or its hint.
struct Case {
    what: &'static str,
    path: PathBuf,
    run: Run,
    expected: &'static [&'static str],
}

/// Collects cases; each gets a folder of its own below the scratch folder.
struct Cases {
    scratch: Scratch,
    cases: Vec<Case>,
}

impl Cases {
    fn new() -> Self {
        Cases { scratch: Scratch::new(), cases: Vec::new() }
    }

    /// A data file, opened without a network.
    fn data(&mut self, what: &'static str, name: &str, bytes: Vec<u8>, expected: &'static [&'static str]) {
        self.with(what, name, bytes, OpenOptions::default(), expected);
    }

    fn with(
        &mut self,
        what: &'static str,
        name: &str,
        bytes: Vec<u8>,
        options: OpenOptions,
        expected: &'static [&'static str],
    ) {
        self.add(what, name, bytes, Box::new(move |path| use_data(path, &options)), expected);
    }

    fn add(&mut self, what: &'static str, name: &str, bytes: Vec<u8>, run: Run, expected: &'static [&'static str]) {
        let path = self.scratch.file(&format!("{}/{name}", self.cases.len()), bytes);
        self.cases.push(Case { what, path, run, expected });
    }

    /// Runs all, and tells every failure.
    fn check(self) {
        let mut failures = Vec::new();
        for Case { what, path, run, expected } in &self.cases {
            let Err(error) = run(path) else {
                failures.push(format!("{what}: no error"));
                continue;
            };
            let told = format!("{error}\nhint: {}", error.how_to_mend().unwrap_or("(none)"));
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let named = expected.iter().copied().chain([name.as_str()]).all(|text| told.contains(text));
            if !named || error.how_to_mend().is_none() {
                failures.push(format!("{what}: {expected:?} and `{name}` were expected of\n{told}"));
            }
        }
        assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), self.cases.len(), failures.join("\n\n"));
    }
}

fn float_input(shape: &[usize]) -> ModelInput {
    let sizes = std::iter::once(None).chain(shape.iter().map(|size| Some(*size)));
    ModelInput { name: "input".into(), kind: InputKind::Float, shape: Some(sizes.collect()) }
}

fn network(inputs: Vec<ModelInput>) -> OpenOptions {
    OpenOptions { model_inputs: inputs, ..OpenOptions::default() }
}

const HEADER: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";

#[test]
fn bad_npy_files() {
    let mut cases = Cases::new();
    let x = || counting(&[4, 3]);
    let header = |text: &str| npy_raw(text, &[0; 16]);
    cases.data("an empty file", "x.npy", vec![], &["the file is empty"]);
    cases.data("text", "x.npy", b"hello, I am a text".to_vec(), &["no .npy"]);
    cases.data("half of its data", "x.npy", x()[..100].to_vec(), &["truncated", "np.save"]);
    cases.data("half of its header", "x.npy", x()[..30].to_vec(), &["ends within its header"]);
    cases.data("bytes after its data", "x.npy", [x(), vec![0; 9]].concat(), &["goes on after its array"]);
    cases.data("format version 9", "x.npy", [b"\x93NUMPY\x09\x00", &x()[8..]].concat(), &["version 9"]);
    cases.data("4 GiB of header", "x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(), &["claims 4294967295"]);
    cases.data("no shape", "x.npy", header("{'descr': '<f4', 'fortran_order': False}"), &["lacks `shape`"]);
    cases.data("a negative shape", "x.npy", header(&HEADER.replace("(2, 2)", "(-2, 2)")), &["where a size should"]);
    cases.data(
        "a shape beyond memory",
        "x.npy",
        header(&HEADER.replace("(2, 2)", "(4294967296, 4294967296, 4)")),
        &["overflows"],
    );
    cases.data(
        "an empty array with a huge row",
        "x.npy",
        header(&HEADER.replace("(2, 2)", "(0, 4294967296, 4294967296, 4)")),
        &["overflows"],
    );
    cases.data("an unknown type", "x.npy", header(&HEADER.replace("<f4", "<q4")), &["`<q4` is not understood"]);
    cases.data("complex numbers", "x.npy", npy("<c8", &[1, 2], &[0; 16]), &["complex", "real and imaginary"]);
    cases.data("dates", "x.npy", npy("<M8[ns]", &[2], &[0; 16]), &["datetime"]);
    cases.data("long doubles", "x.npy", npy("<f16", &[1, 1], &[0; 16]), &["long double", "float32"]);
    cases.data(
        "an object array",
        "x.npy",
        npy("|O", &[2], b"\x80\x03cos\nsystem\n"),
        &["object array", "never unpickles", "x.tolist()"],
    );
    cases.data(
        "a structured array",
        "x.npy",
        npy_raw("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}", &[0; 16]),
        &["structured"],
    );
    cases.data("no samples", "x.npy", counting(&[0, 3]), &["(0, 3) is empty", "at least one sample"]);
    cases.data("empty samples", "x.npy", counting(&[3, 0]), &["(3, 0) is empty"]);
    cases.data("text as data", "x.npy", npy("|S3", &[2, 2], b"catdogcatdog"), &["takes numbers", "bytes[3]"]);
    cases.with(
        "text for a network",
        "x.npy",
        npy("|S3", &[2], b"catdog"),
        network(vec![float_input(&[])]),
        &["takes numbers"],
    );
    cases.with("a single number", "x.npy", counting(&[]), network(vec![float_input(&[])]), &["must count the samples"]);
    let large: Vec<u8> = [1.0, 1e300].iter().flat_map(|value: &f64| value.to_le_bytes()).collect();
    cases.data(
        "a number beyond f32",
        "x.npy",
        npy("<f8", &[2, 1], &large),
        &["sample 1", "too large for a 32-bit float", "rescale"],
    );
    cases.check();
}

#[test]
fn bad_archives() {
    let mut cases = Cases::new();
    let x = || ("x.npy", counting(&[200, 300]));
    let whole = zip(&[x()], true);
    cases.data("an empty file", "x.npz", vec![], &["the file is empty"]);
    cases.data("no archive", "x.npz", b"this is no archive at all".to_vec(), &["truncated or damaged", "np.savez"]);
    cases.data("half of it", "x.npz", whole[..whole.len() / 2].to_vec(), &["truncated or damaged"]);
    cases.data("no members", "x.npz", zip(&[], true), &["holds no array"]);
    cases.data("no arrays", "x.npz", zip(&[("a.txt", vec![1])], true), &["holds no array"]);
    cases.data("an unsafe name", "x.npz", zip(&[("../x.npy", x().1)], true), &["`../x.npy`", "outside"]);
    cases.data("an absolute name", "x.npz", zip(&[("/etc/x.npy", x().1)], true), &["`/etc/x.npy`", "outside"]);
    cases.data(
        "a PyTorch file",
        "x.npz",
        zip(&[("archive/data.pkl", vec![0])], false),
        &["PyTorch", "never unpickles", "torch.load"],
    );
    cases.data(
        "a member that is no .npy",
        "x.npz",
        zip(&[("x.npy", b"not an array".to_vec())], true),
        &["array `x`", "no .npy"],
    );
    cases.data("a member that is empty", "x.npz", zip(&[("x.npy", vec![])], false), &["array `x`", "ends within"]);
    cases.data(
        "a member cut short",
        "x.npz",
        zip(&[("x.npy", x().1[..5000].to_vec())], true),
        &["array `x`", "takes 240000 bytes"],
    );
    let object = npy("|O", &[4], b"\x80\x04pickle");
    cases.data("objects as data", "x.npz", zip(&[("x.npy", object.clone())], false), &["array `x`", "never unpickles"]);
    cases.data(
        "objects as labels",
        "x.npz",
        zip(&[("x.npy", counting(&[4, 3])), ("label.npy", object)], false),
        &["array `label`", "never unpickles", "label.tolist()"],
    );
    cases.data(
        "samples of two numbers",
        "x.npz",
        zip(&[("a.npy", counting(&[4, 3])), ("b.npy", counting(&[5, 3]))], false),
        &["which array", "b float32 (5, 3)"],
    );
    let limit = OpenOptions { memory_limit: Some(100_000), ..OpenOptions::default() };
    cases.with("more than the limit", "x.npz", whole.clone(), limit, &["234.4 KiB", "97.7 KiB", "--memory-limit"]);

    let mut flipped = whole.clone();
    flipped[100] ^= 0xff;
    cases.data("a changed byte", "x.npz", flipped, &["array `x`"]);
    let mut encrypted = whole.clone();
    set_central(&mut encrypted, 8, &[1, 0]);
    set_local(&mut encrypted, 6, &[1, 0]);
    cases.data("an encrypted member", "x.npz", encrypted, &["encrypted"]);
    let mut method = whole.clone();
    set_central(&mut method, 10, &[12, 0]);
    cases.data("another compression", "x.npz", method, &["array `x`", "not read", "np.savez"]);
    // What it unpacks to, 240,102 bytes or so, becomes a claim of 4 GiB.
    let mut bomb = whole.clone();
    set_central(&mut bomb, 24, &0xffff_fff0_u32.to_le_bytes());
    cases.data("a claim that cannot be", "x.npz", bomb, &["array `x`", "cannot be", "zip bomb"]);
    cases.data("a member that unpacks to more", "x.npz", liar(), &["array `x`", "larger than its declared"]);
    let mut twice = zip(&[("a.npy", counting(&[2, 2])), ("b.npy", counting(&[2, 2]))], false);
    for at in 0..twice.len() - 5 {
        if &twice[at..at + 5] == b"b.npy" {
            twice[at] = b'a';
        }
    }
    cases.data("two members of one name", "x.npz", twice, &["same name"]);
    cases.check();
}

/// Overwrites a field of the first entry in the central directory.
fn set_central(archive: &mut [u8], offset: usize, bytes: &[u8]) {
    let at = archive.windows(4).rposition(|window| window == b"PK\x01\x02").expect("a central directory");
    archive[at + offset..at + offset + bytes.len()].copy_from_slice(bytes);
}

fn set_local(archive: &mut [u8], offset: usize, bytes: &[u8]) {
    archive[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// An archive whose member unpacks to more than header and directory claim.
fn liar() -> Vec<u8> {
    let honest = counting(&[20, 30]);
    let mut archive = zip(&[("x.npy", [honest.clone(), vec![0; 100_000]].concat())], true);
    set_central(&mut archive, 24, &(honest.len() as u32).to_le_bytes());
    archive
}

#[test]
fn bad_safetensors_files() {
    let mut cases = Cases::new();
    let header = r#"{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let whole = safetensors(header, &[0; 16]);
    cases.data("an empty file", "x.safetensors", vec![], &["the file is empty"]);
    cases.data("four bytes", "x.safetensors", vec![1, 2, 3, 4], &["ends within its first 8 bytes"]);
    cases.data("text", "x.safetensors", b"hello, I am a text".to_vec(), &["its header claims"]);
    cases.data("no JSON", "x.safetensors", safetensors("hello", &[]), &["its header is not valid"]);
    cases.data("half of its data", "x.safetensors", whole[..whole.len() - 8].to_vec(), &["truncated"]);
    cases.data("bytes after its data", "x.safetensors", [whole, vec![0]].concat(), &["damaged"]);
    cases.data(
        "offsets that do not fit the shape",
        "x.safetensors",
        safetensors(&header.replace("[2,2]", "[2,3]"), &[0; 16]),
        &["not valid"],
    );
    cases.data("a gap", "x.safetensors", safetensors(&header.replace("[0,16]", "[8,24]"), &[0; 24]), &["not valid"]);
    cases.data(
        "a shape beyond memory",
        "x.safetensors",
        safetensors(&header.replace("[2,2]", "[4294967296,4294967296,4]"), &[0; 16]),
        &["not valid"],
    );
    cases.data(
        "a negative shape",
        "x.safetensors",
        safetensors(&header.replace("[2,2]", "[-2,2]"), &[0; 16]),
        &["not valid"],
    );
    cases.data(
        "8-bit floats",
        "x.safetensors",
        safetensors(&header.replace("F32", "F8_E4M3").replace("[2,2]", "[4,4]"), &[0; 16]),
        &["F8_E4M3", "float32"],
    );
    cases.data("no tensors", "x.safetensors", safetensors("{}", &[]), &["holds no array"]);
    cases.check();
}

#[test]
fn files_of_other_kinds() {
    let mut cases = Cases::new();
    for (name, expected) in [
        ("x.pt", &["never unpickles", "torch.load", "weights_only=True"] as &[&str]),
        ("x.pth", &["never unpickles", "torch.load"]),
        ("x.pkl", &["never unpickles", "pickle.load", "if you trust"]),
        ("x.h5", &["HDF5", "h5py"]),
        ("x.mat", &["MATLAB", "scipy.io.loadmat"]),
        ("x.csv", &["not read as data", "--metadata"]),
        ("x.onnx", &["not read as data"]),
        ("x", &["not read as data", ".npz"]),
    ] {
        cases.data("another kind", name, b"0123456789".to_vec(), expected);
    }
    let missing = cases.scratch.path().join("missing.npz");
    let below_a_file = cases.scratch.file("file", "x").join("x.npz");
    for path in [missing, below_a_file] {
        let run = Box::new(|path: &Path| use_data(path, &OpenOptions::default()));
        cases.cases.push(Case { what: "a path that leads nowhere", path, run, expected: &["cannot open it"] });
    }
    cases.check();
}

#[test]
fn arrays_that_do_not_fit_the_network() {
    let mut cases = Cases::new();
    let x = |shape: &[usize]| counting(shape);
    let takes = |shape: &[usize]| network(vec![float_input(shape)]);
    cases.with("another shape", "x.npy", x(&[4, 5]), takes(&[3]), &["takes (n, 3)", "(4, 5)"]);
    cases.with(
        "channels last",
        "x.npy",
        x(&[4, 8, 6, 3]),
        takes(&[3, 8, 6]),
        &["takes (n, 3, 8, 6)", "transpose(0, 3, 1, 2)"],
    );
    cases.with("channels first", "x.npy", x(&[4, 3, 8, 6]), takes(&[8, 6, 3]), &["transpose(0, 2, 3, 1)"]);
    let integers_wanted = || network(vec![ModelInput { kind: InputKind::Int, ..float_input(&[3]) }]);
    cases.with("floats for integers", "x.npy", x(&[4, 3]), integers_wanted(), &["takes integers", "astype(np.int64)"]);
    let beyond = npy("<u8", &[1, 3], &[0xff; 24]);
    cases.with("integers beyond i64", "x.npy", beyond, integers_wanted(), &["sample 0", "beyond the range"]);
    let two = || vec![float_input(&[3]), ModelInput { name: "noise".into(), ..float_input(&[3]) }];
    cases.with(
        "an array too few",
        "x.npz",
        zip(&[("noise.npy", x(&[4, 3]))], false),
        network(two()),
        &["which array feeds `input`", "--input"],
    );
    let uneven = zip(&[("input.npy", x(&[4, 3])), ("noise.npy", x(&[5, 3]))], false);
    cases.with(
        "another number of samples",
        "x.npz",
        uneven,
        network(two()),
        &["`input` has 4 samples", "`noise` has 5"],
    );
    let given =
        |input: &str, array: &str| OpenOptions { input_arrays: vec![(input.into(), array.into())], ..takes(&[3]) };
    let pair = || zip(&[("a.npy", x(&[4, 3])), ("b.npy", x(&[4, 3]))], false);
    cases.with(
        "an array that is not there",
        "x.npz",
        pair(),
        given("input", "c"),
        &["no array is called `c`", "did you mean `a` or `b`?"],
    );
    cases.with(
        "an input that is not there",
        "x.npz",
        pair(),
        given("inptu", "a"),
        &["no input of the network is called `inptu`", "`input`"],
    );
    cases.check();
}

#[test]
fn bad_ready_made_activations() {
    let mut cases = Cases::new();
    let open = |layers: &[&str], axis: Option<isize>| {
        let options = ReadyMadeOptions {
            layers: layers.iter().map(|layer| layer.to_string()).collect(),
            channel_axes: axis.map(|axis| ("*".to_string(), axis)).into_iter().collect(),
            memory_limit: None,
        };
        Box::new(move |path: &Path| use_arrays(path, &options))
    };
    let x = || counting(&[4, 3, 5]);
    cases.add(
        "only labels",
        "x.npz",
        zip(&[("y.npy", integers(&[1, 2]))], false),
        open(&[], None),
        &["no floating-point array", "--layer"],
    );
    cases.add(
        "a layer that is not there",
        "x.npz",
        zip(&[("conv1.npy", x())], false),
        open(&["conv2"], None),
        &["no array is called `conv2`", "`conv1`"],
    );
    cases.add(
        "labels as a layer",
        "x.npz",
        zip(&[("y.npy", integers(&[1, 2]))], false),
        open(&["y"], None),
        &["is no layer", "two axes"],
    );
    for axis in [0, 3, -3, isize::MIN] {
        cases.add(
            "a channel axis that is not there",
            "x.npy",
            x(),
            open(&[], Some(axis)),
            &["no channel axis", "1 … 2"],
        );
    }
    let uneven = zip(&[("a.npy", x()), ("b.npy", counting(&[5, 3]))], false);
    cases.add("layers of other lengths", "x.npz", uneven, open(&[], None), &["`a` has 4 samples", "`b` has 5"]);
    cases.check();
}

#[test]
fn bad_metadata() {
    let mut cases = Cases::new();
    let read = |samples: usize, id: Option<&'static str>| {
        let known = vec![Column::from_text("id", ["a", "b", "c"].into_iter().take(samples).map(Some))];
        Box::new(move |path: &Path| metadata::read(path, samples, id, &known).map(|_| ()))
    };
    let mut csv = |what, text: &str, run, expected| cases.add(what, "m.csv", text.as_bytes().to_vec(), run, expected);
    csv("an empty file", "", read(3, None), &["it is empty", "name the columns"]);
    csv("a header alone", "a,b\n", read(3, None), &["0 rows", "3 samples"]);
    csv("too few rows", "a\n1\n2\n", read(3, None), &["2 rows", "3 samples", "--id"]);
    csv("too many rows", "a\n1\n2\n3\n4\n", read(3, None), &["4 rows", "3 samples"]);
    csv("a ragged row", "a,b\n1,2\n3\n", read(2, None), &["line 3 has 1 cells, the header has 2", "quotes"]);
    csv("semicolons", "a;b\n1;2\n", read(1, None), &["separated by ';'", "commas"]);
    csv("two columns of one name", "a,a\n1,2\n", read(1, None), &["two columns are called `a`"]);
    csv("a column without a name", "a,\n1,2\n", read(1, None), &["column 2 has no name"]);
    csv("no id column", "x,y\n1,2\n", read(1, Some("id")), &["no column of the metadata is called `id`"]);
    csv("an id that the data lack", "key,y\na,2\n", read(1, Some("key")), &["no column of the data is called `key`"]);
    csv("an id twice", "id,y\na,1\nb,2\na,3\n", read(2, Some("id")), &["`id` a stands in rows 1 and 3"]);
    csv("an id missing", "id,y\na,1\nb,2\n", read(3, Some("id")), &["no row for 1 of 3 samples", "`c`"]);
    csv("a row without an id", "id,y\na,1\n,2\n", read(1, Some("id")), &["row 2 has no `id`"]);
    cases.add(
        "no UTF-8",
        "m.csv",
        b"a,b\n1,caf\xe9\n".to_vec(),
        read(1, None),
        &["line 2, cell 2 is no UTF-8", "save the table as UTF-8"],
    );
    cases.add(
        "a Parquet file that is none",
        "m.parquet",
        b"a,b\n1,2\n".to_vec(),
        read(1, None),
        &["no Parquet file", "to_parquet"],
    );
    cases.add("an empty Parquet file", "m.parquet", vec![], read(1, None), &["no Parquet file"]);
    let table = oracle::load().tables.swap_remove(2);
    cases.add(
        "a Parquet file of other length",
        "m.parquet",
        oracle::base64(&table.base64),
        read(3, None),
        &["4 rows", "3 samples"],
    );
    let missing = cases.scratch.path().join("missing.csv");
    cases.cases.push(Case { what: "no file", path: missing, run: read(1, None), expected: &["cannot open it"] });
    cases.check();
}

#[test]
fn bad_pictures() {
    let mut cases = Cases::new();
    let folder = |what, name: &str, bytes: Vec<u8>, options: OpenOptions, expected| {
        (what, name.to_string(), bytes, options, expected)
    };
    let picture = |width, height| png(GrayImage::new(width, height));
    let none = OpenOptions::default;
    let prepared = |preprocess| OpenOptions { preprocess, ..none() };
    let crop = Preprocess { crop: Some(20), ..Preprocess::default() };
    let two_inputs = || network(vec![float_input(&[1, 9, 9]), ModelInput { name: "b".into(), ..float_input(&[]) }]);
    let wide = |side: u32| {
        // A PNG that claims side × side pixels: only its header is real.
        let mut bytes = png(RgbImage::new(1, 1));
        bytes[16..20].copy_from_slice(&side.to_be_bytes());
        bytes[20..24].copy_from_slice(&side.to_be_bytes());
        let checksum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        bytes
    };
    for (what, name, bytes, options, expected) in [
        folder("no pictures", "a.txt", b"x".to_vec(), none(), &["no PNG or JPEG", "1 other files"] as &[&str]),
        folder("an empty picture", "a.png", vec![], none(), &["a.png", "cannot be decoded"]),
        folder("text as a picture", "a.png", b"hello, I am a text".to_vec(), none(), &["a.png", "cannot be decoded"]),
        folder("half a picture", "a.png", picture(50, 50)[..60].to_vec(), none(), &["a.png", "cannot be decoded"]),
        folder("a picture of 60000 × 60000", "a.png", wide(60_000), none(), &["a.png", "larger than"]),
        folder("a picture of 30000 × 30000", "a.png", wide(30_000), none(), &["a.png", "larger than"]),
        folder("nothing to crop", "a.png", picture(9, 9), prepared(crop), &["a.png", "20 pixels", "--resize"]),
        folder(
            "a picture that would become huge",
            "a.png",
            picture(1, 5000),
            prepared(Preprocess { resize: Some(1000), ..Preprocess::default() }),
            &["a.png", "would be resized to 1000 × 5000000"],
        ),
        folder(
            "a network of another size",
            "a.png",
            picture(9, 9),
            network(vec![float_input(&[3, 32, 32])]),
            &["takes (n, 3, 32, 32)", "(n, 3, 9, 9)", "--preset"],
        ),
        folder("a network of two inputs", "a.png", picture(9, 9), two_inputs(), &["2 inputs", ".npz"]),
    ] {
        let parent = format!("{}/pictures", cases.cases.len());
        cases.scratch.file(&format!("{parent}/{name}"), bytes);
        let path = cases.scratch.path().join(parent);
        let run = Box::new(move |path: &Path| use_data(path, &options));
        cases.cases.push(Case { what, path, run, expected });
    }
    let sizes = cases.scratch.path().join("sizes");
    cases.scratch.file("sizes/a.png", picture(9, 9));
    cases.scratch.file("sizes/b.png", picture(9, 8));
    let run = |path: &Path| use_data(path, &OpenOptions::default());
    cases.cases.push(Case {
        what: "two sizes",
        path: sizes,
        run: Box::new(run),
        expected: &["b.png", "9 × 8", "9 × 9", "--crop"],
    });
    let empty = cases.scratch.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    cases.cases.push(Case { what: "an empty folder", path: empty, run: Box::new(run), expected: &["no PNG or JPEG"] });
    #[cfg(unix)]
    {
        cases.scratch.file("loop/a.png", picture(9, 9));
        let path = cases.scratch.path().join("loop");
        std::os::unix::fs::symlink(&path, path.join("again")).expect("a link");
        cases.cases.push(Case { what: "a loop of links", path, run: Box::new(run), expected: &["leads back"] });
    }
    cases.check();
}

/// The checksum of PNG chunks, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
