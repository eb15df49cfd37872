//! `napscope ood`: from in-distribution data to alarms.

use super::harness::{Told, model, napscope};
use super::runs::activations;
use crate::data::write::{npy, zip};
use crate::scratch::Scratch;
use serde_json::Value;

/// `usual.npz` and `fresh.npz` of one kind, `shifted.npz` of another.
fn data(scratch: &Scratch) {
    scratch.file("usual.npz", activations(&(0..400).collect::<Vec<_>>()));
    scratch.file("fresh.npz", activations(&(400..600).collect::<Vec<_>>()));
    let shifted: Vec<u8> = (0..60 * 6 * 16).flat_map(|i| ((i % 11) as f32).to_le_bytes()).collect();
    let dense: Vec<u8> = (0..60 * 10).flat_map(|i| ((i % 7) as f32 - 9.0).to_le_bytes()).collect();
    let arrays = [("conv.npy", npy("<f4", &[60, 6, 4, 4], &shifted)), ("fc.npy", npy("<f4", &[60, 10], &dense))];
    scratch.file("shifted.npz", zip(&arrays, true));
}

fn fitted(scratch: &Scratch, options: &str) -> Told {
    data(scratch);
    let told = napscope(scratch, &format!("ood fit --data usual.npz --false-alarm-rate 0.05 -o a.ood {options}"));
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    told
}

fn json(told: &Told) -> Value {
    serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", told.stdout, told.stderr))
}

#[test]
fn what_lies_outside_raises_an_alarm_and_says_why() {
    let scratch = Scratch::new();
    let told = fitted(
        &scratch,
        "--sketch histogram --normalize none --detector mahalanobis --detector knn:k=5,metric=hellinger",
    );
    assert!(told.stderr.contains("learned from") && told.stderr.contains("a.ood"), "{}", told.stderr);
    let out = napscope(&scratch, "ood score a.ood --data shifted.npz --format json");
    assert_eq!(out.code, Some(1), "a finding: {}", out.stderr);
    let rows = json(&out);
    let rows = rows.as_array().expect("a list of samples");
    assert_eq!(rows.len(), 60);
    for row in rows {
        assert_eq!(row["alarm"], 1, "{row}");
        assert!(["conv", "fc"].contains(&row["layer"].as_str().expect("a layer")), "{row}");
        assert_eq!(row["nearest"].as_str().expect("numbers").split(' ').count(), 3, "{row}");
    }
    assert!(out.stderr.contains("60 of 60 samples raise an alarm"), "{}", out.stderr);
}

#[test]
fn fresh_samples_of_the_same_kind_keep_to_the_rate() {
    let scratch = Scratch::new();
    fitted(&scratch, "--detector mahalanobis --detector knn --detector one_class_svm --detector residual");
    let out = napscope(&scratch, "ood evaluate a.ood --id fresh.npz --ood shifted.npz --format json");
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    let told = json(&out);
    let lines = told["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 1 + 2 * 4, "all together, and four detectors on two layers");
    for line in lines {
        // 5 % of 200 with a threshold from some 200: 0.5 % … 14 % is far beyond four sigma.
        let false_alarms = line["false_alarm_rate"].as_f64().expect("a share");
        assert!(false_alarms < 0.14, "{line}");
    }
    assert_eq!(lines[0]["layer"], Value::Null, "the fusion stands first");
    assert!(lines[0]["auroc"].as_f64().expect("a number") > 0.99, "{}", lines[0]);
    let table = napscope(&scratch, "ood evaluate a.ood --id fresh.npz --ood shifted.npz");
    assert!(table.stdout.contains("shifted.npz") && table.stdout.contains("fpr_ood@95"), "{}", table.stdout);
}

/// A run of `usual.npz` with an evaluation of the bundle `a.ood` on `shifted.npz` and `nearby.npz`.
pub(super) fn evaluated_run(scratch: &Scratch) {
    fitted(scratch, "--detector mahalanobis --detector knn:k=5");
    scratch.file("nearby.npz", activations(&(900..1000).collect::<Vec<_>>()));
    let analyzed = napscope(scratch, "analyze --data usual.npz -o run");
    assert_eq!(analyzed.code, Some(0), "{}", analyzed.stderr);
    let told = napscope(scratch, EVALUATE);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("run/ood/a.json"), "{}", told.stderr);
}

const EVALUATE: &str = "ood evaluate a.ood --id fresh.npz --ood shifted.npz --ood nearby.npz --run run";

