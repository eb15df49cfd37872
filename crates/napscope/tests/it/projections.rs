//! Projections: against NumPy, closed forms and umap-learn, and what holds for every one of the list.

use crate::oracle::{self, list, numbers, permuted, plain_features, singles, uniform};
use napscope::ErrorKind;
use napscope::distance::Points;
use napscope::features::Features;
use napscope::manifold::{Axes, Judged, PROJECTIONS, parse, project};
use napscope::neighbors::NeighborSearch;
use napscope::progress::unwatched;
use std::ops::ControlFlow;

fn points(values: Vec<f32>, columns: usize) -> Points {
    points_of(&Features::plain(values, columns).expect("finite values"))
}

fn points_of(features: &Features) -> Points {
    let metric = napscope::distance::parse("euclidean").expect("a metric");
    metric.fit(features).and_then(|metric| metric.embed(features)).expect("points")
}

fn draw(points: &Points, spec: &str) -> Judged {
    let projection = parse(spec).expect(spec);
    project(points, NeighborSearch::Exact, &[projection], &unwatched).expect(spec).swap_remove(0)
}

fn every() -> impl Iterator<Item = &'static str> {
    PROJECTIONS.iter().map(|entry| entry.name)
}

#[test]
fn diffusion_maps_agree_with_dense_eigenvalues() {
    for case in list(&oracle::read("manifold"), "diffusion") {
        let spec = case["spec"].as_str().expect("a spec");
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let found = draw(&points(singles(case, "x"), columns), spec).plane;
        let expected = numbers(case, "eigenvalues");
        let Axes::Diffusion(got) = found.axes else { panic!("{spec}: {:?}", found.axes) };
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got - expected).abs() < 1e-6 * (1.0 - expected).max(1e-3), "{spec}: {got}, not {expected}");
        }
        // Eigenvectors are found to 1e-6 of the distance between eigenvalues, coordinates are of size 1.
        for (sample, expected) in numbers(case, "coordinates").as_chunks::<2>().0.iter().enumerate() {
            let got = found.coordinates[sample].map(f64::from);
            let off = (got[0] - expected[0]).abs().max((got[1] - expected[1]).abs());
            assert!(off < 2e-4, "{spec}, sample {sample}: {got:?}, not {expected:?}");
        }
    }
}

#[test]
fn a_circle_is_drawn_as_a_circle_and_a_curve_in_its_order() {
    for samples in [60, 700] {
        let turn = |sample: usize| std::f32::consts::TAU * sample as f32 / samples as f32;
        let circle = (0..samples).flat_map(|sample| [turn(sample).cos(), turn(sample).sin()]).collect();
        let found = draw(&points(circle, 2), "diffusion").plane;
        let radius = |place: &[f32; 2]| f64::from(place[0]).hypot(f64::from(place[1]));
        let first = radius(&found.coordinates[0]);
        for (sample, place) in found.coordinates.iter().enumerate() {
            assert!((radius(place) / first - 1.0).abs() < 1e-3, "{samples}, sample {sample} at {place:?}");
            let angle = |sample: usize| {
                let [x, y] = found.coordinates[sample % samples];
                f64::from(y).atan2(f64::from(x))
            };
            let step = (angle(sample + 1) - angle(sample)).rem_euclid(std::f64::consts::TAU);
            let step = step.min(std::f64::consts::TAU - step);
            let expected = std::f64::consts::TAU / samples as f64;
            assert!((step / expected - 1.0).abs() < 0.01, "{samples}, sample {sample}: step {step}, not {expected}");
        }
    }
    // A spiral in three dimensions, its samples uneven along it.
    let along: Vec<f32> = (0..500).map(|sample| 2.0 + 10.0 * (sample as f32 / 500.0).powf(1.5)).collect();
    let spiral = along.iter().flat_map(|t| [t * t.cos(), t * t.sin(), 0.3 * t]).collect();
    let found = draw(&points(spiral, 3), "diffusion:neighbors=8").plane;
    assert_eq!(found.parts, 1);
    let mut order: Vec<usize> = (0..500).collect();
    order.sort_by(|&a, &b| found.coordinates[a][0].total_cmp(&found.coordinates[b][0]));
    let displaced: f64 = order.iter().zip(0..).map(|(&a, b): (_, usize)| (a as f64 - b as f64).powi(2)).sum();
    let spearman = 1.0 - 6.0 * displaced / (500.0 * (500.0f64.powi(2) - 1.0));
    assert!(spearman.abs() > 0.999, "the order along the curve: {spearman}");
}

