//! `report.html`: one page with everything inside, for a person to read.
//!
//! The page gets its data as JSON and draws it with a script of its own; text from the data is only ever put in as text.

use crate::report::{ColumnAlignment, LayerReport, LayerVerdict, Projection, RunReport};
use anyhow::Context;
use base64::Engine;
use napscope::manifold::Alignment;
use serde::Serialize;
use std::collections::BTreeMap;

/// More samples than this are not drawn, so that the page stays readable and light.
pub const DRAWN: usize = 4000;
/// More patterns than this are not put into the page; the layer's JSON file has them all.
const PATTERNS: usize = 60;

/// A per-sample column for colouring.
#[derive(Debug, Clone, Serialize)]
pub struct PageColumn {
    /// Its name.
    pub name: String,
    /// Its values, one a drawn sample.
    #[serde(flatten)]
    pub values: PageValues,
}

/// Numbers on a scale, or words.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", content = "values", rename_all = "lowercase")]
pub enum PageValues {
    /// Coloured by a ramp.
    Number(Vec<Option<f64>>),
    /// Coloured by hue.
    Category(Vec<Option<String>>),
}

/// What the page needs of one layer besides its report.
#[derive(Debug, Clone)]
pub struct PageLayer {
    /// The layer's report.
    pub report: LayerReport,
    /// The pattern of every sample, -1 for noise.
    pub labels: Vec<i32>,
    /// The membership of every sample.
    pub membership: Vec<f64>,
    /// The outlier score of every sample.
    pub outlier_score: Vec<f64>,
}

#[derive(Serialize)]
struct Page<'a> {
    samples: usize,
    recipe: serde_json::Value,
    label: &'a Option<String>,
    command: &'a str,
    made: Vec<(&'static str, String)>,
    drawn: &'a [usize],
    columns: &'a [PageColumn],
    layers: Vec<serde_json::Value>,
    pictures: &'a BTreeMap<usize, String>,
}

/// The samples that are drawn: all, or evenly spaced ones.
pub fn drawn_samples(samples: usize) -> Vec<usize> {
    let drawn = samples.min(DRAWN);
    (0..drawn).map(|i| i * samples / drawn).collect()
}

/// The samples whose pictures the page shows.
pub fn pictured_samples(layers: &[PageLayer]) -> Vec<usize> {
    let mut samples: Vec<usize> = layers
        .iter()
        .flat_map(|layer| layer.report.patterns.iter().take(PATTERNS))
        .flat_map(|pattern| pattern.typical.iter().chain(&pattern.least_typical))
        .copied()
        .collect();
    samples.sort_unstable();
    samples.dedup();
    samples
}

/// A PNG as an address that needs no network.
pub fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png))
}

/// The page. `columns` hold one value a drawn sample, `pictures` are data URIs by sample.
///
/// # Errors
/// When the report cannot be written as JSON (a NaN in it would be a bug).
pub fn render(
    report: &RunReport,
    layers: &[PageLayer],
    columns: &[PageColumn],
    pictures: &BTreeMap<usize, String>,
) -> anyhow::Result<String> {
    let drawn = drawn_samples(report.samples);
    let recipe = report.recipe.as_ref().context("a run without patterns has no page")?;
    let hdbscan = &recipe.hdbscan;
    let page = Page {
        samples: report.samples,
        recipe: serde_json::json!({
            "sketch": recipe.sketch, "normalize": recipe.normalize, "metric": recipe.metric,
            "selection": hdbscan.selection, "min_cluster_size": hdbscan.min_cluster_size,
            "min_samples": hdbscan.min_samples.unwrap_or(hdbscan.min_cluster_size),
        }),
        label: &report.label,
        command: &report.command,
        made: made(report),
        drawn: &drawn,
        columns,
        layers: layers.iter().map(|layer| layer_json(layer, &drawn)).collect(),
        pictures,
    };
    // "<" could end the script element: JSON may write it as an escape.
    let json = serde_json::to_string(&page)?.replace('<', "\\u003c");
    Ok(include_str!("page/report.html")
        .replacen("/*STYLE*/", include_str!("page/report.css"), 1)
        .replacen("/*SCRIPT*/", include_str!("page/report.js"), 1)
        .replacen("/*DATA*/", &json, 1))
}

