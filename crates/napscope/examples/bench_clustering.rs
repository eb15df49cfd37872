//! Makes the data of the clustering benchmarks by seed, and times neighbors and clustering on them.
//!
//! ```text
//! bench_clustering make KIND SAMPLES DIMENSIONS SEED FILE              little-endian f32, row after row
//! bench_clustering run WHAT FILE SAMPLES DIMENSIONS [METRIC [WEIGHTS]]  one line of JSON
//! ```
//! KIND: mix (clusters in a 32-dimensional latent space with a decaying spectrum, one sample in ten noise), curve (a closed
//! curve with noise), spectrum1 and spectrum2 (full rank, variance k⁻¹ and k⁻², ReLU), isotropic (1000 clusters), blobs (few
//! clusters), groups (60 of different spread, one sample in ten noise), uniform, histograms (32 bins a channel, of 196 activations that a sample's place in 8 dimensions moves).
//! WHAT: hdbscan, approximate (the same with approximate neighbors) or knn (16 neighbors); of the second half of the samples, in a clustering of the first half by eom with 50 a
//! pattern, which is not timed: predict (label, membership, outlier score) or memberships (in every pattern); or, of the first
//! half itself, sample_memberships. METRIC: l2, l1, or that of distributions of 32 bins. WEIGHTS: a file for the heights
//! of the spanning tree, f64. Threads: RAYON_NUM_THREADS.

use napscope::cluster::{Hdbscan, Predictor, Selection};
use napscope::distance::{self, Geometry, Points, Rescale};
use napscope::features::{Column, Features, Statistic};
use napscope::neighbors::self_neighbors;
use napscope::progress::unwatched;
use std::io::Write;
use std::time::Instant;

#[path = "support/random.rs"]
mod random;
#[path = "support/usage.rs"]
mod usage;

use random::{Random, mixture};
use usage::{cpu_seconds, peak_megabytes, start_peak_anew};

fn normals(count: usize, random: &mut Random) -> Vec<f64> {
    (0..count).map(|_| random.normal()).collect()
}

/// `rows` of length `inner` times a random `inner` × `d` matrix of unit expected norm, plus noise.
fn lift(latent: &[f64], inner: usize, d: usize, noise: f64, random: &mut Random) -> Vec<f32> {
    let map = normals(inner * d, random);
    let mut values = Vec::with_capacity(latent.len() / inner * d);
    let mut row = vec![0.0; d];
    for z in latent.chunks_exact(inner) {
        row.fill(0.0);
        for (z, map) in z.iter().zip(map.chunks_exact(d)) {
            row.iter_mut().zip(map).for_each(|(x, m)| *x += z * m / (d as f64).sqrt());
        }
        values.extend(row.iter().map(|x| (x + noise / (d as f64).sqrt() * random.normal()) as f32));
    }
    values
}

fn mix(n: usize, d: usize, random: &mut Random) -> Vec<f32> {
    const LATENT: usize = 32;
    let spectrum: Vec<f64> = (1..=LATENT).map(|k| (k as f64).powf(-0.75)).collect();
    let clusters = (n / 200).max(20);
    let centers = normals(clusters * LATENT, random);
    let mut latent = Vec::with_capacity(n * LATENT);
    for _ in 0..n {
        let cluster = random.next() as usize % clusters;
        let spread = 0.15 + 0.2 * (cluster % 7) as f64 / 7.0;
        let noise = random.uniform() < 0.1;
        for (k, scale) in spectrum.iter().enumerate() {
            let at = if noise { random.normal() } else { centers[cluster * LATENT + k] + spread * random.normal() };
            latent.push(scale * at);
        }
    }
    lift(&latent, LATENT, d, 0.1, random)
}

fn curve(n: usize, d: usize, random: &mut Random) -> Vec<f32> {
    const HARMONICS: usize = 6;
    let mut latent = Vec::with_capacity(n * 2 * HARMONICS);
    for _ in 0..n {
        let angle = std::f64::consts::TAU * random.uniform();
        for k in 1..=HARMONICS {
            latent.extend([(k as f64 * angle).cos() / k as f64, (k as f64 * angle).sin() / k as f64]);
        }
    }
    lift(&latent, 2 * HARMONICS, d, 0.05, random)
}

