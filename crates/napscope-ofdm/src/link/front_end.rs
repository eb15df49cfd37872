//! From the transmitted to the received grid, noise and interference aside: amplifier, channel, oscillator.

use super::slot::Slot;
use crate::channel::{Fading, TimeDomainChannel};
use crate::grid::{NUM_OFDM_SYMBOLS, ResourceGrid};
use crate::impairments::{Oscillator, PowerAmplifier};
use crate::ofdm::OfdmTransform;
use crate::random::Stream;
use rustfft::num_complex::Complex32;

/// What a slot goes through besides fading.
pub(super) struct Path {
    /// Whether the channel is applied sample by sample.
    pub(super) in_time: bool,
    /// Whether it stands still during the slot.
    pub(super) is_static: bool,
}

/// The memory of the front end.
pub(super) struct FrontEnd {
    transform: OfdmTransform,
    channel: TimeDomainChannel,
    oscillator: Oscillator,
    spectrum: Vec<Complex32>,
    subcarriers: Vec<Complex32>,
    samples: Vec<Complex32>,
}

impl FrontEnd {
    pub(super) fn new(grid: &ResourceGrid) -> Self {
        let samples = vec![Complex32::default(); grid.fft_size()];
        FrontEnd {
            transform: OfdmTransform::new(grid),
            channel: TimeDomainChannel::default(),
            oscillator: Oscillator::default(),
            spectrum: samples.clone(),
            subcarriers: vec![Complex32::default(); grid.num_subcarriers()],
            samples,
        }
    }

    /// Writes the received grid into `slot.y`.
    pub(super) fn propagate(
        &mut self,
        grid: &ResourceGrid,
        path: &Path,
        fading: &Fading,
        slot: &mut Slot,
        random: &mut Stream,
    ) {
        let parameters = &slot.parameters;
        let turns = parameters.cfo_hz != 0.0 || parameters.phase_noise_linewidth_hz != 0.0;
        if !path.in_time && !turns && parameters.pa_backoff_db.is_none() {
            let antennas = slot.y.chunks_exact_mut(slot.x.len()).zip(slot.h.chunks_exact(slot.x.len()));
            for (y, h) in antennas {
                y.iter_mut().zip(h).zip(&slot.x).for_each(|((y, h), x)| *y = h * x);
            }
            return;
        }
        let rms = (grid.num_subcarriers() as f64 / grid.fft_size() as f64).sqrt();
        let amplifier = parameters.pa_backoff_db.map(|backoff_db| PowerAmplifier::new(backoff_db, rms));
        let (slot_number, cfo_hz, linewidth_hz) =
            (parameters.slot_number, parameters.cfo_hz, parameters.phase_noise_linewidth_hz);
        self.channel.start(grid, &slot.statistics.profile.delays_secs);
        self.oscillator.start();
        for symbol in 0..NUM_OFDM_SYMBOLS {
            self.transmit(grid, &slot.x, symbol, amplifier.as_ref());
            if turns {
                self.oscillator.advance(grid, (slot_number, symbol), cfo_hz, linewidth_hz, random);
            }
            if path.in_time {
                let start = grid.symbol_start(symbol, slot_number);
                let seconds = |n: usize| if path.is_static { 0.0 } else { (start + n) as f64 / grid.sample_rate_hz() };
                let num_rx_ant = slot.y.len() / slot.x.len();
                self.channel.send(&self.spectrum, &mut self.transform, fading, seconds, num_rx_ant);
            }
            let prefix = grid.cyclic_prefix_length(symbol, slot_number);
            for rx in 0..slot.y.len() / slot.x.len() {
                let row = rx * slot.x.len() + symbol * grid.num_subcarriers()..;
                self.receive(grid, path, (rx, prefix, turns), &slot.h[row.clone()]);
                self.transform.pick(&self.samples, &mut slot.y[row][..grid.num_subcarriers()]);
            }
        }
    }

    /// The spectrum of one symbol, behind the amplifier.
    fn transmit(&mut self, grid: &ResourceGrid, x: &[Complex32], symbol: usize, amplifier: Option<&PowerAmplifier>) {
        let num_subcarriers = grid.num_subcarriers();
        self.transform.place(&x[symbol * num_subcarriers..][..num_subcarriers], &mut self.spectrum);
        if let Some(amplifier) = amplifier {
            self.transform.to_time(&mut self.spectrum);
            amplifier.amplify(&mut self.spectrum);
            self.transform.to_frequency(&mut self.spectrum);
        }
    }

    /// The received spectrum of one symbol at antenna `rx`, in `samples`.
    fn receive(
        &mut self,
        grid: &ResourceGrid,
        path: &Path,
        (rx, prefix, turns): (usize, usize, bool),
        h: &[Complex32],
    ) {
        if path.in_time {
            self.channel.arrive(grid, prefix, rx, &mut self.samples);
        } else {
            self.transform.pick(&self.spectrum, &mut self.subcarriers);
            self.subcarriers.iter_mut().zip(h).for_each(|(x, h)| *x *= h);
            self.transform.place(&self.subcarriers, &mut self.samples);
            if turns {
                self.transform.to_time(&mut self.samples);
            }
        }
        if turns {
            self.oscillator.rotate(&mut self.samples);
        }
        if path.in_time || turns {
            self.transform.to_frequency(&mut self.samples);
        }
    }
}
