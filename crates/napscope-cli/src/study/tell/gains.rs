//! What separates: the choice against the original, one change at a time, the ranked table, and what recipes cost.

use super::{Story, changes, difference, median};
use crate::study::findings::FALSE_ALARM_RATE;
use crate::terminal::thousands;
use std::fmt::Write;

/// Rows of the ranked table that are shown.
const TOP: usize = 25;

impl Story<'_> {
    pub(super) fn refined(&self) -> String {
        let findings = self.findings;
        let mut text = "## Refined against original, paired\n\n![AUROC by layer](auroc.svg)\n".to_owned();
        let sections = [
            ("Features and detector chosen", &findings.chosen),
            ("Features chosen, k-NN for both", &findings.features_alone),
            ("Beyond one layer", &findings.overall),
        ];
        for (title, comparisons) in sections {
            let beyond = title == "Beyond one layer";
            let first = if beyond { "what" } else { "layer" };
            let _ = writeln!(
                text,
                "\n### {title}\n\n| {first} | recipe | mean AUROC | original | difference, 95 % | {} |",
                findings.outside.join(" | ")
            );
            let _ = writeln!(text, "|---|---|---|---|---|{}", "---|".repeat(findings.outside.len()));
            for found in comparisons {
                let sets: Vec<String> = found.by_set.iter().map(|set| format!("{:+.3}", set.difference)).collect();
                let (name, recipe) = match beyond {
                    true => (&found.what, format!("{} on {}, against {}", found.recipe, found.layer, found.against)),
                    false => (&found.layer, found.recipe.clone()),
                };
                let [ours, theirs] = found.means;
                let _ = writeln!(
                    text,
                    "| {name} | {recipe} | {ours:.3} | {theirs:.3} | {} | {} |",
                    difference(found),
                    sets.join(" | ")
                );
            }
        }
        text.push_str(&self.why_chosen());
        text.push_str("\n### One change at a time\n\nThe original features with k-NN, one thing changed; gain in mean AUROC, and of each set, averaged over the layers.\n\n");
        text.push_str(&self.head_of_changes());
        text.push_str(&changes(&findings.changes));
        text
    }

    fn why_chosen(&self) -> String {
        let findings = self.findings;
        let samples = self.words.samples;
        let mut text = format!(
            "\n### Why these were chosen\n\nAUROC of held-out {samples} against mixed and shuffled ones: all that the choice looks at.\n\n| layer | chosen | mixed | shuffled | original: mixed | shuffled |\n|---|---|---|---|---|---|\n"
        );
        for found in &findings.chosen {
            let [[mixed, shuffled], [mixed_before, shuffled_before]] = found.seen;
            let (layer, recipe) = (&found.layer, &found.recipe);
            let _ = writeln!(
                text,
                "| {layer} | {recipe} | {mixed:.3} | {shuffled:.3} | {mixed_before:.3} | {shuffled_before:.3} |"
            );
        }
        let foresight: Vec<String> = findings.foresight.iter().map(|rank| format!("{rank:.2}")).collect();
        let _ = writeln!(
            text,
            "\nHow far the criterion foresees the mean AUROC: rank correlation over the recipes of each layer, early to late: {}.",
            foresight.join(", ")
        );
        text
    }

    fn head_of_changes(&self) -> String {
        let outside = &self.findings.outside;
        format!(
            "| changed | recipe | gain | layers better | layers worse | layers | {} |\n|---|---|---|---|---|---|{}\n",
            outside.join(" | "),
            "---|".repeat(outside.len())
        )
    }

    /// What detectors gain that know a covariate.
    pub(super) fn conditioned(&self) -> String {
        if self.findings.conditioned.is_empty() {
            return String::new();
        }
        format!(
            "## Does it help to know the SNR?\n\nDetectors of the original's features that know the SNR of every {} they learn from, against the same detector without it. *Known*: the true SNR of later \
             samples, too, which no receiver has; *estimated*: from their features, by their nearest neighbors in the reference; *of the reference alone*: later samples need none. \
             Gains in AUROC, averaged over the layers.\n\n{}{}",
            self.words.samples.trim_end_matches('s'),
            self.head_of_changes(),
            changes(&self.findings.conditioned)
        )
    }

    pub(super) fn best(&self) -> String {
        let findings = self.findings;
        let mut text = format!(
            "## Which layer, feature and detector\n\nThe {} best of {} by mean AUROC over the sets outside (known only afterwards; the study's `report.json` has all).\n\n| | layer | recipe | mean, 95 % | {} | criterion |\n|---|---|---|---|{}---|\n",
            TOP.min(findings.rows.len()),
            thousands(findings.rows.len()),
            findings.outside.join(" | "),
            "---|".repeat(findings.outside.len())
        );
        for (place, row) in findings.rows.iter().take(TOP).enumerate() {
            let sets: Vec<String> = row.auroc.iter().map(|auroc| format!("{auroc:.3}")).collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.3} ({:.3} … {:.3}) | {} | {:.3} |",
                place + 1,
                row.layer,
                row.recipe(),
                row.mean,
                row.interval[0],
                row.interval[1],
                sets.join(" | "),
                row.criterion()
            );
        }
        text.push_str(&self.by_layer());
        text.push_str(&self.by_detector());
        text.push_str(&self.false_alarms());
        text
    }

    fn by_layer(&self) -> String {
        let findings = self.findings;
        let mut text = format!(
            "\n| layer | original | chosen | best | median of all | best, {} |\n|---|---|---|---|---|{}\n",
            findings.outside.join(" | best, "),
            "---|".repeat(findings.outside.len())
        );
        for (layer, chosen) in findings.layers.iter().zip(&findings.chosen) {
            let rows: Vec<_> = findings.rows.iter().filter(|row| row.layer == *layer).collect();
            let means: Vec<f64> = rows.iter().map(|row| row.mean).collect();
            let [ours, original] = chosen.means;
            let best = means.first().copied().unwrap_or(f64::NAN);
            let of_set = |set: usize| rows.iter().map(|row| row.auroc[set]).fold(0.0, f64::max);
            let sets: Vec<String> = (0..findings.outside.len()).map(|set| format!("{:.3}", of_set(set))).collect();
            let median = median(&means);
            let _ = writeln!(
                text,
                "| {layer} | {original:.3} | {ours:.3} | {best:.3} | {median:.3} | {} |",
                sets.join(" | ")
            );
        }
        text
    }

    /// Medians over layers, sketches and normalizers.
    fn by_detector(&self) -> String {
        let findings = self.findings;
        let mut text = format!(
            "\nMedian AUROC of each detector over layers, sketches and normalizers:\n\n| detector | recipes | mean | {} |\n|---|---|---|{}\n",
            findings.outside.join(" | "),
            "---|".repeat(findings.outside.len())
        );
        for detector in self.grid.detectors {
            let rows: Vec<_> = findings.rows.iter().filter(|row| row.detector == *detector).collect();
            let sets = (0..findings.outside.len())
                .map(|set| median(&rows.iter().map(|row| row.auroc[set]).collect::<Vec<_>>()));
            let sets: Vec<String> = sets.map(|auroc| format!("{auroc:.3}")).collect();
            let mean = median(&rows.iter().map(|row| row.mean).collect::<Vec<_>>());
            let _ = writeln!(text, "| {detector} | {} | {mean:.3} | {} |", rows.len(), sets.join(" | "));
        }
        text
    }

    fn false_alarms(&self) -> String {
        let mut rates: Vec<f64> = self.findings.rows.iter().map(|row| row.false_alarms).collect();
        rates.sort_unstable_by(f64::total_cmp);
        let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
        let at = |share: f64| 100.0 * rates[((rates.len() - 1) as f64 * share) as usize];
        let samples = self.words.samples;
        format!(
            "\nFalse alarms at a stated {} %: {:.2} % of the fresh {samples} on average over the recipes ({:.2} % to {:.2} % for nine in ten of them; each threshold is set by \
             {} held-out {samples}, and recipes share them).\n",
            100.0 * FALSE_ALARM_RATE,
            100.0 * mean,
            at(0.05),
            at(0.95),
            thousands(self.grid.parts[1])
        )
    }

    pub(super) fn costs(&self) -> String {
        let later = self.sets[1..].iter().map(|set| set.rows.len()).sum::<usize>() + self.grid.parts[1];
        let all = self.sets.iter().map(|set| set.rows.len()).sum::<usize>();
        let samples = self.words.samples;
        let mut text = format!(
            "## What each refinement costs\n\nOf a layer, mean over layers and normalizers: milliseconds (of all threads) that a sketch took for all {} {samples}; kilobytes that the features of the reference take, \
             which is what a fitted k-NN keeps; and milliseconds to learn from {} {samples} + to score {}. Wall time of this run on a machine shared with other work: compare within the table. \
             A recipe that cannot be shows what its refusal took.\n\n| sketch | columns | ms | kB | {} |\n|---|---|---|---|{}\n",
            thousands(all),
            thousands(self.grid.parts[0]),
            thousands(later),
            self.grid.detectors.join(" | "),
            "---|".repeat(self.grid.detectors.len())
        );
        for cost in &self.findings.costs {
            let cell = |[fit, score]: &[f64; 2]| format!("{:.0} + {:.0}", 1e3 * fit, 1e3 * score);
            let cells: Vec<String> = cost.detectors.iter().map(cell).collect();
            let kilobytes = cost.columns * 4.0 * self.grid.parts[0] as f64 / 1e3;
            let _ = writeln!(
                text,
                "| {} | {:.0} | {:.0} | {kilobytes:.0} | {} |",
                cost.sketch,
                cost.columns,
                1e3 * cost.seconds,
                cells.join(" | ")
            );
        }
        text
    }
}
