//! Slot after slot, each from its number alone.

use super::config::{Domain, Fades, LinkConfig, Motion};
use super::front_end::{FrontEnd, Path};
use super::slot::{Slot, SlotParameters};
use super::values::Values;
use crate::channel::{Fading, FrequencyResponse, SPEED_OF_LIGHT_MPS, max_doppler_hz};
use crate::coding::{EncoderMemory, TransportBlock};
use crate::dmrs::PilotPattern;
use crate::error::Result;
use crate::grid::{NUM_OFDM_SYMBOLS, ResourceGrid};
use crate::impairments::{add_co_channel, add_narrowband};
use crate::mapping::{Constellation, MODULATIONS, Modulation};
use crate::random::{Purpose, Stream};
use crate::receiver::{ChannelStatistics, Genie, Received, Receiver, ReceiverConfig};
use rustfft::num_complex::Complex32;

/// The simulator of one configuration. It holds no state: any thread may make any slot, in any order, in its own
/// [`Workspace`].
#[derive(Debug, Clone)]
pub struct Simulator {
    config: LinkConfig,
    grid: ResourceGrid,
    pattern: PilotPattern,
    constellations: [Constellation; MODULATIONS.len()],
    /// The coding of each modulation that occurs.
    transport_blocks: [Option<TransportBlock>; MODULATIONS.len()],
    /// The pilots of each slot of a frame.
    pilots: Vec<Vec<Complex32>>,
    /// When each symbol is in the middle [s].
    times_secs: [f64; NUM_OFDM_SYMBOLS],
}

/// The memory in which slots are made. After the first slot nothing is allocated any more.
pub struct Workspace {
    /// The last slot made.
    pub slot: Slot,
    fading: Fading,
    response: FrequencyResponse,
    /// Gains of the taps, `[rx_ant, symbol, tap]`.
    gains: (Vec<f32>, Vec<f32>),
    encoder: EncoderMemory,
    front_end: FrontEnd,
    /// One value for each element of `y`, and one for each element of `x`: memory to work in.
    buffer: Vec<Complex32>,
    symbols: Vec<Complex32>,
}

impl Simulator {
    /// A simulator of `config`.
    ///
    /// # Errors
    /// For any parameter outside of its range, and for combinations that cannot be; what they are is in the message.
    pub fn new(config: LinkConfig) -> Result<Self> {
        let (grid, pattern) = config.build()?;
        let pilots = (0..config.subcarrier_spacing.slots_per_frame())
            .map(|slot_number| {
                let mut pilots = vec![Complex32::default(); pattern.num_pilots()];
                pattern.pilots(slot_number, &mut pilots);
                pilots
            })
            .collect();
        let times_secs = std::array::from_fn(|symbol| match config.fades {
            Fades::WithinSlot => grid.symbol_time_secs(symbol, 0),
            Fades::BetweenSlots => 0.0,
        });
        let constellations = MODULATIONS.map(Constellation::new);
        let mut transport_blocks = [const { None }; MODULATIONS.len()];
        if let Some(coding) = &config.coding {
            for &modulation in &config.modulations {
                transport_blocks[modulation as usize] = Some(coding.transport_block(&grid, &pattern, modulation)?);
            }
        }
        Ok(Simulator { config, grid, pattern, constellations, transport_blocks, pilots, times_secs })
    }

    /// The configuration.
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// The resource grid.
    pub fn grid(&self) -> &ResourceGrid {
        &self.grid
    }

    /// Pilots and data.
    pub fn pattern(&self) -> &PilotPattern {
        &self.pattern
    }

    /// The coding of slots of `modulation`; `None` without channel coding.
    pub fn transport_block(&self, modulation: Modulation) -> Option<&TransportBlock> {
        self.transport_blocks[modulation as usize].as_ref()
    }

    /// A receiver for the slots of this simulator.
    pub fn receiver(&self, config: ReceiverConfig) -> Receiver {
        Receiver::new(&self.grid, &self.pattern, config)
    }

