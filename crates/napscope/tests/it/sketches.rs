//! What every sketch promises, whatever it computes.

use crate::oracle::{self, uniform};
use napscope::ErrorKind;
use napscope::activations::{Activations, MapShape};
use napscope::features::{Features, Statistic};
use napscope::sketch::{ChannelRanges, FittedSketch, SKETCHES, parse};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Every registered sketch with its defaults, and options that lead down other paths.
fn specs() -> Vec<String> {
    let variants = [
        "histogram:bins=1",
        "histogram:bins=7",
        "kde:bandwidth=silverman,grid=17",
        "kde:bandwidth=isj",
        "kde:bandwidth=0.25,grid=100",
        "kde:bandwidth=1e-9",
        "kde:bandwidth=1e30,grid=2",
        "kde:method=exact",
        "kde:method=exact,bandwidth=1e-9,grid=23",
        "quantiles:count=1",
        "quantiles:count=5",
        "sparsity:threshold=0.5",
        "free_energy:temperature=0.1",
    ];
    SKETCHES.iter().map(|entry| entry.name).chain(variants).map(String::from).collect()
}

const CHANNELS: usize = 6;

fn shape(height: usize, width: usize) -> MapShape {
    MapShape { channels: CHANNELS, height, width }
}

/// The shapes that a layer comes in: a map, a ragged one, tokens, two positions, a dense layer.
fn shapes() -> [MapShape; 5] {
    [shape(14, 14), shape(3, 7), shape(1, 40), shape(1, 2), shape(1, 1)]
}

/// Samples of a layer whose channels are: bell-shaped, bell-shaped behind a ReLU, dead, constant, heavy-tailed, far from 0.
fn layer(samples: usize, shape: MapShape, seed: u64) -> Vec<f32> {
    let mut uniform = uniform(seed);
    let mut values = Vec::new();
    for _ in 0..samples {
        for channel in 0..shape.channels {
            for _ in 0..shape.positions() {
                let bell = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                values.push(match channel % CHANNELS {
                    0 => bell,
                    1 => bell.max(0.0),
                    2 => 0.0,
                    3 => 0.1,
                    4 => (3.0 * bell).exp(),
                    _ => 1000.0 + bell,
                } as f32);
            }
        }
    }
    values
}

fn ranges(values: &[f32], shape: MapShape) -> ChannelRanges {
    let mut ranges = ChannelRanges::new(shape.channels);
    ranges.update(&Activations::new(values, shape).expect("whole samples")).expect("finite samples");
    ranges
}

/// The sketch `spec`, fitted on the ranges of `values`.
fn fitted(spec: &str, values: &[f32], shape: MapShape) -> Box<dyn FittedSketch> {
    parse(spec).and_then(|sketch| sketch.fit(shape, Some(&ranges(values, shape)))).expect(spec)
}

/// Sketches `values` in batches of `batch` samples.
fn rows(sketch: &dyn FittedSketch, values: &[f32], shape: MapShape, batch: usize) -> Vec<f32> {
    let mut rows = Vec::new();
    for values in values.chunks(batch * shape.len()) {
        let batch = Activations::new(values, shape).expect("whole samples");
        let start = rows.len();
        rows.resize(start + batch.samples() * sketch.columns().len(), 7e7);
        sketch.sketch(&batch, &mut rows[start..]);
    }
    rows
}

fn bits(rows: &[f32]) -> Vec<u32> {
    rows.iter().map(|value| value.to_bits()).collect()
}

/// Rounding: sums in another order differ in the last bits of f64, and so rarely in the last of f32.
fn assert_close(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let tolerance = 1e-6 * expected.abs().max(1e-3);
        assert!((got - expected).abs() <= tolerance, "{what}, value {index}: expected {expected}, got {got}");
    }
}

