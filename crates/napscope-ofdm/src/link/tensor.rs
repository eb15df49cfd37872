//! A slot as a neural receiver takes it: its input and the bits that it shall find.
//!
//! # Layout
//! Everything is channels first, then symbols, then subcarriers: (c, h, w) = (channels, num_ofdm_symbols, num_subcarriers),
//! Sionna's order of the grid. (The paper and MATLAB write subcarriers before symbols: transpose the last two axes to
//! get theirs.) The input comes in two kinds, [`ReceiverInput`]. With N receive antennas the first 4N + 2 channels of both
//! are those of DeepRx (arXiv 2005.01494, fig. 2):
//!
//! | channels | content |
//! |---|---|
//! | 0 … N-1, N … 2N-1 | real, imaginary part of the received grid Y of each antenna |
//! | 2N, 2N+1 | real, imaginary part of the transmitted pilots X_p, zero elsewhere |
//! | 2N+2 … 3N+1, 3N+2 … 4N+1 | real, imaginary part of the raw channel estimate Y X_p*, zero off the pilots |
//!
//! [`ReceiverInput::Estimate`] has 4N + 1 more, what a classical receiver computes from the same pilots:
//!
//! | channels | content |
//! |---|---|
//! | 4N+2 … 5N+1, 5N+2 … 6N+1 | real, imaginary part of the smoothed channel estimate Ĥ of each antenna |
//! | 6N+2 … 7N+1, 7N+2 … 8N+1 | real, imaginary part of Ĥ* Y / (Σ abs(Ĥ)² + σ²): their sum over the antennas is the equalised (MMSE) symbol |
//! | 8N+2 | log10 of σ² / Σ abs(Ĥ)², what the estimator believes of its symbol's error, within ±4 |
//!
//! where Ĥ is the linear MMSE estimate with statistics from the slot's own pilots (receiver `lmmse_estimated`) and σ² is the
//! variance of the noise plus that of the estimate's error. The antennas' parts stand apart because each antenna's
//! channel turns on its own where the estimate grows old.

use super::simulator::Simulator;
use super::slot::Slot;
use crate::dmrs::PilotPattern;
use crate::error::{Error, Result};
use crate::mapping::Modulation;
use crate::receiver::{ChannelEstimate, ChannelStatistics, LmmseChannelEstimator, Received, StatisticsSource};

/// Bits of a symbol at most, so channels of the bits.
pub const MAX_BITS_PER_SYMBOL: usize = 8;

/// What stands where there is no bit: on pilots, on elements not in use, and beyond the bits of a smaller constellation.
pub const NO_BIT: i8 = -1;

/// Largest absolute value of the logarithm in the last channel of [`ReceiverInput::Estimate`].
const MAX_LOG10_ERROR: f32 = 4.0;

/// What a neural receiver is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReceiverInput {
    /// What arrived and what was sent as pilots, and nothing computed from it: the input of DeepRx.
    #[default]
    Raw,
    /// The same, a smoothed channel estimate and equalised symbols.
    Estimate,
}

/// Every kind of input with its name.
pub const RECEIVER_INPUTS: [(&str, ReceiverInput); 2] =
    [("raw", ReceiverInput::Raw), ("estimate", ReceiverInput::Estimate)];

impl ReceiverInput {
    /// Its name, as files and options write it.
    pub fn name(self) -> &'static str {
        RECEIVER_INPUTS[self as usize].0
    }

    /// The input called `name`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::UnknownName`] when nothing is called so.
    pub fn from_name(name: &str) -> Result<Self> {
        let known = RECEIVER_INPUTS.iter().find(|known| known.0 == name).map(|known| known.1);
        known.ok_or_else(|| Error::unknown("input of a neural receiver", name, RECEIVER_INPUTS.map(|known| known.0)))
    }

    /// Its channels for `num_rx_ant` antennas.
    pub fn num_channels(self, num_rx_ant: usize) -> usize {
        match self {
            ReceiverInput::Raw => 4 * num_rx_ant + 2,
            ReceiverInput::Estimate => 8 * num_rx_ant + 3,
        }
    }

    /// What writes it.
    pub fn writer(self) -> InputWriter {
        InputWriter {
            kind: self,
            estimator: LmmseChannelEstimator::new(StatisticsSource::Estimated),
            estimate: ChannelEstimate::default(),
        }
    }
}

/// Writes the input of a neural receiver, slot after slot. It keeps the memory of its channel estimator.
#[derive(Debug, Clone)]
pub struct InputWriter {
    kind: ReceiverInput,
    estimator: LmmseChannelEstimator,
    estimate: ChannelEstimate,
}

