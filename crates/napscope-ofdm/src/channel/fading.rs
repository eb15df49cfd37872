//! Fading: the gains of the taps of one slot as sums of sinusoids, at any time and for any number of receive antennas.
//!
//! Xiao, Zheng and Beaulieu (2006), eqs. (6) and (11), the model of Sionna's `TDL`. A scattered tap of power P is
//!
//! ```text
//! a(t) = √(P/N) Σ_n exp(j (2π f_D t cos α_n + φ_n)),   α_n = (2πn + θ_n) / N,   θ_n, φ_n uniform on [-π, π)
//! ```
//!
//! with the angles θ drawn once a tap and the phases φ once a tap and antenna, so antennas fade independently. Over the
//! draws the autocorrelation in time is J₀(2π f_D Δt) exactly, for any N; N decides how Gaussian a single gain is. The
//! specular path of a line of sight, when there is one, adds exp(j (2π · 0.7 f_D t + φ₀)) to the first tap (TR 38.901, 7.7.2).

use super::profile::PowerDelayProfile;
use crate::random::Stream;
use crate::simd::{LANES, dispatch};
use crate::trigonometry::cis;

/// Sinusoids a tap unless another number is asked for; Sionna's default too.
pub const DEFAULT_NUM_SINUSOIDS: usize = 20;

/// Doppler shift of the specular path over the largest one: the cosine of its angle of arrival (TR 38.901, 7.7.2).
pub(crate) const SPECULAR_DOPPLER: f64 = 0.7;

/// Receive antennas at most.
pub const MAX_NUM_RX_ANT: usize = 8;

/// One turn of a fixed-point phase.
const TURN: f64 = 4_294_967_296.0;

/// The sinusoids of one slot. Drawing anew reuses the memory.
#[derive(Debug, Clone, Default)]
pub struct Fading {
    num_rx_ant: usize,
    num_sinusoids: usize,
    /// Standard deviation of the scattered part of each tap over √num_sinusoids.
    amplitudes: Vec<f32>,
    /// Doppler shift of each sinusoid in turns of a fixed-point phase a second, `[tap, sinusoid]`.
    shifts: Vec<f64>,
    /// (cos φ, sin φ), `[tap, antenna, sinusoid]`.
    starts: Vec<(f32, f32)>,
    /// Amplitude, shift and phase of the specular path.
    specular: (f32, f64, u32),
}

impl Fading {
    /// Draws the sinusoids of a slot whose channel is `profile`, at a largest Doppler shift of `max_doppler_hz` [Hz].
    ///
    /// # Panics
    /// When `num_rx_ant` exceeds [`MAX_NUM_RX_ANT`].
    pub fn draw(
        &mut self,
        profile: &PowerDelayProfile,
        max_doppler_hz: f64,
        num_rx_ant: usize,
        num_sinusoids: usize,
        random: &mut Stream,
    ) {
        assert!(num_rx_ant <= MAX_NUM_RX_ANT, "at most {MAX_NUM_RX_ANT} receive antennas");
        let num_taps = profile.powers.len();
        self.num_rx_ant = num_rx_ant;
        self.num_sinusoids = num_sinusoids;
        self.amplitudes.clear();
        self.amplitudes.extend(profile.powers.iter().map(|power| (power / num_sinusoids as f64).sqrt() as f32));
        self.shifts.clear();
        self.starts.clear();
        for _ in 0..num_taps {
            for n in 0..num_sinusoids {
                let angle = (n as f64 + random.uniform() - 0.5) / num_sinusoids as f64;
                let (cosine, _) = cis((angle * TURN) as i64 as u32);
                self.shifts.push(max_doppler_hz * TURN * f64::from(cosine));
            }
            for _ in 0..num_rx_ant * num_sinusoids {
                self.starts.push(cis(random.next_u64() as u32));
            }
        }
        let phase = random.next_u64() as u32;
        // A channel without scattering is the AWGN channel: one at all times.
        let fades = profile.powers.iter().any(|&power| power > 0.0);
        self.specular = (
            profile.specular_power.sqrt() as f32,
            if fades { max_doppler_hz * TURN * SPECULAR_DOPPLER } else { 0.0 },
            if fades { phase } else { 0 },
        );
    }

