//! A slot as a picture: its constellation as a classical receiver sees it, its channel with the pilots, and how sure and how right
//! each resource element is.
//!
//! Everything is read off the network's own input ([`ReceiverInput::Estimate`]), which holds a smoothed channel estimate and
//! equalised symbols, and the transmitted bits.

use image::{Rgb, RgbImage};
use napscope_ofdm::Complex32;
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use napscope_ofdm::link::tensor::{MAX_BITS_PER_SYMBOL, ReceiverInput};
use napscope_ofdm::mapping::{Constellation, Demapper, DemappingMethod, MODULATIONS, Modulation};

/// Pixels of the square of the constellation, and of the width of the maps.
const SIDE: u32 = 144;
/// Pixels of an OFDM symbol in a map: with a gap between them two maps are as high as the constellation.
const SYMBOL: u32 = 5;
const GAP: u32 = 4;
/// The largest real and imaginary part that is drawn.
const REACH: f32 = 1.6;
/// Channel gains are drawn from the largest of the slot down to this many dB below it.
const GAIN_RANGE_DB: f32 = 20.0;
/// LLRs beyond this are drawn like this one: an error in 20,000 bits.
const SURE: f32 = 10.0;

const GROUND: Rgb<u8> = Rgb([16, 20, 26]);
/// Where there is no bit.
const NOTHING: Rgb<u8> = Rgb([96, 104, 116]);
const PILOT: Rgb<u8> = Rgb([255, 255, 255]);
const POINT: Rgb<u8> = Rgb([238, 136, 102]);
/// Of a density from few to many: perceptually even (viridis).
const DENSITY: [[u8; 3]; 5] = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
/// Surely wrong, unsure, surely right: apart for colour-blind eyes too.
const CERTAINTY: [[u8; 3]; 5] = [[178, 24, 43], [239, 138, 98], [225, 225, 225], [103, 169, 207], [33, 102, 172]];

/// How the slots of a data set are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotPictures {
    num_rx_ant: usize,
    num_subcarriers: usize,
}

/// What is known of a data element.
struct Element {
    x_hat: Complex32,
    /// The LLR of its worst bit, with the sign turned so that right is positive.
    certainty: f32,
}

impl SlotPictures {
    /// How to draw slots whose network input and bits have these shapes; `None` for what holds no equalised slots.
    pub fn find(input: &[usize], bits: &[usize]) -> Option<Self> {
        let &[channels, NUM_OFDM_SYMBOLS, num_subcarriers] = input else { return None };
        let num_rx_ant = (1..=64).find(|&antennas| ReceiverInput::Estimate.num_channels(antennas) == channels)?;
        let sound = bits == [MAX_BITS_PER_SYMBOL, NUM_OFDM_SYMBOLS, num_subcarriers] && num_subcarriers > 0;
        sound.then_some(SlotPictures { num_rx_ant, num_subcarriers })
    }

    /// Draws one slot.
    ///
    /// # Shapes
    /// `input`: `[channels, num_ofdm_symbols, num_subcarriers]`; `bits`: `[8, num_ofdm_symbols, num_subcarriers]`, -1 where
    /// there is none
    pub fn draw(&self, input: &[f32], bits: &[f32]) -> RgbImage {
        let mut picture = RgbImage::from_pixel(2 * SIDE + GAP, SIDE, GROUND);
        let (gains, elements) = (self.gains(input), self.elements(input, bits));
        let strongest = gains.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        draw_constellation(&mut picture, &elements, num_bits(bits));
        self.draw_map(&mut picture, 0, |element: usize| {
            let below = (gains[element] - strongest) / GAIN_RANGE_DB;
            Rgb(ramp(&DENSITY, 1.0 + below))
        });
        self.draw_map(&mut picture, SIDE - NUM_OFDM_SYMBOLS as u32 * SYMBOL, |element: usize| {
            match &elements[element] {
                Some(Element { certainty, .. }) => Rgb(ramp(&CERTAINTY, 0.5 + 0.5 * certainty / SURE)),
                None => NOTHING,
            }
        });
        self.mark_pilots(&mut picture, input);
        picture
    }

    fn size(&self) -> usize {
        NUM_OFDM_SYMBOLS * self.num_subcarriers
    }

    /// Σ abs(Ĥ)² over the antennas, in dB.
    fn gains(&self, input: &[f32]) -> Vec<f32> {
        let (size, first) = (self.size(), 4 * self.num_rx_ant + 2);
        let gain = |element: usize| {
            let parts = first..first + 2 * self.num_rx_ant;
            let gain: f32 = parts.map(|channel: usize| input[channel * size + element].powi(2)).sum();
            10.0 * gain.max(1e-12).log10()
        };
        (0..size).map(gain).collect()
    }

