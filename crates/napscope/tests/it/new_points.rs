//! New points: against Python's hdbscan on given trees, and against the clustering that they are placed in.

use crate::clustering::{SELECTIONS, data, permuted, points, uniform};
use napscope::ErrorKind;
use napscope::cluster::{
    Edge, Glosh, Hdbscan, HdbscanFit, LinkageTree, Predictor, Selection, SpanningTree, core_distances,
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
    kind: String,
    seed: u64,
    n: usize,
    d: usize,
    min_samples: usize,
    min_cluster_size: usize,
    method: String,
    a: Vec<u32>,
    b: Vec<u32>,
    height: Vec<f64>,
    own_labels: Vec<i64>,
    own_vectors: Vec<Vec<f64>>,
    new: Vec<f32>,
    labels: Vec<i64>,
    probabilities: Vec<f64>,
    scores: Vec<f64>,
    /// Does the new point stay in the cluster of its neighbor, and do hdbscan's digits suffice?
    same_cluster: Vec<bool>,
    vectors: Vec<Vec<f64>>,
}

/// Python sums in f64 and rounds λ to f32 here and there.
const TOLERANCE: f64 = 1e-5;

#[test]
fn new_points_are_placed_as_python_places_them() {
    let oracle: Oracle =
        serde_json::from_str(include_str!("../../../../oracles/hdbscan_predict.json")).expect("the oracle is JSON");
    let (mut placed, mut compared) = (0, 0);
    for case in oracle.cases {
        let Case { kind, seed, n, d, min_samples, min_cluster_size, method, .. } = &case;
        let name = format!("{kind} {n} x {d}, {method}, size {min_cluster_size}");
        let points = points("euclidean", data(kind, *seed, *n, *d), *d);
        let hdbscan = Hdbscan {
            min_cluster_size: *min_cluster_size,
            min_samples: Some(*min_samples),
            selection: method.parse().expect("a selection"),
            ..Hdbscan::default()
        };
        let fit = fit_of(&case, &hdbscan, core_distances(&points, *min_samples, &unwatched).expect("enough points"));
        // Their number of each of our patterns.
        let mut theirs = BTreeMap::new();
        for (ours, own) in fit.clustering.labels.iter().zip(&case.own_labels) {
            assert_eq!(
                ours.map_or(-1, |id| *theirs.entry(id.0).or_insert(*own)),
                *own,
                "{name}: the samples' own labels"
            );
        }
        let predictor = Predictor::new(&points, &fit, &hdbscan).expect(&name);
        let new = crate::clustering::points("euclidean", case.new.clone(), *d);
        let found = predictor.predict(&new, &unwatched).expect(&name);
        let near = |x: f64, y: f64| (x - y).abs() <= TOLERANCE;
        for at in 0..new.samples() {
            let label = found.labels[at].map_or(-1, |id| theirs[&id.0]);
            assert_eq!(label, case.labels[at], "{name}: label of new point {at}");
            let (membership, expected) = (found.membership[at], case.probabilities[at]);
            assert!(near(membership, expected), "{name}: membership of {at} is {membership}, expected {expected}");
            let (score, expected) = (found.outlier_score[at], case.scores[at]);
            assert!(near(score, expected), "{name}: outlier score of {at} is {score}, expected {expected}");
            placed += 1;
        }
        let vectors = predictor.memberships(&new, &unwatched).expect(&name);
        let own = predictor.sample_memberships(&unwatched).expect(&name);
        let rows =
            (0..new.samples()).filter(|&at| case.same_cluster[at]).map(|at| (vectors.row(at), &case.vectors[at]));
        for (row, expected) in rows.chain((0..*n).map(|at| (own.row(at), &case.own_vectors[at]))) {
            for (pattern, value) in row.iter().enumerate() {
                let expected = expected[theirs[&(pattern as u32)] as usize];
                assert!(
                    near(f64::from(*value), expected),
                    "{name}: pattern {pattern} has {value}, expected {expected}"
                );
            }
            compared += 1;
        }
    }
    assert!(placed >= 400 && compared >= 900, "400 points and 900 vectors are promised, got {placed} and {compared}");
}

