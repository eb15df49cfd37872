//! All that decides what a slot is.

use super::values::Values;
use crate::channel::{ChannelModel, DEFAULT_NUM_SINUSOIDS, MAX_NUM_RX_ANT, Tdl, max_doppler_hz};
use crate::coding::{CheckRule, DecoderOptions, RateMatching, TransportBlock};
use crate::dmrs::{DmrsConfig, PilotPattern};
use crate::error::{Error, Result, in_range};
use crate::grid::{ResourceGrid, SubcarrierSpacing};
use crate::mapping::Modulation;

/// How the transmitter moves, which spreads the channel over frequency.
#[derive(Debug, Clone, PartialEq)]
pub enum Motion {
    /// Speed [m/s]; the largest Doppler shift follows from the carrier frequency.
    SpeedMps(Values),
    /// Largest Doppler shift [Hz]; the speed follows from the carrier frequency. MATLAB: `MaximumDopplerShift`.
    MaxDopplerHz(Values),
}

impl Motion {
    /// The speed, where it is the one that is given.
    pub fn speed_mps(&self) -> Option<&Values> {
        match self {
            Motion::SpeedMps(values) => Some(values),
            Motion::MaxDopplerHz(_) => None,
        }
    }

    /// The largest Doppler shift, where it is the one that is given.
    pub fn max_doppler_hz(&self) -> Option<&Values> {
        match self {
            Motion::MaxDopplerHz(values) => Some(values),
            Motion::SpeedMps(_) => None,
        }
    }
}

/// Whether the channel changes within a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fades {
    /// From symbol to symbol (and, in the time domain, from sample to sample).
    #[default]
    WithinSlot,
    /// From slot to slot only: block fading.
    BetweenSlots,
}

/// How the channel is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Domain {
    /// Over the grid where all delays lie inside the cyclic prefix, else in the time domain.
    #[default]
    Auto,
    /// One factor a resource element. Exact as long as delays lie inside the cyclic prefix and the channel stands still
    /// for the length of a symbol; delays beyond it are refused.
    Frequency,
    /// Sample by sample, with inter-symbol and inter-carrier interference.
    Time,
}

/// What hardware and other transmitters add. Its default is nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Impairments {
    /// Offset of the carrier frequency [Hz].
    pub cfo_hz: Values,
    /// Phase noise: full width at half maximum of the oscillator's line [Hz].
    pub phase_noise_linewidth_hz: Values,
    /// Back-off of the power amplifier [dB]; `None`: it is linear.
    pub pa_backoff_db: Option<Values>,
    /// Signal to narrow-band interference [dB], mean powers over the whole grid; `None`: there is none.
    pub narrowband_sir_db: Option<Values>,
    /// Subcarriers of the narrow-band interferer.
    pub narrowband_num_subcarriers: usize,
    /// Signal to co-channel interference [dB], a QPSK transmitter behind its own channel of the same model; `None`: there is none.
    pub co_channel_sir_db: Option<Values>,
}

impl Default for Impairments {
    fn default() -> Self {
        Impairments {
            cfo_hz: Values::Fixed(0.0),
            phase_noise_linewidth_hz: Values::Fixed(0.0),
            pa_backoff_db: None,
            narrowband_sir_db: None,
            narrowband_num_subcarriers: 12,
            co_channel_sir_db: None,
        }
    }
}

impl Impairments {
    fn check(&self, grid: &ResourceGrid) -> Result<()> {
        let half_spacing = 0.5 * grid.subcarrier_spacing().hz();
        self.cfo_hz.check("cfo_hz", -half_spacing..=half_spacing)?;
        self.phase_noise_linewidth_hz.check("phase_noise_linewidth_hz", 0.0..=half_spacing)?;
        for (name, values) in [
            ("pa_backoff_db", &self.pa_backoff_db),
            ("narrowband_sir_db", &self.narrowband_sir_db),
            ("co_channel_sir_db", &self.co_channel_sir_db),
        ] {
            if let Some(values) = values {
                values.check(name, -60.0..=100.0)?;
            }
        }
        if !(1..=grid.num_subcarriers()).contains(&self.narrowband_num_subcarriers) {
            return Err(Error::parameter(format!(
                "narrowband_num_subcarriers must lie from 1 to the {} of the grid, got {}",
                grid.num_subcarriers(),
                self.narrowband_num_subcarriers
            )));
        }
        Ok(())
    }
}

