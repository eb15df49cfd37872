//! How long somebody who looks at a large run waits: the first view, another layer, other patterns, a frame while the picture
//! moves. JSON lines for `cargo xtask bench explorer`.
//!
//! ```text
//! bench_explorer [SAMPLES LAYERS POINTS]     100,000 samples × 20 layers, and 1,000,000 samples × 1 layer, unless told
//! ```
//!
//! The runs are made by `napscope analyze` from random activations in 12 groups (16 channels with approximate neighbors; the one
//! layer of many points 3, with exact ones), and looked at by a headless Chromium that draws in software, on the machine that
//! serves them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the rows are what this program is for")]

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
use std::time::Instant;

const GROUPS: u64 = 12;
/// Dimensions that a group has.
const DIRECTIONS: usize = 3;
/// Frames of a movement.
const PANNED: usize = 60;
/// Times that something is repeated; the median counts.
const TIMES: usize = 9;
const READY: &str = "document.querySelectorAll('.card').length > 0 && document.querySelector('#scatter')?.width > 300 && !document.querySelector('.busy.on')";

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let [samples, layers, points] =
        if let [samples, layers, points] = numbers[..] { [samples, layers, points] } else { [100_000, 20, 1_000_000] };
    let Some(mut browser) = Browser::start() else { return };
    many_layers(&mut browser, samples, layers);
    many_points(&mut browser, points);
}

/// A run as large as studies get: what one waits for while looking around in it.
fn many_layers(browser: &mut Browser, samples: usize, layers: usize) {
    let looked_at = Looked::new([samples, layers, 16]);
    // Each view is the first of its page: nothing is kept but what the server keeps.
    let first = (0..TIMES).map(|_| first_view(browser, &looked_at.url));
    row("first view", Some(2000.0), first.collect());
    // Layers that were not looked at before, and are no neighbours of one that was.
    let far: Vec<usize> = (0..layers).filter(|layer| layer % 2 == 0).skip(1).collect();
    let switches = far.iter().map(|layer| milliseconds(browser, &switch(*layer)));
    row("another layer", Some(300.0), switches.collect());
    let sizes = (0..TIMES).map(|time| smallest(samples) * (3 + time) / 2);
    let again = sizes.map(|size| milliseconds(browser, &recluster(size)));
    row("other patterns from the stored tree (the answer, with all samples)", Some(100.0), again.collect());
    looked_at.told();
}

/// As many points as a picture takes.
fn many_points(browser: &mut Browser, points: usize) {
    let looked_at = Looked::new([points, 1, 3]);
    let what = |what: &str| format!("{points} points: {what}");
    row(&what("first view"), None, (0..3).map(|_| first_view(browser, &looked_at.url)).collect());
    let frame = milliseconds(browser, &pan(PANNED));
    row(&what("a frame while the picture moves"), None, vec![frame]);
    let every = browser.value("document.querySelector('#scatter').dataset.every");
    let every = every.as_str().expect("a number").to_owned();
    let rate = 1000.0 / frame;
    note(&format!(
        "{points} points move at {rate:.0} frames/s, drawn in software; meanwhile one in {every} is drawn, all when they stand still"
    ));
    let lassos = (0..3).map(|_| milliseconds(browser, SELECT_SEEN)).collect();
    row(&what("an area selected, until every view shows it"), None, lassos);
    looked_at.told();
}

/// A run of random activations, and a server that shows it. Both end when the value is dropped.
struct Looked {
    server: Child,
    url: String,
    what: String,
    _home: Scratch,
}

impl Looked {
    /// A run of so many samples, layers, and channels a layer.
    fn new([samples, layers, channels]: [usize; 3]) -> Looked {
        let scratch = Scratch::new();
        let start = Instant::now();
        analyze(&scratch, [samples, layers, channels]);
        eprintln!("the run of {samples} samples × {layers} layers took {:.0} s to make", start.elapsed().as_secs_f64());
        let mut server =
            command(&scratch).args(["explore", "run", "--no-open"]).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut url = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut url).expect("a line");
        let what = format!("{samples} samples, {layers} layers, {channels} columns each");
        Looked { server, url: url.trim().to_owned(), what, _home: scratch }
    }

    /// What the server has taken.
    fn told(&self) {
        note(&format!("{}: peak memory of the server after all that: {} MiB", self.what, peak_mb(&self.server)));
    }
}

