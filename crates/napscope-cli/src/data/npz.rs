//! `.npz` archives: a zip file of `.npy` members.
//!
//! A stored member is read by seek, where it lies; a deflated one is unpacked into memory once, counted in the budget. What a
//! member claims is checked before anything is allocated: its size against its own `.npy` header and against the most that
//! DEFLATE can pack (1032 to 1), and, while unpacking, against what really comes out. The checksum is verified for deflated
//! members only: for stored ones that would mean to read them whole.

use super::array_file::{ArrayEntry, Place};
use super::budget::{Budget, human};
use super::bytes::Held;
use super::npy::Header;
use napscope::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use zip::{CompressionMethod, ZipArchive};

/// DEFLATE's best: 258 bytes from 2 bits.
const MAX_RATIO: u64 = 1032;

type Archive = ZipArchive<BufReader<File>>;

/// The arrays of the archive `file`, which lies at `path`, and notes about members that are none.
///
/// # Errors
/// Damaged archives and members, members with unsafe or double names, encrypted ones, unknown compressions.
pub(super) fn entries(path: &Arc<Path>, file: &Arc<File>) -> Result<(Vec<ArrayEntry>, Vec<String>)> {
    let mut archive = open(path)?;
    if archive.has_duplicate_names() {
        return Err(Error::new(
            ErrorKind::Source,
            "two members bear the same name, so it is not clear which one is meant",
        )
        .hint(SAVE_AGAIN));
    }
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let member = archive.by_index_data(index).map_err(damaged)?;
        let name = member.name().map_err(damaged)?.into_owned();
        if member.is_dir() {
            continue;
        }
        if name.ends_with("data.pkl") {
            return Err(Error::new(
                ErrorKind::Source,
                format!("member `{name}`: a PyTorch file, which is a pickle; napscope never unpickles"),
            )
            .hint(super::array_file::converter("pt", path)));
        }
        if is_unsafe(&name) {
            return Err(Error::new(
                ErrorKind::Source,
                format!("member `{name}`: the name points outside of the archive"),
            )
            .hint(SAVE_AGAIN));
        }
        let Some(array) = name.strip_suffix(".npy") else {
            notes.push(format!("member `{name}` is no .npy array: ignored"));
            continue;
        };
        let entry =
            entry(&mut archive, index, array, path, file).map_err(|error| error.context(format!("array `{array}`")))?;
        entries.push(entry);
    }
    Ok((entries, notes))
}

const SAVE_AGAIN: &str = "save it again with np.savez or np.savez_compressed";

fn open(path: &Path) -> Result<Archive> {
    let file = File::open(path).map_err(|error| crate::files::io_error("cannot open it", &error))?;
    ZipArchive::new(BufReader::new(file)).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Source, format!("the archive is truncated or damaged ({error})"))
        .hint(format!("copy the file again, or {SAVE_AGAIN}"))
}

fn broken(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Source, message).hint(SAVE_AGAIN)
}

/// What people call a way of compressing; the numbers are those of ZIP.
fn name_of(method: CompressionMethod) -> String {
    #[allow(deprecated, reason = "the number is what is told")]
    let number = method.to_u16();
    match number {
        9 => "Deflate64".to_owned(),
        12 => "bzip2".to_owned(),
        14 => "LZMA".to_owned(),
        93 => "Zstandard".to_owned(),
        95 => "XZ".to_owned(),
        number => format!("method {number}"),
    }
}

fn is_unsafe(name: &str) -> bool {
    name.starts_with(['/', '\\']) || name.contains(['\0', ':']) || name.split(['/', '\\']).any(|part| part == "..")
}

fn entry(archive: &mut Archive, index: usize, name: &str, path: &Arc<Path>, file: &Arc<File>) -> Result<ArrayEntry> {
    let member = archive.by_index_data(index).map_err(damaged)?;
    let (size, packed, method) = (member.size(), member.compressed_size(), member.compression());
    if member.encrypted() {
        return Err(broken("it is encrypted"));
    }
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(broken(format!("its compression ({}) is not read; stored and deflated are", name_of(method))));
    }
    let file_bytes = file.metadata().map_err(|error| crate::files::io_error("cannot read it", &error))?.len();
    let impossible = match method {
        CompressionMethod::Stored => size != packed,
        _ => size > packed.saturating_mul(MAX_RATIO).saturating_add(MAX_RATIO),
    };
    if packed > file_bytes || impossible {
        return Err(broken(format!(
            "it claims {} packed in {} of a file of {}, which cannot be: damaged, or a zip bomb",
            human(size),
            human(packed),
            human(file_bytes)
        )));
    }
    let mut member = archive.by_index(index).map_err(damaged)?;
    let header = Header::read(&mut member).map_err(broken)?;
    let data_start = member.data_start().ok_or_else(|| broken("its place in the archive is unknown"))?;
    let data = header.data_bytes().ok_or_else(|| broken(format!("its shape {:?} overflows", header.shape)))?;
    if header.dtype.kind() != super::dtype::Kind::Refused && header.start + data != size {
        return Err(broken(format!(
            "shape {:?} of {} takes {data} bytes, but {} are there",
            header.shape,
            header.dtype,
            size - header.start.min(size)
        )));
    }
    let place = match method {
        CompressionMethod::Stored if data_start.saturating_add(size) > file_bytes => {
            return Err(broken("it reaches past the end of the file: truncated"));
        }
        CompressionMethod::Stored => Place::Seek { file: Arc::clone(file), start: data_start + header.start },
        _ => Place::Deflated { index, skip: header.start },
    };
    Ok(ArrayEntry::new(name, path, header, place))
}

/// Unpacks `bytes` bytes of member `index`, after the first `skip`.
///
/// # Errors
/// A member that holds less or more than it claims, or does not fit into the budget.
pub(super) fn inflate(path: &Path, index: usize, skip: u64, bytes: u64, budget: &Budget) -> Result<Held> {
    let reservation = budget.reserve(bytes, "unpacking it")?;
    let mut archive = open(path)?;
    let mut member = archive.by_index(index).map_err(damaged)?;
    std::io::copy(&mut member.by_ref().take(skip), &mut std::io::sink()).map_err(damaged)?;
    let length = usize::try_from(bytes).map_err(|_| broken("it is too large for this machine"))?;
    let mut unpacked = Vec::new();
    unpacked.try_reserve_exact(length).map_err(|_| {
        Error::new(ErrorKind::MemoryLimit, format!("unpacking it takes {}, which this machine has not", human(bytes)))
            .hint("save it uncompressed with np.savez: such arrays are read by seek")
    })?;
    member.by_ref().take(bytes).read_to_end(&mut unpacked).map_err(damaged)?;
    // The read past the end also makes the zip reader compare the checksum.
    let more = member.read(&mut [0]).map_err(damaged)?;
    if unpacked.len() != length || more != 0 {
        let found = if more != 0 { "more".to_string() } else { format!("{}", unpacked.len()) };
        return Err(broken(format!("it claims {bytes} bytes and unpacks to {found}: damaged, or a zip bomb")));
    }
    Ok(Held { bytes: unpacked, _reservation: reservation })
}