    /// The data elements; `None` where no bit was sent.
    fn elements(&self, input: &[f32], bits: &[f32]) -> Vec<Option<Element>> {
        let (size, antennas) = (self.size(), self.num_rx_ant);
        let num_bits = num_bits(bits);
        let Some(modulation) = modulation(num_bits) else { return (0..size).map(|_| None).collect() };
        let demapper = Demapper::new(modulation, DemappingMethod::MaxLog);
        let mut llr = vec![0.0; num_bits];
        let mut element = |element: usize| {
            if bits[element] < 0.0 {
                return None;
            }
            let sum = |first: usize| -> f32 { (0..antennas).map(|rx| input[(first + rx) * size + element]).sum() };
            let error = 10f32.powf(input[(8 * antennas + 2) * size + element]);
            // The input's symbols are biased towards zero (MMSE), a constellation is not.
            let x_hat = Complex32::new(sum(6 * antennas + 2), sum(7 * antennas + 2)) * (1.0 + error);
            demapper.demap(&[x_hat], &[error], &mut llr);
            let right = |(bit, llr): (usize, &f32)| if bits[bit * size + element] > 0.5 { *llr } else { -*llr };
            let certainty = llr.iter().enumerate().map(right).fold(f32::INFINITY, f32::min);
            Some(Element { x_hat, certainty })
        };
        (0..size).map(&mut element).collect()
    }

    /// Colours a map of the resource grid at the height `top`: subcarriers to the right, symbols downwards.
    fn draw_map(&self, picture: &mut RgbImage, top: u32, color: impl Fn(usize) -> Rgb<u8>) {
        for x in 0..SIDE {
            let subcarrier = x as usize * self.num_subcarriers / SIDE as usize;
            for y in 0..NUM_OFDM_SYMBOLS as u32 * SYMBOL {
                let symbol = (y / SYMBOL) as usize;
                picture.put_pixel(SIDE + GAP + x, top + y, color(symbol * self.num_subcarriers + subcarrier));
            }
        }
    }

    /// A white dash in the middle of every element of the upper map that is a pilot.
    fn mark_pilots(&self, picture: &mut RgbImage, input: &[f32]) {
        let (size, first) = (self.size(), 2 * self.num_rx_ant);
        for x in 0..SIDE {
            let subcarrier = x as usize * self.num_subcarriers / SIDE as usize;
            for symbol in 0..NUM_OFDM_SYMBOLS {
                let element = symbol * self.num_subcarriers + subcarrier;
                if input[first * size + element] != 0.0 || input[(first + 1) * size + element] != 0.0 {
                    picture.put_pixel(SIDE + GAP + x, symbol as u32 * SYMBOL + SYMBOL / 2, PILOT);
                }
            }
        }
    }
}

/// The received symbols as density, and the constellation's points as crosses over it.
fn draw_constellation(picture: &mut RgbImage, elements: &[Option<Element>], num_bits: usize) {
    let place = |part: f32| {
        let place = ((part / REACH + 1.0) / 2.0 * SIDE as f32).floor();
        (0.0..SIDE as f32).contains(&place).then_some(place as u32)
    };
    let mut density = vec![0u32; (SIDE * SIDE) as usize];
    for Element { x_hat, .. } in elements.iter().flatten() {
        let (Some(x), Some(y)) = (place(x_hat.re), place(-x_hat.im)) else { continue };
        // Two pixels wide and high, or a slot's few hundred symbols would hardly be seen.
        for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
            if x < SIDE && y < SIDE {
                density[(y * SIDE + x) as usize] += 1;
            }
        }
    }
    for (at, &count) in density.iter().enumerate().filter(|(_, count)| **count > 0) {
        let share = 0.55 + 0.15 * (count as f32 - 1.0);
        picture.put_pixel(at as u32 % SIDE, at as u32 / SIDE, Rgb(ramp(&DENSITY, share)));
    }
    let points = modulation(num_bits).map(|modulation| Constellation::new(modulation).points().to_vec());
    for point in points.iter().flatten() {
        let (Some(x), Some(y)) = (place(point.re), place(-point.im)) else { continue };
        for (dx, dy) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)] {
            if let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) {
                picture.put_pixel(x.min(SIDE - 1), y.min(SIDE - 1), POINT);
            }
        }
    }
}

/// Bits of a symbol: as many planes as hold any.
fn num_bits(bits: &[f32]) -> usize {
    let planes = bits.chunks_exact(bits.len() / MAX_BITS_PER_SYMBOL);
    planes.take_while(|plane| plane.iter().any(|bit| *bit >= 0.0)).count()
}

fn modulation(num_bits: usize) -> Option<Modulation> {
    MODULATIONS.into_iter().find(|modulation| modulation.num_bits_per_symbol() == num_bits)
}

