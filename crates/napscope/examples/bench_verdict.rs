//! Judges synthetic sets of known truth and prints the confusion of verdicts as Markdown, in JSON lines for `cargo xtask bench`.
//!
//! ```text
//! bench_verdict [FIRST LAST]     held-out seeds 100 … 117 unless told; the rules were settled on seeds 0 … 8
//! ```
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

#[path = "../tests/it/known_truth.rs"]
mod known_truth;

use known_truth::{FAMILIES, Family};
use napscope::manifold::{Verdict, judge};
use napscope::progress::unwatched;
use rayon::prelude::*;

/// Seeds that nothing was settled on.
const HELD_OUT: std::ops::RangeInclusive<u64> = 100..=117;
/// Columns of the table.
const VERDICTS: [Verdict; 5] =
    [Verdict::Concepts, Verdict::Continuum, Verdict::Mixed, Verdict::NoStructure, Verdict::Undecided];

fn main() {
    let seeds: Vec<u64> = std::env::args().skip(1).filter_map(|seed| seed.parse().ok()).collect();
    let seeds = if let [first, last] = seeds[..] { first..=last } else { HELD_OUT };
    let jobs: Vec<(usize, u64)> =
        (0..FAMILIES.len()).flat_map(|family| seeds.clone().map(move |seed| (family, seed))).collect();
    let verdict = |&(family, seed): &(usize, u64)| {
        let (points, what) = known_truth::set(&FAMILIES[family], seed);
        let judgement = judge(&points, &[], &unwatched).expect("every set has enough samples");
        let wrong = is_wrong(&FAMILIES[family], judgement.verdict);
        (family, judgement.verdict, wrong.then(|| format!("{}, seed {seed}, {what}", FAMILIES[family].name)))
    };
    let given: Vec<(usize, Verdict, Option<String>)> = jobs.par_iter().map(verdict).collect();
    for line in table(&given) {
        println!("{}", serde_json::json!({ "line": line }));
    }
}

fn is_wrong(family: &Family, verdict: Verdict) -> bool {
    verdict != Verdict::Undecided && !family.truth.contains(&verdict)
}

fn table(given: &[(usize, Verdict, Option<String>)]) -> Vec<String> {
    let names = VERDICTS.map(|verdict| verdict.to_string()).join(" | ");
    let mut lines =
        vec![format!("| family | right is | {names} | wrong |"), format!("|---|---|{}---|", "---|".repeat(5))];
    let (mut wrong, mut undecided) = ([0, 0], [0, 0]);
    let mut sets = [0, 0];
    for (number, family) in FAMILIES.iter().enumerate() {
        let of: Vec<_> = given.iter().filter(|row| row.0 == number).collect();
        let counts = VERDICTS.map(|verdict| of.iter().filter(|row| row.1 == verdict).count());
        let errors = of.iter().filter(|row| row.2.is_some()).count();
        let truth: Vec<String> = family.truth.iter().map(Verdict::to_string).collect();
        let name = if family.unseen { format!("{} (new)", family.name) } else { family.name.to_owned() };
        let cells = counts.map(|count| if count == 0 { String::new() } else { count.to_string() });
        lines.push(format!("| {name} | {} | {} | {errors} |", truth.join(" or "), cells.join(" | ")));
        let kind = usize::from(family.unseen);
        (wrong[kind], undecided[kind], sets[kind]) =
            (wrong[kind] + errors, undecided[kind] + counts[4], sets[kind] + of.len());
    }
    lines.push(String::new());
    for (kind, what) in
        ["families that the rules were settled on, other seeds", "families that they were not (new)"].iter().enumerate()
    {
        let share = |count: usize| 100.0 * count as f64 / sets[kind].max(1) as f64;
        lines.push(format!(
            "- {what}: {} sets, {} wrong ({:.1} %), {} undecided ({:.1} %)",
            sets[kind],
            wrong[kind],
            share(wrong[kind]),
            undecided[kind],
            share(undecided[kind])
        ));
    }
    lines.extend(given.iter().filter_map(|row| Some(format!("- wrong: {} was called {}", row.2.as_ref()?, row.1))));
    lines
}
