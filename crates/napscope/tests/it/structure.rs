//! Intrinsic dimension, dip and dependence against scikit-dimension, diptest, SciPy and dcor.

use crate::oracle::{self, assert_close, list, numbers, singles};
use napscope::distance::{Geometry, Points, Rescale};
use napscope::evaluate::{distance_correlation, spearman};
use napscope::manifold::{dip, levina_bickel, two_nn};
use napscope::neighbors::{Neighbors, self_neighbors};
use napscope::progress::unwatched;
use napscope::{ErrorKind, Result};
use proptest::prelude::*;

fn neighbors(values: Vec<f32>, columns: usize, k: usize) -> Neighbors {
    let points = Points::new(values, columns, Geometry::L2, Rescale::Identity);
    self_neighbors(&points, k, &unwatched).expect("more than k points")
}

#[test]
fn dimensions_agree_with_scikit_dimension() {
    let oracle = oracle::read("structure");
    for case in list(&oracle, "dimensions") {
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let k = oracle["k"].as_u64().expect("a number") as usize;
        let neighbors = neighbors(singles(case, "values"), columns, k);
        for (name, found) in [("two_nn", two_nn(&neighbors)), ("levina_bickel", levina_bickel(&neighbors))] {
            let expected = case[name].as_f64().expect("a number");
            let found = found.unwrap_or_else(|error| panic!("{name} of {}: {error}", case["name"]));
            assert!((found / expected - 1.0).abs() < 1e-5, "{name} of {}: {found}, not {expected}", case["name"]);
        }
    }
}

#[test]
fn dips_agree_with_diptest() {
    for case in list(&oracle::read("structure"), "dips") {
        let found = dip(&numbers(case, "values")).expect("finite values");
        assert_close(&format!("dip of {}", case["name"]), [found.dip], &[case["dip"].as_f64().expect("a number")]);
        // Theirs is interpolated in a table, ours counted over 999 samples: within four sigma and half a percent.
        let expected = case["p_value"].as_f64().expect("a number");
        let reach = 4.0 * (expected * (1.0 - expected) / 999.0).sqrt() + 0.02;
        assert!(
            (found.p_value - expected).abs() < reach,
            "{}: p {} instead of {expected}",
            case["name"],
            found.p_value
        );
    }
}

#[test]
fn dependences_agree_with_scipy_and_dcor() {
    for case in list(&oracle::read("structure"), "dependences") {
        let (x, y) = (numbers(case, "x"), numbers(case, "y"));
        for (name, found) in [("spearman", spearman(&x, &y)), ("distance", distance_correlation(&x, &y))] {
            assert_close(name, found, &[case[name].as_f64().expect("a number")]);
        }
    }
}

#[test]
fn twins_have_no_dimension() {
    let neighbors = neighbors(vec![1.0; 40], 2, 4);
    for result in [two_nn(&neighbors), levina_bickel(&neighbors)] as [Result<f64>; 2] {
        assert_eq!(result.expect_err("all points are one").kind(), ErrorKind::TooFewSamples);
    }
}

#[test]
fn values_that_have_no_dip_are_refused() {
    assert_eq!(dip(&[1.0, 2.0, 3.0]).expect_err("three values").kind(), ErrorKind::TooFewSamples);
    assert_eq!(dip(&[1.0, 2.0, 3.0, f64::NAN]).expect_err("NaN").kind(), ErrorKind::NonFinite);
    assert!(dip(&[7.0; 20]).expect("twenty equal values").p_value > 0.5, "a single value is a single mode");
}

/// The bisection tries 1/17 itself here, half the step of the two -80, where the band is closed but for rounding.
#[test]
fn a_band_without_width_lets_nothing_through() {
    let values = [-80, 0, -43, -81, -5, -54, -15, 14, -33, 89, 6, 4, -80, 38, -88, 43, -25].map(f64::from);
    for values in [values, values.map(|value| -value)] {
        let found = dip(&values).expect("finite values").dip;
        assert!((found - 1.5 / 17.0).abs() < 1e-9, "linear programming finds 1.5/17, not {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_dip_knows_neither_unit_nor_direction_nor_order(
        values in proptest::collection::vec(-100i32..100, 5..60), scale in 0.01f64..100.0, shift in -50f64..50.0
    ) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let found = dip(&values).expect("finite values");
        let turned: Vec<f64> = values.iter().rev().map(|value| shift - scale * value).collect();
        let turned = dip(&turned).expect("finite values");
        prop_assert!((found.dip - turned.dip).abs() < 1e-9, "{} and {} of the mirrored values", found.dip, turned.dip);
        prop_assert!(found.dip <= 0.5 && found.dip >= 0.5 / values.len() as f64 - 1e-12, "dip {}", found.dip);
    }
}
