//! Random numbers that belong to a slot, not to a thread.
//!
//! Every draw of the simulator comes from a [`Stream`] named by (seed, slot, purpose). Slot `i` is therefore the same
//! whichever thread or shard makes it, and one more draw for one purpose (a stronger impairment, say) leaves all other
//! purposes as they were. Behind a stream stands xoshiro256++ (Blackman and Vigna, 2021), its 256 bits of state filled by
//! SplitMix64 from the three names. The Gaussian numbers use polynomials of `trigonometry.rs` instead of the
//! platform's mathematical library, so they are the same bits on every machine.

use crate::simd::dispatch;
use crate::trigonometry::{cis, ln};
use rustfft::num_complex::Complex32;

/// What a stream of random numbers is for; one slot draws from each of them independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The parameters of the slot: SNR, speed, delay spread, channel model …
    Parameters,
    /// The transmitted bits.
    Bits,
    /// The channel's sinusoids.
    Channel,
    /// The noise of the receiver.
    Noise,
    /// Oscillators: frequency offset, phase noise.
    Oscillator,
    /// Interfering signals.
    Interference,
}

/// A stream of random numbers (xoshiro256++).
#[derive(Debug, Clone)]
pub struct Stream {
    state: [u64; 4],
}

impl Stream {
    /// The stream of `purpose` in slot `slot` of the experiment `seed`.
    pub fn new(seed: u64, slot: u64, purpose: Purpose) -> Self {
        // Three rounds of SplitMix64 chain the names, so that (1, 2) and (2, 1) have nothing in common.
        let mut key = split_mix(seed);
        key = split_mix(key ^ slot);
        key = split_mix(key ^ (purpose as u64 + 1));
        let state = std::array::from_fn(|_| {
            key = key.wrapping_add(GOLDEN_GAMMA);
            split_mix(key)
        });
        Stream { state }
    }

    /// The next 64 uniform bits.
    #[inline(always)]
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A uniform number in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform index below `n`, which must not be zero; the bias of at most n / 2⁶⁴ is beyond any experiment.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Fills `bits` with zeros and ones.
    pub fn bits(&mut self, bits: &mut [u8]) {
        for chunk in bits.chunks_mut(64) {
            let mut word = self.next_u64();
            for bit in chunk {
                *bit = (word & 1) as u8;
                word >>= 1;
            }
        }
    }

    /// Fills `out` with circularly symmetric complex Gaussian numbers of unit variance (half of it in each part).
    ///
    /// Box and Muller (1958): the squared magnitude is exponential, the phase uniform. The magnitude comes from 32 bits,
    /// which cuts the tail at |z|² = 22.2, a probability of 2⁻³².
    pub fn complex_normal(&mut self, out: &mut [Complex32]) {
        let stream = self;
        dispatch!(complex_normal(stream: &mut Stream, out: &mut [Complex32]));
    }

    /// One real Gaussian number of zero mean and unit variance.
    pub fn normal(&mut self) -> f64 {
        let mut z = [Complex32::default()];
        self.complex_normal(&mut z);
        f64::from(z[0].re) * std::f64::consts::SQRT_2
    }
}

/// The kernel of [`Stream::complex_normal`].
#[inline(always)]
fn complex_normal(stream: &mut Stream, out: &mut [Complex32]) {
    // The draws and the arithmetic are split into blocks, because the arithmetic alone can run in lanes.
    const BLOCK: usize = 64;
    let (mut magnitude_bits, mut phase) = ([0u32; BLOCK], [0u32; BLOCK]);
    for chunk in out.chunks_mut(BLOCK) {
        for (magnitude, phase) in magnitude_bits.iter_mut().zip(&mut phase).take(chunk.len()) {
            let word = stream.next_u64();
            *magnitude = (word >> 32) as u32;
            *phase = word as u32;
        }
        for ((z, &magnitude), &phase) in chunk.iter_mut().zip(&magnitude_bits).zip(&phase) {
            // The middle of each of the 2³² cells of (0, 1).
            let radius = (-ln((magnitude as f32 + 0.5) * (1.0 / 4_294_967_296.0))).max(0.0).sqrt();
            let (re, im) = cis(phase);
            *z = Complex32::new(radius * re, radius * im);
        }
    }
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014), a bijection that scatters neighbouring inputs.
fn split_mix(x: u64) -> u64 {
    let x = x.wrapping_add(GOLDEN_GAMMA);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_different_names_differ_and_equal_names_agree() {
        let first = |seed, slot, purpose| Stream::new(seed, slot, purpose).next_u64();
        assert_eq!(first(1, 2, Purpose::Noise), first(1, 2, Purpose::Noise));
        let mut draws = vec![
            first(1, 2, Purpose::Noise),
            first(2, 1, Purpose::Noise),
            first(1, 2, Purpose::Bits),
            first(1, 3, Purpose::Noise),
            first(0, 0, Purpose::Parameters),
        ];
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), 5);
    }

    #[test]
    fn complex_normal_has_the_moments_of_a_circular_gaussian() {
        let mut z = vec![Complex32::default(); 200_000];
        Stream::new(7, 0, Purpose::Noise).complex_normal(&mut z);
        let mean = |f: &dyn Fn(Complex32) -> f64| z.iter().map(|&z| f(z)).sum::<f64>() / z.len() as f64;
        // (moment, expected, six standard errors of its estimate)
        let power = |z: Complex32| f64::from(z.norm_sqr());
        for (name, moment, expected, tolerance) in [
            ("E re", mean(&|z| f64::from(z.re)), 0.0, 6.0 * 0.7 / 447.0),
            ("E im", mean(&|z| f64::from(z.im)), 0.0, 6.0 * 0.7 / 447.0),
            ("E |z|^2", mean(&power), 1.0, 6.0 / 447.0),
            ("E |z|^4", mean(&|z| power(z).powi(2)), 2.0, 6.0 * 20f64.sqrt() / 447.0),
            ("E re^2", mean(&|z| f64::from(z.re).powi(2)), 0.5, 6.0 * 0.71 / 447.0),
            ("E re im", mean(&|z| f64::from(z.re * z.im)), 0.0, 6.0 * 0.5 / 447.0),
        ] {
            assert!((moment - expected).abs() < tolerance, "{name}: expected {expected} ± {tolerance}, got {moment}");
        }
    }

    #[test]
    fn below_reaches_every_index_and_no_other() {
        let mut stream = Stream::new(3, 0, Purpose::Parameters);
        let mut seen = [0usize; 5];
        for _ in 0..1000 {
            seen[stream.below(5)] += 1;
        }
        assert!(seen.iter().all(|&count| count > 140), "{seen:?}");
    }
}
