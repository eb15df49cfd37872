//! A condensed tree for a larger `min_cluster_size`, read off the condensed tree of a smaller one.
//!
//! Nothing is lost by it: a part that is too small for the smaller size is too small for the larger one, so the merges that
//! the first pruning took away would have been taken away by the second. What a run has stored is enough to ask again.

use super::condensed_tree::{CondensedTree, Row};
use std::collections::VecDeque;
use std::ops::Range;

impl CondensedTree {
    /// The tree that the same hierarchy condenses to for `min_cluster_size`, which must not be below that of this tree: for a
    /// smaller one the tree comes back as it is. [`CondensedTree::clustering`] of it finds what [`super::Hdbscan::fit`]
    /// does, byte for byte.
    #[must_use]
    pub fn condense(&self, min_cluster_size: usize) -> CondensedTree {
        let old = Clusters::of(self);
        let root = self.samples() as u32;
        let mut rows = Vec::with_capacity(self.rows().len());
        let mut next = root + 1;
        let mut open = VecDeque::from([(root, root, self.samples())]);
        while let Some((parent, cluster, size)) = open.pop_front() {
            let (lambda, large) = old.fall_out(parent, cluster, size, min_cluster_size, &mut rows);
            for part in large {
                rows.push(Row { parent, child: next, lambda, child_size: part.child_size });
                open.push_back((next, part.child, part.child_size as usize));
                next += 1;
            }
        }
        CondensedTree::from_condensed(self.samples(), rows)
    }
}

/// The rows of every cluster of a tree.
struct Clusters<'a> {
    tree: &'a CondensedTree,
    rows: Vec<Range<usize>>,
}

impl<'a> Clusters<'a> {
    fn of(tree: &'a CondensedTree) -> Self {
        let mut rows = vec![0..0; tree.rows().len() + 1 - tree.samples()];
        let mut start = 0;
        for group in tree.rows().chunk_by(|x, y| x.parent == y.parent) {
            rows[group[0].parent as usize - tree.samples()] = start..start + group.len();
            start += group.len();
        }
        Clusters { tree, rows }
    }

    fn of_cluster(&self, cluster: u32) -> &'a [Row] {
        &self.tree.rows()[self.rows[cluster as usize - self.tree.samples()].clone()]
    }

    fn is_cluster(&self, row: &Row) -> bool {
        row.child as usize >= self.tree.samples()
    }

    /// Goes down from `cluster` while one large part goes on, and records what falls out of it as falling out of `parent`.
    /// Returns the λ at which it splits or ends, and the rows of the parts that it splits into.
    fn fall_out(
        &self,
        parent: u32,
        mut cluster: u32,
        mut left: usize,
        min_cluster_size: usize,
        rows: &mut Vec<Row>,
    ) -> (f64, Vec<Row>) {
        let fall = |rows: &mut Vec<Row>, row: &Row, lambda| rows.push(Row { parent, lambda, ..*row });
        'down: loop {
            let all = self.of_cluster(cluster);
            let mut seen = 0;
            for merge in all.chunk_by(|x, y| x.lambda == y.lambda) {
                let lambda = merge[0].lambda;
                seen += merge.len();
                let (parts, samples): (Vec<&Row>, Vec<&Row>) = merge.iter().partition(|row| self.is_cluster(row));
                samples.iter().for_each(|row| fall(rows, row, lambda));
                left = left.saturating_sub(samples.len());
                if !parts.is_empty() {
                    let (large, small): (Vec<&Row>, Vec<&Row>) =
                        parts.into_iter().partition(|part| part.child_size as usize >= min_cluster_size);
                    small.iter().for_each(|part| self.each_sample(part.child, &mut |row| fall(rows, row, lambda)));
                    if let [part] = large[..] {
                        (cluster, left) = (part.child, part.child_size as usize);
                        continue 'down;
                    }
                    return (lambda, large.into_iter().copied().collect());
                }
                if left < min_cluster_size {
                    for row in &all[seen..] {
                        match self.is_cluster(row) {
                            true => self.each_sample(row.child, &mut |row| fall(rows, row, lambda)),
                            false => fall(rows, row, lambda),
                        }
                    }
                    return (lambda, Vec::new());
                }
            }
            // Only a tree of a hierarchy that was cut short comes here: all of its rows are told.
            return (all.last().map_or(f64::INFINITY, |row| row.lambda), Vec::new());
        }
    }

    /// Visits the rows in which the samples below a cluster leave.
    fn each_sample(&self, cluster: u32, visit: &mut impl FnMut(&Row)) {
        let mut open = vec![cluster];
        while let Some(cluster) = open.pop() {
            for row in self.of_cluster(cluster) {
                if self.is_cluster(row) {
                    open.push(row.child);
                } else {
                    visit(row);
                }
            }
        }
    }
}
