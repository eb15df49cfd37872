//! A layer's features as one safetensors file: `features`, f32, `[samples, columns]`, and what each column means as JSON in
//! the metadata. The size is known beforehand, so the header is written first and rows are appended as they come: memory
//! does not grow with the number of samples, and a stopped run can go on behind the last whole row.

use anyhow::Context;
use napscope::features::{Column, Features};
use napscope::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Layout of a features file.
pub const SCHEMA: &str = "napscope.features/1";
/// A header larger than this is no features file of ours (64 bytes a column, at a million columns).
const LARGEST_HEADER: u64 = 64 << 20;

/// What a features file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeaturesHead {
    /// The layer.
    pub layer: String,
    /// Channels, height, width of one sample's activations.
    pub shape: [usize; 3],
    /// The sketch with its options.
    pub sketch: String,
    /// What decided the values (SHA-256), as in `report.json`.
    pub fingerprint: String,
    /// Number of samples.
    pub samples: usize,
    /// What each column means.
    pub columns: Vec<Column>,
}

impl FeaturesHead {
    fn row_bytes(&self) -> u64 {
        4 * self.columns.len() as u64
    }

    fn encode(&self) -> anyhow::Result<Vec<u8>> {
        // Keys are written in a fixed order: the same features give the same bytes.
        let metadata = serde_json::json!({
            "columns": serde_json::to_string(&self.columns)?, "fingerprint": self.fingerprint, "layer": self.layer,
            "napscope": SCHEMA, "shape": serde_json::to_string(&self.shape)?, "sketch": self.sketch,
        });
        let end = self.row_bytes() * self.samples as u64;
        let tensor = serde_json::json!({ "data_offsets": [0, end], "dtype": "F32", "shape": [self.samples, self.columns.len()] });
        let mut json = serde_json::to_vec(&serde_json::json!({ "__metadata__": metadata, "features": tensor }))?;
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut head = (json.len() as u64).to_le_bytes().to_vec();
        head.extend(json);
        Ok(head)
    }
}

/// Appends rows to a features file.
#[derive(Debug)]
pub struct FeaturesWriter {
    file: File,
    path: PathBuf,
}

impl FeaturesWriter {
    /// Begins the file, or goes on behind its first `done` rows.
    ///
    /// # Errors
    /// When the file cannot be written, or holds fewer rows than `done`.
    pub fn open(path: &Path, head: &FeaturesHead, done: usize) -> anyhow::Result<Self> {
        let place = || format!("features file {}", path.display());
        let start = head.encode()?;
        let mut file =
            OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path).with_context(place)?;
        if done == 0 {
            file.set_len(0).with_context(place)?;
            file.write_all(&start).with_context(place)?;
        } else {
            let keep = start.len() as u64 + done as u64 * head.row_bytes();
            let mut found = vec![0; start.len()];
            file.read_exact(&mut found).with_context(place)?;
            anyhow::ensure!(
                found == start && file.metadata()?.len() >= keep,
                "{}: not the file that was begun; start again with --force",
                place()
            );
            file.set_len(keep).with_context(place)?;
            file.seek(SeekFrom::Start(keep)).with_context(place)?;
        }
        Ok(FeaturesWriter { file, path: path.to_owned() })
    }

    /// Appends rows and waits until the disk has them.
    ///
    /// # Errors
    /// When the disk is full or the file is gone.
    pub fn append(&mut self, rows: &[f32]) -> anyhow::Result<()> {
        let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        let place = || format!("features file {}", self.path.display());
        self.file.write_all(&bytes).with_context(place)?;
        self.file.sync_data().with_context(place)
    }
}

/// Reads a features file.
///
/// # Errors
/// [`ErrorKind::Source`] when it is no features file, is of another version, or is cut short; what [`Features::new`] refuses.
pub fn read(path: &Path) -> anyhow::Result<(FeaturesHead, Features)> {
    let place = || format!("features file {}", path.display());
    let mut file = File::open(path).with_context(place)?;
    let (head, start) = read_head(&mut file, path)?;
    let expected = start + head.row_bytes() * head.samples as u64;
    let found = file.metadata().with_context(place)?.len();
    if found != expected {
        let message =
            format!("expected {expected} bytes for {} samples, found {found}: it was cut short", head.samples);
        return Err(Error::new(ErrorKind::Source, message).hint("extract the features again").context(place()).into());
    }
    let mut bytes = vec![0; (expected - start) as usize];
    file.seek(SeekFrom::Start(start)).with_context(place)?;
    file.read_exact(&mut bytes).with_context(place)?;
    let values = bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    let features = Features::new(values, head.columns.clone()).map_err(|error| error.context(place()))?;
    Ok((head, features))
}

