//! Numbers that start at a cache line, as vector loads like it.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line and of the widest vector.
const ALIGNMENT: usize = 64;

/// A slice of f32 whose first value starts a cache line.
pub(super) struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` times `value`.
    pub(super) fn filled(len: usize, value: f32) -> Self {
        let values = vec![value; len + ALIGNMENT / size_of::<f32>()];
        let start = values.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT / size_of::<f32>());
        Aligned { values, start, len }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}