/// The colour at `share` (0 … 1) of a ramp.
fn ramp(stops: &[[u8; 3]], share: f32) -> [u8; 3] {
    let at = share.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    let low = (at as usize).min(stops.len() - 2);
    let part = at - low as f32;
    std::array::from_fn(|i| {
        let [from, to] = [stops[low][i], stops[low + 1][i]].map(f32::from);
        (from + part * (to - from)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use napscope_ofdm::link::{LinkConfig, Simulator, tensor};

    /// Input and bits of a slot with 2 antennas and 6 PRB.
    fn slot(settings: &[(&str, &str)]) -> (SlotPictures, Vec<f32>, Vec<f32>) {
        let mut config = LinkConfig { num_prb: 6, ..LinkConfig::default() };
        settings.iter().for_each(|(name, value)| config.set(name, value).expect("a setting"));
        let simulator = Simulator::new(config).expect("valid");
        let mut workspace = simulator.workspace();
        let slot = simulator.slot(3, &mut workspace);
        let mut input = vec![0.0; ReceiverInput::Estimate.num_channels(2) * slot.x.len()];
        ReceiverInput::Estimate.writer().write(&simulator.received(slot), &mut input);
        let mut bits = vec![0i8; MAX_BITS_PER_SYMBOL * slot.x.len()];
        tensor::write_bits(slot, simulator.pattern(), &mut bits);
        let pictures = SlotPictures::find(&[19, 14, 72], &[8, 14, 72]).expect("equalised slots");
        (pictures, input, bits.into_iter().map(f32::from).collect())
    }

    #[test]
    fn what_is_sure_is_right_and_noise_makes_unsure() {
        let mut shares = Vec::new();
        for snr_db in ["35", "5", "-10"] {
            let (pictures, input, bits) = slot(&[("modulation", "16qam"), ("snr_db", snr_db)]);
            let elements = pictures.elements(&input, &bits);
            let data: Vec<&Element> = elements.iter().flatten().collect();
            let has_bits = bits[..14 * 72].iter().filter(|bit| **bit >= 0.0).count();
            assert_eq!(data.len(), has_bits, "an element for every symbol that was sent");
            let wrong = data.iter().filter(|element| element.certainty < 0.0).count();
            shares.push(wrong as f32 / data.len() as f32);
        }
        assert!(shares[0] < 0.01 && shares[0] < shares[1] && shares[1] < shares[2], "{shares:?}");
        assert!(shares[2] > 0.5, "at -10 dB of 16-QAM hardly a symbol is whole: {shares:?}");
    }

    #[test]
    fn every_panel_shows_what_it_should() {
        let (pictures, input, bits) = slot(&[("modulation", "qpsk"), ("snr_db", "30")]);
        let picture = pictures.draw(&input, &bits);
        assert_eq!(picture.dimensions(), (292, 144));
        // A white dash on pilots alone, and the same elements are grey below.
        for symbol in 0..14u32 {
            for subcarrier in 0..72u32 {
                let element = (symbol * 72 + subcarrier) as usize;
                let is_pilot = input[4 * 14 * 72 + element] != 0.0 || input[5 * 14 * 72 + element] != 0.0;
                let x = SIDE + GAP + 2 * subcarrier;
                let marked = *picture.get_pixel(x, SYMBOL * symbol + SYMBOL / 2) == PILOT;
                assert_eq!(marked, is_pilot, "symbol {symbol}, subcarrier {subcarrier}");
                let grey = *picture.get_pixel(x, SIDE - (14 - symbol) * SYMBOL) == NOTHING;
                assert_eq!(grey, bits[element] < 0.0, "symbol {symbol}, subcarrier {subcarrier}");
            }
        }
        // At 30 dB all symbols lie near the four points at ±1/√2.
        let near = |at: u32| {
            [(SIDE as f32 * (0.5 - 0.221)), (SIDE as f32 * (0.5 + 0.221))]
                .iter()
                .any(|point| (at as f32 - point).abs() < 14.0)
        };
        for (x, y, pixel) in picture.enumerate_pixels().filter(|(x, ..)| *x < SIDE) {
            assert!(*pixel == GROUND || near(x) && near(y), "a symbol at {x}, {y}");
        }
    }

    #[test]
    fn what_is_no_equalised_slot_is_left_alone() {
        for (input, bits) in [
            (&[10, 14, 72][..], &[8, 14, 72][..]),
            (&[19, 12, 72], &[8, 14, 72]),
            (&[19, 14, 72], &[8, 14, 36]),
            (&[19, 14, 0], &[8, 14, 0]),
            (&[19, 14, 72], &[14, 72]),
            (&[3, 32, 32], &[]),
        ] {
            assert_eq!(SlotPictures::find(input, bits), None, "{input:?} {bits:?}");
        }
        // A slot of nothing but zeros and no bits is drawn all the same.
        let pictures = SlotPictures::find(&[11, 14, 12], &[8, 14, 12]).expect("one antenna");
        pictures.draw(&vec![0.0; 11 * 14 * 12], &vec![-1.0; 8 * 14 * 12]);
        pictures.draw(&vec![f32::NAN; 11 * 14 * 12], &vec![0.0; 8 * 14 * 12]);
    }
}
