//! The ranked table for people (text, Markdown) and for programs (CSV; JSON is the report itself).

use super::grid::Grid;
use super::rank::find;
use super::report::{Row, Scores, SweepReport, ValidityForm};
use crate::terminal::{Style, Table, thousands};
use std::collections::BTreeMap;

/// What a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// The whole report.
    Json,
    /// All rows, a column a figure.
    Csv,
    /// For a document.
    Markdown,
}

impl Format {
    /// The names that people type.
    pub const NAMES: [&str; 4] = ["text", "json", "csv", "markdown"];

    /// The format of a name, or of a file's ending.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "txt" => Format::Text,
            "json" => Format::Json,
            "csv" => Format::Csv,
            "markdown" | "md" => Format::Markdown,
            _ => return None,
        })
    }

    /// Writes `report`; of each layer the `top` best rows where the format is for people.
    ///
    /// # Errors
    /// None that a report could meet.
    pub fn write(self, report: &SweepReport, top: usize, style: Style) -> anyhow::Result<String> {
        Ok(match self {
            Format::Text => text(report, top, style),
            Format::Json => format!("{}\n", serde_json::to_string_pretty(report)?),
            Format::Csv => csv(report)?,
            Format::Markdown => markdown(report, top),
        })
    }
}

/// The dimensions that vary, with the value of a row; what does not vary is told once below the table.
type Dimension = (&'static str, fn(&Row) -> String, fn(&Grid) -> &[String]);

const DIMENSIONS: [Dimension; 6] = [
    ("sketch", |row| row.sketch.clone(), |grid| &grid.sketch),
    ("normalize", |row| row.normalize.clone(), |grid| &grid.normalize),
    ("metric", |row| row.metric.clone(), |grid| &grid.metric),
    ("samples", |row| row.min_samples.to_string(), |grid| &grid.min_samples),
    ("size", |row| row.min_cluster_size.to_string(), |grid| &grid.min_cluster_size),
    ("selection", |row| row.selection.clone(), |grid| &grid.selection),
];

/// The heads and cells of the rows for people.
struct Cells<'a> {
    report: &'a SweepReport,
    timings: bool,
    settled: bool,
}

impl Cells<'_> {
    fn of(report: &SweepReport) -> Cells<'_> {
        let timings = scores(report).any(|scores| scores.seconds.is_some());
        let settled = scores(report).any(|scores| scores.settled_min_cluster_size.is_some());
        Cells { report, timings, settled }
    }

    fn varying(&self) -> impl Iterator<Item = &'static Dimension> {
        DIMENSIONS.iter().filter(|dimension| dimension.2(&self.report.grid).len() > 1)
    }

    fn head(&self) -> Vec<&'static str> {
        let mut head = vec!["#"];
        head.extend(self.varying().map(|dimension| dimension.0));
        head.extend(self.settled.then_some("settled"));
        head.extend(["patterns", "noise", "validity"]);
        head.extend(self.report.resampling.map(|_| "stability"));
        head.push("persist");
        head.extend(self.report.label.iter().flat_map(|_| ["ARI", "AMI"]));
        head.extend(self.timings.then_some("secs"));
        head
    }

    fn row(&self, row: &Row, scores: &Scores) -> Vec<String> {
        let mut cells = vec![row.rank.map_or("-".to_owned(), |rank| rank.to_string())];
        cells.extend(self.varying().map(|dimension| dimension.1(row)));
        let settled = || scores.settled_min_cluster_size.map_or("-".to_owned(), thousands);
        cells.extend(self.settled.then(settled));
        let validity = scores.validity.map_or("-".to_owned(), |validity| format!("{validity:.3}"));
        cells.extend([thousands(scores.patterns), percent(1.0 - scores.coverage), validity]);
        cells.extend(self.report.resampling.map(|_| {
            scores.stability.map_or("-".to_owned(), |stability| {
                format!("{:.2} [{:.2}, {:.2}]", stability.mean, stability.lowest, stability.highest)
            })
        }));
        cells.push(number(scores.median_persistence));
        if self.report.label.is_some() {
            let agreement = scores.agreement.as_ref();
            cells.push(number(agreement.map(|agreement| agreement.adjusted_rand)));
            cells.push(number(agreement.map(|agreement| agreement.adjusted_mutual_information)));
        }
        cells.extend(self.timings.then(|| scores.seconds.map_or(String::new(), |seconds| format!("{seconds:.2}"))));
        cells
    }

    /// The recipes of a layer that found something, the best `top` of them (0: all).
    fn best<'r>(&self, layer: &'r [Row], top: usize) -> impl Iterator<Item = (&'r Row, &'r Scores)> {
        let rows = layer.iter().filter_map(|row| Some((row, row.scores.as_ref()?)));
        rows.take(if top == 0 { usize::MAX } else { top })
    }
}

