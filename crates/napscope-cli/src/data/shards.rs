//! A data set in several archives, as `napscope link simulate --shard-size` writes it: a folder of
//! `shard-00000-of-00003.npz` and so on. Their arrays, one behind the other, are the arrays of the whole.

use super::array_file::{ArrayEntry, ArrayFile, show_shape};
use napscope::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A shard's file, the number in its name, and how many there are by its name.
struct Shard {
    path: PathBuf,
    number: usize,
    count: usize,
}

/// Is `path` a folder with shards in it?
pub(super) fn is_folder(path: &Path) -> bool {
    path.is_dir() && shards(path).is_ok_and(|shards| !shards.is_empty())
}

/// The arrays of the whole data set in `folder`, and what was ignored.
///
/// # Errors
/// For a shard that is missing or damaged, and for shards that do not belong together.
pub(super) fn entries(folder: &Path) -> Result<(Vec<ArrayEntry>, Vec<String>)> {
    let shards = shards(folder)?;
    check_whole(&shards)?;
    let files: Vec<ArrayFile> = shards.iter().map(|shard| ArrayFile::open(&shard.path)).collect::<Result<_>>()?;
    let (Some(first), rest) = (files.first(), files.get(1..).unwrap_or_default()) else {
        return Ok(Default::default());
    };
    let whole = first.entries.iter().map(|entry| {
        let of_others = rest.iter().zip(&shards[1..]).map(|(file, shard)| {
            let place = |error: Error| error.context(shard.path.display().to_string());
            let part = file.entry(entry.name()).map_err(place)?;
            if part.row() != entry.row() {
                let shape = show_shape(part.shape());
                let message =
                    format!("array `{}` is {} {shape}, unlike that of the first shard", part.name(), part.dtype());
                let error = Error::new(ErrorKind::ShapeMismatch, message);
                return Err(place(error.hint("put the shards of one data set alone into a folder")));
            }
            Ok(part.clone())
        });
        let parts = std::iter::once(Ok(entry.clone())).chain(of_others).collect::<Result<Vec<_>>>()?;
        ArrayEntry::of_parts(parts)
    });
    Ok((whole.collect::<Result<_>>()?, files.iter().flat_map(|file| file.notes.clone()).collect()))
}

/// The shards in `folder` by their numbers.
fn shards(folder: &Path) -> Result<Vec<Shard>> {
    let read = std::fs::read_dir(folder).map_err(|error| crate::files::io_error("cannot read the folder", &error))?;
    let mut shards: Vec<Shard> = read.flatten().filter_map(|entry| shard(&entry.path())).collect();
    shards.sort_by_key(|shard| (shard.count, shard.number));
    Ok(shards)
}

fn shard(path: &Path) -> Option<Shard> {
    let (number, count) =
        path.file_name()?.to_str()?.strip_prefix("shard-")?.strip_suffix(".npz")?.split_once("-of-")?;
    Some(Shard { path: path.to_owned(), number: number.parse().ok()?, count: count.parse().ok()? })
}

fn check_whole(shards: &[Shard]) -> Result<()> {
    let wrong = |message: String, hint: &str| Err(Error::new(ErrorKind::Source, message).hint(hint));
    let count = shards.first().map_or(0, |shard| shard.count);
    if let Some(other) = shards.iter().find(|shard| shard.count != count) {
        let message = format!("it holds shards of several data sets, one of {count} and one of {}", other.count);
        return wrong(message, "put the shards of one data set alone into a folder");
    }
    match (0..count).find(|number| !shards.iter().any(|shard| shard.number == *number)) {
        Some(missing) => wrong(
            format!("shard {missing} of 0 to {} is missing", count - 1),
            "finish the data set: run its `napscope link simulate` with --resume",
        ),
        None if shards.len() > count => wrong("it holds a shard twice".to_owned(), "remove one of them"),
        None => Ok(()),
    }
}
