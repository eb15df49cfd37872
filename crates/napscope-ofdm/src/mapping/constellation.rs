//! QPSK, 16-, 64- and 256-QAM of TS 38.211, 5.1.
//!
//! Even bits of a symbol choose its real part, odd bits its imaginary part, by the same Gray code. So a constellation is two
//! copies of one pulse-amplitude alphabet, and everything here is written once for a single axis.

use crate::error::{Error, Result};
use rustfft::num_complex::Complex32;

/// The constellations of the uplink, by bits a symbol.
pub const MODULATIONS: [Modulation; 4] = [Modulation::Qpsk, Modulation::Qam16, Modulation::Qam64, Modulation::Qam256];

/// A constellation's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modulation {
    /// 2 bits a symbol.
    Qpsk,
    /// 4 bits a symbol.
    Qam16,
    /// 6 bits a symbol.
    Qam64,
    /// 8 bits a symbol.
    Qam256,
}

impl Modulation {
    /// The name: `qpsk`, `16qam`, `64qam`, `256qam`.
    pub fn name(self) -> &'static str {
        match self {
            Modulation::Qpsk => "qpsk",
            Modulation::Qam16 => "16qam",
            Modulation::Qam64 => "64qam",
            Modulation::Qam256 => "256qam",
        }
    }

    /// The modulation called `name`; case and hyphens do not matter, so MATLAB's `16QAM` is fine, and so is `qam16`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::UnknownName`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        let plain = name.to_lowercase().replace(['-', '_', ' '], "");
        MODULATIONS
            .into_iter()
            .find(|modulation| {
                let size = modulation.num_points();
                plain == modulation.name() || plain == format!("qam{size}") || plain == format!("{size}qam")
            })
            .ok_or_else(|| Error::unknown("modulation", name, MODULATIONS.map(Modulation::name)))
    }

    /// Bits a symbol.
    pub fn num_bits_per_symbol(self) -> usize {
        2 * (self as usize + 1)
    }

    /// Points of the constellation.
    pub fn num_points(self) -> usize {
        1 << self.num_bits_per_symbol()
    }
}

/// The points of one modulation, of unit mean energy.
#[derive(Debug, Clone)]
pub struct Constellation {
    modulation: Modulation,
    levels: Vec<f32>,
    points: Vec<Complex32>,
}

impl Constellation {
    /// The constellation of `modulation`.
    pub fn new(modulation: Modulation) -> Self {
        let bits_per_axis = modulation.num_bits_per_symbol() / 2;
        let levels: Vec<f32> = (0..1 << bits_per_axis).map(|word| axis_level(word, bits_per_axis)).collect();
        let points = (0..modulation.num_points())
            .map(|word| {
                let (real, imag) = split_axes(word, bits_per_axis);
                Complex32::new(levels[real], levels[imag])
            })
            .collect();
        Constellation { modulation, levels, points }
    }

    /// The modulation.
    pub fn modulation(&self) -> Modulation {
        self.modulation
    }

    /// All points; the index of a point holds its bits, the first bit in the highest place.
    pub fn points(&self) -> &[Complex32] {
        &self.points
    }

    /// The amplitudes of one axis; the index holds the axis' bits, the first bit in the highest place.
    pub fn levels(&self) -> &[f32] {
        &self.levels
    }

    /// Maps bits (0 or 1) to symbols. Sionna: `Mapper`.
    ///
    /// # Shapes
    /// `bits`: `[symbols, num_bits_per_symbol]`; `symbols`: `[symbols]`
    ///
    /// # Panics
    /// When the two lengths do not fit.
    pub fn map(&self, bits: &[u8], symbols: &mut [Complex32]) {
        let num_bits = self.modulation.num_bits_per_symbol();
        assert_eq!(bits.len(), num_bits * symbols.len(), "{num_bits} bits for each symbol");
        for (symbol, bits) in symbols.iter_mut().zip(bits.chunks_exact(num_bits)) {
            let word = bits.iter().fold(0, |word, &bit| word << 1 | usize::from(bit & 1));
            *symbol = self.points[word];
        }
    }
}

