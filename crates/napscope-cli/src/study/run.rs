//! What all studies do alike: the folder, the work in its order, and the files that come of it.

use super::conditioned::Condition;
use super::errors::SetErrors;
use super::findings;
use super::grid::Grid;
use super::layers::Known;
use super::sets::Set;
use super::tell::{Story, Words};
use super::units::{Work, memory_bytes};
use crate::facts::hex;
use crate::memory::Forecast;
use crate::run_folder::{Opened, RunFolder};
use crate::settings::Settings;
use crate::sweep::report::SweepReport;
use crate::terminal::say;
use napscope::activations::ActivationSource;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The layout of a study's report.json.
const SCHEMA: &str = "napscope.study/2";

/// What the user asks for.
pub struct Asked<'a> {
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The folder for the report.
    pub output: &'a Path,
    /// The quick form?
    pub is_quick: bool,
    /// Samples to learn from, where the study can make as many as it likes; the other sets are in proportion.
    pub samples: Option<usize>,
    /// Bytes.
    pub memory_limit: u64,
    /// No progress, no notes.
    pub quiet: bool,
}

/// A study, ready to run.
pub(super) struct Study<'a> {
    pub(super) grid: &'a Grid,
    /// The command that makes its report again.
    pub(super) command: String,
    pub(super) sets: &'a [Set],
    pub(super) source: &'a dyn ActivationSource,
    pub(super) condition: Option<Condition>,
    pub(super) known: Known<'a>,
    pub(super) words: &'a Words,
    pub(super) engine: String,
}

/// A study's folder, open for work.
pub(super) struct StudyFolder {
    pub(super) folder: RunFolder,
    fingerprint: String,
}

impl Asked<'_> {
    /// Opens the folder; `None`, and a word to the user, where it already holds this study of this `network`.
    pub(super) fn folder(&self, name: &str, grid: &Grid, network: &[u8]) -> anyhow::Result<Option<StudyFolder>> {
        let network = hex(&Sha256::digest(network));
        let identity = serde_json::json!({ "study": name, "grid": grid, "network": network, "napscope": env!("CARGO_PKG_VERSION") });
        let fingerprint = hex(&Sha256::digest(serde_json::to_vec(&identity)?));
        let (resume, force) = (self.settings.on("resume"), self.settings.on("force"));
        Ok(match RunFolder::open(self.output, &fingerprint, resume, force)? {
            Opened::Work(folder) => Some(StudyFolder { folder, fingerprint }),
            Opened::Done(root) => {
                say(&format!("{} already holds this study: nothing to do (--force makes it again)", root.display()));
                None
            }
        })
    }

    /// Refuses a study that would not keep the memory limit.
    pub(super) fn check_memory(&self, grid: &Grid, source: &dyn ActivationSource) -> napscope::Result<()> {
        let mut forecast = Forecast::default();
        forecast.stage("features and scores of the study", memory_bytes(grid, source)?);
        forecast.check(self.memory_limit)
    }

    /// The command that makes the study called `name`.
    pub(super) fn command(&self, name: &str) -> String {
        let quick = if self.is_quick { " --quick" } else { "" };
        let samples = self.samples.map_or_else(String::new, |samples| format!(" --slots {samples}"));
        format!("napscope study {name}{quick}{samples}")
    }
}

impl Study<'_> {
    /// Does what is left to do, and writes README.md, auroc.svg and report.json.
    pub(super) fn run(
        self,
        asked: &Asked<'_>,
        StudyFolder { folder, fingerprint }: StudyFolder,
        errors: &[SetErrors],
        patterns: Option<&SweepReport>,
    ) -> anyhow::Result<()> {
        let Study { grid, command, sets, source, condition, known, words, engine } = self;
        let condition = condition.as_ref();
        let layers = known.judge(grid, &folder, asked.quiet)?;
        let units = Work { grid, sets, source, condition, quiet: asked.quiet }.run(&folder)?;
        let names: Vec<String> = source.layers().iter().map(|layer| layer.name.clone()).collect();
        let findings = findings::find(grid, sets, &names, &units, condition)?;
        let story = Story {
            words,
            grid,
            quick: asked.is_quick,
            command: &command,
            sets,
            findings: &findings,
            layers: &layers,
            errors,
            patterns,
            engine: &engine,
        };
        folder.write("auroc.svg", story.figure().as_bytes())?;
        folder.write("README.md", story.markdown().as_bytes())?;
        let report = serde_json::json!({
            "schema": SCHEMA, "fingerprint": fingerprint, "napscope": env!("CARGO_PKG_VERSION"), "command": command,
            "grid": grid, "outside": findings.outside, "rows": findings.rows, "chosen": findings.chosen,
            "features_alone": findings.features_alone, "overall": findings.overall, "changes": findings.changes,
            "conditioned": findings.conditioned, "foresight": findings.foresight, "layers": layers, "errors": errors,
            "patterns": patterns.map(|patterns| &patterns.rows),
        });
        let root = folder.finish(&["auroc.svg", "README.md"], Some(format!("{report:#}\n").as_bytes()))?;
        if !asked.quiet {
            let seconds = units.network_seconds;
            say(&format!("the network took {seconds:.1} s; report: {}", root.join("README.md").display()));
        }
        Ok(())
    }
}
