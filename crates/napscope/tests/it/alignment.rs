//! Covariate alignment against scikit-learn and dcor.

use crate::oracle::{self, list, numbers, singles};
use napscope::ErrorKind;
use napscope::distance::{Geometry, Points, Rescale};
use napscope::evaluate::adjusted_p_values;
use napscope::manifold::{Covariate, CovariateValues, alignment};
use napscope::progress::unwatched;
use serde_json::Value;
use std::ops::ControlFlow;

fn covariate(case: &Value) -> Covariate {
    let values = numbers(case, "values").into_iter();
    let values = match case["classes"].as_bool() {
        Some(true) => CovariateValues::Classes(values.map(|value| Some(value as u32)).collect()),
        _ => CovariateValues::Numbers(values.map(Some).collect()),
    };
    Covariate { name: case["name"].as_str().expect("a name").to_owned(), values }
}

#[test]
fn shares_agree_with_scikit_learn_and_dcor() {
    for case in list(&oracle::read("alignment"), "cases") {
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let points = Points::new(singles(case, "values"), columns, Geometry::L2, Rescale::Identity);
        let expected = list(case, "covariates");
        let covariates: Vec<Covariate> = expected.iter().map(covariate).collect();
        let found = alignment(&points, &covariates, &unwatched).expect("enough points");
        assert_eq!(found.len(), expected.len(), "{}: every covariate can be told", case["name"]);
        for (found, expected) in found.iter().zip(expected) {
            let partial = found.partial.as_ref().expect("there are others");
            for (key, value) in [
                ("knn", found.knn.r2),
                ("ridge", found.ridge.r2),
                ("distance_correlation", found.distance_correlation),
                ("partial_knn", partial.knn.r2),
                ("partial_ridge", partial.ridge.r2),
                ("left", partial.left),
            ] {
                let oracle = expected[key].as_f64().expect("a number");
                let name = format!("{key} of {} in {}", found.column, case["name"]);
                assert!((value - oracle).abs() < 2e-5, "{name}: {value} instead of {oracle}");
            }
            for share in [found.knn, found.ridge, partial.knn, partial.ridge] {
                assert!(share.low <= share.r2 && share.r2 <= share.high, "{}: {share:?}", found.column);
            }
        }
    }
}

/// Under independence a p-value is below q with a probability of q: 60 covariates of noise.
#[test]
fn noise_is_told_by_chance_alone() {
    let mut uniform = oracle::uniform(3);
    let points = Points::new((0..300).map(|_| uniform() as f32).collect(), 3, Geometry::L2, Rescale::Identity);
    let noise = |number: usize, uniform: &mut dyn FnMut() -> f64| Covariate {
        name: number.to_string(),
        values: CovariateValues::Numbers((0..100).map(|_| Some(uniform())).collect()),
    };
    let covariates: Vec<Covariate> = (0..60).map(|number| noise(number, &mut uniform)).collect();
    let p_values: Vec<f64> = covariates
        .iter()
        .map(|covariate| {
            alignment(&points, std::slice::from_ref(covariate), &unwatched).expect("100 points")[0].p_value
        })
        .collect();
    let below = |bound: f64| p_values.iter().filter(|p| **p <= bound).count();
    // Binomial with 60 draws: 99.9 % intervals.
    assert!(below(0.1) <= 14, "{} of 60 below 0.1: {p_values:?}", below(0.1));
    assert!((17..=43).contains(&below(0.5)), "{} of 60 below 0.5", below(0.5));
    assert!(adjusted_p_values(&p_values).into_iter().all(|p| p > 0.01), "no discovery among noise");
}

#[test]
fn adjusted_p_values_agree_with_scipy() {
    let oracle = oracle::read("alignment");
    let found = adjusted_p_values(&numbers(&oracle, "p_values"));
    oracle::assert_close("adjusted", found, &numbers(&oracle, "adjusted"));
    assert!(adjusted_p_values(&[]).is_empty());
}

#[test]
fn what_cannot_be_told_is_left_out_and_what_does_not_fit_is_refused() {
    let points = Points::new((0..120).map(|at| at as f32).collect(), 2, Geometry::L2, Rescale::Identity);
    let classes = |of: fn(u32) -> Option<u32>| CovariateValues::Classes((0..60).map(of).collect());
    for (what, values) in [
        ("a constant", CovariateValues::Numbers(vec![Some(3.0); 60])),
        ("one class", classes(|_| Some(4))),
        ("a class a sample", classes(Some)),
        ("mostly missing", classes(|at| (at < 40).then_some(at % 2))),
    ] {
        let covariate = Covariate { name: what.into(), values };
        assert_eq!(alignment(&points, &[covariate], &unwatched).expect("60 points"), [], "{what}");
    }
    let short = Covariate { name: "short".into(), values: CovariateValues::Numbers(vec![Some(1.0); 59]) };
    let error = alignment(&points, &[short], &unwatched).expect_err("59 values of 60 points");
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    let fine = Covariate { name: "parity".into(), values: classes(|at| Some(at % 2)) };
    let stop = |_: f64| ControlFlow::Break(());
    let error = alignment(&points, &[fine], &stop).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}