#[test]
fn entries_are_complete_and_their_defaults_build() {
    let names: BTreeSet<&str> = SKETCHES.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), SKETCHES.len(), "two sketches bear one name");
    for entry in SKETCHES {
        assert!(!entry.summary.is_empty(), "{}: no line of help", entry.name);
        let defaults: Vec<String> = entry.options.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
        for spec in [entry.name.to_string(), format!("{}:{}", entry.name, defaults.join(","))] {
            assert_eq!(parse(&spec).expect(&spec).name(), entry.name, "{spec}");
        }
        for (option, _, meaning) in entry.options {
            assert!(meaning.len() > 10, "{}: option {option} is not explained", entry.name);
        }
    }
}

#[test]
fn unreasonable_options_are_refused_with_their_bounds() {
    for (spec, expected) in [
        ("histogram:bins=0", "`bins` must lie in 1 ..= 4096, got 0"),
        ("histogram:bins=1000000000", "`bins` must lie in 1 ..= 4096, got 1000000000"),
        ("histogram:bins=-3", "`bins=-3` is not understood"),
        ("histogram:bins=2.5", "`bins=2.5` is not understood"),
        ("kde:grid=1", "`grid` must lie in 2 ..= 1024, got 1"),
        ("kde:grid=100000", "`grid` must lie in 2 ..= 1024, got 100000"),
        ("kde:bandwidth=0", "`bandwidth` must lie in 1e-30 ..= 1e30, got 0.0"),
        ("kde:bandwidth=-0.5", "`bandwidth` must lie in 1e-30 ..= 1e30, got -0.5"),
        ("kde:bandwidth=inf", "`bandwidth` must lie in 1e-30 ..= 1e30, got inf"),
        ("quantiles:count=0", "`count` must lie in 1 ..= 4096, got 0"),
        ("sparsity:threshold=NaN", "`threshold` must lie in -3.4028235e38 ..= 3.4028235e38"),
        ("sparsity:threshold=inf", "`threshold` must lie in -3.4028235e38 ..= 3.4028235e38"),
        ("free_energy:temperature=0", "`temperature` must lie in 1e-6 ..= 1000000.0, got 0.0"),
        ("free_energy:temperature=-1", "`temperature` must lie in 1e-6 ..= 1000000.0, got -1.0"),
        ("free_energy:temperature=NaN", "`temperature` must lie in"),
        ("free_energy:temperature=1e300", "`temperature` must lie in"),
    ] {
        let error = parse(spec).err().unwrap_or_else(|| panic!("{spec} must be refused"));
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{spec}");
        assert!(error.to_string().contains(expected), "{spec}: expected `{expected}` in `{error}`");
        assert!(error.how_to_mend().is_some(), "{spec}: no hint");
    }
}

#[test]
fn words_that_no_option_knows_are_answered_with_those_it_knows() {
    for (spec, hint) in [
        ("kde:bandwidth=scot", "did you mean `scott`?"),
        ("kde:bandwidth=wide", "choose one of: scott, silverman, isj"),
        ("kde:method=slow", "choose one of: binned, exact"),
    ] {
        let error = parse(spec).err().unwrap_or_else(|| panic!("{spec} must be refused"));
        assert_eq!(error.kind(), ErrorKind::UnknownName, "{spec}");
        assert_eq!(error.how_to_mend(), Some(hint), "{spec}");
    }
}

#[test]
fn sketches_on_a_grid_refuse_to_work_without_fitting_ranges() {
    let shape = shape(2, 2);
    for spec in specs() {
        let sketch = parse(&spec).expect(&spec);
        let unseen = ChannelRanges::new(CHANNELS);
        let fewer = ranges(&[1.0; 8], MapShape { channels: 2, ..shape });
        for (ranges, kind) in [
            (None, ErrorKind::InvalidParameter),
            (Some(&unseen), ErrorKind::TooFewSamples),
            (Some(&fewer), ErrorKind::ShapeMismatch),
        ] {
            let found = sketch.fit(shape, ranges).err().map(|error| error.kind());
            assert_eq!(found, sketch.needs_ranges().then_some(kind), "{spec}");
        }
    }
}

