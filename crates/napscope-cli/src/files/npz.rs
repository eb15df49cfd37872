//! An `.npz` of arrays whose rows come bit by bit: memory does not grow with their number, and a stopped run goes on.
//!
//! Names, types and shapes are known beforehand, so every byte has its place from the start: rows are written where they
//! belong, and the directory, the checksums and a comment (what the arrays were made of, JSON) at the end. Until then the file
//! is called `NAME.partial`, and `NAME.partial.json` says how many rows the disk has for certain and their checksums so far.
//! Members are stored, not deflated, as NumPy's `savez` does: napscope reads them by seek.
//!
//! The `zip` crate writes one member after the other; here all of them grow at once.

use super::atomic::{self, cannot_write};
use super::difference::difference;
use super::io_error;
use super::npz_layout::{self, Member, layout};

pub use super::npz_layout::{ArraySpec, archive_bytes};
use crc32fast::Hasher;
use napscope::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What was found where an archive shall be written.
#[derive(Debug)]
pub enum Opened {
    /// Rows to write, from the first one or from where it stopped.
    Work(NpzWriter),
    /// The very same archive, whole.
    Done,
}

/// Writes rows of every array.
#[derive(Debug)]
pub struct NpzWriter {
    target: PathBuf,
    file: File,
    members: Vec<Member>,
    rows: u64,
    state: State,
}

/// How far a file came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// What decides the bytes.
    comment: String,
    /// Rows that the disk has.
    rows_done: u64,
    /// The checksum of each member's header and rows so far.
    checksums: Vec<u32>,
}

impl NpzWriter {
    /// Opens `target` for `rows` rows of `arrays`; `comment` says in JSON what decides the bytes.
    ///
    /// # Errors
    /// When another file is there (unless `force`), or one that was stopped (unless `resume` or `force`); when another process
    /// is writing it; when it cannot be written.
    pub fn open(
        target: &Path,
        arrays: &[ArraySpec],
        rows: u64,
        comment: &str,
        resume: bool,
        force: bool,
    ) -> Result<Opened> {
        let place = |error: Error| error.context(target.display().to_string());
        if target.is_dir() {
            return Err(cannot_write(target, &io::ErrorKind::IsADirectory.into()));
        }
        if target.exists() && !force {
            return match read_comment(target) {
                Some(found) if found == comment => Ok(Opened::Done),
                found => Err(place(other("the file exists", found.as_deref(), comment))),
            };
        }
        let members = layout(arrays, rows);
        let file = lock(target)?;
        let start = || State {
            comment: comment.to_owned(),
            rows_done: 0,
            checksums: members.iter().map(|member| crc32fast::hash(&member.header)).collect(),
        };
        let state = match read_state(target).filter(|_| !force) {
            Some(state) if state.comment != comment => {
                return Err(place(other("a stopped run left another file here", Some(&state.comment), comment)));
            }
            Some(_) if !resume => {
                return Err(place(
                    Error::new(ErrorKind::InvalidParameter, "it was begun and stopped")
                        .hint("go on with --resume, or start again with --force"),
                ));
            }
            Some(state) => state,
            None => start(),
        };
        let writer = NpzWriter { target: target.into(), file, members, rows, state };
        writer.save().map(|()| Opened::Work(writer))
    }

    /// Rows that are there.
    pub fn rows_done(&self) -> u64 {
        self.state.rows_done
    }

    /// Appends rows: one run of bytes an array, in the order of the arrays. When it returns, the disk has them.
    ///
    /// # Errors
    /// When the disk is full.
    ///
    /// # Panics
    /// When the arrays are given different numbers of rows, or more than were announced.
    pub fn append(&mut self, parts: &[Vec<u8>]) -> Result<()> {
        let rows = parts.first().map_or(0, |part| part.len() as u64 / self.members[0].row_bytes);
        assert!(self.state.rows_done + rows <= self.rows, "no more rows than were announced");
        self.write_rows(parts, rows).map_err(|error| cannot_write(&self.target, &error))?;
        self.state.rows_done += rows;
        self.save()
    }

