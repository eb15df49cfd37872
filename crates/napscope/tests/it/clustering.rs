//! HDBSCAN* against Python's hdbscan and scikit-learn, against itself with the rows permuted, and at its edges.
//!
//! Labels of other libraries hang on the order of the rows (some 4 % of tree edges are exact ties), so labels are compared
//! on given trees with distinct heights, and the trees by their sorted weights.

use crate::allocation::peak_bytes;
use napscope::ErrorKind;
use napscope::cluster::{
    Clustering, CondensedTree, Edge, Glosh, Hdbscan, HdbscanFit, LinkageTree, Selection, SpanningTree, core_distances,
};
use napscope::distance::{Geometry, PairKernel, Points, Rescale, parse};
use napscope::features::{Column, Features, Statistic};
use napscope::neighbors::NeighborSearch;
use napscope::progress::unwatched;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Weights of 9 digits, f32 data, sums in f64 on both sides.
const WEIGHT_TOLERANCE: f64 = 1e-6;
/// Python's hdbscan sums stabilities in f32; probabilities are written with 7 digits.
const TREE_TOLERANCE: f64 = 2e-6;

#[derive(Deserialize)]
struct SpanningOracle {
    cases: Vec<SpanningCase>,
}

#[derive(Deserialize)]
struct SpanningCase {
    kind: String,
    seed: u64,
    n: usize,
    d: usize,
    metric: String,
    min_samples: usize,
    alpha: f64,
    library: String,
    weights: Vec<f64>,
}

struct Chebyshev;

impl PairKernel for Chebyshev {
    fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).fold(0.0, f64::max)
    }
}

/// `uniform` of `make_hdbscan.py`.
pub(crate) fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let draw = |i: u64| {
        let mut z = seed.wrapping_mul(1 << 32).wrapping_add(i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    };
    (1..=count as u64).map(draw).collect()
}

/// `points` of `make_hdbscan.py`.
pub(crate) fn data(kind: &str, seed: u64, n: usize, d: usize) -> Vec<f32> {
    let u = uniform(seed, n * d);
    let centers = uniform(seed + 1, 4 * d);
    let value = |i: usize, k: usize| match kind {
        "uniform" => u[i * d + k],
        "clusters" if i % 5 == 4 => u[i * d + k],
        "clusters" => centers[i % 5 * d + k] + (u[i * d + k] - 0.5) / 8.0,
        "grid" => (u[i * d + k] * 4.0).floor(),
        "duplicates" => u[i / 3 % (n / 4).max(1) * d + k],
        "relu" => (u[i * d + k] - 0.6).max(0.0),
        "curve" => i as f64 / 64.0 + u[i * d + k] / 16.0,
        other => panic!("no kind of data is called {other}"),
    };
    (0..n * d).map(|at| value(at / d, at % d) as f32).collect()
}

pub(crate) fn points(metric: &str, values: Vec<f32>, d: usize) -> Points {
    let (geometry, rescale) = match metric {
        "euclidean" => (Geometry::L2, Rescale::Identity),
        "half_square" => (Geometry::L2, Rescale::HalfSquare),
        "manhattan" => (Geometry::L1, Rescale::Identity),
        "chebyshev" => (Geometry::Kernel(Arc::new(Chebyshev)), Rescale::Identity),
        other => panic!("no metric is called {other}"),
    };
    Points::new(values, d, geometry, rescale)
}

#[test]
fn spanning_tree_weights_equal_pythons() {
    let oracle: SpanningOracle =
        serde_json::from_str(include_str!("../../../../oracles/hdbscan_spanning.json")).expect("the oracle is JSON");
    assert!(oracle.cases.len() >= 200, "at least 200 cases are promised, got {}", oracle.cases.len());
    for case in oracle.cases {
        let SpanningCase { kind, seed, n, d, metric, min_samples, alpha, library, weights } = case;
        let name = format!("{library}: {kind} {n} x {d}, {metric}, min_samples {min_samples}, alpha {alpha}");
        let hdbscan = Hdbscan { min_cluster_size: 2, min_samples: Some(min_samples), alpha, ..Hdbscan::default() };
        let fit = hdbscan.fit(&points(&metric, data(&kind, seed, n, d), d)).expect(&name);
        let heights: Vec<f64> = fit.spanning_tree.edges().iter().map(|edge| edge.height).collect();
        assert_eq!(heights.len(), weights.len(), "{name}: number of edges");
        for (at, (ours, expected)) in heights.iter().zip(&weights).enumerate() {
            let error = (ours - expected).abs();
            assert!(
                error <= WEIGHT_TOLERANCE * expected.max(1e-9),
                "{name}: weight {at} is {ours}, expected {expected}"
            );
        }
    }
}

