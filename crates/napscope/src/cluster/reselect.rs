//! Other patterns from a tree that is there already: everything behind the spanning tree may change, and nothing before it.

use super::{Clustering, Hdbscan, HdbscanFit};
use crate::error::Result;

impl HdbscanFit {
    /// What [`Hdbscan::fit`] with `parameters` finds in the same points, byte for byte, without a second spanning tree.
    /// `parameters` may differ from those of this fit in all but `min_samples` and `alpha`, which made the tree.
    ///
    /// # Errors
    /// As [`Hdbscan::fit`].
    pub fn select(&self, parameters: &Hdbscan) -> Result<Clustering> {
        parameters.check_samples(self.linkage_tree.samples())?;
        self.linkage_tree.condense(parameters.min_cluster_size)?.clustering(parameters)
    }
}
