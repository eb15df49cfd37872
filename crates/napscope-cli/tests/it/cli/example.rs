//! What `napscope analyze` runs when nobody names a network: the embedded examples.

use super::harness::{Told, napscope};
use crate::scratch::Scratch;
use napscope_cli::files::pictures::Pictures;
use serde_json::Value;
use std::path::Path;

fn report(scratch: &Scratch, folder: &str, told: &Told) -> Value {
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let text = std::fs::read_to_string(scratch.path().join(folder).join("report.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

/// The slots that the receiver's example simulates are those of a command that everybody can run.
const SLOTS: &str = "link simulate --preset deeprx --num-prb 6 --modulation qpsk,16qam --target-coderate none \
                     --seed 20261124 --input estimate --slots 150 -o slots.npz --receiver perfect_csi,lmmse_estimated";

#[test]
fn without_a_network_the_receiver_runs_on_slots_of_its_own() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "analyze --limit 150 --layer block3.relu2 --min-cluster-size 5 --threads 1 -o run");
    let report = report(&scratch, "run", &told);
    assert_eq!(
        report["command"],
        "napscope analyze --example receiver --limit 150 --layer block3.relu2 --min-cluster-size 5"
    );
    assert_eq!((&report["samples"], &report["label"]), (&150.into(), &"modulation".into()));
    assert_eq!(report["pictures"], "slot");
    let pictures = Pictures::open(&scratch.path().join("run/pictures.zip")).expect("sound").expect("there");
    let drawn = image::load_from_memory(&pictures.png(149).expect("the last slot")).expect("a PNG");
    assert_eq!((drawn.width(), drawn.height()), (292, 144));
    let columns: Vec<&str> = report["columns"].as_array().expect("columns").iter().filter_map(Value::as_str).collect();
    for wanted in [
        "snr_db",
        "delay_spread_secs",
        "max_doppler_hz",
        "channel_model",
        "modulation",
        "post_eq_sinr_db",
        "uncoded_ber_lmmse_estimated",
        "uncoded_ber_receiver",
    ] {
        assert!(columns.contains(&wanted), "no column {wanted}: {columns:?}");
    }
    let layer = &report["layers"][0];
    assert_eq!(layer["name"], "block3.relu2");
    let of_snr = |found: &&Value| found["column"] == "post_eq_sinr_db";
    let alignment = layer["verdict"]["alignment"].as_array().expect("what the layer tells of the columns");
    let share = alignment.iter().find(of_snr).and_then(|found| found["ridge"]["r2"].as_f64()).expect("a share");
    assert!(share > 0.8, "a receiver knows the SNR: its third block tells {share} of its variance");

    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies/receiver/receiver.onnx");
    let listed = napscope(&scratch, &format!("layers {} --sample-shape 19,14,72", network.display()));
    assert_eq!(listed.code, Some(0), "its sizes are open, so one is given: {}", listed.stderr);
    assert!(listed.stdout.contains("block3.relu2") && listed.stdout.contains("(n, 32, 14, 72)"), "{}", listed.stdout);
    let simulated = napscope(&scratch, &format!("{SLOTS},{}", network.display()));
    assert_eq!(simulated.code, Some(0), "{}", simulated.stderr);
    let network = network.display();
    let told = napscope(&scratch, &format!("analyze {network} --data slots.npz --layer block3.relu2 -o again"));
    let again = self::report(&scratch, "again", &told);
    assert_eq!(again["data"]["sha256"], report["data"]["sha256"], "the same slots, byte for byte");
    assert_eq!(again["model"]["sha256"], report["model"]["sha256"], "the same network");
}

#[test]
fn the_other_example_is_asked_for_by_name() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, "analyze --example vision --limit 60 --layer dense --min-cluster-size 5 -o run");
    let report = report(&scratch, "run", &told);
    assert_eq!(report["command"], "napscope analyze --example vision --limit 60 --layer dense --min-cluster-size 5");
    assert_eq!(report["label"], "class_name");
    let refused = napscope(&scratch, "analyze --example sound -o other");
    assert_eq!(refused.code, Some(2));
    for word in ["sound", "receiver", "vision"] {
        assert!(refused.stderr.contains(word), "no `{word}` in: {}", refused.stderr);
    }
}