    fn write_rows(&mut self, parts: &[Vec<u8>], rows: u64) -> io::Result<()> {
        for ((member, part), checksum) in self.members.iter().zip(parts).zip(&mut self.state.checksums) {
            assert_eq!(part.len() as u64, rows * member.row_bytes, "as many rows of every array");
            let place = member.data_start() + self.state.rows_done * member.row_bytes;
            self.file.seek(SeekFrom::Start(place))?;
            self.file.write_all(part)?;
            let mut hasher = Hasher::new_with_initial(*checksum);
            hasher.update(part);
            *checksum = hasher.finalize();
        }
        self.file.sync_data()
    }

    /// Writes what stands around the rows and gives the file its name.
    ///
    /// # Errors
    /// When the disk is full, or rows are missing.
    pub fn finish(mut self) -> Result<()> {
        if self.state.rows_done != self.rows {
            let message = format!("{} of {} rows were written", self.state.rows_done, self.rows);
            return Err(Error::new(ErrorKind::Source, message).context(self.target.display().to_string()));
        }
        let mut finish = || {
            let directory = npz_layout::directory(&self.members, &self.state.checksums, &self.state.comment);
            for (member, &checksum) in self.members.iter().zip(&self.state.checksums) {
                self.file.seek(SeekFrom::Start(member.start))?;
                self.file.write_all(&member.local_header(checksum))?;
                self.file.write_all(&member.header)?;
            }
            let end = self.members.last().map_or(0, Member::end);
            self.file.seek(SeekFrom::Start(end))?;
            self.file.write_all(&directory)?;
            self.file.set_len(end + directory.len() as u64)?;
            self.file.sync_all()?;
            fs::rename(partial(&self.target), &self.target)
        };
        finish().map_err(|error| cannot_write(&self.target, &error))?;
        // What stays of it is recognised by the whole file beside it.
        let _ = fs::remove_file(state_path(&self.target));
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let json = serde_json::to_vec(&self.state).map_err(|error| Error::new(ErrorKind::Source, error.to_string()))?;
        atomic::write(&state_path(&self.target), &json)
    }
}

fn partial(target: &Path) -> PathBuf {
    with_ending(target, ".partial")
}

fn state_path(target: &Path) -> PathBuf {
    with_ending(target, ".partial.json")
}

fn with_ending(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    target.with_file_name(name)
}

/// Opens the partial file for this process alone.
fn lock(target: &Path) -> Result<File> {
    let path = partial(target);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| cannot_write(target, &error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Source, "another process is writing it").context(target.display().to_string()))
        }
        // Where the file system has no locks, nothing is known.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn read_state(target: &Path) -> Option<State> {
    serde_json::from_slice(&fs::read(state_path(target)).ok()?).ok()
}

/// What a whole archive says of itself.
///
/// `None` for one that is not ours, or no archive.
pub fn read_comment(path: &Path) -> Option<String> {
    let archive = zip::ZipArchive::new(io::BufReader::new(File::open(path).ok()?)).ok()?;
    String::from_utf8(archive.comment().to_vec()).ok()
}

/// An error about a file that was `found` to be made of something else than `wanted`.
fn other(message: &str, found: Option<&str>, wanted: &str) -> Error {
    let difference = found.and_then(|found| difference(found, wanted)).map_or(String::new(), |d| format!(" ({d})"));
    Error::new(ErrorKind::InvalidParameter, format!("{message}{difference}"))
        .hint("choose another --output, or replace it with --force")
}

