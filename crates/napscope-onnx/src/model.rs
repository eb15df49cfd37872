//! An ONNX file: its bytes, its messages, its inputs, and the files beside it that hold its weights.

use crate::proto::{self, GraphProto, ModelProto, StringStringEntryProto, ValueInfoProto};
use crate::tensor::DataType;
use napscope::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A model as it lies on disk.
pub struct Model {
    path: PathBuf,
    bytes: Vec<u8>,
    graph: GraphProto,
    inputs: Vec<Input>,
    opset: i64,
    producer: String,
    metadata: Vec<StringStringEntryProto>,
}

/// One input of a model. Its first axis counts the samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub dtype: DataType,
    /// Its shape, batch axis first.
    pub shape: Vec<Dim>,
}

/// The size of one axis of a model's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Dim {
    /// Always this.
    Fixed(usize),
    /// Free; the exporter's name for it, which may be empty.
    Dynamic(String),
}

impl Model {
    /// Reads the model at `path`. Weights in files beside it are looked for, and read when an engine loads the model.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when the file cannot be read, is no ONNX model (a PyTorch or Keras file is named as such),
    /// or lacks one of its files of weights, or when an input has no batch axis or no tensor type.
    pub fn open(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let here = |error: Error| error.context(path.display().to_string());
        let bytes = std::fs::read(path).map_err(|error| here(unreadable(&error)))?;
        Self::from_bytes(bytes, path).map_err(here)
    }

    fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Model> {
        if let Some(found) = other_format(&bytes) {
            return Err(found);
        }
        let ModelProto { graph, opset_import, producer_name, metadata_props: metadata, .. } = proto::parse(&bytes)?;
        let graph = graph.unwrap_or_default();
        let inputs = inputs(&graph)?;
        let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        let opset = opset_import.iter().filter(|set| standard(&set.domain)).map(|set| set.version).max().unwrap_or(0);
        let model = Model { path: path.into(), bytes, graph, inputs, opset, producer: producer_name, metadata };
        for name in model.external_names() {
            let file = model.external_path(&name)?;
            if !file.is_file() {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!("its weights lie in `{name}`, and that file is not beside it"),
                )
                .hint(format!("put it at {}", file.display())));
            }
        }
        Ok(model)
    }

    /// Its inputs, without those that have a value of their own (initializers).
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The batch size that the model is bound to, if it is.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.inputs.iter().find_map(|input| match input.shape[0] {
            Dim::Fixed(size) => Some(size),
            Dim::Dynamic(_) => None,
        })
    }

    /// The version of the standard operator set that it uses.
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// The program that wrote it, where it says so.
    pub fn producer(&self) -> &str {
        &self.producer
    }

    /// Its outputs by name, in the graph's order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.graph.output.iter().map(|output| output.name.as_str())
    }

    /// What the file says of itself under `key` (`metadata_props` of ONNX).
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// The file's bytes, for a hash of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn graph(&self) -> &GraphProto {
        &self.graph
    }

    /// Those of `taps` that are no outputs of the graph as it stands.
    pub(crate) fn hidden<'a>(&self, taps: &[&'a str]) -> Vec<&'a str> {
        let outputs: BTreeSet<&str> = self.graph.output.iter().map(|output| output.name.as_str()).collect();
        taps.iter().copied().filter(|tap| !outputs.contains(tap)).collect()
    }

    /// Names of the files beside the model that hold weights, as the model writes them.
    fn external_names(&self) -> BTreeSet<String> {
        fn collect(graph: &GraphProto, names: &mut BTreeSet<String>) {
            let entries = graph.initializer.iter().flat_map(|tensor| &tensor.external_data);
            names.extend(entries.filter(|entry| entry.key == "location").map(|entry| entry.value.clone()));
            for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
                attribute.g.iter().for_each(|graph| collect(graph, names));
            }
        }
        let mut names = BTreeSet::new();
        collect(self.graph(), &mut names);
        names
    }

    /// Where a file of weights lies. The model names it, so it may not leave the model's folder; a symbolic link in that
    /// folder is the user's own and is followed.
    fn external_path(&self, name: &str) -> Result<PathBuf> {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || name.is_empty() {
            return Err(Error::new(
                ErrorKind::Source,
                format!("its weights are said to lie in `{name}`, outside of its folder"),
            )
            .hint("export the model again, with its weights beside it"));
        }
        Ok(self.path.parent().unwrap_or(Path::new("")).join(name))
    }

    /// Bytes of the model and of the files that hold its weights.
    pub(crate) fn weight_bytes(&self) -> Result<usize> {
        let sizes = self.external_names().into_iter().map(|name| {
            let path = self.external_path(&name)?;
            Ok(std::fs::metadata(path).map_or(0, |file| file.len() as usize))
        });
        Ok(self.bytes.len() + sizes.sum::<Result<usize>>()?)
    }

    /// Reads the files that hold weights: (name in the model, bytes).
    pub(crate) fn external_data(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let read = |name: String| {
            let path = self.external_path(&name)?;
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&error).context(path.display().to_string()))?;
            Ok((name, bytes))
        };
        self.external_names().into_iter().map(read).collect()
    }
}

