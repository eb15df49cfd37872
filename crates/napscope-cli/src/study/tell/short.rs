//! In short: the answers, a sentence each.

use super::known::SIGNIFICANT;
use super::{Story, difference, median, tally};
use crate::report::ColumnAlignment;
use crate::study::findings::{Change, Findings, Row};
use crate::study::layers::JudgedLayer;
use crate::terminal::thousands;

/// AUROCs less apart than this are not told apart.
const ALIKE: f64 = 0.01;

impl Story<'_> {
    pub(super) fn in_short(&self) -> String {
        let mut sentences = vec![self.verdicts_in_short()];
        sentences.extend(self.known_in_short());
        sentences.extend(self.refined_in_short());
        sentences.extend((self.words.short)(self));
        sentences.extend(self.harm_in_short());
        sentences.push(self.early_and_late());
        sentences.push(self.mahalanobis());
        sentences.extend(self.helpers());
        format!("## In short\n\n{}\n", sentences.iter().map(|text| format!("- {text}")).collect::<Vec<_>>().join("\n"))
    }

    fn verdicts_in_short(&self) -> String {
        let of_recipe = |recipe: &[&str; 3]| {
            let layers: Vec<_> = self.layers.judged.iter().filter(|layer| layer.recipe == *recipe).collect();
            let alike = layers.chunk_by(|a, b| a.verdict.verdict == b.verdict.verdict);
            let tell = |alike: &[&JudgedLayer]| match alike {
                [one] => one.verdict.verdict.to_string(),
                several => format!("{} × {}", several[0].verdict.verdict, several.len()),
            };
            format!("{} by {}", alike.map(tell).collect::<Vec<_>>().join(", "), recipe.join(" + "))
        };
        let all: Vec<String> = self.grid.judged.iter().map(of_recipe).collect();
        format!(
            "**Concepts or a continuum?** The {} layers, early to late: {}.",
            self.findings.layers.len(),
            all.join("; ")
        )
    }

    /// Of the first covariate: which layer tells it best, beside the yardstick.
    fn known_in_short(&self) -> Option<String> {
        let told = |layer: &JudgedLayer| layer.verdict.alignment.first().map(|known| known.measured.clone());
        let best = self.layers.judged.iter().filter_map(|layer| Some((layer, told(layer)?)));
        let (layer, known) = best.max_by(|a, b| a.1.best().r2.total_cmp(&b.1.best().r2))?;
        let share = known.best();
        let mut text = format!(
            "**What layers know.** {} ({}) tells `{}` best: R² {:.3} ({:.3} … {:.3})",
            layer.layer,
            layer.recipe.join(" + "),
            known.column,
            share.r2,
            share.low,
            share.high
        );
        if let Some(yardstick) = self.layers.by_yardstick.iter().find(|other| other.column == known.column) {
            let other = yardstick.best();
            let verdict = if share.low > other.high {
                "the layer knows more"
            } else if share.high < other.low {
                "the layer knows less"
            } else {
                "the intervals overlap"
            };
            text.push_str(&format!(
                "; the SINR behind the classical equaliser tells {:.3} ({:.3} … {:.3}) of it: {verdict}",
                other.r2, other.low, other.high
            ));
        }
        Some(text + "." + &self.unknown())
    }

    /// Covariates of which no layer tells more than chance.
    fn unknown(&self) -> String {
        let alignments = || self.layers.judged.iter().flat_map(|layer| &layer.verdict.alignment);
        let mut columns: Vec<&str> = alignments().map(|known| known.measured.column.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        let told = |known: &ColumnAlignment| known.p_value_adjusted.is_some_and(|p| p <= SIGNIFICANT);
        columns.retain(|column| !alignments().any(|known| known.measured.column == *column && told(known)));
        match columns.is_empty() {
            true => String::new(),
            false => format!(" No layer tells more than chance of: `{}`.", columns.join("`, `")),
        }
    }

    fn refined_in_short(&self) -> Vec<String> {
        let findings = self.findings;
        let count = findings.chosen.len();
        let (better, worse) = tally(findings.chosen.iter().map(|found| found.difference.interval));
        let mut sentences = vec![format!(
            "**Refined against original.** Chosen per layer by in-distribution data alone, features and detector beat the original's features with \
             k-NN on {better} of {count} layers and lose on {worse} (95 % intervals of the paired difference that exclude zero)."
        )];
        let (better, worse) = tally(findings.features_alone.iter().map(|found| found.difference.interval));
        sentences.push(format!(
            "**Features alone.** With k-NN for both, the chosen features (sketch, normalizer, metric) beat the original's on {better} of {count} layers \
             and lose on {worse}."
        ));
        let (better, worse) = tally(findings.rows.iter().filter_map(|row| row.gain.as_ref()).map(|gain| gain.interval));
        sentences.push(format!(
            "**Every recipe.** Of {} recipes, {better} beat the original of their layer and {worse} lose to it (intervals not corrected for their number).",
            thousands(findings.rows.len())
        ));
        if let Some(change) = findings.changes.first() {
            sentences.push(format!(
                "**One change alone.** Of the original with k-NN, the best single change is {} ({}): {:+.3} on average, better on {} of {} layers, worse on {}.",
                change.what, change.to, change.gain, change.better, change.layers, change.worse
            ));
        }
        if let Some(first) = findings.overall.first() {
            sentences.push(format!(
                "**Layer and recipe chosen together:** {} on {}: {:.3} against {:.3} of the original on the layer that the same criterion chooses for it; {}.",
                first.recipe,
                first.layer,
                first.means[0],
                first.means[1],
                difference(first)
            ));
        }
        if let Some(best) = findings.rows.first() {
            sentences.push(format!(
                "**Best of all {} recipes, known only afterwards:** {} on {}, {:.3}.",
                thousands(findings.rows.len()),
                best.recipe(),
                best.layer,
                best.mean
            ));
        }
        sentences
    }

    fn early_and_late(&self) -> String {
        let (early, late) = halves(self.findings);
        let judged = match early - late {
            gain if gain.abs() < ALIKE => {
                "less apart than a hundredth. The paper found early layers better in its receiver."
            }
            gain if gain > 0.0 => "early layers separate better, as the paper found in its receiver.",
            _ => "late layers separate better. The paper found the opposite in its receiver.",
        };
        format!(
            "**Early and late layers.** The median recipe reaches {early:.3} in the first half of the layers and {late:.3} in the second: {judged}"
        )
    }

    /// The paper's strongest single detector is a Gaussian on mean activations.
    fn mahalanobis(&self) -> String {
        let mut best: Vec<(f64, &str)> = Vec::new();
        for detector in self.grid.detectors {
            let rows: Vec<&Row> = self.findings.rows.iter().filter(|row| row.detector == *detector).collect();
            if rows.len() >= self.findings.layers.len() {
                best.push((median(&rows.iter().map(|row| row.mean).collect::<Vec<_>>()), detector));
            }
        }
        best.sort_by(|a, b| b.0.total_cmp(&a.0));
        let place = self.findings.rows.iter().position(|row| row.detector == "mahalanobis" && row.sketch == "mean");
        let list: Vec<String> = best.iter().take(3).map(|(value, name)| format!("{name} ({value:.3})")).collect();
        format!(
            "**Detectors.** By the median over layers, sketches and normalizers: {}. The paper names Mahalanobis on mean activations as its strongest single \
             detector; here its best place is {} of {}.",
            list.join(", "),
            place.map_or("none".into(), |place| (place + 1).to_string()),
            thousands(self.findings.rows.len())
        )
    }

    /// Do a covariate and fusion help?
    fn helpers(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let by_gain = |a: &&Change, b: &&Change| a.gain.total_cmp(&b.gain);
        let conditioned = &self.findings.conditioned;
        if let (Some(best), Some(worst)) = (conditioned.iter().max_by(by_gain), conditioned.iter().min_by(by_gain)) {
            let tell = |change: &Change| {
                format!(
                    "{} {:+.3} (better on {}, worse on {} of {} layers)",
                    change.to, change.gain, change.better, change.worse, change.layers
                )
            };
            sentences.push(format!(
                "**Does it help to know the SNR?** Mean gain over the layers against the same detector alone: at best {}; at worst {}.",
                tell(best),
                tell(worst)
            ));
        }
        let fused = self.findings.overall.iter().find(|found| found.what.contains("against the chosen layer alone"));
        if let Some(found) = fused {
            sentences.push(format!(
                "**Does fusion help?** The chosen recipes of all layers joined (Fisher) reach {:.3}, the chosen layer alone {:.3}: {}.",
                found.means[0],
                found.means[1],
                difference(found)
            ));
        }
        sentences
    }
}

/// The median recipe's mean AUROC in the first and in the second half of the layers.
fn halves(findings: &Findings) -> (f64, f64) {
    let middle = findings.layers.len().div_ceil(2);
    let of = |layers: &[String]| {
        median(&findings.rows.iter().filter(|row| layers.contains(&row.layer)).map(|row| row.mean).collect::<Vec<_>>())
    };
    (of(&findings.layers[..middle]), of(&findings.layers[middle..]))
}
