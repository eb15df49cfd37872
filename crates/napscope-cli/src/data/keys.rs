//! Content keys of samples that lie in arrays.

use super::array::Array;
use napscope::Result;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// Rows of Fortran-ordered arrays that are read together.
const BLOCK: usize = 256;

/// Computes content keys. A row of a Fortran-ordered array costs as much to read as its whole block, so the keys of a block
/// are computed together and kept (8 bytes a sample).
#[derive(Debug)]
pub(super) struct ContentKeys {
    samples: usize,
    blocks: Option<Vec<OnceLock<Vec<u64>>>>,
}

impl ContentKeys {
    pub(super) fn new(arrays: &[Array], samples: usize) -> Self {
        let fortran = arrays.iter().any(Array::is_fortran);
        let blocks = fortran.then(|| (0..samples.div_ceil(BLOCK)).map(|_| OnceLock::new()).collect());
        ContentKeys { samples, blocks }
    }

    /// The key of `sample`: the first 8 bytes of the SHA-256 over its rows in all `arrays`.
    pub(super) fn of(&self, arrays: &[Array], sample: usize) -> Result<u64> {
        let Some(block) = self.blocks.as_ref().and_then(|blocks| blocks.get(sample / BLOCK)) else {
            return Ok(keys(arrays, &[sample])?[0]);
        };
        if let Some(known) = block.get() {
            return Ok(known[sample % BLOCK]);
        }
        let first = sample - sample % BLOCK;
        let rows: Vec<usize> = (first..self.samples.min(first + BLOCK)).collect();
        let computed = keys(arrays, &rows)?;
        Ok(block.get_or_init(|| computed)[sample % BLOCK])
    }
}

fn keys(arrays: &[Array], rows: &[usize]) -> Result<Vec<u64>> {
    let mut hashes = vec![Sha256::new(); rows.len()];
    for array in arrays {
        let bytes = array.bytes(rows)?;
        for (hash, row) in hashes.iter_mut().zip(bytes.chunks_exact((bytes.len() / rows.len()).max(1))) {
            hash.update(row);
        }
    }
    Ok(hashes.into_iter().map(|hash| first_eight(&hash.finalize())).collect())
}

/// The first 8 bytes of a hash as a number.
pub(super) fn first_eight(hash: &[u8]) -> u64 {
    hash.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}