    /// Taps of the channel.
    pub fn num_taps(&self) -> usize {
        self.amplitudes.len()
    }

    /// The gains at `times_secs` [s], real and imaginary parts apart.
    ///
    /// # Shapes
    /// `real`, `imag`: `[rx_ant, time, tap]`
    ///
    /// # Panics
    /// When the buffers have another length.
    pub fn gains(&self, times_secs: &[f64], real: &mut [f32], imag: &mut [f32]) {
        let num_taps = self.num_taps();
        assert_eq!(
            real.len(),
            self.num_rx_ant * times_secs.len() * num_taps,
            "one gain for each antenna, time and tap"
        );
        assert_eq!(imag.len(), real.len(), "as many imaginary as real parts");
        let fading = self;
        dispatch!(gains(fading: &Fading, times_secs: &[f64], real: &mut [f32], imag: &mut [f32]));
    }

    /// The scattered part of a tap at up to [`LANES`] times, for each antenna.
    #[inline(always)]
    fn scattered(&self, tap: usize, times_secs: &[f64]) -> [([f32; LANES], [f32; LANES]); MAX_NUM_RX_ANT] {
        let mut sums = [([0.0; LANES], [0.0; LANES]); MAX_NUM_RX_ANT];
        let shifts = &self.shifts[tap * self.num_sinusoids..][..self.num_sinusoids];
        let starts = &self.starts[tap * self.num_sinusoids * self.num_rx_ant..];
        for (n, &shift) in shifts.iter().enumerate() {
            let mut phases = [0u32; LANES];
            for (phase, &time) in phases.iter_mut().zip(times_secs) {
                *phase = wrap(shift * time);
            }
            let (mut cosines, mut sines) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                (cosines[lane], sines[lane]) = cis(phases[lane]);
            }
            for (rx, (sum_re, sum_im)) in sums.iter_mut().enumerate().take(self.num_rx_ant) {
                let (re, im) = starts[rx * self.num_sinusoids + n];
                for lane in 0..LANES {
                    sum_re[lane] += re * cosines[lane] - im * sines[lane];
                    sum_im[lane] += re * sines[lane] + im * cosines[lane];
                }
            }
        }
        let amplitude = self.amplitudes[tap];
        for (sum_re, sum_im) in sums.iter_mut().take(self.num_rx_ant) {
            sum_re.iter_mut().chain(sum_im).for_each(|part| *part *= amplitude);
        }
        sums
    }

    fn specular_gain(&self, time_secs: f64) -> (f32, f32) {
        let (amplitude, shift, phase) = self.specular;
        let (re, im) = cis(wrap(shift * time_secs).wrapping_add(phase));
        (amplitude * re, amplitude * im)
    }
}

/// The kernel of [`Fading::gains`].
#[inline(always)]
fn gains(fading: &Fading, times_secs: &[f64], real: &mut [f32], imag: &mut [f32]) {
    let num_taps = fading.num_taps();
    for (block, times) in times_secs.chunks(LANES).enumerate() {
        let at = |rx: usize, lane: usize| (rx * times_secs.len() + block * LANES + lane) * num_taps;
        for tap in 0..num_taps {
            let sums = fading.scattered(tap, times);
            for (rx, (sum_re, sum_im)) in sums.iter().enumerate().take(fading.num_rx_ant) {
                for lane in 0..times.len() {
                    real[at(rx, lane) + tap] = sum_re[lane];
                    imag[at(rx, lane) + tap] = sum_im[lane];
                }
            }
        }
        if fading.specular.0 > 0.0 {
            for (lane, &time) in times.iter().enumerate() {
                let (re, im) = fading.specular_gain(time);
                for rx in 0..fading.num_rx_ant {
                    real[at(rx, lane)] += re;
                    imag[at(rx, lane)] += im;
                }
            }
        }
    }
}

/// A phase in fixed point, whole turns dropped: `phase` rounded to an integer, its lowest 32 bits. Added to 1.5 · 2⁵² an integer
/// stands in the lowest bits of the mantissa, which costs one addition and runs in lanes, as a cast does not.
#[inline(always)]
fn wrap(phase: f64) -> u32 {
    (phase + 6_755_399_441_055_744.0).to_bits() as u32
}