/// A fit that was made by somebody else's spanning tree.
fn fit_of(case: &Case, hdbscan: &Hdbscan, core_distances: Vec<f64>) -> HdbscanFit {
    let edges = (0..case.n - 1).map(|at| Edge { a: case.a[at], b: case.b[at], height: case.height[at] });
    let spanning_tree = SpanningTree::new(case.n, edges.collect()).expect("Python's tree is a tree");
    let rank: Vec<u32> = (0..case.n as u32).collect();
    let linkage_tree = LinkageTree::new(&spanning_tree, &rank).expect("one rank a sample");
    let condensed_tree = linkage_tree.condense(hdbscan.min_cluster_size).expect("a valid size");
    let clustering = condensed_tree.clustering(hdbscan).expect("valid parameters");
    HdbscanFit { clustering, core_distances, spanning_tree, linkage_tree, condensed_tree, evidence: None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// A sample is placed where it is; and nothing hangs on the order of samples or of new points.
    #[test]
    fn a_sample_is_placed_where_it_is(
        kind in 0..6usize, metric in 0..4usize, n in 8..80usize, d in 1..5usize, seed in 0..1000u64, size in 2..6usize,
        min_samples in 1..6usize, selection in 0..7usize, single in any::<bool>(), epsilon in 0..2usize, alpha in 0..2usize,
        compat in any::<bool>(), key in 0..1000u64,
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let metric = ["euclidean", "manhattan", "half_square", "chebyshev"][metric];
        let hdbscan = Hdbscan {
            min_cluster_size: size,
            min_samples: Some(min_samples),
            selection: SELECTIONS[selection].parse().expect("a selection"),
            allow_single_cluster: single,
            cluster_selection_epsilon: [0.0, 0.3][epsilon],
            alpha: [1.0, 0.7][alpha],
            glosh: if compat { Glosh::Compat } else { Glosh::Corrected },
            ..Hdbscan::default()
        };
        let values = data(kind, seed, n, d);
        let points_of = |values: Vec<f32>| points(metric, values, d);
        let all = points_of(values.clone());
        let fit = hdbscan.fit(&all).expect("enough points");
        let found = fit.predict(&all, &hdbscan, &all, &unwatched).expect("its own points");
        prop_assert_eq!(&found.labels, &fit.clustering.labels);
        prop_assert_eq!(&found.membership, &fit.clustering.membership);
        prop_assert_eq!(&found.outlier_score, &fit.clustering.outlier_score);

        let new = uniform(seed + 7, 20 * d).iter().map(|u| (u * 1.5 - 0.2) as f32).collect::<Vec<f32>>();
        let keys = uniform(key, n);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&x, &y| keys[x].total_cmp(&keys[y]));
        let shuffled = points_of(permuted(&values, d, &order));
        let other_fit = hdbscan.fit(&shuffled).expect("enough points");
        let back: Vec<usize> = (0..20).rev().collect();
        let predictor = Predictor::new(&all, &fit, &hdbscan).expect("its own points");
        let other = Predictor::new(&shuffled, &other_fit, &hdbscan).expect("its own points");
        let (new, reversed) = (points_of(new.clone()), points_of(permuted(&new, d, &back)));
        let found = predictor.predict(&new, &unwatched).expect("the same dimensions");
        let again = other.predict(&reversed, &unwatched).expect("the same dimensions");
        let vectors = predictor.memberships(&new, &unwatched).expect("the same dimensions");
        let vectors_again = other.memberships(&reversed, &unwatched).expect("the same dimensions");
        let own = predictor.sample_memberships(&unwatched).expect("never stopped");
        for (at, &from) in back.iter().enumerate() {
            prop_assert_eq!(again.labels[at], found.labels[from]);
            prop_assert_eq!(again.membership[at].to_bits(), found.membership[from].to_bits());
            prop_assert_eq!(again.outlier_score[at].to_bits(), found.outlier_score[from].to_bits());
            prop_assert_eq!(again.height[at].to_bits(), found.height[from].to_bits());
            prop_assert_eq!(vectors_again.row(at), vectors.row(from));
        }
        let shares = found.membership.iter().chain(&found.outlier_score);
        prop_assert!(shares.clone().all(|value| (0.0..=1.0).contains(value)), "{:?}", found);
        for (rows, vectors) in [(20, &vectors), (n, &own)] {
            prop_assert_eq!(vectors.patterns(), fit.clustering.persistence.len());
            prop_assert_eq!(vectors.values().len(), rows * vectors.patterns());
            for row in (0..rows).map(|at| vectors.row(at)) {
                prop_assert!(row.iter().all(|value| (0.0..=1.0).contains(value)), "{:?}", row);
                prop_assert!(row.iter().sum::<f32>() <= 1.0 + 1e-5, "{:?}", row);
            }
        }
    }
}