#[test]
fn a_layer_of_too_many_columns_is_refused() {
    let shape = MapShape { channels: 1 << 23, height: 1, width: 1 };
    for spec in ["none", "mean", "quantiles"] {
        let error = parse(spec).expect(spec).fit(shape, None).err().expect("8 million columns");
        assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{spec}: {error}");
    }
}

#[test]
fn columns_go_channel_by_channel_and_fill_a_row() {
    for spec in specs() {
        for shape in shapes() {
            let values = layer(3, shape, 1);
            let sketch = fitted(&spec, &values, shape);
            let columns = sketch.columns();
            let per_channel = columns.len() / CHANNELS;
            assert_eq!(per_channel * CHANNELS, columns.len(), "{spec} {shape:?}: ragged");
            for (index, column) in columns.iter().enumerate() {
                assert_eq!(column.channel as usize, index / per_channel, "{spec} {shape:?}: column {index}");
            }
            assert_eq!(rows(&*sketch, &values, shape, 2).len(), 3 * columns.len(), "{spec} {shape:?}");
        }
    }
}

#[test]
fn finite_activations_give_finite_rows() {
    for spec in specs() {
        for shape in shapes() {
            let seen = layer(2, shape, 1);
            let sketch = fitted(&spec, &seen, shape);
            let mut extreme = layer(4, shape, 2);
            for (value, wild) in extreme.iter_mut().step_by(5).zip([f32::MAX, f32::MIN, 1e-45, -0.0].iter().cycle()) {
                *value = *wild;
            }
            for values in [layer(4, shape, 3), extreme, vec![f32::MAX; shape.len()], vec![f32::MIN; shape.len()]] {
                let rows = rows(&*sketch, &values, shape, 4);
                Features::new(rows, sketch.columns().to_vec()).unwrap_or_else(|error| panic!("{spec}: {error}"));
            }
        }
    }
}

#[test]
fn one_position_is_a_map_without_spread() {
    let shape = shape(1, 1);
    let values = layer(1, shape, 5);
    for spec in specs() {
        let sketch = fitted(&spec, &values, shape);
        let row = rows(&*sketch, &values, shape, 1);
        for (column, got) in sketch.columns().iter().zip(row) {
            let value = values[column.channel as usize];
            let expected = match column.statistic {
                Statistic::Value { .. } | Statistic::Mean | Statistic::Max | Statistic::Min => value,
                Statistic::Quantile { .. } => value,
                Statistic::Std | Statistic::Skewness | Statistic::ExcessKurtosis => 0.0,
                Statistic::Sparsity => f32::from(value <= if spec.contains("0.5") { 0.5 } else { 0.0 }),
                Statistic::FreeEnergy => -value,
                // Distributions have a test of their own.
                Statistic::Bin { .. } | Statistic::Density { .. } | Statistic::Mixed => got,
            };
            assert_eq!(got, expected, "{spec}, channel {}: {:?}", column.channel, column.statistic);
        }
    }
}

#[test]
fn batches_change_no_byte() {
    for spec in specs() {
        for shape in shapes() {
            let values = layer(7, shape, 1);
            let sketch = fitted(&spec, &values[..3 * shape.len()], shape);
            let expected = bits(&rows(&*sketch, &values, shape, 1));
            for batch in [2, 3, 7] {
                assert_eq!(
                    bits(&rows(&*sketch, &values, shape, batch)),
                    expected,
                    "{spec} {shape:?}: batches of {batch}"
                );
            }
            assert!(rows(&*sketch, &[], shape, 1).is_empty(), "{spec}: no samples, no rows");
        }
    }
}

