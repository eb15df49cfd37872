//! The time-frequency plane of one slot: subcarriers, OFDM symbols, cyclic prefixes (TS 38.211, 4.2 to 5.3.1).
//!
//! Everywhere in this crate a resource element is counted as `symbol * num_subcarriers + subcarrier`: subcarriers lie
//! together, as in Sionna's `[..., num_ofdm_symbols, fft_size]`. Subcarriers are counted from the lowest frequency.

use crate::error::{Error, Result};

/// OFDM symbols in a slot with the normal cyclic prefix.
pub const NUM_OFDM_SYMBOLS: usize = 14;

/// Subcarriers in a physical resource block (PRB).
pub const SUBCARRIERS_PER_PRB: usize = 12;

/// The largest carrier of TS 38.211: 275 PRB would fit, TS 38.101-1 allows 273.
pub const MAX_NUM_PRB: usize = 273;

/// The distance of two subcarriers; it fixes the length of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubcarrierSpacing {
    /// 15 kHz (μ = 0), slots of 1 ms.
    #[default]
    Khz15,
    /// 30 kHz (μ = 1), slots of 0.5 ms.
    Khz30,
    /// 60 kHz (μ = 2), slots of 0.25 ms.
    Khz60,
}

impl SubcarrierSpacing {
    /// The spacing of `hz` [Hz].
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] for anything but 15, 30 and 60 kHz.
    pub fn from_hz(hz: f64) -> Result<Self> {
        [Self::Khz15, Self::Khz30, Self::Khz60].into_iter().find(|spacing| spacing.hz() == hz).ok_or_else(|| {
            Error::parameter(format!("subcarrier_spacing_hz must be 15000, 30000 or 60000, got {hz}"))
                .hint("write it in hertz: 30 kHz is 30000")
        })
    }

    /// The spacing [Hz].
    pub fn hz(self) -> f64 {
        15e3 * f64::from(1u32 << self.mu())
    }

    /// The numerology μ of TS 38.211, table 4.2-1.
    pub fn mu(self) -> u32 {
        self as u32
    }

    /// Slots in a frame of 10 ms.
    pub fn slots_per_frame(self) -> u32 {
        10 << self.mu()
    }
}

/// The resource grid of one slot: 14 OFDM symbols with the normal cyclic prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceGrid {
    spacing: SubcarrierSpacing,
    num_prb: usize,
    fft_size: usize,
}

impl ResourceGrid {
    /// A grid of `num_prb` resource blocks. `fft_size` is the length of the Fourier transform of the time domain, by
    /// default the smallest power of two (at least 128) that holds all subcarriers.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when `num_prb` is not from 1 to 273, or when `fft_size` holds fewer
    /// subcarriers than the grid has, is no multiple of 128 (a cyclic prefix would not be a whole number of samples) or
    /// exceeds 8192.
    pub fn new(spacing: SubcarrierSpacing, num_prb: usize, fft_size: Option<usize>) -> Result<Self> {
        if !(1..=MAX_NUM_PRB).contains(&num_prb) {
            return Err(Error::parameter(format!("num_prb must lie from 1 to {MAX_NUM_PRB}, got {num_prb}")));
        }
        let num_subcarriers = num_prb * SUBCARRIERS_PER_PRB;
        let fft_size = fft_size.unwrap_or_else(|| num_subcarriers.next_power_of_two().max(128));
        if fft_size < num_subcarriers {
            return Err(Error::parameter(format!(
                "fft_size must hold the {num_subcarriers} subcarriers of {num_prb} PRB, got {fft_size}"
            ))
            .hint(format!("use {}", num_subcarriers.next_power_of_two().max(128))));
        }
        if !fft_size.is_multiple_of(128) || fft_size > 8192 {
            return Err(Error::parameter(format!("fft_size must be a multiple of 128 up to 8192, got {fft_size}"))
                .hint("a cyclic prefix lasts 9/128 of a symbol, which must be a whole number of samples"));
        }
        Ok(ResourceGrid { spacing, num_prb, fft_size })
    }

    /// The subcarrier spacing.
    pub fn subcarrier_spacing(&self) -> SubcarrierSpacing {
        self.spacing
    }

    /// Resource blocks.
    pub fn num_prb(&self) -> usize {
        self.num_prb
    }

    /// Subcarriers that carry something: 12 a resource block. Sionna: `num_effective_subcarriers`.
    pub fn num_subcarriers(&self) -> usize {
        self.num_prb * SUBCARRIERS_PER_PRB
    }

    /// Resource elements of the slot.
    pub fn num_resource_elements(&self) -> usize {
        NUM_OFDM_SYMBOLS * self.num_subcarriers()
    }

    /// Length of the Fourier transform.
    pub fn fft_size(&self) -> usize {
        self.fft_size
    }

    /// Empty subcarriers below and above the used ones; the carrier frequency is bin `fft_size / 2`.
    pub fn num_guard_carriers(&self) -> (usize, usize) {
        let below = self.fft_size / 2 - self.num_subcarriers() / 2;
        (below, self.fft_size - self.num_subcarriers() - below)
    }