#[test]
fn an_evaluation_in_a_run_holds_all_that_is_told_and_the_curves_behind_it() {
    let scratch = Scratch::new();
    evaluated_run(&scratch);
    let kept: Value =
        serde_json::from_slice(&std::fs::read(scratch.path().join("run/ood/a.json")).expect("written")).expect("JSON");
    let told = json(&napscope(&scratch, &format!("{EVALUATE} --force --format json")));
    assert_eq!(kept, told, "what is printed is what is kept");
    assert_eq!(kept["command"], EVALUATE.replace("ood evaluate", "napscope ood evaluate").replace(" --run run", ""));
    let lines = kept["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 2 * (1 + 2 * 2), "two sets; all together, and two detectors on two layers");
    for line in lines {
        let number = |value: &Value| value.as_f64().expect("a number");
        let roc: Vec<[f64; 2]> = serde_json::from_value(line["roc"].clone()).expect("points");
        assert_eq!((roc[0], roc[roc.len() - 1]), ([0.0, 0.0], [1.0, 1.0]));
        let area: f64 = roc.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[1][1] + pair[0][1]) / 2.0).sum();
        assert!((area - number(&line["auroc"])).abs() < 0.01, "{area} beside {}", line["auroc"]);
        let [low, high] = [0, 1].map(|end| number(&line["auroc_interval"][end]));
        assert!(low <= number(&line["auroc"]) && number(&line["auroc"]) <= high, "{line}");
        let samples = if line["ood"] == "shifted.npz" { 60 } else { 100 };
        for (side, expected) in [("id", 200), ("ood", samples)] {
            let bars: Vec<u64> = serde_json::from_value(line["scores"][side].clone()).expect("counts");
            assert_eq!(bars.iter().sum::<u64>(), expected, "every sample is in a bar");
        }
    }
    let again = napscope(&scratch, EVALUATE);
    assert_eq!(again.code, Some(2), "{}", again.stdout);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    let anew = napscope(&scratch, "analyze --data usual.npz -o run --force");
    assert_eq!(anew.code, Some(0), "{}", anew.stderr);
    assert!(!scratch.path().join("run/ood").exists(), "another run, and nothing is known of it");
}

#[test]
fn the_same_bundle_for_any_order_of_samples_and_number_of_threads() {
    let scratch = Scratch::new();
    fitted(&scratch, "--sketch kde --threads 1");
    let order: Vec<usize> = (0..400).map(|at| (at * 37 + 11) % 400).collect();
    scratch.file("turned.npz", activations(&order));
    let told =
        napscope(&scratch, "ood fit --data turned.npz --sketch kde --false-alarm-rate 0.05 -o b.ood --threads 2");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let [a, b] = ["a.ood", "b.ood"]
        .map(|bundle| napscope(&scratch, &format!("ood score {bundle} --data fresh.npz --format json")));
    let p_values = |told: &Told| -> Vec<Value> {
        json(told).as_array().expect("rows").iter().map(|row| row["p_value"].clone()).collect()
    };
    assert_eq!(p_values(&a), p_values(&b), "the order of the reference decides nothing");
    let again =
        napscope(&scratch, "ood fit --data usual.npz --sketch kde --false-alarm-rate 0.05 -o c.ood --threads 2");
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let read = |name: &str| std::fs::read(scratch.path().join(name)).expect("written");
    assert!(read("a.ood") == read("c.ood"), "one thread and two: the same bytes");
}

#[test]
fn detectors_are_conditioned_on_a_column_or_its_estimate() {
    let scratch = Scratch::new();
    for (form, estimate) in [("bins:count=2", ""), ("regression", ""), ("bins:count=2", "--estimate-condition")] {
        let options = format!("--condition snr_db --condition-by {form} {estimate} --detector mahalanobis --force");
        fitted(&scratch, &options);
        let out = napscope(&scratch, "ood score a.ood --data fresh.npz --format json");
        let rows = json(&out);
        let alarms = rows.as_array().expect("rows").iter().filter(|row| row["alarm"] == 1).count();
        assert!(alarms < 28, "{options}: {alarms} alarms of 200 fresh samples at a rate of 5 %");
        // These samples have no such column.
        let out = napscope(&scratch, "ood score a.ood --data shifted.npz --format json");
        if estimate.is_empty() {
            assert_eq!(out.code, Some(2), "{options}: {}", out.stdout);
            assert!(out.stderr.contains("snr_db") && out.stderr.contains("--metadata"), "{}", out.stderr);
        } else {
            assert_eq!(out.code, Some(1), "{options}: a finding: {}", out.stderr);
        }
    }
    fitted(&scratch, "--condition snr_db --condition-by groups:count=4 --detector relative_mahalanobis --force");
    let out = napscope(&scratch, "ood score a.ood --data shifted.npz --format json");
    assert_ne!(out.code, Some(2), "groups need no covariate later: {}", out.stderr);
    for (run, says) in [
        ("--condition snr", "snr_db"),
        ("--condition snr_db --condition-by bin", "`bins`"),
        ("--condition-by bins", "--condition"),
        ("--condition snr_db --condition-by bins:count=0", "`count` must lie in"),
    ] {
        let told = napscope(&scratch, &format!("ood fit --data usual.npz -o b.ood {run}"));
        assert!(told.code == Some(2) && told.stderr.contains(says), "{run}: `{says}` is missing from\n{}", told.stderr);
    }
}

