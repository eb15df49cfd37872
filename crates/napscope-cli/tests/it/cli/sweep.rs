//! `napscope sweep`: that nothing is done twice, that every row is what its own command makes, and that nothing but the
//! question decides the table.

use super::harness::{Told, command, napscope};
use super::runs::activations;
use crate::data::write::{npy, zip};
use crate::scratch::Scratch;
use napscope_cli::data::{ColumnValues, metadata};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

const GRID: &str = "--sketch mean,histogram:bins=6 --normalize none,standard --metric euclidean,wasserstein_1 \
                    --min-samples 3,5 --min-cluster-size 5,9 --selection leaf,eom --resamples 2 --calibration 20";

fn data(scratch: &Scratch, samples: usize) {
    scratch.file("act.npz", activations(&(0..samples).collect::<Vec<_>>()));
}

fn ok(told: Told) -> Told {
    assert_eq!(told.code, Some(0), "expected success; it said:\n{}", told.stderr);
    told
}

fn sweep(scratch: &Scratch, arguments: &str) -> Value {
    let told = ok(napscope(scratch, &format!("sweep {arguments} --format json")));
    serde_json::from_str(&told.stdout).expect("JSON on stdout and nothing else")
}

fn rows(report: &Value) -> &[Value] {
    report["rows"].as_array().expect("rows")
}

/// As in a report: SHA-256 over the labels as 32-bit integers.
fn hash(labels: impl IntoIterator<Item = i64>) -> String {
    let bytes: Vec<u8> = labels.into_iter().flat_map(|label| (label as i32).to_le_bytes()).collect();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run_line(scratch: &Scratch, line: &Value, more: &str) -> Told {
    let line = line.as_str().and_then(|line| line.strip_prefix("napscope ")).expect("a command of ours");
    ok(napscope(scratch, &format!("{} {more}", line.replace('\'', ""))))
}

#[test]
fn nothing_is_done_twice() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    let report = sweep(&scratch, &format!("--data act.npz {GRID}"));
    // 2 layers; (mean, histogram) × (none, standard) × (euclidean, wasserstein_1), of which wasserstein_1 cannot be of means:
    // 6 of 8 combinations, each with 2 trees, each with 4 clusterings.
    let expected = serde_json::json!({
        "forward_passes": 90 + 20, "normalizations": 2 * 4, "embeddings": 2 * 6, "spanning_trees": 2 * 6 * 2,
        "subsample_trees": 2 * 6 * 2 * 2, "clusterings": 2 * 6 * 2 * 4,
    });
    assert_eq!(report["work"], expected);
    assert_eq!(rows(&report).len(), 2 * 8 * 2 * 4);
    let impossible: Vec<&Value> = rows(&report).iter().filter(|row| row["scores"].is_null()).collect();
    assert_eq!(impossible.len(), 2 * 2 * 2 * 4, "wasserstein_1 of means");
    for row in impossible {
        assert!(row["reason"].as_str().is_some_and(|why| why.contains("wasserstein_1 compares")), "{row:#}");
        assert_eq!(
            (&row["sketch"], &row["metric"], &row["rank"]),
            (&"mean".into(), &"wasserstein_1".into(), &Value::Null)
        );
    }
}