#[test]
fn parts_stand_side_by_side() {
    let mut uniform = uniform(4);
    let mut values = Vec::new();
    for (samples, place) in [(120, 0.0), (60, 1e4), (20, -1e5)] {
        values.extend((0..samples * 3).map(|_| (place + uniform()) as f32));
    }
    let found = draw(&points(values, 3), "diffusion").plane;
    assert_eq!(found.parts, 3);
    let ends = |range: std::ops::Range<usize>| {
        let xs = || found.coordinates[range.clone()].iter().map(|place| place[0]);
        (xs().fold(f32::INFINITY, f32::min), xs().fold(f32::NEG_INFINITY, f32::max))
    };
    let ((_, first), (second, _)) = (ends(0..120), ends(120..180));
    assert!(first < second, "the largest part is on the left: {first}, {second}");
}

/// The share by which samples that are near in the picture are not too far down the ranks of the data (Venna & Kaski).
fn trustworthiness(points: &Points, picture: &[[f32; 2]], k: usize) -> f64 {
    let samples = points.samples();
    let nearest = |distance: &dyn Fn(usize) -> f64, sample: usize| {
        let mut others: Vec<usize> = (0..samples).filter(|&other| other != sample).collect();
        others.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        others
    };
    let mut misplaced = 0;
    for sample in 0..samples {
        let drawn = |other: usize| {
            let [a, b] = [picture[sample], picture[other]];
            f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1]))
        };
        let ranked = nearest(&|other| points.distance(sample, other), sample);
        for other in &nearest(&drawn, sample)[..k] {
            let rank = 1 + ranked.iter().position(|ranked| ranked == other).expect("another sample");
            misplaced += rank.saturating_sub(k);
        }
    }
    1.0 - 2.0 * misplaced as f64 / ((samples * k) as f64 * (2 * samples - 3 * k - 1) as f64)
}

#[test]
fn umap_is_as_trustworthy_as_umap_learn() {
    for case in list(&oracle::read("manifold"), "qualities") {
        let columns = case["columns"].as_u64().expect("a number") as usize;
        let points = points(singles(case, "x"), columns);
        let expected = case["trustworthiness"].as_f64().expect("a number");
        for seed in 0..3 {
            let found = draw(&points, &format!("umap:seed={seed}"));
            let got = trustworthiness(&points, &found.plane.coordinates, 15);
            assert!(got > expected - 0.01, "{}, seed {seed}: {got}, umap-learn {expected}", case["name"]);
            let flat = draw(&points, "pca");
            let mean = |judged: &Judged| judged.preservation.iter().sum::<f32>() / judged.preservation.len() as f32;
            assert!(mean(&found) > mean(&flat), "{}: it keeps more neighbors than a flat view", case["name"]);
        }
    }
}

#[test]
fn permuting_the_samples_permutes_every_picture_to_the_bit() {
    for samples in [40, 600] {
        let features = plain_features(9, samples, 6);
        let (shuffled, order) = permuted(&features);
        for spec in every() {
            let (straight, other) = (draw(&points_of(&features), spec), draw(&points_of(&shuffled), spec));
            assert_eq!(straight.plane.axes, other.plane.axes, "{spec}");
            for (index, &sample) in order.iter().enumerate() {
                let expected = straight.plane.coordinates[sample];
                assert_eq!(other.plane.coordinates[index], expected, "{spec}, {samples} samples, sample {sample}");
                assert_eq!(other.preservation[index], straight.preservation[sample], "{spec}, sample {sample}");
            }
        }
    }
}

