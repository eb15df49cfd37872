//! Ctrl-C: the first one asks the work to stop where it can go on later, the second one ends the process.

use napscope::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// Listens for Ctrl-C (and SIGTERM) from now on.
pub fn listen() {
    // A second handler (two commands in one process, as in tests) is refused by the crate: the first one does.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
}

/// True once the user has asked to stop.
pub fn requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Stops the work when the user has asked for it.
///
/// # Errors
/// [`ErrorKind::Interrupted`].
pub fn check() -> Result<()> {
    if requested() { Err(Error::new(ErrorKind::Interrupted, "stopped")) } else { Ok(()) }
}
