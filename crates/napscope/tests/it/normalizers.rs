//! Every normalizer: against scikit-learn and NumPy, and the contract that all of them keep.

use crate::oracle::{self, assert_close, list, numbers, permuted, plain_features, singles};
use napscope::ErrorKind;
use napscope::activations::{Activations, MapShape};
use napscope::features::{Column, Features, Statistic};
use napscope::normalize::{NORMALIZERS, Transform, parse};
use napscope::sketch::ChannelRanges;
use proptest::prelude::*;
use serde_json::Value;

fn fit(spec: &str, features: &Features) -> Box<dyn Transform> {
    parse(spec).and_then(|part| part.fit(features)).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn transform(fitted: &dyn Transform, features: &Features) -> Features {
    fitted.transform(features).unwrap_or_else(|error| panic!("{error}"))
}

fn spec(case: &Value) -> &str {
    case["spec"].as_str().expect("a spec")
}

fn widen(values: &[f32]) -> impl Iterator<Item = f64> {
    values.iter().map(|value| f64::from(*value))
}

#[test]
fn plain_columns_agree_with_scikit_learn() {
    let oracle = oracle::read("normalizers");
    for case in list(&oracle, "plain") {
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let features = |key| Features::plain(singles(case, key), columns).expect("finite values");
        let fitted = fit(spec(case), &features("reference"));
        for (input, expected) in [("reference", "expected"), ("new", "expected_new")] {
            let got = transform(&*fitted, &features(input));
            let what = format!("{} of {columns} columns, {input}", spec(case));
            assert_close(&what, widen(got.values()), &numbers(case, expected));
        }
    }
    let tried = |name: &str| list(&oracle, "plain").iter().any(|case| spec(case) == name);
    NORMALIZERS.iter().for_each(|entry| assert!(tried(entry.name), "{} has no oracle", entry.name));
}

#[test]
fn the_support_of_a_distribution_moves_and_its_probabilities_stay() {
    for case in list(&oracle::read("normalizers"), "support") {
        let edges = numbers(case, "edges");
        let bin = |edge: &[f64]| Column { channel: 0, statistic: Statistic::Bin { low: edge[0], high: edge[1] } };
        let features = Features::new(singles(case, "probabilities"), edges.windows(2).map(bin).collect());
        let features = features.expect("finite probabilities");
        let got = transform(&*fit(spec(case), &features), &features);
        assert_eq!(got.values(), features.values(), "{}: probabilities", spec(case));
        let (mut lows, mut highs) = (Vec::new(), Vec::new());
        for column in got.columns() {
            let Statistic::Bin { low, high } = column.statistic else { panic!("{column:?} is no bin") };
            lows.push(low);
            highs.push(high);
        }
        let expected = numbers(case, "expected_edges");
        assert_close(spec(case), lows, &expected[..expected.len() - 1]);
        assert_close(spec(case), highs, &expected[1..]);
    }
}

#[test]
fn quantiles_of_a_channel_share_one_scale() {
    for case in list(&oracle::read("normalizers"), "quantiles") {
        let quantile = |k| Statistic::Quantile { p: (f64::from(k) + 0.5) / 5.0, weight: 0.2 };
        let columns = (0..5).map(|k| Column { channel: 3, statistic: quantile(k) }).collect();
        let features = Features::new(singles(case, "quantiles"), columns).expect("finite values");
        let got = transform(&*fit(spec(case), &features), &features);
        assert_close(spec(case), widen(got.values()), &numbers(case, "expected"));
        assert_eq!(got.columns(), features.columns());
    }
}

/// Two channels with a density each, and one with a plain mean.
fn mixed_features(samples: usize) -> Features {
    let density = |channel, k| Statistic::Density { at: f64::from(k) - f64::from(channel), step: 1.0 };
    let column = |channel, k| Column { channel, statistic: density(channel, k) };
    let mut columns: Vec<Column> = (0..2).flat_map(|channel| (0..4).map(move |k| column(channel, k))).collect();
    columns.push(Column { channel: 2, statistic: Statistic::Mean });
    let mut uniform = oracle::uniform(5);
    let mut values = Vec::new();
    for _ in 0..samples {
        for _ in 0..2 {
            let masses = [(); 4].map(|()| uniform());
            values.extend(masses.map(|mass| (mass / masses.iter().sum::<f64>()) as f32));
        }
        values.push(uniform() as f32 - 0.5);
    }
    Features::new(values, columns).expect("finite values")
}

/// Random activations of 2 channels of 5 x 5 positions; channel 1 is shifted and wider.
fn activations(samples: usize) -> Vec<f32> {
    let mut uniform = oracle::uniform(11);
    let value = |index: usize| match index / 25 % 2 {
        0 => (uniform() - 0.3).max(0.0) as f32,
        _ => (10.0 + 4.0 * uniform() * uniform()) as f32,
    };
    (0..samples * 50).map(value).collect()
}

fn sketch(spec: &str, values: &[f32]) -> Features {
    let shape = MapShape { channels: 2, height: 5, width: 5 };
    let batch = Activations::new(values, shape).expect("whole samples");
    let mut ranges = ChannelRanges::new(2);
    ranges.update(&batch).expect("finite values");
    let fitted = napscope::sketch::parse(spec).and_then(|part| part.fit(shape, Some(&ranges))).expect(spec);
    let mut rows = vec![0.0; batch.samples() * fitted.columns().len()];
    fitted.sketch(&batch, &mut rows);
    Features::new(rows, fitted.columns().to_vec()).expect("finite values")
}

#[test]
fn sketching_and_normalising_commute() {
    let values = activations(12);
    let metric = napscope::distance::parse("wasserstein_1").expect("a metric");
    let points = |features: &Features| metric.fit(features).and_then(|e| e.embed(features)).expect("distributions");
    let normalizers = ["max_abs", "standard", "robust", "min_max"];
    let pairs = ["histogram", "kde", "quantiles"].map(|sketched| normalizers.map(|name| (sketched, name)));
    for (sketched, name) in pairs.into_iter().flatten() {
        let features = sketch(sketched, &values);
        let normalized = transform(&*fit(name, &features), &features);
        // The shift and factor of each channel, read off two places that moved.
        let place = |features: &Features, column: usize| match features.columns()[column].statistic {
            Statistic::Bin { low, .. } => low,
            Statistic::Density { at, .. } => at,
            _ => f64::from(features.values()[column]),
        };
        let affine: Vec<(f64, f64)> = (features.channel_blocks().into_iter())
            .map(|block| {
                let ends = [block.start, block.end - 1];
                let (before, after) = (ends.map(|end| place(&features, end)), ends.map(|end| place(&normalized, end)));
                let factor = (after[1] - after[0]) / (before[1] - before[0]);
                (before[0] - after[0] / factor, factor)
            })
            .collect();
        let first: Vec<f32> = (values.iter().enumerate())
            .map(|(index, value)| {
                let (shift, factor) = affine[index / 25 % 2];
                ((f64::from(*value) - shift) * factor) as f32
            })
            .collect();
        let (after, before) = (points(&normalized), points(&sketch(sketched, &first)));
        for (i, j) in (0..12).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let (after, before) = (after.distance(i, j), before.distance(i, j));
            // A value on the edge of a bin may fall to its other side when it is normalised first.
            let close = (after - before).abs() <= 0.01 * before;
            assert!(close, "{sketched}, {name}, ({i}, {j}): {after} after, {before} before");
        }
    }
}