/// The amplitude of one axis for the bits in `word`: the sign from the first bit, then nested distances from the middle of the
/// remaining half, quarter, eighth.
fn axis_level(word: usize, num_bits: usize) -> f32 {
    let sign = |bit: usize| if word >> (num_bits - 1 - bit) & 1 == 1 { -1.0 } else { 1.0 };
    let mut inner = 1.0;
    for bit in (1..num_bits).rev() {
        inner = f64::from(1u32 << (num_bits - bit)) - sign(bit) * inner;
    }
    // The mean energy of the odd numbers -(L-1) ... L-1 is (L² - 1) / 3, on each of two axes.
    let num_levels = f64::from(1u32 << num_bits);
    (sign(0) * inner / (2.0 * (num_levels * num_levels - 1.0) / 3.0).sqrt()) as f32
}

/// Splits the bits of a point into the words of its real and imaginary axis.
fn split_axes(word: usize, bits_per_axis: usize) -> (usize, usize) {
    (0..bits_per_axis).rev().fold((0, 0), |(real, imag), pair| {
        (real << 1 | (word >> (2 * pair + 1) & 1), imag << 1 | (word >> (2 * pair) & 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_unit_energy_zero_mean_and_gray_neighbours() {
        for modulation in MODULATIONS {
            let constellation = Constellation::new(modulation);
            let points = constellation.points();
            let energy: f32 = points.iter().map(|p| p.norm_sqr()).sum::<f32>() / points.len() as f32;
            let mean: Complex32 = points.iter().sum::<Complex32>() / points.len() as f32;
            assert!((energy - 1.0).abs() < 1e-6 && mean.norm() < 1e-6, "{modulation:?}: energy {energy}, mean {mean}");
            let step = points.iter().skip(1).map(|p| (p - points[0]).norm()).fold(f32::MAX, f32::min);
            for (i, p) in points.iter().enumerate() {
                for (j, q) in points.iter().enumerate() {
                    if i != j && (p - q).norm() < 1.01 * step {
                        assert_eq!((i ^ j).count_ones(), 1, "{modulation:?}: {i:b} and {j:b} are neighbours");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_points_are_those_of_the_standard() {
        // TS 38.211, 5.1.3 to 5.1.6, all bits zero, and only the last real bit one.
        for (modulation, word, expected) in [
            (Modulation::Qpsk, 0b00, (1.0, 1.0, 2.0)),
            (Modulation::Qpsk, 0b10, (-1.0, 1.0, 2.0)),
            (Modulation::Qam16, 0b0000, (1.0, 1.0, 10.0)),
            (Modulation::Qam16, 0b0010, (3.0, 1.0, 10.0)),
            (Modulation::Qam16, 0b1101, (-1.0, -3.0, 10.0)),
            (Modulation::Qam64, 0b000000, (3.0, 3.0, 42.0)),
            (Modulation::Qam64, 0b001000, (5.0, 3.0, 42.0)),
            (Modulation::Qam64, 0b001010, (7.0, 3.0, 42.0)),
            (Modulation::Qam256, 0b00000000, (5.0, 5.0, 170.0)),
            (Modulation::Qam256, 0b00101010, (15.0, 5.0, 170.0)),
        ] {
            let (re, im, norm) = expected;
            let expected = Complex32::new(re, im) / f32::sqrt(norm);
            let got = Constellation::new(modulation).points()[word];
            assert!((got - expected).norm() < 1e-6, "{modulation:?} {word:b}: expected {expected}, got {got}");
        }
    }

    #[test]
    fn names_are_read_in_any_of_their_spellings() {
        for (name, expected) in [
            ("QPSK", Modulation::Qpsk),
            ("qam4", Modulation::Qpsk),
            ("16QAM", Modulation::Qam16),
            ("64-QAM", Modulation::Qam64),
            ("QAM-256", Modulation::Qam256),
        ] {
            assert_eq!(Modulation::from_name(name).expect(name), expected);
        }
        let error = Modulation::from_name("8psk").expect_err("8-PSK is no constellation of the uplink");
        assert_eq!(error.how_to_mend(), Some("did you mean `qpsk`? choose one of: qpsk, 16qam, 64qam, 256qam"));
    }
}
