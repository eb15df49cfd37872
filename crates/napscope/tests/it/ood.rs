//! Every detector: against scikit-learn and SciPy, and the contract that all of them keep.

use crate::oracle::{self, assert_close, list, numbers, permuted, plain_features, singles};
use napscope::ErrorKind;
use napscope::cluster::{Hdbscan, Selection};
use napscope::distance;
use napscope::evaluate::{auroc_difference, mean_auroc, mean_auroc_difference, separation};
use napscope::features::{Column, Features, Statistic};
use napscope::ood::{
    CONDITIONINGS, Calibration, ConditionedScorer, CovariateEstimator, DETECTORS, Detector, Fusion, Scorer,
    conditioning, parse,
};
use napscope::progress::unwatched;
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
fn a_mean_over_sets_counts_the_samples_that_they_share_once() {
    let mut uniform = oracle::uniform(5);
    let mut draw = |count: usize, shift: f64| -> Vec<f64> { (0..count).map(|_| uniform() + shift).collect() };
    let (id, near, far) = (draw(60, 0.0), draw(40, 0.2), draw(90, 0.6));
    let [a, b] = [&near, &far].map(|set| separation(&id, set).expect("both sides").auroc);
    let (mean, [low, high]) = mean_auroc((&id, &[&near, &far])).expect("two sets");
    assert!((mean - (a + b) / 2.0).abs() < 1e-12, "the mean of {a} and {b}: {mean}");
    // Twice the same set: the same AUROC, an interval that only the drawing of that set narrows.
    let (twice, [low_2, high_2]) = mean_auroc((&id, &[&near, &near])).expect("two sets");
    let [low_1, high_1] = separation(&id, &near).expect("both sides").auroc_interval;
    assert!(
        (twice - a).abs() < 1e-12 && high_2 - low_2 < high_1 - low_1,
        "{low_2} … {high_2} within {low_1} … {high_1}"
    );
    assert!(high_2 - low_2 > (high_1 - low_1) / 2f64.sqrt(), "the in-distribution samples are the same ones");
    assert!(low < mean && mean < high);
    let same = mean_auroc_difference((&id, &[&near, &far]), (&id, &[&near, &far])).expect("two sets");
    assert_eq!((same.difference, same.p_value), (0.0, 1.0));
}

#[test]
fn a_pattern_detector_says_where_a_sample_joins() {
    let (reference, x) = (blobs(4, 120), blobs(5, 30));
    let points = |features: &Features| {
        let metric = distance::parse("euclidean").expect("a metric");
        metric.fit(features).and_then(|embedding| embedding.embed(features)).expect("plain numbers")
    };
    let hdbscan =
        Hdbscan { min_cluster_size: 10, min_samples: Some(4), selection: Selection::Eom, ..Hdbscan::default() };
    let fit = hdbscan.fit(&points(&reference)).expect("enough samples");
    assert_eq!(fit.clustering.persistence.len(), 3, "three blobs are three patterns");
    let placed = fit.predict(&points(&reference), &hdbscan, &points(&x), &unwatched).expect("the same columns");
    let options = "min_cluster_size=10,min_samples=4";
    assert_eq!(score(&format!("pattern:{options}"), &reference, &x), placed.outlier_score);
    let strange: Vec<f64> = placed.membership.iter().map(|membership| 1.0 - membership).collect();
    assert_eq!(score(&format!("pattern:score=membership,{options}"), &reference, &x), strange);
}

#[test]
fn without_patterns_what_lies_further_out_is_stranger() {
    let reference = plain_features(6, 60, 4);
    let whole = "min_cluster_size=30";
    let hdbscan = Hdbscan { min_cluster_size: 30, selection: Selection::Eom, ..Hdbscan::default() };
    let metric = distance::parse("euclidean").expect("a metric").fit(&reference).expect("plain numbers");
    let points = metric.embed(&reference).expect("plain numbers");
    assert!(hdbscan.fit(&points).expect("enough samples").clustering.persistence.is_empty(), "no pattern");
    for step in [2.0f32, 20.0, 200.0] {
        let [near, far] = [step, 10.0 * step].map(|at| Features::plain(vec![at; 4], 4).expect("finite"));
        for spec in ["pattern:", "nearest_pattern:"] {
            let [near, far] = [&near, &far].map(|x| score(&format!("{spec}{whole}"), &reference, x)[0]);
            assert!(far > near, "{spec} at {step}: {far} ten times further out than {near}");
        }
    }
}

