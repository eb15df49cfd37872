//! What a process has used so far, as Linux tells it.

/// CPU seconds of all threads that live, to the nanosecond (the pool's threads live on).
pub(crate) fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let of_task = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.flatten().map(of_task).sum::<f64>() * 1e-9
}

/// The most memory held since the start, or since [`start_peak_anew`].
pub(crate) fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|field| field.parse::<f64>().ok()).expect("kilobytes") / 1024.0
}

/// Starts the peak of memory anew, where the kernel allows it.
pub(crate) fn start_peak_anew() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
