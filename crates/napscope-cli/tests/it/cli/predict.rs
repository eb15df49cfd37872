//! `napscope predict`: new samples in the patterns of others.

use super::harness::{Told, napscope};
use super::runs::activations;
use crate::scratch::Scratch;

const RECIPE: &str = "--metric cosine --normalize standard --selection eom --min-cluster-size 8 --min-samples 4";

fn ok(scratch: &Scratch, arguments: &str) -> Told {
    let told = napscope(scratch, arguments);
    assert_eq!(told.code, Some(0), "`{arguments}` should work; it said:\n{}", told.stderr);
    told
}

/// A run of 90 samples in two layers, and 30 other samples sketched in the same way.
fn run() -> Scratch {
    let scratch = Scratch::new();
    scratch.file("act.npz", activations(&(0..90).collect::<Vec<_>>()));
    scratch.file("new.npz", activations(&(90..120).collect::<Vec<_>>()));
    ok(&scratch, &format!("analyze --data act.npz {RECIPE} -o run"));
    ok(&scratch, "extract --data new.npz -o new");
    scratch
}

#[test]
fn a_sample_of_the_run_gets_its_own_row_back() {
    let scratch = run();
    let clustered = ok(&scratch, &format!("cluster run/features/000-conv.safetensors {RECIPE}"));
    let of_run = ok(&scratch, "predict run run/features/000-conv.safetensors --layer conv");
    assert_eq!(of_run.stdout, clustered.stdout, "the settings are those of the run");
    let conv = "run/features/000-conv.safetensors";
    let of_file = ok(&scratch, &format!("predict {conv} {conv} {RECIPE}"));
    assert_eq!(of_file.stdout, clustered.stdout, "the settings are those of the command line");
    let other = ok(&scratch, "predict run run/features/000-conv.safetensors --layer conv --min-cluster-size 60");
    assert!(other.stdout.lines().skip(1).all(|row| row.starts_with("-1,0.0,")), "no pattern:\n{}", other.stdout);
    assert!(other.stderr.contains("0 of 90 new samples are in patterns"), "{}", other.stderr);
}

#[test]
fn new_samples_join_their_group_and_no_other() {
    let scratch = run();
    let told = ok(&scratch, "predict run new/features/000-conv.safetensors --layer conv --memberships --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&told.stdout).expect("a list of rows");
    assert_eq!(rows.len(), 30);
    for (at, row) in rows.iter().enumerate() {
        let label = row["label"].as_i64().expect("a label");
        assert_eq!(label, rows[at % 3]["label"].as_i64().expect("a label"), "sample {at} belongs to group {}", at % 3);
        let members: Vec<f64> =
            (0..3).map(|pattern| row[format!("membership_{pattern}")].as_f64().expect("three patterns")).collect();
        let own = members[usize::try_from(label).expect("no noise")];
        assert!(members.iter().all(|value| *value <= own), "sample {at}: {members:?}");
        assert!(members.iter().sum::<f64>() <= 1.0 + 1e-6, "sample {at}: {members:?}");
    }
    ok(&scratch, "predict run new/features/000-conv.safetensors --layer conv -o new.parquet");
    let bytes = std::fs::read(scratch.path().join("new.parquet")).expect("it was written");
    assert!(bytes.starts_with(b"PAR1"), "Parquet");
}

#[test]
fn what_cannot_be_placed_is_refused() {
    let scratch = run();
    for (what, arguments, expected) in [
        ("other columns", "predict run new/features/001-fc.safetensors --layer conv", &["6 columns", "got 10"][..]),
        ("a layer too many", "predict run new/features/001-fc.safetensors", &["2 layers", "conv, fc"]),
        ("an unknown layer", "predict run new/features/001-fc.safetensors --layer cnov", &["`cnov`", "`conv`"]),
        (
            "a layer of a file",
            "predict run/features/001-fc.safetensors new/features/001-fc.safetensors --layer fc",
            &["layer", "FEATURES is a file"],
        ),
        ("no patterns", "predict new new/features/001-fc.safetensors --layer fc", &["stopped after the features"]),
        ("no run", "predict . new/features/001-fc.safetensors --layer fc", &["report.json"]),
        ("no file", "predict run gone.safetensors --layer fc", &["gone.safetensors"]),
    ] {
        let told = napscope(&scratch, arguments);
        assert_eq!(told.code, Some(2), "{what}: it said\n{}", told.stderr);
        assert!(told.stdout.is_empty(), "{what}: nothing on stdout");
        for word in expected {
            assert!(told.stderr.contains(word), "{what}: expected …{word}…, it said\n{}", told.stderr);
        }
    }
}
