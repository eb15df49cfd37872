//! What the page is told of runs, columns, layers and samples.

use super::clustering::{Wanted, find};
use super::layer::Layer;
use super::refusal::Refusal;
use super::run::Run;
use crate::data::{Column, ColumnValues};
use crate::page::PageValues;
use crate::table::page_column;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Samples that a search names at most.
const FOUND: usize = 200;

/// A run in full: its report, and what its columns are.
pub(super) fn run(run: &Run) -> Value {
    let columns: Vec<Value> = run
        .columns
        .iter()
        .map(|column| match kind(column, run.samples()) {
            Kind::Number(_) => json!({ "name": column.name, "kind": "number" }),
            Kind::Words(words, _) => json!({ "name": column.name, "kind": "category", "words": words }),
            Kind::Text => json!({ "name": column.name, "kind": "text" }),
        })
        .collect();
    json!({ "name": run.name, "report": run.json, "columns": columns, "pictures": run.pictures.is_some() })
}

/// What detectors made of other data: every evaluation in the run folder with its name.
pub(super) fn evaluations(run: &Run) -> Result<Value, Refusal> {
    let told = |(name, evaluation)| json!({ "name": name, "evaluation": evaluation });
    Ok(run.evaluations()?.into_iter().map(told).collect())
}

/// What a column is to the page.
enum Kind {
    /// Numbers on a scale; NaN is missing.
    Number(Vec<f32>),
    /// Some words, the commonest first, and which one each sample bears; `u16::MAX` is missing.
    Words(Vec<String>, Vec<u16>),
    /// As good as every sample has another one.
    Text,
}

fn kind(column: &Column, samples: usize) -> Kind {
    let all: Vec<usize> = (0..samples).collect();
    match page_column(column, &all).map(|column| column.values) {
        Some(PageValues::Number(values)) => {
            Kind::Number(values.into_iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect())
        }
        Some(PageValues::Category(values)) => words(&values, matches!(column.values, ColumnValues::Text(_))),
        None => Kind::Text,
    }
}

fn words(values: &[Option<String>], by_count: bool) -> Kind {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    values.iter().flatten().for_each(|word| *counts.entry(word).or_default() += 1);
    let mut words: Vec<&str> = counts.keys().copied().collect();
    match by_count {
        true => words.sort_by_key(|word| (std::cmp::Reverse(counts[word]), *word)),
        // Whole numbers and truth values, by value.
        false => words.sort_by(|x, y| number(x).total_cmp(&number(y)).then(x.cmp(y))),
    }
    let place: HashMap<&str, u16> = words.iter().enumerate().map(|(at, word)| (*word, at as u16)).collect();
    let codes = values.iter().map(|word| word.as_deref().map_or(u16::MAX, |word| place[word])).collect();
    Kind::Words(words.into_iter().map(str::to_owned).collect(), codes)
}

fn number(word: &str) -> f64 {
    word.parse().unwrap_or(f64::INFINITY)
}

/// The values of a column, f32 or u16 a sample.
pub(super) fn column(run: &Run, at: usize) -> Result<Vec<u8>, Refusal> {
    let column = run.columns.get(at).ok_or_else(|| Refusal::missing("column"))?;
    match kind(column, run.samples()) {
        Kind::Number(values) => Ok(values.into_iter().flat_map(f32::to_le_bytes).collect()),
        Kind::Words(_, codes) => Ok(codes.into_iter().flat_map(u16::to_le_bytes).collect()),
        Kind::Text => Err(Refusal::new(StatusCode::NOT_FOUND, "the column is told sample by sample only")),
    }
}

/// A layer's report without what is long: coordinates and tree come apart. What verdicts and detectors may have added to
/// the summary in `report.json` goes with the run.
pub(super) fn layer(layer: &Layer) -> Value {
    let projections: Vec<Value> = layer
        .report
        .projections
        .iter()
        .map(|projection| {
            json!({
                "method": projection.method, "mean_preservation": projection.mean_preservation,
                "explained": projection.explained, "eigenvalues": projection.eigenvalues, "parts": projection.parts,
            })
        })
        .collect();
    json!({ "summary": layer.report.summary, "patterns": layer.report.patterns, "projections": projections })
}

