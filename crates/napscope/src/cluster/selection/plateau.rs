//! A stability plateau: the longest range of `min_cluster_size` over which nothing changes. What is there whatever size is
//! asked for is not an artefact of that choice.

use super::super::condensed_tree::CondensedTree;
use super::scan::{Scan, Step};
use super::{Candidate, Evidence, Hdbscan, Method, Selection};
use crate::evaluate::adjusted_rand_of_groups;
use crate::registry::Entry;
use std::ops::RangeInclusive;

pub(super) const ENTRY: Entry<Selection> = Entry {
    name: "plateau",
    summary: "the clustering that stays the same over the longest range of min_cluster_size",
    options: &[
        ("method", "eom", "what is chosen at each size: eom or leaf"),
        ("agreement", "0.95", "adjusted Rand index from which two clusterings count as the same"),
    ],
    build: |options| {
        let (method, agreement) = (options.get("method")?, options.get_in("agreement", 0.0..=1.0)?);
        Ok(Box::new(Selection::Plateau { method, agreement }))
    },
};

/// Goes through the sizes, and takes the middle of the longest plateau.
pub(super) fn settle(tree: &CondensedTree, parameters: &Hdbscan, method: Method, agreement: f64) -> Evidence {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut before: Option<(Step, Vec<Option<usize>>)> = None;
    for step in Scan::new(tree).steps(parameters.min_cluster_size) {
        let selected = step.select(method, parameters);
        let patterns = selected.patterns(&step.clusters);
        let holder = selected.holder(&step.clusters);
        let same = candidates.last().is_some_and(|last| last.patterns == patterns);
        let score = match &before {
            Some((before, held)) if same => adjusted_rand_of_groups(groups(before, held, &step, &holder)),
            _ => 0.0,
        };
        candidates.push(Candidate { min_cluster_size: step.min_cluster_size, method, patterns, score });
        before = Some((step, holder));
    }
    let chosen = middle(longest(&candidates, agreement));
    Evidence { candidates, chosen }
}

/// Samples that both clusterings treat alike, told by what holds them in each: those that leave one cluster of the size
/// before.
fn groups<'a>(
    before: &'a Step,
    held: &'a [Option<usize>],
    step: &'a Step,
    holder: &'a [Option<usize>],
) -> impl Iterator<Item = (Option<usize>, Option<usize>, usize)> + 'a {
    let mut own: Vec<u32> = before.clusters.iter().map(|cluster| cluster.size).collect();
    before.clusters[1..].iter().for_each(|cluster| own[cluster.parent] -= cluster.size);
    own.into_iter().enumerate().map(|(index, samples)| (held[index], holder[step.home[index]], samples as usize))
}

/// The plateau over the longest range of sizes; the first of equally long ones.
fn longest(candidates: &[Candidate], agreement: f64) -> RangeInclusive<usize> {
    let ratio = |plateau: &RangeInclusive<usize>| {
        candidates[*plateau.end()].min_cluster_size as f64 / candidates[*plateau.start()].min_cluster_size as f64
    };
    let mut best = 0..=0;
    let mut first = 0;
    for at in 0..candidates.len() {
        let same =
            at > 0 && candidates[at].patterns == candidates[at - 1].patterns && candidates[at].score >= agreement;
        if !same {
            first = at;
        }
        let (plateau, patterns) = (first..=at, candidates[at].patterns);
        // Nothing to be seen stays nothing for ever: that is no plateau, unless there is nothing else.
        let is_better = candidates[*best.start()].patterns == 0 || ratio(&plateau) > ratio(&best);
        if patterns > 0 && is_better {
            best = plateau;
        }
    }
    best
}

/// The size in the middle of a plateau, on the logarithmic scale of the scan.
fn middle(plateau: RangeInclusive<usize>) -> usize {
    (plateau.start() + plateau.end()) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(usize, usize, f64)]) -> Vec<Candidate> {
        let candidate = |&(min_cluster_size, patterns, score): &(usize, usize, f64)| Candidate {
            min_cluster_size,
            method: Method::Eom,
            patterns,
            score,
        };
        points.iter().map(candidate).collect()
    }

    #[test]
    fn the_longest_plateau_counts_octaves_not_samples() {
        for (what, points, expected) in [
            ("one size", vec![(5, 3, 0.0)], 0..=0),
            ("nothing anywhere", vec![(5, 0, 0.0), (6, 0, 1.0)], 0..=0),
            (
                "three octaves before one",
                vec![(5, 3, 0.0), (10, 3, 1.0), (40, 3, 0.97), (80, 2, 0.0), (160, 2, 1.0)],
                0..=2,
            ),
            ("a break", vec![(5, 3, 0.0), (6, 3, 0.9), (7, 3, 0.99), (8, 3, 0.99)], 1..=3),
            ("equally long: the first", vec![(5, 4, 0.0), (10, 4, 1.0), (20, 2, 0.0), (40, 2, 1.0)], 0..=1),
            ("no pattern is no plateau", vec![(5, 2, 0.0), (6, 2, 1.0), (7, 0, 0.0), (700, 0, 1.0)], 0..=1),
            ("nothing at first", vec![(5, 0, 0.0), (6, 1, 0.0)], 1..=1),
        ] {
            assert_eq!(longest(&curve(&points), 0.95), expected, "{what}");
        }
        assert_eq!(middle(3..=8), 5);
    }
}