#[derive(Deserialize)]
struct SelectionOracle {
    cases: Vec<TreeCase>,
}

#[derive(Deserialize)]
struct TreeCase {
    n: usize,
    a: Vec<u32>,
    b: Vec<u32>,
    height: Vec<f64>,
    trees: Vec<CondensedCase>,
}

#[derive(Deserialize)]
struct CondensedCase {
    min_cluster_size: usize,
    rows: usize,
    selections: Vec<SelectionCase>,
    glosh: Vec<f64>,
    glosh_compat: Vec<f64>,
}

#[derive(Deserialize)]
struct SelectionCase {
    method: String,
    epsilon: f64,
    max_cluster_size: usize,
    allow_single_cluster: bool,
    labels: Vec<i64>,
    probabilities: Vec<f64>,
    persistence: Vec<f64>,
}

fn assert_near(ours: &[f64], expected: &[f64], what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}: length");
    for (at, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        assert!((ours - expected).abs() <= TREE_TOLERANCE, "{what}: [{at}] is {ours}, expected {expected}");
    }
}

/// Checks one selection; the patterns of both sides are matched by their samples, for we number them by size.
fn check_selection(ours: &Clustering, expected: &SelectionCase, what: &str) {
    let mut number: BTreeMap<i64, usize> = BTreeMap::new();
    for (sample, (label, theirs)) in ours.labels.iter().zip(&expected.labels).enumerate() {
        assert_eq!(label.is_none(), *theirs < 0, "{what}: is sample {sample} noise?");
        if let Some(label) = label {
            let known = *number.entry(*theirs).or_insert(label.0 as usize);
            assert_eq!(known, label.0 as usize, "{what}: sample {sample} is in another pattern");
        }
    }
    assert_eq!(number.len(), ours.persistence.len(), "{what}: number of patterns");
    assert_near(&ours.membership, &expected.probabilities, &format!("{what}: membership"));
    for (theirs, pattern) in number {
        let (persistence, mut theirs) = (ours.persistence[pattern], expected.persistence[theirs as usize]);
        let samples = ours.labels.len();
        if ours.nodes[pattern] as usize == samples {
            // The root: Python divides by the number of samples labelled, we by its size.
            theirs *= ours.labels.iter().flatten().count() as f64 / samples as f64;
        }
        assert!((persistence - theirs).abs() <= TREE_TOLERANCE, "{what}: persistence {persistence}, expected {theirs}");
    }
}

#[test]
fn a_given_tree_yields_what_python_reads_off_it() {
    let oracle: SelectionOracle =
        serde_json::from_str(include_str!("../../../../oracles/hdbscan_selection.json")).expect("the oracle is JSON");
    let mut checked = 0;
    for (number, case) in oracle.cases.iter().enumerate() {
        let edges = (0..case.n - 1).map(|at| Edge { a: case.a[at], b: case.b[at], height: case.height[at] });
        let tree = SpanningTree::new(case.n, edges.collect()).expect("Python's tree is a tree");
        let rank: Vec<u32> = (0..case.n as u32).collect();
        let linkage = LinkageTree::new(&tree, &rank).expect("one rank a sample");
        for CondensedCase { min_cluster_size, rows, selections, glosh, glosh_compat } in &case.trees {
            let condensed = linkage.condense(*min_cluster_size).expect("a valid size");
            assert_eq!(condensed.rows().len(), *rows, "tree {number}, size {min_cluster_size}: rows");
            for expected in selections {
                let parameters = Hdbscan {
                    min_cluster_size: 2,
                    selection: if expected.method == "eom" { Selection::Eom } else { Selection::Leaf },
                    cluster_selection_epsilon: expected.epsilon,
                    max_cluster_size: Some(expected.max_cluster_size).filter(|limit| *limit > 0),
                    allow_single_cluster: expected.allow_single_cluster,
                    ..Hdbscan::default()
                };
                let what = format!("tree {number}, size {min_cluster_size}, {parameters:?}");
                let ours = condensed.clustering(&parameters).expect(&what);
                check_selection(&ours, expected, &what);
                assert_near(&ours.outlier_score, glosh, &format!("{what}: GLOSH"));
                let compat = condensed.clustering(&Hdbscan { glosh: Glosh::Compat, ..parameters }).expect(&what);
                assert_near(&compat.outlier_score, glosh_compat, &format!("{what}: GLOSH as up to 0.8.41"));
                checked += 1;
            }
        }
    }
    assert!(checked >= 200, "at least 200 selections are promised, got {checked}");
}