impl Drop for Looked {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A line of the table: the median, and where there is a goal whether it is met.
fn row(what: &str, goal: Option<f64>, mut wall_ms: Vec<f64>) {
    wall_ms.sort_unstable_by(f64::total_cmp);
    let (middle, slowest) = (wall_ms[wall_ms.len() / 2], wall_ms[wall_ms.len() - 1]);
    println!("{}", json!({ "row": what, "by": "napscope", "wall_ms": middle }));
    if let Some(goal) = goal {
        let told = if middle <= goal { "met" } else { "**missed**" };
        note(&format!("{what}: goal {goal} ms, {told}; the slowest of {} took {slowest:.0} ms", wall_ms.len()));
    }
}

fn note(words: &str) {
    println!("{}", json!({ "note": words }));
}

fn first_view(browser: &mut Browser, url: &str) -> f64 {
    browser.visit(url, [1440, 900], READY);
    milliseconds(browser, "Promise.resolve(performance.now())")
}

/// The least size of a pattern.
fn smallest(samples: usize) -> usize {
    (samples / 500).max(10)
}

/// A run of random activations.
fn analyze(scratch: &Scratch, [samples, layers, channels]: [usize; 3]) {
    let mut state = 0u64;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let arrays: Vec<(String, Vec<u8>)> = (0..layers)
        .map(|layer| {
            let mut values = Vec::with_capacity(4 * samples * channels);
            for sample in 0..samples as u64 {
                // Groups that every layer cuts in its own way, along few directions: as layers are.
                let group = (sample + sample / (7 + layer as u64)) % GROUPS;
                let along: [f64; DIRECTIONS] = std::array::from_fn(|_| (0..4).map(|_| random()).sum());
                for channel in 0..channels as u64 {
                    let lift = ((group * 7 + channel * (layer as u64 + 3)) % 5) as f64;
                    let spread = along[channel as usize % DIRECTIONS] * (1.0 + channel as f64 / channels as f64);
                    values.extend(((lift + spread + 0.05 * random()) as f32).to_le_bytes());
                }
            }
            (format!("layer{layer:02}.npy"), write::npy("<f4", &[samples, channels], &values))
        })
        .collect();
    let members: Vec<(&str, Vec<u8>)> = arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    scratch.file("activations.npz", write::zip(&members, false));
    let size = smallest(samples);
    // In few dimensions the exact search is the faster one.
    let neighbors = if channels > 3 { "approximate" } else { "exact" };
    let line =
        format!("analyze --data activations.npz --neighbors {neighbors} --min-cluster-size {size} --quiet -o run");
    let done = command(scratch).args(line.split(' ')).stdout(Stdio::null()).status().expect("it runs");
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

/// Milliseconds a frame, while arrow keys move the picture in every one.
fn pan(frames: usize) -> String {
    format!(
        "new Promise((done) => {{
            const canvas = document.getElementById('scatter'), start = performance.now();
            let left = {frames};
            const frame = () => {{
                if (!left--) return done((performance.now() - start) / {frames});
                const key = left % 20 < 10 ? 'ArrowRight' : 'ArrowLeft';
                canvas.dispatchEvent(new KeyboardEvent('keydown', {{ key, shiftKey: true, bubbles: true }}));
                requestAnimationFrame(frame);
            }};
            requestAnimationFrame(frame);
        }})"
    )
}

/// From the key that selects all that is seen until no view waits for it any more.
const SELECT_SEEN: &str = "new Promise((done) => {
    const canvas = document.getElementById('scatter'), start = performance.now(), was = location.hash;
    const look = () => document.querySelector('#selected') && !document.querySelector('.busy.on') ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))) : setTimeout(look, 1);
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: '+', bubbles: true }));
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: 's', bubbles: true }));
    setTimeout(look);
})";

/// The most memory that a process has held, in MiB.
fn peak_mb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
