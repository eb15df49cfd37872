//! Other signals in the band.
//!
//! A signal-to-interference ratio is that of mean powers: over the fading of both, over all resource elements of the grid, at one
//! receive antenna. Interference is added on the grid, as noise is.

use crate::random::Stream;
use rustfft::num_complex::Complex32;

/// Adds a narrow-band interferer: Gaussian symbols on `width` neighbouring subcarriers at a place drawn for the slot, from one
/// source whose flat channel to each antenna is Rayleigh.
///
/// # Shapes
/// `y`: `[rx_ant, num_ofdm_symbols, num_subcarriers]`
pub(crate) fn add_narrowband(
    y: &mut [Complex32],
    num_rx_ant: usize,
    num_subcarriers: usize,
    (sir_db, width): (f64, usize),
    random: &mut Stream,
) {
    // All of the power on `width` of the subcarriers.
    let amplitude = (10f64.powf(-sir_db / 10.0) * num_subcarriers as f64 / width as f64).sqrt() as f32;
    let first = random.below(num_subcarriers - width + 1);
    let mut channels = [Complex32::default(); crate::channel::MAX_NUM_RX_ANT];
    random.complex_normal(&mut channels);
    let num_symbols = y.len() / (num_rx_ant * num_subcarriers);
    let mut one = [Complex32::default()];
    for symbol in 0..num_symbols {
        for k in first..first + width {
            random.complex_normal(&mut one);
            for (rx, channel) in channels.iter().enumerate().take(num_rx_ant) {
                y[(rx * num_symbols + symbol) * num_subcarriers + k] += one[0] * channel * amplitude;
            }
        }
    }
}

/// Adds a transmitter of another cell: QPSK on every resource element through the channel `h`.
///
/// # Shapes
/// `y`, `h`: `[rx_ant, num_ofdm_symbols, num_subcarriers]`; `symbols`: memory to work in
pub(crate) fn add_co_channel(
    y: &mut [Complex32],
    h: &[Complex32],
    num_rx_ant: usize,
    sir_db: f64,
    symbols: &mut Vec<Complex32>,
    random: &mut Stream,
) {
    let amplitude = 10f64.powf(-sir_db / 20.0) as f32;
    let num_elements = y.len() / num_rx_ant;
    symbols.clear();
    let corner = std::f32::consts::FRAC_1_SQRT_2 * amplitude;
    let mut word = 0;
    for element in 0..num_elements {
        if element % 32 == 0 {
            word = random.next_u64();
        }
        let part = |bit: u64| if bit & 1 == 1 { -corner } else { corner };
        symbols.push(Complex32::new(part(word), part(word >> 1)));
        word >>= 2;
    }
    for (y, h) in y.chunks_exact_mut(num_elements).zip(h.chunks_exact(num_elements)) {
        for ((y, h), symbol) in y.iter_mut().zip(h).zip(&*symbols) {
            *y += h * symbol;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn interference_has_the_power_of_its_ratio() {
        let (num_rx_ant, num_subcarriers) = (2, 60);
        let size = num_rx_ant * 14 * num_subcarriers;
        let power = |y: &[Complex32]| y.iter().map(|y| f64::from(y.norm_sqr())).sum::<f64>() / y.len() as f64;
        let (mut narrow, mut co_channel, slots) = (0.0, 0.0, 4000);
        for slot in 0..slots {
            let mut random = Stream::new(1, slot, Purpose::Interference);
            let mut y = vec![Complex32::default(); size];
            add_narrowband(&mut y, num_rx_ant, num_subcarriers, (10.0, 6), &mut random);
            let hit = y[..num_subcarriers].iter().filter(|y| y.norm_sqr() > 0.0).count();
            assert_eq!(hit, 6, "subcarriers that are hit");
            narrow += power(&y) / slots as f64;
            let h = vec![Complex32::new(0.6, 0.8); size];
            let mut y = vec![Complex32::default(); size];
            add_co_channel(&mut y, &h, num_rx_ant, 7.0, &mut Vec::new(), &mut random);
            co_channel += power(&y) / slots as f64;
        }
        // The flat Rayleigh channel of two antennas leaves √(1 / 2 / 4000) = 1.1 % of uncertainty.
        assert!((narrow / 0.1 - 1.0).abs() < 0.04, "narrow band at 10 dB: {narrow}");
        assert!((co_channel / 10f64.powf(-0.7) - 1.0).abs() < 1e-5, "co-channel at 7 dB: {co_channel}");
    }
}
