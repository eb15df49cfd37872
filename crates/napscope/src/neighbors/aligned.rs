//! Numbers that start at a cache line, as vector loads like it.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line and of the widest vector.
const ALIGNMENT: usize = 64;

/// A slice whose first value starts a cache line.
pub(super) struct Aligned<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    /// `len` times `value`.
    pub(super) fn filled(len: usize, value: T) -> Self {
        let line = ALIGNMENT / size_of::<T>();
        let values = vec![value; len + line];
        let start = values.as_ptr().align_offset(ALIGNMENT).min(line);
        Aligned { values, start, len }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..self.start + self.len]
    }
}
