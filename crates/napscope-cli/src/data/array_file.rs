//! Array files: which arrays a `.npy`, `.npz` or `.safetensors` file (or a folder of shards) holds, and which files are refused.

use super::array::Array;
use super::budget::Budget;
use super::bytes::Bytes;
use super::dtype::{DType, Kind};
use super::npy::{self, Header};
use super::{npz, safetensors, shards};
use crate::files::io_error;
use napscope::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// An array of a file, before its data are touched.
#[derive(Debug, Clone)]
pub struct ArrayEntry {
    name: String,
    path: Arc<Path>,
    header: Header,
    place: Place,
}

/// Where an array's data lie.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In the file, from byte `start`.
    Seek { file: Arc<File>, start: u64 },
    /// Deflated in member `index` of an archive, behind a header of `skip` bytes.
    Deflated { index: usize, skip: u64 },
    /// In several files, one behind the other.
    Parts(Vec<ArrayEntry>),
}

/// The arrays of one file.
#[derive(Debug)]
pub struct ArrayFile {
    /// The arrays, in the file's order.
    pub entries: Vec<ArrayEntry>,
    /// What was ignored.
    pub notes: Vec<String>,
}

impl ArrayFile {
    /// Lists the arrays of the file (or folder of shards) at `path`; only headers are read.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for files that cannot be read, are damaged, or are refused (pickles, HDF5 …: the hint says how to
    /// convert them).
    pub fn open(path: &Path) -> Result<ArrayFile> {
        Self::list(path).map_err(|error| error.context(path.display().to_string()))
    }

    fn list(path: &Path) -> Result<ArrayFile> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        if shards::is_folder(path) {
            let (entries, notes) = shards::entries(path)?;
            return Ok(ArrayFile { entries, notes });
        }
        if let Some(why) = refused(&extension) {
            return Err(Error::new(ErrorKind::Source, why).hint(converter(&extension, path)));
        }
        let file = Arc::new(File::open(path).map_err(|error| io_error("cannot open it", &error))?);
        let metadata = file.metadata().map_err(|error| io_error("cannot read it", &error))?;
        if metadata.is_dir() {
            return Err(Error::new(ErrorKind::Source, "it is a folder, not an array file").hint(
                "give a .npy, .npz or .safetensors file; a folder of PNG or JPEG images needs a network: name MODEL.onnx before --data",
            ));
        }
        let path: Arc<Path> = Arc::from(path);
        let format = format(&extension, &file)?;
        let (entries, notes) = match format {
            Format::Npy => (vec![npy_entry(&path, &file, metadata.len())?], Vec::new()),
            Format::Npz => npz::entries(&path, &file)?,
            Format::Safetensors => (safetensors_entries(&path, &file, metadata.len())?, Vec::new()),
        };
        if entries.is_empty() {
            return Err(
                Error::new(ErrorKind::Source, "it holds no array").hint("save arrays into it with np.savez(path, x=x)")
            );
        }
        Ok(ArrayFile { entries, notes })
    }

    /// The array called `name`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`], naming the nearest.
    pub fn entry(&self, name: &str) -> Result<&ArrayEntry> {
        let found = self.entries.iter().find(|entry| entry.name == name);
        found.ok_or_else(|| Error::unknown("array", name, self.entries.iter().map(|entry| entry.name.as_str())))
    }

    /// All arrays with type and shape, one a line: for errors that ask the user to choose.
    pub fn listing(&self) -> String {
        let lines: Vec<String> = self.entries.iter().map(|entry| format!("  {}", entry.describe())).collect();
        lines.join("\n")
    }
}

impl ArrayEntry {
    pub(super) fn new(name: &str, path: &Arc<Path>, header: Header, place: Place) -> Self {
        ArrayEntry { name: name.into(), path: Arc::clone(path), header, place }
    }

