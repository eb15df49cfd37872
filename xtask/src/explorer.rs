//! The explorer's page: built from `explorer/` by npm, committed, and checked to be what the sources give.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the program takes the page from.
const PAGE: &str = "crates/napscope-cli/src/explore/page";

/// Builds the page anew from the sources and the locked packages.
///
/// # Errors
/// When npm is missing or fails.
pub(crate) fn build(root: &Path) -> anyhow::Result<()> {
    install(root)?;
    npm(root, &["run", "--silent", "check"])?;
    npm(root, &["run", "--silent", "build"])
}

/// Checks that the committed page is what the sources give, byte for byte. Where CI is not set, a machine without npm is told
/// what was not checked.
///
/// # Errors
/// When they differ, or npm fails.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    if Command::new("npm").arg("--version").output().is_err() {
        if std::env::var_os("CI").is_some() {
            bail!("npm is missing: the explorer's page cannot be checked");
        }
        eprintln!("note: npm is not installed: the explorer's page is not built from its sources to compare");
        return Ok(());
    }
    install(root)?;
    let fresh = root.join("target/explorer-page");
    npm(root, &["run", "--silent", "build", "--", "--logLevel", "warn", "--outDir", &fresh.display().to_string()])?;
    let mut differing = Vec::new();
    for name in ["index.html", "app.js", "app.css"] {
        let read = |folder: PathBuf| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
        if read(root.join(PAGE))? != read(fresh.clone())? {
            differing.push(name);
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    bail!("{PAGE}: {} is not what explorer/ gives: run `cargo xtask explorer` and commit", differing.join(", "))
}

/// Installs the locked packages, unless they are there.
fn install(root: &Path) -> anyhow::Result<()> {
    let changed = |path: &str| root.join("explorer").join(path).metadata().and_then(|data| data.modified()).ok();
    let (wanted, there) = (changed("package-lock.json"), changed("node_modules/.package-lock.json"));
    if there.is_some() && there >= wanted {
        return Ok(());
    }
    npm(root, &["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
}

fn npm(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    crate::succeed(Command::new("npm").args(arguments).current_dir(root.join("explorer")))
}
