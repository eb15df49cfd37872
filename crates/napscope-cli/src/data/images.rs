//! A folder of PNG and JPEG pictures, one sub-folder a class, or all in one.
//!
//! Pictures are sorted by path and decoded when a batch is read, in the thread that reads it. Orientation tags are ignored, as
//! torchvision and Keras do. The decoders are given limits, so a small file cannot claim gigabytes.

use super::columns::Column;
use super::preprocess::{self, Prepared, Preprocess};
use super::resolve::{InputKind, ModelInput};
use super::source::{NamedInput, TensorValues};
use crate::files::io_error;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use napscope::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Wider or higher pictures are refused.
const MAX_SIDE: u32 = 32_768;
/// Bytes that decoding one picture may take.
const MAX_DECODED: u64 = 1 << 30;

/// A folder of pictures.
#[derive(Debug)]
pub(super) struct ImageFolder {
    root: PathBuf,
    /// Paths below `root`, with `/` between their parts.
    files: Vec<String>,
    skipped: Vec<String>,
    prepared: Prepared,
    size: (u32, u32),
    input: NamedInput,
}

impl ImageFolder {
    pub(super) fn open(root: &Path, preprocess: &Preprocess, inputs: &[ModelInput]) -> Result<Self> {
        let mut found = Found::default();
        walk(root, "", &mut Vec::new(), &mut found)?;
        found.pictures.sort_unstable();
        let Some(first) = found.pictures.first() else {
            let message = format!("no PNG or JPEG picture lies in it ({} other files)", found.others.len());
            return Err(Error::new(ErrorKind::Source, message).hint(
                "put pictures into it, one sub-folder a class; arrays are given as a .npz, .npy or .safetensors file",
            ));
        };
        let declared = match inputs {
            [] => None,
            [only] => Some(only),
            more => {
                let names: Vec<&str> = more.iter().map(|input| input.name.as_str()).collect();
                let message = format!(
                    "the network has {} inputs ({}), a folder of pictures feeds one",
                    more.len(),
                    names.join(", ")
                );
                return Err(Error::new(ErrorKind::InvalidParameter, message)
                    .hint("save the inputs as arrays of one .npz file, named like the inputs"));
            }
        };
        let picture = decode(&root.join(first)).map_err(|error| error.context(first.clone()))?;
        let prepared = preprocess.settle(declared, !picture.color().has_color())?;
        let size = prepared.size(picture.width(), picture.height()).map_err(|error| error.context(first.clone()))?;
        let input = settle_input(declared, &prepared, prepared.shape(size))?;
        Ok(ImageFolder { root: root.into(), files: found.pictures, skipped: found.others, prepared, size, input })
    }

    pub(super) fn samples(&self) -> usize {
        self.files.len()
    }

    pub(super) fn input(&self) -> &NamedInput {
        &self.input
    }

    /// `file`, and `label` where pictures lie in sub-folders.
    pub(super) fn columns(&self) -> Vec<Column> {
        let label = |file: &String| file.split_once('/').map(|(folder, _)| folder.to_string());
        let mut columns = vec![Column::from_text("file", self.files.iter().map(Some))];
        if self.files.iter().any(|file| file.contains('/')) {
            columns.push(Column::from_text("label", self.files.iter().map(label)));
        }
        columns
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let Some(first) = self.skipped.first() else { return Vec::new() };
        vec![format!("{} files are hidden or no PNG or JPEG (such as {first}): skipped", self.skipped.len())]
    }

    pub(super) fn read(&self, samples: &[usize]) -> Result<TensorValues> {
        let length = self.input.shape.iter().product::<usize>();
        let mut values = Vec::with_capacity(samples.len() * length);
        for &sample in samples {
            self.append(sample, &mut values).map_err(|error| error.context(self.place(sample)))?;
        }
        Ok(match self.input.kind {
            InputKind::Float => TensorValues::F32(values),
            // Checked when the folder was opened: these are whole numbers.
            InputKind::Int => TensorValues::I64(values.into_iter().map(|value| value as i64).collect()),
        })
    }

    fn append(&self, sample: usize, values: &mut Vec<f32>) -> Result<()> {
        let picture = self.picture(sample)?;
        let size = self.prepared.size(picture.width(), picture.height())?;
        if size != self.size {
            let ((width, height), (first_width, first_height)) = (size, self.size);
            let message = format!("the picture is {width} × {height}, the first one {first_width} × {first_height}");
            return Err(Error::new(ErrorKind::ShapeMismatch, message)
                .hint("bring all to one size with --resize and --crop, or with --preset imagenet"));
        }
        self.prepared.append(&picture, values);
        Ok(())
    }

