//! The description of patterns: a case by hand, the fast sums against the plain formula, and the order of the samples.

use crate::oracle::{permuted, plain_features};
use napscope::ErrorKind;
use napscope::cluster::{ClusterId, Clustering};
use napscope::describe::{Detail, LabelCount, PatternDescription, describe};
use napscope::distance::{Points, parse};
use napscope::evaluate::effect_size;
use napscope::features::{Column, Features, Statistic};

fn clustering(labels: &[Option<u32>], membership: Vec<f64>) -> Clustering {
    let patterns = labels.iter().flatten().max().map_or(0, |last| last + 1) as usize;
    Clustering {
        labels: labels.iter().map(|label| label.map(ClusterId)).collect(),
        membership,
        outlier_score: vec![0.0; labels.len()],
        persistence: (0..patterns).map(|pattern| 0.5 / (pattern + 1) as f64).collect(),
        exemplars: vec![Vec::new(); patterns],
        nodes: vec![0; patterns],
    }
}

fn points(features: &Features) -> Points {
    let points = parse("euclidean").and_then(|metric| metric.fit(features)?.embed(features));
    points.expect("plain features")
}

#[test]
fn a_pattern_is_described() {
    let values = vec![1.0, 7.0, 2.0, 7.0, 3.0, 7.0, 10.0, 5.0, 12.0, 9.0, 50.0, 7.0];
    let features = Features::plain(values, 2).expect("finite values");
    let labels = ["cat", "cat", "dog", "dog", "cat", "cat"].map(String::from);
    let found = clustering(&[Some(0), Some(0), Some(0), Some(1), Some(1), None], vec![1.0, 1.0, 0.5, 0.25, 1.0, 0.0]);
    let detail = Detail { samples: 2, channels: 5 };
    let got = describe(&features, &points(&features), &found, Some(&labels), detail).expect("parts that fit");
    let [first, second] = &got[..] else { panic!("two patterns, got {}", got.len()) };
    assert_eq!((first.id, first.size, first.persistence), (ClusterId(0), 3, 0.5));
    // Samples 0 and 1 belong as strongly; 1 is the center.
    assert_eq!((&first.most_typical[..], &first.least_typical[..]), (&[1, 0][..], &[2, 0][..]));
    let count = |label: &str, count| LabelCount { label: label.into(), count };
    assert_eq!(first.labels, [count("cat", 2), count("dog", 1)]);
    assert_eq!(first.purity, Some(2.0 / 3.0));
    assert_eq!(second.labels, [count("cat", 1), count("dog", 1)], "as frequent: in alphabetical order");
    // Channel 1 has the same mean inside and outside of pattern 0: no effect.
    let [contrast] = &first.channels[..] else { panic!("one channel, got {:?}", first.channels) };
    assert_eq!((contrast.channel, contrast.statistic), (0, Statistic::Mean));
    assert_eq!((contrast.mean_inside, contrast.mean_outside), (2.0, 24.0));
    assert!((contrast.cohens_d + 22.0 / 254.5f64.sqrt()).abs() < 1e-12, "{contrast:?}");
}

/// Features of many plain channels (several chunks of readouts) and random labels.
fn random(samples: usize, columns: usize) -> (Features, Clustering) {
    let features = plain_features(8, samples, columns);
    let label = |sample: usize| match (features.row(sample)[0] * 40.0) as i32 {
        0..4 => Some(0),
        -6..0 => Some(1),
        4..20 => Some(2),
        _ => None,
    };
    let labels: Vec<Option<u32>> = (0..samples).map(label).collect();
    let membership = (0..samples).map(|sample| if features.row(sample)[1] > 0.0 { 1.0 } else { 0.5 }).collect();
    let found = clustering(&labels, membership);
    (features, found)
}