/// Channel coding of the data (TS 38.212), with one transport block a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Coding {
    /// Information bits over coded bits, from which the size of the transport block follows. MATLAB: `TargetCodeRate`.
    pub target_coderate: f64,
    /// Redundancy version, 0 to 3: which part of the code word is sent. MATLAB: `RV`.
    pub redundancy_version: usize,
    /// Name of the terminal, 0 to 65535, from which the scrambling sequence follows. MATLAB: `RNTI`.
    pub n_rnti: u32,
    /// How the receivers decode.
    pub decoder: DecoderOptions,
}

impl Default for Coding {
    fn default() -> Self {
        Coding { target_coderate: 658.0 / 1024.0, redundancy_version: 0, n_rnti: 1, decoder: DecoderOptions::default() }
    }
}

impl Coding {
    /// The transport block of a slot of `pattern` in `modulation`.
    pub(super) fn transport_block(
        &self,
        grid: &ResourceGrid,
        pattern: &PilotPattern,
        modulation: Modulation,
    ) -> Result<TransportBlock> {
        if self.n_rnti > 65_535 {
            return Err(Error::parameter(format!("n_rnti must lie from 0 to 65535, got {}", self.n_rnti)));
        }
        if self.decoder.max_iterations == 0 {
            return Err(Error::parameter("max_iterations of the decoder must be at least 1, got 0"));
        }
        if let CheckRule::MinSum { normalization } = self.decoder.rule {
            in_range("normalization of the decoder", normalization.into(), 0.01..=1.0)?;
        }
        let (num_elements, num_bits_per_symbol) = (pattern.data_elements().len(), modulation.num_bits_per_symbol());
        // TS 38.214, 5.1.3.2: no resource block counts for more than 156 elements.
        let counted = num_elements.min(156 * grid.num_prb());
        // TS 38.211, 6.3.1.1, with the identity of the DMRS (data has ten bits of it).
        let scrambling = (self.n_rnti << 15) + pattern.config().n_id % 1024;
        let matching = RateMatching {
            num_coded_bits: num_elements * num_bits_per_symbol,
            num_bits_per_symbol,
            redundancy_version: self.redundancy_version,
        };
        TransportBlock::new(matching, counted * num_bits_per_symbol, self.target_coderate, scrambling)
    }
}

/// The configuration of a link: one transmitter, one or more receive antennas. Its default is a slot of 26 resource blocks at 4 GHz and
/// 15 kHz, 16-QAM over TDL-C at 100 ns and 10 m/s, two antennas and two DMRS symbols.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkConfig {
    /// Subcarrier spacing.
    pub subcarrier_spacing: SubcarrierSpacing,
    /// Resource blocks. Sionna: `n_size_grid`; MATLAB: `NSizeGrid`.
    pub num_prb: usize,
    /// Length of the Fourier transform; `None`: the smallest power of two that holds the subcarriers.
    pub fft_size: Option<usize>,
    /// Pilots.
    pub dmrs: DmrsConfig,
    /// Carrier frequency [Hz].
    pub carrier_frequency_hz: f64,
    /// Receive antennas, 1 to 8; they fade independently. MATLAB: `NumReceiveAntennas`.
    pub num_rx_ant: usize,
    /// Modulations, of which each slot has one.
    pub modulations: Vec<Modulation>,
    /// Channel models, of which each slot has one. MATLAB: `DelayProfile`.
    pub channel_models: Vec<ChannelModel>,
    /// Es/N0 on a resource element at each receive antenna, averaged over the fading [dB]: data symbols and channel have unit
    /// mean energy, so N0 = 10^(-snr_db / 10). Pilots may have more energy ([`DmrsConfig::num_cdm_groups_without_data`]).
    pub snr_db: Values,
    /// RMS delay spread [s] of the models that are scaled. MATLAB: `DelaySpread`.
    pub delay_spread_secs: Values,
    /// Motion of the transmitter.
    pub motion: Motion,
    /// Whether the channel changes within a slot.
    pub fades: Fades,
    /// How the channel is applied.
    pub domain: Domain,
    /// What hardware and other transmitters add.
    pub impairments: Impairments,
    /// Channel coding; `None`: the data are random bits.
    pub coding: Option<Coding>,
    /// Sinusoids a tap.
    pub num_sinusoids: usize,
    /// Names the experiment: slot i of the same seed and configuration is always the same.
    pub seed: u64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        LinkConfig {
            subcarrier_spacing: SubcarrierSpacing::Khz15,
            num_prb: 26,
            fft_size: None,
            dmrs: DmrsConfig::default(),
            carrier_frequency_hz: 4e9,
            num_rx_ant: 2,
            modulations: vec![Modulation::Qam16],
            channel_models: vec![ChannelModel::Tdl(Tdl::C)],
            snr_db: Values::Fixed(15.0),
            delay_spread_secs: Values::Fixed(100e-9),
            motion: Motion::SpeedMps(Values::Fixed(10.0)),
            fades: Fades::WithinSlot,
            domain: Domain::Auto,
            impairments: Impairments::default(),
            coding: None,
            num_sinusoids: DEFAULT_NUM_SINUSOIDS,
            seed: 0,
        }
    }
}

