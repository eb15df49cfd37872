//! An `.npz` of arrays whose rows come bit by bit: memory does not grow with their number, and a stopped run goes on.
//!
//! Names, types and shapes are known beforehand, so every byte has its place from the start: rows are written where they
//! belong, and the directory, the checksums and a comment (what the arrays were made of, JSON) at the end. Until then the file
//! is called `NAME.partial`, and `NAME.partial.json` says how many rows the disk has for certain and their checksums so far.
//! Members are stored, not deflated, as NumPy's `savez` does: napscope reads them by seek.
//!
//! The `zip` crate writes one member after the other; here all of them grow at once.

use super::atomic::{self, cannot_write};
use super::io_error;
use crc32fast::Hasher;
use napscope::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// One array, with one row a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArraySpec {
    /// Its name.
    pub name: String,
    /// NumPy's name of the element type, as in `<f4`.
    pub descr: String,
    /// Bytes of an element.
    pub element_bytes: usize,
    /// The shape of a row.
    pub row_shape: Vec<usize>,
}

impl ArraySpec {
    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.element_bytes * self.row_shape.iter().product::<usize>()
    }

    /// The header of a `.npy` of `rows` rows, padded as NumPy pads it.
    fn header(&self, rows: u64) -> Vec<u8> {
        let sizes: String = self.row_shape.iter().map(|size| format!(" {size},")).collect();
        let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({rows},{sizes}), }}", self.descr);
        let before = crate::data::NPY_MAGIC.len() + 4;
        while !(before + text.len() + 1).is_multiple_of(64) {
            text.push(' ');
        }
        text.push('\n');
        let mut header = crate::data::NPY_MAGIC.to_vec();
        header.extend([1, 0]);
        header.extend((text.len() as u16).to_le_bytes());
        header.extend(text.as_bytes());
        header
    }
}

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

/// A member's place in the file.
#[derive(Debug)]
struct Member {
    file_name: String,
    header: Vec<u8>,
    row_bytes: u64,
    /// Bytes of header and rows.
    size: u64,
    /// Where its local header begins.
    start: u64,
}

/// Sizes and places from here on stand in ZIP64 fields.
const ZIP64: u64 = u32::MAX as u64;

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
            let directory = self.directory();
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

    /// The central directory and its end.
    fn directory(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (member, &checksum) in self.members.iter().zip(&self.state.checksums) {
            member.write_directory_entry(checksum, &mut bytes);
        }
        let (start, size) = (self.members.last().map_or(0, Member::end), bytes.len() as u64);
        let count = self.members.len() as u64;
        if start >= ZIP64 {
            let end = start + size;
            bytes.extend(0x0606_4b50_u32.to_le_bytes());
            bytes.extend(44_u64.to_le_bytes());
            bytes.extend([45, 3, 45, 0]);
            bytes.extend([0; 8]);
            [count, count, size, start].iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            bytes.extend(0x0706_4b50_u32.to_le_bytes());
            bytes.extend(0_u32.to_le_bytes());
            bytes.extend(end.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
        }
        bytes.extend(0x0605_4b50_u32.to_le_bytes());
        bytes.extend([0; 4]);
        [count, count].iter().for_each(|count| bytes.extend((*count as u16).to_le_bytes()));
        [size, start].iter().for_each(|value| bytes.extend(narrow(*value)));
        // A comment has at most 65,535 bytes; what decides a data set takes a few thousand.
        let comment = &self.state.comment.as_bytes()[..self.state.comment.len().min(usize::from(u16::MAX))];
        bytes.extend((comment.len() as u16).to_le_bytes());
        bytes.extend(comment);
        bytes
    }
}

impl Member {
    fn data_start(&self) -> u64 {
        self.start + self.local_header(0).len() as u64 + self.header.len() as u64
    }

    fn end(&self) -> u64 {
        self.start + self.local_header(0).len() as u64 + self.size
    }

    fn local_header(&self, checksum: u32) -> Vec<u8> {
        let wide: Vec<u64> = if self.size >= ZIP64 { vec![self.size; 2] } else { Vec::new() };
        let mut bytes = 0x0403_4b50_u32.to_le_bytes().to_vec();
        self.write_common(checksum, &wide, &mut bytes);
        bytes.extend(self.file_name.as_bytes());
        bytes.extend(extra(&wide));
        bytes
    }