impl Input {
    /// The sizes of a sample as the model declares them, `?` where one is open: `3, ?, ?`.
    pub(crate) fn declared_sizes(&self) -> String {
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Dynamic(_) => "?".into(),
        };
        self.shape[1..].iter().map(size).collect::<Vec<_>>().join(", ")
    }

    /// Says whether samples of shape `shape` (without the batch axis) fit.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] naming both shapes.
    pub(crate) fn check_sample(&self, shape: &[usize]) -> Result<()> {
        let declared = &self.shape[1..];
        let fits =
            |(dim, &size): (&Dim, &usize)| size > 0 && (matches!(dim, Dim::Dynamic(_)) || *dim == Dim::Fixed(size));
        if declared.len() == shape.len() && declared.iter().zip(shape).all(fits) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "a sample of the model's input `{}` has shape [{}], the data have {shape:?}",
                self.name,
                self.declared_sizes()
            ),
        )
        .hint("reshape the array (channels first, as the network was trained), or give another one"))
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Source, format!("cannot be read: {error}")).hint("check the path and its permissions")
}

/// The inputs that a caller has to give.
fn inputs(graph: &GraphProto) -> Result<Vec<Input>> {
    let constants: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<Input> = graph
        .input
        .iter()
        .filter(|input| !constants.contains(input.name.as_str()))
        .map(declared_input)
        .collect::<Result<_>>()?;
    if inputs.is_empty() {
        return Err(Error::new(ErrorKind::Source, "the model has no input"));
    }
    let mut batches: Vec<&Dim> =
        inputs.iter().map(|input| &input.shape[0]).filter(|dim| matches!(dim, Dim::Fixed(_))).collect();
    batches.dedup();
    if let [a, b, ..] = batches[..] {
        return Err(Error::new(
            ErrorKind::Source,
            format!("the model's inputs are bound to different batch sizes, {a:?} and {b:?}"),
        )
        .hint("export it with a dynamic batch axis"));
    }
    Ok(inputs)
}

fn declared_input(input: &ValueInfoProto) -> Result<Input> {
    let refuse = |what: &str| {
        Err(Error::new(ErrorKind::Source, format!("the model's input `{}` {what}", input.name))
            .hint("its first axis must count the samples: export the model with a batch axis"))
    };
    let Some(tensor) = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()) else {
        return refuse("is no tensor");
    };
    let Some(shape) = &tensor.shape else { return refuse("does not say its shape") };
    let dims = shape.dim.iter().map(|dim| match dim.dim_value {
        Some(size) => usize::try_from(size).ok().filter(|&size| size > 0).map(Dim::Fixed),
        None => Some(Dim::Dynamic(dim.dim_param.clone().unwrap_or_default())),
    });
    match dims.collect::<Option<Vec<Dim>>>() {
        None => refuse("has an axis of no positive size"),
        Some(dims) if dims.is_empty() => refuse("is a single number, without a batch axis"),
        Some(shape) => Ok(Input { name: input.name.clone(), dtype: DataType::from_onnx(tensor.elem_type), shape }),
    }
}

/// Names the formats that people mistake for ONNX, by their first bytes.
fn other_format(bytes: &[u8]) -> Option<Error> {
    const PYTORCH: &str = "in PyTorch: torch.onnx.export(model, (example,), \"model.onnx\", dynamo=True)";
    const KERAS: &str = "in Keras: model.export(\"model.onnx\", format=\"onnx\"), or the tool tf2onnx";
    let text = bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let (found, hint) = match bytes {
        [] => ("is empty", "export or copy it again"),
        [b'P', b'K', 3, 4, ..] => {
            ("is a ZIP archive, as PyTorch (.pt), Keras (.keras) and NumPy (.npz) write", PYTORCH)
        }
        [0x80, 2..=5, ..] => ("is a Python pickle, as old PyTorch files (.pt, .pth) are", PYTORCH),
        [0x89, b'H', b'D', b'F', ..] => ("is an HDF5 file, as Keras (.h5) writes", KERAS),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => {
            ("is a TensorFlow Lite model", "the tool tf2onnx makes ONNX of it: --tflite")
        }
        [_, _, _, _, _, _, _, 0, b'{', ..] => ("is a safetensors file: weights without a network", PYTORCH),
        [b'R', b'T', b'E', b'N', ..] => ("is an .rten file", "give the ONNX file that it was made of"),
        [0x1f, 0x8b, ..] => ("is compressed by gzip", "decompress it first"),
        _ if text => ("is text", "give the .onnx file (a Git LFS pointer must be pulled first)"),
        _ => return None,
    };
    Some(Error::new(ErrorKind::Source, format!("the file {found}, not an ONNX model")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> Error {
        Model::from_bytes(bytes.to_vec(), Path::new("model.onnx")).err().expect("no ONNX model")
    }

    #[test]
    fn other_formats_are_named_with_the_way_to_onnx() {
        for (bytes, expected) in [
            (&b""[..], "is empty"),
            (b"PK\x03\x04....", "ZIP archive"),
            (b"\x80\x02\x8a\x0a", "Python pickle"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
            (b"\x40\0\0\0\0\0\0\0{\"a\"", "safetensors"),
            (b"RTEN\x02", ".rten"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"version https://git-lfs.github.com/spec/v1\n", "is text"),
            (b"\x08\xff\xff", "does not read as an ONNX model"),
        ] {
            let error = refusal(bytes);
            assert!(error.to_string().contains(expected), "`{error}` should contain `{expected}`");
            assert_eq!(error.kind(), ErrorKind::Source, "{expected}");
            assert!(error.how_to_mend().is_some(), "{expected}: no hint");
        }
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = Model::open("no/such/model.onnx").err().expect("it is absent");
        assert!(error.to_string().starts_with("no/such/model.onnx: cannot be read"), "{error}");
    }
}