    /// Memory for one thread.
    pub fn workspace(&self) -> Workspace {
        let num_elements = self.grid.num_resource_elements();
        let grids = vec![Complex32::default(); self.config.num_rx_ant * num_elements];
        Workspace {
            slot: Slot {
                parameters: self.parameters(0),
                information: Vec::new(),
                bits: Vec::new(),
                symbols: vec![Complex32::default(); self.pattern.data_elements().len()],
                x: vec![Complex32::default(); num_elements],
                y: grids.clone(),
                h: grids.clone(),
                statistics: ChannelStatistics::default(),
            },
            fading: Fading::default(),
            response: FrequencyResponse::default(),
            gains: (Vec::new(), Vec::new()),
            encoder: EncoderMemory::default(),
            front_end: FrontEnd::new(&self.grid),
            buffer: grids,
            symbols: Vec::new(),
        }
    }

    /// The parameters of slot `index`.
    pub fn parameters(&self, index: u64) -> SlotParameters {
        let config = &self.config;
        // Each parameter has its own draw, in this order, whether it is needed or not: fixing one leaves the others as they are.
        let mut random = Stream::new(config.seed, index, Purpose::Parameters);
        let snr_db = config.snr_db.at(random.uniform());
        let spread = config.delay_spread_secs.at(random.uniform());
        let motion = random.uniform();
        let channel_model = config.channel_models[random.below(config.channel_models.len())];
        let modulation = config.modulations[random.below(config.modulations.len())];
        let (speed_mps, max_doppler_hz) = match &config.motion {
            Motion::SpeedMps(speed) => {
                let speed = speed.at(motion);
                (speed, max_doppler_hz(speed, config.carrier_frequency_hz))
            }
            Motion::MaxDopplerHz(doppler) => {
                let doppler = doppler.at(motion);
                (doppler * SPEED_OF_LIGHT_MPS / config.carrier_frequency_hz, doppler)
            }
        };
        SlotParameters {
            index,
            slot_number: (index % self.pilots.len() as u64) as u32,
            snr_db,
            delay_spread_secs: channel_model.fixed_delay_spread_secs().unwrap_or(spread),
            speed_mps,
            max_doppler_hz,
            channel_model,
            modulation,
            cfo_hz: config.impairments.cfo_hz.at(random.uniform()),
            phase_noise_linewidth_hz: config.impairments.phase_noise_linewidth_hz.at(random.uniform()),
            pa_backoff_db: optional(&config.impairments.pa_backoff_db, random.uniform()),
            narrowband_sir_db: optional(&config.impairments.narrowband_sir_db, random.uniform()),
            co_channel_sir_db: optional(&config.impairments.co_channel_sir_db, random.uniform()),
        }
    }