impl InputWriter {
    /// Writes the input for one slot.
    ///
    /// # Shapes
    /// `input`: `[num_channels, num_ofdm_symbols, num_subcarriers]`
    ///
    /// # Panics
    /// When `input` has another length.
    pub fn write(&mut self, received: &Received<'_>, input: &mut [f32]) {
        let (num_rx_ant, size) = (received.num_rx_ant(), received.grid.num_resource_elements());
        let num_channels = self.kind.num_channels(num_rx_ant);
        assert_eq!(input.len(), num_channels * size, "one number for each channel and element");
        let (raw, estimated) = input.split_at_mut(ReceiverInput::Raw.num_channels(num_rx_ant) * size);
        write_raw(received, raw);
        if self.kind == ReceiverInput::Estimate {
            self.estimator.estimate(received, &ChannelStatistics::default(), &mut self.estimate);
            write_estimate(received, &self.estimate, estimated);
        }
    }
}

/// Writes the channels of DeepRx.
fn write_raw(received: &Received<'_>, input: &mut [f32]) {
    let (num_rx_ant, size) = (received.num_rx_ant(), received.grid.num_resource_elements());
    let (y_planes, rest) = input.split_at_mut(2 * num_rx_ant * size);
    let (pilot_planes, raw_planes) = rest.split_at_mut(2 * size);
    let (y_re, y_im) = y_planes.split_at_mut(num_rx_ant * size);
    for (y, (re, im)) in received.y.iter().zip(y_re.iter_mut().zip(y_im)) {
        (*re, *im) = (y.re, y.im);
    }
    pilot_planes.fill(0.0);
    raw_planes.fill(0.0);
    let subcarriers = received.pattern.pilot_subcarriers();
    for (&symbol, pilots) in
        received.pattern.symbol_indices().iter().zip(received.pilots.chunks_exact(subcarriers.len()))
    {
        for (&k, pilot) in subcarriers.iter().zip(pilots) {
            let element = symbol * received.grid.num_subcarriers() + k;
            (pilot_planes[element], pilot_planes[size + element]) = (pilot.re, pilot.im);
            for rx in 0..num_rx_ant {
                let raw = received.y[rx * size + element] * pilot.conj();
                raw_planes[rx * size + element] = raw.re;
                raw_planes[(num_rx_ant + rx) * size + element] = raw.im;
            }
        }
    }
}

/// Writes the channels that come from a channel estimate.
fn write_estimate(received: &Received<'_>, estimate: &ChannelEstimate, planes: &mut [f32]) {
    let (num_rx_ant, size) = (received.num_rx_ant(), received.grid.num_resource_elements());
    let (h_planes, rest) = planes.split_at_mut(2 * num_rx_ant * size);
    let (symbol_planes, error_plane) = rest.split_at_mut(2 * num_rx_ant * size);
    for (element, log10_error) in error_plane.iter_mut().enumerate() {
        let gain: f32 = (0..num_rx_ant).map(|rx| estimate.h_hat[rx * size + element].norm_sqr()).sum();
        let noise_var = received.noise_var + estimate.err_var[element];
        // Without noise and channel nothing is known of the symbol, and zero says so.
        let scale = 1.0 / (gain + noise_var).max(1e-30);
        for rx in 0..num_rx_ant {
            let (re, im) = (rx * size + element, (num_rx_ant + rx) * size + element);
            let h = estimate.h_hat[re];
            let part = h.conj() * received.y[re] * scale;
            (h_planes[re], h_planes[im]) = (h.re, h.im);
            (symbol_planes[re], symbol_planes[im]) = (part.re, part.im);
        }
        let error = (noise_var.max(1e-30) / gain.max(1e-30)).log10();
        *log10_error = error.clamp(-MAX_LOG10_ERROR, MAX_LOG10_ERROR);
    }
}

/// Writes the transmitted bits of one slot: 0 or 1, and [`NO_BIT`] where there is none.
///
/// # Shapes
/// `bits`: `[MAX_BITS_PER_SYMBOL, num_ofdm_symbols, num_subcarriers]`
///
/// # Panics
/// When `bits` has another length.
pub fn write_bits(slot: &Slot, pattern: &PilotPattern, bits: &mut [i8]) {
    let size = slot.x.len();
    assert_eq!(bits.len(), MAX_BITS_PER_SYMBOL * size, "one number for each bit and element");
    bits.fill(NO_BIT);
    let num_bits = slot.parameters.modulation.num_bits_per_symbol();
    for (&element, sent) in pattern.data_elements().iter().zip(slot.bits.chunks_exact(num_bits)) {
        for (bit, &sent) in sent.iter().enumerate() {
            bits[bit * size + element as usize] = sent as i8;
        }
    }
}

