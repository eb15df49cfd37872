//! `napscope study`: the quick forms, whole and stopped in between.

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

fn list<'a>(report: &'a Value, name: &str) -> &'a [Value] {
    report[name].as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("no list `{name}`"))
}

/// What holds of the report of any study.
fn check(folder: &Path, recipes: usize, layers: usize, sets: usize) -> Value {
    let found = report(folder);
    let rows = list(&found, "rows");
    assert_eq!(rows.len(), recipes, "layers x sketches x normalizers x detectors");
    for row in rows {
        let (mean, interval) = (row["mean"].as_f64().expect("a number"), &row["interval"]);
        let [low, high] = [0, 1].map(|end| interval[end].as_f64().expect("a number"));
        assert!(low <= mean && mean <= high, "{row}");
        let of_sets: Vec<f64> = list(row, "auroc").iter().filter_map(Value::as_f64).collect();
        assert_eq!(of_sets.len(), sets, "{row}");
        assert!((of_sets.iter().sum::<f64>() / sets as f64 - mean).abs() < 1e-9, "{row}");
        assert!(row["gain"]["difference"].as_f64().is_some(), "each is compared with its layer's original: {row}");
    }
    let chosen = list(&found, "chosen");
    assert_eq!(chosen.len(), layers, "one a layer");
    for comparison in chosen {
        let difference = comparison["difference"]["difference"].as_f64().expect("a number");
        let [ours, theirs] = [0, 1].map(|side| comparison["means"][side].as_f64().expect("a number"));
        assert!((difference - (ours - theirs)).abs() < 1e-9, "{comparison}");
    }
    let judged = list(&found["layers"], "judged");
    assert_eq!(judged.len(), layers, "one verdict a layer");
    for layer in judged {
        let told = &layer["verdict"];
        assert!(told["verdict"].is_string() && !list(told, "reasons").is_empty(), "{layer}");
        assert!(list(told, "alignment").iter().all(|known| known["p_value_adjusted"].is_number()), "{layer}");
    }
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("a readme");
    for says in [
        "## In short",
        "## Distinct concepts or a continuum?",
        "## What layers know",
        "## Refined against original, paired",
        "## What each refinement costs",
        "(auroc.svg)",
    ] {
        assert!(readme.contains(says), "`{says}` is missing from\n{readme}");
    }
    assert!(!readme.contains("NaN"), "{readme}");
    assert!(std::fs::read_to_string(folder.join("auroc.svg")).expect("a figure").starts_with("<svg"));
    found
}

#[test]
fn the_vision_study_answers_and_goes_on_to_the_same_bytes() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "study vision --quick -q --engine rten -o whole");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let impossible = 2 * 2; // Wasserstein-1 of means, on two layers with two normalizers
    let found = check(&scratch.path().join("whole"), 2 * 2 * 2 * 5 - impossible, 2, 7);
    assert!(found["rows"][0]["mean"].as_f64() > Some(0.9), "the best recipe tells garments: {}", found["rows"][0]);
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
fn the_receiver_study_answers() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "study receiver --quick --slots 80 -q --engine rten -o whole");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let impossible = 2; // Wasserstein-1 of means, on two layers
    let found = check(&scratch.path().join("whole"), 2 * 2 * 4 - impossible, 2, 8);
    let sets: Vec<&str> = list(&found, "outside").iter().filter_map(Value::as_str).collect();
    assert!(sets[..2] == ["high delay", "high speed"], "{sets:?}");
    let columns = |known: &[Value]| -> Vec<String> {
        known.iter().filter_map(|known| known["column"].as_str().map(str::to_owned)).collect()
    };
    let layer = &found["layers"]["judged"][0];
    let known = list(&layer["verdict"], "alignment");
    let drawn = ["snr_db", "delay_spread_secs", "max_doppler_hz", "modulation", "channel_model", "dmrs_symbols"]
        .map(str::to_owned);
    assert_eq!(columns(known), drawn);
    assert_eq!(columns(list(&found["layers"], "by_yardstick")), drawn, "the classical receiver is asked the same");
    assert!(known[0]["ridge"]["r2"].as_f64() > Some(0.5), "an early layer knows the SNR: {}", known[0]);
    assert_eq!(layer["of_yardstick"]["column"], "post_eq_sinr_db");
    assert_eq!(list(&found, "conditioned").len(), 2, "the SNR known and estimated");
    let errors = list(&found, "errors");
    let of_network = |set: &str| {
        let set = errors.iter().find(|errors| errors["set"] == set).unwrap_or_else(|| panic!("no set {set}"));
        list(set, "rates").last().expect("receivers")[1].clone()
    };
    assert!(of_network("in distribution").as_f64() < Some(0.2) && of_network("64qam").is_null(), "{errors:?}");
}

#[test]
fn a_study_needs_a_folder_and_room() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "study receiver --quick --slots 1000000 --memory-limit 200MB -o large");
    assert!(told.code == Some(2) && told.stderr.contains("features and scores of the study"), "{}", told.stderr);
    let told = napscope(&scratch, "study vision --quick");
    assert!(told.code == Some(2) && told.stderr.contains("-o FOLDER"), "{}", told.stderr);
}
