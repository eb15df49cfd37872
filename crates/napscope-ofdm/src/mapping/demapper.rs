//! From an equalised symbol to the log-likelihood ratio of each of its bits.
//!
//! LLR = ln P(bit = 1) / P(bit = 0): positive means one. (Much of the literature, and most decoders, use the opposite sign.)
//! The noise of the two axes is independent, so the demapper works on one axis at a time: a 256-QAM symbol asks for twice 16
//! levels instead of 256 points.

use super::constellation::{Constellation, Modulation};
use crate::simd::{LANES, dispatch};
use rustfft::num_complex::Complex32;

/// How the probabilities of several points are added. Sionna: `demapping_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DemappingMethod {
    /// The sum itself. Sionna: `app`.
    Exact,
    /// Its largest term alone, off by less than 0.1 dB at the working points of a code. Sionna: `maxlog`.
    #[default]
    MaxLog,
}

/// Soft demapper of one constellation; LLR = ln P(1)/P(0).
#[derive(Debug, Clone)]
pub struct Demapper {
    levels: Vec<f32>,
    num_bits_per_symbol: usize,
    method: DemappingMethod,
}

/// Bits of one axis at most, those of 256-QAM.
const MAX_BITS: usize = 4;

/// Levels of one axis at most.
const MAX_LEVELS: usize = 1 << MAX_BITS;

/// One number for each symbol of a block.
type Lanes = [f32; LANES];

impl Demapper {
    /// A demapper of `modulation`.
    pub fn new(modulation: Modulation, method: DemappingMethod) -> Self {
        let levels = Constellation::new(modulation).levels().to_vec();
        Demapper { levels, num_bits_per_symbol: modulation.num_bits_per_symbol(), method }
    }

    /// LLRs of the bits of `x_hat`, whose noise has the variances `noise_var` (over both axes together).
    ///
    /// # Shapes
    /// `x_hat`, `noise_var`: `[symbols]`; `llr`: `[symbols, num_bits_per_symbol]`
    ///
    /// # Panics
    /// When the lengths do not fit.
    pub fn demap(&self, x_hat: &[Complex32], noise_var: &[f32], llr: &mut [f32]) {
        assert_eq!(x_hat.len(), noise_var.len(), "one noise variance for each symbol");
        assert_eq!(llr.len(), x_hat.len() * self.num_bits_per_symbol, "one LLR for each bit");
        let demapper = self;
        dispatch!(demap(demapper: &Demapper, x_hat: &[Complex32], noise_var: &[f32], llr: &mut [f32]));
    }
}

/// The kernel of [`Demapper::demap`], one for each number of bits an axis: with it constant all loops over levels unroll.
#[inline(always)]
fn demap(demapper: &Demapper, x_hat: &[Complex32], noise_var: &[f32], llr: &mut [f32]) {
    match demapper.num_bits_per_symbol {
        2 => demap_blocks::<1>(demapper, x_hat, noise_var, llr),
        4 => demap_blocks::<2>(demapper, x_hat, noise_var, llr),
        6 => demap_blocks::<3>(demapper, x_hat, noise_var, llr),
        _ => demap_blocks::<4>(demapper, x_hat, noise_var, llr),
    }
}

#[inline(always)]
fn demap_blocks<const BITS: usize>(demapper: &Demapper, x_hat: &[Complex32], noise_var: &[f32], llr: &mut [f32]) {
    let blocks = x_hat.chunks(LANES).zip(noise_var.chunks(LANES));
    for ((x_hat, noise_var), llr) in blocks.zip(llr.chunks_mut(LANES * 2 * BITS)) {
        let (mut re, mut im, mut precision) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (lane, (x, noise_var)) in x_hat.iter().zip(noise_var).enumerate() {
            (re[lane], im[lane]) = (x.re, x.im);
            // A noise variance of zero would turn a perfect symbol into 0/0.
            precision[lane] = 1.0 / if *noise_var > 1e-30 { *noise_var } else { 1e-30 };
        }
        let re = demap_axis::<BITS>(demapper, &re, &precision);
        let im = demap_axis::<BITS>(demapper, &im, &precision);
        for (lane, llr) in llr.chunks_exact_mut(2 * BITS).enumerate() {
            for bit in 0..BITS {
                (llr[2 * bit], llr[2 * bit + 1]) = (re[bit][lane], im[bit][lane]);
            }
        }
    }
}

