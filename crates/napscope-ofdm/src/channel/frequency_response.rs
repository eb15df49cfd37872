//! The channel over the resource grid: H(f, t) = Σ_l a_l(t) exp(-j 2π f τ_l).
//!
//! With path delays inside the cyclic prefix and a channel that stands still for the length of one symbol, the received grid
//! is exactly Y = H X + noise; the slot then needs no time signal at all. (Fading within a symbol adds inter-carrier
//! interference of about (2π f_D T)² / 24: -27 dB at 500 Hz and 15 kHz. The time-domain path has it.)
//!
//! This product of a `[symbols, taps]` and a `[taps, subcarriers]` matrix is where a slot spends most of its time. It runs in
//! single precision, one resource block (12 subcarriers) at a time, with real and imaginary parts apart, which is the form
//! that the compiler turns into SIMD code.

use crate::grid::{ResourceGrid, SUBCARRIERS_PER_PRB};
use crate::simd::dispatch;
use crate::trigonometry::cis;
use rustfft::num_complex::Complex32;
use std::ops::Range;

/// Real and imaginary parts of one resource block.
type Block = ([f32; SUBCARRIERS_PER_PRB], [f32; SUBCARRIERS_PER_PRB]);

/// The phases exp(-j 2π f τ) of one set of delays over the subcarriers of a grid. Setting new delays reuses the memory.
#[derive(Debug, Clone, Default)]
pub struct FrequencyResponse {
    delays_secs: Vec<f64>,
    num_prb: usize,
    /// `[prb, tap]`
    steering: Vec<Block>,
}

impl FrequencyResponse {
    /// Sets the delays [s]; does nothing when they are those of the last slot.
    pub fn set_delays(&mut self, grid: &ResourceGrid, delays_secs: &[f64]) {
        if self.num_prb == grid.num_prb() && self.delays_secs == delays_secs {
            return;
        }
        self.num_prb = grid.num_prb();
        self.delays_secs.clear();
        self.delays_secs.extend_from_slice(delays_secs);
        self.steering.clear();
        let (blocks, prbs) = (&mut self.steering, 0..self.num_prb);
        dispatch!(steer(blocks: &mut Vec<Block>, prbs: Range<usize>, grid: &ResourceGrid, delays_secs: &[f64]));
    }

    /// Delays in force.
    pub(crate) fn num_taps(&self) -> usize {
        self.delays_secs.len()
    }

    /// Writes the response for each row of gains.
    ///
    /// # Shapes
    /// `real`, `imag`: `[rows, tap]`; `h`: `[rows, num_subcarriers]`
    ///
    /// # Panics
    /// When the buffers do not fit to each other.
    pub fn respond(&self, real: &[f32], imag: &[f32], h: &mut [Complex32]) {
        let num_taps = self.delays_secs.len();
        let num_subcarriers = self.num_prb * SUBCARRIERS_PER_PRB;
        assert_eq!(real.len(), imag.len(), "as many imaginary as real parts");
        assert_eq!(real.len() / num_taps, h.len() / num_subcarriers, "one response for each row of gains");
        let (steering, num_prb) = (&self.steering[..], self.num_prb);
        dispatch!(respond(steering: &[Block], num_prb: usize, real: &[f32], imag: &[f32], h: &mut [Complex32]));
    }

    /// The adjoint of [`respond`](Self::respond): Σ_f h(f) exp(+j 2π f τ_l) for each row and tap.
    pub(crate) fn project(&self, h_re: &[f32], h_im: &[f32], real: &mut [f32], imag: &mut [f32]) {
        let (steering, num_prb) = (&self.steering[..], self.num_prb);
        dispatch!(project(
            steering: &[Block],
            num_prb: usize,
            h_re: &[f32],
            h_im: &[f32],
            real: &mut [f32],
            imag: &mut [f32]
        ));
    }
}

/// Appends the phases of `delays_secs` over each resource block of `prbs`.
#[inline(always)]
fn steer(blocks: &mut Vec<Block>, prbs: Range<usize>, grid: &ResourceGrid, delays_secs: &[f64]) {
    for prb in prbs {
        for &delay in delays_secs {
            // Phases as 64-bit fractions of a turn: the multiples of a step stay exact across the whole carrier.
            let phase_at = |subcarrier| fraction_of_turn(-grid.frequency_hz(subcarrier) * delay);
            let first = phase_at(prb * SUBCARRIERS_PER_PRB);
            let step = fraction_of_turn(-grid.subcarrier_spacing().hz() * delay);
            let mut block: Block = Default::default();
            for k in 0..SUBCARRIERS_PER_PRB {
                let phase = first.wrapping_add(step.wrapping_mul(k as u64));
                (block.0[k], block.1[k]) = cis((phase >> 32) as u32);
            }
            blocks.push(block);
        }
    }
}