/// Reads some columns of a features file, side by side.
///
/// # Errors
/// As [`read`].
pub fn read_columns(path: &Path, columns: Range<usize>) -> anyhow::Result<Features> {
    let place = || format!("features file {}", path.display());
    let mut file = File::open(path).with_context(place)?;
    let (head, start) = read_head(&mut file, path)?;
    file.seek(SeekFrom::Start(start)).with_context(place)?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut values = Vec::with_capacity(head.samples * columns.len());
    let mut row = vec![0; head.row_bytes() as usize];
    for _ in 0..head.samples {
        file.read_exact(&mut row).with_context(place)?;
        let kept = &row[4 * columns.start..4 * columns.end];
        values.extend(kept.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)));
    }
    Ok(Features::new(values, head.columns[columns].to_vec()).map_err(|error| error.context(place()))?)
}

/// Reads what a features file says of itself.
///
/// # Errors
/// [`ErrorKind::Source`] when it is none of ours.
pub fn read_head_of(path: &Path) -> Result<FeaturesHead, Error> {
    let mut file = File::open(path).map_err(|error| {
        Error::new(ErrorKind::Source, error.to_string()).context(format!("features file {}", path.display()))
    })?;
    Ok(read_head(&mut file, path)?.0)
}

/// Reads what a features file says of itself; `None` when it is not one of ours (any other safetensors file).
pub fn peek(path: &Path) -> Option<FeaturesHead> {
    read_head(&mut File::open(path).ok()?, path).ok().map(|(head, _)| head)
}

fn read_head(file: &mut File, path: &Path) -> Result<(FeaturesHead, u64), Error> {
    let no = |what: &str| {
        Error::new(ErrorKind::Source, format!("not a features file: {what}"))
            .hint("features files are made by `napscope extract` and `napscope analyze`")
            .context(format!("features file {}", path.display()))
    };
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| no("it is shorter than a header"))?;
    let length = u64::from_le_bytes(length);
    if length > LARGEST_HEADER {
        return Err(no("its header is impossibly long"));
    }
    let mut json = vec![0; length as usize];
    file.read_exact(&mut json).map_err(|_| no("its header is cut short"))?;
    let head = decode(&json).ok_or_else(|| no(&format!("it does not say {SCHEMA}")))?;
    Ok((head, 8 + length))
}

fn decode(json: &[u8]) -> Option<FeaturesHead> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
        features: Tensor,
    }
    #[derive(Deserialize)]
    struct Tensor {
        dtype: String,
        shape: [usize; 2],
        data_offsets: [u64; 2],
    }
    let Header { metadata, features } = serde_json::from_slice(json).ok()?;
    let text = |key: &str| metadata.get(key).cloned();
    let columns: Vec<Column> = serde_json::from_str(metadata.get("columns")?).ok()?;
    let size = (features.shape[0] as u64).checked_mul(features.shape[1] as u64)?.checked_mul(4)?;
    let sound = metadata.get("napscope")? == SCHEMA
        && features.dtype == "F32"
        && columns.len() == features.shape[1]
        && !columns.is_empty()
        && features.data_offsets == [0, size];
    sound.then_some(FeaturesHead {
        layer: text("layer")?,
        shape: serde_json::from_str(metadata.get("shape")?).ok()?,
        sketch: text("sketch")?,
        fingerprint: text("fingerprint")?,
        samples: features.shape[0],
        columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use napscope::features::Statistic;

    fn head(samples: usize) -> FeaturesHead {
        let column = |channel, statistic| Column { channel, statistic };
        FeaturesHead {
            layer: "conv \"1\"".into(),
            shape: [2, 3, 3],
            sketch: "mean".into(),
            fingerprint: "f".into(),
            samples,
            columns: vec![column(0, Statistic::Mean), column(1, Statistic::Bin { low: -0.1, high: 1.0 / 3.0 })],
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_resumed_file_has_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, halves) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        FeaturesWriter::open(&whole, &head(3), 0).and_then(|mut w| w.append(&rows)).expect("written");
        let mut first = FeaturesWriter::open(&halves, &head(3), 0).expect("begun");
        first.append(&rows[..4]).expect("two rows");
        first.append(&[9.0]).expect("half a row, as a killed run leaves it");
        FeaturesWriter::open(&halves, &head(3), 2).and_then(|mut w| w.append(&rows[4..])).expect("gone on");
        assert_eq!(std::fs::read(&whole).expect("a"), std::fs::read(&halves).expect("b"));
        let (read_head, features) = read(&whole).expect("readable");
        assert_eq!(read_head, head(3));
        assert_eq!(features.values(), rows);
        let second = read_columns(&whole, 1..2).expect("one column");
        assert_eq!((second.values(), second.columns()), (&[2.0, 4.0, 6.0][..], &read_head.columns[1..]));
        let bytes = std::fs::read(&whole).expect("a");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("any safetensors reader reads it");
        assert_eq!(tensors.tensor("features").expect("features").shape(), [3, 2]);
    }

    #[test]
    fn truncated_files_are_refused_at_any_length() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.safetensors");
        FeaturesWriter::open(&path, &head(2), 0).and_then(|mut w| w.append(&[1.0; 4])).expect("written");
        let bytes = std::fs::read(&path).expect("written");
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).expect("writable");
            let error = format!("{:#}", read(&path).expect_err("a truncated file"));
            assert!(error.contains("a.safetensors"), "cut to {length}: {error}");
        }
    }
}
