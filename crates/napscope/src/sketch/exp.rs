//! e^x as a plain polynomial, so that a loop over it becomes vector instructions and gives the same bytes on every machine
//! (the standard library's `exp` is that of the C library at hand).

/// e^x for |x| <= 700 to a relative error below 1e-11 (an f32 has 6e-8); x beyond is taken as ±700, that is as 1e±304.
///
/// e^x = 2^n · e^r with n = round(x / ln 2) and |r| <= ln 2 / 2, where ten terms of the series suffice: r^10 / 10! < 7e-12.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    /// 1.5 · 2^52: a sum with it has no room for a fraction, and ends in the bits of the whole number n.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const EXPONENT_BIAS: u64 = 1023 << 52;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * std::f64::consts::LN_2;
    let two_to_n = f64::from_bits((shifted.to_bits() << 52).wrapping_add(EXPONENT_BIAS));
    let mut series = INVERSE_FACTORIALS[9];
    for k in (0..9).rev() {
        series = series * r + INVERSE_FACTORIALS[k];
    }
    two_to_n * series
}

/// e^x for |x| <= 87 to a relative error below 3e-7; x beyond is taken as ±87, that is as 1e±38. As [`exp`], with the
/// series cut after r^6 / 6!.
#[inline(always)]
pub(super) fn exp_single(x: f32) -> f32 {
    /// 1.5 · 2^23, as in [`exp`].
    const ROUND: f32 = 12_582_912.0;
    const EXPONENT_BIAS: u32 = 127 << 23;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts: n times the first is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(EXPONENT_BIAS));
    let mut series = INVERSE_FACTORIALS[6] as f32;
    for k in (0..6).rev() {
        series = series * r + INVERSE_FACTORIALS[k] as f32;
    }
    two_to_n * series
}

/// 1 / k!
const INVERSE_FACTORIALS: [f64; 10] = {
    let mut table = [1.0; 10];
    let mut k = 1;
    while k < 10 {
        table[k] = table[k - 1] / k as f64;
        k += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for i in -70_000..=70_000 {
            let x = f64::from(i) / 100.0;
            let relative = (exp(x) - x.exp()).abs() / x.exp();
            assert!(relative < 1e-11, "e^{x}: relative error {relative:e}");
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn in_single_precision_it_is_the_exponential_too() {
        for i in -87_000..=87_000 {
            let x = i as f32 / 1000.0;
            let relative = (f64::from(exp_single(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(relative < 3e-7, "e^{x}: relative error {relative:e}");
        }
        assert_eq!(exp_single(0.0), 1.0);
        assert_eq!(exp_single(-1e30), exp_single(-87.0), "far out");
    }

    #[test]
    fn far_out_it_stays_finite() {
        for (x, expected) in
            [(-1e300, (-700.0_f64).exp()), (f64::NEG_INFINITY, (-700.0_f64).exp()), (1e300, 700.0_f64.exp())]
        {
            assert!((exp(x) / expected - 1.0).abs() < 1e-11, "e^{x} is taken as {expected:e}, got {:e}", exp(x));
        }
    }
}
