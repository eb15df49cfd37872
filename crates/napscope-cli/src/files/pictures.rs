//! `pictures.zip`: a small PNG of each sample, called `SAMPLE.png`, so that a run folder can be looked at without its data.
//!
//! The pictures are stored, not packed (a PNG is packed already), so that one is read without the others.

use napscope::{Error, ErrorKind, Result};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Its name in a run folder.
pub const NAME: &str = "pictures.zip";
/// The most samples whose pictures a run keeps, besides the typical ones of its patterns.
pub const MOST: usize = 20_000;
/// A picture takes at most so many bytes; larger entries are none of ours.
const LARGEST: u64 = 4 << 20;
/// Pictures that are drawn before they are written.
const BATCH: usize = 1024;

/// The pictures of `samples` as an archive; `None` when there is none.
///
/// # Errors
/// None that memory could not have caused.
pub fn archive(samples: &[usize], draw: &(dyn Fn(usize) -> Option<Vec<u8>> + Sync)) -> Result<Option<Vec<u8>>> {
    let wrong = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Source, format!("cannot pack pictures: {error}"));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut any = false;
    for batch in samples.chunks(BATCH) {
        let drawn: Vec<Option<Vec<u8>>> = batch.par_iter().map(|&sample| draw(sample)).collect();
        for (sample, png) in batch.iter().zip(drawn) {
            let Some(png) = png else { continue };
            any = true;
            writer.start_file(format!("{sample}.png"), options).map_err(|error| wrong(&error))?;
            writer.write_all(&png).map_err(|error| wrong(&error))?;
        }
    }
    let bytes = writer.finish().map_err(|error| wrong(&error))?.into_inner();
    Ok(any.then_some(bytes))
}

/// The pictures of a run, open for reading.
pub struct Pictures(Mutex<ZipArchive<BufReader<File>>>);

impl Pictures {
    /// Opens the archive at `path`; `None` when there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when it is damaged.
    pub fn open(path: &Path) -> Result<Option<Pictures>> {
        let Ok(file) = File::open(path) else { return Ok(None) };
        match ZipArchive::new(BufReader::new(file)) {
            Ok(archive) => Ok(Some(Pictures(Mutex::new(archive)))),
            Err(error) => Err(Error::new(ErrorKind::Source, format!("it is truncated or no archive ({error})"))
                .hint("analyze again with --force, or remove the file")
                .context(path.display().to_string())),
        }
    }

    /// The picture of `sample`, if it has one.
    pub fn png(&self, sample: usize) -> Option<Vec<u8>> {
        /// What a PNG begins with: nothing else is ever handed out as one.
        const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
        let mut archive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = archive.by_name(&format!("{sample}.png")).ok()?;
        let mut bytes = Vec::new();
        entry.take(LARGEST).read_to_end(&mut bytes).ok()?;
        bytes.starts_with(SIGNATURE).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_back_as_they_went_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(NAME);
        let draw =
            |sample: usize| (sample != 2).then(|| [b"\x89PNG\r\n\x1a\n".to_vec(), vec![sample as u8; 9]].concat());
        let bytes = archive(&[0, 1, 2, 5], &draw).expect("packed").expect("there are pictures");
        assert_eq!(bytes, archive(&[0, 1, 2, 5], &draw).expect("packed").expect("pictures"), "the same bytes twice");
        std::fs::write(&path, &bytes).expect("writable");
        let pictures = Pictures::open(&path).expect("sound").expect("there");
        for sample in 0..7 {
            let expected = draw(sample).filter(|_| [0, 1, 5].contains(&sample));
            assert_eq!(pictures.png(sample), expected, "sample {sample}");
        }
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("writable");
        assert!(Pictures::open(&path).is_err(), "half an archive is refused");
        assert!(Pictures::open(&folder.path().join("none.zip")).expect("no error").is_none());
        assert_eq!(archive(&[1], &|_| None).expect("packed"), None);
    }
}
