//! Classical receivers on the slots of the validation: what a training must beat.

use crate::data::SlotSource;
use crate::loss::{SNR_RANGES, snr_range};
use anyhow::Result;
use napscope_ofdm::receiver::{Detected, ReceiverConfig, num_bit_errors};

/// The classical receivers that a training is shown beside.
pub const RECEIVERS: [&str; 3] = ["ls_linear", "lmmse_estimated", "perfect_csi"];

/// The error rates of the receiver called `name` in each range of SNR, over `count` slots from slot 0 on.
///
/// # Errors
/// When nothing is called so.
pub fn error_rates(source: &SlotSource, name: &str, count: u64) -> Result<[f64; SNR_RANGES]> {
    let config = ReceiverConfig::from_name(name)?;
    let mut counts = [(0u64, 0u64); SNR_RANGES];
    // One receiver for each simulator in turn: its filters belong to one pattern of pilots.
    for first in 0..source.num_simulators() {
        let simulator = source.simulator(first);
        let (mut receiver, mut workspace) = (simulator.receiver(config), simulator.workspace());
        let mut detected = Detected::default();
        for index in (first..count).step_by(source.num_simulators() as usize) {
            let slot = simulator.slot(index, &mut workspace);
            let (received, genie) = (simulator.received(slot), simulator.genie(slot));
            receiver.receive(&received, &genie, slot.parameters.modulation, &mut detected);
            let range = &mut counts[snr_range(slot.parameters.snr_db)];
            range.0 += num_bit_errors(&detected.llr, &slot.bits) as u64;
            range.1 += slot.bits.len() as u64;
        }
    }
    Ok(counts.map(|(errors, bits)| errors as f64 / bits as f64))
}
