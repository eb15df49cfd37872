//! An order of the points that does not depend on the order of the rows: by their coordinates.
//!
//! Whatever ties must be broken is broken by it, so permuting the rows permutes every result and changes nothing else.
//! Points that are equal in every coordinate are interchangeable; among them the row decides.

use crate::distance::Points;
use rayon::prelude::*;
use std::cmp::Ordering;

/// The rows in lexicographic order of their coordinates.
pub(crate) fn content_order(points: &Points) -> Vec<u32> {
    let mut order: Vec<u32> = (0..points.samples() as u32).collect();
    order
        .par_sort_unstable_by(|&a, &b| compare(points.row(a as usize), points.row(b as usize)).then_with(|| a.cmp(&b)));
    order
}

/// The position of every row in `order`.
pub(crate) fn ranks(order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    for (rank, &row) in order.iter().enumerate() {
        ranks[row as usize] = rank as u32;
    }
    ranks
}

fn compare(a: &[f32], b: &[f32]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Rescale};

    #[test]
    fn rows_are_ordered_by_their_coordinates() {
        let values = vec![2.0, 1.0, -1.0, 5.0, 2.0, 0.0, -1.0, 5.0];
        let order = content_order(&Points::new(values, 2, Geometry::L2, Rescale::Identity));
        assert_eq!(order, [1, 3, 2, 0], "equal rows keep their order");
        assert_eq!(ranks(&order), [3, 0, 2, 1]);
    }
}