/// x, y and the share of neighbors that is kept, f32 a sample each.
pub(super) fn projection(layer: &Layer, at: usize) -> Result<Vec<u8>, Refusal> {
    let projection = layer.report.projections.get(at).ok_or_else(|| Refusal::missing("projection"))?;
    let parts = [&projection.x, &projection.y, &projection.preservation];
    Ok(parts.into_iter().flatten().flat_map(|value| value.to_le_bytes()).collect())
}

/// One column of a layer's features, f32 a sample: to colour by, and to find the samples that move a channel most.
pub(super) fn feature(run: &Run, layer: usize, column: usize) -> Result<Vec<u8>, Refusal> {
    let embedded = run.embedded(layer)?;
    let features = &embedded.features;
    if column >= features.columns().len() {
        return Err(Refusal::missing("column of features"));
    }
    Ok((0..features.samples()).flat_map(|sample| features.row(sample)[column].to_le_bytes()).collect())
}

/// Everything that the data says of a sample.
pub(super) fn sample(run: &Run, sample: usize) -> Result<Value, Refusal> {
    check_sample(run, sample)?;
    let values: Vec<Value> =
        run.columns.iter().map(|column| json!([column.name, column.text(sample).as_deref()])).collect();
    Ok(json!({ "sample": sample, "values": values }))
}

/// Who is near a sample in a layer, and how it stands to the patterns that `wanted` asks for.
pub(super) fn neighbors(run: &Run, at: usize, sample: usize, k: usize, wanted: &Wanted) -> Result<Value, Refusal> {
    check_sample(run, sample)?;
    let layer = run.layer(at)?;
    let found = find(&layer, run.recipe()?, wanted)?;
    let (neighbors, in_pattern) = run.embedded(at)?.near(sample, k, &found.clustering);
    Ok(json!({
        "neighbors": neighbors, "nearest_in_pattern": in_pattern, "pattern": found.clustering.labels[sample],
        "membership": found.clustering.membership[sample], "outlier_score": found.clustering.outlier_score[sample],
    }))
}

/// Which patterns of those that `wanted` asks for noise lies next to.
pub(super) fn noise(run: &Run, at: usize, wanted: &Wanted) -> Result<Value, Refusal> {
    let layer = run.layer(at)?;
    let found = find(&layer, run.recipe()?, wanted)?;
    let (samples, patterns) = run.embedded(at)?.around_noise(&found.clustering);
    Ok(json!({ "samples": samples, "patterns": patterns }))
}

/// The samples whose number is `query`, or in one of whose texts it stands.
pub(super) fn search(run: &Run, query: &str) -> Value {
    let query = query.trim().to_lowercase();
    let number: Option<usize> = query.parse().ok().filter(|sample| *sample < run.samples());
    let texts: Vec<&Column> = run.columns.iter().filter(|column| !column.is_numeric()).collect();
    let bears = |sample: usize| {
        texts.iter().any(|column| column.text(sample).is_some_and(|text| text.to_lowercase().contains(&query)))
    };
    let named = |sample: &usize| Some(*sample) == number || !query.is_empty() && bears(*sample);
    let mut total = 0;
    let mut samples: Vec<usize> = number.into_iter().collect();
    for sample in (0..run.samples()).filter(named) {
        total += 1;
        if samples.len() < FOUND && Some(sample) != number {
            samples.push(sample);
        }
    }
    json!({ "samples": samples, "total": total })
}

pub(super) fn check_sample(run: &Run, sample: usize) -> Result<(), Refusal> {
    if sample < run.samples() { Ok(()) } else { Err(Refusal::missing("sample")) }
}
