//! How fast each sketch is: one JSON line a row, on one thread, over the activations that `oracles/bench_sketches.py` measures
//! its peers on. `cargo run --release -p napscope --example bench_sketches [SAMPLES [ROW]]` (1000 samples and
//! every row unless said).
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope::activations::{Activations, MapShape};
use napscope::sketch::{ChannelRanges, parse};
use std::time::Instant;

const SHAPE: MapShape = MapShape { channels: 256, height: 14, width: 14 };
const DENSE: MapShape = MapShape { channels: 4096, height: 1, width: 1 };
const LARGE: MapShape = MapShape { channels: 64, height: 112, width: 112 };

/// Samples that are sketched at a time, as a network delivers them.
const BATCH: usize = 8;

/// Batches between two looks at the clock.
const BATCHES: usize = 8;

/// Each row is the best of this many measurements …
const MEASUREMENTS: usize = 5;

/// … of at least this much CPU time.
const MEASURED_SECS: f64 = 0.3;

const SPECS: &[&str] = &[
    "mean",
    "mean_std",
    "max",
    "min_max",
    "none",
    "histogram",
    "kde",
    "kde:bandwidth=silverman",
    "kde:bandwidth=isj",
    "kde:method=exact",
    "quantiles",
    "moments",
    "sparsity",
    "free_energy",
];

fn main() {
    let samples = std::env::args().nth(1).map_or(1000, |text| text.parse().expect("a number of samples"));
    let values = activations(samples * SHAPE.len());
    let only = std::env::args().nth(2);
    let wanted = |row: &str| only.as_deref().is_none_or(|only| only == row);
    if wanted("ranges") {
        measure("ranges", &values, SHAPE, |batch| {
            ChannelRanges::new(SHAPE.channels).update(batch).expect("finite activations");
        });
    }
    for spec in SPECS.iter().filter(|spec| wanted(spec)) {
        sketch(spec, spec, &values, SHAPE);
    }
    for (name, shape) in [("dense", DENSE), ("large", LARGE)] {
        for spec in ["mean", "histogram", "kde"] {
            let row = format!("{name} {spec}");
            if wanted(&row) {
                sketch(&row, spec, &values, shape);
            }
        }
    }
}

/// Measures the sketch `spec` under the name `row`, fitted on the range of the first samples.
fn sketch(row: &str, spec: &str, values: &[f32], shape: MapShape) {
    let mut ranges = ChannelRanges::new(shape.channels);
    let values = &values[..values.len() - values.len() % shape.len()];
    let seen = &values[..values.len().min(BATCH * shape.len())];
    ranges.update(&Activations::new(seen, shape).expect("whole samples")).expect("finite activations");
    let sketch = parse(spec).and_then(|sketch| sketch.fit(shape, Some(&ranges))).expect("a known sketch");
    let mut rows = vec![0.0; BATCH * sketch.columns().len()];
    measure(row, values, shape, |batch| {
        let rows = &mut rows[..batch.samples() * sketch.columns().len()];
        sketch.sketch(batch, rows);
        std::hint::black_box(rows);
    });
}

/// Prints the best rate of `run` over batches of `values`.
fn measure(row: &str, values: &[f32], shape: MapShape, mut run: impl FnMut(&Activations<'_>)) {
    let mut batches = values.chunks(BATCH * shape.len()).cycle();
    let (mut best, mut spent) = (0.0_f64, 0.0);
    for _ in 0..MEASUREMENTS {
        let (start, mut done, mut secs) = (cpu_secs(), 0, 0.0);
        while secs < MEASURED_SECS {
            for batch in batches.by_ref().take(BATCHES) {
                run(&Activations::new(batch, shape).expect("whole samples"));
                done += batch.len();
            }
            secs = cpu_secs() - start;
        }
        best = best.max(done as f64 / secs);
        spent += secs;
    }
    println!(r#"{{"row":"{row}","by":"napscope","million_activations_per_s":{:.4e},"cpu_s":{spent:.4}}}"#, best / 1e6);
}

/// CPU seconds of this thread; wall-clock seconds where the system does not tell.
fn cpu_secs() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let wall = START.get_or_init(Instant::now).elapsed().as_secs_f64();
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).map_or(wall, |ns| ns / 1e9)
}

/// Nearly bell-shaped numbers (the sum of four uniform ones, variance 1); every other channel of [`SHAPE`] behind a ReLU.
/// Value i depends on i alone (SplitMix64), so that every language makes the same.
fn activations(count: usize) -> Vec<f32> {
    let value = |i: usize| {
        let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let sum: u64 = [0, 16, 32, 48].iter().map(|shift| (z >> shift) & 0xffff).sum();
        let bell = (sum as f64 / 65536.0 - 2.0) * 3.0_f64.sqrt();
        let behind_relu = i / SHAPE.positions() % 2 == 1;
        if behind_relu { bell.max(0.0) as f32 } else { bell as f32 }
    };
    (0..count).map(value).collect()
}
