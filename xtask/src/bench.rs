//! Benchmarks: ours and its peers side by side in one run, as ratios, written into BENCHMARKS.md between markers.
//!
//! Every program prints JSON lines: `row` (what is measured), `by` (who), a figure, and whatever else it wants to keep.

use crate::{python, succeed};
use anyhow::{Context, bail};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// One benchmark.
struct Bench {
    /// `cargo xtask bench NAME`, and the marker in BENCHMARKS.md.
    name: &'static str,
    /// Our programs, each `(package, example)`, built for release.
    ours: &'static [(&'static str, &'static str)],
    /// The peers' programs in oracles/.
    peers: &'static [&'static str],
    /// Python packages of the peers.
    packages: &'static [&'static str],
    /// The key of the figure, and its unit in words.
    figure: (&'static str, &'static str),
    /// Is more of it better?
    more_is_better: bool,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "sketches",
        ours: &[("napscope", "bench_sketches")],
        peers: &["bench_sketches.py"],
        packages: &["numpy==2.4.6", "scipy==1.17.1", "KDEpy==1.1.12"],
        figure: ("million_activations_per_s", "million activations a CPU second, one thread"),
        more_is_better: true,
    },
    Bench {
        name: "pipeline",
        ours: &[],
        peers: &["bench_pipeline.py"],
        packages: &["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0"],
        figure: ("cpu_ms_per_sample", "CPU milliseconds a sample, one thread"),
        more_is_better: false,
    },
    Bench {
        name: "link",
        ours: &[("napscope-ofdm", "bench_link")],
        peers: &["bench_link.py"],
        packages: &["sionna-no-rt==2.2.0", "torch==2.15.0", "numpy==2.4.6"],
        figure: ("slots_per_s", "slots a CPU second, one thread"),
        more_is_better: true,
    },
    Bench {
        name: "ldpc",
        ours: &[("napscope-ofdm", "bench_ldpc")],
        peers: &["bench_ldpc.py"],
        packages: &["sionna-no-rt==2.2.0", "torch==2.15.0", "numpy==2.4.6"],
        figure: ("mbit_per_s", "million information bits a CPU second, one thread"),
        more_is_better: true,
    },
];

/// Runs one benchmark, or all, and rewrites their sections.
///
/// # Errors
/// When a program fails or prints something else than JSON lines.
pub(crate) fn run(root: &Path, only: Option<&str>) -> anyhow::Result<()> {
    let wanted: Vec<&Bench> = BENCHES.iter().filter(|bench| only.is_none_or(|only| only == bench.name)).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("no benchmark is called `{}`; there are {}", only.unwrap_or(""), names.join(", "));
    }
    for bench in wanted {
        let rows = measure(root, bench)?;
        let section = format!("{}\n\n{}", machine(), table(bench, &rows));
        write_section(&root.join("BENCHMARKS.md"), bench.name, &section)?;
        println!("{section}");
    }
    Ok(())
}

fn measure(root: &Path, bench: &Bench) -> anyhow::Result<Vec<Value>> {
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(root);
        command
    };
    // Build first, so that nothing compiles while something is timed.
    succeed(cargo().args(["build", "--release", "--quiet", "--package", "napscope-cli"]))?;
    let mut rows = Vec::new();
    for (package, example) in bench.ours {
        succeed(cargo().args(["build", "--release", "--quiet", "--package", package, "--example", example]))?;
        let program = root.join("target/release/examples").join(example);
        rows.extend(lines(Command::new(program).current_dir(root))?);
    }
    if !bench.peers.is_empty() {
        let python = python::environment(&root.join("target/python").join(bench.name), bench.packages)?;
        for peer in bench.peers {
            let mut command = Command::new(&python);
            // One thread: the figures are CPU seconds, and threads that wait would count.
            command.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
            rows.extend(lines(command.arg(root.join("oracles").join(peer)).current_dir(root))?);
        }
    }
    Ok(rows)
}

fn lines(command: &mut Command) -> anyhow::Result<Vec<Value>> {
    let output =
        command.stderr(std::process::Stdio::inherit()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not a JSON line: {line}"))).collect()
}

/// A line for every figure of ours and every peer of it, with how many times better ours is.
fn table(bench: &Bench, rows: &[Value]) -> String {
    let (key, unit) = bench.figure;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("").to_owned();
    let ours = rows.iter().filter(|row| row["by"] == "napscope");
    let mut table = format!("{unit}:\n\n| what | napscope | peer | the peer's | ratio |\n|---|---|---|---|---|\n");
    for row in ours.filter(|row| row[key].is_f64()) {
        let name = text(row, "row");
        let figure = row[key].as_f64().unwrap_or(f64::NAN);
        let peers: Vec<&Value> = rows
            .iter()
            .filter(|peer| peer["by"] != "napscope" && text(peer, "row") == name && peer[key].is_f64())
            .collect();
        if peers.is_empty() {
            let _ = writeln!(table, "| {name} | {} | – | – | – |", short(figure));
        }
        for peer in peers {
            let theirs = peer[key].as_f64().unwrap_or(f64::NAN);
            let ratio = if bench.more_is_better { figure / theirs } else { theirs / figure };
            let (by, figure) = (text(peer, "by"), short(figure));
            let _ = writeln!(table, "| {name} | {figure} | {by} | {} | {} × |", short(theirs), short(ratio));
        }
    }
    for row in rows.iter().filter(|row| row["note"].is_string()) {
        let _ = write!(table, "\n- {}", text(row, "note"));
    }
    table
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).and_then(|rest| rest.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Machine: {}, {cores} cores, {}.", model.unwrap_or("unknown processor").trim(), std::env::consts::OS)
}

/// Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`.
fn write_section(path: &Path, name: &str, section: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let (begin, end) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
    let (Some(from), Some(to)) = (text.find(&begin), text.find(&end)) else {
        bail!("{} has no section {begin} … {end}", path.display());
    };
    let new = format!("{}\n{section}\n{}", &text[..from + begin.len()], &text[to..]);
    Ok(std::fs::write(path, new)?)
}