fn layer_json(layer: &PageLayer, drawn: &[usize]) -> serde_json::Value {
    let LayerReport { summary, patterns, projections, .. } = &layer.report;
    let [c, h, w] = summary.shape;
    let shape = if h * w == 1 { format!("{c}") } else { format!("{c} × {h} × {w}") };
    let round = |value: f64| (value * 1e4).round() / 1e4;
    serde_json::json!({
        "name": summary.name, "shape": shape, "dimensions": summary.dimensions,
        "samples": layer.labels.len(), "noise": summary.noise, "pattern_count": summary.patterns,
        "median_persistence": summary.median_persistence, "purity": summary.purity, "agreement": summary.agreement,
        "verdict": summary.verdict.as_ref().map(verdict_json),
        "patterns": &patterns[..patterns.len().min(PATTERNS)],
        "projections": projections.iter().map(|projection| projection_json(projection, drawn)).collect::<Vec<_>>(),
        "cluster": drawn.iter().map(|&i| layer.labels[i]).collect::<Vec<_>>(),
        "membership": drawn.iter().map(|&i| round(layer.membership[i])).collect::<Vec<_>>(),
        "outlier_score": drawn.iter().map(|&i| round(layer.outlier_score[i])).collect::<Vec<_>>(),
    })
}

fn verdict_json(verdict: &LayerVerdict) -> serde_json::Value {
    let told = |alignment: &ColumnAlignment| {
        let Alignment { column, knn, ridge, partial, .. } = &alignment.measured;
        serde_json::json!({
            "column": column, "knn": knn, "ridge": ridge, "p": alignment.p_value_adjusted,
            "partial": partial.as_ref().map(|partial| partial.knn.r2.max(partial.ridge.r2)),
        })
    };
    serde_json::json!({
        "verdict": verdict.verdict.to_string(), "reasons": verdict.reasons,
        "samples": verdict.evidence.samples, "drawn_from": verdict.evidence.drawn_from,
        "alignment": verdict.alignment.iter().map(told).collect::<Vec<_>>(),
    })
}

fn projection_json(projection: &Projection, drawn: &[usize]) -> serde_json::Value {
    let every = |values: &[f32]| drawn.iter().map(|&i| short(values[i])).collect::<Vec<_>>();
    serde_json::json!({
        "method": projection.method, "x": every(&projection.x), "y": every(&projection.y),
        "preservation": every(&projection.preservation), "mean_preservation": projection.mean_preservation,
        "explained": projection.explained, "parts": projection.parts,
    })
}

/// Four significant digits are enough for a dot.
fn short(value: f32) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(0.0)
}

fn made(report: &RunReport) -> Vec<(&'static str, String)> {
    let file = |facts: &crate::report::FileFacts| {
        format!("{} ({}, sha256 {})", facts.name, crate::terminal::bytes(facts.bytes), &facts.sha256[..16])
    };
    let mut made = Vec::new();
    if let Some(model) = &report.model {
        made.push(("Network", file(model)));
    }
    if let Some(engine) = &report.engine {
        made.push(("Engine", engine.clone()));
    }
    made.push(("Data", file(&report.data)));
    if let Some(calibration) = report.recipe.as_ref().and_then(|recipe| recipe.calibration) {
        made.push(("Calibration", format!("ranges of the channels from {calibration} samples")));
    }
    made.push(("napscope", report.napscope.clone()));
    made.push(("Fingerprint", report.fingerprint.clone()));
    made.extend(report.notes.iter().map(|note| ("Note", note.clone())));
    made
}
