//! The report in words: every number is read off the findings, every sentence that judges is chosen by them.

mod gains;
mod harm;
mod known;
mod short;

use super::errors::SetErrors;
use super::figure::{Series, by_layer};
use super::findings::{Change, Comparison, Findings, Row};
use super::grid::{Grid, ORIGINAL};
use super::layers::Layers;
use super::sets::Set;
use crate::sweep::report::SweepReport;
use crate::terminal::thousands;
use std::fmt::Write;

/// What the report of one study says in words of its own.
pub(super) struct Words {
    pub(super) title: &'static str,
    /// Where the network and its data are described.
    pub(super) about: &'static str,
    /// What samples are called.
    pub(super) samples: &'static str,
    /// What is said of the sets besides their table.
    pub(super) sets: &'static str,
    /// Sentences in short that this study alone has.
    pub(super) short: fn(&Story<'_>) -> Vec<String>,
    pub(super) limits: &'static [&'static str],
}

/// What the report is written from.
pub(super) struct Story<'a> {
    pub(super) words: &'a Words,
    pub(super) grid: &'a Grid,
    pub(super) quick: bool,
    pub(super) command: &'a str,
    pub(super) sets: &'a [Set],
    pub(super) findings: &'a Findings,
    pub(super) layers: &'a Layers,
    pub(super) errors: &'a [SetErrors],
    pub(super) patterns: Option<&'a SweepReport>,
    pub(super) engine: &'a str,
}

