//! The memory that a data source may hold: every array that must be unpacked into memory is counted here first.

use napscope::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit in bytes, shared by all arrays of a run. Cheap to clone: clones count into the same sum.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: u64,
    held: Arc<AtomicU64>,
}

impl Budget {
    /// A budget of `limit` bytes; `None` for no limit.
    pub fn new(limit: Option<u64>) -> Self {
        Budget { limit: limit.unwrap_or(u64::MAX), held: Arc::default() }
    }

    /// Bytes held now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts `bytes` until the returned value is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::MemoryLimit`] when `what` does not fit beside what is held already.
    pub(crate) fn reserve(&self, bytes: u64, what: &str) -> Result<Reservation> {
        let fits = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        match self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(Reservation { bytes, held: Arc::clone(&self.held) }),
            Err(held) => Err(Error::new(
                ErrorKind::MemoryLimit,
                format!(
                    "{what} takes {} in memory; the limit is {} and {} are in use",
                    human(bytes),
                    human(self.limit),
                    human(held)
                ),
            )
            .hint("raise --memory-limit, or save it uncompressed (np.savez or np.save): such arrays are read by seek and not held")),
        }
    }
}

/// Bytes counted in a [`Budget`], given back on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: u64,
    held: Arc<AtomicU64>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A number of bytes for people, in binary units.
pub(crate) fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_used_again() {
        let budget = Budget::new(Some(100));
        let first = budget.reserve(60, "a").expect("60 of 100");
        let error = budget.reserve(60, "array b").expect_err("120 of 100");
        assert_eq!(error.kind(), ErrorKind::MemoryLimit);
        assert_eq!(
            error.to_string(),
            "array b takes 60 bytes in memory; the limit is 100 bytes and 60 bytes are in use"
        );
        drop(first);
        assert!(budget.reserve(100, "c").is_ok(), "all was given back");
        assert!(Budget::new(None).reserve(u64::MAX, "d").is_ok(), "no limit");
    }

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(human(bytes), text);
        }
    }
}