#[test]
fn every_row_is_what_its_command_makes() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    let recipes = "--sketch mean,histogram:bins=6 --normalize max_abs --metric euclidean,wasserstein_1 \
                   --min-samples 4 --min-cluster-size 5,9 --selection leaf,plateau --resamples 0 --calibration 20";
    let report = sweep(&scratch, &format!("--data act.npz --layer conv {recipes}"));
    let found: Vec<&Value> = rows(&report).iter().filter(|row| !row["scores"].is_null()).collect();
    assert_eq!(found.len(), 12);
    for (number, row) in found.into_iter().enumerate() {
        run_line(&scratch, &row["command"], &format!("-o run{number}"));
        let run = scratch.path().join(format!("run{number}"));
        let text = std::fs::read_to_string(run.join("report.json")).expect("a run");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let (layer, scores) = (&told["layers"][0], &row["scores"]);
        for (theirs, ours) in [
            (&layer["patterns"], &scores["patterns"]),
            (&layer["noise"], &scores["noise"]),
            (&layer["largest"], &scores["largest"]),
            (&layer["columns"], &scores["columns"]),
            (&layer["dimensions"], &scores["dimensions"]),
            (&layer["settled_min_cluster_size"], &scores["settled_min_cluster_size"]),
            (&layer["median_persistence"], &scores["median_persistence"]),
            (&layer["purity"], &scores["agreement"]["in_patterns"]["purity"]),
            (&layer["agreement"], &scores["agreement"]["in_patterns"]["adjusted_rand"]),
        ] {
            assert_eq!(theirs, ours, "{}", row["command"]);
        }
        assert_eq!(scores["labels_sha256"], hash(clusters(&run, 90)), "{}: other labels", row["command"]);
        let file = run.join(format!("layers/{}.json", layer["file"].as_str().expect("a name")));
        let text = std::fs::read_to_string(file).expect("the layer in full");
        let evidence = &serde_json::from_str::<Value>(&text).expect("JSON")["evidence"];
        let settled =
            evidence["chosen"].as_u64().map(|chosen| &evidence["candidates"][chosen as usize]["min_cluster_size"]);
        assert_eq!(
            settled.unwrap_or(&Value::Null),
            &scores["settled_min_cluster_size"],
            "{}: evidence",
            row["command"]
        );
        assert_eq!(
            settled.is_some(),
            row["selection"] == "plateau",
            "{}: only plateau has anything to settle",
            row["command"]
        );
    }
}

/// The `cluster` column of a run of one layer.
fn clusters(run: &Path, samples: usize) -> Vec<i64> {
    let table = metadata::read(&run.join("samples.parquet"), samples, None, &[]).expect("samples.parquet");
    let column = table.columns.into_iter().find(|column| column.name == "cluster").expect("a cluster column");
    let ColumnValues::Int(labels) = column.values else { panic!("labels are integers") };
    labels.into_iter().map(|label| label.expect("every sample has one")).collect()
}

#[test]
fn features_and_run_folders_give_what_the_network_gives() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    let recipe = "--sketch histogram:bins=6 --calibration 20";
    let grid = "--normalize none,standard --metric hellinger,wasserstein_1 --selection eom,leaf --resamples 2";
    ok(napscope(&scratch, &format!("analyze --data act.npz {recipe} -o run")));
    let whole = sweep(&scratch, &format!("--data act.npz {recipe} {grid}"));
    let stored = sweep(&scratch, &format!("run {grid}"));
    let file = sweep(&scratch, &format!("run/features/000-conv.safetensors {grid}"));
    assert_eq!((&stored["label"], &file["label"]), (&"label".into(), &Value::Null), "columns of a run go along");
    assert_eq!(stored["work"]["forward_passes"], 0);
    let key = |row: &Value| format!("{} {} {} {}", row["layer"], row["normalize"], row["metric"], row["selection"]);
    let found = |report: &Value| {
        let hash = |row: &Value| (key(row), row["scores"]["labels_sha256"].clone());
        rows(report).iter().map(hash).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(found(&stored), found(&whole));
    assert_eq!(found(&file).len(), 8);
    for row in rows(&file) {
        assert_eq!(found(&whole)[&key(row)], row["scores"]["labels_sha256"], "{}", key(row));
        let told = run_line(&scratch, &row["command"], "");
        let labels = told.stdout.lines().skip(1).map(|line| line.split(',').next().and_then(|cell| cell.parse().ok()));
        let labels: Vec<i64> = labels.map(|label| label.expect("the first column is the label")).collect();
        assert_eq!(row["scores"]["labels_sha256"], hash(labels), "{}", row["command"]);
    }
}

