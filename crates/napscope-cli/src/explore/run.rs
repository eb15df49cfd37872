//! A run folder, open for looking: what is small is held, layers are read when they are wanted.

use super::cache::Cache;
use super::layer::Layer;
use super::neighbors::Embedded;
use super::refusal::Refusal;
use crate::data::{Column, parquet_table};
use crate::files::pictures::{self, Pictures};
use crate::ood::evaluation::{self, Evaluation};
use crate::report::{Recipe, RunReport, SCHEMA};
use anyhow::{Context, ensure};
use napscope::features::Features;
use napscope::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Layers that were looked at last are kept up to so many bytes, and so are their feature matrices.
const KEPT: u64 = 512 << 20;
/// A report larger than this is none of ours: 100 kB a layer, at a thousand layers.
const LARGEST_REPORT: u64 = 100 << 20;
/// Nobody looks at more of them.
const MOST_EVALUATIONS: usize = 16;

/// A run folder.
pub struct Run {
    root: PathBuf,
    /// As the user named it.
    pub(super) name: String,
    pub(super) report: RunReport,
    /// `report.json` as it stands: the page may know more of it than this program.
    pub(super) json: serde_json::Value,
    /// The columns of the data, one value a sample.
    pub(super) columns: Vec<Column>,
    pub(super) pictures: Option<Pictures>,
    layers: Cache<Layer>,
    embedded: Cache<Embedded>,
}

impl Run {
    /// Opens the run folder at `path`.
    ///
    /// # Errors
    /// When it is no run folder, or one without patterns, or one that is damaged.
    pub fn open(path: &Path) -> anyhow::Result<Run> {
        let place = || format!("run folder {}", path.display());
        let root = path.canonicalize().with_context(place)?;
        let bytes = read_report(&root).with_context(place)?;
        let no_run = || format!("{}: report.json is cut short, or not what napscope writes", place());
        let json: serde_json::Value = serde_json::from_slice(&bytes).with_context(no_run)?;
        let report: RunReport = serde_json::from_value(json.clone()).with_context(no_run)?;
        ensure!(report.schema == SCHEMA, "{}: its layout is {:?}, expected {SCHEMA:?}", place(), report.schema);
        if report.recipe.is_none() || report.layers.is_empty() {
            let message = "the run stopped after the features, and has no patterns to look at";
            return Err(Error::new(ErrorKind::InvalidParameter, message)
                .hint("napscope analyze makes a run with patterns")
                .context(place())
                .into());
        }
        for layer in &report.layers {
            ensure!(is_plain(&layer.file), "{}: {:?} is no name of a layer's file", place(), layer.file);
        }
        let table = inside(&root, "samples.parquet").with_context(place)?;
        let rows = parquet_table::row_count(&table).with_context(|| table.display().to_string())?;
        let expected = report.samples.checked_mul(report.layers.len());
        ensure!(
            expected == Some(rows),
            "{}: samples.parquet has {rows} rows, and the report tells of {} samples in {} layers",
            place(),
            report.samples,
            report.layers.len()
        );
        let own = ["layer", "sample", "cluster", "membership", "outlier_score"];
        let (columns, _) = parquet_table::read_part(&table, 0..report.samples, &|name| !own.contains(&name))
            .with_context(|| table.display().to_string())?;
        let pictures = match inside(&root, pictures::NAME) {
            Ok(path) => Pictures::open(&path)?,
            Err(_) => None,
        };
        let (layers, embedded) = (Cache::new(KEPT), Cache::new(KEPT));
        Ok(Run { name: path.display().to_string(), root, report, json, columns, pictures, layers, embedded })
    }

    pub(super) fn samples(&self) -> usize {
        self.report.samples
    }

    /// How the patterns were found; [`Run::open`] refuses runs without.
    pub(super) fn recipe(&self) -> Result<&Recipe, Refusal> {
        self.report.recipe.as_ref().ok_or_else(|| Refusal::missing("recipe"))
    }

    /// A layer by its place.
    pub(super) fn layer(&self, at: usize) -> Result<Arc<Layer>, Refusal> {
        let file = self.layer_file(at)?;
        Ok(self.layers.get(at, || {
            let json = inside(&self.root, &format!("layers/{file}.json"))?;
            let table = inside(&self.root, "samples.parquet")?;
            let layer = Layer::read(&json, &table, at, self.samples())?;
            let bytes = layer.bytes();
            anyhow::Ok((layer, bytes))
        })?)
    }

    /// What a layer's samples are to the clustering: features, and points in the metric's space.
    pub(super) fn embedded(&self, at: usize) -> Result<Arc<Embedded>, Refusal> {
        let recipe = self.recipe()?;
        Ok(self.embedded.get(at, || {
            let embedded = Embedded::new(self.features(at)?, recipe)?;
            let bytes = embedded.bytes();
            anyhow::Ok((embedded, bytes))
        })?)
    }

    /// What detectors made of other data, each with its name, by name.
    pub(super) fn evaluations(&self) -> anyhow::Result<Vec<(String, Evaluation)>> {
        let Ok(folder) = inside(&self.root, evaluation::FOLDER) else { return Ok(Vec::new()) };
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        names.sort_unstable();
        ensure!(names.len() <= MOST_EVALUATIONS, "{} holds more than {MOST_EVALUATIONS} files", folder.display());
        let read = |name: String| {
            let path = inside(&self.root, &format!("{}/{name}.json", evaluation::FOLDER))?;
            Ok((name, Evaluation::read(&path)?))
        };
        names.into_iter().map(read).collect()
    }

    fn features(&self, at: usize) -> anyhow::Result<Features> {
        let path = self.features_path(at)?;
        let (head, features) = crate::files::features::read(&path)?;
        ensure!(head.samples == self.samples(), "{} is not of {} samples", path.display(), self.samples());
        Ok(features)
    }

    /// The features file of a layer.
    pub(super) fn features_path(&self, at: usize) -> anyhow::Result<PathBuf> {
        let file = self.layer_file(at)?;
        inside(&self.root, &format!("features/{file}.safetensors"))
    }

    fn layer_file(&self, at: usize) -> Result<&str, Refusal> {
        self.report.layers.get(at).map(|layer| layer.file.as_str()).ok_or_else(|| Refusal::missing("layer"))
    }
}

fn read_report(root: &Path) -> anyhow::Result<Vec<u8>> {
    let hint = "napscope analyze -o RUN makes a run folder";
    let path = inside(root, "report.json").map_err(|_| {
        Error::new(ErrorKind::Source, "it has no report.json: it is no run folder, or its run was stopped").hint(hint)
    })?;
    ensure!(std::fs::metadata(&path)?.len() <= LARGEST_REPORT, "report.json is larger than {LARGEST_REPORT} bytes");
    Ok(std::fs::read(path)?)
}

/// The path of a file in the run folder, links followed: a link that leads out of the folder is refused.
fn inside(root: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = root.join(name).canonicalize().with_context(|| format!("cannot read {name}"))?;
    ensure!(path.starts_with(root), "{name} is a link that leads out of the run folder");
    Ok(path)
}

/// A name as `layer_file` makes them: no separator, no way up.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    !name.is_empty() && name.len() <= 200 && name.chars().all(plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_layer_files_lead_nowhere_else() {
        for name in ["000-conv1", "012-layer1.0.relu", "000-_a_.._b_c"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "..", "../x", "a/b", "a\\b", "/etc/passwd", ".hidden", "a\0b", "ä", "C:x"] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
