//! Selections and validity: against hdbscan and fast_hdbscan on given trees, and against what they promise.

use crate::clustering::{SELECTIONS, data, points};
use napscope::ErrorKind;
use napscope::cluster::{
    ClusterId, Edge, Hdbscan, HdbscanFit, LinkageTree, Method, Selection, SpanningTree, relative_validity,
    validity_index,
};
use napscope::progress::unwatched;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Oracle {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    tree: Option<Tree>,
    levels: Vec<LevelCase>,
    plscan: Vec<PlscanCase>,
    validities: Vec<ValidityCase>,
}

#[derive(Deserialize, Clone)]
struct Tree {
    a: Vec<u32>,
    b: Vec<u32>,
    height: Vec<f64>,
}

#[derive(Deserialize)]
struct LevelCase {
    distance: f64,
    min_cluster_size: usize,
    labels: Vec<i64>,
}

#[derive(Deserialize)]
struct PlscanCase {
    min_cluster_size: usize,
    core: [f64; 2],
    sizes: Vec<usize>,
    persistence: Vec<f64>,
    labels: Vec<i64>,
}

#[derive(Deserialize)]
struct ValidityCase {
    min_cluster_size: usize,
    method: String,
    single: bool,
    labels: Vec<i64>,
    patterns: Vec<f64>,
    index: f64,
    hdbscan: Option<f64>,
}

/// The cases of `make_hdbscan_more.py` with their trees; the first ones share those of `make_hdbscan.py`.
fn oracle() -> Vec<(Case, HdbscanFit)> {
    #[derive(Deserialize)]
    struct Trees {
        cases: Vec<Tree>,
    }
    let oracle: Oracle =
        serde_json::from_str(include_str!("../../../../oracles/hdbscan_more.json")).expect("the oracle is JSON");
    let trees: Trees =
        serde_json::from_str(include_str!("../../../../oracles/hdbscan_selection.json")).expect("the oracle is JSON");
    let fit = |(number, case): (usize, Case)| {
        let tree = case.tree.clone().unwrap_or_else(|| trees.cases[number].clone());
        let fit = fit_of(&tree);
        (case, fit)
    };
    oracle.cases.into_iter().enumerate().map(fit).collect()
}

/// A fit that was made by somebody else's spanning tree.
fn fit_of(tree: &Tree) -> HdbscanFit {
    let samples = tree.height.len() + 1;
    let edges = (0..samples - 1).map(|at| Edge { a: tree.a[at], b: tree.b[at], height: tree.height[at] });
    let spanning_tree = SpanningTree::new(samples, edges.collect()).expect("Python's tree is a tree");
    let rank: Vec<u32> = (0..samples as u32).collect();
    let linkage_tree = LinkageTree::new(&spanning_tree, &rank).expect("one rank a sample");
    let condensed_tree = linkage_tree.condense(2).expect("a valid size");
    let clustering = condensed_tree.clustering(&Hdbscan::default()).expect("valid parameters");
    HdbscanFit { clustering, core_distances: Vec::new(), spanning_tree, linkage_tree, condensed_tree, evidence: None }
}

/// Are two labellings the same partition? Patterns are numbered by each side's own rule.
fn assert_same_partition(ours: &[Option<ClusterId>], theirs: &[i64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}: length");
    let (mut there, mut back) = (BTreeMap::new(), BTreeMap::new());
    for (sample, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(ours.is_none(), *theirs < 0, "{what}: is sample {sample} noise?");
        if let Some(ours) = ours {
            assert_eq!(there.entry(*ours).or_insert(*theirs), theirs, "{what}: sample {sample} is in another pattern");
            assert_eq!(back.entry(*theirs).or_insert(*ours), ours, "{what}: sample {sample} is in another pattern");
        }
    }
}

fn labels(theirs: &[i64]) -> Vec<Option<ClusterId>> {
    theirs.iter().map(|label| u32::try_from(*label).ok().map(ClusterId)).collect()
}