#[test]
fn a_matrix_in_an_array_file_will_do() {
    let scratch = Scratch::new();
    let value = |at: usize| ((at * 37 % 101) as f32 / 50.0) + if (at / 4).is_multiple_of(2) { 9.0 } else { 0.0 };
    let values: Vec<u8> = (0..60 * 4).flat_map(|at| value(at).to_le_bytes()).collect();
    let labels: Vec<u8> = (0..60i64).flat_map(|sample| (sample % 2).to_le_bytes()).collect();
    let arrays = [
        ("a.npy", npy("<f4", &[60, 4], &values)),
        ("b.npy", npy("<f4", &[60, 4], &values)),
        ("label.npy", npy("<i8", &[60], &labels)),
    ];
    scratch.file("f.npz", zip(&arrays, false));
    let report = sweep(
        &scratch,
        "f.npz --array b --metric euclidean,cosine --selection eom --min-cluster-size 20 --resamples 2",
    );
    assert_eq!(report["label"], "label");
    let best = rows(&report).iter().find(|row| row["metric"] == "euclidean").expect("a row a metric");
    assert_eq!((&best["layer"], &best["scores"]["patterns"]), (&"f".into(), &2.into()), "{best:#}");
    assert_eq!(best["scores"]["agreement"]["in_patterns"]["purity"], 1.0, "two groups far apart");
    assert!(best["scores"]["stability"]["lowest"].as_f64().is_some_and(|lowest| lowest > 0.5), "{best:#}");
    let told = run_line(&scratch, &best["command"], "");
    assert_eq!(told.stdout.lines().count(), 61);
}

#[test]
fn threads_and_batches_change_no_byte_in_any_format() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    for (format, ending) in [("json", "json"), ("csv", "csv"), ("markdown", "md"), ("text", "txt")] {
        let mut outputs = Vec::new();
        for how in ["--threads 1 --batch 1", "--threads 2 --batch 64"] {
            let line = format!("sweep --data act.npz {GRID} {how} --top 0 --format {format} --force -o out.{ending}");
            let stdout = ok(napscope(&scratch, &line)).stdout;
            let file = std::fs::read_to_string(scratch.path().join(format!("out.{ending}"))).expect("the output");
            assert_eq!(file, stdout, "{format}: the file holds what stdout holds");
            outputs.push(stdout);
        }
        assert!(outputs[0] == outputs[1], "{format} differs:\n{}\n{}", outputs[0], outputs[1]);
    }
    assert!(!scratch.path().join("out.json.partial").exists(), "a whole sweep leaves its output and nothing else");
}

#[test]
fn permuting_the_samples_changes_no_figure() {
    let scratch = Scratch::new();
    let shuffled: Vec<usize> = (0..90).map(|i| (i * 37 + 11) % 90).collect();
    data(&scratch, 90);
    scratch.file("b.npz", activations(&shuffled));
    let figures = |file: &str| {
        let mut report = sweep(&scratch, &format!("--data {file} {GRID}"));
        for row in report["rows"].as_array_mut().expect("rows") {
            row["command"] = Value::Null;
            // Sums over labels and subsamples run in the order of the samples: the last bit may differ.
            round(&mut row["scores"]);
            if let Some(scores) = row["scores"].as_object_mut() {
                scores.remove("labels_sha256");
            }
        }
        report["rows"].take()
    };
    assert_eq!(figures("act.npz"), figures("b.npz"));
}

fn round(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(round),
        Value::Number(number) if number.is_f64() => {
            *value = Value::from(number.as_f64().map(|number| (1e9 * number).round() / 1e9));
        }
        _ => {}
    }
}

#[test]
fn labels_decide_nothing_unless_asked() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    // Another column as label: the order must not move.
    let order = |arguments: &str| {
        let report = sweep(&scratch, &format!("--data act.npz {GRID} {arguments}"));
        rows(&report).iter().map(|row| row["command"].to_string().replace(" --label snr_db", "")).collect::<Vec<_>>()
    };
    let plain = order("");
    assert_eq!(order("--label snr_db"), plain);
    let by_labels = sweep(&scratch, &format!("--data act.npz {GRID} --rank-by ari"));
    assert_eq!(by_labels["ranked_by"], "ari");
    for layer in ["conv", "fc"] {
        let of_layer: Vec<&Value> = rows(&by_labels).iter().filter(|row| row["layer"] == layer).collect();
        let index = |row: &Value| row["scores"]["agreement"]["adjusted_rand"].as_f64();
        let ranked: Vec<f64> = of_layer.iter().filter_map(|row| index(row)).collect();
        assert!(ranked.len() > 20 && ranked.windows(2).all(|pair| pair[0] >= pair[1]), "{layer}: {ranked:?}");
        let ranks: Vec<Option<u64>> = of_layer.iter().map(|row| row["rank"].as_u64()).collect();
        let expected = (0..of_layer.len()).map(|at| (at < ranked.len()).then_some(at as u64 + 1));
        assert_eq!(ranks, expected.collect::<Vec<_>>(), "{layer}: numbered from 1, what has no value last");
    }
}