/// Every bit of a result, so that NaN would not hide and -0 would not pass for 0.
pub(crate) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

pub(crate) fn permuted(values: &[f32], d: usize, order: &[usize]) -> Vec<f32> {
    order.iter().flat_map(|&row| &values[row * d..(row + 1) * d]).copied().collect()
}

/// The fit of permuted rows must be the permuted fit, bit for bit.
pub(crate) fn check_permutation(hdbscan: &Hdbscan, metric: &str, values: &[f32], d: usize, order: &[usize]) {
    let straight = hdbscan.fit(&points(metric, values.to_vec(), d)).expect("enough points");
    let shuffled = hdbscan.fit(&points(metric, permuted(values, d, order), d)).expect("enough points");
    let (x, y) = (&straight.clustering, &shuffled.clustering);
    let back = |values: &[f64]| -> Vec<f64> { order.iter().map(|&row| values[row]).collect() };
    let labels: Vec<_> = order.iter().map(|&row| x.labels[row]).collect();
    assert_eq!(labels, y.labels, "labels");
    assert_eq!(bits(&back(&x.membership)), bits(&y.membership), "membership");
    assert_eq!(bits(&back(&x.outlier_score)), bits(&y.outlier_score), "outlier score");
    assert_eq!(bits(&x.persistence), bits(&y.persistence), "persistence");
    assert_eq!(bits(&back(&straight.core_distances)), bits(&shuffled.core_distances), "core distances");
    let heights = |fit: &HdbscanFit| -> Vec<f64> { fit.spanning_tree.edges().iter().map(|e| e.height).collect() };
    assert_eq!(bits(&heights(&straight)), bits(&heights(&shuffled)), "tree heights");
    let mut exemplars = y.exemplars.clone();
    for list in &mut exemplars {
        list.iter_mut().for_each(|sample| *sample = order[*sample]);
        list.sort_unstable();
    }
    assert_eq!(x.exemplars, exemplars, "exemplars");
    assert_eq!(x.nodes, y.nodes, "clusters of the tree");
    assert_eq!(straight.evidence, shuffled.evidence, "what the selection went by");
    let all = x.membership.iter().chain(&x.outlier_score).chain(&x.persistence);
    assert!(all.clone().all(|value| (0.0..=1.0).contains(value)), "every score lies in 0 … 1");
}

/// Every selection, as people type it.
pub(crate) const SELECTIONS: [&str; 7] =
    ["leaf", "eom", "level:distance=0.1", "level:distance=0.4", "plateau:agreement=0.8", "plscan", "dbcv"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn permuting_rows_permutes_the_result_bit_for_bit(
        kind in 0..6usize, metric in 0..4usize, n in 8..70usize, d in 1..6usize, seed in 0..1000u64,
        min_cluster_size in 2..6usize, min_samples in 1..6usize, selection in 0..7usize, single in any::<bool>(),
        epsilon in 0..3usize, alpha in 0..2usize, key in any::<u64>(),
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let metric = ["euclidean", "manhattan", "half_square", "chebyshev"][metric];
        let hdbscan = Hdbscan {
            min_cluster_size,
            min_samples: Some(min_samples),
            selection: SELECTIONS[selection].parse().expect("a selection"),
            allow_single_cluster: single,
            cluster_selection_epsilon: [0.0, 0.2, 1.0][epsilon],
            alpha: [1.0, 0.7][alpha],
            ..Hdbscan::default()
        };
        let keys = uniform(key % 1_000_003, n);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&x, &y| keys[x].total_cmp(&keys[y]));
        check_permutation(&hdbscan, metric, &data(kind, seed, n, d), d, &order);
    }
}

