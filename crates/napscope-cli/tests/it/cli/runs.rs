//! Whole runs: the run folder, resuming, and that nothing but the question decides the answer.

use super::harness::{Told, command, model, napscope, told};
use crate::data::write::{npy, zip};
use crate::scratch::Scratch;
use std::collections::BTreeMap;
use std::path::Path;

/// Three groups of maps in two layers, with a label and an SNR: `(n, 6, 4, 4)` and `(n, 10)`.
pub(super) fn activations(order: &[usize]) -> Vec<u8> {
    let noise = |sample: usize, value: usize| {
        // SplitMix64: the same numbers for the same sample, wherever it stands.
        let mut z = (sample as u64 * 1_000_003 + value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    };
    let layer = |channels: usize, positions: usize, salt: usize| -> Vec<u8> {
        let mut bytes = Vec::new();
        for &sample in order {
            for value in 0..channels * positions {
                let lift = if (value / positions) % 3 == sample % 3 { 4.0 } else { 0.0 };
                bytes.extend((noise(sample, salt + value) + lift).to_le_bytes());
            }
        }
        bytes
    };
    let n = order.len();
    let labels: Vec<u8> = order.iter().flat_map(|&sample| ((sample % 3) as i64).to_le_bytes()).collect();
    let snr: Vec<u8> = order.iter().flat_map(|&sample| (f64::from(noise(sample, 9999)) * 30.0).to_le_bytes()).collect();
    zip(
        &[
            ("conv.npy", npy("<f4", &[n, 6, 4, 4], &layer(6, 16, 0))),
            ("fc.npy", npy("<f4", &[n, 10], &layer(10, 1, 500))),
            ("label.npy", npy("<i8", &[n], &labels)),
            ("snr_db.npy", npy("<f8", &[n], &snr)),
        ],
        true,
    )
}

fn data(scratch: &Scratch) {
    scratch.file("act.npz", activations(&(0..90).collect::<Vec<_>>()));
}

fn ok(told: &Told) {
    assert_eq!(told.code, Some(0), "expected success; it said:\n{}", told.stderr);
}

/// Every file of a folder, by its relative path.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

#[test]
fn every_layer_gets_a_verdict_with_its_evidence() {
    let scratch = Scratch::new();
    data(&scratch);
    let told = napscope(&scratch, "analyze --data act.npz -o run");
    ok(&told);
    let report = std::fs::read(scratch.path().join("run/report.json")).expect("report.json");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    for layer in report["layers"].as_array().expect("layers") {
        let verdict = &layer["verdict"];
        assert_eq!(verdict["verdict"], "concepts", "three groups far apart in {}: {verdict:#}", layer["name"]);
        assert!(verdict["reasons"].as_array().is_some_and(|reasons| reasons.len() >= 2), "{verdict:#}");
        assert_eq!(verdict["evidence"]["samples"], 90);
        let column = |name: &str| {
            let columns = verdict["alignment"].as_array().expect("a list");
            columns.iter().find(|column| column["column"] == name).unwrap_or_else(|| panic!("no {name} in {verdict:#}"))
        };
        let (label, snr) = (column("label"), column("snr_db"));
        assert!(
            label["knn"]["r2"].as_f64() > Some(0.9) && label["p_value_adjusted"].as_f64() < Some(0.01),
            "{label:#}"
        );
        assert_eq!(label["classes"], 3, "a label is no number: {label:#}");
        assert!(snr["knn"]["r2"].as_f64() < Some(0.3) && snr["p_value_adjusted"].as_f64() > Some(0.01), "{snr:#}");
    }
    assert!(told.stdout.contains("concepts") && told.stdout.contains("valleys"), "{}", told.stdout);
}

#[test]
fn a_run_folder_holds_what_was_promised() {
    let scratch = Scratch::new();
    data(&scratch);
    let told = napscope(&scratch, "analyze --data act.npz -o run");
    ok(&told);
    assert!(told.stdout.contains("conv") && told.stdout.contains("fc"), "the table names the layers:\n{}", told.stdout);
    let files = contents(&scratch.path().join("run"));
    let expected =
        ["features/000-conv.safetensors", "features/001-fc.safetensors", "layers/000-conv.json", "layers/001-fc.json"];
    for name in expected.into_iter().chain(["report.html", "report.json", "samples.parquet"]) {
        assert!(files.contains_key(name), "{name} is missing from {:?}", files.keys());
    }
    assert_eq!(files.len(), 7, "and nothing else: {:?}", files.keys());
    let report: serde_json::Value = serde_json::from_slice(&files["report.json"]).expect("JSON");
    assert_eq!(report["layers"][0]["patterns"], 3, "three groups were put in: {report:#}");
    assert_eq!(report["layers"][0]["purity"], 1.0);
    assert_eq!(report["label"], "label");
}

#[test]
fn threads_and_batches_change_no_byte() {
    let scratch = Scratch::new();
    data(&scratch);
    for recipe in [
        "",
        "--sketch kde --normalize none --metric jensen_shannon --selection eom",
        "--sketch histogram --metric wasserstein_1",
    ] {
        let mut first: Option<BTreeMap<String, Vec<u8>>> = None;
        for (run, how) in
            ["--threads 1 --batch 1", "--threads 2 --batch 7", "--threads 2 --batch 64"].iter().enumerate()
        {
            let out = format!("run{run}");
            ok(&napscope(&scratch, &format!("analyze --data act.npz {recipe} {how} --force -o {out}")));
            let files = contents(&scratch.path().join(out));
            match &first {
                None => first = Some(files),
                Some(first) => {
                    for (name, bytes) in &files {
                        assert!(first[name] == *bytes, "{name} differs with `{how}` ({recipe})");
                    }
                }
            }
        }
    }
}

/// The rows of `cluster`'s CSV, by sample id.
fn rows(csv: &str) -> BTreeMap<String, String> {
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let id = head.iter().position(|name| *name == "id").expect("an id column");
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[id].to_owned(), line.to_owned())
        })
        .collect()
}