#[test]
fn threads_decide_nothing() {
    let features = plain_features(6, 700, 50);
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            NORMALIZERS.iter().map(|entry| transform(&*fit(entry.name, &features), &features)).collect::<Vec<_>>()
        })
    };
    assert_eq!(with_threads(1), with_threads(3));
}

#[test]
fn permuting_the_samples_permutes_the_result_to_the_bit() {
    for features in [plain_features(1, 40, 7), plain_features(2, 9, 30), mixed_features(25)] {
        let (shuffled, order) = permuted(&features);
        for entry in NORMALIZERS {
            let straight = transform(&*fit(entry.name, &features), &features);
            let other = transform(&*fit(entry.name, &shuffled), &shuffled);
            assert_eq!(other, straight.select(&order), "{}", entry.name);
        }
    }
}

#[test]
fn a_sample_does_not_hang_on_its_batch() {
    for features in [plain_features(1, 300, 7), plain_features(2, 9, 30), mixed_features(25)] {
        for entry in NORMALIZERS {
            let fitted = fit(entry.name, &features);
            let together = transform(&*fitted, &features);
            for sample in 0..features.samples() {
                let alone = transform(&*fitted, &features.select(&[sample]));
                assert_eq!(alone.row(0), together.row(sample), "{}, sample {sample}", entry.name);
            }
        }
    }
}

#[test]
fn constant_columns_become_0() {
    let values = (0..12).flat_map(|sample| [2.5, sample as f32, 0.0]).collect();
    let features = Features::plain(values, 3).expect("finite values");
    for entry in NORMALIZERS {
        let got = transform(&*fit(entry.name, &features), &features);
        let constant: &[usize] = match entry.name {
            "none" | "max_abs" | "unit_l2" => &[2],
            _ => &[0, 2],
        };
        for row in got.values().chunks(3) {
            constant.iter().for_each(|&column| assert!(row[column].abs() < 1e-6, "{}: {row:?}", entry.name));
        }
    }
    let still = Features::plain(vec![3.0; 20], 2).expect("finite values");
    for spec in ["whiten", "whiten:method=pca", "whiten:shrinkage=0", "standard", "robust", "min_max", "quantile"] {
        let got = transform(&*fit(spec, &still), &still);
        assert!(got.values().iter().all(|value| *value == 0.0), "{spec}: {:?}", got.values());
    }
}

