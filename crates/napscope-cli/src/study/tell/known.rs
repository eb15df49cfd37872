//! What layers are and know: verdicts, covariates, and what patterns have to do with classes.

use super::Story;
use crate::study::patterns::chosen_and_original;
use crate::sweep::report::Row;
use crate::terminal::thousands;
use napscope::manifold::{Alignment, Explained};
use std::fmt::Write;

/// Adjusted p-values above this are told.
pub(super) const SIGNIFICANT: f64 = 0.05;

impl Story<'_> {
    pub(super) fn verdicts(&self) -> String {
        let Some(first) = self.layers.judged.first() else { return String::new() };
        let recipes: Vec<String> = self.grid.judged.iter().map(|recipe| recipe.join(" + ")).collect();
        let evidence = &first.verdict.evidence;
        let mut text = format!(
            "## Distinct concepts or a continuum?\n\nThe verdict of `napscope analyze` on {} in-distribution {} (drawn from {}), by the features and the metric of each column; the reason is the weightiest \
             of the first column.\n\n| layer | {} | why |\n|---|{}---|\n",
            thousands(evidence.samples),
            self.words.samples,
            thousands(evidence.drawn_from),
            recipes.join(" | "),
            "---|".repeat(recipes.len())
        );
        for layer in &self.findings.layers {
            let of_layer: Vec<_> = self.layers.judged.iter().filter(|judged| judged.layer == *layer).collect();
            let verdicts: Vec<String> = of_layer.iter().map(|judged| judged.verdict.verdict.to_string()).collect();
            let why = of_layer.first().and_then(|judged| judged.verdict.reasons.first()).map_or("", String::as_str);
            let _ = writeln!(text, "| {layer} | {} | {why} |", verdicts.join(" | "));
        }
        text
    }

    /// How far layers tell covariates, by the features of the original.
    pub(super) fn knowledge(&self) -> String {
        let Some(recipe) = self.grid.judged.first() else { return String::new() };
        let layers = || self.layers.judged.iter().filter(|layer| layer.recipe == *recipe);
        let columns: Vec<&str> = layers()
            .next()
            .map(|layer| layer.verdict.alignment.iter().map(|known| known.measured.column.as_str()).collect())
            .unwrap_or_default();
        if columns.is_empty() {
            return String::new();
        }
        let yardstick =
            layers().next().and_then(|layer| layer.of_yardstick.as_ref()).map(|known| known.column.as_str());
        let head: Vec<&str> = columns.iter().copied().chain(yardstick).collect();
        let mut text = format!(
            "## What layers know\n\nShare of the variance of each covariate (R²; of classes the Brier skill score) that {} tells of {} left out one by one, by ten nearest neighbors or by ridge regression, \
             whichever tells more, with its 95 % interval. *n.s.*: no more than chance (permutations, adjusted over layers × columns, {SIGNIFICANT}).\n\n| layer | {} |\n|---|{}\n",
            recipe.join(" + "),
            self.words.samples,
            head.join(" | "),
            "---|".repeat(head.len())
        );
        for layer in layers() {
            let known = layer.verdict.alignment.iter().map(|known| {
                let chance = known.p_value_adjusted.is_some_and(|p| p > SIGNIFICANT);
                format!("{}{}", share(&known.measured.best()), if chance { ", n.s." } else { "" })
            });
            let cells: Vec<String> =
                known.chain(layer.of_yardstick.as_ref().map(|known| share(&known.best()))).collect();
            let _ = writeln!(text, "| {} | {} |", layer.layer, cells.join(" | "));
        }
        if let Some(yardstick) = yardstick {
            let of = |column: &&str| self.layers.by_yardstick.iter().find(|known| known.column == **column);
            let cells: Vec<String> =
                columns.iter().map(|column| of(column).map_or("–".into(), |known| share(&known.best()))).collect();
            let _ = writeln!(text, "| *`{yardstick}` of `ls_linear` alone* | {} | – |", cells.join(" | "));
        }
        text.push_str(&self.partial(recipe));
        text
    }

    /// The same given all other covariates, and where the first one lies along the data.
    fn partial(&self, recipe: &[&str; 3]) -> String {
        let layers: Vec<_> = self.layers.judged.iter().filter(|layer| layer.recipe == *recipe).collect();
        let Some(first) = layers.first().filter(|layer| layer.verdict.alignment.len() > 1) else {
            return String::new();
        };
        let columns: Vec<&str> = first.verdict.alignment.iter().map(|known| known.measured.column.as_str()).collect();
        let mut text = format!(
            "\nThe same of what all other covariates leave of each (partial shares), and the rank correlation of `{}` along the first diffusion coordinate:\n\n| layer | {} | along the diffusion |\n|---|{}---|\n",
            columns[0],
            columns.join(" | "),
            "---|".repeat(columns.len())
        );
        let cell = |known: &Alignment| match &known.partial {
            Some(partial) => share(if partial.knn.r2 >= partial.ridge.r2 { &partial.knn } else { &partial.ridge }),
            None => "–".to_owned(),
        };
        for layer in &layers {
            let cells: Vec<String> = layer.verdict.alignment.iter().map(|known| cell(&known.measured)).collect();
            let along = layer.verdict.alignment.first().and_then(|known| known.measured.diffusion_spearman);
            let along = along.map_or("–".to_owned(), |along| format!("{along:.2}"));
            let _ = writeln!(text, "| {} | {} | {along} |", layer.layer, cells.join(" | "));
        }
        text
    }

    pub(super) fn concepts(&self) -> String {
        let Some(patterns) = self.patterns else { return String::new() };
        let mut text = format!(
            "## Are patterns concepts?\n\n{} garments, clustered by every sketch × normalizer × metric × selection × size of `napscope sweep`; the recipe of a layer is chosen by stability × \
             coverage (no labels), then both are held against the ten classes (adjusted mutual information, noise as a class of its own).\n\n\
             | layer | recipe | patterns | noise | stability | AMI | purity in patterns |\n|---|---|---|---|---|---|---|\n",
            thousands(patterns.samples)
        );
        let mut gains = Vec::new();
        for layer in &self.findings.layers {
            let Some([chosen, original]) = chosen_and_original(patterns, layer) else { continue };
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
                 layers.",
                gains.len()
            );
        }
        text
    }
}

fn share(explained: &Explained) -> String {
    format!("{:.2} ({:.2} … {:.2})", explained.r2, explained.low, explained.high)
}

fn agreement(row: &Row) -> Option<f64> {
    Some(row.scores.as_ref()?.agreement.as_ref()?.adjusted_mutual_information)
}

fn pattern_line(layer: &str, row: &Row, which: &str) -> String {
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
