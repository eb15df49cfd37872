//! Agreement and effect sizes: against scikit-learn and SciPy, and what holds for any data.

use crate::oracle::{self, list, plain_features, singles, uniform};
use napscope::ErrorKind;
use napscope::evaluate::{LARGEST_EFFECT, Noise, agreement, effect_size, effect_sizes};
use proptest::prelude::*;
use serde_json::Value;

/// All results are f64 on both sides; sums differ in their order.
const TOLERANCE: f64 = 1e-9;

fn labels(case: &Value, key: &str) -> Vec<Option<i64>> {
    list(case, key).iter().map(|label| label.as_i64().filter(|label| *label >= 0)).collect()
}

#[test]
fn agreement_is_that_of_scikit_learn() {
    for case in list(&oracle::read("evaluate"), "partitions") {
        let (found, truth) = (labels(case, "found"), labels(case, "truth"));
        for (noise, key) in [(Noise::LeaveOut, "leave_out"), (Noise::OwnClass, "own_class")] {
            let got = agreement(&found, &truth, noise).expect("labels on both sides");
            for (index, value) in [
                ("adjusted_rand", got.adjusted_rand),
                ("adjusted_mutual_information", got.adjusted_mutual_information),
                ("homogeneity", got.homogeneity),
                ("completeness", got.completeness),
                ("purity", got.purity),
            ] {
                let expected = case[key][index].as_f64().expect(index);
                let what = format!("{}, {key}, {index}", case["name"]);
                assert!((value - expected).abs() < TOLERANCE, "{what}: {value} instead of {expected}");
            }
            let noisy = found.iter().filter(|label| label.is_none()).count();
            let left_out = if noise == Noise::LeaveOut { noisy } else { 0 };
            assert_eq!((got.samples, got.left_out), (found.len() - left_out, left_out), "{}", case["name"]);
        }
    }
}

#[test]
fn effect_sizes_are_those_of_numpy_and_scipy() {
    for case in list(&oracle::read("evaluate"), "effects") {
        let got = effect_size(&singles(case, "inside"), &singles(case, "outside")).expect("two sides");
        for (name, value) in [("cohens_d", got.cohens_d), ("hedges_g", got.hedges_g), ("auroc", got.auroc)] {
            let expected = case[name].as_f64().expect(name);
            assert!((value - expected).abs() < TOLERANCE, "{name}: {value} instead of {expected}");
        }
    }
}

#[test]
fn groups_without_spread_have_a_finite_effect() {
    for (inside, outside, d, auroc) in [
        (&[2.0f32, 2.0][..], &[1.0f32, 1.0, 1.0][..], LARGEST_EFFECT, 1.0),
        (&[1.0], &[2.0], -LARGEST_EFFECT, 0.0),
        (&[1.0, 1.0], &[1.0, 1.0], 0.0, 0.5),
    ] {
        let got = effect_size(inside, outside).expect("two sides");
        assert_eq!((got.cohens_d, got.auroc), (d, auroc), "{inside:?} against {outside:?}");
    }
}

#[test]
fn mistakes_are_named() {
    let (some, none) = ([Some(1)], [None::<i32>]);
    for (found, truth, kind) in [
        (&some[..], &[][..], ErrorKind::ShapeMismatch),
        (&[], &[], ErrorKind::TooFewSamples),
        (&none, &some, ErrorKind::TooFewSamples),
    ] {
        assert_eq!(agreement(found, truth, Noise::LeaveOut).expect_err("a mistake").kind(), kind);
    }
    assert_eq!(effect_size(&[], &[1.0]).expect_err("a mistake").kind(), ErrorKind::TooFewSamples);
    let features = plain_features(1, 4, 2);
    assert_eq!(effect_sizes(&features, &[true; 3]).expect_err("a mistake").kind(), ErrorKind::ShapeMismatch);
    assert_eq!(effect_sizes(&features, &[true; 4]).expect_err("a mistake").kind(), ErrorKind::TooFewSamples);
}

#[test]
fn columns_are_compared_one_by_one() {
    let features = plain_features(2, 30, 4);
    let inside: Vec<bool> = (0..30).map(|sample| sample % 3 == 0).collect();
    let got = effect_sizes(&features, &inside).expect("two sides");
    for (column, got) in got.iter().enumerate() {
        let side = |side: bool| -> Vec<f32> {
            (0..30).filter(|&sample| inside[sample] == side).map(|sample| features.row(sample)[column]).collect()
        };
        assert_eq!(*got, effect_size(&side(true), &side(false)).expect("two sides"), "column {column}");
    }
}

proptest! {
    #[test]
    fn adjusted_indices_are_symmetric_and_blind_to_names(seed in 0u64..10_000, samples in 2usize..60) {
        let mut uniform = uniform(seed);
        let mut draw = |classes: f64| -> Vec<Option<u32>> {
            (0..samples).map(|_| Some((uniform() * classes) as u32)).collect()
        };
        let (a, b) = (draw(4.0), draw(5.0));
        let renamed: Vec<Option<String>> = a.iter().map(|label| label.map(|label| format!("{}", 9 - label))).collect();
        let there = agreement(&a, &b, Noise::LeaveOut).expect("labels");
        let back = agreement(&b, &a, Noise::LeaveOut).expect("labels");
        let other = agreement(&renamed, &b, Noise::LeaveOut).expect("labels");
        prop_assert!((there.adjusted_rand - back.adjusted_rand).abs() < TOLERANCE);
        prop_assert!((there.adjusted_mutual_information - back.adjusted_mutual_information).abs() < TOLERANCE);
        prop_assert!((there.homogeneity - back.completeness).abs() < TOLERANCE);
        prop_assert!((there.adjusted_rand - other.adjusted_rand).abs() < TOLERANCE);
        prop_assert_eq!(there.purity, other.purity);
        let same = agreement(&a, &renamed, Noise::OwnClass).expect("labels");
        prop_assert!((same.adjusted_rand - 1.0).abs() < TOLERANCE && same.purity == 1.0);
        prop_assert!((same.adjusted_mutual_information - 1.0).abs() < TOLERANCE, "{:?}", same);
    }

    #[test]
    fn effects_change_sign_with_the_sides(seed in 0u64..10_000, inside in 1usize..20, outside in 1usize..20) {
        let mut uniform = uniform(seed);
        let mut draw = |count: usize| (0..count).map(|_| (uniform() * 8.0).floor() as f32).collect::<Vec<f32>>();
        let (a, b) = (draw(inside), draw(outside));
        let (there, back) = (effect_size(&a, &b).expect("two sides"), effect_size(&b, &a).expect("two sides"));
        prop_assert_eq!(there.cohens_d, -back.cohens_d);
        prop_assert!((there.auroc + back.auroc - 1.0).abs() < TOLERANCE);
        // The AUROC sees only the order.
        let cubed = |values: &[f32]| values.iter().map(|value| value * value * value - 5.0).collect::<Vec<f32>>();
        prop_assert_eq!(effect_size(&cubed(&a), &cubed(&b)).expect("two sides").auroc, there.auroc);
    }
}