#[test]
fn permuting_the_samples_permutes_the_rows_and_changes_nothing_else() {
    let scratch = Scratch::new();
    let order: Vec<usize> = (0..90).collect();
    let shuffled: Vec<usize> = (0..90).map(|i| (i * 37 + 11) % 90).collect();
    for (name, order) in [("a", &order), ("b", &shuffled)] {
        scratch.file(&format!("{name}.npz"), activations(order));
        let ids: String = order.iter().map(|sample| format!("{sample}\n")).collect();
        scratch.file(&format!("{name}.csv"), format!("id\n{ids}"));
        ok(&napscope(&scratch, &format!("extract --data {name}.npz --sketch histogram --calibration 20 -o {name}")));
    }
    for recipe in [
        "--metric wasserstein_1",
        "--metric euclidean --normalize standard",
        "--metric hellinger --normalize none --selection eom",
        "--selection level:distance=0.3",
        "--selection plateau",
        "--selection plscan --min-cluster-size 3",
        "--selection dbcv",
    ] {
        let cluster = |name: &str| {
            let told = napscope(
                &scratch,
                &format!("cluster {name}/features/000-conv.safetensors --metadata {name}.csv {recipe}"),
            );
            ok(&told);
            rows(&told.stdout)
        };
        let (a, b) = (cluster("a"), cluster("b"));
        assert_eq!(a.len(), 90);
        assert_eq!(a, b, "{recipe}: a row hangs on where its sample stands");
    }
}