#[test]
fn distributions_are_probabilities_on_a_rising_grid() {
    for spec in specs() {
        for shape in shapes() {
            let seen = layer(2, shape, 1);
            let sketch = fitted(&spec, &seen, shape);
            let values = layer(4, shape, 2);
            let rows = rows(&*sketch, &values, shape, 4);
            let per_channel = sketch.columns().len() / CHANNELS;
            let blocks = sketch.columns().chunks(per_channel).cycle().zip(rows.chunks(per_channel));
            for (columns, numbers) in blocks {
                let place = format!("{spec} {shape:?}, channel {}", columns[0].channel);
                let sum = numbers.iter().map(|p| f64::from(*p)).sum::<f64>();
                match columns[0].statistic {
                    Statistic::Bin { .. } | Statistic::Density { .. } => {
                        assert!((sum - 1.0).abs() < 1e-5, "{place}: probabilities add up to {sum}");
                        assert!(numbers.iter().all(|p| *p >= 0.0), "{place}: a negative probability");
                    }
                    Statistic::Quantile { .. } => {
                        assert!(numbers.is_sorted(), "{place}: quantiles must rise: {numbers:?}");
                    }
                    _ => {}
                }
                let mut weights = 0.0;
                for (left, right) in columns.iter().zip(columns.iter().skip(1)) {
                    match (left.statistic, right.statistic) {
                        (Statistic::Bin { low, high }, Statistic::Bin { low: next, .. }) => {
                            assert!(low < high && high == next, "{place}: bins {low}..{high} and {next}..");
                        }
                        (Statistic::Density { at, step }, Statistic::Density { at: next, .. }) => {
                            let gap = (next - at - step).abs();
                            assert!(
                                step > 0.0 && gap < 1e-9 * (step + at.abs()),
                                "{place}: points {at}, {next}, step {step}"
                            );
                        }
                        (Statistic::Quantile { p, weight }, Statistic::Quantile { p: next, .. }) => {
                            assert!(0.0 < p && p < next && next < 1.0, "{place}: probabilities {p}, {next}");
                            weights += weight;
                        }
                        _ => {}
                    }
                }
                if let Some(Statistic::Quantile { weight, .. }) = columns.last().map(|column| column.statistic) {
                    assert!((weights + weight - 1.0).abs() < 1e-9, "{place}: the quantiles' weights must add up to 1");
                }
            }
        }
    }
}

#[test]
fn the_order_of_positions_matters_only_unreduced() {
    for spec in specs().into_iter().filter(|spec| spec != "none") {
        for shape in shapes() {
            let values = layer(2, shape, 4);
            let mut turned = values.clone();
            let mut uniform = uniform(9);
            for map in turned.chunks_mut(shape.positions()) {
                for last in (1..map.len()).rev() {
                    map.swap(last, (uniform() * (last + 1) as f64) as usize);
                }
            }
            let sketch = fitted(&spec, &values, shape);
            let expected = rows(&*sketch, &values, shape, 2);
            assert_close(&rows(&*sketch, &turned, shape, 2), &expected, &format!("{spec} {shape:?}"));
        }
    }
}

#[test]
fn permuted_channels_permute_the_columns_and_change_no_byte() {
    let order = [4, 2, 0, 5, 1, 3];
    for spec in specs() {
        for shape in shapes() {
            let values = layer(1, shape, 4);
            let turned: Vec<f32> = order
                .iter()
                .flat_map(|channel| &values[channel * shape.positions()..(channel + 1) * shape.positions()])
                .copied()
                .collect();
            let row = rows(&*fitted(&spec, &values, shape), &values, shape, 1);
            let got = rows(&*fitted(&spec, &turned, shape), &turned, shape, 1);
            let per_channel = row.len() / CHANNELS;
            let expected: Vec<f32> =
                order.iter().flat_map(|channel| &row[channel * per_channel..][..per_channel]).copied().collect();
            assert_eq!(bits(&got), bits(&expected), "{spec} {shape:?}");
        }
    }
}