#[test]
fn a_grid_of_integers_is_permuted_too() {
    for side in [3, 5, 8] {
        let values: Vec<f32> = (0..side * side).flat_map(|at| [(at / side) as f32, (at % side) as f32]).collect();
        let n = side * side;
        let order: Vec<usize> = (0..n).map(|at| at * 7 % n).collect();
        for selection in [Selection::Eom, Selection::Leaf] {
            let hdbscan = Hdbscan { min_cluster_size: 2, min_samples: Some(2), selection, ..Hdbscan::default() };
            check_permutation(&hdbscan, "euclidean", &values, 2, &order);
        }
    }
}

/// Every pair, its mutual reachability by the definition, and Kruskal.
fn obvious_tree(points: &Points, min_samples: usize, alpha: f64) -> Vec<f64> {
    let n = points.samples();
    let core: Vec<f64> = (0..n)
        .map(|i| {
            let mut row: Vec<f64> = (0..n).filter(|&j| j != i).map(|j| points.distance(i, j)).collect();
            row.sort_by(f64::total_cmp);
            row[min_samples - 1]
        })
        .collect();
    let mut edges: Vec<(f64, usize, usize)> = Vec::new();
    for i in 0..n {
        edges.extend((0..i).map(|j| ((points.distance(i, j) / alpha).max(core[i]).max(core[j]), i, j)));
    }
    edges.sort_by(|x, y| x.0.total_cmp(&y.0));
    let mut component: Vec<usize> = (0..n).collect();
    let mut heights = Vec::new();
    for (height, i, j) in edges {
        let (keep, drop) = (component[i], component[j]);
        if keep != drop {
            heights.push(height);
            component.iter_mut().filter(|c| **c == drop).for_each(|c| *c = keep);
        }
    }
    heights
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_equals_the_obvious_one_bit_for_bit(
        kind in 0..6usize, metric in 0..4usize, n in 6..90usize, d in 1..40usize, seed in 0..1000u64,
        min_samples in 1..6usize, alpha in 0..2usize,
    ) {
        let kind = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"][kind];
        let metric = ["euclidean", "manhattan", "half_square", "chebyshev"][metric];
        let alpha = [1.0, 0.7][alpha];
        let points = points(metric, data(kind, seed, n, d), d);
        let hdbscan = Hdbscan { min_cluster_size: 2, min_samples: Some(min_samples), alpha, ..Hdbscan::default() };
        let fit = hdbscan.fit(&points).expect("enough points");
        let heights: Vec<f64> = fit.spanning_tree.edges().iter().map(|edge| edge.height).collect();
        prop_assert_eq!(bits(&heights), bits(&obvious_tree(&points, min_samples, alpha)));
    }
}

/// Groups on a lattice, all at some of a few distances from each other: trees of equally high bridges.
fn lattice_of_groups(seed: u64, n: usize, d: usize, size: usize) -> Vec<f32> {
    let noise = uniform(seed, n * d);
    let value = |(at, noise): (usize, f64)| {
        let (sample, coordinate) = (at / d, at % d);
        let corner = (sample / size) / 3usize.pow(coordinate as u32 % 8) % 3;
        corner as f32 * 4.0 + (noise * 4.0).floor() as f32 * 0.25
    };
    noise.into_iter().enumerate().map(value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn bridges_of_the_same_height_fall_each_on_its_own(
        seed in 0..1000u64, n in 100..500usize, d in 1..24usize, size in 9..40usize, min_samples in 1..9usize,
        manhattan in any::<bool>(),
    ) {
        let metric = if manhattan { "manhattan" } else { "euclidean" };
        let points = points(metric, lattice_of_groups(seed, n, d, size), d);
        let hdbscan = Hdbscan { min_cluster_size: 2, min_samples: Some(min_samples), ..Hdbscan::default() };
        let fit = hdbscan.fit(&points).expect("enough points");
        let heights: Vec<f64> = fit.spanning_tree.edges().iter().map(|edge| edge.height).collect();
        let expected = obvious_tree(&points, min_samples, 1.0);
        let wrong: Vec<_> = heights.iter().zip(&expected).enumerate().filter(|(_, (x, y))| x != y).collect();
        prop_assert!(wrong.is_empty(), "place, height and what was expected: {:?}", wrong);
    }
}

/// The L2 and L1 norms as functions of two rows: they go the general way.
struct Plain(Geometry);

impl PairKernel for Plain {
    fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        Points::new(a.to_vec(), a.len(), self.0.clone(), Rescale::Identity).raw_distance(a, b)
    }
}