impl LinkConfig {
    /// Checks everything and works out grid and pilots.
    ///
    /// # Errors
    /// For any parameter outside of its range, and for combinations that cannot be.
    pub(super) fn build(&self) -> Result<(ResourceGrid, PilotPattern)> {
        let grid = ResourceGrid::new(self.subcarrier_spacing, self.num_prb, self.fft_size)?;
        let pattern = PilotPattern::new(&grid, &self.dmrs)?;
        in_range("carrier_frequency_hz", self.carrier_frequency_hz, 1e6..=1e12)?;
        if !(1..=MAX_NUM_RX_ANT).contains(&self.num_rx_ant) {
            return Err(Error::parameter(format!(
                "num_rx_ant must lie from 1 to {MAX_NUM_RX_ANT}, got {}",
                self.num_rx_ant
            )));
        }
        if !(1..=1000).contains(&self.num_sinusoids) {
            return Err(Error::parameter(format!("num_sinusoids must lie from 1 to 1000, got {}", self.num_sinusoids)));
        }
        if self.modulations.is_empty() {
            return Err(Error::parameter("modulations is a list without a modulation"));
        }
        if self.channel_models.is_empty() {
            return Err(Error::parameter("channel_models is a list without a model"));
        }
        self.snr_db.check("snr_db", -100.0..=100.0)?;
        self.delay_spread_secs.check("delay_spread_secs", 0.0..=1e-3)?;
        self.check_motion(&grid)?;
        self.check_delays(&grid)?;
        self.impairments.check(&grid)?;
        Ok((grid, pattern))
    }

    fn check_motion(&self, grid: &ResourceGrid) -> Result<()> {
        let doppler = match &self.motion {
            Motion::SpeedMps(speed) => {
                speed.check("speed_mps", 0.0..=1e5)?;
                max_doppler_hz(speed.range().1, self.carrier_frequency_hz)
            }
            Motion::MaxDopplerHz(doppler) => {
                doppler.check("max_doppler_hz", 0.0..=f64::MAX)?;
                doppler.range().1
            }
        };
        let spacing = grid.subcarrier_spacing().hz();
        if doppler > 0.5 * spacing {
            return Err(Error::parameter(format!(
                "a Doppler shift of {doppler} Hz exceeds half of the subcarrier spacing of {spacing} Hz"
            ))
            .hint("lower the speed or the carrier frequency, or widen the subcarrier spacing"));
        }
        Ok(())
    }

    /// Longest delay of any slot against the cyclic prefix and the symbol.
    fn check_delays(&self, grid: &ResourceGrid) -> Result<()> {
        let spread = self.delay_spread_secs.range().1;
        let longest = self
            .channel_models
            .iter()
            .map(|model| (model.profile(spread).max_delay_secs(), model.name()))
            .fold((0.0, String::new()), |a, b| if b.0 > a.0 { b } else { a });
        let symbol_secs = 1.0 / grid.subcarrier_spacing().hz();
        if longest.0 > symbol_secs {
            return Err(Error::parameter(format!(
                "{} at a delay spread of {spread} s has a path of {:.3e} s, longer than a symbol of {symbol_secs:.3e} s",
                longest.1, longest.0
            ))
            .hint("shorten delay_spread_secs, which is in seconds: 100 ns is 100e-9"));
        }
        let prefix_secs = grid.min_cyclic_prefix_secs();
        if self.domain == Domain::Frequency && longest.0 > prefix_secs {
            return Err(Error::parameter(format!(
                "{} at a delay spread of {spread} s has a path of {:.3e} s, beyond the cyclic prefix of {prefix_secs:.3e} s",
                longest.1, longest.0
            ))
            .hint("use the domain `auto` or `time`, which have the inter-symbol interference"));
        }
        Ok(())
    }
}