/// LLRs of the bits of one axis.
#[inline(always)]
fn demap_axis<const BITS: usize>(demapper: &Demapper, value: &Lanes, precision: &Lanes) -> [Lanes; BITS] {
    let mut metrics = [[0.0; LANES]; MAX_LEVELS];
    for (metric, level) in metrics[..1 << BITS].iter_mut().zip(&demapper.levels) {
        for lane in 0..LANES {
            metric[lane] = -(value[lane] - level) * (value[lane] - level) * precision[lane];
        }
    }
    let mut ratios = [[0.0; LANES]; BITS];
    for (bit, ratio) in ratios.iter_mut().enumerate() {
        let mask = 1 << (BITS - 1 - bit);
        *ratio = match demapper.method {
            DemappingMethod::MaxLog => max_log_ratio(&metrics[..1 << BITS], mask),
            DemappingMethod::Exact => exact_ratio(&metrics[..1 << BITS], mask),
        };
    }
    ratios
}

/// Largest metric with the bit of `mask` set, and largest without.
#[inline(always)]
fn largest(metrics: &[Lanes], mask: usize) -> (Lanes, Lanes) {
    let (mut one, mut zero) = ([f32::NEG_INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    for (word, metric) in metrics.iter().enumerate() {
        let best = if word & mask != 0 { &mut one } else { &mut zero };
        for lane in 0..LANES {
            // Not f32::max, whose care for NaN costs three instructions for one.
            best[lane] = if metric[lane] > best[lane] { metric[lane] } else { best[lane] };
        }
    }
    (one, zero)
}

#[inline(always)]
fn max_log_ratio(metrics: &[Lanes], mask: usize) -> Lanes {
    let (one, zero) = largest(metrics, mask);
    let mut ratio = [0.0; LANES];
    for lane in 0..LANES {
        ratio[lane] = one[lane] - zero[lane];
    }
    ratio
}

fn exact_ratio(metrics: &[Lanes], mask: usize) -> Lanes {
    let (one, zero) = largest(metrics, mask);
    std::array::from_fn(|lane| {
        // Each sum relative to its own largest term, so that neither vanishes.
        let sum = |set: bool, best: f32| {
            let of_bit = metrics.iter().enumerate().filter(|(word, _)| (word & mask != 0) == set);
            of_bit.map(|(_, metric)| (metric[lane] - best).exp()).sum::<f32>()
        };
        one[lane] - zero[lane] + (sum(true, one[lane]) / sum(false, zero[lane])).ln()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::MODULATIONS;

    #[test]
    fn qpsk_is_linear_in_the_received_value() {
        // LLR = -4 y / (√2 N0), the same for both methods.
        for method in [DemappingMethod::Exact, DemappingMethod::MaxLog] {
            let mut llr = [0.0; 2];
            Demapper::new(Modulation::Qpsk, method).demap(&[Complex32::new(0.3, -0.7)], &[0.5], &mut llr);
            for (got, value) in llr.iter().zip([0.3, -0.7]) {
                let expected = -4.0 * value / (2f32.sqrt() * 0.5);
                assert!((got - expected).abs() < 1e-5, "{method:?}: expected {expected}, got {got}");
            }
        }
    }

    #[test]
    fn signs_give_back_the_bits_of_each_point() {
        for modulation in MODULATIONS {
            let constellation = Constellation::new(modulation);
            let num_bits = modulation.num_bits_per_symbol();
            for method in [DemappingMethod::Exact, DemappingMethod::MaxLog] {
                let demapper = Demapper::new(modulation, method);
                for (word, &point) in constellation.points().iter().enumerate() {
                    let mut llr = vec![0.0; num_bits];
                    for noise_var in [1e-3, 0.0] {
                        demapper.demap(&[point], &[noise_var], &mut llr);
                        let bits = llr.iter().fold(0, |bits, &llr| bits << 1 | usize::from(llr > 0.0));
                        assert_eq!(bits, word, "{modulation:?}, {method:?}, noise {noise_var}: {llr:?}");
                    }
                }
            }
        }
    }
}