#[test]
fn the_fast_way_and_the_general_way_agree_bit_for_bit() {
    let separate = |n: usize, d: usize| -> Vec<f32> {
        // Far-off groups smaller than the neighbors looked at: the first tree must be bridged.
        let group = |at: usize| ((at / d / 9) * (at % d + 1) % 101) as f32;
        uniform(1, n * d).iter().enumerate().map(|(at, u)| *u as f32 * 0.01 + group(at)).collect()
    };
    // Like a layer with few live channels: fewer directions than are looked for.
    let widened = |kind: &str, n: usize, live: usize, d: usize| -> Vec<f32> {
        let row = |row: &[f32]| (0..d).map(|at| row.get(at).copied().unwrap_or(0.0)).collect::<Vec<_>>();
        data(kind, 9, n, live).chunks_exact(live).flat_map(row).collect()
    };
    for (name, values, d) in [
        ("clusters", data("clusters", 5, 1300, 40), 40),
        ("3 live of 80", widened("clusters", 1300, 3, 80), 80),
        ("12 live of 80", widened("relu", 1100, 12, 80), 80),
        ("31 live of 300", widened("uniform", 1000, 31, 300), 300),
        ("many zeros", data("relu", 6, 900, 130), 130),
        ("duplicates", data("duplicates", 7, 800, 33), 33),
        ("separate groups", separate(900, 5), 5),
        ("a plane", data("uniform", 8, 1200, 2), 2),
        ("one point", vec![0.25; 700 * 33], 33),
        ("two points", (0..700 * 33).map(|at| (at / 33 % 2) as f32).collect(), 33),
    ] {
        for (metric, geometry) in [("euclidean", Geometry::L2), ("manhattan", Geometry::L1)] {
            let what = format!("{name}, {metric}");
            let fast = points(metric, values.clone(), d);
            let plain = Geometry::Kernel(Arc::new(Plain(geometry)));
            let general = Points::new(values.clone(), d, plain, Rescale::Identity);
            for hdbscan in [Hdbscan::default(), Hdbscan { min_samples: Some(20), alpha: 1.3, ..Hdbscan::default() }] {
                let (fast, general) = (hdbscan.fit(&fast).expect(&what), hdbscan.fit(&general).expect(&what));
                assert_eq!(bits(&fast.core_distances), bits(&general.core_distances), "{what}: core distances");
                let heights = |fit: &HdbscanFit| -> Vec<f64> {
                    fit.spanning_tree.edges().iter().map(|edge| edge.height).collect()
                };
                assert_eq!(bits(&heights(&fast)), bits(&heights(&general)), "{what}: heights");
                assert_eq!(fast.clustering, general.clustering, "{what}: clustering");
            }
        }
    }
}

#[test]
fn approximate_neighbors_make_nearly_the_same_tree_whatever_the_threads_and_the_order() {
    let heights = |fit: &HdbscanFit| -> Vec<f64> { fit.spanning_tree.edges().iter().map(|edge| edge.height).collect() };
    for (kind, metric, n, d) in [("clusters", "euclidean", 2500, 30), ("duplicates", "manhattan", 900, 4)] {
        let values = data(kind, 3, n, d);
        let points_at = |order: &[usize]| {
            let rows = order.iter().flat_map(|&row| &values[row * d..(row + 1) * d]);
            points(metric, rows.copied().collect(), d)
        };
        let order: Vec<usize> = (0..n).map(|at| (at * 7) % n).collect();
        let straight = points_at(&(0..n).collect::<Vec<_>>());
        let hdbscan = Hdbscan { neighbors: NeighborSearch::Approximate { seed: 2 }, ..Hdbscan::default() };
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let fit = pool(1).install(|| hdbscan.fit(&straight)).expect(kind);
        let again = pool(3).install(|| hdbscan.fit(&straight)).expect(kind);
        assert_eq!((&fit.spanning_tree, &fit.clustering), (&again.spanning_tree, &again.clustering), "{kind}: threads");
        let turned = hdbscan.fit(&points_at(&order)).expect(kind);
        assert_eq!(bits(&heights(&turned)), bits(&heights(&fit)), "{kind}: another order of the rows");
        let exact = Hdbscan::default().fit(&straight).expect(kind);
        let (found, least): (f64, f64) = (heights(&fit).iter().sum(), heights(&exact).iter().sum());
        assert!(found >= least && found < 1.01 * least, "{kind}: a tree of weight {found}, the least is {least}");
        let same = fit.core_distances.iter().zip(&exact.core_distances).filter(|(x, y)| x == y).count();
        assert!(same as f64 > 0.97 * n as f64, "{kind}: {same} of {n} core distances");
    }
}