fn scores(report: &SweepReport) -> impl Iterator<Item = &Scores> {
    report.rows.iter().filter_map(|row| row.scores.as_ref())
}

fn text(report: &SweepReport, top: usize, style: Style) -> String {
    let cells = Cells::of(report);
    let mut table = Table::with_head(cells.head());
    let mut headings = Vec::new();
    for layer in report.rows.chunk_by(|x, y| x.layer == y.layer) {
        let shown: Vec<_> = cells.best(layer, top).collect();
        let tried = layer.iter().filter(|row| row.scores.is_some()).count();
        let best = if shown.len() < tried { format!("the best {} of ", shown.len()) } else { String::new() };
        headings.push((table.len(), format!("{}: {best}{tried} recipes", layer[0].layer)));
        shown.into_iter().for_each(|(row, scores)| table.push(cells.row(row, scores)));
    }
    let rendered = table.render(style);
    let mut lines = rendered.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (at, line) in lines.enumerate() {
        for (_, heading) in headings.iter().filter(|heading| heading.0 == at) {
            text.push_str(&format!("{}\n", style.bold(heading)));
        }
        text.push_str(&format!("{line}\n"));
    }
    for line in caption(report, &cells) {
        text.push_str(&format!("\n{line}"));
    }
    text + "\n"
}

fn markdown(report: &SweepReport, top: usize) -> String {
    let cells = Cells::of(report);
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escape = |cell: String| cell.replace('|', "\\|");
    let mut text = String::new();
    for layer in report.rows.chunk_by(|x, y| x.layer == y.layer) {
        text.push_str(&format!("**{}**\n\n", layer[0].layer));
        let head = cells.head();
        text.push_str(&line(head.iter().map(|name| (*name).to_owned()).collect()));
        text.push_str(&format!("|{}\n", "---|".repeat(head.len())));
        for (row, scores) in cells.best(layer, top) {
            text.push_str(&line(cells.row(row, scores).into_iter().map(escape).collect()));
        }
        text.push('\n');
    }
    for line in caption(report, &cells) {
        text.push_str(&format!("{line}\n\n"));
    }
    text.trim_end().to_owned() + "\n"
}

