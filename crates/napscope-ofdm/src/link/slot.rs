//! One slot: its parameters, what was sent, and what was received.

use crate::channel::ChannelModel;
use crate::mapping::Modulation;
use crate::receiver::ChannelStatistics;
use rustfft::num_complex::Complex32;

/// The parameters of one slot, as drawn from the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotParameters {
    /// Number of the slot in the experiment.
    pub index: u64,
    /// Number of the slot in its frame, on which the pilots hang.
    pub slot_number: u32,
    /// Es/N0 averaged over the fading [dB].
    pub snr_db: f64,
    /// RMS delay spread [s]: the one that was drawn, or that of the model where it has its own.
    pub delay_spread_secs: f64,
    /// Speed of the transmitter [m/s].
    pub speed_mps: f64,
    /// Largest Doppler shift [Hz].
    pub max_doppler_hz: f64,
    /// Channel model.
    pub channel_model: ChannelModel,
    /// Modulation.
    pub modulation: Modulation,
    /// Offset of the carrier frequency [Hz].
    pub cfo_hz: f64,
    /// Line width of the oscillator [Hz].
    pub phase_noise_linewidth_hz: f64,
    /// Back-off of the power amplifier [dB]; `None`: it is linear.
    pub pa_backoff_db: Option<f64>,
    /// Signal to narrow-band interference [dB]; `None`: there is none.
    pub narrowband_sir_db: Option<f64>,
    /// Signal to co-channel interference [dB]; `None`: there is none.
    pub co_channel_sir_db: Option<f64>,
}

impl SlotParameters {
    /// Variance of the noise on a resource element, N0.
    pub fn noise_var(&self) -> f64 {
        10f64.powf(-self.snr_db / 10.0)
    }
}

/// One simulated slot. It lives in a [`Workspace`](super::Workspace), which reuses its memory.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Its parameters.
    pub parameters: SlotParameters,
    /// Information bits of the transport block; empty without channel coding.
    pub information: Vec<u8>,
    /// The transmitted bits, 0 or 1, `[data element, num_bits_per_symbol]`.
    pub bits: Vec<u8>,
    /// The transmitted symbols, `[data element]`.
    pub symbols: Vec<Complex32>,
    /// The transmitted grid, `[num_ofdm_symbols, num_subcarriers]`.
    pub x: Vec<Complex32>,
    /// The received grids, `[rx_ant, num_ofdm_symbols, num_subcarriers]`.
    pub y: Vec<Complex32>,
    /// The channel at the middle of each symbol, `[rx_ant, num_ofdm_symbols, num_subcarriers]`.
    pub h: Vec<Complex32>,
    /// The channel's long-term statistics.
    pub statistics: ChannelStatistics,
}

impl Slot {
    /// The SNR of this very realisation [dB]: mean |h|² over the slot and its antennas, over N0.
    pub fn realized_snr_db(&self) -> f64 {
        let power = self.h.iter().map(|h| f64::from(h.norm_sqr())).sum::<f64>() / self.h.len() as f64;
        10.0 * power.log10() + self.parameters.snr_db
    }
}
