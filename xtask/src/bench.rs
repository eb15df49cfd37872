//! Benchmarks: ours and its peers side by side in one run, as ratios, written into BENCHMARKS.md between markers.
//!
//! Every program prints JSON lines: `row` (what is measured), `by` (who), a figure, and whatever else it wants to keep. Of
//! that the tables show `goal` (the least ratio asked for, beside a peer), `at_least` (the peer was ended before it was done),
//! `peak_mb` and `wall_1`, `wall_2` (seconds with one thread and two). A program whose result is no figure prints `line`s instead, which
//! are the section as it is.

use crate::{python, succeed};
use anyhow::{Context, bail};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// One benchmark.
struct Bench {
    /// `cargo xtask bench NAME`, or the first words of it; and the marker in BENCHMARKS.md.
    name: &'static str,
    /// Our programs, each `(package, example)`, built for release and run.
    ours: &'static [(&'static str, &'static str)],
    /// Those that the peers' programs run: examples, or the binary of a package.
    driven: &'static [(&'static str, Option<&'static str>)],
    /// The peers' programs in oracles/, with their arguments.
    peers: &'static [&'static [&'static str]],
    /// Peers in Rust: packages of their own in oracles/, built into target/ under their name.
    rust_peers: &'static [&'static str],
    /// Python packages of the peers.
    packages: &'static [&'static str],
    /// The key of the figure, and its unit in words.
    figure: (&'static str, &'static str),
    /// Is more of it better?
    more_is_better: bool,
}

const BENCH_CLUSTERING: &[(&str, Option<&str>)] = &[("napscope", Some("bench_clustering"))];
/// With what makes the activations of the vision example's layers.
const AND_LAYERS: &[(&str, Option<&str>)] = &[BENCH_CLUSTERING[0], ("napscope-cli", None)];

/// A benchmark of clustering: one group of `oracles/bench_clustering.py`.
const fn clustering(name: &'static str, peers: &'static [&'static [&'static str]]) -> Bench {
    Bench {
        name,
        ours: &[],
        driven: BENCH_CLUSTERING,
        peers,
        rust_peers: &["peers"],
        packages: &[
            "numpy==2.4.6",
            "scipy==1.17.1",
            "scikit-learn==1.9.1",
            "hdbscan==0.8.44",
            "fast_hdbscan==0.3.4",
            "numba==0.68.1",
            "pynndescent==0.7.0",
            "faiss-cpu==1.15.1",
            "matplotlib==3.11.2",
        ],
        figure: ("cpu_secs", "CPU seconds, one thread"),
        more_is_better: false,
    }
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "sketches",
        ours: &[("napscope", "bench_sketches")],
        driven: &[],
        peers: &[&["bench_sketches.py"]],
        rust_peers: &[],
        packages: &["numpy==2.4.6", "scipy==1.17.1", "KDEpy==1.1.12"],
        figure: ("million_activations_per_s", "million activations a CPU second, one thread"),
        more_is_better: true,
    },
    Bench {
        name: "pipeline",
        ours: &[],
        driven: &[("napscope-cli", None)],
        peers: &[&["bench_pipeline.py"]],
        rust_peers: &[],
        packages: &["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0"],
        figure: ("cpu_ms_per_sample", "CPU milliseconds a sample, one thread"),
        more_is_better: false,
    },
    Bench {
        name: "link",
        ours: &[("napscope-ofdm", "bench_link")],
        driven: &[],
        peers: &[&["bench_link.py"]],
        rust_peers: &[],
        packages: &["sionna-no-rt==2.2.0", "torch==2.15.0", "numpy==2.4.6"],
        figure: ("slots_per_s", "slots a CPU second, one thread"),
        more_is_better: true,
    },
    Bench {
        name: "ldpc",
        ours: &[("napscope-ofdm", "bench_ldpc")],
        driven: &[],
        peers: &[&["bench_ldpc.py"]],
        rust_peers: &[],
        packages: &["sionna-no-rt==2.2.0", "torch==2.15.0", "numpy==2.4.6"],
        figure: ("mbit_per_s", "million information bits a CPU second, one thread"),
        more_is_better: true,
    },
    Bench {
        name: "train",
        ours: &[("napscope-train", "bench_train")],
        driven: &[],
        peers: &[&["bench_train.py"]],
        rust_peers: &[],
        packages: &["torch==2.15.0", "numpy==2.4.6"],
        figure: ("cpu_ms", "CPU milliseconds, one thread"),
        more_is_better: false,
    },
    Bench {
        name: "selection",
        ours: &[("napscope", "bench_selection")],
        driven: &[],
        peers: &[],
        rust_peers: &[],
        packages: &[],
        figure: ("wall_ms", "milliseconds, one thread"),
        more_is_better: false,
    },
    Bench {
        name: "verdict",
        ours: &[("napscope", "bench_verdict")],
        driven: &[],
        peers: &[],
        rust_peers: &[],
        packages: &[],
        figure: ("verdicts", "verdicts"),
        more_is_better: true,
    },
    Bench {
        name: "ood",
        ours: &[("napscope", "bench_ood")],
        driven: &[],
        peers: &[&["bench_ood.py"]],
        rust_peers: &[],
        packages: &["numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1", "faiss-cpu==1.15.1"],
        figure: ("cpu_secs", "CPU seconds, one thread"),
        more_is_better: false,
    },
    Bench {
        name: "ood-latency",
        ours: &[("napscope", "bench_ood")],
        driven: &[],
        peers: &[],
        rust_peers: &[],
        packages: &[],
        figure: ("latency_us", "microseconds, one thread"),
        more_is_better: false,
    },
    Bench {
        name: "explorer",
        ours: &[("napscope-cli", "bench_explorer")],
        driven: &[("napscope-cli", None)],
        peers: &[],
        rust_peers: &[],
        packages: &[],
        figure: ("wall_ms", "milliseconds by the clock, the median"),
        more_is_better: false,
    },
    clustering("clustering-exact", &[&["bench_clustering.py", "exact"]]),
    Bench { driven: AND_LAYERS, ..clustering("clustering-approximate", &[&["bench_clustering.py", "approximate"]]) },
    clustering("clustering-neighbors", &[&["bench_clustering.py", "neighbors"]]),
    clustering("clustering-distributions", &[&["bench_clustering.py", "distributions"]]),
    clustering("clustering-low", &[&["bench_clustering.py", "low"]]),
    clustering("clustering-predict", &[&["bench_clustering.py", "predict"]]),
    clustering("clustering-growth", &[&["bench_clustering.py", "growth"]]),
    Bench {
        driven: AND_LAYERS,
        figure: ("deviation", "largest relative deviation of a tree height from the f64 reference"),
        ..clustering("clustering-exactness", &[&["bench_clustering.py", "exactness"]])
    },
];

