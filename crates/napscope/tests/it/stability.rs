//! Selecting anew from one tree, and the stability of patterns under subsampling.

use napscope::ErrorKind;
use napscope::cluster::{ClusterId, Hdbscan, Selection};
use napscope::distance::{Geometry, Points, Rescale};
use napscope::evaluate::{Noise, adjusted_rand, stability, subsamples};
use napscope::progress::unwatched;
use proptest::prelude::*;
use std::ops::ControlFlow;

/// Pseudo-random numbers in [0, 1): SplitMix64.
fn uniform(seed: u64, at: usize) -> f32 {
    let mut z = (seed << 32).wrapping_add(at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
}

/// `samples` points in `groups` groups whose centres lie `apart` from each other along the first axis.
fn groups(samples: usize, groups: usize, apart: f32, seed: u64) -> Points {
    let values = (0..samples).flat_map(|sample| {
        let centre = (sample % groups) as f32 * apart;
        [centre + uniform(seed, 2 * sample), uniform(seed, 2 * sample + 1)]
    });
    Points::new(values.collect(), 2, Geometry::L2, Rescale::Identity)
}

fn keys(samples: usize) -> Vec<u64> {
    (0..samples as u64).map(|sample| sample.wrapping_mul(0xD134_2543_DE82_EF95) ^ 77).collect()
}

fn choices() -> Vec<Hdbscan> {
    let mut choices = Vec::new();
    for selection in [Selection::Leaf, Selection::Eom, Selection::Plscan, Selection::Dbcv] {
        for min_cluster_size in [4, 9, 25] {
            for (cluster_selection_epsilon, allow_single_cluster) in [(0.0, false), (0.2, true)] {
                choices.push(Hdbscan {
                    min_cluster_size,
                    selection,
                    cluster_selection_epsilon,
                    allow_single_cluster,
                    ..Hdbscan::default()
                });
            }
        }
    }
    choices
}

#[test]
fn selecting_from_the_tree_is_fitting_again() {
    let points = groups(160, 3, 1.4, 1);
    let fit = Hdbscan::default().fit(&points).expect("160 points");
    for choice in choices() {
        let again = choice.fit(&points).expect("160 points").clustering;
        assert_eq!(fit.select(&choice).expect("160 points").clustering, again, "{choice:?}");
    }
    let many = Hdbscan { min_cluster_size: 161, ..Hdbscan::default() };
    let error = fit.select(&many).expect_err("more than there are");
    assert_eq!(error.kind(), ErrorKind::TooFewSamples, "{error}");
    let none = Hdbscan { min_cluster_size: 1, ..Hdbscan::default() };
    assert_eq!(fit.select(&none).expect_err("a pattern of one").kind(), ErrorKind::InvalidParameter);
}

#[test]
fn stability_is_the_agreement_with_every_subsample_clustered_by_itself() {
    let points = groups(150, 4, 1.2, 2);
    let drawn = subsamples(&keys(150), 0.8, 6, 5).expect("a share");
    let choices = choices();
    let wholes: Vec<_> = choices.iter().map(|choice| choice.fit(&points).expect("150 points").clustering).collect();
    let found: Vec<_> = choices.iter().cloned().zip(&wholes).collect();
    let got = stability(&points, &found, &drawn, &unwatched).expect("120 points each");
    for ((choice, whole), got) in found.iter().zip(got) {
        let index = |samples: &Vec<usize>| {
            let rows = samples.iter().flat_map(|&sample| points.row(sample)).copied().collect();
            let part = Points::new(rows, 2, Geometry::L2, Rescale::Identity);
            let again = choice.fit(&part).expect("120 points").clustering.labels;
            let before: Vec<_> = samples.iter().map(|&sample| whole.labels[sample]).collect();
            adjusted_rand(&again, &before, Noise::OwnClass).expect("labels")
        };
        let indices: Vec<f64> = drawn.iter().map(index).collect();
        if whole.persistence.is_empty() {
            assert_eq!(got, None, "no pattern, nothing to be stable: {choice:?}");
            continue;
        }
        let got = got.expect("there are patterns");
        assert_eq!(got.resamples, 6);
        assert_eq!(got.mean, indices.iter().sum::<f64>() / 6.0, "{choice:?}");
        assert_eq!(got.lowest, indices.iter().copied().fold(f64::INFINITY, f64::min), "{choice:?}");
        assert_eq!(got.highest, indices.iter().copied().fold(f64::NEG_INFINITY, f64::max), "{choice:?}");
    }
}

#[test]
fn groups_far_apart_are_stable_and_a_square_of_noise_is_not() {
    let eom = Hdbscan { selection: Selection::Eom, min_cluster_size: 15, ..Hdbscan::default() };
    let mean = |points: &Points, choice: &Hdbscan| {
        let whole = choice.fit(points).expect("300 points").clustering;
        let drawn = subsamples(&keys(300), 0.8, 8, 1).expect("a share");
        let found = [(choice.clone(), &whole)];
        stability(points, &found, &drawn, &unwatched).expect("240 points")[0].expect("patterns").mean
    };
    let apart = mean(&groups(300, 3, 10.0, 3), &eom);
    assert!(apart > 0.97, "three groups ten widths apart: {apart}");
    let noise = mean(&groups(300, 1, 0.0, 3), &Hdbscan::default());
    assert!(noise < 0.6, "the finest patterns of a uniform square: {noise}");
}

#[test]
fn a_watch_stops_the_work_and_a_share_is_checked() {
    let points = groups(150, 4, 1.2, 2);
    let whole = Hdbscan::default().fit(&points).expect("150 points").clustering;
    let tiny = [vec![0, 1, 2]];
    let error = stability(&points, &[(Hdbscan::default(), &whole)], &tiny, &unwatched).expect_err("three points");
    assert_eq!(error.kind(), ErrorKind::TooFewSamples);
    for share in [0.0, 1.0, -0.5, f64::NAN] {
        assert_eq!(subsamples(&keys(9), share, 1, 0).expect_err("no share").kind(), ErrorKind::InvalidParameter);
    }
    let large = groups(9000, 4, 1.2, 2);
    let whole = Hdbscan::default().fit(&large).expect("9000 points").clustering;
    let drawn = subsamples(&keys(9000), 0.8, 2, 0).expect("a share");
    let stop = |_: f64| ControlFlow::Break(());
    let error = stability(&large, &[(Hdbscan::default(), &whole)], &drawn, &stop).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

#[test]
fn homogeneity_and_completeness_meet_in_the_v_measure() {
    let pattern = |ids: &[u32]| ids.iter().map(|&id| Some(ClusterId(id))).collect::<Vec<_>>();
    let agreement = |a: &[u32], b: &[u32]| {
        napscope::evaluate::agreement(&pattern(a), &pattern(b), Noise::OwnClass).expect("labels")
    };
    // Two pure patterns of each class: homogeneity 1, completeness ln 2 / ln 4.
    let split = agreement(&[0, 1, 2, 3], &[0, 0, 1, 1]);
    assert!((split.v_measure() - 2.0 / 3.0).abs() < 1e-12, "{split:?}");
    assert_eq!(agreement(&[0, 0, 1, 1], &[0, 1, 0, 1]).v_measure(), 0.0, "nothing in common");
}

proptest! {
    #[test]
    fn which_samples_are_drawn_hangs_on_their_content_alone(
        samples in 2usize..80, share in 0.05f64..0.95, seed: u64, turn in 0usize..80,
    ) {
        let straight = keys(samples);
        let turned: Vec<u64> = (0..samples).map(|at| straight[(at + turn) % samples]).collect();
        let drawn = subsamples(&straight, share, 3, seed).expect("a share");
        let size = (share * samples as f64).ceil() as usize;
        for (mine, other) in drawn.iter().zip(subsamples(&turned, share, 3, seed).expect("a share")) {
            prop_assert_eq!(mine.len(), size);
            prop_assert!(mine.windows(2).all(|pair| pair[0] < pair[1]), "each once, rising: {:?}", mine);
            let mut mine: Vec<u64> = mine.iter().map(|&sample| straight[sample]).collect();
            let mut other: Vec<u64> = other.iter().map(|&sample| turned[sample]).collect();
            mine.sort_unstable();
            other.sort_unstable();
            prop_assert_eq!(mine, other);
        }
        if samples > 40 && share > 0.2 && share < 0.8 {
            prop_assert_ne!(&drawn[0], &drawn[1], "every subsample is drawn anew");
            let reseeded = subsamples(&straight, share, 1, seed ^ 1).expect("a share");
            prop_assert_ne!(&drawn[0], &reseeded[0], "the seed counts");
        }
    }
}
