//! Times what comes after the tree: every selection from one stored hierarchy; JSON lines, one thread.
//!
//! ```text
//! bench_selection [SAMPLES]     100,000 unless told; the data are made by seed
//! ```
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope::cluster::{Hdbscan, HdbscanFit, SELECTIONS, Selection, relative_validity};
use napscope::distance::{Geometry, Points, Rescale};
use std::time::Instant;

#[path = "support/random.rs"]
mod random;

use random::{Random, mixture};

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

fn main() {
    let samples = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().expect("one thread");
    pool.install(|| {
        let values = mixture(samples, 8, samples / 250, &mut Random(1));
        let points = Points::new(values, 8, Geometry::L2, Rescale::Identity);
        let fit = Hdbscan::default().fit(&points).expect("enough samples");
        selections(&fit, samples);
    });
}