    /// An array whose rows are those of `parts`, one behind the other; all of them have the same name and [`row`](Self::row).
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for parts in Fortran order, whose rows do not lie behind each other.
    pub(super) fn of_parts(parts: Vec<ArrayEntry>) -> Result<Self> {
        let Some(first) = parts.first() else { return Err(Error::new(ErrorKind::Source, "an array of no parts")) };
        let mut header = first.header.clone();
        if header.shape.is_empty() || header.fortran && header.shape.len() > 1 {
            let message = format!("array `{}` has no rows that could be put behind each other", first.name);
            return Err(Error::new(ErrorKind::Source, message).hint("save it in C order, one row a sample"));
        }
        header.shape[0] = parts.iter().map(|part| part.header.shape[0]).sum();
        let (name, path) = (first.name.clone(), Arc::clone(&first.path));
        Ok(ArrayEntry { name, path, header, place: Place::Parts(parts) })
    }

    /// What the rows of two arrays must share to stand behind each other.
    pub(super) fn row(&self) -> impl PartialEq + '_ {
        let Header { dtype, big_endian, fortran, shape, .. } = &self.header;
        (dtype, *big_endian, *fortran, shape.get(1..))
    }

    /// The array's name in its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The element type.
    pub fn dtype(&self) -> &DType {
        &self.header.dtype
    }

    /// The shape; the first axis counts the samples.
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Name, element type and shape, as in `x float32 (100, 3, 32, 32)`.
    pub fn describe(&self) -> String {
        format!("{} {} {}", self.name, self.header.dtype, show_shape(&self.header.shape))
    }

    /// Makes the array readable: a deflated one is unpacked into memory, others stay in their file. Errors, here and when it
    /// is read, name the array; the caller adds the file.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for element types that are not read (object arrays are pickles) and damaged members,
    /// [`ErrorKind::MemoryLimit`] when an unpacked array does not fit into `budget`.
    pub fn open(&self, budget: &Budget) -> Result<Array> {
        let place = format!("array `{}`", self.name);
        if self.header.dtype.kind() == Kind::Refused {
            return Err(refused_type(&self.name, &self.header.dtype).context(place));
        }
        let bytes = self.bytes(budget).map_err(|error| error.context(place.clone()))?;
        Ok(Array::new(&self.name, place, &self.header, bytes))
    }

    fn bytes(&self, budget: &Budget) -> Result<Bytes> {
        Ok(match &self.place {
            Place::Seek { file, start } => Bytes::File { file: Arc::clone(file), start: *start },
            Place::Deflated { index, skip } => {
                let bytes = self.header.data_bytes().unwrap_or(u64::MAX);
                Bytes::Memory(Arc::new(npz::inflate(&self.path, *index, *skip, bytes, budget)?))
            }
            Place::Parts(parts) => {
                let part = |part: &ArrayEntry| Ok((part.header.data_bytes().unwrap_or(u64::MAX), part.bytes(budget)?));
                Bytes::Parts(parts.iter().map(part).collect::<Result<_>>()?)
            }
        })
    }
}

/// Why an array of type `dtype` is not read.
pub(super) fn refused_type(name: &str, dtype: &DType) -> Error {
    match dtype {
        DType::Object => Error::new(ErrorKind::Source, "an object array, which is a pickle; napscope never unpickles")
            .hint(format!(
                "save it with a plain type: {name} = np.array({name}.tolist()) gives numbers or fixed-width strings"
            )),
        DType::Other(what) => {
            Error::new(ErrorKind::Source, format!("elements of type {what} are not read")).hint(format!(
                "save it as floats, e.g. {name}.astype(np.float32); complex numbers as real and imaginary channels"
            ))
        }
        other => Error::new(ErrorKind::Source, format!("elements of type {other} are not read here")),
    }
}

/// A shape as Python writes it.
pub(crate) fn show_shape(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    match sizes.len() {
        1 => format!("({},)", sizes[0]),
        _ => format!("({})", sizes.join(", ")),
    }
}

enum Format {
    Npy,
    Npz,
    Safetensors,
}

