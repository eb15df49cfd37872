//! Progress bars with rate and ETA: on stderr, and only where a person watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar over `total` steps of `what` ("samples"); invisible when stderr is no terminal or `quiet`.
pub fn bar(what: &'static str, total: usize, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), target(quiet));
    let template = "{msg:28!} [{bar:32}] {human_pos}/{human_len} {unit} · {per_sec} · {eta} left";
    let template = template.replace("{unit}", what);
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar
}

/// A bar over `parts` parts, each in thousandths, with an ETA.
pub fn percent(parts: usize, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1000 * parts as u64), target(quiet));
    if let Ok(style) = ProgressStyle::with_template("{msg:28!} [{bar:32}] {percent} % · {eta} left") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar
}

fn target(quiet: bool) -> ProgressDrawTarget {
    if quiet || !std::io::stderr().is_terminal() || std::env::var_os("NAPSCOPE_NO_PROGRESS").is_some() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(10)
    }
}
