//! Rates in CPU time, which other programs on the machine disturb least.

use std::time::Instant;

/// Each rate is the best of this many measurements …
const MEASUREMENTS: usize = 5;

/// … of at least this much CPU time.
const MEASURED_SECS: f64 = 0.3;

/// How many things `work` does a CPU second of this thread; it returns how many it did.
pub(crate) fn best_rate(mut work: impl FnMut() -> u64) -> f64 {
    work();
    let mut best = 0.0_f64;
    for _ in 0..MEASUREMENTS {
        let (start, mut done, mut secs) = (cpu_secs(), 0, 0.0);
        while secs < MEASURED_SECS {
            done += work();
            secs = cpu_secs() - start;
        }
        best = best.max(done as f64 / secs);
    }
    best
}

/// CPU seconds of this thread; wall-clock seconds where the system does not tell.
fn cpu_secs() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let wall = START.get_or_init(Instant::now).elapsed().as_secs_f64();
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).map_or(wall, |ns| ns / 1e9)
}