#[test]
fn no_pattern_is_no_mistake() {
    let noise = points("euclidean", uniform(4, 60).iter().map(|u| *u as f32).collect(), 2);
    let large = Hdbscan { min_cluster_size: 20, selection: Selection::Eom, ..Hdbscan::default() };
    let fit = large.fit(&noise).expect("30 points");
    assert!(fit.clustering.persistence.is_empty(), "the case has no pattern");
    let predictor = Predictor::new(&noise, &fit, &large).expect("its own points");
    let new = points("euclidean", vec![0.5, 0.5, 99.0, 99.0], 2);
    let found = predictor.predict(&new, &unwatched).expect("two points");
    assert_eq!((found.labels, found.membership), (vec![None; 2], vec![0.0; 2]));
    assert!(found.outlier_score[1] > 0.99 && found.outlier_score[0] < 0.9, "{:?}", found.outlier_score);
    let vectors = predictor.memberships(&new, &unwatched).expect("two points");
    assert_eq!((vectors.patterns(), vectors.row(1).len()), (0, 0));
}

#[test]
fn a_new_point_belongs_to_the_group_that_it_lies_in() {
    let group = |at: usize| (at / 30 * 50) as f32 + (at % 30) as f32 * 0.2 + (at * at % 5) as f32 * 0.03;
    let three = points("euclidean", (0..90).map(group).collect(), 1);
    let hdbscan = Hdbscan { selection: Selection::Eom, ..Hdbscan::default() };
    let fit = hdbscan.fit(&three).expect("90 points");
    let predictor = Predictor::new(&three, &fit, &hdbscan).expect("its own points");
    let new = points("euclidean", vec![3.11, 53.11, 103.11, 27.0, 1e6], 1);
    let found = predictor.predict(&new, &unwatched).expect("five points");
    for group in 0..3 {
        assert_eq!(found.labels[group], fit.clustering.labels[group * 30 + 15], "the middle of group {group}");
        assert!(found.membership[group] > 0.5 && found.outlier_score[group] < 0.5, "the middle of group {group}");
    }
    // Nearer to the first group than the groups are to each other: in it, but hardly.
    assert_eq!(found.labels[3], found.labels[0], "between the groups");
    assert!(found.membership[3] < 0.05 && found.outlier_score[3] > 0.9, "between the groups: {found:?}");
    assert_eq!(found.labels[4], None, "far out");
    assert!(
        found.outlier_score[4] > 0.999 && found.outlier_score[4] > found.outlier_score[3],
        "{:?}",
        found.outlier_score
    );
    let vectors = predictor.memberships(&new, &unwatched).expect("five points");
    for at in 0..3 {
        let own = found.labels[at].expect("in a pattern").0 as usize;
        assert!(vectors.row(at)[own] > 0.8, "{:?}", vectors.row(at));
    }
    assert!(vectors.row(4).iter().sum::<f32>() < 0.01, "far out is in no pattern: {:?}", vectors.row(4));
}

#[test]
fn other_points_are_refused() {
    let all = points("euclidean", data("clusters", 1, 40, 3), 3);
    let fit = Hdbscan::default().fit(&all).expect("40 points");
    let fewer = points("euclidean", data("clusters", 1, 39, 3), 3);
    let error = Predictor::new(&fewer, &fit, &Hdbscan::default()).err().expect("one is missing");
    assert_eq!(error.to_string(), "points of the fit: expected shape [40], got [39]");
    let flat = points("euclidean", vec![0.0; 8], 2);
    let error = fit.predict(&all, &Hdbscan::default(), &flat, &unwatched).expect_err("two dimensions of three");
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    let none = fit.predict(&all, &Hdbscan::default(), &points("euclidean", Vec::new(), 3), &unwatched);
    assert_eq!(none.expect("no point is no mistake").labels, []);
}
