//! `napscope analyze`: from a network and a data set to the patterns of its layers.

use crate::exit::Outcome;
use crate::recipe::{PatternChoice, SketchChoice};
use crate::report::{LayerSummary, RunReport};
use crate::run::Run;
use crate::settings::Settings;
use crate::terminal::{Style, Table, print, say, thousands};
use crate::{example, interrupt, question, shell};
use anyhow::Context;
use clap::ArgMatches;
use std::path::{Path, PathBuf};

/// Where a run goes when nobody says.
const OUTPUT: &str = "napscope-run";

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let mut settings = super::settings(matches)?;
    let wanted = matches.get_one::<String>("example").map(String::as_str);
    let is_bare = settings.path("model").is_none() && settings.path("data").is_none();
    let example = wanted.or(is_bare.then_some(example::NAMES[0]));
    let unpack = |name| {
        let given = settings.clone();
        super::with_threads(&given, || example::unpack(name, &mut settings, quiet(matches)))
    };
    // Held until the end: it removes the unpacked files.
    let _unpacked = example.map(unpack).transpose()?;
    let flag = example.map(|name| format!("--example {name}"));
    let command = shell::command("analyze", &settings, flag.as_deref());
    let sketch = SketchChoice::of(&settings)?;
    let patterns = PatternChoice::of(&settings)?;
    let root =
        super::with_threads(&settings, || work(&settings, &sketch, Some(&patterns), command, OUTPUT, quiet(matches)))?;
    let report = read_report(&root)?;
    if crate::args::json(matches) {
        print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        print(&table(&report))?;
        say(&format!("\nreport: {}", Style::stderr().cyan(&root.join("report.html").display().to_string())));
    }
    Ok(Outcome::Ok)
}

pub(super) fn quiet(matches: &ArgMatches) -> bool {
    matches.get_flag("quiet")
}

/// Opens the question and works on it; shared with `extract`.
pub(super) fn work(
    settings: &Settings,
    sketch: &SketchChoice,
    patterns: Option<&PatternChoice>,
    command: String,
    output: &str,
    quiet: bool,
) -> anyhow::Result<PathBuf> {
    let memory_limit = super::memory_limit(settings)?;
    let question = question::open(settings, settings.path("model").as_deref(), memory_limit)?;
    if !quiet {
        tell(&question);
    }
    let output = settings.path("output").unwrap_or_else(|| PathBuf::from(output));
    Run { settings, question: &question, sketch, patterns, command, memory_limit, quiet }.work(&output)
}

fn tell(question: &question::Question) {
    let style = Style::stderr();
    if let Some(engine) = &question.engine_reason {
        say(&style.dim(&format!("engine: {engine}")));
    }
    for note in &question.notes {
        say(&style.dim(&format!("note: {note}")));
    }
}

pub(super) fn read_report(root: &Path) -> anyhow::Result<RunReport> {
    let path = root.join("report.json");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not what napscope writes", path.display()))
}

fn table(report: &RunReport) -> String {
    let labelled = report.label.is_some();
    let settled = report.layers.iter().any(|layer| layer.settled_min_cluster_size.is_some());
    let mut head = vec!["layer", "shape", "patterns", "in patterns", "largest", "persistence", "purity", "agreement"];
    head.extend(settled.then_some("size"));
    head.push("verdict");
    let mut table = Table::with_head(head);
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for layer in &report.layers {
        let [c, h, w] = layer.shape;
        let share = 100.0 * (report.samples - layer.noise) as f64 / report.samples as f64;
        let mut cells = vec![
            layer.name.clone(),
            if h * w == 1 { c.to_string() } else { format!("{c}x{h}x{w}") },
            thousands(layer.patterns),
            format!("{share:.0} %"),
            thousands(layer.largest),
            number(layer.median_persistence),
            number(layer.purity),
            number(layer.agreement),
        ];
        cells.extend(settled.then(|| layer.settled_min_cluster_size.map_or("-".to_owned(), thousands)));
        cells.push(layer.verdict.as_ref().map_or("-".to_owned(), |verdict| verdict.verdict.to_string()));
        table.push(cells);
    }
    let mut text = table.render(Style::stdout());
    let samples = thousands(report.samples);
    let recipe = report.recipe.as_ref().map_or(String::new(), |recipe| {
        format!("{} · {} · {} · HDBSCAN {}", recipe.sketch, recipe.normalize, recipe.metric, recipe.hdbscan.selection)
            .to_lowercase()
    });
    text.push_str(&format!("\n{samples} samples · {recipe}\n"));
    for note in report.recipe.iter().filter_map(|recipe| recipe.hdbscan.neighbors.note()) {
        text.push_str(&format!("{note}\n"));
    }
    if settled {
        text.push_str(
            "size: the min_cluster_size that the selection settled on; layers/*.json has all that it compared\n",
        );
    }
    if let Some(label) = report.label.as_ref().filter(|_| labelled) {
        text.push_str(&format!(
            "purity, agreement (adjusted Rand index): against `{label}`, over the samples in patterns\n"
        ));
    }
    text.push_str(&reasons(report));
    text
}

/// Why each layer's verdict is what it is.
fn reasons(report: &RunReport) -> String {
    let told = |layer: &LayerSummary| {
        let verdict = layer.verdict.as_ref()?;
        Some(format!("{}: {}. {}\n", layer.name, verdict.verdict, verdict.reasons.join("; ")))
    };
    let lines: String = report.layers.iter().filter_map(told).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}