#[test]
fn what_cannot_be_is_told_beforehand_and_row_by_row() {
    let scratch = Scratch::new();
    data(&scratch, 40);
    let line = "sweep --data act.npz --layer fc --metric euclidean,hellinger --min-cluster-size 5,41 --format csv";
    let told = ok(napscope(&scratch, line));
    assert!(told.stderr.contains("2 of the 4 recipes cannot be"), "{}", told.stderr);
    let mut reader = csv_rows(&told.stdout);
    let head = reader.remove(0);
    let at = |name: &str| head.iter().position(|cell| cell == name).expect(name);
    for row in reader {
        let expected = match (row[at("metric")].as_str(), row[at("min_cluster_size")].as_str()) {
            ("hellinger", _) => "hellinger compares distributions",
            (_, "41") => "40 samples are too few for min_cluster_size 41",
            _ => "",
        };
        assert!(row[at("reason")].starts_with(expected), "{row:?}");
        assert_eq!(row[at("patterns")].is_empty(), !expected.is_empty(), "{row:?}");
    }
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let row = |record: Result<csv::StringRecord, csv::Error>| record.expect("a row as long as the head");
    reader.records().map(|record| row(record).iter().map(str::to_owned).collect()).collect()
}

#[test]
fn tables_for_people_are_narrow_and_say_what_they_mean() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    let told = ok(napscope(&scratch, "sweep --data act.npz --resamples 2 --top 2"));
    let table: Vec<&str> = told.stdout.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), 1 + 2 * 3, "a head, and of each layer a heading and two rows:\n{}", told.stdout);
    assert!(table.iter().all(|line| line.chars().count() <= 120), "{}", told.stdout);
    for says in [
        "conv: the best 2 of 28 recipes",
        "ranked within a layer by stable-coverage",
        "noise counted as one pattern",
        "rows cannot be",
    ] {
        assert!(told.stdout.contains(says), "`{says}` is missing:\n{}", told.stdout);
    }
    assert!(told.stderr.contains("112 clusterings") || told.stderr.contains("clusterings from"), "{}", told.stderr);
    let quiet = ok(napscope(&scratch, "sweep --data act.npz --resamples 0 --quiet --timings"));
    assert!(quiet.stderr.is_empty() && quiet.stdout.contains("secs"), "{}{}", quiet.stdout, quiet.stderr);
    assert!(!quiet.stdout.contains("stability"), "nobody asked for it:\n{}", quiet.stdout);
    assert!(quiet.stdout.contains("ranked within a layer by validity"), "what is left to rank by:\n{}", quiet.stdout);
}