#[test]
fn a_cut_at_a_level_is_pythons_dbscan_star() {
    let mut checked = 0;
    for (number, (case, fit)) in oracle().iter().enumerate() {
        for LevelCase { distance, min_cluster_size, labels } in &case.levels {
            let selection = Selection::Level { distance: *distance };
            let parameters = Hdbscan { min_cluster_size: *min_cluster_size, selection, ..Hdbscan::default() };
            let found = fit.select(&parameters).expect("a valid level");
            assert_same_partition(&found.clustering.labels, labels, &format!("tree {number}, {selection}"));
            assert_eq!(found.evidence, None);
            checked += 1;
        }
    }
    assert!(checked >= 100, "at least 100 cuts are promised, got {checked}");
}

#[test]
fn plscan_is_that_of_fast_hdbscan() {
    let mut with_peaks = 0;
    for (number, (case, fit)) in oracle().into_iter().enumerate() {
        for PlscanCase { min_cluster_size, core, sizes, persistence, labels } in case.plscan {
            let samples = fit.linkage_tree.samples();
            let core_distances = (0..samples).map(|at| core[at % 2]).collect();
            let fit = HdbscanFit { core_distances, ..fit.clone() };
            let parameters = Hdbscan { min_cluster_size, selection: Selection::Plscan, ..Hdbscan::default() };
            let found = fit.select(&parameters).expect("valid parameters");
            let what = format!("tree {number}, from size {min_cluster_size}");
            assert_same_partition(&found.clustering.labels, &labels, &what);
            let evidence = found.evidence.expect("a curve");
            if sizes.is_empty() {
                assert_eq!(
                    (found.min_cluster_size, found.clustering.persistence.len()),
                    (min_cluster_size, 0),
                    "{what}"
                );
                continue;
            }
            let curve = &evidence.candidates[1..];
            let ours: Vec<usize> = curve.iter().map(|candidate| candidate.min_cluster_size - 1).collect();
            assert_eq!(ours, sizes, "{what}: sizes");
            for (ours, expected) in curve.iter().zip(persistence) {
                // Theirs are sums in f32.
                let error = (ours.score - expected).abs();
                assert!(error <= 2e-5 * expected.max(1.0), "{what}: persistence {}, expected {expected}", ours.score);
            }
            with_peaks += usize::from(evidence.chosen > 0);
        }
    }
    assert!(with_peaks >= 30, "at least 30 trees with a peak are promised, got {with_peaks}");
}

#[test]
fn relative_validity_is_what_an_obvious_program_finds() {
    let (mut checked, mut pythons) = (0, 0);
    for (number, (case, fit)) in oracle().iter().enumerate() {
        for ValidityCase { min_cluster_size, method, single, labels: theirs, patterns, index, hdbscan } in
            &case.validities
        {
            let parameters = Hdbscan {
                min_cluster_size: *min_cluster_size,
                selection: method.parse().expect("a selection"),
                allow_single_cluster: *single,
                ..Hdbscan::default()
            };
            let what = format!("tree {number}, {method}, size {min_cluster_size}");
            let ours = fit.select(&parameters).expect(&what).clustering;
            assert_same_partition(&ours.labels, theirs, &what);
            let found = relative_validity(&fit.linkage_tree, &labels(theirs)).expect(&what);
            let near = |x: f64, y: f64| (x - y).abs() < 1e-7;
            assert!(near(found.index, *index), "{what}: {}, expected {index}", found.index);
            assert!(found.patterns.iter().zip(patterns).all(|(x, y)| near(*x, *y)), "{what}: {found:?}, {patterns:?}");
            if let Some(hdbscan) = hdbscan {
                assert!(near(found.index, *hdbscan), "{what}: {}, hdbscan says {hdbscan}", found.index);
                pythons += 1;
            }
            checked += 1;
        }
    }
    assert!(checked >= 100 && pythons >= 40, "100 cases and 40 of hdbscan's are promised, got {checked} and {pythons}");
}

