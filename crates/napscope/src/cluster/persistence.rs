//! How long a pattern lives: its excess of mass, as a fraction of what it would be if all its samples stayed to the end.

use super::condensed_tree::CondensedTree;

/// The scale of persistence: the largest finite λ of the tree. (Python's hdbscan takes the largest λ and gives every
/// cluster persistence 1 as soon as any samples coincide.)
pub(super) fn largest_lambda(tree: &CondensedTree) -> f64 {
    tree.rows().iter().map(|row| row.lambda).filter(|lambda| lambda.is_finite()).fold(0.0, f64::max)
}

/// Persistence, 0 … 1, of a cluster of `size` samples with the excess of mass `mass`. (Where the root is selected, Python's
/// hdbscan divides by the number of samples labelled instead, and may exceed 1.)
pub(super) fn persistence(mass: f64, size: u32, largest_lambda: f64) -> f64 {
    if largest_lambda == 0.0 || mass.is_infinite() {
        return 1.0;
    }
    (mass / (f64::from(size) * largest_lambda)).min(1.0)
}