#[test]
fn mistakes_are_told() {
    let scratch = Scratch::new();
    fitted(&scratch, "");
    scratch.file("half.ood", &std::fs::read(scratch.path().join("a.ood")).expect("written")[..2000]);
    scratch.file("text.ood", b"no bundle at all");
    scratch.file("few.npz", activations(&[0, 1, 2, 3]));
    scratch.file("other.npz", zip(&[("conv.npy", npy("<f4", &[2, 5, 1, 1], &[0; 40]))], false));
    let mlp = model("mlp_dynamo.onnx").display().to_string();
    let inputs: Vec<u8> = (0..60 * 10).flat_map(|i| ((i * i % 17) as f32).to_le_bytes()).collect();
    scratch.file("mlp.npz", zip(&[("x.npy", npy("<f4", &[60, 10], &inputs))], false));
    let analyzed = napscope(&scratch, &format!("analyze {mlp} --data mlp.npz -o of-mlp"));
    assert_eq!(analyzed.code, Some(0), "{}", analyzed.stderr);
    for (run, says) in [
        ("ood fit --data usual.npz", &["-o FILE"][..]),
        ("ood fit --data usual.npz -o a.ood", &["a.ood is already there", "--force"]),
        ("ood fit --data usual.npz -o b.ood --detector mahalanobi", &["mahalanobi", "`mahalanobis`"]),
        ("ood fit --data usual.npz -o b.ood --detector knn:k=0", &["`k` must lie in"]),
        ("ood fit --data usual.npz -o b.ood --fuse fischer", &["fischer", "fisher"]),
        (
            "ood fit --data usual.npz -o b.ood --false-alarm-rate 0.0001",
            &["cannot tell a false-alarm rate", "give at least 9999"],
        ),
        ("ood fit --data usual.npz -o b.ood --false-alarm-rate 2", &["between 0 and 1", "got 2"]),
        ("ood fit --data usual.npz -o b.ood --held-out 0", &["between 0 and 1", "got 0"]),
        ("ood fit --data few.npz -o b.ood --held-out 0.000001", &["4 samples leave 4", "--held-out"]),
        ("ood fit --data missing.npz -o b.ood", &["missing.npz"]),
        ("ood fit --data usual.npz -o missing/b.ood", &["missing/b.ood", "No such file"]),
        ("ood score a.ood", &["no data is given", "--data"]),
        ("ood score missing.ood --data fresh.npz", &["missing.ood"]),
        ("ood score half.ood --data fresh.npz", &["half.ood", "not a bundle"]),
        ("ood score text.ood --data fresh.npz", &["text.ood", "not a bundle"]),
        ("ood score usual.npz --data fresh.npz", &["usual.npz", "not a bundle"]),
        ("ood score a.ood --data other.npz", &["fc"]),
        ("ood score a.ood --data fresh.npz -o x.doc", &["x.doc", ".parquet"]),
        (&format!("ood score a.ood {mlp} --data fresh.npz"), &["error"]),
        ("ood evaluate a.ood --id fresh.npz", &["--ood"]),
        ("ood evaluate a.ood --id fresh.npz --ood missing.npz", &["missing.npz"]),
        ("ood evaluate a.ood --id fresh.npz --ood shifted.npz --ood shifted.npz", &["shifted.npz is given twice"]),
        ("ood evaluate a.ood --id fresh.npz --ood shifted.npz --run missing", &["missing/report.json"]),
        ("ood evaluate a.ood --id fresh.npz --ood shifted.npz --run of-mlp", &["of-mlp", "another network"]),
    ] {
        let told = napscope(&scratch, run);
        assert_eq!(told.code, Some(2), "{run}: {}{}", told.stdout, told.stderr);
        for says in says {
            assert!(told.stderr.contains(says), "{run}: `{says}` is missing from\n{}", told.stderr);
        }
        assert!(!scratch.path().join("b.ood").exists(), "{run}: it left a bundle");
    }
}
