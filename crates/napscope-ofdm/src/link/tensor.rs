//! A slot as a neural receiver takes it: the input of DeepRx (arXiv 2005.01494, fig. 2) and the bits that it shall find.
//!
//! # Layout
//! Everything is channels first, then symbols, then subcarriers: (c, h, w) = (channels, num_ofdm_symbols, num_subcarriers),
//! Sionna's order of the grid. (The paper and MATLAB write subcarriers before symbols: transpose the last two axes to
//! get theirs.) With N receive antennas the 4N + 2 channels of the input are
//!
//! | channels | content |
//! |---|---|
//! | 0 … N-1, N … 2N-1 | real, imaginary part of the received grid Y of each antenna |
//! | 2N, 2N+1 | real, imaginary part of the transmitted pilots X_p, zero elsewhere |
//! | 2N+2 … 3N+1, 3N+2 … 4N+1 | real, imaginary part of the raw channel estimate Y X_p*, zero off the pilots |

use super::slot::Slot;
use crate::dmrs::PilotPattern;
use crate::receiver::Received;

/// Bits of a symbol at most, so channels of the bits.
pub const MAX_BITS_PER_SYMBOL: usize = 8;

/// What stands where there is no bit: on pilots, on elements not in use, and beyond the bits of a smaller constellation.
pub const NO_BIT: i8 = -1;

/// Channels of the input for `num_rx_ant` antennas.
pub fn num_input_channels(num_rx_ant: usize) -> usize {
    4 * num_rx_ant + 2
}

/// Writes the input for one slot.
///
/// # Shapes
/// `input`: `[4 num_rx_ant + 2, num_ofdm_symbols, num_subcarriers]`
///
/// # Panics
/// When `input` has another length.
pub fn write_input(received: &Received<'_>, input: &mut [f32]) {
    let (num_rx_ant, size) = (received.num_rx_ant(), received.grid.num_resource_elements());
    assert_eq!(input.len(), num_input_channels(num_rx_ant) * size, "one number for each channel and element");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{LinkConfig, Simulator};

    #[test]
    fn planes_hold_what_the_table_says() {
        let config = LinkConfig { num_prb: 2, num_rx_ant: 3, ..LinkConfig::default() };
        let simulator = Simulator::new(config).expect("valid");
        let mut workspace = simulator.workspace();
        let slot = simulator.slot(3, &mut workspace);
        let size = slot.x.len();
        let mut input = vec![f32::NAN; num_input_channels(3) * size];
        write_input(&simulator.received(slot), &mut input);
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
    }
}
