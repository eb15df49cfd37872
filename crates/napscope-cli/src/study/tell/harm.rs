//! Is what is seen what harms? Bit errors of the network on each set beside how well the set is told from fresh slots.

use super::{Story, median};
use napscope::evaluate::spearman;
use std::fmt::Write;

/// A set outside: the network's bit error rate there, and AUROCs.
struct Seen {
    set: &'static str,
    rate: Option<f64>,
    median: f64,
    best: f64,
}

impl Story<'_> {
    fn seen(&self) -> Vec<Seen> {
        let of_set = |(number, set): (usize, &&'static str)| {
            let all: Vec<f64> = self.findings.rows.iter().map(|row| row.auroc[number]).collect();
            let best = all.iter().copied().fold(0.0, f64::max);
            Seen { set, rate: self.rate(set), median: median(&all), best }
        };
        self.findings.outside.iter().enumerate().map(of_set).collect()
    }

    /// The network's bit error rate on a set.
    pub(in crate::study) fn rate(&self, set: &str) -> Option<f64> {
        self.errors.iter().find(|errors| errors.set == set)?.rates.last()?.1
    }

    /// The network's bit error rate in distribution, and the rank correlation over the sets of its bit errors and the median AUROC.
    fn agreement(&self) -> Option<(f64, f64, usize)> {
        let usual = self.errors.first()?.rates.last()?.1?;
        let (rates, medians): (Vec<f64>, Vec<f64>) =
            self.seen().iter().filter_map(|seen| Some((seen.rate?, seen.median))).unzip();
        Some((usual, spearman(&rates, &medians).ok()?, rates.len()))
    }

    pub(super) fn harm_in_short(&self) -> Option<String> {
        let (_, correlation, sets) = self.agreement()?;
        Some(format!(
            "**Is what is seen what harms?** Rank correlation over {sets} sets of the network's bit error rate and the median recipe's AUROC: {correlation:.2}."
        ))
    }

    pub(super) fn harm(&self) -> String {
        let Some((usual, correlation, sets)) = self.agreement() else { return String::new() };
        let samples = self.words.samples;
        let mut text = format!(
            "## Is what is seen what harms?\n\nThe network's bit error rate on each set (in distribution: {usual:.4}), and how well recipes tell the set from fresh {samples}. An AUROC below 0.5 says \
             that its {samples} look more usual than fresh ones do.\n\n| set | bit error rate | times that in distribution | AUROC, median recipe | best recipe (known only afterwards) |\n|---|---|---|---|---|\n"
        );
        for Seen { set, rate, median, best } in self.seen() {
            let number =
                |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
            let times = number(rate.map(|rate| rate / usual), 1);
            let _ = writeln!(text, "| {set} | {} | {times} | {median:.3} | {best:.3} |", number(rate, 4));
        }
        let _ = writeln!(
            text,
            "\nRank correlation of bit error rate and median AUROC over the {sets} sets: {correlation:.2}."
        );
        text
    }
}
