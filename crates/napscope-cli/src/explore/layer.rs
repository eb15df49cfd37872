//! One layer of a run as the explorer holds it: its report and what every sample is in it, checked against each other.
//!
//! A run folder may be cut short, or made by somebody who means harm: behind this door every number that stands for a sample
//! or a cluster is one, and every column has a value a sample.

use crate::data::{Column, ColumnValues, parquet_table};
use crate::report::LayerReport;
use anyhow::{Context, ensure};
use napscope::cluster::{ClusterId, Clustering, CondensedTree};
use std::path::Path;

/// A layer's report larger than this is not read: 100 bytes a sample, at ten million samples.
const LARGEST: u64 = 1 << 30;

/// One layer.
pub(super) struct Layer {
    pub(super) report: LayerReport,
    /// The patterns that the run has found.
    pub(super) clustering: Clustering,
}

impl Layer {
    /// Reads `layers/FILE.json` and the rows of the layer, the `at`-th of the run, in `samples.parquet`.
    pub(super) fn read(json: &Path, table: &Path, at: usize, samples: usize) -> anyhow::Result<Layer> {
        let size = std::fs::metadata(json).with_context(|| format!("cannot read {}", json.display()))?.len();
        ensure!(size <= LARGEST, "{} is larger than {LARGEST} bytes", json.display());
        let bytes = std::fs::read(json).with_context(|| format!("cannot read {}", json.display()))?;
        let report: LayerReport = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is cut short, or not what napscope writes", json.display()))?;
        check(&report, samples).with_context(|| json.display().to_string())?;
        let own = ["cluster", "membership", "outlier_score"];
        let rows = at * samples..(at + 1) * samples;
        let (columns, _) = parquet_table::read_part(table, rows, &|name| own.contains(&name))
            .with_context(|| table.display().to_string())?;
        let clustering = clustering(&columns, &report, samples).with_context(|| table.display().to_string())?;
        Ok(Layer { report, clustering })
    }

    /// The bytes that it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        let samples = self.clustering.labels.len() as u64;
        let tree = 24 * self.report.condensed_tree.rows().len() as u64;
        samples * (8 + 8 + 8) + tree + samples * 12 * self.report.projections.len() as u64
    }
}

fn check(report: &LayerReport, samples: usize) -> anyhow::Result<()> {
    ensure!(
        report.condensed_tree.samples() == samples,
        "its tree is of {} samples, the run has {samples}",
        report.condensed_tree.samples()
    );
    check_tree(&report.condensed_tree)?;
    for projection in &report.projections {
        let lengths = [projection.x.len(), projection.y.len(), projection.preservation.len()];
        ensure!(lengths == [samples; 3], "projection {} is not of {samples} samples", projection.method);
    }
    let clusters = report.condensed_tree.rows().len() + 1 - samples;
    let is_cluster = |node: &u32| (*node as usize).checked_sub(samples).is_some_and(|at| at < clusters);
    ensure!(report.pattern_nodes.iter().all(is_cluster), "a pattern is no cluster of the tree");
    ensure!(report.pattern_nodes.len() == report.patterns.len(), "patterns and their clusters differ in number");
    for (at, pattern) in report.patterns.iter().enumerate() {
        ensure!(pattern.id as usize == at, "pattern {at} calls itself {}", pattern.id);
        let mut named = pattern.typical.iter().chain(&pattern.least_typical);
        ensure!(named.all(|sample| *sample < samples), "pattern {at} names a sample that is none");
    }
    Ok(())
}

/// Sizes add up, and a cluster that splits does so at its end, into two at least.
fn check_tree(tree: &CondensedTree) -> anyhow::Result<()> {
    let samples = tree.samples();
    let mut sizes = vec![samples; tree.rows().len() + 1 - samples];
    for row in tree.rows().iter().filter(|row| row.child as usize >= samples) {
        sizes[row.child as usize - samples] = row.child_size as usize;
    }
    let mut told = vec![false; sizes.len()];
    for rows in tree.rows().chunk_by(|x, y| x.parent == y.parent) {
        let cluster = rows[0].parent as usize - samples;
        told[cluster] = true;
        let total: usize = rows.iter().map(|row| row.child_size as usize).sum();
        ensure!(
            total == sizes[cluster],
            "cluster {} of the tree has {} samples, {total} leave it",
            rows[0].parent,
            sizes[cluster]
        );
        let parts: Vec<_> = rows.iter().filter(|row| row.child as usize >= samples).collect();
        let last = rows.last().map_or(0.0, |row| row.lambda);
        let sound = parts.len() != 1 && parts.iter().all(|part| part.lambda == last);
        ensure!(sound, "cluster {} of the tree splits before its end", rows[0].parent);
        let single = rows.iter().all(|row| row.child as usize >= samples || row.child_size == 1);
        ensure!(single, "a sample of the tree counts more than once");
    }
    ensure!(told.iter().all(|told| *told), "a cluster of the tree holds nothing");
    Ok(())
}

fn clustering(columns: &[Column], report: &LayerReport, samples: usize) -> anyhow::Result<Clustering> {
    let column = |name: &str| {
        let found = columns.iter().find(|column| column.name == name && column.len() == samples);
        found.with_context(|| format!("column `{name}` has no value for each of {samples} samples"))
    };
    let ColumnValues::Int(clusters) = &column("cluster")?.values else {
        anyhow::bail!("column `cluster` holds no integers")
    };
    let patterns = report.patterns.len();
    let label = |cluster: &Option<i64>| match cluster {
        Some(-1) => Ok(None),
        Some(id) if (0..patterns as i64).contains(id) => Ok(Some(ClusterId(*id as u32))),
        other => anyhow::bail!("a sample is in pattern {other:?}, and there are {patterns}"),
    };
    let share = |name: &str| -> anyhow::Result<Vec<f64>> {
        let column = column(name)?;
        Ok((0..samples).map(|sample| column.number(sample).unwrap_or(0.0)).collect())
    };
    Ok(Clustering {
        labels: clusters.iter().map(label).collect::<anyhow::Result<_>>()?,
        membership: share("membership")?,
        outlier_score: share("outlier_score")?,
        persistence: report.patterns.iter().map(|pattern| pattern.persistence).collect(),
        exemplars: Vec::new(),
        nodes: report.pattern_nodes.clone(),
    })
}
