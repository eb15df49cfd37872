//! The chores of this repository: `cargo xtask COMMAND`.

mod bench;
mod explorer;
mod python;
mod tidy;

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const HELP: &str = "cargo xtask COMMAND

  test              all tests: sets up what they need (onnxruntime, in target/python), then cargo test, the tidy check and the explorer's page
  explorer          build the explorer's page from explorer/ (npm), into the program's sources
  tidy              house rules that no compiler knows
  schema            write docs/schema/*.json anew from the types
  oracles [NAME]    remake the expected values in oracles/ (all, or make_NAME.py) with pinned Python packages
  bench [NAME]      run the benchmarks side by side with their peers and rewrite BENCHMARKS.md";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", rest @ ..] => test(rest),
        ["explorer"] => explorer::build(&root()),
        ["tidy"] => tidy::check(&root()),
        ["schema"] => cargo(&["run", "--quiet", "--package", "napscope-cli", "--example", "write_schema"]),
        ["oracles"] => python::make_oracles(&root(), None),
        ["oracles", name] => python::make_oracles(&root(), Some(name)),
        ["bench"] => bench::run(&root(), None),
        ["bench", name] => bench::run(&root(), Some(name)),
        ["help" | "--help" | "-h"] | [] => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("no chore is called `{}`\n\n{HELP}", other.join(" ")),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// All tests. The tests of the optional engine need an onnxruntime: it is installed beside the build, once.
fn test(rest: &[&str]) -> anyhow::Result<()> {
    tidy::check(&root())?;
    explorer::check(&root())?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--workspace"]).args(rest).current_dir(root());
    // The same cases each time, so that a change is judged by what it changed. CONTRIBUTING.md says how to search further.
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        command.env("PROPTEST_RNG_SEED", "1");
    }
    match python::onnxruntime(&root()) {
        Ok(library) => {
            command.env("NAPSCOPE_TEST_ORT", library);
        }
        Err(error) if std::env::var_os("CI").is_some() => return Err(error),
        Err(error) => eprintln!("note: the optional onnxruntime engine is not tested: {error:#}"),
    }
    succeed(&mut command)
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    succeed(Command::new(env!("CARGO")).args(arguments).current_dir(root()))
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
