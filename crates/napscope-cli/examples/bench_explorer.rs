//! How long somebody who looks at a large run waits: the first view, another layer, other patterns. JSON lines for
//! `cargo xtask bench explorer`.
//!
//! ```text
//! bench_explorer [SAMPLES LAYERS]     100,000 samples × 20 layers unless told
//! ```
//!
//! The run is made by `napscope analyze` from random activations of 16 channels in 12 groups, and looked at by a headless Chromium
//! that draws in software, on the machine that serves it.
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

#[path = "../tests/it/cli/browser.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod browser;
#[path = "../tests/it/scratch.rs"]
mod scratch;
#[path = "../tests/it/data/write.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod write;

use browser::Browser;
use scratch::Scratch;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const CHANNELS: usize = 16;
const GROUPS: u64 = 12;
/// Times that something is repeated; the median counts.
const TIMES: usize = 9;
const READY: &str = "document.querySelectorAll('.card').length > 0 && document.querySelector('#scatter')?.width > 300 && !document.querySelector('.busy.on')";

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let [samples, layers] = if let [samples, layers] = numbers[..] { [samples, layers] } else { [100_000, 20] };
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    analyze(&scratch, samples, layers);
    let mut server =
        command(&scratch).args(["explore", "run", "--no-open"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut url).expect("a line");
    let url = url.trim();
    let row = |what: &str, goal: f64, mut wall_ms: Vec<f64>| {
        wall_ms.sort_unstable_by(f64::total_cmp);
        let middle = wall_ms[wall_ms.len() / 2];
        println!("{}", json!({ "row": what, "by": "napscope", "wall_ms": middle }));
        let told = if middle <= goal { "met" } else { "**missed**" };
        println!(
            "{}",
            json!({ "note": format!("{what}: goal {goal} ms, {told}; the slowest of {} took {:.0} ms", wall_ms.len(), wall_ms[wall_ms.len() - 1]) })
        );
    };

    // Each view is the first of its page: nothing is kept but what the server keeps.
    let first = (0..TIMES).map(|_| {
        browser.visit(url, [1440, 900], READY);
        milliseconds(&mut browser, "Promise.resolve(performance.now())")
    });
    row("first view", 2000.0, first.collect());
    // Layers that were not looked at before, and are no neighbours of one that was.
    let far: Vec<usize> = (0..layers).filter(|layer| layer % 2 == 0).skip(1).collect();
    let switches = far.iter().map(|layer| milliseconds(&mut browser, &switch(*layer)));
    row("another layer", 300.0, switches.collect());
    let sizes = (0..TIMES).map(|time| smallest(samples) * (3 + time) / 2);
    let again = sizes.map(|size| milliseconds(&mut browser, &recluster(size)));
    row("other patterns from the stored tree (the answer, with all samples)", 100.0, again.collect());
    println!(
        "{}",
        json!({ "note": format!("{samples} samples, {layers} layers, {CHANNELS} columns each; peak memory of the server after all that: {} MiB", peak_mb(&server)) })
    );
    // It may have ended already.
    let _ = server.kill();
    let _ = server.wait();
}

/// The least size of a pattern.
fn smallest(samples: usize) -> usize {
    (samples / 500).max(10)
}

/// A run of random activations.
fn analyze(scratch: &Scratch, samples: usize, layers: usize) {
    let mut state = 0u64;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let arrays: Vec<(String, Vec<u8>)> = (0..layers)
        .map(|layer| {
            let values = (0..samples * CHANNELS).flat_map(|at| {
                let (sample, channel) = ((at / CHANNELS) as u64, (at % CHANNELS) as u64);
                // Groups that every layer cuts in its own way.
                let group = (sample + sample / (7 + layer as u64)) % GROUPS;
                let lift = f64::from(((group * 7 + channel * (layer as u64 + 3)) % 5) as u32);
                let noise: f64 = (0..4).map(|_| (random() >> 11) as f64 / (1u64 << 53) as f64).sum();
                ((lift + noise) as f32).to_le_bytes()
            });
            (format!("layer{layer:02}.npy"), write::npy("<f4", &[samples, CHANNELS], &values.collect::<Vec<u8>>()))
        })
        .collect();
    let members: Vec<(&str, Vec<u8>)> = arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    scratch.file("activations.npz", write::zip(&members, false));
    let size = smallest(samples).to_string();
    let arguments = ["analyze", "--data", "activations.npz", "--min-cluster-size", &size, "--quiet", "-o", "run"];
    let done = command(scratch).args(arguments).stdout(Stdio::null()).status().expect("it runs");
    assert!(done.success(), "the run was not made");
}

/// The program that was built beside this one.
fn command(scratch: &Scratch) -> Command {
    let own: PathBuf = std::env::current_exe().expect("a path");
    let program = own.parent().and_then(|folder| folder.parent()).expect("target/PROFILE/examples").join("napscope");
    let mut command = Command::new(program);
    command.current_dir(scratch.path());
    command
}

fn milliseconds(browser: &mut Browser, promise: &str) -> f64 {
    browser.awaited(promise).as_f64().expect("a number")
}

/// From the click on a layer until it is drawn.
fn switch(layer: usize) -> String {
    format!(
        "new Promise((done) => {{
            const start = performance.now(), button = document.getElementById('layer-{layer}');
            const look = () => button.classList.contains('on') && !document.querySelector('.busy.on') ? requestAnimationFrame(() => done(performance.now() - start)) : setTimeout(look, 1);
            button.click();
            look();
        }})"
    )
}

/// From the question for other patterns to the whole answer.
fn recluster(size: usize) -> String {
    format!(
        "(async () => {{
            const start = performance.now(), answer = await fetch('api/runs/0/layers/0/clustering?min_cluster_size={size}');
            if (!answer.ok) throw new Error(await answer.text());
            await answer.arrayBuffer();
            return performance.now() - start;
        }})()"
    )
}

/// The most memory that a process has held, in MiB.
fn peak_mb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