    /// Samples a second [Hz].
    pub fn sample_rate_hz(&self) -> f64 {
        self.fft_size as f64 * self.spacing.hz()
    }

    /// Frequency of `subcarrier` relative to the carrier [Hz].
    pub fn frequency_hz(&self, subcarrier: usize) -> f64 {
        (subcarrier as f64 - (self.num_subcarriers() / 2) as f64) * self.spacing.hz()
    }

    /// Length of the cyclic prefix before `symbol` in slot `slot_number` of a frame [samples]: 9/128 of a symbol, and 16
    /// samples at 30.72 MHz more at the start of each half millisecond (TS 38.211, 5.3.1).
    pub fn cyclic_prefix_length(&self, symbol: usize, slot_number: u32) -> usize {
        let mu = self.spacing.mu();
        let symbols_per_half_millisecond = 7usize << mu;
        let symbol_in_subframe = (slot_number as usize % (1 << mu)) * NUM_OFDM_SYMBOLS + symbol;
        let extra = if symbol_in_subframe.is_multiple_of(symbols_per_half_millisecond) { 1usize << mu } else { 0 };
        self.fft_size / 128 * (9 + extra)
    }

    /// The shortest cyclic prefix of a slot [s]: the longest path delay that leaves the subcarriers orthogonal.
    pub fn min_cyclic_prefix_secs(&self) -> f64 {
        9.0 / 128.0 / self.spacing.hz()
    }

    /// Where the part of `symbol` behind its cyclic prefix begins, from the start of slot `slot_number` [samples].
    pub fn symbol_start(&self, symbol: usize, slot_number: u32) -> usize {
        (0..=symbol).map(|s| self.cyclic_prefix_length(s, slot_number)).sum::<usize>() + symbol * self.fft_size
    }

    /// Samples in slot `slot_number`.
    pub fn num_samples(&self, slot_number: u32) -> usize {
        self.symbol_start(NUM_OFDM_SYMBOLS - 1, slot_number) + self.fft_size
    }

    /// The middle of `symbol` (behind its cyclic prefix), from the start of slot `slot_number` [s]. The frequency-domain
    /// channel is taken at these times.
    pub fn symbol_time_secs(&self, symbol: usize, slot_number: u32) -> f64 {
        (self.symbol_start(symbol, slot_number) as f64 + self.fft_size as f64 / 2.0) / self.sample_rate_hz()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_last_what_the_numerology_says() {
        for (spacing, slots_in_subframe) in
            [(SubcarrierSpacing::Khz15, 1), (SubcarrierSpacing::Khz30, 2), (SubcarrierSpacing::Khz60, 4)]
        {
            for fft_size in [128, 512, 1536, 4096] {
                let grid = ResourceGrid::new(spacing, 5, Some(fft_size)).expect("a valid grid");
                let samples: usize = (0..slots_in_subframe).map(|slot| grid.num_samples(slot)).sum();
                let duration = samples as f64 / grid.sample_rate_hz();
                assert!((duration - 1e-3).abs() < 1e-15, "{spacing:?}, {fft_size}: a subframe of {duration} s");
            }
        }
    }

    #[test]
    fn cyclic_prefixes_are_those_of_the_standard() {
        // (spacing, slot, symbol, samples at the fft_size that makes 30.72 MHz), from TS 38.211, 5.3.1
        for (spacing, fft_size, slot, symbol, expected) in [
            (SubcarrierSpacing::Khz15, 2048, 0, 0, 160),
            (SubcarrierSpacing::Khz15, 2048, 0, 1, 144),
            (SubcarrierSpacing::Khz15, 2048, 3, 7, 160),
            (SubcarrierSpacing::Khz30, 1024, 0, 0, 88),
            (SubcarrierSpacing::Khz30, 1024, 0, 7, 72),
            (SubcarrierSpacing::Khz30, 1024, 1, 0, 88),
            (SubcarrierSpacing::Khz60, 512, 0, 0, 52),
            (SubcarrierSpacing::Khz60, 512, 1, 0, 36),
            (SubcarrierSpacing::Khz60, 512, 2, 0, 52),
        ] {
            let grid = ResourceGrid::new(spacing, 5, Some(fft_size)).expect("a valid grid");
            assert_eq!(grid.cyclic_prefix_length(symbol, slot), expected, "{spacing:?} slot {slot} symbol {symbol}");
        }
    }

    #[test]
    fn guards_surround_the_used_subcarriers() {
        for (num_prb, fft_size, expected) in [(26, 512, (100, 100)), (273, 4096, (410, 410)), (1, 128, (58, 58))] {
            let grid = ResourceGrid::new(SubcarrierSpacing::Khz30, num_prb, None).expect("a valid grid");
            assert_eq!(grid.fft_size(), fft_size, "{num_prb} PRB");
            assert_eq!(grid.num_guard_carriers(), expected, "{num_prb} PRB");
        }
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 2, None).expect("a valid grid");
        assert_eq!((grid.frequency_hz(0), grid.frequency_hz(12)), (-180e3, 0.0));
    }
}
