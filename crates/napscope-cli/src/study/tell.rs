//! The report in words: every number is read off the findings, every sentence that judges is chosen by them.

use super::figure::{Series, by_layer};
use super::findings::{Comparison, FALSE_ALARM_RATE, Findings, Row};
use super::grid::{Grid, ORIGINAL};
use super::patterns::chosen_and_original;
use super::pictures::Set;
use crate::sweep::report::{Row as SweepRow, SweepReport};
use crate::terminal::thousands;
use std::fmt::Write;

/// Rows of the ranked table that are shown.
const TOP: usize = 25;

/// What the report is written from.
pub(super) struct Story<'a> {
    pub(super) grid: &'a Grid,
    pub(super) quick: bool,
    pub(super) command: &'a str,
    pub(super) sets: &'a [Set],
    pub(super) findings: &'a Findings,
    pub(super) patterns: &'a SweepReport,
    pub(super) engine: &'a str,
}

impl Story<'_> {
    /// README.md.
    pub(super) fn markdown(&self) -> String {
        let sections = [
            self.head(),
            self.in_short(),
            self.set_up(),
            self.refined(),
            self.best(),
            self.costs(),
            self.concepts(),
            self.limits(),
        ];
        sections.join("\n")
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
            "# Vision study: do refined patterns tell garments from what is none?\n\n\
             Written by `{}` ({size}); every number and every judging sentence below comes out of that command. The network and the shipped pictures \
             are described in [MODEL.md](MODEL.md). Engine: {}; napscope {}.\n",
            self.command,
            self.engine,
            env!("CARGO_PKG_VERSION")
        )
    }

    fn in_short(&self) -> String {
        let findings = self.findings;
        let mut text = "## In short\n\n".to_owned();
        let count = findings.chosen.len();
        let (better, worse) = tally(findings.chosen.iter().map(|found| found.difference.interval));
        let _ = writeln!(
            text,
            "- **Refined against original.** Chosen per layer by in-distribution data alone, features and detector beat the original's features with \
             k-NN on {better} of {count} layers and lose on {worse} (95 % intervals of the paired difference that exclude zero)."
        );
        let (better, worse) = tally(findings.features_alone.iter().map(|found| found.difference.interval));
        let _ = writeln!(
            text,
            "- **Features alone.** With k-NN for both, the chosen features (sketch, normalizer, metric) beat the original's on {better} of {count} layers \
             and lose on {worse}."
        );
        let (better, worse) = tally(findings.chosen.iter().map(|found| found.by_set[0].interval));
        let _ = writeln!(
            text,
            "- **On {} alone**, the only set that was not made for this study, the chosen recipe beats the original on {better} of {count} layers and loses on {worse}.",
            findings.outside[0]
        );
        if let Some(first) = findings.overall.first() {
            let _ = writeln!(
                text,
                "- **Layer and recipe chosen together:** {} on {}: {:.3} against {:.3} of the original on the layer that the same criterion chooses for it; {}.",
                first.recipe,
                first.layer,
                first.means[0],
                first.means[1],
                difference(first)
            );
        }
        if let Some(best) = findings.rows.first() {
            let _ = writeln!(
                text,
                "- **Best of all {} recipes, known only afterwards:** {} on {}, {:.3}.",
                thousands(findings.rows.len()),
                best.recipe(),
                best.layer,
                best.mean
            );
        }
        let (early, late) = halves(findings);
        let _ = writeln!(
            text,
            "- **Early and late layers.** The median recipe reaches {early:.3} in the first half of the layers and {late:.3} in the second: {}",
            if early > late {
                "early layers separate better, as the paper found in its receiver."
            } else {
                "late layers separate better. The paper found the opposite in its receiver."
            }
        );
        let _ = writeln!(text, "{}", self.mahalanobis());
        text
    }

    /// The paper's strongest single detector is a Gaussian on mean activations.
    fn mahalanobis(&self) -> String {
        let mut best: Vec<(f64, &str)> = Vec::new();
        for detector in self.grid.detectors {
            let rows: Vec<&Row> = self.findings.rows.iter().filter(|row| row.detector == *detector).collect();
            if rows.len() >= self.findings.layers.len() {
                best.push((median(rows.iter().map(|row| row.mean).collect()), detector));
            }
        }
        best.sort_by(|a, b| b.0.total_cmp(&a.0));
        let place = self.findings.rows.iter().position(|row| row.detector == "mahalanobis" && row.sketch == "mean");
        let list: Vec<String> = best.iter().take(3).map(|(value, name)| format!("{name} ({value:.3})")).collect();
        format!(
            "- **Detectors.** By the median over layers, sketches and normalizers: {}. The paper names Mahalanobis on mean activations as its strongest single \
             detector; here its best place is {} of {}.",
            list.join(", "),
            place.map_or("none".into(), |place| (place + 1).to_string()),
            thousands(self.findings.rows.len())
        )
    }

    fn set_up(&self) -> String {
        let mut text = "## What was done\n\n| set | pictures | what |\n|---|---|---|\n".to_owned();
        for set in self.sets {
            let _ = writeln!(text, "| {} | {} | {} |", set.name, set.rows.len(), set.meaning);
        }
        let list = |parts: &[&str]| parts.iter().map(|part| format!("`{part}`")).collect::<Vec<_>>().join(", ");
        let _ = write!(
            text,
            "\nNo garment is in two sets; what is made of garments is made of ones that are in no other set (`mixed` aside). Layers: {}. Sketches: {}. Normalizers: {}. Detectors: {}. That is {} recipes; {} \
             more cannot be (a metric between distributions needs a sketch that is one).\n\n\
             **Original**: the features of the original NAP (`mean`, `max_abs`) with k-NN (k = 10), and the original's own clustering as a detector.\n\n\
             **The choice** looks at in-distribution pictures alone. A recipe's criterion is the mean of two AUROCs on held-out pictures: against `mixed` pictures, \
             and against held-out samples whose channels come from different samples (each channel as usual, their dependence lost). The recipe with the highest one is chosen; \
             fresh pictures and the sets outside are looked at afterwards. Intervals and paired differences: DeLong, for the mean over the sets, which share their fresh pictures.\n",
            list(&self.findings.layers.iter().map(String::as_str).collect::<Vec<_>>()),
            list(self.grid.sketches),
            list(self.grid.normalizers),
            list(self.grid.detectors),
            thousands(self.findings.rows.len()),
            thousands(self.findings.impossible)
        );
        text
    }

    fn refined(&self) -> String {
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
        text.push_str("\n### Why these were chosen\n\nAUROC of held-out pictures against mixed and shuffled ones: all that the choice looks at.\n\n| layer | chosen | mixed | shuffled | original: mixed | shuffled |\n|---|---|---|---|---|---|\n");
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
        text.push_str("\n### One change at a time\n\nThe original features with k-NN, one thing changed; gain in mean AUROC, averaged over the layers.\n\n| changed | recipe | gain | layers better | layers worse | layers |\n|---|---|---|---|---|---|\n");
        for change in &findings.changes {
            let _ = writeln!(
                text,
                "| {} | {} | {:+.3} | {} | {} | {} |",
                change.what, change.to, change.gain, change.better, change.worse, change.layers
            );
        }
        text
    }

    fn best(&self) -> String {
        let findings = self.findings;
        let mut text = format!(
            "## Which layer, feature and detector\n\nThe {TOP} best of {} by mean AUROC over the sets outside (known only afterwards; `report.json` has all).\n\n| | layer | recipe | mean, 95 % | {} | criterion |\n|---|---|---|---|{}---|\n",
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
        text.push_str("\n| layer | original | chosen | best | median of all |\n|---|---|---|---|---|\n");
        for (layer, chosen) in findings.layers.iter().zip(&findings.chosen) {
            let means: Vec<f64> = findings.rows.iter().filter(|row| row.layer == *layer).map(|row| row.mean).collect();
            let [ours, original] = chosen.means;
            let best = means.first().copied().unwrap_or(f64::NAN);
            let _ = writeln!(text, "| {layer} | {original:.3} | {ours:.3} | {best:.3} | {:.3} |", median(means));
        }
        let mut rates: Vec<f64> = findings.rows.iter().map(|row| row.false_alarms).collect();
        rates.sort_unstable_by(f64::total_cmp);
        let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
        let at = |share: f64| 100.0 * rates[((rates.len() - 1) as f64 * share) as usize];
        let _ = writeln!(
            text,
            "\nFalse alarms at a stated {} %: {:.2} % of the fresh pictures on average over the recipes ({:.2} % to {:.2} % for nine in ten of them; each threshold is set by \
             {} held-out pictures, and recipes share them).",
            100.0 * FALSE_ALARM_RATE,
            100.0 * mean,
            at(0.05),
            at(0.95),
            self.grid.parts[1]
        );
        text
    }

    fn costs(&self) -> String {
        let later: usize = self.sets[1..].iter().map(|set| set.rows.len()).sum::<usize>() + self.grid.parts[1];
        let mut text = format!(
            "## What each refinement costs\n\nMilliseconds to learn from {} pictures and score {}, mean over layers and normalizers, and kilobytes that the features of the reference take. \
             Wall time of this run on a machine shared with other work: compare within the table.\n\n| sketch | columns | kB | {} |\n|---|---|---|{}\n",
            thousands(self.grid.parts[0]),
            thousands(later),
            self.grid.detectors.join(" | "),
            "---|".repeat(self.grid.detectors.len())
        );
        for (sketch, columns, seconds) in &self.findings.costs {
            let cells: Vec<String> = seconds.iter().map(|seconds| format!("{:.0}", 1e3 * seconds)).collect();
            let kilobytes = columns * 4.0 * self.grid.parts[0] as f64 / 1e3;
            let _ = writeln!(text, "| {sketch} | {columns:.0} | {kilobytes:.0} | {} |", cells.join(" | "));
        }
        text
    }

    fn concepts(&self) -> String {
        let mut text = format!(
            "## Are patterns concepts?\n\n{} garments, clustered by every sketch × normalizer × metric × selection × size of `napscope sweep`; the recipe of a layer is chosen by stability × \
             coverage (no labels), then both are held against the ten classes (adjusted mutual information, noise as a class of its own).\n\n\
             | layer | recipe | patterns | noise | stability | AMI | purity in patterns |\n|---|---|---|---|---|---|---|\n",
            thousands(self.patterns.samples)
        );
        let mut gains = Vec::new();
        for layer in &self.findings.layers {
            let Some([chosen, original]) = chosen_and_original(self.patterns, layer) else { continue };
            text.push_str(&pattern_line(layer, chosen, "chosen"));
            text.push_str(&pattern_line(layer, original, "original"));
            if let (Some(ours), Some(theirs)) = (agreement(chosen), agreement(original)) {
                gains.push((layer, ours, theirs));
            }
        }
        if let Some((layer, ours, theirs)) = gains.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
            let better = gains.iter().filter(|(_, ours, theirs)| ours > theirs).count();
            let _ = writeln!(
                text,
                "\nThe patterns that resemble the classes most are those of {layer} (AMI {ours:.2}, original {theirs:.2}). The chosen recipe is closer to the classes than the original on {better} of {} \
                 layers. Whether a layer holds concepts or a continuum is not judged here.",
                gains.len()
            );
        }
        text
    }

    fn limits(&self) -> String {
        format!(
            "## Limits\n\n- One network, one seed; {} garments to learn from. Garments and digits are small, grey and centred.\n\
             - Sets that are made by seed are as easy as their recipe; `digits` is the only one that somebody else collected.\n\
             - The choice knows `mixed` and shuffled samples. How far these resemble what will come from outside is not known beforehand: see the rank correlations.\n\
             - {} recipes were tried; the best of them is a maximum over many, and is shown as a ceiling, not as a result.\n\
             - Intervals tell how far other pictures would change a number, not other networks.\n",
            thousands(self.grid.parts[0]),
            thousands(self.findings.rows.len())
        )
    }
}

