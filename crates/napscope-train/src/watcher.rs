//! Shows how a training goes: a bar where a person watches, a line now and then where not.

use indicatif::{ProgressBar, ProgressStyle};
use napscope_train::run::News;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a line is written where nobody watches.
const LINE_PERIOD: Duration = Duration::from_secs(10);

pub(crate) struct Watcher {
    steps: u64,
    /// Nothing where stderr is no terminal.
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Watcher {
    /// For a training of `steps` steps.
    pub(crate) fn new(steps: u64) -> Self {
        let watched = std::io::stderr().is_terminal() && std::env::var_os("NAPSCOPE_NO_PROGRESS").is_none();
        let bar = watched.then(|| {
            let style = ProgressStyle::with_template("[{bar:24}] {human_pos}/{human_len} steps · {wide_msg}");
            let bar = ProgressBar::new(steps);
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("━╸ "));
            }
            bar
        });
        Watcher { steps, bar, last_line: Instant::now() }
    }

    pub(crate) fn tell(&mut self, news: &News) {
        match (news, &self.bar) {
            (News::Progress { step, text, left }, Some(bar)) => {
                bar.set_message(format!("{} left · {text}", short(*left)));
                bar.set_position(*step);
            }
            (News::Progress { step, text, left }, None) => {
                if self.last_line.elapsed() > LINE_PERIOD {
                    super::tell(&format!("step {step}/{}: {text}, {} left", self.steps, short(*left)));
                    self.last_line = Instant::now();
                }
            }
            (News::Saved(text), Some(bar)) => bar.suspend(|| super::tell(text)),
            (News::Saved(text), None) => super::tell(text),
        }
    }

    /// The training has come to its end: what is left of it on the screen are the lines of its validations.
    pub(crate) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A time in its two largest units.
fn short(time: Duration) -> String {
    let secs = time.as_secs();
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_two_largest_units() {
        for (secs, told) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7380, "2 h 3 min")] {
            assert_eq!(short(Duration::from_secs(secs)), told);
        }
    }
}
