//! e^x as a plain polynomial, so that a loop over it becomes vector instructions and gives the same bytes on every machine
//! (the standard library's `exp` is that of the C library at hand).

/// e^x for |x| <= 700 to a relative error below 1e-11 (an f32 has 6e-8); x beyond is taken as ±700, that is as 1e±304.
///
/// e^x = 2^n · e^r with n = round(x / ln 2) and |r| <= ln 2 / 2, where ten terms of the series suffice: r^10 / 10! < 7e-12.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
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
    fn far_out_it_stays_finite() {
        for (x, expected) in
            [(-1e300, (-700.0_f64).exp()), (f64::NEG_INFINITY, (-700.0_f64).exp()), (1e300, 700.0_f64.exp())]
        {
            assert!((exp(x) / expected - 1.0).abs() < 1e-11, "e^{x} is taken as {expected:e}, got {:e}", exp(x));
        }
    }
}
