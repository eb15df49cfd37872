//! ln x as a plain polynomial, so that a loop over it becomes vector instructions and gives the same bytes on every machine.

/// ln x for 0 < x <= 2 (of normal size), within some 1e-16 of its value or of 1; for 0 some finite number.
///
/// ln x = e·ln 2 + ln m with m in [√½, √2), and ln m = 2 artanh z with z = (m − 1)/(m + 1), |z| < 0.172: of the series ten
/// terms suffice, z²⁰/21 < 3e-17.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    const ONE: u64 = 1023 << 52;
    const ROOT_OF_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const FRACTION: u64 = (1 << 52) - 1;
    /// 2^52: its last bits are whole numbers.
    const WHOLE: u64 = 1075 << 52;
    let bits = x.to_bits() + (ONE - ROOT_OF_HALF);
    let exponent = f64::from_bits(WHOLE | bits >> 52) - (f64::from_bits(WHOLE) + 1023.0);
    let m = f64::from_bits((bits & FRACTION) + ROOT_OF_HALF);
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    let mut series = 1.0 / 19.0;
    for k in (0..9).rev() {
        series = series * square + ODD_INVERSES[k];
    }
    exponent * std::f64::consts::LN_2 + 2.0 * z * series
}

/// 1 / (2k + 1)
const ODD_INVERSES: [f64; 9] =
    [1.0, 1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0, 1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0];

/// ln x in f32 for 0 < x <= 2 (of normal size), within some 1e-7 of its value or of 1; for 0 some finite number.
#[inline(always)]
pub(super) fn ln_single(x: f32) -> f32 {
    const ONE: u32 = 127 << 23;
    const ROOT_OF_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    const FRACTION: u32 = (1 << 23) - 1;
    /// ln(1 + z) = z·(…) for z in [√½ − 1, √2 − 1), to 4e-8.
    const SERIES: [f32; 8] = [
        0.999_999_8,
        -0.500_006_7,
        0.333_361_84,
        -0.249_593_39,
        0.198_730_12,
        -0.173_334_84,
        0.164_201_82,
        -0.101_023_88,
    ];
    let bits = x.to_bits() + (ONE - ROOT_OF_HALF);
    let exponent = (bits >> 23) as i32 - 127;
    let z = f32::from_bits((bits & FRACTION) + ROOT_OF_HALF) - 1.0;
    let mut series = SERIES[7];
    let mut k = 7;
    while k > 0 {
        k -= 1;
        series = series.mul_add(z, SERIES[k]);
    }
    (exponent as f32).mul_add(std::f32::consts::LN_2, z * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm_in_f32() {
        for i in 1..=200_000 {
            for x in [i as f32 * 1e-5, i as f32 * 1e-36, (i as f32 * 1e-4).exp() * 1e-9] {
                let (got, expected) = (ln_single(x), f64::from(x).ln());
                let error = (f64::from(got) - expected).abs();
                assert!(error <= 2e-7 * expected.abs().max(1.0), "ln {x}: {got}, expected {expected}");
            }
        }
        assert!(ln_single(0.0).is_finite());
    }

    #[test]
    fn it_is_the_logarithm() {
        for i in 1..=200_000 {
            for x in [f64::from(i) * 1e-5, f64::from(i) * 1e-40, (f64::from(i) * 1e-4).exp() * 1e-9] {
                let (got, expected) = (ln(x), x.ln());
                assert!(
                    (got - expected).abs() <= 4e-16 * expected.abs().max(1.0),
                    "ln {x}: {got}, expected {expected}"
                );
            }
        }
        assert_eq!((ln(1.0), ln(2.0)), (0.0, std::f64::consts::LN_2));
        assert!(ln(0.0).is_finite());
    }
}