/// The LLRs of one slot, of all that a network gives: those of the data elements, and of as many bits as `modulation` has.
/// Returns `[data element, num_bits_per_symbol]`.
///
/// # Shapes
/// `planes`: `[at least num_bits_per_symbol, num_ofdm_symbols, num_subcarriers]`
///
/// # Panics
/// When `planes` has too few bits.
pub fn read_llr(planes: &[f32], simulator: &Simulator, modulation: Modulation) -> Vec<f32> {
    let (num_bits, size) = (modulation.num_bits_per_symbol(), simulator.grid().num_resource_elements());
    let bits = |&element: &u32| (0..num_bits).map(move |bit| planes[bit * size + element as usize]);
    simulator.pattern().data_elements().iter().flat_map(bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkConfig;
    use crate::receiver::{Detected, ReceiverConfig};
    use rustfft::num_complex::Complex32;

    #[test]
    fn planes_hold_what_the_table_says() {
        let config = LinkConfig { num_prb: 2, num_rx_ant: 3, ..LinkConfig::default() };
        let simulator = Simulator::new(config).expect("valid");
        let mut workspace = simulator.workspace();
        let slot = simulator.slot(3, &mut workspace);
        let size = slot.x.len();
        let mut input = vec![f32::NAN; ReceiverInput::Raw.num_channels(3) * size];
        ReceiverInput::Raw.writer().write(&simulator.received(slot), &mut input);
        let mut dmrs = slot.x.clone();
        simulator.pattern().dmrs_grid(slot.parameters.slot_number, &mut dmrs);
        for (element, pilot) in dmrs.iter().enumerate() {
            let plane = |channel: usize| input[channel * size + element];
            assert_eq!((plane(6), plane(7)), (pilot.re, pilot.im), "pilot at {element}");
            for rx in 0..3 {
                let y = slot.y[rx * size + element];
                let raw = y * pilot.conj();
                assert_eq!((plane(rx), plane(3 + rx)), (y.re, y.im), "antenna {rx} at {element}");
                assert_eq!((plane(8 + rx), plane(11 + rx)), (raw.re, raw.im), "raw estimate {rx} at {element}");
            }
        }
        let mut bits = vec![7; MAX_BITS_PER_SYMBOL * size];
        write_bits(slot, simulator.pattern(), &mut bits);
        let data = simulator.pattern().data_elements();
        let mut expected = vec![NO_BIT; bits.len()];
        for (i, &bit) in slot.bits.iter().enumerate() {
            expected[i % 4 * size + data[i / 4] as usize] = bit as i8;
        }
        assert_eq!(bits, expected);
        // A network that gives the bits themselves for LLRs, and two more of nothing.
        let planes: Vec<f32> = bits[..6 * size].iter().map(|&bit| f32::from(bit)).collect();
        let llr = read_llr(&planes, &simulator, slot.parameters.modulation);
        let sent: Vec<f32> = slot.bits.iter().map(|&bit| f32::from(bit)).collect();
        assert_eq!(llr, sent, "in the order of the bits that were sent");
    }

    #[test]
    fn the_estimate_is_that_of_the_classical_receiver() {
        let config = LinkConfig { num_prb: 3, ..LinkConfig::default() };
        let simulator = Simulator::new(config).expect("valid");
        let mut workspace = simulator.workspace();
        let mut receiver = simulator.receiver(ReceiverConfig::from_name("lmmse_estimated").expect("a receiver"));
        let (mut detected, mut writer) = (Detected::default(), ReceiverInput::Estimate.writer());
        for index in 0..4 {
            let slot = simulator.slot(index, &mut workspace);
            let size = slot.x.len();
            let mut input = vec![f32::NAN; ReceiverInput::Estimate.num_channels(2) * size];
            writer.write(&simulator.received(slot), &mut input);
            receiver.receive(
                &simulator.received(slot),
                &simulator.genie(slot),
                slot.parameters.modulation,
                &mut detected,
            );
            let plane = |channel: usize, element: usize| input[channel * size + element];
            for (&element, (x_hat, error)) in
                simulator.pattern().data_elements().iter().zip(detected.x_hat.iter().zip(&detected.noise_eff))
            {
                let element = element as usize;
                for rx in 0..2 {
                    let h = detected.estimate.h_hat[rx * size + element];
                    assert_eq!(
                        (plane(10 + rx, element), plane(12 + rx, element)),
                        (h.re, h.im),
                        "channel {rx}, {element}"
                    );
                }
                // The receiver's symbols are without bias, those of the input with it.
                let expected = x_hat / (1.0 + error);
                let got =
                    Complex32::new(plane(14, element) + plane(15, element), plane(16, element) + plane(17, element));
                assert!(
                    (got - expected).norm() < 1e-5 * (1.0 + expected.norm()),
                    "{element}: {got}, expected {expected}"
                );
                let expected = error.log10().clamp(-4.0, 4.0);
                assert!((plane(18, element) - expected).abs() < 1e-4, "{element}: {}", plane(18, element));
            }
            assert!(input.iter().all(|value| value.is_finite()), "slot {index}");
        }
    }

    #[test]
    fn inputs_are_found_by_name() {
        for (name, input) in RECEIVER_INPUTS {
            assert_eq!((input.name(), ReceiverInput::from_name(name).expect(name)), (name, input));
        }
        assert!(ReceiverInput::from_name("row").is_err(), "no input is called `row`");
    }
}
