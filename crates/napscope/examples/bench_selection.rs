//! Times what comes after the tree: every selection from one stored hierarchy, and new points; JSON lines, one thread.
//!
//! ```text
//! bench_selection [SAMPLES]     100,000 unless told; the data are made by seed
//! ```
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope::cluster::{Hdbscan, HdbscanFit, Predictor, SELECTIONS, Selection, relative_validity};
use napscope::distance::{Geometry, Points, Rescale};
use napscope::progress::unwatched;
use std::time::Instant;

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

/// `clusters` Gaussian groups of different spread in `d` dimensions, and one sample in ten anywhere among them.
fn mixture(samples: usize, d: usize, clusters: usize, seed: u64) -> Points {
    let mut random = Random(seed);
    let centers: Vec<f64> = (0..clusters * d).map(|_| 2.0 * random.normal()).collect();
    let mut values = Vec::with_capacity(samples * d);
    for _ in 0..samples {
        let cluster = (random.uniform() * clusters as f64) as usize;
        let spread = 0.1 + 0.3 * (cluster % 7) as f64 / 7.0;
        let stray = random.uniform() < 0.1;
        for k in 0..d {
            let at = if stray { 2.0 * random.normal() } else { centers[cluster * d + k] + spread * random.normal() };
            values.push(at as f32);
        }
    }
    Points::new(values, d, Geometry::L2, Rescale::Identity)
}

/// CPU milliseconds of this process so far.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |ns| ns / 1e6)
}

/// The least CPU and wall milliseconds of `times` runs, on this thread.
fn least<R>(times: usize, mut run: impl FnMut() -> R) -> (R, f64, f64) {
    let mut best = (f64::INFINITY, f64::INFINITY);
    let mut last = None;
    for _ in 0..times {
        let (wall, cpu) = (Instant::now(), cpu_ms());
        last = Some(run());
        best = (best.0.min(cpu_ms() - cpu), best.1.min(1e3 * wall.elapsed().as_secs_f64()));
    }
    (last.expect("at least one run"), best.0, best.1)
}

fn tell(row: &str, cpu: f64, wall: f64, more: &str) {
    println!(r#"{{"row":"{row}","by":"napscope","cpu_ms":{cpu:.3},"wall_ms":{wall:.3}{more}}}"#);
}

fn selections(fit: &HdbscanFit, samples: usize) {
    for entry in SELECTIONS {
        let spec = if entry.name == "level" { "level:distance=1.2" } else { entry.name };
        let selection: Selection = spec.parse().expect("a registered selection");
        let parameters = Hdbscan { selection, ..Hdbscan::default() };
        let (found, cpu, wall) = least(7, || fit.select(&parameters).expect("enough samples"));
        let (patterns, size) = (found.clustering.persistence.len(), found.min_cluster_size);
        let more = format!(r#","patterns":{patterns},"min_cluster_size":{size}"#);
        tell(&format!("{spec} from a stored tree, {samples} samples"), cpu, wall, &more);
        let labels = &found.clustering.labels;
        let (validity, cpu, wall) =
            least(7, || relative_validity(&fit.linkage_tree, labels).expect("its own patterns"));
        if entry.name == "eom" {
            let more = format!(r#","validity":{:.4}"#, validity.index);
            tell(&format!("relative validity, {samples} samples"), cpu, wall, &more);
        }
    }
}

fn new_points(samples: usize, d: usize) {
    let (points, new) = (mixture(samples, d, 60, 3), mixture(samples, d, 60, 4));
    let parameters = Hdbscan { min_cluster_size: 50, selection: Selection::Eom, ..Hdbscan::default() };
    let fit = parameters.fit(&points).expect("enough samples");
    let patterns = fit.clustering.persistence.len();
    let exemplars: usize = fit.clustering.exemplars.iter().map(Vec::len).sum();
    let more = format!(r#","patterns":{patterns},"exemplars":{exemplars}"#);
    let predictor = Predictor::new(&points, &fit, &parameters).expect("its own points");
    let what = format!("{samples} x {d}");
    let (_, cpu, wall) = least(3, || predictor.predict(&new, &unwatched).expect("the same dimensions"));
    tell(&format!("label, membership, outlier score of new points, {what} in {what}"), cpu, wall, &more);
    let (_, cpu, wall) = least(3, || predictor.sample_memberships(&unwatched).expect("never stopped"));
    tell(&format!("membership vectors of all samples, {what}"), cpu, wall, &more);
    let (_, cpu, wall) = least(3, || predictor.memberships(&new, &unwatched).expect("the same dimensions"));
    tell(&format!("membership vectors of new points, {what} in {what}"), cpu, wall, &more);
}

fn main() {
    let samples = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().expect("one thread");
    pool.install(|| {
        let fit = Hdbscan::default().fit(&mixture(samples, 8, samples / 250, 1)).expect("enough samples");
        selections(&fit, samples);
        new_points(samples * 3 / 10, 16);
    });
}
