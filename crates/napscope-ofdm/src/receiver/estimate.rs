//! What a channel estimator works from and what it hands on.

use crate::dmrs::PilotPattern;
use crate::grid::{NUM_OFDM_SYMBOLS, ResourceGrid};
use rustfft::num_complex::Complex32;

/// One received slot, as far as a receiver may know it.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The grid.
    pub grid: &'a ResourceGrid,
    /// Where pilots and data lie.
    pub pattern: &'a PilotPattern,
    /// The received grids, `[rx_ant, num_ofdm_symbols, num_subcarriers]`.
    pub y: &'a [Complex32],
    /// The transmitted pilots, `[symbol_indices, pilot_subcarriers]`.
    pub pilots: &'a [Complex32],
    /// Variance of the noise on a resource element, N0. Sionna: `no`.
    pub noise_var: f32,
}

impl<'a> Received<'a> {
    /// The same, with a noise variance that is `offset_db` too large.
    pub fn noise_off_by(&self, offset_db: f64) -> Received<'a> {
        Received { noise_var: self.noise_var * 10f64.powf(offset_db / 10.0) as f32, ..*self }
    }

    /// Receive antennas.
    pub fn num_rx_ant(&self) -> usize {
        self.y.len() / self.grid.num_resource_elements()
    }
}

/// The estimated channel over one slot.
#[derive(Debug, Clone, Default)]
pub struct ChannelEstimate {
    /// The channel, `[rx_ant, num_ofdm_symbols, num_subcarriers]`.
    pub h_hat: Vec<Complex32>,
    /// Variance of its error, the same for all antennas, `[num_ofdm_symbols, num_subcarriers]`.
    pub err_var: Vec<f32>,
}

impl ChannelEstimate {
    /// Makes room for one slot.
    pub(crate) fn resize(&mut self, grid: &ResourceGrid, num_rx_ant: usize) {
        self.h_hat.resize(num_rx_ant * grid.num_resource_elements(), Complex32::default());
        self.err_var.resize(grid.num_resource_elements(), 0.0);
    }
}

/// Least-squares estimates at the pilots: y p* / |p|², each with an error of variance N0 / |p|².
///
/// # Shapes
/// `h_ls`: `[rx_ant, symbol_indices, pilot_subcarriers]`
pub(crate) fn least_squares(received: &Received<'_>, h_ls: &mut Vec<Complex32>) {
    let (pattern, num_subcarriers) = (received.pattern, received.grid.num_subcarriers());
    let subcarriers = pattern.pilot_subcarriers();
    let scale = 1.0 / pattern.pilot_energy() as f32;
    h_ls.clear();
    for y in received.y.chunks_exact(NUM_OFDM_SYMBOLS * num_subcarriers) {
        for (&symbol, pilots) in pattern.symbol_indices().iter().zip(received.pilots.chunks_exact(subcarriers.len())) {
            let row = &y[symbol * num_subcarriers..][..num_subcarriers];
            h_ls.extend(subcarriers.iter().zip(pilots).map(|(&k, pilot)| row[k] * pilot.conj() * scale));
        }
    }
}