#[test]
fn distributions_are_held_against_the_mean_distribution_of_a_pattern() {
    let bins = (0..10)
        .map(|bin| Column { channel: 0, statistic: Statistic::Bin { low: f64::from(bin), high: f64::from(bin + 1) } });
    let columns: Vec<Column> = bins.collect();
    let spike = |at: usize| (0..10).map(move |bin| if bin == at { 1.0f32 } else { 0.0 });
    let rows = |places: &[usize]| {
        Features::new(places.iter().flat_map(|&at| spike(at)).collect(), columns.clone()).expect("distributions")
    };
    let reference = rows(&[2, 2, 3].repeat(7));
    let found = score("nearest_pattern:metric=wasserstein_1", &reference, &rows(&[2, 3, 8]));
    // Seven are no pattern of their own: what is densest lies in bin 2.
    for (found, expected) in found.iter().zip([0.0, 1.0, 6.0]) {
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }
}

/// Three round groups, and a stray sample among every ten.
fn blobs(seed: u64, samples: usize) -> Features {
    let mut uniform = oracle::uniform(seed);
    let centers = [[0.0, 0.0, 0.0], [9.0, 0.0, 3.0], [0.0, 9.0, -3.0]];
    let mut values = Vec::new();
    for sample in 0..samples {
        let spread = if sample % 10 == 9 { 20.0 } else { 1.0 };
        values.extend(
            centers[sample % 3].map(|center| (center + spread * (uniform() + uniform() + uniform() - 1.5)) as f32),
        );
    }
    Features::plain(values, 3).expect("finite")
}

/// A bent line that a covariate runs along, with a little noise; `shift` moves samples along the line, not their covariate.
fn curve(seed: u64, samples: usize, shift: f64) -> (Features, Vec<f64>) {
    let mut uniform = oracle::uniform(seed);
    let (mut values, mut covariate) = (Vec::new(), Vec::new());
    for _ in 0..samples {
        let at = 10.0 * uniform();
        let moved = (at + shift).rem_euclid(10.0);
        let mut noise = || 0.2 * (uniform() + uniform() - 1.0);
        values.extend([moved, (moved - 5.0).powi(2) / 5.0, moved.sin()].map(|value| (value + noise()) as f32));
        covariate.push(at);
    }
    (Features::plain(values, 3).expect("finite"), covariate)
}

fn conditioned(
    spec: &str,
    detector_spec: &str,
    (reference, covariate): &(Features, Vec<f64>),
) -> Box<dyn ConditionedScorer> {
    let fitted =
        conditioning(spec).and_then(|conditioning| conditioning.fit(&*detector(detector_spec), reference, covariate));
    fitted.unwrap_or_else(|error| panic!("{spec} of {detector_spec}: {error}"))
}

#[test]
fn what_only_the_covariate_gives_away_is_found_by_those_that_know_it() {
    let (reference, usual, strange) = (curve(1, 600, 0.0), curve(2, 200, 0.0), curve(3, 200, 4.0));
    let blind = separation(&score("knn", &reference.0, &usual.0), &score("knn", &reference.0, &strange.0));
    let blind = blind.expect("both sides").auroc;
    assert!((blind - 0.5).abs() < 0.1, "samples of the same line: {blind}");
    for spec in ["bins", "regression:degree=5"] {
        for detector in ["mahalanobis", "knn:k=5", "one_class_svm:nu=0.1"] {
            let scorer = conditioned(spec, detector, &reference);
            let [usual, strange] =
                [&usual, &strange].map(|(x, covariate)| scorer.score(x, covariate).expect("a covariate each"));
            let auroc = separation(&usual, &strange).expect("both sides").auroc;
            assert!(auroc > 0.95, "{detector} by {spec}: {auroc}, {blind} without the covariate");
        }
    }
}

#[test]
fn bins_of_a_covariate_are_groups_of_relative_mahalanobis() {
    let reference = curve(1, 600, 0.0);
    let x = curve(2, 50, 0.0).0;
    let groups: Vec<Option<u32>> = {
        let mut sorted = reference.1.clone();
        sorted.sort_by(f64::total_cmp);
        let edges: Vec<f64> = (1..8).map(|bin| sorted[bin * 75]).collect();
        reference.1.iter().map(|value| Some(edges.iter().filter(|edge| *edge <= value).count() as u32)).collect()
    };
    let direct = detector("relative_mahalanobis").fit_groups(&reference.0, &groups).expect("a group each");
    let told = conditioned("groups", "relative_mahalanobis", &reference);
    assert_eq!(told.score(&x, &[]).expect("no covariate is needed"), direct.score(&x).expect("the same columns"));
    let error = detector("mahalanobis").fit_groups(&reference.0, &groups[1..]).err().expect("a group is missing");
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
}