    fn write_directory_entry(&self, checksum: u32, bytes: &mut Vec<u8>) {
        let mut wide = if self.size >= ZIP64 { vec![self.size; 2] } else { Vec::new() };
        wide.extend((self.start >= ZIP64).then_some(self.start));
        bytes.extend(0x0201_4b50_u32.to_le_bytes());
        // Made by version 4.5 on Unix, so that the permissions below count.
        bytes.extend([45, 3]);
        self.write_common(checksum, &wide, bytes);
        // No comment, disk 0, no internal attributes; a plain file that all may read.
        bytes.extend([0; 6]);
        bytes.extend((0o100_644_u32 << 16).to_le_bytes());
        bytes.extend(narrow(self.start));
        bytes.extend(self.file_name.as_bytes());
        bytes.extend(extra(&wide));
    }

    /// What a local header and a directory entry share: version to the length of the extra field.
    fn write_common(&self, checksum: u32, wide: &[u64], bytes: &mut Vec<u8>) {
        let version: u16 = if wide.is_empty() { 20 } else { 45 };
        // No flags, stored, midnight of 1 January 1980: the same slots give the same bytes.
        [version, 0, 0, 0, 0x0021].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes.extend(checksum.to_le_bytes());
        bytes.extend(narrow(self.size));
        bytes.extend(narrow(self.size));
        bytes.extend((self.file_name.len() as u16).to_le_bytes());
        bytes.extend((extra(wide).len() as u16).to_le_bytes());
    }
}

/// The ZIP64 extra field of these values; nothing without values.
fn extra(wide: &[u64]) -> Vec<u8> {
    if wide.is_empty() {
        return Vec::new();
    }
    let mut bytes = 1_u16.to_le_bytes().to_vec();
    bytes.extend((8 * wide.len() as u16).to_le_bytes());
    wide.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

/// A value of 32 bits, all ones where it stands in a ZIP64 field.
fn narrow(value: u64) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn layout(arrays: &[ArraySpec], rows: u64) -> Vec<Member> {
    let mut start = 0;
    let mut members = Vec::new();
    for array in arrays {
        let (header, row_bytes) = (array.header(rows), array.row_bytes() as u64);
        let size = header.len() as u64 + rows * row_bytes;
        let member = Member { file_name: format!("{}.npy", array.name), header, row_bytes, size, start };
        start = member.end();
        members.push(member);
    }
    members
}

/// Bytes of an archive of `rows` rows of `arrays`, but for the directory of a few hundred bytes an array.
pub fn archive_bytes(arrays: &[ArraySpec], rows: u64) -> u64 {
    layout(arrays, rows).last().map_or(0, Member::end)
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

/// The first values in which two JSON texts differ, by name.
fn difference(found: &str, wanted: &str) -> Option<String> {
    let mut values = Vec::new();
    for text in [found, wanted] {
        let mut flat = Vec::new();
        flatten("", &serde_json::from_str(text).ok()?, &mut flat);
        values.push(flat);
    }
    let [found, wanted] = values.as_slice() else { return None };
    let value = |of: &[(String, String)], name: &str| {
        of.iter().find(|other| other.0 == name).map_or("nothing".to_owned(), |other| other.1.clone())
    };
    let names = wanted.iter().chain(found).map(|(name, _)| name.as_str());
    let mut told: Vec<String> = Vec::new();
    for name in names.filter(|name| value(found, name) != value(wanted, name)) {
        let line = format!("its {name} is {}, not {}", value(found, name), value(wanted, name));
        if told.len() < 3 && !told.contains(&line) {
            told.push(line);
        }
    }
    (!told.is_empty()).then(|| told.join("; "))
}

fn flatten(name: &str, value: &serde_json::Value, flat: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => object.iter().for_each(|(key, value)| flatten(key, value, flat)),
        serde_json::Value::String(text) => flat.push((name.to_owned(), text.clone())),
        other => flat.push((name.to_owned(), other.to_string())),
    }
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

    /// Beyond 4 GiB nobody wants to write in a test: the fields are checked by the numbers in them.
    #[test]
    fn large_archives_have_zip64_fields() {
        let rows = 1 << 31;
        let members = layout(&arrays(), rows);
        assert!(members[0].size > ZIP64 && members[1].start > ZIP64);
        let local = members[0].local_header(0);
        let data = members[0].data_start();
        assert_eq!(data, local.len() as u64 + 128, "behind both headers");
        assert_eq!(&local[18..26], [0xff; 8], "both sizes stand elsewhere");
        assert_eq!(&local[local.len() - 20..local.len() - 16], [1, 0, 16, 0], "in the extra field");
        let mut entry = Vec::new();
        members[1].write_directory_entry(0, &mut entry);
        assert_eq!(&entry[entry.len() - 8..], members[1].start.to_le_bytes());
        assert_eq!(&entry[42..46], [0xff; 4], "the place stands in the extra field");
    }
}
