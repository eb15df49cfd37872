//! A stored tree, asked for larger patterns, against a fit that was asked for them at once.

use crate::clustering::{bits, data, points};
use napscope::cluster::{CondensedTree, Glosh, Hdbscan, Selection};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn a_condensed_tree_condenses_further_as_the_hierarchy_does(
        kind in 0..6usize, n in 12..160usize, d in 1..4usize, seed in 0..1000u64, small in 2..6usize, more in 0..20usize,
        eom in any::<bool>(), single in any::<bool>(), epsilon in 0..3usize, compat in any::<bool>(),
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let points = points("euclidean", data(kind, seed, n, d), d);
        let stored = Hdbscan { min_cluster_size: small, min_samples: Some(3), ..Hdbscan::default() };
        let wanted = Hdbscan {
            min_cluster_size: (small + more).min(n),
            selection: if eom { Selection::Eom } else { Selection::Leaf },
            allow_single_cluster: single,
            cluster_selection_epsilon: [0.0, 0.1, 0.5][epsilon],
            glosh: if compat { Glosh::Compat } else { Glosh::Corrected },
            ..stored.clone()
        };
        let tree = stored.fit(&points).expect("enough points").condensed_tree;
        let file = serde_json::to_string(&tree).expect("a tree is JSON");
        let again: CondensedTree = serde_json::from_str(&file).expect("as it was written");
        let (ours, expected) = (again.condense(wanted.min_cluster_size), wanted.fit(&points).expect("enough points"));
        let clustering = ours.clustering(&wanted).expect("a selection");
        prop_assert_eq!(&clustering.labels, &expected.clustering.labels);
        prop_assert_eq!(bits(&clustering.membership), bits(&expected.clustering.membership));
        prop_assert_eq!(bits(&clustering.outlier_score), bits(&expected.clustering.outlier_score));
        prop_assert_eq!(bits(&clustering.persistence), bits(&expected.clustering.persistence));
        prop_assert_eq!(&clustering.exemplars, &expected.clustering.exemplars);
        prop_assert_eq!(&clustering.nodes, &expected.clustering.nodes);
        // The rows are those of the fit; within a merge samples may stand in another order.
        let rows = |tree: &CondensedTree| {
            let mut rows: Vec<_> =
                tree.rows().iter().map(|row| (row.parent, row.lambda.to_bits(), row.child, row.child_size)).collect();
            rows.sort_unstable();
            rows
        };
        prop_assert_eq!(rows(&ours), rows(&expected.condensed_tree));
    }
}