/// Bins of a channel in [`distributions`].
const BINS: usize = 10;

/// Histograms under the Jensen-Shannon distance, made of what [`data`] makes.
fn distributions(kind: &str, seed: u64, n: usize, channels: usize) -> Points {
    let d = channels * BINS;
    let values = data(kind, seed, n, d).iter().map(|value| value.abs() + 1e-3).collect();
    let column = |at: usize| {
        let low = (at % BINS) as f64;
        Column { channel: (at / BINS) as u32, statistic: Statistic::Bin { low, high: low + 1.0 } }
    };
    let features = Features::new(values, (0..d).map(column).collect()).expect("finite values");
    let metric = parse("jensen_shannon").expect("a metric");
    metric.fit(&features).and_then(|fitted| fitted.embed(&features)).expect("distributions")
}

/// A kernel without the norms that bound it: it goes the general way.
struct Unbound(Points);

impl PairKernel for Unbound {
    fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        self.0.raw_distance(a, b)
    }
}

#[test]
fn norms_and_the_general_way_agree_bit_for_bit() {
    for (kind, n, channels) in [("clusters", 600, 7), ("duplicates", 500, 2), ("uniform", 300, 40), ("grid", 700, 1)] {
        let fast = distributions(kind, 3, n, channels);
        let unbound = Geometry::Kernel(Arc::new(Unbound(fast.clone())));
        let general = Points::new(fast.values().to_vec(), fast.dimensions(), unbound, Rescale::Identity);
        for hdbscan in [Hdbscan::default(), Hdbscan { min_samples: Some(20), alpha: 1.3, ..Hdbscan::default() }] {
            let (fast, general) = (hdbscan.fit(&fast).expect(kind), hdbscan.fit(&general).expect(kind));
            assert_eq!(bits(&fast.core_distances), bits(&general.core_distances), "{kind}: core distances");
            let heights =
                |fit: &HdbscanFit| -> Vec<f64> { fit.spanning_tree.edges().iter().map(|edge| edge.height).collect() };
            assert_eq!(bits(&heights(&fast)), bits(&heights(&general)), "{kind}: heights");
            assert_eq!(fast.clustering, general.clustering, "{kind}: clustering");
        }
    }
}

#[test]
fn memory_of_distributions_stays_below_the_stated_bound() {
    let points = distributions("uniform", 9, 1500, 30);
    let hdbscan = Hdbscan::default();
    let (_, peak) = peak_bytes(|| hdbscan.fit(&points).expect("enough points"));
    let columns = parse("jensen_shannon").expect("a metric").searched_columns(points.dimensions());
    let bound = hdbscan.memory_bytes(points.samples(), columns);
    assert!(peak <= bound && 4 * peak >= bound, "{peak} bytes, bound {bound}");
}

#[test]
fn threads_change_nothing() {
    for (kind, n, d) in [("clusters", 2500, 40), ("duplicates", 1000, 3)] {
        let points = points("euclidean", data(kind, 5, n, d), d);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| Hdbscan::default().fit(&points).expect("enough points"))
        };
        let (one, three) = (fit(1), fit(3));
        assert_eq!(one.clustering, three.clustering, "{kind}: clustering");
        assert_eq!(one.spanning_tree, three.spanning_tree, "{kind}: tree, its ends too");
    }
}

#[test]
fn two_groups_and_a_stray_are_told_apart() {
    let mut values: Vec<f32> = (0..10).map(|i| i as f32 * 0.1).collect();
    values.extend((0..14).map(|i| 50.0 + i as f32 * 0.1));
    values.push(500.0);
    for selection in [Selection::Eom, Selection::Leaf] {
        let hdbscan = Hdbscan { selection, ..Hdbscan::default() };
        let found = hdbscan.fit(&points("euclidean", values.clone(), 1)).expect("25 points").clustering;
        let label = |sample: usize| found.labels[sample].map(|cluster| cluster.0);
        assert!((0..10).all(|sample| label(sample) == Some(1)), "{selection:?}: the smaller group is number 1");
        assert!((10..24).all(|sample| label(sample) == Some(0)), "{selection:?}: the larger group is number 0");
        assert_eq!(label(24), None, "{selection:?}: the stray is noise");
        assert!(found.outlier_score[24] > 0.95, "{selection:?}: the stray is far out");
    }
}

