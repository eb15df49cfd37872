//! The vision study: garments that a small network has learned, and pictures that are none.

use super::grid::{FULL, QUICK};
use super::tell::Story;
use super::units::Work;
use super::{findings, patterns, pictures};
use crate::example;
use crate::facts::hex;
use crate::question;
use crate::run_folder::{Opened, RunFolder};
use crate::settings::Settings;
use crate::terminal::say;
use anyhow::Context;
use napscope::activations::ActivationSource;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The layout of a study's report.json.
const SCHEMA: &str = "napscope.study/1";

static DIGITS: &[u8] = include_bytes!("../../../../studies/vision/mnist_ood_1000.npz");

/// Does what is left to do of the study, and writes README.md, auroc.svg and report.json into `output`.
///
/// # Errors
/// Anything that stops it; what is done stays in the folder for `--resume`.
pub fn run(settings: &Settings, output: &Path, is_quick: bool, memory_limit: u64, quiet: bool) -> anyhow::Result<()> {
    let grid = if is_quick { &QUICK } else { &FULL };
    let command = if is_quick { "napscope study vision --quick" } else { "napscope study vision" };
    let mut settings = settings.clone();
    settings.set("layer", grid.layers.iter().map(|layer| (*layer).to_owned()).collect());
    let unpacked = example::unpack("vision", &mut settings, quiet)?;
    let identity = serde_json::json!({ "study": "vision", "grid": grid, "napscope": env!("CARGO_PKG_VERSION") });
    let fingerprint = hex(&Sha256::digest(serde_json::to_vec(&identity)?));
    let folder = match RunFolder::open(output, &fingerprint, settings.on("resume"), settings.on("force"))? {
        Opened::Work(folder) => folder,
        Opened::Done(root) => {
            say(&format!("{} already holds this study: nothing to do (--force makes it again)", root.display()));
            return Ok(());
        }
    };
    let sets = pictures::sets(grid);
    let shown = unpacked.path().join("pictures.npz");
    let garments = settings.path("data").context("the example has data")?;
    let digits = unpacked.path().join("digits.npz");
    std::fs::write(&digits, DIGITS).context("cannot unpack the digits")?;
    pictures::write(grid, &garments, &digits, &shown)?;
    let mut of_pictures = settings.clone();
    of_pictures.set("data", vec![shown.display().to_string()]);
    let model = settings.path("model");
    let question = question::open(&of_pictures, model.as_deref(), memory_limit)?;
    let units = Work { grid, sets: &sets, source: &question.source, quiet }.run(&folder)?;
    let layers: Vec<String> = question.source.layers().iter().map(|layer| layer.name.clone()).collect();
    let findings = findings::find(grid, &sets, &layers, &units)?;
    if is_quick {
        settings.set("limit", vec!["400".to_owned()]);
    }
    let patterns = patterns::sweep(grid, &settings, memory_limit, &folder.partial("patterns.json"), quiet)?;
    let engine = question.engine.as_deref().unwrap_or("none");
    let story = Story { grid, quick: is_quick, command, sets: &sets, findings: &findings, patterns: &patterns, engine };
    folder.write("auroc.svg", story.figure().as_bytes())?;
    folder.write("README.md", story.markdown().as_bytes())?;
    let report = serde_json::json!({
        "schema": SCHEMA, "fingerprint": fingerprint, "napscope": env!("CARGO_PKG_VERSION"), "command": command,
        "grid": grid, "outside": findings.outside, "rows": findings.rows, "chosen": findings.chosen,
        "features_alone": findings.features_alone, "overall": findings.overall, "changes": findings.changes,
        "foresight": findings.foresight, "patterns": patterns.rows,
    });
    let root = folder.finish(&["auroc.svg", "README.md"], Some(format!("{report:#}\n").as_bytes()))?;
    if !quiet {
        say(&format!("the network took {:.1} s; report: {}", units.network_seconds, root.join("README.md").display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::grid::Grid;
    use super::*;

    #[test]
    fn grids_hold_the_original_and_known_parts() {
        for grid in [&FULL, &QUICK] as [&Grid; 2] {
            let [sketch, normalize, detector] = super::super::grid::ORIGINAL;
            assert!(grid.sketches.contains(&sketch) && grid.normalizers.contains(&normalize));
            assert!(
                grid.detectors.contains(&detector) && grid.detectors.contains(&super::super::grid::ORIGINAL_PATTERNS)
            );
            grid.sketches.iter().for_each(|spec| drop(napscope::sketch::parse(spec).expect(spec)));
            grid.normalizers.iter().for_each(|spec| drop(napscope::normalize::parse(spec).expect(spec)));
            grid.detectors.iter().for_each(|spec| drop(napscope::ood::parse(spec).expect(spec)));
        }
    }
}