#[test]
fn a_covariate_is_estimated_from_features() {
    let (reference, covariate) = curve(1, 600, 0.0);
    let estimator = CovariateEstimator::fit(&reference, &covariate).expect("a covariate each");
    let (x, expected) = curve(2, 100, 0.0);
    for (found, expected) in estimator.estimate(&x).expect("the same columns").into_iter().zip(expected) {
        assert!((found - expected).abs() < 0.6, "{found} for {expected}");
    }
    assert!(estimator.estimate(&x.select(&[])).expect("no sample").is_empty());
}

#[test]
fn every_conditioning_keeps_the_contract() {
    let (reference, covariate) = curve(1, 90, 0.0);
    let (x, of_x) = curve(2, 12, 0.0);
    let (shuffled, order) = permuted(&reference);
    let turned: Vec<f64> = order.iter().map(|&sample| covariate[sample]).collect();
    for entry in CONDITIONINGS {
        for spec in ["mahalanobis", "knn", "relative_mahalanobis"] {
            let name = format!("{spec} by {}", entry.name);
            let scorer = conditioned(entry.name, spec, &(reference.clone(), covariate.clone()));
            let scores = scorer.score(&x, &of_x).expect(&name);
            assert!(scores.iter().all(|score| score.is_finite()), "{name}: {scores:?}");
            let other = conditioned(entry.name, spec, &(shuffled.clone(), turned.clone()));
            assert_eq!(
                scores,
                other.score(&x, &of_x).expect(&name),
                "{name}: the order of the reference decides nothing"
            );
            for sample in 0..x.samples() {
                let alone = scorer.score(&x.select(&[sample]), &of_x[sample..=sample]).expect(&name);
                assert_eq!(alone, [scores[sample]], "{name}: sample {sample} alone");
            }
        }
        let fit = |covariate: &[f64]| {
            let conditioning = conditioning(entry.name).expect("registered");
            conditioning.fit(&*detector("mahalanobis"), &reference, covariate).err().expect("refused").kind()
        };
        assert_eq!(fit(&covariate[1..]), ErrorKind::ShapeMismatch, "{}: one covariate is missing", entry.name);
        let mut broken = covariate.clone();
        broken[3] = f64::NAN;
        assert_eq!(fit(&broken), ErrorKind::NonFinite, "{}: one covariate is NaN", entry.name);
        conditioned(entry.name, "mahalanobis", &(reference.clone(), vec![1.0; 90]));
    }
}

#[test]
fn one_in_a_hundred_fresh_samples_raises_an_alarm() {
    const RATE: f64 = 0.01;
    const FRESH: usize = 1500;
    let bounds = binomial_99(FRESH, RATE);
    let all = plain_features(77, 400 + 9_999 + FRESH, 5);
    let part = |range: std::ops::Range<usize>| all.select(&range.collect::<Vec<_>>());
    let (reference, held_out, fresh) = (part(0..400), part(400..10_399), part(10_399..all.samples()));
    let (mut kept, mut calibrations, mut p_values) = (Vec::new(), Vec::new(), Vec::new());
    let within = |what: &str, p_values: &[f64]| {
        let alarms = p_values.iter().filter(|p| **p <= RATE).count();
        assert!(bounds.contains(&alarms), "{what}: {alarms} alarms of {FRESH}, expected {bounds:?}");
    };
    for entry in DETECTORS {
        let scorer = fit(entry.name, &reference);
        let scores = scorer.score(&held_out).expect("the same columns");
        let calibration = Calibration::new(scores.clone()).expect("finite scores");
        let fresh: Vec<f64> = scorer
            .score(&fresh)
            .expect("the same columns")
            .into_iter()
            .map(|score| calibration.p_value(score))
            .collect();
        within(entry.name, &fresh);
        kept.push(scores);
        calibrations.push(calibration);
        p_values.push(fresh);
    }
    let kept: Vec<&[f64]> = kept.iter().map(Vec::as_slice).collect();
    for fusion in Fusion::ALL {
        let joint = Calibration::new(fusion.joint_scores(&calibrations, &kept)).expect("finite scores");
        let of = |sample: usize| fusion.score(&p_values.iter().map(|p| p[sample]).collect::<Vec<_>>());
        let fused: Vec<f64> = (0..FRESH).map(|sample| joint.p_value(of(sample))).collect();
        within(&format!("{fusion:?} of all detectors"), &fused);
    }
}

/// The counts between which a binomial number lies with a probability of at least 99 %, half a percent beyond either end.
fn binomial_99(trials: usize, share: f64) -> std::ops::RangeInclusive<usize> {
    let mut probability = (1.0 - share).powi(trials as i32);
    let (mut below, mut low) = (0.0, None);
    for count in 0..=trials {
        below += probability;
        if below > 0.005 {
            low = low.or(Some(count));
        }
        if below >= 0.995 {
            return low.unwrap_or(0)..=count;
        }
        probability *= (trials - count) as f64 / (count + 1) as f64 * share / (1.0 - share);
    }
    0..=trials
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