fn format(extension: &str, file: &File) -> Result<Format> {
    let mut front = Vec::new();
    let mut reader = file;
    reader.take(8).read_to_end(&mut front).map_err(|error| io_error("cannot read it", &error))?;
    std::io::Seek::rewind(&mut reader).map_err(|error| io_error("cannot read it", &error))?;
    if front.is_empty() {
        return Err(
            Error::new(ErrorKind::Source, "the file is empty").hint("write it again: it may have been cut short")
        );
    }
    match extension {
        "npy" => Ok(Format::Npy),
        "npz" => Ok(Format::Npz),
        "safetensors" => Ok(Format::Safetensors),
        _ if front.starts_with(npy::MAGIC) => Ok(Format::Npy),
        _ if front.starts_with(b"PK\x03\x04") => Ok(Format::Npz),
        _ => Err(Error::new(ErrorKind::Source, "this kind of file is not read as data")
            .hint("data come as .npy, .npz, .safetensors or a folder of PNG or JPEG images; tables of labels go to --metadata")),
    }
}

fn npy_entry(path: &Arc<Path>, file: &Arc<File>, file_bytes: u64) -> Result<ArrayEntry> {
    let broken = |message: String| {
        Error::new(ErrorKind::Source, message).hint("copy the file again, or save it again with np.save(path, array)")
    };
    let header = Header::read(&mut BufReader::new(&**file)).map_err(broken)?;
    let data =
        header.data_bytes().ok_or_else(|| broken(format!("its shape {} overflows", show_shape(&header.shape))))?;
    let found = file_bytes - header.start.min(file_bytes);
    if header.dtype.kind() != Kind::Refused && data != found {
        let state = if found < data { "truncated" } else { "it goes on after its array" };
        return Err(broken(format!(
            "shape {} of {} takes {data} bytes, but {found} are there: {state}",
            show_shape(&header.shape),
            header.dtype
        )));
    }
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let place = Place::Seek { file: Arc::clone(file), start: header.start };
    Ok(ArrayEntry::new(&name, path, header, place))
}

fn safetensors_entries(path: &Arc<Path>, file: &Arc<File>, file_bytes: u64) -> Result<Vec<ArrayEntry>> {
    let (tensors, _) = safetensors::read_header(&mut BufReader::new(&**file), file_bytes).map_err(|message| {
        Error::new(ErrorKind::Source, message).hint("copy the file again, or save it again with safetensors")
    })?;
    let entries = tensors.into_iter().map(|(name, dtype, shape, start)| {
        let header = Header { dtype, big_endian: false, fortran: false, shape, start };
        ArrayEntry::new(&name, path, header, Place::Seek { file: Arc::clone(file), start })
    });
    Ok(entries.collect())
}

fn refused(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "pt" | "pth" => "a PyTorch file is a pickle, which can run any code; napscope never unpickles",
        "pkl" | "pickle" | "joblib" => "a pickle can run any code; napscope never unpickles",
        "h5" | "hdf5" => "HDF5 files are not read",
        "mat" => "MATLAB files are not read",
        _ => return None,
    })
}

/// One line of Python that converts a refused file.
pub(super) fn converter(extension: &str, path: &Path) -> String {
    let from = path.display().to_string().replace(['\'', '\\'], "_");
    let to = path.with_extension("npz").display().to_string().replace(['\'', '\\'], "_");
    let code = match extension {
        "pt" | "pth" => format!(
            "import torch, numpy as np; d = torch.load('{from}', map_location='cpu', weights_only=True); \
             np.savez('{to}', **({{k: v.numpy() for k, v in d.items()}} if isinstance(d, dict) else {{'x': d.numpy()}}))"
        ),
        "h5" | "hdf5" => format!(
            "import h5py, numpy as np; np.savez('{to}', **{{k: v[()] for k, v in h5py.File('{from}').items()}})"
        ),
        "mat" => format!(
            "import scipy.io, numpy as np; np.savez('{to}', **{{k: v for k, v in scipy.io.loadmat('{from}').items() if k[0] != '_'}})"
        ),
        _ => format!("import pickle, numpy as np; np.savez('{to}', **pickle.load(open('{from}', 'rb')))"),
    };
    format!("if you trust the file, convert it once: python -c \"{code}\"")
}
