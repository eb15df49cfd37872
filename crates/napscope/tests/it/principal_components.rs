//! Principal components: against scikit-learn, and what holds for any matrix.

use crate::oracle::{self, assert_close, list, numbers, permuted, plain_features, singles};
use napscope::ErrorKind;
use napscope::manifold::pca;

#[test]
fn components_agree_with_scikit_learn() {
    for case in list(&oracle::read("projection"), "cases") {
        let count = |key: &str| case[key].as_u64().expect("a number") as usize;
        let (columns, components) = (count("columns"), count("components"));
        let got = pca(&singles(case, "x"), columns, components).expect("a projection");
        let what = format!("{components} components of {columns} columns");
        let widen = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
        assert_close(&what, widen(&got.coordinates), &numbers(case, "coordinates"));
        assert_close(&what, got.explained_variance_ratio.clone(), &numbers(case, "explained_variance_ratio"));
        let new = got.project(&singles(case, "new")).expect("the same columns");
        assert_close(&what, widen(&new), &numbers(case, "new_coordinates"));
        assert_eq!(got.components(), components);
    }
}

#[test]
fn permuting_the_samples_permutes_the_coordinates_to_the_bit() {
    // The last is large on both sides: it takes the iterative path.
    for (samples, columns) in [(60, 9), (12, 40), (1030, 1040)] {
        let features = plain_features(3, samples, columns);
        let (shuffled, order) = permuted(&features);
        let straight = pca(features.values(), columns, 2).expect("a projection");
        let other = pca(shuffled.values(), columns, 2).expect("a projection");
        for (index, &sample) in order.iter().enumerate() {
            let (got, expected) = (&other.coordinates[2 * index..][..2], &straight.coordinates[2 * sample..][..2]);
            assert_eq!(got, expected, "{samples} x {columns}, sample {sample}");
        }
        assert_eq!(other.explained_variance_ratio, straight.explained_variance_ratio);
    }
}

#[test]
fn threads_decide_nothing() {
    for (samples, columns) in [(700, 50), (1030, 1040)] {
        let features = plain_features(6, samples, columns);
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| pca(features.values(), columns, 3).expect("a projection").coordinates)
        };
        assert_eq!(with_threads(1), with_threads(3), "{samples} x {columns}");
    }
}

#[test]
fn missing_directions_are_zeros() {
    for (what, values, columns, varying) in [
        ("nothing varies", vec![0.1; 12], 3, 0),
        ("one sample", vec![1.0, 2.0, 3.0], 3, 0),
        ("a line", (0..12).map(|i| (i / 3) as f32).collect::<Vec<f32>>(), 3, 1),
        ("one column", vec![1.0, 5.0, 2.0], 1, 1),
    ] {
        let got = pca(&values, columns, 3).expect(what);
        for row in got.coordinates.chunks(3) {
            assert!(row[varying..].iter().all(|value| *value == 0.0), "{what}: {row:?}");
        }
        assert_eq!(got.explained_variance_ratio.iter().filter(|share| **share > 0.0).count(), varying, "{what}");
    }
}

#[test]
fn mistakes_are_named() {
    for (values, columns, components, kind) in [
        (vec![1.0; 6], 3, 0, ErrorKind::InvalidParameter),
        (vec![1.0; 7], 3, 2, ErrorKind::ShapeMismatch),
        (vec![1.0; 7], 0, 2, ErrorKind::ShapeMismatch),
        (vec![], 3, 2, ErrorKind::TooFewSamples),
    ] {
        let error = pca(&values, columns, components).err().expect("a mistake");
        assert_eq!(error.kind(), kind, "{error}");
    }
    let fitted = pca(&[0.0, 1.0, 2.0, 5.0], 2, 1).expect("a projection");
    assert_eq!(fitted.project(&[1.0; 3]).expect_err("ragged").kind(), ErrorKind::ShapeMismatch);
}
