//! Every metric: against SciPy and scikit-learn, and the contract that all of them keep.

use crate::oracle::{self, assert_close, list, numbers, permuted, plain_features, singles, uniform};
use napscope::ErrorKind;
use napscope::distance::{METRICS, Metric, Points, parse};
use napscope::features::{Column, Features, Statistic};
use proptest::prelude::*;
use serde_json::Value;

fn metric(spec: &str) -> Box<dyn Metric> {
    parse(spec).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn embed(spec: &str, reference: &Features, features: &Features) -> Points {
    let points = metric(spec).fit(reference).and_then(|embedding| embedding.embed(features));
    points.unwrap_or_else(|error| panic!("{spec}: {error}"))
}

/// All distances, row by row.
fn distances(points: &Points) -> Vec<f64> {
    let n = points.samples();
    (0..n * n).map(|pair| points.distance(pair / n, pair % n)).collect()
}

fn assert_agrees(case: &Value, what: &str, reference: &Features, features: &Features) {
    for (name, _) in case["expected"].as_object().expect("expected distances by metric") {
        let got = distances(&embed(name, reference, features));
        assert_close(&format!("{name} of {what}"), got, &numbers(&case["expected"], name));
    }
}

/// Columns of `channels` distributions, each of the statistics that `statistic` makes of (channel, index).
fn columns(channels: usize, count: usize, statistic: impl Fn(usize, usize) -> Statistic) -> Vec<Column> {
    let column =
        |index: usize| Column { channel: (index / count) as u32, statistic: statistic(index / count, index % count) };
    (0..channels * count).map(column).collect()
}

#[test]
fn plain_metrics_agree_with_scipy() {
    for case in list(&oracle::read("metrics"), "plain") {
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let features = |key| Features::plain(singles(case, key), columns).expect("finite values");
        assert_agrees(case, "plain columns", &features("reference"), &features("x"));
    }
}

#[test]
fn metrics_of_distributions_agree_with_scipy() {
    for case in list(&oracle::read("metrics"), "grid") {
        let channels = case["channels"].as_u64().expect("a number") as usize;
        let edges = numbers(case, "edges");
        let bins = edges.len() / channels - 1;
        let columns = columns(channels, bins, |channel, k| {
            let (low, high) = (edges[channel * (bins + 1) + k], edges[channel * (bins + 1) + k + 1]);
            match case["statistic"].as_str() {
                Some("bin") => Statistic::Bin { low, high },
                _ => Statistic::Density { at: 0.5 * (low + high), step: high - low },
            }
        });
        let features = Features::new(singles(case, "probabilities"), columns).expect("finite values");
        assert_agrees(case, case["statistic"].as_str().expect("a name"), &features, &features);
    }
}

#[test]
fn wasserstein_of_quantiles_agrees_with_scipy() {
    for case in list(&oracle::read("metrics"), "quantiles") {
        let channels = case["channels"].as_u64().expect("a number") as usize;
        let shares = numbers(case, "shares");
        let columns = columns(channels, shares.len(), |_, k| Statistic::Quantile { p: 0.0, weight: shares[k] });
        let features = Features::new(singles(case, "values"), columns).expect("finite values");
        assert_agrees(case, "quantiles", &features, &features);
    }
}

#[test]
fn every_metric_has_an_oracle() {
    let oracle = oracle::read("metrics");
    let has = |section: &str, name: &str| !list(&oracle, section)[0]["expected"][name].is_null();
    for entry in METRICS {
        assert!(has("plain", entry.name) || has("grid", entry.name), "{} has no oracle", entry.name);
    }
}

/// Random histograms of `channels` channels; some bins are empty.
fn histograms(seed: u64, samples: usize, channels: usize, bins: usize) -> Features {
    let mut uniform = uniform(seed);
    let columns = columns(channels, bins, |channel, k| {
        let edge = |k: usize| (k * k) as f64 * 0.1 - channel as f64;
        Statistic::Bin { low: edge(k), high: edge(k + 1) }
    });
    let mut values = Vec::new();
    for _ in 0..samples * channels {
        let mut masses: Vec<f64> = (0..bins).map(|_| (uniform() - 0.4).max(0.0)).collect();
        masses[bins / 2] += 0.01;
        let total: f64 = masses.iter().sum();
        values.extend(masses.iter().map(|mass| (mass / total) as f32));
    }
    Features::new(values, columns).expect("finite values")
}

#[test]
fn distances_are_those_of_a_metric() {
    for seed in 0..6 {
        let features = histograms(seed, 14, 3, 8);
        for entry in METRICS {
            let points = embed(entry.name, &features, &features);
            for i in 0..points.samples() {
                assert_eq!(points.distance(i, i), 0.0, "{}: a point to itself", entry.name);
                for j in 0..i {
                    let (there, back) = (points.distance(i, j), points.distance(j, i));
                    assert!(there.is_finite() && there >= 0.0, "{}: {there}", entry.name);
                    assert_eq!(there.to_bits(), back.to_bits(), "{}: there and back", entry.name);
                }
            }
        }
    }
}

#[test]
fn permuting_the_samples_permutes_the_points_to_the_bit() {
    let features = histograms(3, 40, 4, 6);
    let (shuffled, order) = permuted(&features);
    for entry in METRICS {
        let straight = embed(entry.name, &features, &features);
        let other = embed(entry.name, &shuffled, &shuffled);
        for (index, &sample) in order.iter().enumerate() {
            assert_eq!(other.row(index), straight.row(sample), "{}", entry.name);
        }
    }
}

#[test]
fn permuting_the_channels_changes_no_distance() {
    let features = histograms(4, 20, 5, 6);
    let blocks = features.channel_blocks();
    let reversed: Vec<usize> = blocks.iter().rev().flat_map(|block| block.clone()).collect();
    let values = (0..20).flat_map(|sample| reversed.iter().map(move |&column| (sample, column)));
    let values = values.map(|(sample, column)| features.row(sample)[column]).collect();
    let columns = reversed.iter().map(|&column| features.columns()[column]).collect();
    let other = Features::new(values, columns).expect("finite values");
    for entry in METRICS {
        let straight = distances(&embed(entry.name, &features, &features));
        for (index, (a, b)) in straight.iter().zip(distances(&embed(entry.name, &other, &other))).enumerate() {
            assert!((a - b).abs() < 1e-5, "{}, pair {index}: {a} and {b}", entry.name);
        }
    }
}

#[test]
fn what_is_no_distribution_is_refused() {
    let plain = plain_features(1, 10, 4);
    let quantiles = columns(1, 4, |_, k| Statistic::Quantile { p: (k as f64 + 0.5) / 4.0, weight: 0.25 });
    let quantiles = Features::new(plain.values().to_vec(), quantiles).expect("finite values");
    for (name, takes_quantiles) in [
        ("wasserstein_1", true),
        ("wasserstein_2", true),
        ("energy", false),
        ("hellinger", false),
        ("total_variation", false),
        ("jensen_shannon", false),
    ] {
        let error = metric(name).fit(&plain).err().expect(name);
        assert_eq!(error.kind(), ErrorKind::NotADistribution, "{name}");
        let expected = format!("{name} compares distributions, but channel 0 has a column Mean");
        assert_eq!(error.to_string(), expected);
        assert!(error.how_to_mend().is_some_and(|hint| hint.contains("histogram")), "{name}: {error:?}");
        assert_eq!(metric(name).fit(&quantiles).is_ok(), takes_quantiles, "{name} of quantiles");
    }
}

#[test]
fn masses_must_be_probabilities() {
    let features = histograms(1, 6, 2, 3);
    for (change, expected) in [
        (-0.25, "sample 4: the columns from 3 on are no distribution: a mass is -0.25"),
        (0.0, "sample 4: the columns from 3 on are no distribution: they hold no mass"),
    ] {
        let mut values = features.values().to_vec();
        values[4 * 6 + 3..5 * 6].fill(change);
        let broken = Features::new(values, features.columns().to_vec()).expect("finite values");
        for name in ["wasserstein_1", "wasserstein_2", "energy", "hellinger", "total_variation", "jensen_shannon"] {
            let error = metric(name).fit(&features).and_then(|embedding| embedding.embed(&broken)).err().expect(name);
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotADistribution, expected), "{name}");
        }
    }
}