    /// Makes slot `index` in `workspace`, from which the returned slot is borrowed.
    pub fn slot<'w>(&self, index: u64, workspace: &'w mut Workspace) -> &'w Slot {
        workspace.slot.parameters = self.parameters(index);
        self.transmit(&mut workspace.slot, &mut workspace.encoder);
        self.fade(workspace);
        self.receive(workspace);
        &workspace.slot
    }

    /// What a receiver sees of `slot`.
    pub fn received<'s>(&'s self, slot: &'s Slot) -> Received<'s> {
        Received {
            grid: &self.grid,
            pattern: &self.pattern,
            y: &slot.y,
            pilots: &self.pilots[slot.parameters.slot_number as usize],
            noise_var: slot.parameters.noise_var() as f32,
        }
    }

    /// What no receiver sees of `slot`.
    pub fn genie<'s>(&self, slot: &'s Slot) -> Genie<'s> {
        Genie { h: &slot.h, statistics: &slot.statistics }
    }

    /// Bits, symbols and the transmitted grid.
    fn transmit(&self, slot: &mut Slot, encoder: &mut EncoderMemory) {
        let modulation = slot.parameters.modulation;
        let data = self.pattern.data_elements();
        let mut random = Stream::new(self.config.seed, slot.parameters.index, Purpose::Bits);
        if let Some(transport_block) = self.transport_block(modulation) {
            slot.information.resize(transport_block.size(), 0);
            random.bits(&mut slot.information);
            transport_block.encode_into(&slot.information, encoder, &mut slot.bits);
        } else {
            slot.bits.resize(data.len() * modulation.num_bits_per_symbol(), 0);
            random.bits(&mut slot.bits);
        }
        self.constellations[modulation as usize].map(&slot.bits, &mut slot.symbols);
        slot.x.fill(Complex32::default());
        for (&element, &symbol) in data.iter().zip(&slot.symbols) {
            slot.x[element as usize] = symbol;
        }
        let subcarriers = self.pattern.pilot_subcarriers();
        let pilots = &self.pilots[slot.parameters.slot_number as usize];
        for (&symbol, row) in self.pattern.symbol_indices().iter().zip(pilots.chunks_exact(subcarriers.len())) {
            for (&k, &pilot) in subcarriers.iter().zip(row) {
                slot.x[symbol * self.grid.num_subcarriers() + k] = pilot;
            }
        }
    }

    /// The channel over the grid.
    fn fade(&self, workspace: &mut Workspace) {
        let Workspace { slot, fading, response, gains, .. } = workspace;
        let parameters = &slot.parameters;
        let profile = &mut slot.statistics.profile;
        parameters.channel_model.write_profile(parameters.delay_spread_secs, profile);
        slot.statistics.max_doppler_hz = match self.config.fades {
            Fades::WithinSlot => parameters.max_doppler_hz,
            Fades::BetweenSlots => 0.0,
        };
        let mut random = Stream::new(self.config.seed, parameters.index, Purpose::Channel);
        response.set_delays(&self.grid, &profile.delays_secs);
        self.draw_response(&slot.statistics, fading, response, gains, &mut random, &mut slot.h);
    }

    /// Draws one realisation of the channel into `h`.
    fn draw_response(
        &self,
        statistics: &ChannelStatistics,
        fading: &mut Fading,
        response: &FrequencyResponse,
        gains: &mut (Vec<f32>, Vec<f32>),
        random: &mut Stream,
        h: &mut [Complex32],
    ) {
        let num_rx_ant = self.config.num_rx_ant;
        fading.draw(&statistics.profile, statistics.max_doppler_hz, num_rx_ant, self.config.num_sinusoids, random);
        let num_gains = num_rx_ant * NUM_OFDM_SYMBOLS * fading.num_taps();
        gains.0.resize(num_gains, 0.0);
        gains.1.resize(num_gains, 0.0);
        fading.gains(&self.times_secs, &mut gains.0, &mut gains.1);
        response.respond(&gains.0, &gains.1, h);
    }

    /// What arrives: the signal through amplifier, channel and oscillator, interference, noise.
    fn receive(&self, workspace: &mut Workspace) {
        let Workspace { slot, fading, front_end, .. } = workspace;
        let beyond_prefix = slot.statistics.profile.max_delay_secs() > self.grid.min_cyclic_prefix_secs();
        let path = Path {
            in_time: self.config.domain == Domain::Time || (self.config.domain == Domain::Auto && beyond_prefix),
            is_static: self.config.fades == Fades::BetweenSlots,
        };
        let stream = |purpose| Stream::new(self.config.seed, slot.parameters.index, purpose);
        let (mut oscillator, mut interference, mut noise) =
            (stream(Purpose::Oscillator), stream(Purpose::Interference), stream(Purpose::Noise));
        front_end.propagate(&self.grid, &path, fading, slot, &mut oscillator);
        self.interfere(workspace, &mut interference);
        let Workspace { slot, buffer, .. } = workspace;
        noise.complex_normal(buffer);
        let amplitude = slot.parameters.noise_var().sqrt() as f32;
        slot.y.iter_mut().zip(&*buffer).for_each(|(y, noise)| *y += noise * amplitude);
    }

    fn interfere(&self, workspace: &mut Workspace, random: &mut Stream) {
        let Workspace { slot, fading, response, gains, buffer, symbols, .. } = workspace;
        let num_rx_ant = self.config.num_rx_ant;
        if let Some(sir_db) = slot.parameters.co_channel_sir_db {
            self.draw_response(&slot.statistics, fading, response, gains, random, buffer);
            add_co_channel(&mut slot.y, buffer, num_rx_ant, sir_db, symbols, random);
        }
        if let Some(sir_db) = slot.parameters.narrowband_sir_db {
            let width = self.config.impairments.narrowband_num_subcarriers;
            add_narrowband(&mut slot.y, num_rx_ant, self.grid.num_subcarriers(), (sir_db, width), random);
        }
    }
}

fn optional(values: &Option<Values>, u: f64) -> Option<f64> {
    values.as_ref().map(|values| values.at(u))
}
