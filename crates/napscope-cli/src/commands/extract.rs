//! `napscope extract`: stops after the features.

use crate::exit::Outcome;
use crate::recipe::SketchChoice;
use crate::terminal::{Style, Table, bytes, print};
use crate::{files, interrupt, shell};
use clap::ArgMatches;

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let settings = super::settings(matches)?;
    let sketch = SketchChoice::of(&settings)?;
    let command = shell::command("extract", &settings, None);
    let quiet = super::analyze::quiet(matches);
    let root = super::with_threads(&settings, || {
        super::analyze::work(&settings, &sketch, None, command, "napscope-features", quiet)
    })?;
    let mut paths: Vec<_> =
        std::fs::read_dir(root.join("features"))?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut table = Table::new(["layer", "samples", "columns", "size", "file"]);
    let mut listed = Vec::new();
    for path in paths {
        let Some(head) = files::features::peek(&path) else { continue };
        let size = std::fs::metadata(&path)?.len();
        listed.push(serde_json::json!({ "layer": head.layer, "samples": head.samples, "columns": head.columns.len(), "bytes": size, "file": path }));
        table.row([
            head.layer,
            head.samples.to_string(),
            head.columns.len().to_string(),
            bytes(size),
            path.display().to_string(),
        ]);
    }
    if crate::args::json(matches) {
        print(&format!("{}\n", serde_json::to_string_pretty(&serde_json::json!({ "features": listed }))?))?;
    } else {
        print(&table.render(Style::stdout()))?;
    }
    Ok(Outcome::Ok)
}