#[test]
fn other_columns_are_refused() {
    let features = histograms(1, 6, 2, 3);
    for entry in METRICS {
        let embedding = metric(entry.name).fit(&features).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let error = embedding.embed(&histograms(1, 6, 2, 4)).err().expect(entry.name);
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch, "{}", entry.name);
        assert_eq!(error.to_string(), "features: fitted on 6 columns, got 8");
    }
}

#[test]
fn a_row_of_zeros_stands_at_a_right_angle_to_all_others() {
    let features = Features::plain(vec![0.0, 0.0, 3.0, 4.0, 0.0, 0.0, -6.0, -8.0], 2).expect("finite values");
    for (name, right_angle, opposite) in [("cosine", 1.0, 2.0), ("angular", 0.5, 1.0)] {
        let points = embed(name, &features, &features);
        for (pair, expected) in [((0, 1), right_angle), ((0, 2), 0.0), ((1, 3), opposite), ((1, 1), 0.0)] {
            let got = points.distance(pair.0, pair.1);
            assert!((got - expected).abs() < 1e-6, "{name} {pair:?}: {got} instead of {expected}");
        }
    }
}

#[test]
fn a_covariance_needs_two_samples() {
    let error = metric("mahalanobis").fit(&plain_features(1, 1, 3)).err().expect("one sample");
    assert_eq!(error.kind(), ErrorKind::TooFewSamples);
    assert_eq!(error.to_string(), "mahalanobis: a covariance needs at least 2 samples, got 1");
}

