//! Times every detector: fitting and scoring many samples, and one sample at a time; JSON lines, one thread.
//!
//! ```text
//! bench_ood [SAMPLES [WORD]]     10,000 × 256 unless told; made by seed, and left in target/bench/ood-*.f32 for the peers;
//!                                WORD: only detectors that contain it
//! ```
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope::features::Features;
use napscope::ood;
use std::time::Instant;

const COLUMNS: usize = 256;
/// CPU seconds that each figure is measured for, at least.
const MEASURED_SECS: f64 = 2.0;
/// Samples that are scored one by one.
const SINGLE: usize = 1000;

/// Every detector, with the options that its peer has.
const DETECTORS: [&str; 10] = [
    "mahalanobis",
    "mahalanobis:unit=true",
    "relative_mahalanobis",
    "knn:k=50",
    "one_class_svm:nu=0.1",
    "one_class_svm:nu=0.5",
    "pattern",
    "nearest_pattern",
    "residual",
    "energy",
];

/// SplitMix64 with normal numbers.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.uniform()).ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }
}

/// Ten loose groups in 24 latent dimensions, lifted to all columns with noise, negative values cut off: what channel means of a
/// layer behind a ReLU look like.
fn layer(samples: usize, seed: u64) -> Features {
    const LATENT: usize = 24;
    let mut map = Random(1);
    let lift: Vec<f64> = (0..LATENT * COLUMNS).map(|_| map.normal() / (LATENT as f64).sqrt()).collect();
    let centers: Vec<f64> = (0..10 * LATENT).map(|_| 1.5 * map.normal()).collect();
    let mut random = Random(seed);
    let mut values = Vec::with_capacity(samples * COLUMNS);
    for sample in 0..samples {
        let center = &centers[sample % 10 * LATENT..][..LATENT];
        let latent: Vec<f64> = center.iter().map(|center| center + random.normal()).collect();
        for column in 0..COLUMNS {
            let inside: f64 = latent.iter().enumerate().map(|(at, z)| z * lift[at * COLUMNS + column]).sum();
            values.push((inside + 0.2 * random.normal()).max(0.0) as f32);
        }
    }
    Features::plain(values, COLUMNS).expect("finite")
}

/// CPU seconds of this thread so far.
fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|text| text.parse::<f64>().ok()).map_or(f64::NAN, |ns| ns / 1e9)
}

/// CPU seconds of one `run`, the mean over as many as fit into [`MEASURED_SECS`]: the system's clock of a thread may tick slowly.
fn mean<R>(mut run: impl FnMut() -> R) -> (R, f64) {
    let (begun, mut runs) = (cpu_secs(), 0);
    loop {
        let last = run();
        runs += 1;
        let spent = cpu_secs() - begun;
        if spent >= MEASURED_SECS {
            return (last, spent / f64::from(runs));
        }
    }
}

fn keep(features: &Features, name: &str) {
    let folder = std::path::Path::new("target/bench");
    let bytes: Vec<u8> = features.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(name), bytes))
        .expect("target/bench is ours");
}

fn main() {
    let samples = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let word = std::env::args().nth(2).unwrap_or_default();
    let (reference, queries) = (layer(samples, 2), layer(samples, 3));
    keep(&reference, "ood-reference.f32");
    keep(&queries, "ood-queries.f32");
    let singles: Vec<Features> = (0..SINGLE.min(samples)).map(|sample| queries.select(&[sample])).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().expect("one thread");
    pool.install(|| {
        for spec in DETECTORS.into_iter().filter(|spec| spec.contains(&word)) {
            let detector = ood::parse(spec).expect(spec);
            let (scorer, fit) = mean(|| detector.fit(&reference).expect(spec));
            let (_, score) = mean(|| scorer.score(&queries).expect(spec));
            println!(r#"{{"row":"{spec}: fit","by":"napscope","cpu_secs":{fit:.6}}}"#);
            println!(r#"{{"row":"{spec}: score","by":"napscope","cpu_secs":{score:.6}}}"#);
            let mut latencies: Vec<f64> = singles
                .iter()
                .map(|single| {
                    let begun = Instant::now();
                    let scores = scorer.score(single).expect(spec);
                    assert_eq!(scores.len(), 1);
                    1e6 * begun.elapsed().as_secs_f64()
                })
                .collect();
            latencies.sort_by(f64::total_cmp);
            for (name, share) in [("median", 0.5), ("99th percentile", 0.99)] {
                let at = latencies[((latencies.len() - 1) as f64 * share) as usize];
                println!(r#"{{"row":"{spec}: one sample, {name}","by":"napscope","latency_us":{at:.2}}}"#);
            }
        }
    });
}
