//! What several tests share: reading an oracle.

use serde::de::DeserializeOwned;

/// Reads the oracle `name` from the `oracles/` folder of the workspace.
pub(crate) fn oracle<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/../../oracles/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Bessel function J₀ by its integral, which the trapezoidal rule gives to all digits.
pub(crate) fn bessel_j0(x: f64) -> f64 {
    let n = 64 + x.abs() as usize;
    (0..n).map(|k| (x * (std::f64::consts::PI * (k as f64 + 0.5) / n as f64).cos()).cos()).sum::<f64>() / n as f64
}

/// The tail of the Gaussian distribution, P(n > x), by the integral of Craig (1991), which the trapezoidal rule gives to all
/// digits that matter here.
pub(crate) fn q_function(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - q_function(-x);
    }
    let n = 400;
    let integrand = |k: usize| {
        let sine = (std::f64::consts::FRAC_PI_2 * (k as f64 + 0.5) / n as f64).sin();
        (-x * x / (2.0 * sine * sine)).exp()
    };
    (0..n).map(integrand).sum::<f64>() / (2 * n) as f64
}