/// Full rank: coordinate k has variance k^-power; random reflections turn it; ReLU.
fn spectrum(n: usize, d: usize, power: f64, random: &mut Random) -> Vec<f32> {
    let mirrors: Vec<Vec<f64>> = (0..32)
        .map(|_| {
            let v = normals(d, random);
            let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            v.into_iter().map(|x| x / norm).collect()
        })
        .collect();
    let mut values = Vec::with_capacity(n * d);
    for _ in 0..n {
        let mut row: Vec<f64> = (1..=d).map(|k| (k as f64).powf(-0.5 * power) * random.normal()).collect();
        for mirror in &mirrors {
            let along: f64 = row.iter().zip(mirror).map(|(x, v)| x * v).sum();
            row.iter_mut().zip(mirror).for_each(|(x, v)| *x -= 2.0 * along * v);
        }
        values.extend(row.iter().map(|x| x.max(0.0) as f32));
    }
    values
}

fn blobs(n: usize, d: usize, clusters: usize, random: &mut Random) -> Vec<f32> {
    let centers = normals(clusters * d, random);
    let mut values = Vec::with_capacity(n * d);
    for _ in 0..n {
        let cluster = random.next() as usize % clusters;
        values.extend((0..d).map(|k| (centers[cluster * d + k] + 0.1 * random.normal()) as f32));
    }
    values
}

const BINS: usize = 32;

/// Histograms over −4 … 4 of the activations of `d` / 32 channels, every other one behind a ReLU.
fn histograms(n: usize, d: usize, random: &mut Random) -> Vec<f32> {
    const PLACE: usize = 8;
    const ACTIVATIONS: usize = 196;
    let channels = d / BINS;
    let (shifts, spreads) = (normals(channels * PLACE, random), normals(channels * PLACE, random));
    let along = |weights: &[f64], place: &[f64]| weights.iter().zip(place).map(|(w, z)| w * z).sum::<f64>();
    let mut values = Vec::with_capacity(n * d);
    for _ in 0..n {
        let place = normals(PLACE, random);
        for (channel, (shift, spread)) in shifts.chunks(PLACE).zip(spreads.chunks(PLACE)).enumerate() {
            let (shift, spread) = (0.2 * along(shift, &place), (0.1 * along(spread, &place)).exp());
            let mut bins = [0.0f32; BINS];
            for _ in 0..ACTIVATIONS {
                let activation = shift + spread * random.normal();
                let activation = if channel % 2 == 1 { activation.max(0.0) } else { activation };
                let bin = ((activation + 4.0) * BINS as f64 / 8.0).clamp(0.0, BINS as f64 - 1.0);
                bins[bin as usize] += 1.0 / ACTIVATIONS as f32;
            }
            values.extend(bins);
        }
    }
    values
}

fn make(kind: &str, n: usize, d: usize, seed: u64) -> Vec<f32> {
    let random = &mut Random(seed);
    match kind {
        "mix" => mix(n, d, random),
        "curve" => curve(n, d, random),
        "spectrum1" => spectrum(n, d, 1.0, random),
        "spectrum2" => spectrum(n, d, 2.0, random),
        "isotropic" => blobs(n, d, 1000, random),
        "blobs" => blobs(n, d, 10, random),
        "groups" => mixture(n, d, 60, random),
        "histograms" => histograms(n, d, random),
        "uniform" => (0..n * d).map(|_| random.uniform() as f32).collect(),
        other => panic!("no kind of data is called {other}"),
    }
}

/// The points of a metric: l2 and l1 of plain numbers, or any metric of histograms.
fn embed(values: Vec<f32>, d: usize, metric: &str) -> Points {
    let plain = |values, geometry| Points::new(values, d, geometry, Rescale::Identity);
    match metric {
        "l2" => plain(values, Geometry::L2),
        "l1" => plain(values, Geometry::L1),
        metric => {
            let bin = |at: usize| {
                let low = (at % BINS) as f64 * 0.25 - 4.0;
                Column { channel: (at / BINS) as u32, statistic: Statistic::Bin { low, high: low + 0.25 } }
            };
            let features = Features::new(values, (0..d).map(bin).collect()).expect("finite numbers");
            let metric = distance::parse(metric).expect("a metric");
            metric.fit(&features).and_then(|fitted| fitted.embed(&features)).expect("distributions")
        }
    }
}