/// Ctrl-C asks a sweep to stop, kill −9 gives it no time to do anything: both leave what `--resume` goes on with.
#[test]
#[cfg(unix)]
fn an_interrupted_and_a_killed_sweep_go_on_to_the_same_bytes() {
    let scratch = Scratch::new();
    data(&scratch, 500);
    let line = "sweep --data act.npz --sketch kde,mean --normalize none,standard --metric euclidean,cosine \
                --min-samples 3,6 --resamples 4 --quiet";
    ok(napscope(&scratch, &format!("{line} -o whole.json")));
    let read = |name: &str| std::fs::read_to_string(scratch.path().join(name)).expect(name);
    let whole = read("whole.json");
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let out = format!("out{signal}.json");
        let mut child = command(&scratch)
            .args(format!("{line} -o {out}").split_whitespace())
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the program runs");
        let units = scratch.path().join(format!("{out}.partial/.partial/layers"));
        let begun = || std::fs::read_dir(&units).is_ok_and(|mut units| units.nth(2).is_some());
        while !begun() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        assert_eq!(child.wait().expect("a child").code(), code, "what {signal} comes to");
        if signal == "-INT" {
            let part: Value = serde_json::from_str(&read(&out)).expect("what is done is a table");
            assert_eq!(part["complete"], false);
            assert!(!rows(&part).is_empty() && rows(&part).len() < 32, "{} rows of 32", rows(&part).len());
        }
        let refused = napscope(&scratch, &format!("{line} -o {out}"));
        assert_eq!(refused.code, Some(2), "a stopped sweep is not gone on with unasked: {}", refused.stderr);
        ok(napscope(&scratch, &format!("{line} --resume -o {out}")));
        assert!(read(&out) == whole, "resumed after {signal}: other bytes");
    }
}

#[test]
fn the_embedded_example_is_a_sweep_of_its_own() {
    let scratch = Scratch::new();
    let report = sweep(&scratch, "--layer dense --limit 120 --metric euclidean,cosine --resamples 0 --quiet");
    assert_eq!(rows(&report).len(), 2);
    for row in rows(&report) {
        let command = row["command"].as_str().expect("a command");
        assert!(
            command.starts_with("napscope analyze --example vision") && command.contains("--layer dense"),
            "{command}"
        );
        assert_eq!(row["min_cluster_size"], 15, "what the example settles");
    }
    assert_eq!(
        report["command"],
        "napscope sweep --example vision --limit 120 --layer dense --metric euclidean,cosine --resamples 0"
    );
}

/// Whoever reads a result that approximate neighbors made must find it said there.
#[test]
fn every_output_names_approximate_neighbors() {
    let scratch = Scratch::new();
    data(&scratch, 90);
    let asked = "--neighbors approximate:seed=4";
    let told = ok(napscope(&scratch, &format!("analyze --data act.npz --layer conv {asked} -o run")));
    let note = "neighbors are approximate (NN-descent, seed 4)";
    let read = |name: &str| std::fs::read_to_string(scratch.path().join(name)).expect(name);
    let report: Value = serde_json::from_str(&read("run/report.json")).expect("JSON");
    assert_eq!(report["recipe"]["hdbscan"]["neighbors"], "approximate:seed=4");
    for (what, text) in
        [("stdout", &told.stdout), ("report.json", &read("run/report.json")), ("report.html", &read("run/report.html"))]
    {
        assert!(text.contains(note), "{what} does not say that {note}");
    }
    let features = std::fs::read_dir(scratch.path().join("run/features")).expect("features").next();
    let features = features.expect("one layer").expect("an entry").path();
    let line = format!("cluster {} {asked}", features.display());
    let told = ok(napscope(&scratch, &line));
    let rows = csv_rows(&told.stdout);
    assert_eq!(rows[0].last().map(String::as_str), Some("neighbors"), "{:?}", rows[0]);
    assert_eq!(rows[1].last().map(String::as_str), Some("approximate:seed=4"), "{:?}", rows[1]);
    assert!(told.stderr.contains(note), "{}", told.stderr);
    let json = ok(napscope(&scratch, &format!("{line} --format json"))).stdout;
    assert!(json.contains("approximate:seed=4"), "{json}");
    let line = format!("--data act.npz --layer conv --selection leaf,plscan --resamples 0 --metric euclidean {asked}");
    let report = sweep(&scratch, &line);
    assert_eq!(report["neighbors"], "approximate:seed=4");
    assert!(report["notes"].to_string().contains(note), "{:#}", report["notes"]);
    for format in ["text", "markdown", "csv"] {
        let told = ok(napscope(&scratch, &format!("sweep {line} --format {format}")));
        assert!(told.stdout.contains("approximate:seed=4"), "{format}:\n{}", told.stdout);
    }
    let exact = sweep(&scratch, "--data act.npz --layer conv --selection leaf --resamples 0 --metric euclidean");
    assert_eq!(exact["neighbors"], "exact");
}