#[test]
fn coinciding_points_give_numbers_and_no_nan() {
    let same = points("euclidean", vec![1.5; 12], 1);
    for (selection, single, patterns) in
        [(Selection::Eom, false, 0), (Selection::Eom, true, 1), (Selection::Leaf, false, 0), (Selection::Leaf, true, 0)]
    {
        let hdbscan = Hdbscan { selection, allow_single_cluster: single, ..Hdbscan::default() };
        let found = hdbscan.fit(&same).expect("12 equal points").clustering;
        let what = format!("12 equal points, {selection:?}, single {single}");
        assert_eq!(found.persistence.len(), patterns, "{what}");
        assert_eq!(found.outlier_score, [0.0; 12], "{what}: nobody is further out than others");
        assert_eq!(found.membership, [patterns as f64; 12], "{what}");
    }
    // Six copies of one point inside of a looser group, and another group.
    let mut values = vec![0.0; 6];
    values.extend((1..=8).map(|i| i as f32 * 0.01));
    values.extend((1..=9).map(|i| 9.0 + i as f32 * 0.01));
    let found = Hdbscan::default().fit(&points("euclidean", values, 1)).expect("23 points").clustering;
    let all = found.membership.iter().chain(&found.outlier_score).chain(&found.persistence);
    assert!(all.clone().all(|value| (0.0..=1.0).contains(value)), "every score lies in 0 … 1: {found:?}");
    assert_eq!(found.membership[..6], [1.0; 6], "the copies are the heart of their pattern");
    assert!(found.persistence.iter().any(|value| *value < 1.0), "copies do not make all patterns immortal");
}

#[test]
fn the_smallest_inputs_work() {
    let hdbscan = Hdbscan { min_cluster_size: 2, min_samples: Some(1), ..Hdbscan::default() };
    let found = hdbscan.fit(&points("euclidean", vec![0.0, 1.0], 1)).expect("two points").clustering;
    assert_eq!(found.labels, [None, None], "the root is not selected");
    let single = Hdbscan { allow_single_cluster: true, selection: Selection::Eom, ..hdbscan };
    let found = single.fit(&points("euclidean", vec![0.0, 1.0], 1)).expect("two points").clustering;
    assert!(found.labels.iter().all(|label| label.is_some_and(|cluster| cluster.0 == 0)), "the root may be selected");
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let default = Hdbscan::default;
    let ten = || points("euclidean", data("uniform", 1, 10, 2), 2);
    let cases = [
        (Hdbscan { min_cluster_size: 1, ..default() }, "min_cluster_size must be at least 2, got 1"),
        (
            Hdbscan { min_samples: Some(0), ..default() },
            "min_samples must be at least 1, got 0 (the point itself does not count)",
        ),
        (Hdbscan { alpha: 0.0, ..default() }, "alpha must be a finite number above 0, got 0"),
        (Hdbscan { alpha: f64::NAN, ..default() }, "alpha must be a finite number above 0, got NaN"),
        (
            Hdbscan { cluster_selection_epsilon: -0.5, ..default() },
            "cluster_selection_epsilon must be a finite number from 0 up, got -0.5",
        ),
        (
            Hdbscan { max_cluster_size: Some(4), ..default() },
            "max_cluster_size 4 is below min_cluster_size 5: no cluster could be selected",
        ),
    ];
    for (hdbscan, expected) in cases {
        let error = hdbscan.fit(&ten()).expect_err(expected);
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidParameter, expected));
    }
}

#[test]
fn too_few_samples_name_the_bound() {
    let cases = [
        (1, 5, Some(5), "1 sample is too few for min_samples 5: it takes at least 6"),
        (5, 5, Some(5), "5 samples are too few for min_samples 5: it takes at least 6"),
        (4, 5, Some(2), "4 samples are too few for min_cluster_size 5: it takes at least 5"),
        (5, 5, None, "5 samples are too few for min_cluster_size 5: it takes at least 6"),
    ];
    for (n, min_cluster_size, min_samples, expected) in cases {
        let hdbscan = Hdbscan { min_cluster_size, min_samples, ..Hdbscan::default() };
        let error = hdbscan.fit(&points("euclidean", data("uniform", 1, n, 2), 2)).expect_err(expected);
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TooFewSamples, expected));
        assert!(error.how_to_mend().is_some(), "{expected}: no hint");
    }
}

