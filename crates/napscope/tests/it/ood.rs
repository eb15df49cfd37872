//! Every detector: against scikit-learn and SciPy, and the contract that all of them keep.

use crate::oracle::{self, assert_close, list, numbers, permuted, plain_features, singles};
use napscope::ErrorKind;
use napscope::evaluate::{auroc_difference, separation};
use napscope::features::Features;
use napscope::ood::{Calibration, DETECTORS, Detector, Fusion, Scorer, parse};
use proptest::prelude::*;

fn detector(spec: &str) -> Box<dyn Detector> {
    parse(spec).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn fit(spec: &str, reference: &Features) -> Box<dyn Scorer> {
    detector(spec).fit(reference).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn score(spec: &str, reference: &Features, features: &Features) -> Vec<f64> {
    fit(spec, reference).score(features).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

#[test]
fn scores_agree_with_scikit_learn() {
    for case in list(&oracle::read("ood"), "detectors") {
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let [reference, x] =
            ["reference", "x"].map(|key| Features::plain(singles(case, key), columns).expect("finite"));
        for (spec, _) in case["expected"].as_object().expect("expected scores by detector") {
            let name = format!("{spec} of {} x {columns}", reference.samples());
            assert_close(&name, score(spec, &reference, &x), &numbers(&case["expected"], spec));
        }
    }
}

#[test]
fn separations_agree_with_scikit_learn() {
    for case in list(&oracle::read("ood"), "separations") {
        let (id, ood) = (numbers(case, "id"), numbers(case, "ood"));
        let found = separation(&id, &ood).expect("both sides");
        let json = serde_json::to_value(found).expect("a table of numbers");
        for (figure, expected) in case["expected"].as_object().expect("figures") {
            let (found, expected) = (json[figure].as_f64().expect("a number"), expected.as_f64().expect("a number"));
            assert!(
                (found - expected).abs() < 1e-12,
                "{figure} of {} + {}: {found}, not {expected}",
                id.len(),
                ood.len()
            );
        }
        let [low, high] = found.auroc_interval;
        let reach = 1.959_963_984_540_054 * case["delong"].as_f64().expect("a number").sqrt();
        let expected = [(found.auroc - reach).max(0.0), (found.auroc + reach).min(1.0)];
        assert!((low - expected[0]).abs() + (high - expected[1]).abs() < 1e-12, "DeLong's interval: {low} … {high}");
        let noise: Vec<f64> = ood.iter().map(|score| -score).collect();
        let apart = auroc_difference([&id, &ood], [&id, &noise]).expect("the same samples");
        let alone = separation(&id, &noise).expect("both sides");
        assert!((apart.difference - (found.auroc - alone.auroc)).abs() < 1e-12, "a difference is one of AUROCs");
    }
}

#[test]
fn fusions_agree_with_scipy() {
    let case = &oracle::read("ood")["fusion"];
    let p_values = numbers(case, "p_values");
    for (fusion, name) in [(Fusion::Fisher, "fisher"), (Fusion::Stouffer, "stouffer")] {
        assert_close(name, [fusion.score(&p_values)], &[case[name].as_f64().expect("a number")]);
    }
}

#[test]
fn far_away_is_further_out_than_the_reference() {
    let reference = plain_features(1, 80, 6);
    for entry in DETECTORS.iter().filter(|entry| entry.name != "energy") {
        let far = reference.values().iter().map(|value| 100.0 + 50.0 * value).collect();
        let far = Features::plain(far, 6).expect("finite");
        let highest = |scores: Vec<f64>| scores.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let lowest = |scores: Vec<f64>| scores.into_iter().fold(f64::INFINITY, f64::min);
        let (inside, outside) =
            (highest(score(entry.name, &reference, &reference)), lowest(score(entry.name, &reference, &far)));
        assert!(outside > inside, "{}: {outside} far away, {inside} in the reference", entry.name);
    }
}

#[test]
fn a_score_hangs_on_its_sample_alone() {
    let (reference, x) = (plain_features(2, 70, 5), plain_features(3, 40, 5));
    for entry in DETECTORS {
        let scorer = fit(entry.name, &reference);
        let together = scorer.score(&x).expect("the same columns");
        for (sample, together) in together.into_iter().enumerate() {
            let alone = scorer.score(&x.select(&[sample])).expect("the same columns");
            assert_eq!(alone, [together], "{}: sample {sample} alone and among others", entry.name);
        }
        assert!(scorer.score(&x.select(&[])).expect("no sample").is_empty(), "{}: no sample, no score", entry.name);
    }
}

#[test]
fn twins_constants_and_few_samples_are_survived() {
    let twins = Features::plain([[1.0, 2.0]; 9].as_flattened().to_vec(), 2).expect("finite");
    let x = Features::plain(vec![1.0, 2.0, 5.0, -3.0], 2).expect("finite");
    for entry in DETECTORS {
        for samples in [2, 9] {
            let reference = twins.select(&(0..samples).collect::<Vec<_>>());
            let scores = score(entry.name, &reference, &x);
            assert!(scores.iter().all(|score| score.is_finite()), "{} of {samples} twins: {scores:?}", entry.name);
        }
        let single = detector(entry.name).fit(&twins.select(&[0]));
        let few = single.err().map_or(ErrorKind::TooFewSamples, |error| error.kind());
        assert_eq!(few, ErrorKind::TooFewSamples, "{}: one sample", entry.name);
    }
}

#[test]
fn other_columns_are_refused() {
    let (reference, x) = (plain_features(2, 30, 5), plain_features(3, 4, 6));
    for entry in DETECTORS {
        let error = fit(entry.name, &reference).score(&x).expect_err(entry.name);
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch, "{}: {error}", entry.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_the_reference_decides_nothing(seed in 0u64..1000, samples in 5usize..60, columns in 1usize..9) {
        let reference = plain_features(seed, samples, columns);
        let (shuffled, _) = permuted(&reference);
        let x = plain_features(seed + 1, 7, columns);
        for entry in DETECTORS {
            prop_assert_eq!(score(entry.name, &reference, &x), score(entry.name, &shuffled, &x), "{}", entry.name);
        }
    }

    #[test]
    fn alarms_keep_to_their_rate(seed in 0u64..1000, rate in 0.02f64..0.5) {
        // Fit, calibration and test samples of one kind: over all of them, alarms may exceed the rate by chance only.
        let (mut alarms, mut tried) = (0, 0);
        for round in 0..20 {
            let all = plain_features(1000 * seed + round, 260, 3);
            let part = |range: std::ops::Range<usize>| all.select(&range.collect::<Vec<_>>());
            let scorer = fit("mahalanobis", &part(0..60));
            let calibration = Calibration::new(scorer.score(&part(60..160)).expect("columns")).expect("scores");
            let scores = scorer.score(&part(160..260)).expect("columns");
            alarms += scores.iter().filter(|score| calibration.p_value(**score) <= rate).count();
            tried += scores.len();
        }
        // Calibrations of 100 samples scatter by √(rate (1 − rate) / 100); 20 of them, and 2,000 trials: five sigma.
        let sigma = (rate * (1.0 - rate) * (1.0 / 2000.0 + 1.0 / 2000.0)).sqrt();
        let observed = alarms as f64 / tried as f64;
        prop_assert!((observed - rate).abs() < 5.0 * sigma + 0.01, "{observed} alarms at a rate of {rate}");
    }
}
