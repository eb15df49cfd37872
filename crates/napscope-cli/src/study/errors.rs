//! What each set outside does to the receiver itself: bit errors before decoding.

use crate::interrupt;
use crate::link::lineup::Lineup;
use crate::link::receivers;
use napscope::Result;
use napscope_ofdm::link::{Count, Simulator};
use napscope_onnx::Choice;
use serde::Serialize;
use std::path::Path;

/// Receivers without a network that it is held against.
const CLASSICAL: &str = "perfect_csi,lmmse_estimated,ls_linear";

/// Uncoded bit error rates on one set.
#[derive(Serialize)]
pub(super) struct SetErrors {
    pub(super) set: &'static str,
    pub(super) slots: u64,
    /// Receivers by name; the network is last, and absent where it has too few outputs for the modulation.
    pub(super) rates: Vec<(String, Option<f64>)>,
}

/// Measures the network at `model` and classical receivers on `slots` slots of each of two `links`.
///
/// # Errors
/// When the network cannot be opened; Ctrl-C.
pub(super) fn on_set(
    set: &'static str,
    links: &[Simulator; 2],
    slots: u64,
    model: &Path,
    is_received: bool,
    engine: &Choice,
) -> Result<SetErrors> {
    let network = format!("{}:input=estimate", model.display());
    let asked = if is_received { vec![CLASSICAL, network.as_str()] } else { vec![CLASSICAL] };
    let receivers = receivers::read(asked)?;
    let mut sums = vec![Count::default(); receivers.len()];
    for simulator in links {
        interrupt::check()?;
        let lineup = Lineup::open(&receivers, simulator, || Ok(engine.clone()))?;
        for of_slot in lineup.slot_error_rates(simulator, 0..slots)? {
            sums.iter_mut().zip(&of_slot).for_each(|(sum, rates)| sum.add(&rates.uncoded));
        }
    }
    let named = receivers.iter().zip(&sums).map(|(receiver, sum)| (receiver.name.clone(), Some(sum.rate())));
    let absent = (!is_received).then(|| ("receiver".to_owned(), None));
    Ok(SetErrors { set, slots: 2 * slots, rates: named.chain(absent).collect() })
}