#[test]
fn nan_and_infinity_never_vanish_and_never_spread() {
    for spec in specs() {
        for shape in shapes() {
            let good = layer(2, shape, 1);
            let sketch = fitted(&spec, &good, shape);
            let clean = rows(&*sketch, &good, shape, 2);
            let per_channel = sketch.columns().len() / CHANNELS;
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in (0..good.len()).step_by(13).chain([good.len() - 1]) {
                    let mut values = good.clone();
                    values[at] = bad;
                    let rows = rows(&*sketch, &values, shape, 2);
                    let hit = at / shape.positions();
                    for (block, (numbers, clean)) in rows.chunks(per_channel).zip(clean.chunks(per_channel)).enumerate()
                    {
                        let place = format!("{spec} {shape:?}: {bad} at {at}, map {block}");
                        if block == hit {
                            assert!(numbers.iter().any(|value| !value.is_finite()), "{place}: lost");
                        } else {
                            assert_eq!(bits(numbers), bits(clean), "{place}: spread from map {hit}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn ranges_refuse_what_no_grid_can_hold() {
    let shape = shape(2, 2);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = layer(3, shape, 1);
        values[shape.len() + 2 * shape.positions() + 1] = bad;
        let error = ChannelRanges::new(CHANNELS)
            .update(&Activations::new(&values, shape).expect("whole samples"))
            .expect_err("not finite");
        assert_eq!(error.kind(), ErrorKind::NonFinite, "{bad}");
        assert!(error.to_string().contains("sample 1, channel 2"), "{bad}: {error}");
    }
    let values = layer(1, shape, 1);
    let error = ChannelRanges::new(CHANNELS + 1).update(&Activations::new(&values, shape).expect("whole samples"));
    assert_eq!(error.expect_err("one channel too few").kind(), ErrorKind::ShapeMismatch);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn merged_ranges_are_the_ranges_of_all(
        values in prop::collection::vec(prop_oneof![-1e3_f32..1e3, Just(0.0), Just(-0.0), Just(f32::MAX)], 0..40),
        cut in 0_usize..40,
    ) {
        let shape = MapShape { channels: 2, height: 1, width: 2 };
        let values = &values[..values.len() / shape.len() * shape.len()];
        let cut = (cut * shape.len()).min(values.len());
        let (mut a, b) = (ranges(&values[..cut], shape), ranges(&values[cut..], shape));
        let mut turned = b.clone();
        turned.merge(&a);
        a.merge(&b);
        let all = ranges(values, shape);
        for merged in [a, turned] {
            for channel in 0..shape.channels {
                let bits = |ranges: &ChannelRanges| (ranges.of(channel).0.to_bits(), ranges.of(channel).1.to_bits());
                prop_assert_eq!(bits(&merged), bits(&all));
            }
        }
    }
}

/// One channel's map, the range that the channel was seen in, and the row that each sketch should make of it.
#[derive(Deserialize)]
struct Case {
    case: String,
    height: usize,
    width: usize,
    range: [f32; 2],
    map: Vec<f32>,
    rows: BTreeMap<String, Vec<f64>>,
}

/// Our rows are f32 (6e-8), and the position on a grid is found in f32 as well.
const ORACLE_TOLERANCE: f64 = 1e-5;

#[test]
fn numpy_scipy_and_kdepy_agree() {
    let cases: Vec<Case> = serde_json::from_value(oracle::read("sketches")["cases"].take()).expect("a list of cases");
    let mut met = BTreeSet::new();
    for Case { case, height, width, range, map, rows: expected } in cases {
        let seen = ranges(&range, MapShape { channels: 1, height: 1, width: 2 });
        let shape = MapShape { channels: 1, height, width };
        for (spec, expected) in expected {
            let sketch = parse(&spec).expect(&spec);
            let fitted = sketch.fit(shape, Some(&seen)).expect(&spec);
            let got = rows(&*fitted, &map, shape, 1);
            assert_eq!(got.len(), expected.len(), "{spec} of {case}");
            let largest = expected.iter().fold(0.0, |largest, value| value.abs().max(largest));
            for (column, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let tolerance = ORACLE_TOLERANCE * expected.abs().max(1e-3 * largest);
                let difference = (f64::from(*got) - expected).abs();
                assert!(difference <= tolerance, "{spec} of {case}, column {column}: expected {expected}, got {got}");
            }
            met.insert(sketch.name());
        }
    }
    assert_eq!(met, SKETCHES.iter().map(|entry| entry.name).collect(), "every sketch has an oracle");
}