#[test]
fn a_tree_survives_its_file() {
    let values = data("duplicates", 3, 60, 2);
    let hdbscan = Hdbscan { min_cluster_size: 3, min_samples: Some(2), ..Hdbscan::default() };
    let fit = hdbscan.fit(&points("euclidean", values, 2)).expect("60 points");
    assert!(fit.condensed_tree.rows().iter().any(|row| row.lambda.is_infinite()), "the case has coinciding points");
    let json = serde_json::to_string(&fit.condensed_tree).expect("a tree is JSON");
    let read: CondensedTree = serde_json::from_str(&json).expect("what was written is read");
    assert_eq!(read, fit.condensed_tree);
    assert_eq!(read.clustering(&hdbscan).expect("valid parameters"), fit.clustering);
}

#[test]
fn a_damaged_tree_is_refused() {
    let tree = |parent: &str, child: &str, lambda: &str| {
        format!(r#"{{"samples":3,"parent":{parent},"child":{child},"lambda":{lambda},"child_size":[1,1,1]}}"#)
    };
    let whole = tree("[3,3,3]", "[0,1,2]", "[1,1,2]");
    serde_json::from_str::<CondensedTree>(&whole).expect("this one is whole");
    for (damaged, expected) in [
        (tree("[3,3]", "[0,1,2]", "[1,1,2]"), "expected shape"),
        (tree("[3,3,3]", "[0,1,1]", "[1,1,2]"), "cannot have child 1"),
        (tree("[3,3,3]", "[0,1,9]", "[1,1,2]"), "cannot have child 9"),
        (tree("[3,3,1]", "[0,1,2]", "[1,1,2]"), "cluster 1 cannot have child 2"),
        (tree("[3,3,3]", "[0,1,2]", "[1,-1,2]"), "leaves at lambda -1"),
    ] {
        let error = serde_json::from_str::<CondensedTree>(&damaged).expect_err(&damaged).to_string();
        assert!(error.contains(expected), "{damaged}: expected …{expected}…, got {error}");
    }
}

#[test]
fn a_watch_sees_progress_and_may_stop() {
    let points = points("euclidean", data("uniform", 1, 1500, 64), 64);
    let hdbscan = Hdbscan::default();
    let last = std::sync::Mutex::new(0.0_f64);
    let watch = |fraction: f64| {
        let mut last = last.lock().expect("no panic in a test");
        *last = last.max(fraction);
        ControlFlow::Continue(())
    };
    hdbscan.fit_watched(&points, &watch).expect("nobody stops it");
    let last = *last.lock().expect("no panic in a test");
    assert!(last > 0.5 && last <= 1.0, "reports reach into the second half, got {last}");
    let error = hdbscan.fit_watched(&points, &|_| ControlFlow::Break(())).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

#[test]
fn core_distances_do_not_count_the_point_itself() {
    let line = points("manhattan", vec![0.0, 1.0, 3.0, 7.0], 1);
    assert_eq!(core_distances(&line, 1, &unwatched).expect("four points"), [1.0, 1.0, 2.0, 4.0]);
    assert_eq!(core_distances(&line, 3, &unwatched).expect("four points"), [7.0, 6.0, 4.0, 7.0]);
}

#[test]
fn memory_stays_below_the_stated_bound() {
    for (kind, n, d, min_samples) in [
        ("clusters", 2000, 3, 5),
        ("grid", 2000, 2, 1),
        ("duplicates", 1500, 20, 40),
        ("uniform", 300, 200, 5),
        ("clusters", 3000, 64, 5),
        ("relu", 2000, 300, 20),
    ] {
        let hdbscan = Hdbscan { min_cluster_size: 2, min_samples: Some(min_samples), ..Hdbscan::default() };
        let points = points("euclidean", data(kind, 9, n, d), d);
        let (fit, peak) = peak_bytes(|| hdbscan.fit(&points).expect("enough points"));
        assert_eq!(fit.clustering.labels.len(), n);
        let bound = hdbscan.memory_bytes(n, d);
        assert!(peak <= bound, "{kind} {n} x {d}, min_samples {min_samples}: {peak} bytes, bound {bound}");
        assert!(4 * peak >= bound, "{kind} {n} x {d}: the bound {bound} is no use, {peak} bytes are needed");
    }
}
