//! Writes a data set: one archive, or a folder of shards.
//!
//! Every archive says in its comment what it was made of. A stopped run goes on behind the last row that the disk has; whole
//! shards are recognised by their comment.

use super::data_set::SlotRows;
use super::settings;
use crate::files::npz::{self, ArraySpec, NpzWriter, Opened};
use crate::interrupt;
use anyhow::Context;
use napscope::{Error, ErrorKind, Result};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes of rows that are made before they are written.
const CHUNK_BYTES: usize = 32 << 20;

/// What the comments of archives begin with.
const SCHEMA: &str = "napscope.link/1";

/// Where a data set goes.
#[derive(Debug, Clone)]
pub struct Destination {
    /// A file, or with `shard_size` a folder.
    pub path: PathBuf,
    /// Slots of the data set, from slot 0 on.
    pub slots: u64,
    /// Slots of a shard; `None`: there are no shards.
    pub shard_size: Option<u64>,
    /// Go on with what was stopped.
    pub resume: bool,
    /// Replace what is there.
    pub force: bool,
}

/// One archive of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its file.
    pub path: PathBuf,
    /// Its slots.
    pub slots: Range<u64>,
}

impl Destination {
    /// The archives, in the order of their slots.
    pub fn shards(&self) -> Vec<Shard> {
        let Some(size) = self.shard_size else {
            return vec![Shard { path: self.path.clone(), slots: 0..self.slots }];
        };
        let count = self.slots.div_ceil(size);
        let shard = |at: u64| Shard {
            path: self.path.join(format!("shard-{at:05}-of-{count:05}.npz")),
            slots: at * size..((at + 1) * size).min(self.slots),
        };
        (0..count).map(shard).collect()
    }

    /// Checks and prepares the place before the work begins.
    ///
    /// # Errors
    /// For a file that is no `.npz`, a folder that does not exist, and a folder with something else in it.
    pub fn prepare(&self) -> anyhow::Result<()> {
        let refuse = |message: &str, hint: &str| {
            let error = Error::new(ErrorKind::InvalidParameter, message).hint(hint);
            Err(error.context(self.path.display().to_string()).into())
        };
        if self.shard_size.is_some() {
            if self.path.exists() && !self.path.is_dir() {
                return refuse("it is a file, and shards go into a folder", "choose another --output");
            }
            fs::create_dir_all(&self.path)
                .map_err(|error| crate::files::io_error("cannot make the folder", &error))
                .with_context(|| self.path.display().to_string())?;
            return self.clear_folder();
        }
        if !self.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
            return refuse(
                "a data set is written as .npz",
                "end its name in .npz, or write a folder of shards with --shard-size",
            );
        }
        Ok(())
    }

    /// Refuses a folder that holds shards of another data set, or with `force` removes them.
    fn clear_folder(&self) -> anyhow::Result<()> {
        let ours = self.shards();
        for entry in fs::read_dir(&self.path)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(shard) = name.starts_with("shard-").then(|| shard_of(&self.path, &name)) else { continue };
            if self.force {
                npz::remove(&shard)?;
            } else if !ours.iter().any(|ours| ours.path == shard) {
                let error = Error::new(ErrorKind::InvalidParameter, format!("it holds `{name}` of another data set"));
                let error = error.hint("choose another --output, or replace that data set with --force");
                return Err(error.context(self.path.display().to_string()).into());
            } else if !self.resume && !ours.iter().all(|ours| ours.path.exists()) {
                let error = Error::new(ErrorKind::InvalidParameter, "it holds a part of a data set");
                let error = error.hint("go on with --resume, or start again with --force");
                return Err(error.context(self.path.display().to_string()).into());
            }
        }
        Ok(())
    }
}

/// The shard that `name` is, or is a part of.
fn shard_of(folder: &Path, name: &str) -> PathBuf {
    let name = name.split_once(".npz").map_or(name, |(stem, _)| stem);
    folder.join(format!("{name}.npz"))
}

/// What decides the bytes of a shard, as JSON.
fn comment(rows: &SlotRows, slots: &Range<u64>) -> String {
    serde_json::json!({
        "schema": SCHEMA, "first_slot": slots.start, "slots": slots.end - slots.start,
        "input": rows.input().name(), "receivers": rows.receivers().join(","), "settings": settings::json(rows.simulator().config()),
    })
    .to_string()
}

/// Writes every slot of `destination`; `progress` hears of slots that are there, as they come. Returns how many slots were
/// made: 0 where the very same data set was there.
///
/// # Errors
/// When a place cannot be written or holds something else, and when the user stops the work.
pub fn write(rows: &SlotRows, destination: &Destination, mut progress: impl FnMut(u64)) -> Result<u64> {
    let mut made = 0;
    let arrays: Vec<ArraySpec> = rows.arrays().into_iter().map(|(array, _)| array).collect();
    for Shard { path, slots } in destination.shards() {
        let total = slots.end - slots.start;
        let comment = comment(rows, &slots);
        match NpzWriter::open(&path, &arrays, total, &comment, destination.resume, destination.force)? {
            Opened::Done => progress(total),
            Opened::Work(writer) => {
                made += total - writer.rows_done();
                write_shard(rows, writer, slots, &mut progress)?;
            }
        }
    }
    Ok(made)
}

fn write_shard(
    rows: &SlotRows,
    mut writer: NpzWriter,
    slots: Range<u64>,
    progress: &mut impl FnMut(u64),
) -> Result<()> {
    let at_once = (CHUNK_BYTES / rows.slot_bytes()).max(rayon::current_num_threads()).max(1) as u64;
    progress(writer.rows_done());
    let mut next = slots.start + writer.rows_done();
    while next < slots.end {
        interrupt::check().map_err(|error| error.hint("go on with --resume"))?;
        let end = (next + at_once).min(slots.end);
        writer.append(&rows.rows(next..end)?)?;
        progress(end - next);
        next = end;
    }
    writer.finish()
}