#[test]
fn foreign_patterns_have_no_relative_validity() {
    let (_, fit) = &oracle()[0];
    let samples = fit.linkage_tree.samples();
    let scattered: Vec<_> = (0..samples).map(|sample| Some(ClusterId(sample as u32 % 2))).collect();
    let error = relative_validity(&fit.linkage_tree, &scattered).expect_err("no pattern of this tree");
    assert_eq!(error.kind(), ErrorKind::InvalidParameter);
    let error = relative_validity(&fit.linkage_tree, &scattered[1..]).expect_err("a label is missing");
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    let noise = relative_validity(&fit.linkage_tree, &vec![None; samples]).expect("noise is no mistake");
    assert_eq!((noise.index, noise.patterns.len()), (0.0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// What settles on a size finds exactly what plain HDBSCAN finds there, by the evidence that it shows.
    #[test]
    fn a_settled_size_is_plain_hdbscan_there(
        kind in 0..6usize, n in 8..220usize, d in 1..6usize, seed in 0..1000u64, first in 2..7usize,
        selection in 4..7usize, single in any::<bool>(), epsilon in 0..2usize,
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let plain = Hdbscan {
            min_cluster_size: first,
            min_samples: Some(2),
            allow_single_cluster: single,
            cluster_selection_epsilon: [0.0, 0.2][epsilon],
            ..Hdbscan::default()
        };
        let fit = plain.fit(&points("euclidean", data(kind, seed, n, d), d)).expect("enough points");
        let selection: Selection = SELECTIONS[selection].parse().expect("a selection");
        let found = fit.select(&Hdbscan { selection, ..plain.clone() }).expect("valid parameters");
        let evidence = found.evidence.expect("it settled on a size");
        let chosen = &evidence.candidates[evidence.chosen];
        let at = |candidate: &napscope::cluster::Candidate| {
            let selection = if candidate.method == Method::Eom { Selection::Eom } else { Selection::Leaf };
            fit.select(&Hdbscan { selection, min_cluster_size: candidate.min_cluster_size, ..plain.clone() }).expect("valid")
        };
        prop_assert_eq!(found.min_cluster_size, chosen.min_cluster_size);
        prop_assert_eq!(&found.clustering, &at(chosen).clustering);
        prop_assert!(evidence.candidates[0].min_cluster_size == first);
        for candidate in &evidence.candidates {
            let there = at(candidate);
            // plscan looks at leaves, whatever epsilon joins afterwards.
            if selection != Selection::Plscan || epsilon == 0 {
                prop_assert_eq!(there.clustering.persistence.len(), candidate.patterns, "at {}", candidate.min_cluster_size);
            }
            if selection == Selection::Dbcv && epsilon == 0 {
                let validity = relative_validity(&fit.linkage_tree, &there.clustering.labels).expect("its own patterns");
                prop_assert!((validity.index - candidate.score).abs() < 1e-9, "{} at {candidate:?}", validity.index);
                prop_assert!(chosen.patterns == 0 || candidate.patterns == 0 || candidate.score <= chosen.score);
            }
        }
    }

    /// What is together within a distance, by the definition: core samples there, linked by steps no longer.
    #[test]
    fn a_level_is_dbscan_star_by_its_definition(
        kind in 0..6usize, n in 8..90usize, d in 1..4usize, seed in 0..1000u64, size in 2..6usize, cut in 0.01..0.8f64,
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let points = points("euclidean", data(kind, seed, n, d), d);
        let selection = Selection::Level { distance: cut };
        let hdbscan = Hdbscan { min_cluster_size: size, min_samples: Some(3), selection, ..Hdbscan::default() };
        let fit = hdbscan.fit(&points).expect("enough points");
        let core = |sample: usize| fit.core_distances[sample] <= cut;
        let mut component: Vec<usize> = (0..n).collect();
        for i in 0..n {
            for j in (0..i).filter(|&j| core(i) && core(j) && points.distance(i, j) <= cut) {
                let (keep, drop) = (component[i], component[j]);
                component.iter_mut().filter(|c| **c == drop).for_each(|c| *c = keep);
            }
        }
        let size_of = |c: usize| component.iter().filter(|other| **other == c).count();
        let expected: Vec<i64> = (0..n).map(|i| if size_of(component[i]) >= size { component[i] as i64 } else { -1 }).collect();
        assert_same_partition(&fit.clustering.labels, &expected, &format!("{kind} {n} x {d}, seed {seed}, level {cut}"));
        prop_assert!(fit.clustering.membership.iter().all(|m| (0.0..=1.0).contains(m)));
    }
}

/// Five groups of 40 on a line, and strays between them.
fn five_groups() -> Vec<f32> {
    let group = |at: usize| (at / 40 * 100) as f32 + (at % 40) as f32 * 0.3 + (at * at % 7) as f32 * 0.04;
    (0..200).map(group).chain((0..12).map(|at| 30.0 + 31.0 * at as f32)).collect()
}

#[test]
fn every_selection_that_seeks_a_size_sees_five_groups() {
    let fit = Hdbscan::default().fit(&points("euclidean", five_groups(), 1)).expect("212 points");
    for spec in ["plateau", "plateau:method=leaf", "plscan", "dbcv"] {
        let found = fit.select(&Hdbscan { selection: spec.parse().expect(spec), ..Hdbscan::default() }).expect(spec);
        let sizes: Vec<usize> = (0..found.clustering.persistence.len())
            .map(|pattern| found.clustering.labels.iter().filter(|l| **l == Some(ClusterId(pattern as u32))).count())
            .collect();
        assert_eq!(sizes.len(), 5, "{spec}: {sizes:?}");
        assert!(sizes.iter().all(|size| (38..=46).contains(size)), "{spec}: {sizes:?}");
    }
}

#[test]
fn one_condensed_tree_cannot_compare_sizes() {
    let fit = Hdbscan::default().fit(&points("euclidean", five_groups(), 1)).expect("212 points");
    let dbcv = Hdbscan { selection: Selection::Dbcv, ..Hdbscan::default() };
    let error = fit.condensed_tree.clustering(&dbcv).expect_err("it takes the whole hierarchy");
    assert_eq!(error.to_string(), "`dbcv` compares condensed trees of many sizes, and this is one");
}

#[test]
fn validity_tells_good_patterns_from_bad_in_thousands_of_dimensions() {
    for d in [1, 2, 30, 1000, 4000] {
        let (n, u) = (40, crate::clustering::uniform(3, 40 * d));
        let values = |apart: f64| (0..n * d).map(|at| (u[at] + apart * ((at / d) % 2) as f64) as f32).collect();
        let halves: Vec<_> = (0..n).map(|sample| Some(ClusterId(sample as u32 % 2))).collect();
        let index = |apart| {
            validity_index(&points("euclidean", values(apart), d), &halves, &unwatched).expect("a label a sample").index
        };
        let (far, none) = (index(100.0), index(0.0));
        assert!(far > 0.9 && far <= 1.0, "{d} dimensions, apart: {far}");
        assert!((-1.0..0.1).contains(&none), "{d} dimensions, mixed: {none}");
    }
    let same = points("euclidean", vec![1.0; 20], 1);
    let two: Vec<_> = (0..20).map(|sample| Some(ClusterId(sample / 10))).collect();
    assert_eq!(validity_index(&same, &two, &unwatched).expect("labels").index, 0.0, "coinciding points");
    let one = vec![Some(ClusterId(0)); 20];
    assert_eq!(validity_index(&same, &one, &unwatched).expect("labels").index, 0.0, "one pattern");
    assert_eq!(validity_index(&same, &[None; 20], &unwatched).expect("labels").index, 0.0, "noise only");
    let stopped = validity_index(&points("euclidean", vec![0.5; 3000 * 100], 100), &vec![one[0]; 3000], &|_| {
        std::ops::ControlFlow::Break(())
    });
    assert_eq!(stopped.expect_err("stopped").kind(), ErrorKind::Interrupted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn permuting_rows_keeps_the_validity_index(
        kind in 0..6usize, n in 8..60usize, d in 1..5usize, seed in 0..1000u64, key in 0..1000u64,
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let values = data(kind, seed, n, d);
        // Labels hang on the content, so that twins, which are interchangeable, share theirs.
        let label = |row: usize| Some(ClusterId(u32::from(values[row * d] > 0.4))).filter(|_| values[row * d] < 0.8);
        let labels: Vec<_> = (0..n).map(label).collect();
        let keys = crate::clustering::uniform(key, n);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&x, &y| keys[x].total_cmp(&keys[y]));
        let shuffled: Vec<_> = order.iter().map(|&row| labels[row]).collect();
        let straight = validity_index(&points("euclidean", values.clone(), d), &labels, &unwatched).expect("labels");
        let permuted = crate::clustering::permuted(&values, d, &order);
        let after = validity_index(&points("euclidean", permuted, d), &shuffled, &unwatched).expect("labels");
        prop_assert_eq!(straight, after);
    }
}
