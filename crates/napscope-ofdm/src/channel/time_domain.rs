//! The channel sample by sample, with inter-symbol and inter-carrier interference.
//!
//! An OFDM symbol is a sum of exponentials for as long as it lasts, cyclic prefix included. Delayed by any fraction of a sample
//! it is the same sum with other phases, so a path needs no interpolation filter:
//!
//! ```text
//! y(t) = Σ_l a_l(t) x(t - τ_l),   x(t - τ_l) = IFFT(X_k exp(-j 2π f_k τ_l)) of the symbol that t - τ_l falls into
//! ```
//!
//! When t - τ_l falls before the prefix of a symbol, it is the symbol before that arrives: inter-symbol interference. Gains
//! a_l(t) are exact at [`KNOTS`] times a symbol and linear between them, which is off by less than (2π f_D T / 8)² / 8, -81 dB at
//! 500 Hz and 15 kHz. The slot is surrounded by silence.

use super::fading::Fading;
use crate::grid::ResourceGrid;
use crate::ofdm::OfdmTransform;
use crate::trigonometry::{cis, phase};
use rustfft::num_complex::Complex32;

/// Stretches of a symbol over which gains are linear.
const STRETCHES: usize = 8;

/// Times of a symbol at which gains are computed.
const KNOTS: usize = STRETCHES + 1;

/// The time-domain channel of one slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeDomainChannel {
    delays_secs: Vec<f64>,
    /// exp(-j 2π f τ) over all bins of the transform, `[tap, fft_size]`.
    steering: Vec<Complex32>,
    /// The current and the last symbol, delayed to each path, `[tap, fft_size]`.
    current: Vec<Complex32>,
    last: Vec<Complex32>,
    /// Gains at the knots of the current symbol, `[rx_ant, knot, tap]`.
    gains: (Vec<f32>, Vec<f32>),
}

impl TimeDomainChannel {
    /// Starts a slot with paths at `delays_secs` [s].
    pub(crate) fn start(&mut self, grid: &ResourceGrid, delays_secs: &[f64]) {
        let size = grid.fft_size();
        if self.delays_secs != delays_secs || self.steering.len() != delays_secs.len() * size {
            self.delays_secs.clear();
            self.delays_secs.extend_from_slice(delays_secs);
            self.steering.clear();
            for delay in delays_secs {
                self.steering.extend((0..size).map(|bin| {
                    let bin = if bin < size / 2 { bin as f64 } else { bin as f64 - size as f64 };
                    let (re, im) = cis(phase(-bin * grid.subcarrier_spacing().hz() * delay));
                    Complex32::new(re, im)
                }));
            }
            self.current.resize(self.steering.len(), Complex32::default());
            self.last.resize(self.steering.len(), Complex32::default());
        }
        self.current.fill(Complex32::default());
    }

    /// Sends the spectrum of `symbol`, the one after the last, with the gains of `fading` at `time_of_sample` [s]. Afterwards
    /// [`arrive`](Self::arrive) gives what each antenna receives.
    pub(crate) fn send(
        &mut self,
        spectrum: &[Complex32],
        transform: &mut OfdmTransform,
        fading: &Fading,
        time_of_sample: impl Fn(usize) -> f64,
        num_rx_ant: usize,
    ) {
        let size = spectrum.len();
        std::mem::swap(&mut self.current, &mut self.last);
        for (delayed, steering) in self.current.chunks_exact_mut(size).zip(self.steering.chunks_exact(size)) {
            for ((delayed, steering), bin) in delayed.iter_mut().zip(steering).zip(spectrum) {
                *delayed = steering * bin;
            }
            transform.to_time(delayed);
        }
        let knots: [f64; KNOTS] = std::array::from_fn(|knot| time_of_sample(knot * size / STRETCHES));
        let num_gains = num_rx_ant * KNOTS * self.delays_secs.len();
        self.gains.0.resize(num_gains, 0.0);
        self.gains.1.resize(num_gains, 0.0);
        fading.gains(&knots, &mut self.gains.0, &mut self.gains.1);
    }

    /// Writes the samples of the symbol just sent, without its cyclic prefix of `prefix` samples, as antenna `rx` receives them.
    pub(crate) fn arrive(&self, grid: &ResourceGrid, prefix: usize, rx: usize, samples: &mut [Complex32]) {
        let (size, num_taps) = (samples.len(), self.delays_secs.len());
        samples.fill(Complex32::default());
        let gains = rx * KNOTS * num_taps..(rx + 1) * KNOTS * num_taps;
        let (real, imag) = (&self.gains.0[gains.clone()], &self.gains.1[gains]);
        for (tap, delay) in self.delays_secs.iter().enumerate() {
            let (current, last) = (&self.current[tap * size..][..size], &self.last[tap * size..][..size]);
            // Before this sample the path still carries the last symbol, whose end is `prefix` samples away.
            let border = (delay * grid.sample_rate_hz() - prefix as f64).ceil().clamp(0.0, size as f64) as usize;
            let gain_at = |knot: usize| Complex32::new(real[knot * num_taps + tap], imag[knot * num_taps + tap]);
            let stretch_len = size / STRETCHES;
            for (stretch, samples) in samples.chunks_exact_mut(stretch_len).enumerate() {
                let (from, to) = (gain_at(stretch), gain_at(stretch + 1));
                let slope = (to - from) / stretch_len as f32;
                for (i, sample) in samples.iter_mut().enumerate() {
                    let n = stretch * stretch_len + i;
                    let sent = if n >= border { current[n] } else { last[(n + prefix) % size] };
                    *sample += (from + slope * i as f32) * sent;
                }
            }
        }
    }
}