impl Story<'_> {
    /// README.md.
    pub(super) fn markdown(&self) -> String {
        let sections = [
            self.head(),
            self.in_short(),
            self.set_up(),
            self.verdicts(),
            self.knowledge(),
            self.refined(),
            self.conditioned(),
            self.harm(),
            self.best(),
            self.costs(),
            self.concepts(),
            self.limits(),
        ];
        sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// auroc.svg.
    pub(super) fn figure(&self) -> String {
        let findings = self.findings;
        let of = |row: &Row| [row.mean, row.interval[0], row.interval[1]];
        let find = |layer: &String, test: &dyn Fn(&Row) -> bool| {
            findings.rows.iter().find(|row| row.layer == *layer && test(row)).map(of)
        };
        let by = |test: &dyn Fn(&String, &Row) -> bool| -> Vec<[f64; 3]> {
            findings.layers.iter().filter_map(|layer| find(layer, &|row| test(layer, row))).collect()
        };
        let recipe_of = |comparisons: &[Comparison], layer: &String| {
            comparisons.iter().find(|found| found.layer == *layer).map(|found| found.recipe.clone())
        };
        let series = [
            Series { name: "original NAP features, k-NN", points: by(&|_, row| row.recipe() == ORIGINAL.join(" + ")) },
            Series {
                name: "chosen without labels or outsiders",
                points: by(&|layer, row| recipe_of(&findings.chosen, layer) == Some(row.recipe())),
            },
            Series { name: "best of all (known only afterwards)", points: by(&|_, _| true) },
        ];
        by_layer("Mean AUROC over the sets outside, by layer (95 % intervals)", &findings.layers, &series)
    }

    fn head(&self) -> String {
        let size = if self.quick { "quick form" } else { "full form" };
        format!(
            "# {}\n\nWritten by `{}` ({size}); every number and every judging sentence below comes out of that command. {} Engine: {}; napscope {}.\n",
            self.words.title,
            self.command,
            self.words.about,
            self.engine,
            env!("CARGO_PKG_VERSION")
        )
    }

    fn set_up(&self) -> String {
        let samples = self.words.samples;
        let mut text = format!("## What was done\n\n| set | {samples} | what |\n|---|---|---|\n");
        for set in self.sets {
            let _ = writeln!(text, "| {} | {} | {} |", set.name, set.rows.len(), set.meaning);
        }
        let list = |parts: &[&str]| parts.iter().map(|part| format!("`{part}`")).collect::<Vec<_>>().join(", ");
        let _ = write!(
            text,
            "\n{} Layers: {}. Sketches: {}. Normalizers: {}. Detectors: {}. That is {} recipes; {} more cannot be (a metric between distributions needs \
             a sketch that is one).\n\n\
             **Original**: the features of the original NAP (`mean`, `max_abs`) with k-NN (k = 10), and the original's own clustering as a detector.\n\n\
             **The choice** looks at in-distribution {samples} alone. A recipe's criterion is the mean of two AUROCs on held-out {samples}: against `mixed` ones, \
             and against held-out samples whose channels come from different samples (each channel as usual, their dependence lost). The recipe with the highest one is chosen; \
             fresh {samples} and the sets outside are looked at afterwards. Intervals and paired differences: DeLong, for the mean over the sets, which share their fresh {samples}.\n",
            self.words.sets,
            list(&self.findings.layers.iter().map(String::as_str).collect::<Vec<_>>()),
            list(self.grid.sketches),
            list(self.grid.normalizers),
            list(self.grid.detectors),
            thousands(self.findings.rows.len()),
            thousands(self.findings.impossible)
        );
        text.push_str(&self.receivers());
        text
    }

    /// How receivers do on each set.
    fn receivers(&self) -> String {
        let Some(first) = self.errors.first() else { return String::new() };
        let names: Vec<&str> = first.rates.iter().map(|(name, _)| name.as_str()).collect();
        let mut text = format!(
            "\nWhat the sets do to receivers: bit error rates before decoding on {} slots of each (QPSK and 16-QAM together, no intervals: read them as rough). `receiver` is the \
             network; the others are classical.\n\n| set | {} |\n|---|{}\n",
            first.slots,
            names.join(" | "),
            "---|".repeat(names.len())
        );
        for SetErrors { set, rates, .. } in self.errors {
            let cell = |(_, rate): &(String, Option<f64>)| rate.map_or("–".to_owned(), |rate| format!("{rate:.4}"));
            let _ = writeln!(text, "| {set} | {} |", rates.iter().map(cell).collect::<Vec<_>>().join(" | "));
        }
        text
    }

    fn limits(&self) -> String {
        let samples = self.words.samples;
        let mut text =
            format!("## Limits\n\n- One network, one seed; {} {samples} to learn from.", thousands(self.grid.parts[0]));
        self.words.limits.iter().for_each(|limit| text.push_str(&format!("\n- {limit}")));
        let _ = write!(
            text,
            "\n- The choice knows `mixed` and shuffled samples. How far these resemble what will come from outside is not known beforehand: see the rank correlations.\n\
             - {} recipes were tried; the best of them is a maximum over many, and is shown as a ceiling, not as a result.\n\
             - Intervals tell how far other {samples} would change a number, not other networks.\n",
            thousands(self.findings.rows.len())
        );
        text
    }
}

/// The lines of a table of changes.
fn changes(changes: &[Change]) -> String {
    let line = |change: &Change| {
        let sets: Vec<String> = change.by_set.iter().map(|gain| format!("{gain:+.3}")).collect();
        let Change { what, to, gain, better, worse, layers, .. } = change;
        format!("| {what} | {to} | {gain:+.3} | {better} | {worse} | {layers} | {} |\n", sets.join(" | "))
    };
    changes.iter().map(line).collect()
}

/// How many intervals lie above zero, and below.
pub(super) fn tally(intervals: impl Iterator<Item = [f64; 2]> + Clone) -> (usize, usize) {
    (
        intervals.clone().filter(|interval| interval[0] > 0.0).count(),
        intervals.filter(|interval| interval[1] < 0.0).count(),
    )
}

fn difference(found: &Comparison) -> String {
    let [low, high] = found.difference.interval;
    format!("{:+.3} ({low:+.3} … {high:+.3})", found.difference.difference)
}

pub(super) fn median(values: &[f64]) -> f64 {
    crate::patterns::median(values).unwrap_or(f64::NAN)
}
