//! `napscope study`: the quick form, whole and stopped in between.

use super::harness::{command, napscope};
use crate::scratch::Scratch;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn report(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_quick_form_answers_and_goes_on_to_the_same_bytes() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "study vision --quick -q --engine rten -o whole");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let whole = scratch.path().join("whole");
    let found = report(&whole);
    let rows = found["rows"].as_array().expect("rows");
    let impossible = 2 * 2; // Wasserstein-1 of means, on two layers with two normalizers
    assert_eq!(rows.len(), 2 * 2 * 2 * 5 - impossible, "layers x sketches x normalizers x detectors");
    for row in rows {
        let (mean, interval) = (row["mean"].as_f64().expect("a number"), &row["interval"]);
        let [low, high] = [0, 1].map(|end| interval[end].as_f64().expect("a number"));
        assert!(low <= mean && mean <= high, "{row}");
        assert_eq!(row["auroc"].as_array().expect("a list").len(), 7, "digits and six sets that are made");
    }
    assert!(rows[0]["mean"].as_f64() > Some(0.9), "the best recipe tells garments from the rest: {}", rows[0]);
    let chosen = found["chosen"].as_array().expect("comparisons");
    assert_eq!(chosen.len(), 2, "one a layer");
    for comparison in chosen {
        let difference = comparison["difference"]["difference"].as_f64().expect("a number");
        let [ours, theirs] = [0, 1].map(|side| comparison["means"][side].as_f64().expect("a number"));
        assert!((difference - (ours - theirs)).abs() < 1e-9, "{comparison}");
    }
    let readme = std::fs::read_to_string(whole.join("README.md")).expect("a readme");
    for says in ["## In short", "## Refined against original, paired", "## What each refinement costs", "(auroc.svg)"] {
        assert!(readme.contains(says), "`{says}` is missing from\n{readme}");
    }
    assert!(!readme.contains("NaN"), "{readme}");
    assert!(std::fs::read_to_string(whole.join("auroc.svg")).expect("a figure").starts_with("<svg"));
    let again = napscope(&scratch, "study vision --quick -q -o whole");
    assert!(again.code == Some(0) && again.stderr.contains("nothing to do"), "{}", again.stderr);

    let mut stopped = command(&scratch)
        .args("study vision --quick -q --engine rten -o stopped".split(' '))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let units = scratch.path().join("stopped/.partial/clusters");
    let begun = Instant::now();
    while std::fs::read_dir(&units).map_or(0, Iterator::count) < 2 && begun.elapsed() < Duration::from_secs(240) {
        std::thread::sleep(Duration::from_millis(20));
    }
    stopped.kill().expect("it is still at work");
    stopped.wait().expect("it is gone");
    let told = napscope(&scratch, "study vision --quick -q --engine rten -o stopped");
    assert!(told.code == Some(2) && told.stderr.contains("--resume"), "{}", told.stderr);
    let told = napscope(&scratch, "study vision --quick -q --engine rten -o stopped --resume");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(report(&scratch.path().join("stopped")), found, "what was stopped came to the same");
}

#[test]
fn a_study_needs_a_folder() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "study vision --quick");
    assert!(told.code == Some(2) && told.stderr.contains("-o FOLDER"), "{}", told.stderr);
}
