//! House rules that no compiler knows.

use anyhow::bail;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Words that a crate's sources must not hold, and why: the architecture's invariants as absences.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "crates/napscope/src",
        &["std::fs", "std::net", "SystemTime", "Instant::now", "println!"],
        "the method does no IO and reads no clock",
    ),
    (
        "crates/napscope/src",
        &["onnx", "rten", "burn::", "ofdm", "dmrs"],
        "the method knows no network format, no training framework, no radio",
    ),
    ("crates/napscope-ofdm/src", &["napscope::", "std::net"], "the link depends on nothing of ours"),
];

/// Checks every rule and tells all that is wrong at once.
///
/// # Errors
/// When a rule is broken.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let files = tracked(root)?;
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let Ok(text) = std::fs::read_to_string(root.join(file)) else { continue };
        let name = file.display();
        if !text.starts_with("//!") {
            wrong.push(format!("{name}: does not open with //! that says why it is there"));
        }
        for (folder, words, why) in FORBIDDEN.iter().filter(|rule| file.starts_with(rule.0)) {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("{name}:{}: `{word}` in {folder}: {why}", number + 1));
                }
            }
        }
        // The word is split, so that this rule does not find itself.
        if text.contains(concat!("#[ig", "nore")) {
            wrong.push(format!("{name}: an ignored test"));
        }
    }
    wrong.extend(orphans(&files));
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{} house rules are broken:\n  {}", wrong.len(), wrong.join("\n  "))
}

/// Every expected value has its maker beside it.
fn orphans(files: &[PathBuf]) -> Vec<String> {
    let oracles = files.iter().filter(|file| file.parent() == Some(Path::new("oracles")));
    let json = oracles.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    json.filter(|file| {
        let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("").to_owned();
        let made = stem(file).trim_start_matches("make_").to_owned();
        let maker = |path: &&PathBuf| {
            path.starts_with("oracles") && stem(path).strip_prefix("make_").is_some_and(|kind| made.starts_with(kind))
        };
        !files.iter().filter(maker).any(|path| path.extension().is_some_and(|extension| extension == "py"))
    })
    .map(|file| format!("{}: no make_*.py beside it has a name that it begins with", file.display()))
    .collect()
}

fn tracked(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}
