//! Where the ticks of an axis stand.

/// Round numbers from `low` to `high`, about `count` of them.
pub(super) fn round_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * power).find(|&step| step >= rough * 0.999).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|at| at as f64 * step).collect()
}

/// The decades that hold all of `values`: powers of ten below and above, at most `most` of them, the upper ones.
pub(super) fn decades(values: impl IntoIterator<Item = f64>, most: i32) -> (i32, i32) {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for value in values.into_iter().filter(|value| *value > 0.0 && value.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if high == 0.0 {
        return (-3, 0);
    }
    let top = high.log10().ceil() as i32;
    let bottom = (low.log10().floor() as i32).min(top - 1);
    (bottom.max(top - most), top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (low, high, count, expected) in [
            (0.0, 20.0, 5, vec![0.0, 5.0, 10.0, 15.0, 20.0]),
            (-4.0, 32.0, 8, vec![0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]),
            (0.0, 1.0, 5, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (3.0, 3.0, 5, vec![3.0]),
        ] {
            let ticks = round_ticks(low, high, count);
            let near = ticks.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(near && ticks.len() == expected.len(), "{low}..{high}: expected {expected:?}, got {ticks:?}");
        }
    }

    #[test]
    fn decades_hold_everything() {
        for (values, expected) in [
            (vec![0.3, 2e-4, 0.0], (-4, 0)),
            (vec![0.5, 0.2], (-1, 0)),
            (vec![1.0, 1.0], (-1, 0)),
            (vec![1e-3, 1e-3], (-4, -3)),
            (vec![0.5, 1e-20], (-8, 0)),
            (vec![0.0, f64::NAN], (-3, 0)),
        ] {
            assert_eq!(decades(values.iter().copied(), 8), expected, "{values:?}");
        }
    }
}