    /// The picture as it is in its file.
    pub(super) fn picture(&self, sample: usize) -> Result<DynamicImage> {
        decode(&self.root.join(&self.files[sample]))
    }

    pub(super) fn content_key(&self, sample: usize) -> Result<u64> {
        let bytes = read(&self.root.join(&self.files[sample])).map_err(|error| error.context(self.place(sample)))?;
        Ok(super::keys::first_eight(&Sha256::digest(bytes)))
    }

    fn place(&self, sample: usize) -> String {
        self.root.join(&self.files[sample]).display().to_string()
    }
}

fn settle_input(declared: Option<&ModelInput>, prepared: &Prepared, own: Vec<usize>) -> Result<NamedInput> {
    let source = "pictures".to_string();
    let Some(declared) = declared else {
        return Ok(NamedInput { name: "input".into(), source, kind: InputKind::Float, shape: own });
    };
    let context = |error: Error| error.context(format!("input `{}`", declared.name));
    let Some(shape) = preprocess::fit(declared, &own) else {
        let wanted: Vec<String> =
            declared.shape.iter().flatten().map(|size| size.map_or("n".into(), |size| size.to_string())).collect();
        let message = format!(
            "the network takes ({}), prepared pictures are (n, {})",
            wanted.join(", "),
            own.iter().map(usize::to_string).collect::<Vec<String>>().join(", ")
        );
        return Err(context(
            Error::new(ErrorKind::ShapeMismatch, message)
                .hint("prepare them with --resize, --crop, --color and --layout, or with --preset imagenet"),
        ));
    };
    if declared.kind == InputKind::Int && !prepared.is_whole() {
        return Err(context(
            Error::new(ErrorKind::InvalidParameter, "the network takes integers, prepared pixels are fractions")
                .hint("give pixels as 0 … 255: --scale 255 without --mean and --std"),
        ));
    }
    Ok(NamedInput { name: declared.name.clone(), source, kind: declared.kind, shape })
}

#[derive(Default)]
struct Found {
    pictures: Vec<String>,
    others: Vec<String>,
}

/// Collects the files below `folder`; `above` are the folders that lead to it, so that a loop of links is found.
fn walk(folder: &Path, prefix: &str, above: &mut Vec<PathBuf>, found: &mut Found) -> Result<()> {
    let refuse =
        |error: std::io::Error| io_error("cannot read the folder", &error).context(folder.display().to_string());
    let real = folder.canonicalize().map_err(refuse)?;
    if above.contains(&real) {
        return Err(Error::new(ErrorKind::Source, "a link leads back to a folder above it")
            .hint("remove the link")
            .context(folder.display().to_string()));
    }
    above.push(real);
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        let name = entry.file_name();
        let path = format!("{prefix}{}", name.to_string_lossy());
        let hidden = name.to_string_lossy().starts_with('.');
        let is_folder = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        match (hidden, is_folder) {
            (false, true) => walk(&entry.path(), &format!("{path}/"), above, found)?,
            (false, false) if is_picture(&name.to_string_lossy()) => match name.to_str() {
                Some(_) => found.pictures.push(path),
                None => {
                    return Err(Error::new(ErrorKind::Source, format!("the file name `{path}` is no Unicode text"))
                        .hint("rename the file")
                        .context(folder.display().to_string()));
                }
            },
            _ => found.others.push(path),
        }
    }
    above.pop();
    Ok(())
}

fn is_picture(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| io_error("cannot read it", &error))
}

fn decode(path: &Path) -> Result<DynamicImage> {
    let bytes = read(path)?;
    let refuse = |error: image::ImageError| {
        let reason = match &error {
            image::ImageError::Limits(_) => format!("it is larger than {MAX_SIDE} pixels a side or 1 GiB decoded"),
            other => other.to_string(),
        };
        Error::new(ErrorKind::Source, format!("it cannot be decoded: {reason}"))
            .hint("open it in a picture viewer: replace it, or remove it from the folder")
    };
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits.clone());
    let reader = reader.with_guessed_format().map_err(|error| io_error("cannot read it", &error))?;
    let decoder = reader.into_decoder().map_err(refuse)?;
    // The decoder is asked before anything of the picture's size is allocated.
    if decoder.total_bytes() > MAX_DECODED {
        return Err(refuse(image::ImageError::Limits(image::error::LimitError::from_kind(
            image::error::LimitErrorKind::InsufficientMemory,
        ))));
    }
    DynamicImage::from_decoder(decoder).map_err(refuse)
}
