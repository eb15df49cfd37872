//! Sine, cosine and logarithm in single precision, in a form that the compiler turns into SIMD code.
//!
//! A slot of TDL-C needs some ten thousand complex exponentials and as many logarithms. Phases are 32-bit fixed-point
//! fractions of a turn: they wrap for free and a sum of them is exact. There is no branch and no table, and no call into the
//! platform's library, whose last bits differ from machine to machine. Largest errors (tests below): 1.2e-7 for [`cis`],
//! 1.2e-7 relative for [`ln`].

/// One turn of phase in the fixed-point form of [`cis`].
const TURN: f64 = 4_294_967_296.0;

/// The fixed-point phase of `turns` full turns (1.0 = 2π), wrapped.
pub(crate) fn phase(turns: f64) -> u32 {
    // Reducing first keeps all bits: the product below is exact but for the last rounding.
    ((turns - turns.floor()) * TURN) as u64 as u32
}

/// (cos φ, sin φ) of the fixed-point phase φ = 2π · `phase` / 2³².
#[inline(always)]
pub(crate) fn cis(phase: u32) -> (f32, f32) {
    // The nearest quarter turn, and what remains of it: an angle in [-π/4, π/4).
    let quadrant = phase.wrapping_add(1 << 29) >> 30;
    let rest = (phase.wrapping_sub(quadrant << 30)) as i32 as f32 * (std::f64::consts::TAU / TURN) as f32;
    let square = rest * rest;
    // Minimax polynomials on that interval (the coefficients are those of Moshier's Cephes, sinf and cosf).
    let sine = rest + rest * square * (-1.666_665_5e-1 + square * (8.332_161e-3 + square * -1.951_529_6e-4));
    let cosine =
        1.0 - 0.5 * square + square * square * (4.166_664_6e-2 + square * (-1.388_731_6e-3 + square * 2.443_315_7e-5));
    // Quadrants 1 and 3 exchange the two, 1 and 2 negate the cosine, 2 and 3 the sine: all by bit masks.
    let swap = 0u32.wrapping_sub(quadrant & 1);
    let (s, c) = (sine.to_bits(), cosine.to_bits());
    let real = (c & !swap) | (s & swap);
    let imag = (s & !swap) | (c & swap);
    let negate_real = (quadrant.wrapping_add(1) & 2) << 30;
    let negate_imag = (quadrant & 2) << 30;
    (f32::from_bits(real ^ negate_real), f32::from_bits(imag ^ negate_imag))
}

/// The natural logarithm of a positive normal number.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    // x = 2^exponent · mantissa with the mantissa in [√½, √2).
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let offset = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (offset as i32 >> 23) as f32;
    let mantissa = f32::from_bits((offset & 0x007f_ffff).wrapping_add(SQRT_HALF));
    // ln m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| < 0.172: four terms of the series suffice.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = 2.0 / 3.0 + square * (2.0 / 5.0 + square * (2.0 / 7.0 + square * (2.0 / 9.0)));
    exponent * std::f32::consts::LN_2 + (2.0 * s + s * square * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cis_agrees_with_the_library_over_the_whole_turn() {
        for i in 0..=100_000u64 {
            let p = (i * 42_949 + i / 7) as u32;
            let angle = f64::from(p) * std::f64::consts::TAU / TURN;
            let (re, im) = cis(p);
            let error = (f64::from(re) - angle.cos()).abs().max((f64::from(im) - angle.sin()).abs());
            assert!(error < 1.2e-7, "phase {p}: off by {error:e}");
        }
    }

    #[test]
    fn ln_agrees_with_the_library_from_the_smallest_draw_to_one() {
        for i in 0..200_000u32 {
            let x = ((i as f32) * 21_474.0 + 0.5) / 4_294_967_296.0;
            let expected = f64::from(x).ln();
            let error = (f64::from(ln(x)) - expected).abs();
            assert!(error < 1.2e-7 * expected.abs().max(1.0), "ln {x:e}: off by {error:e}");
        }
    }

    #[test]
    fn phase_wraps_turns_of_either_sign() {
        for (turns, expected) in [(0.0, 0), (0.25, 1 << 30), (1.25, 1 << 30), (-0.75, 1 << 30), (-0.25, 3 << 30)] {
            assert_eq!(phase(turns), expected, "{turns} turns");
        }
    }
}
