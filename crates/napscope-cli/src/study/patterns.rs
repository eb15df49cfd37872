//! Are the patterns of a layer concepts? The in-distribution pictures, clustered by `napscope sweep`: what a recipe that is chosen by
//! stability finds, beside what the original finds, and what both have to do with the classes.

use super::grid::Grid;
use crate::question;
use crate::settings::Settings;
use crate::sweep::grid::Grid as Recipes;
use crate::sweep::rank;
use crate::sweep::report::{Row, SweepReport, ValidityForm};
use crate::sweep::run::{Sweep, Wishes};
use crate::sweep::subject::Subject;
use crate::sweep::tell::Format;
use anyhow::Context;
use std::path::Path;

/// Sweeps over the garments, where the grid asks for it; the table is kept in `target` and read from there when it is whole.
///
/// # Errors
/// The sweep's.
pub(super) fn sweep(
    grid: &Grid,
    settings: &Settings,
    memory_limit: u64,
    target: &Path,
    quiet: bool,
) -> anyhow::Result<Option<SweepReport>> {
    let Some((normalizers, metrics, resamples)) = grid.patterns else { return Ok(None) };
    let table = || -> anyhow::Result<SweepReport> { Ok(serde_json::from_slice(&std::fs::read(target)?)?) };
    if let Ok(report) = table() {
        return Ok(Some(report));
    }
    let mut settings = settings.clone();
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    settings.set("sketch", list(&["mean", "mean_std", "histogram:bins=8"]));
    settings.set("normalize", list(normalizers));
    settings.set("metric", list(metrics));
    settings.set("selection", list(&["leaf", "eom"]));
    settings.set("min-cluster-size", list(&["5", "15"]));
    settings.set("resume", vec!["true".to_owned()]);
    let question = question::open(&settings, settings.path("model").as_deref(), memory_limit)?;
    let wishes = Wishes {
        ranking: rank::default(resamples),
        resamples,
        validity: ValidityForm::Tree,
        top: 0,
        timings: false,
        format: Format::Json,
        shown: false,
        output: Some((target.to_owned(), Format::Json)),
        array: None,
        quiet,
    };
    let recipes = Recipes::of(&settings, None)?;
    let subject = Subject::of_question(question);
    let command = "napscope sweep --example vision".to_owned();
    Sweep { settings: &settings, wishes: &wishes, subject, grid: recipes, is_example: true, command, memory_limit }
        .run()?;
    table().context("the table of the sweep").map(Some)
}

/// The best row of a layer by stable coverage, and the original's.
pub(super) fn chosen_and_original<'a>(report: &'a SweepReport, layer: &str) -> Option<[&'a Row; 2]> {
    let mut rows = report.rows.iter().filter(|row| row.layer == layer && row.scores.is_some());
    let original = |row: &&Row| {
        [&row.sketch, &row.normalize, &row.metric, &row.selection] == ["mean", "max_abs", "euclidean", "leaf"]
            && row.min_cluster_size == 5
    };
    let best = rows.clone().find(|row| row.rank == Some(1))?;
    Some([best, rows.find(original)?])
}