fn run(what: &str, points: &Points, metric: &str, weights: Option<&str>) -> String {
    start_peak_anew();
    let (cpu, wall, before) = (cpu_seconds(), Instant::now(), peak_megabytes());
    let mut heights = Vec::new();
    let found = match what {
        "knn" => {
            let found = self_neighbors(points, 16, &unwatched).expect("enough samples");
            let sum: f64 = (0..points.samples()).map(|sample| found.distances(sample)[15]).sum();
            format!("\"sum\":{sum}")
        }
        "hdbscan" | "approximate" => {
            let neighbors = if what == "hdbscan" { "exact" } else { "approximate" }.parse().expect("a search");
            let fit = Hdbscan { neighbors, ..Hdbscan::default() }.fit(points).expect("enough samples");
            let noise = fit.clustering.labels.iter().filter(|label| label.is_none()).count();
            heights = fit.spanning_tree.edges().iter().map(|edge| edge.height).collect();
            let weight: f64 = heights.iter().sum();
            format!("\"patterns\":{},\"noise\":{noise},\"tree\":{weight}", fit.clustering.persistence.len())
        }
        other => panic!("nothing to run is called {other}"),
    };
    let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    if let Some(file) = weights {
        let bytes: Vec<u8> = heights.iter().flat_map(|height| height.to_le_bytes()).collect();
        std::fs::write(file, bytes).expect("the file can be written");
    }
    let (n, d, peak) = (points.samples(), points.dimensions(), peak_megabytes());
    format!(
        "{{\"what\":\"{what}\",\"metric\":\"{metric}\",\"n\":{n},\"d\":{d},\"cpu_secs\":{cpu:.4},\"wall_secs\":{wall:.4},\"peak_mb\":{peak:.1},\"data_mb\":{before:.1},{found}}}"
    )
}

/// Places the second half of the points in a clustering of the first.
fn run_new(what: &str, points: &Points) -> String {
    let half = points.samples() / 2;
    let [seen, new] = [0..half, half..2 * half].map(|rows| points.select(&rows.collect::<Vec<_>>()));
    let parameters = Hdbscan { min_cluster_size: 50, selection: Selection::Eom, ..Hdbscan::default() };
    let fit = parameters.fit(&seen).expect("enough samples");
    let predictor = Predictor::new(&seen, &fit, &parameters).expect("its own points");
    start_peak_anew();
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let sum: f64 = match what {
        "predict" => predictor.predict(&new, &unwatched).expect("the same dimensions").membership.iter().sum(),
        "memberships" => sum(predictor.memberships(&new, &unwatched).expect("the same dimensions").values()),
        "sample_memberships" => sum(predictor.sample_memberships(&unwatched).expect("never stopped").values()),
        other => panic!("nothing to run is called {other}"),
    };
    let (cpu, wall, peak) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64(), peak_megabytes());
    let patterns = fit.clustering.persistence.len();
    let exemplars: usize = fit.clustering.exemplars.iter().map(Vec::len).sum();
    format!(
        "{{\"cpu_secs\":{cpu:.4},\"wall_secs\":{wall:.4},\"peak_mb\":{peak:.1},\"patterns\":{patterns},\"exemplars\":{exemplars},\"sum\":{sum}}}"
    )
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("`{text}` is no number"));
    let mut out = std::io::stdout();
    match arguments[..] {
        ["make", kind, n, d, seed, file] => {
            let values = make(kind, number(n), number(d), number(seed) as u64);
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(file, bytes).expect("the file can be written");
        }
        ["run", what, file, n, d, ref more @ ..] => {
            let bytes = std::fs::read(file).expect("the file can be read");
            let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            assert_eq!(values.len(), number(n) * number(d), "{file} holds another number of values");
            drop(bytes);
            let metric = more.first().unwrap_or(&"l2");
            let points = embed(values, number(d), metric);
            let told = match what {
                "knn" | "hdbscan" | "approximate" => run(what, &points, metric, more.get(1).copied()),
                _ => run_new(what, &points),
            };
            writeln!(out, "{told}").expect("stdout");
        }
        _ => panic!("see the head of this program for its arguments"),
    }
}
