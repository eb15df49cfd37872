//! A file that is whole or absent: it is written beside its place and renamed into it.
//!
//! A killed process leaves at most a file that ends in `.napscope-tmp` and never half of the real one; [`sweep`] removes
//! what a killed process left in a folder.

use super::io_error;
use napscope::Result;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const SUFFIX: &str = ".napscope-tmp";

/// A file that appears under its name when it is committed, and not before. Dropped without that, it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    beside: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Begins the file that shall become `target`.
    ///
    /// # Errors
    /// When the folder does not exist or cannot be written.
    pub fn create(target: &Path) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{}{SUFFIX}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let beside = target.with_file_name(name);
        let begin = || {
            if target.is_dir() || target.file_name().is_none() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            OpenOptions::new().write(true).create_new(true).open(&beside)
        };
        match begin() {
            Ok(file) => Ok(AtomicFile { target: target.into(), beside, writer: Some(BufWriter::new(file)) }),
            Err(error) => Err(cannot_write(target, &error)),
        }
    }

    /// Puts the file in its place, once the disk has all of it.
    ///
    /// # Errors
    /// When the disk is full, or the place cannot be written.
    pub fn commit(mut self) -> Result<()> {
        let mut finish = || {
            let Some(writer) = self.writer.take() else { return Ok(()) };
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&self.beside, &self.target)?;
            sync_folder(&self.target)
        };
        finish().map_err(|error| cannot_write(&self.target, &error))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().map_or(Ok(0), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After a commit nothing lies there any more; after an error the first error is the one to tell.
        drop(self.writer.take());
        let _ = fs::remove_file(&self.beside);
    }
}

/// Writes `bytes` to `target`, whole or not at all.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes).map_err(|error| cannot_write(target, &error))?;
    file.commit()
}

/// Removes what killed processes left in `folder`; what cannot be removed stays.
pub fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().ends_with(SUFFIX) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The error of a file that could not be written.
pub(super) fn cannot_write(target: &Path, error: &io::Error) -> napscope::Error {
    io_error("cannot write it", error).context(target.display().to_string())
}

/// A rename is on the disk once its folder is. Only Unix lets a folder be opened for that.
fn sync_folder(target: &Path) -> io::Result<()> {
    match target.parent() {
        Some(folder) if cfg!(unix) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("a.txt");
        let mut file = AtomicFile::create(&target).expect("begun");
        file.write_all(b"half").expect("written");
        assert!(!target.exists(), "not before it is committed");
        drop(file);
        assert_eq!(names(folder.path()), Vec::<String>::new(), "nothing stays of a file that was given up");

        write(&target, b"old").expect("written");
        write(&target, b"new").expect("replaced");
        assert_eq!(fs::read(&target).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        for (target, expected) in [
            (folder.path().join("missing/a.txt"), "No such file"),
            (folder.path().to_path_buf(), "cannot write it"),
            (folder.path().join("a".repeat(300)), "cannot write it"),
        ] {
            let error = write(&target, b"x").expect_err("it cannot be written");
            let text = error.to_string();
            assert!(text.starts_with(&target.display().to_string()) && text.contains(expected), "{text}");
            assert!(error.how_to_mend().is_some(), "{text}");
        }
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told() {
        let error = io_error(
            "cannot write it",
            &File::create("/dev/full").and_then(|mut f| f.write_all(b"x")).expect_err("full"),
        );
        assert!(error.to_string().contains("No space left"), "{error}");
        assert!(error.how_to_mend().is_some_and(|hint| hint.contains("free some space")));
    }

    #[test]
    fn leftovers_are_swept_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["report.json", "report.json.1-2.napscope-tmp"] {
            fs::write(folder.path().join(name), "x").expect("writable");
        }
        sweep(folder.path());
        assert_eq!(names(folder.path()), ["report.json"]);
    }
}