/// Removes `target` and what a stopped run left of it.
///
/// # Errors
/// When something cannot be removed.
pub fn remove(target: &Path) -> Result<()> {
    for path in [target.to_owned(), partial(target), state_path(target)] {
        if path.exists() {
            fs::remove_file(&path)
                .map_err(|error| io_error("cannot remove it", &error).context(path.display().to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays() -> Vec<ArraySpec> {
        let spec = |name: &str, descr: &str, element_bytes, row_shape: &[usize]| ArraySpec {
            name: name.into(),
            descr: descr.into(),
            element_bytes,
            row_shape: row_shape.to_vec(),
        };
        vec![spec("x", "<f4", 4, &[3]), spec("name", "<U2", 8, &[])]
    }

    /// Rows `from..to` of both arrays.
    fn rows(from: u32, to: u32) -> Vec<Vec<u8>> {
        let x = (3 * from..3 * to).flat_map(|value| (value as f32).to_le_bytes()).collect();
        let name = (from..to).flat_map(|row| [u32::from(b'a') + row, 0]).flat_map(u32::to_le_bytes).collect();
        vec![x, name]
    }

    fn work(target: &Path, comment: &str, resume: bool) -> NpzWriter {
        match NpzWriter::open(target, &arrays(), 5, comment, resume, false).expect("opened") {
            Opened::Work(writer) => writer,
            Opened::Done => panic!("nothing is there yet"),
        }
    }

    #[test]
    fn a_stopped_file_goes_on_to_the_same_bytes_and_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (whole, stopped) = (folder.path().join("whole.npz"), folder.path().join("stopped.npz"));
        let mut writer = work(&whole, "{}", false);
        writer.append(&rows(0, 5)).expect("written");
        writer.finish().expect("finished");

        let mut writer = work(&stopped, "{}", false);
        writer.append(&rows(0, 2)).expect("written");
        // What a killed process had written beyond its state counts for nothing.
        writer.write_rows(&rows(9, 10), 1).expect("written");
        drop(writer);
        assert!(!stopped.exists(), "half a file has another name");
        let mut writer = work(&stopped, "{}", true);
        assert_eq!(writer.rows_done(), 2);
        writer.append(&rows(2, 5)).expect("written");
        writer.finish().expect("finished");
        let bytes = |path: &Path| fs::read(path).expect("a file");
        assert!(bytes(&whole) == bytes(&stopped), "the same bytes");
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "no partial file stays");

        let file = crate::data::ArrayFile::open(&whole).expect("our reader takes it");
        let described: Vec<String> = file.entries.iter().map(|entry| entry.describe()).collect();
        assert_eq!(described, ["x float32 (5, 3)", "name str[2] (5,)"]);
        let array = |name: &str| {
            let budget = crate::data::Budget::new(None);
            file.entry(name).and_then(|entry| entry.open(&budget)).expect("readable")
        };
        let x = array("x").f32(&[4, 0]).expect("rows");
        assert_eq!(x, [12.0, 13.0, 14.0, 0.0, 1.0, 2.0]);
        assert_eq!(array("name").text(&[4]).expect("texts"), ["e"]);
        let mut archive = zip::ZipArchive::new(File::open(&whole).expect("a file")).expect("an archive");
        for index in 0..archive.len() {
            // Reading to the end compares the checksum.
            io::copy(&mut archive.by_index(index).expect("a member"), &mut io::sink()).expect("a right checksum");
        }
    }

    #[test]
    fn what_is_there_already_decides() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("a.npz");
        drop(work(&target, r#"{"snr_db":"3"}"#, false));
        let refused = |comment: &str, resume| {
            let error = NpzWriter::open(&target, &arrays(), 5, comment, resume, false).expect_err("refused");
            (error.to_string(), error.how_to_mend().unwrap_or("").to_owned())
        };
        let (message, hint) = refused(r#"{"snr_db":"3"}"#, false);
        assert!(message.contains("begun and stopped") && hint.contains("--resume"), "{message}: {hint}");
        let (message, hint) = refused(r#"{"snr_db":"4"}"#, true);
        assert!(message.contains("its snr_db is 3, not 4") && hint.contains("--force"), "{message}: {hint}");

        let mut writer = work(&target, r#"{"snr_db":"3"}"#, true);
        let busy = NpzWriter::open(&target, &arrays(), 5, r#"{"snr_db":"3"}"#, true, false).expect_err("locked");
        assert!(busy.to_string().contains("another process is writing it"), "{busy}");
        writer.append(&rows(0, 5)).expect("written");
        writer.finish().expect("finished");
        let again = NpzWriter::open(&target, &arrays(), 5, r#"{"snr_db":"3"}"#, false, false).expect("the same");
        assert!(matches!(again, Opened::Done));
        let (message, _) = refused(r#"{"snr_db":"4"}"#, false);
        assert!(message.contains("the file exists (its snr_db is 3, not 4)"), "{message}");
        remove(&target).expect("removed");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