/// W₂ between masses at the same places, by walking both quantile functions at once.
fn exact_wasserstein_2(places: &[f64], p: &[f32], q: &[f32]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    let (mut left_p, mut left_q) = (f64::from(p[0]), f64::from(q[0]));
    loop {
        let taken = left_p.min(left_q);
        sum += taken * (places[i] - places[j]).powi(2);
        (left_p, left_q) = (left_p - taken, left_q - taken);
        if left_p <= 0.0 {
            i += 1;
            if i == p.len() {
                return sum.sqrt();
            }
            left_p = f64::from(p[i]);
        }
        if left_q <= 0.0 {
            j += 1;
            if j == q.len() {
                return sum.sqrt();
            }
            left_q = f64::from(q[j]);
        }
    }
}

#[test]
fn wasserstein_2_of_a_histogram_is_never_too_large_and_its_levels_bound_the_error() {
    let features = histograms(9, 30, 1, 12);
    let places: Vec<f64> = (features.columns().iter())
        .map(|column| match column.statistic {
            Statistic::Bin { low, high } => 0.5 * (low + high),
            other => panic!("{other:?} is no bin"),
        })
        .collect();
    let range = places[places.len() - 1] - places[0];
    for levels in [4, 64, 1024] {
        let points = embed(&format!("wasserstein_2:levels={levels}"), &features, &features);
        for (i, j) in (0..30).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let exact = exact_wasserstein_2(&places, features.row(i), features.row(j));
            let short = exact - points.distance(i, j);
            let bound = range / f64::from(levels).sqrt();
            assert!((-1e-3..=bound).contains(&short), "{levels} levels, ({i}, {j}): {short} below {exact}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_triangle_inequality_holds(seed in 0u64..10_000, bins in 2usize..9) {
        let features = histograms(seed, 9, 2, bins);
        for entry in METRICS.iter().filter(|entry| metric(entry.name).is_true_metric()) {
            let points = embed(entry.name, &features, &features);
            for (i, j, k) in (0..9 * 9 * 9).map(|index| (index / 81, index / 9 % 9, index % 9)) {
                let (way, detour) = (points.distance(i, k), points.distance(i, j) + points.distance(j, k));
                prop_assert!(way <= detour + 1e-6, "{}: {} > {}", entry.name, way, detour);
            }
        }
    }

    #[test]
    fn wasserstein_and_energy_do_not_care_where_zero_is(seed in 0u64..10_000, shift in -5.0f64..5.0) {
        let features = histograms(seed, 5, 2, 6);
        let moved = features.columns().iter().map(|column| match column.statistic {
            Statistic::Bin { low, high } => {
                Column { statistic: Statistic::Bin { low: low + shift, high: high + shift }, ..*column }
            }
            _ => *column,
        });
        let moved = Features::new(features.values().to_vec(), moved.collect()).expect("finite values");
        for name in ["wasserstein_1", "wasserstein_2", "energy"] {
            let (here, there) = (embed(name, &features, &features), embed(name, &moved, &moved));
            for (a, b) in distances(&here).into_iter().zip(distances(&there)) {
                prop_assert!((a - b).abs() < 1e-4, "{}: {} and {}", name, a, b);
            }
        }
    }
}
