//! Verdicts on sets of known truth (a few here, hundreds in `cargo xtask bench verdict`), and what must not change them.

use crate::known_truth::{FAMILIES, set};
use napscope::ErrorKind;
use napscope::distance::{Geometry, Points, Rescale};
use napscope::manifold::{Covariate, CovariateValues, Judgement, Verdict, alignment, judge};
use napscope::progress::unwatched;
use std::ops::ControlFlow;

/// The first seeds of a family whose sets are small enough for a test.
fn small(name: &str, count: usize) -> Vec<Points> {
    let family = FAMILIES.iter().find(|family| family.name == name).expect("a family");
    let sets = (200..).map(|seed| set(family, seed).0);
    sets.filter(|points| points.samples() <= 1000 && points.dimensions() <= 50).take(count).collect()
}

fn verdict(points: &Points) -> Judgement {
    judge(points, &[], &unwatched).expect("enough samples")
}

#[test]
fn sets_of_known_truth_are_judged_rightly_or_not_at_all() {
    let mut decided = 0;
    for family in FAMILIES {
        for points in small(family.name, 1) {
            let Judgement { verdict, reasons, .. } = verdict(&points);
            let fine = verdict == Verdict::Undecided || family.truth.contains(&verdict);
            let kind = if family.unseen { "new" } else { "settled on" };
            assert!(fine, "{} ({kind}) of {} samples: {verdict}: {reasons:?}", family.name, points.samples());
            decided += usize::from(verdict != Verdict::Undecided);
            assert!(reasons.len() >= 2 && reasons.iter().all(|reason| !reason.is_empty()), "{reasons:?}");
        }
    }
    assert!(decided * 10 >= FAMILIES.len() * 7, "{decided} of {} families were decided", FAMILIES.len());
}

#[test]
fn neither_threads_nor_the_order_of_rows_change_a_verdict() {
    let points = &small("touching groups", 1)[0];
    let turn: Vec<usize> = (0..points.samples()).map(|at| (at * 7 + 3) % points.samples()).collect();
    let with_threads = |threads: usize, points: &Points| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| verdict(points))
    };
    let one = with_threads(1, points);
    assert_eq!(one, with_threads(3, points), "threads");
    let mut order = turn.clone();
    order.sort_unstable();
    order.dedup();
    assert_eq!(order.len(), points.samples(), "7 and the number of samples share no divisor");
    assert_eq!(one, verdict(&points.select(&turn)), "the order of rows");
}

/// A cloud that nothing bends, and a number that it tells: shaped by that number.
#[test]
fn a_covariate_that_is_told_makes_a_continuum() {
    let points = &small("one normal distribution", 1)[0];
    assert_eq!(verdict(points).verdict, Verdict::NoStructure);
    let values = (0..points.samples()).map(|sample| Some(f64::from(points.row(sample)[0]))).collect();
    let covariate = Covariate { name: "snr_db".into(), values: CovariateValues::Numbers(values) };
    let found = alignment(points, &[covariate], &unwatched).expect("enough samples");
    let Judgement { verdict, reasons, .. } = judge(points, &found, &unwatched).expect("enough samples");
    assert_eq!(verdict, Verdict::Continuum, "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("snr_db")), "{reasons:?}");
}

#[test]
fn odd_data_get_a_verdict_and_no_panic() {
    let plane = |values: Vec<f32>, dimensions| Points::new(values, dimensions, Geometry::L2, Rescale::Identity);
    for (what, points) in [
        ("all samples are one", plane(vec![1.0; 400], 4)),
        ("two heaps", plane((0..200).map(|at| (at % 2) as f32).collect(), 1)),
        ("one dimension", plane((0..100).map(|at| ((at * 37) % 101) as f32).collect(), 1)),
        ("mostly zero", plane((0..600).map(|at| if at % 60 == 0 { at as f32 } else { 0.0 }).collect(), 6)),
        ("more columns than samples", plane((0..40 * 90).map(|at| ((at * at) % 97) as f32).collect(), 90)),
    ] {
        let found = judge(&points, &[], &unwatched).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(found.evidence.drawn_from, points.samples(), "{what}");
        let json = serde_json::to_string(&found).expect("JSON");
        let read: Judgement = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(read.verdict, found.verdict, "{what}: a NaN would be lost in JSON");
    }
    let error = judge(&plane(vec![0.0; 29], 1), &[], &unwatched).expect_err("29 samples");
    assert_eq!(error.kind(), ErrorKind::TooFewSamples);
    let stop = |_: f64| ControlFlow::Break(());
    let large = plane((0..60_000).map(|at| ((at * 7919) % 60_013) as f32).collect(), 30);
    let error = judge(&large, &[], &stop).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}
