//! The parts of the graph in which two points are joined when either is among the nearest neighbors of the other.

use crate::neighbors::Neighbors;

/// The points of each part that no chain of neighbors joins to another, rising; the largest part first, then by first point.
pub(super) fn parts(neighbors: &Neighbors) -> Vec<Vec<usize>> {
    let samples = neighbors.samples();
    let mut root: Vec<usize> = (0..samples).collect();
    for sample in 0..samples {
        for &other in neighbors.indices(sample) {
            let (a, b) = (find(&mut root, sample), find(&mut root, other as usize));
            root[a.max(b)] = a.min(b);
        }
    }
    let mut parts = vec![Vec::new(); samples];
    (0..samples).for_each(|sample| parts[find(&mut root, sample)].push(sample));
    parts.retain(|part| !part.is_empty());
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

fn find(root: &mut [usize], mut at: usize) -> usize {
    while root[at] != at {
        root[at] = root[root[at]];
        at = root[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Geometry, Points, Rescale};
    use crate::neighbors::self_neighbors;
    use crate::progress::unwatched;

    #[test]
    fn a_gap_parts_what_no_neighbor_bridges() {
        let values = vec![10.0, 0.0, 11.0, 1.0, 12.0, 2.0, 13.0];
        let points = Points::new(values, 1, Geometry::L2, Rescale::Identity);
        let found = |k| parts(&self_neighbors(&points, k, &unwatched).expect("seven points"));
        assert_eq!(found(2), [vec![0, 2, 4, 6], vec![1, 3, 5]]);
        assert_eq!(found(3), [vec![0, 1, 2, 3, 4, 5, 6]], "the third neighbor of three points lies beyond the gap");
    }
}
