//! x^p for the layout's millions of forces: fast, and the same bytes on every machine (the standard library's `powf` is that
//! of the C library at hand).

/// x^p to a relative error below 4e-6 · (1 + |p|), for normal x > 0 and a result that is neither huge nor tiny.
#[inline(always)]
pub(super) fn power(x: f32, p: f32) -> f32 {
    exp2(p * log2(x))
}

/// x = 2^n · m with m in √½ … √2, and ln m = 2 artanh((m − 1) / (m + 1)), of which four terms suffice.
#[inline(always)]
fn log2(x: f32) -> f32 {
    /// The bits of √½.
    const FIRST: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(FIRST);
    let n = (shifted as i32) >> 23;
    let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(FIRST));
    let t = (m - 1.0) / (m + 1.0);
    let square = t * t;
    let series = 1.0 + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0)));
    n as f32 + 2.0 * std::f32::consts::LOG2_E * t * series
}

/// 2^x = 2^n · e^r with n = round(x) and |r| <= ln 2 / 2.
#[inline(always)]
fn exp2(x: f32) -> f32 {
    /// 1.5 · 2^23: a sum with it has no room for a fraction.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-126.0, 126.0);
    let n = x + ROUND - ROUND;
    let r = (x - n) * std::f32::consts::LN_2;
    let terms = 1.0 + r / 5.0 * (1.0 + r / 6.0);
    let series = 1.0 + r * (1.0 + r / 2.0 * (1.0 + r / 3.0 * (1.0 + r / 4.0 * terms)));
    f32::from_bits(((n as i32 + 127) as u32) << 23) * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_power() {
        for step in -3000..3000 {
            let x = (f64::from(step) / 150.0).exp() as f32;
            for p in [0.3f32, 0.79, 0.895, 1.0, 1.4, -0.2] {
                let expected = f64::from(x).powf(f64::from(p));
                let relative = (f64::from(power(x, p)) / expected - 1.0).abs();
                assert!(relative < 4e-6 * (1.0 + f64::from(p.abs())), "{x}^{p}: relative error {relative:e}");
            }
        }
        assert_eq!(power(1.0, 0.9), 1.0);
    }
}
