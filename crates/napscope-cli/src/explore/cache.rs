//! What was read and computed last, up to a bound: the server's memory does not grow with the number of layers.

use std::sync::{Arc, Mutex, PoisonError};

/// Values by a number, the latest used first; those used longest ago go when all together take more than the bound.
pub(super) struct Cache<T> {
    bound: u64,
    entries: Mutex<Vec<Entry<T>>>,
}

struct Entry<T> {
    key: usize,
    bytes: u64,
    value: Arc<T>,
}

impl<T> Cache<T> {
    pub(super) fn new(bound: u64) -> Self {
        Cache { bound, entries: Mutex::new(Vec::new()) }
    }

    /// The value of `key`, made by `make` (which also tells its bytes) unless it is there. The latest one is always kept.
    pub(super) fn get<E>(&self, key: usize, make: impl FnOnce() -> Result<(T, u64), E>) -> Result<Arc<T>, E> {
        if let Some(value) = self.find(key) {
            return Ok(value);
        }
        // Not under the lock: others may read meanwhile, and two who make the same thing make the same thing.
        let (value, bytes) = make()?;
        let value = Arc::new(value);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        entries.insert(0, Entry { key, bytes, value: Arc::clone(&value) });
        let mut total = 0;
        let mut first = true;
        entries.retain(|entry| {
            total += entry.bytes;
            std::mem::take(&mut first) || total <= self.bound
        });
        Ok(value)
    }

    fn find(&self, key: usize) -> Option<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|entry| entry.key == key)?;
        let entry = entries.remove(at);
        let value = Arc::clone(&entry.value);
        entries.insert(0, entry);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let cache = Cache::new(10);
        let made = Mutex::new(Vec::new());
        let get = |key: usize, bytes: u64| {
            let value = cache.get(key, || {
                made.lock().expect("unpoisoned").push(key);
                Ok::<_, ()>((key * 10, bytes))
            });
            assert_eq!(*value.expect("made"), key * 10);
        };
        for (key, bytes) in [(1, 4), (2, 4), (1, 4), (3, 4), (1, 4), (2, 4), (4, 99), (4, 99), (1, 4)] {
            get(key, bytes);
        }
        // 3 displaced 2, 2 displaced 3; 4 alone is beyond the bound and stays only until the next.
        assert_eq!(*made.lock().expect("unpoisoned"), [1, 2, 3, 2, 4, 1]);
        assert!(cache.get(9, || Err::<(usize, u64), _>("no")).is_err(), "errors are not kept");
    }
}