/// What the reader of a table must know.
fn caption(report: &SweepReport, cells: &Cells<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let fixed = DIMENSIONS.iter().filter(|dimension| dimension.2(&report.grid).len() == 1);
    let fixed: Vec<String> = fixed
        .map(|(name, _, values)| match *name {
            "samples" => format!("min_samples {}", values(&report.grid)[0]),
            "size" => format!("min_cluster_size {}", values(&report.grid)[0]),
            _ => values(&report.grid)[0].clone(),
        })
        .collect();
    let recipes = [vec![format!("{} samples", thousands(report.samples))], fixed].concat().join(" · ");
    lines.push(recipes);
    if report.neighbors != "exact" {
        lines.push(format!("neighbors: {}; patterns may differ from those of exact ones", report.neighbors));
    }
    let meaning = find(&report.ranked_by).map_or("", |ranking| ranking.meaning);
    lines.push(format!("ranked within a layer by {}: {meaning}", report.ranked_by));
    lines.push(match report.validity {
        ValidityForm::Tree => {
            "validity: read off the spanning tree, -1 to 1; - with fewer than two patterns".to_owned()
        }
        ValidityForm::Full => {
            "validity: as published, over all pairs, -1 to 1; - with fewer than two patterns".to_owned()
        }
    });
    if let Some(resampling) = &report.resampling {
        lines.push(format!(
            "stability: ARI with clusterings of {} subsamples of {}, mean [lowest, highest]",
            resampling.resamples,
            percent(resampling.share)
        ));
    }
    if let Some(label) = &report.label {
        lines.push(format!("ARI, AMI: against `{label}` over all samples, noise counted as one pattern"));
    }
    if cells.settled {
        lines.push("settled: the min_cluster_size that a selection with a size of its own took".to_owned());
    }
    if cells.timings {
        lines.push("secs: from the features to the patterns, shared stages included".to_owned());
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    report.rows.iter().filter_map(|row| row.reason.as_deref()).for_each(|why| *reasons.entry(why).or_default() += 1);
    lines.extend(reasons.into_iter().map(|(why, count)| format!("{} rows cannot be: {why}", thousands(count))));
    if !report.complete {
        lines.push("stopped before all recipes were tried".to_owned());
    }
    lines
}

fn csv(report: &SweepReport) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = vec![
        "layer",
        "rank",
        "sketch",
        "normalize",
        "metric",
        "min_samples",
        "min_cluster_size",
        "selection",
        "neighbors",
    ];
    let figures = figures();
    head.extend(figures.iter().map(|figure| figure.0));
    head.extend(["labels_sha256", "reason", "command"]);
    writer.write_record(&head)?;
    for row in &report.rows {
        let mut cells = vec![
            row.layer.clone(),
            row.rank.map_or(String::new(), |rank| rank.to_string()),
            row.sketch.clone(),
            row.normalize.clone(),
            row.metric.clone(),
            row.min_samples.to_string(),
            row.min_cluster_size.to_string(),
            row.selection.clone(),
            report.neighbors.clone(),
        ];
        let figure = |of: fn(&Scores) -> Option<f64>| row.scores.as_ref().and_then(of).map_or(String::new(), exact);
        cells.extend(figures.iter().map(|(_, of)| figure(*of)));
        cells.push(row.scores.as_ref().map_or(String::new(), |scores| scores.labels_sha256.clone()));
        cells.push(row.reason.clone().unwrap_or_default());
        cells.push(row.command.clone());
        writer.write_record(&cells)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A figure: its name in CSV, and its value where a row has one.
type Figure = (&'static str, fn(&Scores) -> Option<f64>);

/// Every figure of a row.
fn figures() -> [Figure; 23] {
    [
        ("columns", |scores| Some(scores.columns as f64)),
        ("dimensions", |scores| Some(scores.dimensions as f64)),
        ("patterns", |scores| Some(scores.patterns as f64)),
        ("noise", |scores| Some(scores.noise as f64)),
        ("coverage", |scores| Some(scores.coverage)),
        ("largest", |scores| Some(scores.largest as f64)),
        ("settled_min_cluster_size", |scores| Some(scores.settled_min_cluster_size? as f64)),
        ("validity", |scores| scores.validity),
        ("stability", |scores| Some(scores.stability?.mean)),
        ("stability_lowest", |scores| Some(scores.stability?.lowest)),
        ("stability_highest", |scores| Some(scores.stability?.highest)),
        ("median_persistence", |scores| scores.median_persistence),
        ("adjusted_rand", |scores| Some(scores.agreement.as_ref()?.adjusted_rand)),
        ("adjusted_mutual_information", |scores| Some(scores.agreement.as_ref()?.adjusted_mutual_information)),
        ("homogeneity", |scores| Some(scores.agreement.as_ref()?.homogeneity)),
        ("completeness", |scores| Some(scores.agreement.as_ref()?.completeness)),
        ("v_measure", |scores| Some(scores.agreement.as_ref()?.v_measure)),
        ("in_patterns_adjusted_rand", |scores| Some(scores.agreement.as_ref()?.in_patterns.as_ref()?.adjusted_rand)),
        ("in_patterns_adjusted_mutual_information", |scores| {
            Some(scores.agreement.as_ref()?.in_patterns.as_ref()?.adjusted_mutual_information)
        }),
        ("in_patterns_v_measure", |scores| Some(scores.agreement.as_ref()?.in_patterns.as_ref()?.v_measure)),
        ("purity", |scores| Some(scores.agreement.as_ref()?.in_patterns.as_ref()?.purity)),
        ("noise_share", |scores| Some(1.0 - scores.coverage)),
        ("seconds", |scores| scores.seconds),
    ]
}

/// The shortest text that is read back as the same number.
fn exact(value: f64) -> String {
    value.to_string()
}

fn number(value: Option<f64>) -> String {
    // -0.00 is 0.00.
    value.map_or("-".to_owned(), |value| format!("{:.2}", (100.0 * value).round() / 100.0 + 0.0))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