#[test]
fn threads_decide_nothing() {
    let points = points_of(&plain_features(2, 3000, 5));
    for spec in ["pca", "diffusion", "umap:epochs=30"] {
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| draw(&points, spec))
        };
        assert!(with_threads(1) == with_threads(3), "{spec}");
    }
}

#[test]
fn odd_clouds_are_drawn() {
    let twins: Vec<f32> = (0..90).map(|at| (at / 30) as f32).collect();
    for (what, values, columns) in [
        ("two samples", vec![1.0, 2.0, 3.0, 4.0], 2),
        ("three samples", vec![1.0, 2.0, 4.0], 1),
        ("every sample the same", vec![0.5; 80], 2),
        ("three places, thirty samples each", twins, 1),
        ("one far away", (0..60).map(|at| if at == 7 { 1e30 } else { (at as f32).sin() }).collect(), 2),
        ("one column", (0..50).map(|at| (at as f32).powi(2)).collect(), 1),
        ("tiny", (0..60).map(|at| (at as f32).sin() * 1e-30).collect(), 2),
    ] {
        let points = points(values, columns);
        for spec in every() {
            let found = draw(&points, spec);
            assert_eq!(found.plane.coordinates.len(), points.samples(), "{what}, {spec}");
            let finite = found.plane.coordinates.iter().flatten().all(|value| value.is_finite());
            assert!(finite, "{what}, {spec}: {:?}", found.plane.coordinates);
            assert!(found.preservation.iter().all(|share| (0.0..=1.0).contains(share)), "{what}, {spec}");
        }
    }
}

#[test]
fn a_line_keeps_its_neighbors_and_noise_in_many_dimensions_does_not() {
    let line = points((0..100).map(|at| (at as f32).powf(1.3)).collect(), 1);
    assert!(draw(&line, "pca").preservation.iter().all(|share| *share == 1.0), "a line is flat already");
    let noise = draw(&points_of(&plain_features(1, 400, 12)), "pca").preservation;
    let mean = noise.iter().sum::<f32>() / 400.0;
    assert!((0.05..0.6).contains(&mean), "twelve dimensions in two; by chance it would be 0.04: {mean}");
}

#[test]
fn mistakes_are_named() {
    for (spec, expected) in [
        ("tsne", "no projection is called `tsne`"),
        ("umap:neighbors=1", "umap: `neighbors` must lie in 2 ..= 1000, got 1"),
        ("umap:min_dist=2", "umap: `min_dist` must lie in 0.0 ..= 1.0, got 2.0"),
        ("umap:epochs=0", "umap: `epochs` must lie in 1 ..= 100000, got 0"),
        ("umap:seed=x", "umap: `seed=x` is not understood"),
        ("diffusion:bandwidth=wide", "diffusion: `bandwidth=wide` is not understood"),
        ("diffusion:alpha=NaN", "diffusion: `alpha` must lie in 0.0 ..= 1.0, got NaN"),
        ("pca:x=1", "no option of projection pca is called `x`"),
    ] {
        assert_eq!(parse(spec).err().expect(spec).to_string(), expected);
    }
    let alone = points(vec![1.0, 2.0], 2);
    for spec in every() {
        let error =
            project(&alone, NeighborSearch::Exact, &[parse(spec).expect(spec)], &unwatched).expect_err("one sample");
        assert_eq!(error.kind(), ErrorKind::TooFewSamples, "{spec}");
    }
}

#[test]
fn a_watch_hears_of_the_work_and_stops_it() {
    let points = points_of(&plain_features(3, 4000, 4));
    for spec in every().filter(|spec| *spec != "pca") {
        let heard = std::sync::Mutex::new(Vec::new());
        let watch = |done: f64| {
            let mut heard = heard.lock().expect("no panic in a test");
            heard.push(done);
            if done > 0.4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let error =
            project(&points, NeighborSearch::Exact, &[parse(spec).expect(spec)], &watch).expect_err("it was stopped");
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{spec}");
        let heard = heard.into_inner().expect("no panic in a test");
        assert!(heard.is_sorted() && heard.iter().all(|done| (0.0..=1.0).contains(done)), "{spec}: {heard:?}");
    }
}
