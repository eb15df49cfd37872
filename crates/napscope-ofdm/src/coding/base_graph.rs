//! Which of the two base graphs, and how large its circulants: TS 38.212, 5.2.2, 5.3.2 and 6.2.2.

use super::base_graph_tables::{BASE_GRAPH_1, BASE_GRAPH_2, Entry};

/// A base graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseGraph {
    /// For long blocks at high rates: 46 rows, 68 columns.
    One,
    /// For short blocks and low rates: 42 rows, 52 columns.
    Two,
}

impl BaseGraph {
    /// The graph for a transport block of `size` bits at the code rate `coderate` (6.2.2).
    pub fn select(size: usize, coderate: f64) -> Self {
        if size <= 292 || (size <= 3824 && coderate <= 0.67) || coderate <= 0.25 {
            BaseGraph::Two
        } else {
            BaseGraph::One
        }
    }

    /// Information bits of a code block at most, its check bits included (5.2.2).
    pub(super) fn max_block_size(self) -> usize {
        if self == BaseGraph::One { 8448 } else { 3840 }
    }

    /// Columns of information bits.
    pub(super) fn num_information_columns(self) -> usize {
        if self == BaseGraph::One { 22 } else { 10 }
    }

    /// Rows, each a set of parity checks.
    pub(super) fn num_rows(self) -> usize {
        if self == BaseGraph::One { 46 } else { 42 }
    }

    /// Columns, each a set of code bits.
    pub(super) fn num_columns(self) -> usize {
        self.num_information_columns() + self.num_rows()
    }

    /// Columns of information bits that a transport block of `size` bits (its check bits included) fills (5.2.2).
    pub(super) fn num_filled_columns(self, size: usize) -> usize {
        match (self, size) {
            (BaseGraph::One, _) => 22,
            (_, 641..) => 10,
            (_, 561..) => 9,
            (_, 193..) => 8,
            _ => 6,
        }
    }

    /// The column behind the two punctured ones at which sending begins (table 5.4.2.1-2, full circular buffer).
    pub(super) fn first_sent_column(self, redundancy_version: usize) -> usize {
        let columns = if self == BaseGraph::One { [0, 17, 33, 56] } else { [0, 13, 25, 43] };
        columns[redundancy_version]
    }

    /// Its entries, row by row.
    pub(super) fn entries(self) -> &'static [Entry] {
        if self == BaseGraph::One { &BASE_GRAPH_1 } else { &BASE_GRAPH_2 }
    }
}

/// The largest lifting size.
pub(super) const MAX_LIFTING: usize = 384;

/// Smallest lifting size of table 5.3.2-1 that is at least `least`, and the number of its set; `None` beyond 384.
pub(super) fn lifting_size(least: usize) -> Option<(usize, usize)> {
    // Set i holds a · 2^j up to 384 with these a.
    let factors = [2, 3, 5, 7, 9, 11, 13, 15];
    let sizes = factors.into_iter().enumerate().flat_map(|(set, a)| (0..8).map(move |j| (a << j, set)));
    sizes.filter(|&(size, _)| size <= MAX_LIFTING && size >= least).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifting_sizes_are_those_of_the_table() {
        for (least, expected) in
            [(1, (2, 0)), (6, (6, 1)), (17, (18, 4)), (200, (208, 6)), (353, (384, 1)), (384, (384, 1))]
        {
            assert_eq!(lifting_size(least), Some(expected), "at least {least}");
        }
        assert_eq!(lifting_size(385), None);
        let all: std::collections::BTreeSet<_> = (1..=384).filter_map(lifting_size).collect();
        assert_eq!(all.len(), 51, "table 5.3.2-1 has 51 sizes");
    }

    #[test]
    fn graphs_are_selected_by_size_and_target_rate() {
        for (size, coderate, expected) in [
            (292, 0.9, BaseGraph::Two),
            (293, 0.68, BaseGraph::One),
            (3824, 0.67, BaseGraph::Two),
            (3825, 0.67, BaseGraph::One),
            (8000, 0.25, BaseGraph::Two),
            (8000, 0.26, BaseGraph::One),
        ] {
            assert_eq!(BaseGraph::select(size, coderate), expected, "{size} bits at rate {coderate}");
        }
    }

    #[test]
    fn graphs_have_the_shape_of_the_standard() {
        for (graph, entries) in [(BaseGraph::One, 316), (BaseGraph::Two, 197)] {
            assert_eq!(graph.entries().len(), entries, "{graph:?}");
            let core = graph.num_information_columns();
            for &(row, column, _) in graph.entries() {
                assert!((row as usize) < graph.num_rows() && (column as usize) < graph.num_columns(), "{graph:?}");
                // Beyond the first four parity columns, column c stands in row c - core alone.
                assert!(
                    (column as usize) < core + 4 || column as usize == core + row as usize,
                    "{graph:?} {row} {column}"
                );
            }
        }
    }
}
