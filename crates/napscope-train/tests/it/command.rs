//! What the program says and how it exits, as `napscope` does: 0 ok, 2 wrong use or data.

use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_napscope-train")).args(arguments).output().expect("it runs")
}

/// What it said of an error, which must be the user's.
fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?} said {said}");
    said
}

#[test]
fn an_error_of_the_user_is_told_with_its_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out").display().to_string();
    let said = refusal(&["receiver", "--preset", "huge", "--out", &out]);
    assert!(said.starts_with("error: no preset is called `huge`; there are small"), "{said}");
    let said = refusal(&["receiver", "--config", "nowhere.toml", "--out", &out]);
    assert!(said.starts_with("error: cannot read nowhere.toml: "), "the cause belongs on the same line: {said}");
    let said = refusal(&["receiver", "--device", "tpu", "--out", &out]);
    assert!(said.contains("[possible values: cpu, wgpu]"), "{said}");
    assert!(!Path::new(&out).exists(), "nothing is begun");
}

#[test]
#[cfg(not(feature = "wgpu"))]
fn a_build_without_a_graphics_card_says_how_to_build_one_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out").display().to_string();
    let said = refusal(&["receiver", "--preset", "tiny", "--device", "wgpu", "--out", &out]);
    assert!(said.contains("cargo run --release -p napscope-train --features wgpu -- "), "{said}");
    assert!(!Path::new(&out).exists(), "nothing is begun");
}

#[test]
fn help_shows_examples() {
    for command in ["receiver", "export", "curve"] {
        let output = run(&[command, "--help"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains(&format!("Examples:\n  napscope-train {command} ")), "{said}");
    }
}
