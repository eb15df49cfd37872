//! Expected values made by `oracles/make_*.py`, and random features to try contracts on.

use napscope::features::Features;
use serde_json::Value;

/// Relative to the largest expected value, at least 1: our results are f32, the oracles' f64.
const TOLERANCE: f64 = 1e-5;

/// The document `oracles/{name}.json`.
pub(crate) fn read(name: &str) -> Value {
    let path = format!("{}/../../oracles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The list under `key`.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("`{key}` is no list"))
}

/// The numbers under `key`.
pub(crate) fn numbers(value: &Value, key: &str) -> Vec<f64> {
    list(value, key).iter().map(|number| number.as_f64().unwrap_or_else(|| panic!("`{key}` holds {number}"))).collect()
}

/// The numbers under `key`, as f32.
pub(crate) fn singles(value: &Value, key: &str) -> Vec<f32> {
    numbers(value, key).into_iter().map(|number| number as f32).collect()
}

/// Checks `got` against the oracle's `expected`.
pub(crate) fn assert_close(what: &str, got: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let got: Vec<f64> = got.into_iter().collect();
    assert_eq!(got.len(), expected.len(), "{what}: how many values");
    let scale = expected.iter().fold(1.0f64, |scale, value| scale.max(value.abs()));
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= TOLERANCE * scale, "{what}, value {index}: {got} instead of {expected}");
    }
}

/// A sequence of numbers in [0, 1), the same for the same `seed` (SplitMix64).
pub(crate) fn uniform(mut seed: u64) -> impl FnMut() -> f64 {
    move || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / (1u64 << 24) as f64
    }
}

/// Plain random features; column c is scaled by c + 1, and every third column is ReLU-like, mostly 0.
pub(crate) fn plain_features(seed: u64, samples: usize, columns: usize) -> Features {
    let mut uniform = uniform(seed);
    let value = |index: usize| {
        let column = index % columns;
        let value = (uniform() - 0.6) * (column + 1) as f64;
        if column % 3 == 2 { value.max(0.0) as f32 } else { value as f32 }
    };
    Features::plain((0..samples * columns).map(value).collect(), columns).expect("finite values")
}

/// The rows of `features` in another order, and that order.
pub(crate) fn permuted(features: &Features) -> (Features, Vec<usize>) {
    let samples = features.samples();
    let mut uniform = uniform(samples as u64);
    let mut order: Vec<usize> = (0..samples).collect();
    for last in (1..samples).rev() {
        order.swap(last, (uniform() * (last + 1) as f64) as usize);
    }
    (features.select(&order), order)
}