/// Runs one benchmark, or all, and rewrites their sections.
///
/// # Errors
/// When a program fails or prints something else than JSON lines.
pub(crate) fn run(root: &Path, only: Option<&str>) -> anyhow::Result<()> {
    let wanted: Vec<&Bench> = BENCHES.iter().filter(|bench| only.is_none_or(|only| is_named(bench, only))).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("no benchmark is called `{}`; there are {}", only.unwrap_or(""), names.join(", "));
    }
    for bench in wanted {
        let rows = measure(root, bench)?;
        let verbatim: Vec<&str> = rows.iter().filter_map(|row| row["line"].as_str()).collect();
        let table = if verbatim.is_empty() { table(bench, &rows) } else { verbatim.join("\n") };
        let section = format!("{}\n\n{table}", machine());
        write_section(&root.join("BENCHMARKS.md"), bench.name, &section)?;
        println!("{section}");
    }
    Ok(())
}

/// Is it the benchmark's name, or do its words begin with it?
fn is_named(bench: &Bench, name: &str) -> bool {
    bench.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn measure(root: &Path, bench: &Bench) -> anyhow::Result<Vec<Value>> {
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(root);
        command
    };
    // Build first, so that nothing compiles while something is timed.
    let ours = bench.ours.iter().map(|&(package, example)| (package, Some(example)));
    for (package, example) in ours.chain(bench.driven.iter().copied()) {
        let example = example.map(|example| ["--example", example]);
        succeed(cargo().args(["build", "--release", "--quiet", "--package", package]).args(example.iter().flatten()))?;
    }
    for package in bench.rust_peers {
        let manifest = root.join("oracles").join(package).join("Cargo.toml");
        let build = ["build", "--release", "--quiet", "--locked", "--manifest-path"];
        succeed(cargo().args(build).arg(manifest).arg("--target-dir").arg(root.join("target").join(package)))?;
    }
    let mut rows = Vec::new();
    for (_, example) in bench.ours {
        let program = root.join("target/release/examples").join(example);
        rows.extend(lines(Command::new(program).current_dir(root))?);
    }
    if !bench.peers.is_empty() {
        let home = bench.name.split('-').next().unwrap_or(bench.name);
        let python = python::environment(&root.join("target/python").join(home), bench.packages)?;
        for peer in bench.peers {
            let mut command = Command::new(&python);
            // One thread: the figures are CPU seconds, and threads that wait would count.
            command.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
            command.arg(root.join("oracles").join(peer[0])).args(&peer[1..]);
            rows.extend(lines(command.current_dir(root))?);
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
    let has = |key: &str| rows.iter().any(|row| !row[key].is_null());
    let (goals, memory, walls) = (has("goal"), has("peak_mb"), has("wall_1"));
    let ours: Vec<&Value> = rows.iter().filter(|row| row["by"] == "napscope" && row[key].is_f64()).collect();
    let theirs: Vec<&Value> = rows.iter().filter(|row| row["by"] != "napscope" && row[key].is_f64()).collect();
    let mut columns = vec!["what", "napscope"];
    let optional = [
        (!theirs.is_empty(), ["peer", "the peer's", "ratio"].as_slice()),
        (goals, &["goal"]),
        (memory, if theirs.is_empty() { &["MiB"] } else { &["MiB, ours", "MiB, theirs"] }),
        (walls, &["wall s, 1 thread", "wall s, 2 threads"]),
    ];
    columns.extend(optional.iter().filter(|(shown, _)| *shown).flat_map(|(_, names)| names.iter()));
    let mut table = format!("{unit}:\n\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for row in ours {
        let peers: Vec<&Value> = theirs.iter().copied().filter(|peer| peer["row"] == row["row"]).collect();
        let lines = if peers.is_empty() { vec![None] } else { peers.into_iter().map(Some).collect() };
        for peer in lines {
            let mut cells = vec![text(row, "row"), figure(row, key)];
            if !theirs.is_empty() {
                cells.extend(beside(bench, row, peer));
            }
            if goals {
                cells.push(peer.map_or("–".into(), |peer| goal(bench, row, peer)));
            }
            if memory {
                cells.push(figure(row, "peak_mb"));
                cells.extend(peer.map(|peer| figure(peer, "peak_mb")).or((!theirs.is_empty()).then(|| "–".into())));
            }
            if walls {
                cells.extend(["wall_1", "wall_2"].map(|key| figure(row, key)));
            }
            let _ = writeln!(table, "| {} |", cells.join(" | "));
        }
    }
    for row in rows.iter().filter(|row| row["note"].is_string()) {
        let _ = write!(table, "\n- {}", text(row, "note"));
    }
    table
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or("").to_owned()
}

fn figure(row: &Value, key: &str) -> String {
    row[key].as_f64().map_or("–".into(), short)
}

/// How many times better ours is.
fn ratio(bench: &Bench, ours: &Value, peer: &Value) -> f64 {
    let [ours, theirs] = [ours, peer].map(|row| row[bench.figure.0].as_f64().unwrap_or(f64::NAN));
    if bench.more_is_better { ours / theirs } else { theirs / ours }
}

/// The peer, its figure, and the ratio.
fn beside(bench: &Bench, ours: &Value, peer: Option<&Value>) -> [String; 3] {
    let Some(peer) = peer else { return ["–", "–", "–"].map(String::from) };
    let least = if peer["at_least"].is_null() { "" } else { "> " };
    let theirs = figure(peer, bench.figure.0);
    [text(peer, "by"), format!("{least}{theirs}"), format!("{least}{} ×", short(ratio(bench, ours, peer)))]
}

/// The goal, and whether it is met.
fn goal(bench: &Bench, ours: &Value, peer: &Value) -> String {
    let Some(goal) = peer["goal"].as_f64() else { return "–".into() };
    let met = if ratio(bench, ours, peer) >= goal { "met" } else { "**missed**" };
    format!("{goal} ×: {met}")
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value if value >= 1e-3 || value == 0.0 => format!("{value:.3}"),
        value => format!("{value:.1e}"),
    }
}

/// The processor, with the vector units that decide which paths run: the name alone does not tell them.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.split_once(':')).map(|(_, rest)| rest.trim())
    };
    let flags: Vec<&str> = field("flags").unwrap_or_default().split(' ').collect();
    let known = [("avx512f", "AVX-512"), ("avx512_vnni", "AVX-512 VNNI"), ("avx2", "AVX2"), ("fma", "FMA")];
    let units: Vec<&str> = known.iter().filter(|(flag, _)| flags.contains(flag)).map(|(_, unit)| *unit).collect();
    let units = if units.is_empty() { "no known vector units".into() } else { units.join(", ") };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field("model name").unwrap_or("unknown processor");
    format!("Machine: {model} with {units}, {cores} cores, {}.", std::env::consts::OS)
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