#[test]
fn what_a_selection_settles_on_is_told_and_can_be_asked_for() {
    let scratch = Scratch::new();
    data(&scratch);
    ok(&napscope(&scratch, "extract --data act.npz -o run"));
    for selection in ["plateau", "plscan", "dbcv"] {
        let cluster = |how: &str| {
            let told = napscope(&scratch, &format!("cluster run/features/000-conv.safetensors {how}"));
            ok(&told);
            told
        };
        let settled = cluster(&format!("--selection {selection}"));
        let words = settled.stderr.split_once("settled on ").expect("it says what it settled on").1;
        let (plain, _) = words.split_once(',').expect("and how many it tried");
        assert_eq!(cluster(plain).stdout, settled.stdout, "{selection} is {plain}");
    }
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bytes() {
    let scratch = Scratch::new();
    data(&scratch);
    ok(&napscope(&scratch, "analyze --data act.npz --sketch histogram -o whole"));
    let whole = contents(&scratch.path().join("whole"));
    // A run that is killed right after its first chunk leaves this: rows without number behind those that count, too.
    ok(&napscope(&scratch, "extract --data act.npz --sketch histogram -o part"));
    let state = |samples: usize| {
        let fingerprint =
            &serde_json::from_slice::<serde_json::Value>(&whole["report.json"]).expect("JSON")["fingerprint"];
        format!(r#"{{"fingerprint":{fingerprint},"samples_done":{samples},"layers_done":[]}}"#)
    };
    for samples in [0, 1, 64, 90] {
        let part = scratch.path().join(format!("part{samples}"));
        for folder in ["features", "layers", "clusters"] {
            std::fs::create_dir_all(part.join(".partial").join(folder)).expect("a folder");
        }
        for file in ["000-conv.safetensors", "001-fc.safetensors"] {
            let name = format!("features/{file}");
            std::fs::write(part.join(".partial").join(&name), &whole[&name]).expect("writable");
        }
        std::fs::write(part.join(".partial/state.json"), state(samples)).expect("writable");
        let refused = napscope(&scratch, &format!("analyze --data act.npz --sketch histogram -o part{samples}"));
        assert_eq!(refused.code, Some(2), "a stopped run is not gone on with unasked");
        assert!(refused.stderr.contains("--resume"), "{}", refused.stderr);
        ok(&napscope(&scratch, &format!("analyze --data act.npz --sketch histogram --resume -o part{samples}")));
        assert_eq!(contents(&part), whole, "stopped after {samples} samples");
    }
}

#[test]
fn a_run_that_is_there_is_not_made_twice() {
    let scratch = Scratch::new();
    data(&scratch);
    ok(&napscope(&scratch, "analyze --data act.npz -o run"));
    let again = napscope(&scratch, "analyze --data act.npz -o run");
    ok(&again);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    let other = napscope(&scratch, "analyze --data act.npz --metric cosine -o run");
    assert_eq!(other.code, Some(2), "another question needs --force");
    ok(&napscope(&scratch, "analyze --data act.npz --metric cosine --force -o run"));
}

#[test]
fn a_run_that_cannot_begin_leaves_its_place_free() {
    let scratch = Scratch::new();
    let mut bytes: Vec<u8> = (0..120u16).flat_map(|i| f32::from(i % 17).to_le_bytes()).collect();
    let file = |bytes: &[u8]| zip(&[("a.npy", npy("<f4", &[30, 4], bytes))], false);
    scratch.file("good.npz", file(&bytes));
    bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    scratch.file("bad.npz", file(&bytes));
    for refused in ["analyze --data good.npz --memory-limit 10k", "analyze --data bad.npz"] {
        let told = napscope(&scratch, &format!("{refused} -o run"));
        assert_eq!(told.code, Some(2), "{refused}: {}", told.stderr);
        assert!(!scratch.path().join("run").exists(), "{refused} leaves a folder");
    }
    ok(&napscope(&scratch, "analyze --data good.npz -o run"));
}

#[test]
fn a_glob_finds_the_layers_among_the_arrays() {
    let scratch = Scratch::new();
    data(&scratch);
    ok(&napscope(&scratch, "analyze --data act.npz --layer * -o run"));
    let report = std::fs::read(scratch.path().join("run/report.json")).expect("report.json");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    let names: Vec<_> = report["layers"].as_array().expect("layers").iter().map(|layer| &layer["name"]).collect();
    assert_eq!(names, ["conv", "fc"], "labels and SNR are columns");
    let named = napscope(&scratch, "analyze --data act.npz --layer label -o other");
    assert!(named.code == Some(2) && named.stderr.contains("is no layer"), "{}", named.stderr);
}

#[test]
fn flags_that_change_nothing_are_told() {
    let scratch = Scratch::new();
    data(&scratch);
    for (flags, expected) in [
        ("--resize 8 --batch 3", Some("--batch, --resize do nothing: the data are ready-made")),
        ("--id label", Some("--id does nothing: it joins --metadata")),
        ("--max-cluster-size 9", Some("--max-cluster-size does nothing: only --selection eom")),
        ("--max-cluster-size 9 --selection eom", None),
        ("", None),
    ] {
        let told = napscope(&scratch, &format!("analyze --data act.npz {flags} --force -o run"));
        ok(&told);
        match expected {
            Some(expected) => assert!(told.stderr.contains(expected), "{flags}: {}", told.stderr),
            None => assert!(!told.stderr.contains("nothing:"), "{flags}: {}", told.stderr),
        }
    }
}

#[test]
fn a_preset_file_and_a_channel_axis_are_taken_and_told() {
    let scratch = Scratch::new();
    scratch.file("pictures.toml", "resize = 8\ncrop = 8\nmean = [0.5, 0.4, 0.3]\n");
    for sample in 0..12u8 {
        let picture = image::RgbImage::from_fn(9, 11, |x, y| image::Rgb([20 * sample, (20 * x) as u8, (20 * y) as u8]));
        std::fs::create_dir_all(scratch.path().join("photos/cat")).expect("a folder");
        picture.save(scratch.path().join(format!("photos/cat/{sample}.png"))).expect("a picture");
    }
    let line = |how: &str, out: &str| {
        let network = model("resnet_dynamo.onnx").display().to_string();
        let layers = "--layer fc --layer relu --channel-axis 3";
        napscope(&scratch, &format!("analyze {network} --data photos {layers} {how} -o {out}"))
    };
    let by_file = line("--preset pictures.toml", "file");
    ok(&by_file);
    assert!(by_file.stderr.contains("what the graph says stays for fc"), "{}", by_file.stderr);
    ok(&line("--resize 8 --crop 8 --mean 0.5,0.4,0.3", "flags"));
    assert_eq!(contents(&scratch.path().join("file")), contents(&scratch.path().join("flags")), "the same run");
}

#[test]
fn the_told_command_makes_the_run_again() {
    let scratch = Scratch::new();
    data(&scratch);
    scratch.file("napscope.toml", "selection = \"eom\"\nmin_cluster_size = 7\n");
    ok(&napscope(&scratch, "analyze --data act.npz --layer con* -o run"));
    let first = contents(&scratch.path().join("run"));
    let report: serde_json::Value = serde_json::from_slice(&first["report.json"]).expect("JSON");
    let line = report["command"].as_str().expect("a command");
    std::fs::remove_file(scratch.path().join("napscope.toml")).expect("the file");
    let arguments = line.strip_prefix("napscope ").expect("our command").replace('\'', "");
    ok(&napscope(&scratch, &format!("{arguments} -o again")));
    assert_eq!(contents(&scratch.path().join("again")), first, "{line}");
}

#[test]
fn settings_say_where_they_come_from() {
    let scratch = Scratch::new();
    scratch.file("napscope.toml", "metric = \"cosine\"\nalpha = 2\n");
    let told = told(
        command(&scratch).env("NAPSCOPE_ALPHA", "3").args(["config", "--sketch", "max", "--format", "json"]).output(),
    );
    ok(&told);
    let config: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    for (name, value, origin) in [
        ("sketch", "max", "flag"),
        ("alpha", "3", "environment NAPSCOPE_ALPHA"),
        ("metric", "cosine", "file napscope.toml"),
        ("selection", "leaf", "default"),
    ] {
        assert_eq!(config[name]["value"][0], value, "{name}");
        assert_eq!(config[name]["origin"], origin, "{name}");
    }
}

#[test]
fn odd_data_are_no_error() {
    let constant = |n: usize| npy("<f4", &[n, 4], &vec![0; n * 16]);
    let scratch = Scratch::new();
    for (what, bytes) in [
        ("every sample the same", zip(&[("a.npy", constant(30))], false)),
        (
            "one position, one channel",
            zip(
                &[(
                    "a.npy",
                    npy("<f4", &[30, 1], &(0..30u8).flat_map(|i| f32::from(i % 3).to_le_bytes()).collect::<Vec<_>>()),
                )],
                false,
            ),
        ),
        ("six samples, the fewest", zip(&[("a.npy", constant(6))], false)),
    ] {
        scratch.file("odd.npz", bytes);
        for recipe in [
            "",
            "--sketch histogram --metric wasserstein_1",
            "--sketch kde --metric jensen_shannon --normalize none",
            "--normalize whiten",
            "--metric cosine",
            "--sketch moments --normalize robust",
        ] {
            let told = napscope(&scratch, &format!("analyze --data odd.npz --layer a {recipe} --force -o run"));
            assert_eq!(told.code, Some(0), "{what}, {recipe}: {}", told.stderr);
        }
    }
}

/// Ctrl-C asks a run to stop, kill −9 gives it no time to do anything: both leave what `--resume` goes on with.
#[test]
#[cfg(unix)]
fn an_interrupted_and_a_killed_run_go_on_to_the_same_bytes() {
    let scratch = Scratch::new();
    scratch.file("act.npz", activations(&(0..1200).collect::<Vec<_>>()));
    let recipe = "analyze --data act.npz --sketch kde --metric hellinger --normalize none";
    ok(&napscope(&scratch, &format!("{recipe} -o whole")));
    let whole = contents(&scratch.path().join("whole"));
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let out = format!("run{signal}");
        let mut child = command(&scratch)
            .args(format!("{recipe} -o {out}").split_whitespace())
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the program runs");
        let state = scratch.path().join(&out).join(".partial/state.json");
        while !state.exists() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        assert_eq!(child.wait().expect("a child").code(), code, "what {signal} comes to");
        assert!(!scratch.path().join(&out).join("report.json").exists(), "a stopped run is not whole");
        ok(&napscope(&scratch, &format!("{recipe} --resume -o {out}")));
        assert!(contents(&scratch.path().join(&out)) == whole, "resumed after {signal}: other bytes");
    }
}