#[test]
fn the_sums_of_one_pass_give_the_effect_sizes() {
    let (features, found) = random(200, 150);
    let detail = Detail { samples: 3, channels: 150 };
    let got = describe(&features, &points(&features), &found, None, detail).expect("parts that fit");
    assert_eq!(got.len(), 3);
    for pattern in &got {
        assert_eq!(pattern.channels.len(), 150, "{:?}", pattern.id);
        assert!(pattern.purity.is_none() && pattern.labels.is_empty());
        assert!(pattern.channels.is_sorted_by(|a, b| a.cohens_d.abs() >= b.cohens_d.abs()));
        for contrast in &pattern.channels {
            let side = |inside: bool| -> Vec<f32> {
                let member = |sample: &usize| (found.labels[*sample] == Some(pattern.id)) == inside;
                (0..200).filter(member).map(|sample| features.row(sample)[contrast.channel as usize]).collect()
            };
            let expected = effect_size(&side(true), &side(false)).expect("two sides").cohens_d;
            assert!((contrast.cohens_d - expected).abs() < 1e-9, "{contrast:?} instead of {expected}");
        }
    }
    let few = describe(&features, &points(&features), &found, None, Detail { samples: 3, channels: 7 });
    for (few, all) in few.expect("parts that fit").iter().zip(&got) {
        assert_eq!(few.channels, all.channels[..7], "the strongest of all");
    }
}

#[test]
fn a_distribution_is_compared_by_its_mean() {
    let bin = |low: f64| Column { channel: 4, statistic: Statistic::Bin { low, high: low + 2.0 } };
    let quantile = |p: f64| Column { channel: 5, statistic: Statistic::Quantile { p, weight: 0.5 } };
    let columns = vec![bin(0.0), bin(2.0), quantile(0.25), quantile(0.75)];
    let values = vec![1.0, 0.0, 2.0, 4.0, 0.5, 0.5, 2.0, 6.0, 0.0, 1.0, 5.0, 7.0, 0.25, 0.75, 5.0, 5.0];
    let features = Features::new(values, columns).expect("finite values");
    let found = clustering(&[Some(0), Some(0), None, None], vec![1.0; 4]);
    let got = describe(&features, &points(&features), &found, None, Detail::default()).expect("parts that fit");
    let read: Vec<_> =
        got[0].channels.iter().map(|c| (c.channel, c.statistic, c.mean_inside, c.mean_outside)).collect();
    assert_eq!(read, [(5, Statistic::Mean, 3.5, 5.5), (4, Statistic::Mean, 1.5, 2.75)]);
}

#[test]
fn the_order_of_the_samples_decides_nothing() {
    let (features, found) = random(120, 9);
    let (shuffled, order) = permuted(&features);
    let moved = Clustering {
        labels: order.iter().map(|&sample| found.labels[sample]).collect(),
        membership: order.iter().map(|&sample| found.membership[sample]).collect(),
        ..found.clone()
    };
    let straight = describe(&features, &points(&features), &found, None, Detail::default()).expect("parts that fit");
    let mut other = describe(&shuffled, &points(&shuffled), &moved, None, Detail::default()).expect("parts that fit");
    let map_back = |pattern: &mut PatternDescription| {
        let samples = pattern.most_typical.iter_mut().chain(&mut pattern.least_typical);
        samples.for_each(|sample| *sample = order[*sample]);
    };
    other.iter_mut().for_each(map_back);
    assert_eq!(straight, other);
}

#[test]
fn one_pattern_of_all_samples_has_no_contrast() {
    let features = plain_features(1, 10, 3);
    let found = clustering(&[Some(0); 10], vec![1.0; 10]);
    let got = describe(&features, &points(&features), &found, None, Detail::default()).expect("parts that fit");
    assert_eq!((got.len(), got[0].size, got[0].channels.len()), (1, 10, 0));
    let none = clustering(&[None; 10], vec![0.0; 10]);
    assert_eq!(describe(&features, &points(&features), &none, None, Detail::default()).expect("no pattern"), []);
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let features = plain_features(1, 10, 3);
    let found = clustering(&[Some(0); 10], vec![1.0; 10]);
    let fewer = plain_features(1, 9, 3);
    let labels = vec![String::new(); 4];
    let stray = Clustering { persistence: Vec::new(), ..found.clone() };
    for (features, points, found, labels, kind) in [
        (&fewer, points(&features), &found, None, ErrorKind::ShapeMismatch),
        (&features, points(&fewer), &found, None, ErrorKind::ShapeMismatch),
        (&features, points(&features), &found, Some(&labels[..]), ErrorKind::ShapeMismatch),
        (&features, points(&features), &stray, None, ErrorKind::InvalidParameter),
    ] {
        let error = describe(features, &points, found, labels, Detail::default()).expect_err("a mistake");
        assert_eq!(error.kind(), kind, "{error}");
    }
}