/// The kernel of [`FrequencyResponse::respond`].
#[inline(always)]
fn respond(steering: &[Block], num_prb: usize, real: &[f32], imag: &[f32], h: &mut [Complex32]) {
    let (num_taps, num_subcarriers) = (steering.len() / num_prb, num_prb * SUBCARRIERS_PER_PRB);
    for (prb, steering) in steering.chunks_exact(num_taps).enumerate() {
        let gains = real.chunks_exact(num_taps).zip(imag.chunks_exact(num_taps));
        for (row, (real, imag)) in gains.enumerate() {
            let sum = weighted_sum(steering, real, imag);
            let first = row * num_subcarriers + prb * SUBCARRIERS_PER_PRB;
            for (h, (&re, &im)) in h[first..].iter_mut().zip(sum.0.iter().zip(&sum.1)) {
                *h = Complex32::new(re, im);
            }
        }
    }
}

/// The kernel of [`FrequencyResponse::project`].
#[inline(always)]
fn project(steering: &[Block], num_prb: usize, h_re: &[f32], h_im: &[f32], real: &mut [f32], imag: &mut [f32]) {
    let (num_taps, num_subcarriers) = (steering.len() / num_prb, num_prb * SUBCARRIERS_PER_PRB);
    let rows = h_re.chunks_exact(num_subcarriers).zip(h_im.chunks_exact(num_subcarriers));
    let out = real.chunks_exact_mut(num_taps).zip(imag.chunks_exact_mut(num_taps));
    for ((h_re, h_im), (real, imag)) in rows.zip(out) {
        for tap in 0..num_taps {
            let mut sum: Block = Default::default();
            for (prb, steering) in steering.chunks_exact(num_taps).enumerate() {
                let (phase, first) = (&steering[tap], prb * SUBCARRIERS_PER_PRB);
                let (re, im) = (&h_re[first..][..SUBCARRIERS_PER_PRB], &h_im[first..][..SUBCARRIERS_PER_PRB]);
                for k in 0..SUBCARRIERS_PER_PRB {
                    sum.0[k] += re[k] * phase.0[k] + im[k] * phase.1[k];
                    sum.1[k] += im[k] * phase.0[k] - re[k] * phase.1[k];
                }
            }
            (real[tap], imag[tap]) = (sum.0.iter().sum(), sum.1.iter().sum());
        }
    }
}

/// Σ_l a_l e_l over the taps of one resource block.
#[inline(always)]
fn weighted_sum(steering: &[Block], real: &[f32], imag: &[f32]) -> Block {
    let mut sum: Block = Default::default();
    for ((phase, &re), &im) in steering.iter().zip(real).zip(imag) {
        for k in 0..SUBCARRIERS_PER_PRB {
            sum.0[k] += re * phase.0[k] - im * phase.1[k];
            sum.1[k] += re * phase.1[k] + im * phase.0[k];
        }
    }
    sum
}

/// `turns` full turns as a 64-bit fraction of one, wrapped.
#[inline(always)]
fn fraction_of_turn(turns: f64) -> u64 {
    ((turns - turns.floor()) * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::SubcarrierSpacing;
    use rustfft::num_complex::Complex64;

    #[test]
    fn equals_the_sum_written_out() {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz30, 273, None).expect("a valid grid");
        let delays = [0.0, 123e-9, 2.1e-6];
        let (real, imag) = ([0.3f32, -0.5, 0.1, 1.0, 0.0, 0.25], [0.7f32, 0.2, -0.4, 0.0, -1.0, 0.5]);
        let mut response = FrequencyResponse::default();
        response.set_delays(&grid, &delays);
        let mut h = vec![Complex32::default(); 2 * grid.num_subcarriers()];
        response.respond(&real, &imag, &mut h);
        for (i, h) in h.iter().enumerate() {
            let (row, k) = (i / grid.num_subcarriers(), i % grid.num_subcarriers());
            let expected: Complex64 = (0..3)
                .map(|l| {
                    let a = Complex64::new(f64::from(real[3 * row + l]), f64::from(imag[3 * row + l]));
                    a * Complex64::cis(-std::f64::consts::TAU * grid.frequency_hz(k) * delays[l])
                })
                .sum();
            let got = Complex64::new(f64::from(h.re), f64::from(h.im));
            assert!((got - expected).norm() < 5e-7, "row {row}, subcarrier {k}: expected {expected}, got {got}");
        }
    }
}
