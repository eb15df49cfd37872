//! Embeddings that treat every sample on its own: a function of one row, and the geometry behind it.

use super::{Embedding, Geometry, Points, Rescale};
use crate::error::Result;
use crate::features::{Column, Features};
use rayon::prelude::*;

/// Writes the embedded form of a row into the second slice.
pub(super) type EmbedRow = dyn Fn(&[f32], &mut [f32]) -> Result<()> + Send + Sync;

/// An embedding row by row.
pub(super) struct RowEmbedding {
    pub(super) columns: Vec<Column>,
    pub(super) dimensions: usize,
    pub(super) geometry: Geometry,
    pub(super) rescale: Rescale,
    pub(super) embed_row: Box<EmbedRow>,
}

impl Embedding for RowEmbedding {
    fn embed(&self, features: &Features) -> Result<Points> {
        features.expect_columns(&self.columns)?;
        let mut values = vec![0.0; features.samples() * self.dimensions];
        let embed = |(sample, row): (usize, &mut [f32])| {
            let embedded = (self.embed_row)(features.row(sample), row);
            embedded.map_err(|error| error.context(format!("sample {sample}")))
        };
        // The first sample in error, whichever thread came first.
        let failed = values.par_chunks_mut(self.dimensions).enumerate().map(embed).find_first(Result::is_err);
        failed.unwrap_or(Ok(()))?;
        Ok(Points::new(values, self.dimensions, self.geometry.clone(), self.rescale))
    }
}
