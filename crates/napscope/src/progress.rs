//! Long work says how far it is, and may be stopped.
//!
//! The crate reads no clock: it counts elementary steps (one coordinate of one pair of points) and reports whenever enough
//! of them are done, some tens of milliseconds apart.

use crate::error::{Error, ErrorKind, Result};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Is told the fraction done, 0 … 1, from any thread; answering [`ControlFlow::Break`] stops the work, which then ends with
/// [`ErrorKind::Interrupted`].
pub type Watch<'a> = dyn Fn(f64) -> ControlFlow<()> + Sync + 'a;

/// The watch of work that nobody watches.
pub fn unwatched(_fraction: f64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Steps between two reports.
const REPORT_EVERY: u64 = 1 << 25;

/// Counts the steps of one piece of work and reports them to its watch.
pub(crate) struct Meter<'a> {
    watch: &'a Watch<'a>,
    total: u64,
    done: AtomicU64,
    stopped: AtomicBool,
}

impl<'a> Meter<'a> {
    /// A meter of work that takes `total` steps.
    pub(crate) fn new(watch: &'a Watch<'a>, total: u64) -> Self {
        Meter { watch, total: total.max(1), done: AtomicU64::new(0), stopped: AtomicBool::new(false) }
    }

    /// Counts `steps` as done; an error means that the work was stopped and must end now.
    pub(crate) fn advance(&self, steps: u64) -> Result<()> {
        let before = self.done.fetch_add(steps, Ordering::Relaxed);
        let after = before + steps;
        if before / REPORT_EVERY != after / REPORT_EVERY {
            let fraction = (after as f64 / self.total as f64).min(1.0);
            if (self.watch)(fraction).is_break() {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Interrupted, "stopped on request"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn reports_rise_and_a_break_stops() {
        let seen = Mutex::new(Vec::new());
        let watch = |fraction: f64| {
            seen.lock().expect("no panic in a test").push(fraction);
            if fraction >= 0.5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let meter = Meter::new(&watch, 4 * REPORT_EVERY);
        assert!(meter.advance(REPORT_EVERY - 1).is_ok(), "nothing to report yet");
        assert!(meter.advance(1).is_ok());
        let error = meter.advance(REPORT_EVERY).expect_err("the watch broke off");
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(meter.advance(1).is_err(), "stopped work stays stopped");
        assert_eq!(*seen.lock().expect("no panic in a test"), [0.25, 0.5]);
    }
}