/// How many intervals lie above zero, and below.
fn tally(intervals: impl Iterator<Item = [f64; 2]> + Clone) -> (usize, usize) {
    (
        intervals.clone().filter(|interval| interval[0] > 0.0).count(),
        intervals.filter(|interval| interval[1] < 0.0).count(),
    )
}

fn difference(found: &Comparison) -> String {
    let [low, high] = found.difference.interval;
    format!("{:+.3} ({low:+.3} … {high:+.3})", found.difference.difference)
}

fn agreement(row: &SweepRow) -> Option<f64> {
    Some(row.scores.as_ref()?.agreement.as_ref()?.adjusted_mutual_information)
}

fn pattern_line(layer: &str, row: &SweepRow, which: &str) -> String {
    let Some(scores) = &row.scores else { return String::new() };
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let inside = scores.agreement.as_ref().and_then(|agreement| agreement.in_patterns.as_ref());
    format!(
        "| {layer} | {which}: {} + {} + {} + {} {} | {} | {:.0} % | {} | {} | {} |\n",
        row.sketch,
        row.normalize,
        row.metric,
        row.selection,
        row.min_cluster_size,
        scores.patterns,
        100.0 * (1.0 - scores.coverage),
        number(scores.stability.map(|stability| stability.mean)),
        number(agreement(row)),
        number(inside.map(|inside| inside.purity))
    )
}

/// The median recipe's mean AUROC in the first and in the second half of the layers.
fn halves(findings: &Findings) -> (f64, f64) {
    let middle = findings.layers.len().div_ceil(2);
    let of = |layers: &[String]| {
        median(findings.rows.iter().filter(|row| layers.contains(&row.layer)).map(|row| row.mean).collect())
    };
    (of(&findings.layers[..middle]), of(&findings.layers[middle..]))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