#[test]
fn other_columns_are_refused() {
    let features = mixed_features(12);
    let fewer = plain_features(3, 12, 4);
    let mut columns = features.columns().to_vec();
    columns[4].statistic = Statistic::Density { at: -1.5, step: 1.0 };
    let other_grid = Features::new(features.values().to_vec(), columns).expect("finite values");
    for entry in NORMALIZERS {
        let fitted = fit(entry.name, &features);
        for (given, expected) in [
            (&fewer, "features: fitted on 9 columns, got 4"),
            (
                &other_grid,
                "features: column 4 was channel 1 (density at -1, step 1) when fitted, now it is channel 1 (density at -1.5, step 1)",
            ),
        ] {
            let error = fitted.transform(given).expect_err(entry.name);
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::ShapeMismatch, expected));
            assert!(error.how_to_mend().is_some(), "{}: no hint", entry.name);
        }
    }
}

#[test]
fn a_spread_needs_two_samples() {
    let lone = plain_features(1, 1, 3);
    for spec in ["standard", "robust", "min_max", "quantile", "whiten"] {
        let error = parse(spec).and_then(|part| part.fit(&lone)).err().unwrap_or_else(|| panic!("{spec} fitted"));
        assert_eq!(error.kind(), ErrorKind::TooFewSamples, "{spec}: {error}");
    }
    let empty = Features::plain(Vec::new(), 3).expect("no rows");
    for entry in NORMALIZERS {
        // None of them may panic; those that learn nothing may well accept.
        let _ = parse(entry.name).and_then(|part| part.fit(&empty)).and_then(|fitted| fitted.transform(&empty));
    }
}

#[test]
fn options_are_checked() {
    for (spec, expected) in [
        ("whiten:shrinkage=1.5", "whiten: `shrinkage=1.5` is not understood"),
        ("whiten:method=svd", "whiten: `method=svd` is not understood"),
        ("max_abs:std_quirk=maybe", "max_abs: `std_quirk=maybe` is not understood"),
    ] {
        let error = parse(spec).err().expect(spec);
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidParameter, expected));
        assert!(error.how_to_mend().is_some(), "{spec}: no hint");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_each_normalizer_promises_holds(seed in 0u64..1000, samples in 8usize..60) {
        let features = plain_features(seed, samples, 5);
        let column = |spec: &str, column: usize| -> Vec<f64> {
            let got = transform(&*fit(spec, &features), &features);
            widen(got.values()).skip(column).step_by(5).collect()
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        for index in [0, 4] {
            let standard = column("standard", index);
            let squares: Vec<f64> = standard.iter().map(|value| value * value).collect();
            prop_assert!(mean(&standard).abs() < 1e-5 && (mean(&squares) - 1.0).abs() < 1e-5);
            let largest = column("max_abs", index).into_iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            prop_assert_eq!(largest, 1.0);
            let mut min_max = column("min_max", index);
            min_max.sort_by(f64::total_cmp);
            prop_assert!(min_max[0] == 0.0 && (min_max[samples - 1] - 1.0).abs() < 1e-6);
            let ranks = column("quantile", index);
            let raw = column("none", index);
            for (i, j) in (0..samples).zip(1..samples) {
                prop_assert_eq!(raw[i] < raw[j], ranks[i] < ranks[j], "ranks keep the order");
            }
        }
        let unit = transform(&*fit("unit_l2", &features), &features);
        for sample in 0..samples {
            prop_assert!((widen(unit.row(sample)).map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-5);
        }
        // A column that never moves (a ReLU that stays shut) leaves a direction without variance: nothing to whiten there.
        prop_assume!((0..5).all(|index| column("none", index).windows(2).any(|pair| pair[0] != pair[1])));
        let white = transform(&*fit("whiten:shrinkage=0,method=pca", &features), &features);
        for (i, j) in [(0, 0), (1, 1), (0, 1), (1, 4), (4, 4)] {
            let product = (0..samples).map(|s| f64::from(white.row(s)[i]) * f64::from(white.row(s)[j]));
            let covariance = product.sum::<f64>() / samples as f64;
            prop_assert!((covariance - f64::from(u8::from(i == j))).abs() < 1e-4, "({i}, {j}): {covariance}");
        }
    }
}
