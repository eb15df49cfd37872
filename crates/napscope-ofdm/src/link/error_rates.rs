//! Error rates: counting errors slot by slot until enough is known.
//!
//! Bits of one slot share its fading, so they err together; an interval that took them for independent would be far too
//! narrow. [`Count`] therefore keeps the spread of the errors from slot to slot, and its interval is Wilson's with the
//! number of independent trials that this spread amounts to.

use super::simulator::Simulator;
use super::slot::Slot;
use crate::coding::TransportBlockDecoder;
use crate::error::{Error, Result};
use crate::receiver::{Detected, Receiver, ReceiverConfig, num_bit_errors};
use rayon::prelude::*;
use std::ops::{ControlFlow, Range};

/// Slots between two looks at the stop rule: a fixed number, so that results do not depend on the number of threads.
const SLOTS_PER_ROUND: u64 = 64;

/// When a measurement has seen enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopRule {
    /// Slots at most.
    pub max_slots: u64,
    /// Wrong blocks that every receiver must have seen before the measurement ends earlier; zero: never. Without channel coding, a
    /// slot with a wrong bit counts as a wrong block. Sionna: `num_target_block_errors`.
    pub target_block_errors: u64,
}

/// The error rates of several receivers on the same slots, round by round until the rule is met. [`Simulator::error_rates`] is
/// this loop for the receivers of this crate; others (a neural one) can be measured beside them.
#[derive(Debug, Clone)]
pub struct Tally {
    rule: StopRule,
    next: u64,
    rates: Vec<ErrorRates>,
}

impl Tally {
    /// A tally of `num_receivers` receivers in which no slot is counted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when there is no receiver or no slot to measure.
    pub fn new(rule: StopRule, num_receivers: usize) -> Result<Self> {
        if num_receivers == 0 {
            return Err(Error::parameter("error rates of no receiver were asked for"));
        }
        if rule.max_slots == 0 {
            return Err(Error::parameter("max_slots must be at least 1, got 0"));
        }
        Ok(Tally { rule, next: 0, rates: vec![ErrorRates::default(); num_receivers] })
    }

    /// The slots to measure next; `None`: enough is known.
    pub fn next_round(&self) -> Option<Range<u64>> {
        let enough = |rates: &ErrorRates| rates.num_block_errors() >= self.rule.target_block_errors;
        let met = self.next > 0 && self.rule.target_block_errors > 0 && self.rates.iter().all(enough);
        let round = self.next..(self.next + SLOTS_PER_ROUND).min(self.rule.max_slots);
        (!met && !round.is_empty()).then_some(round)
    }

    /// Counts the slots of a round: for each slot the rates of each receiver.
    pub fn add(&mut self, round: &[Vec<ErrorRates>]) {
        self.next += round.len() as u64;
        for of_slot in round {
            for (rates, of_slot) in self.rates.iter_mut().zip(of_slot) {
                rates.add(of_slot);
            }
        }
    }

    /// The rates so far, of each receiver.
    pub fn rates(&self) -> &[ErrorRates] {
        &self.rates
    }
}

/// Errors among trials that come in slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Slots seen.
    pub slots: u64,
    /// Slots with at least one error.
    pub slots_with_errors: u64,
    /// Trials (bits, or blocks).
    pub trials: u64,
    /// Errors.
    pub errors: u64,
    /// Σ trials², Σ errors², Σ trials · errors over the slots.
    squares: (u64, u64, u64),
}

/// A rate with the ends of its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Count {
    /// Adds the errors of one slot.
    pub fn add_slot(&mut self, errors: u64, trials: u64) {
        self.add(&Count {
            slots: 1,
            slots_with_errors: u64::from(errors > 0),
            trials,
            errors,
            squares: (trials * trials, errors * errors, trials * errors),
        });
    }

    /// Adds the slots of another count.
    pub fn add(&mut self, other: &Count) {
        self.slots += other.slots;
        self.slots_with_errors += other.slots_with_errors;
        self.trials += other.trials;
        self.errors += other.errors;
        self.squares.0 += other.squares.0;
        self.squares.1 += other.squares.1;
        self.squares.2 += other.squares.2;
    }

    /// Errors a trial; NaN before the first one.
    pub fn rate(&self) -> f64 {
        self.errors as f64 / self.trials as f64
    }

    /// Wilson's interval at `z` standard deviations (1.96: 95 %, 2.576: 99 %).
    pub fn interval(&self, z: f64) -> Interval {
        if self.trials == 0 {
            return Interval { low: 0.0, high: 1.0 };
        }
        let (p, n) = (self.rate(), self.effective_trials());
        let center = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        // At both ends centre and half width are equal but for rounding.
        let low = if self.errors == 0 { 0.0 } else { (center - half).max(0.0) };
        let high = if self.errors == self.trials { 1.0 } else { (center + half).min(1.0) };
        Interval { low, high }
    }

    /// The number of independent trials that would leave the rate as uncertain as it is: p (1 - p) over the variance of the ratio
    /// Σ errors / Σ trials, which comes from the slots. Without an error there is no spread to see, and a slot counts as one.
    fn effective_trials(&self) -> f64 {
        let (p, slots, trials) = (self.rate(), self.slots as f64, self.trials as f64);
        let (tt, ee, te) = (self.squares.0 as f64, self.squares.1 as f64, self.squares.2 as f64);
        let squared_residuals = ee - 2.0 * p * te + p * p * tt;
        if self.slots_with_errors < 2 || squared_residuals <= 0.0 {
            return slots;
        }
        let variance = squared_residuals * slots / (slots - 1.0).max(1.0) / (trials * trials);
        (p * (1.0 - p) / variance).min(trials)
    }
}

/// What one receiver did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ErrorRates {
    /// Bits before decoding.
    pub uncoded: Count,
    /// Information bits behind the decoder; no trials without channel coding.
    pub coded: Count,
    /// Transport blocks.
    pub blocks: Count,
    /// Sum over the slots of the SINR after equalisation [dB].
    sum_post_eq_sinr_db: f64,
}

impl ErrorRates {
    fn add(&mut self, other: &ErrorRates) {
        self.uncoded.add(&other.uncoded);
        self.coded.add(&other.coded);
        self.blocks.add(&other.blocks);
        self.sum_post_eq_sinr_db += other.sum_post_eq_sinr_db;
    }

    /// Wrong blocks, or slots with a wrong bit where there are no blocks.
    fn num_block_errors(&self) -> u64 {
        if self.blocks.trials > 0 { self.blocks.errors } else { self.uncoded.slots_with_errors }
    }

    /// Mean SINR after equalisation [dB]; NaN of receivers that do not equalise.
    pub fn mean_post_eq_sinr_db(&self) -> f64 {
        self.sum_post_eq_sinr_db / self.uncoded.slots as f64
    }
}

impl Simulator {
    /// Measures the error rates of `receivers`, all on the same slots, from slot 0 on. `progress` sees the rates so far after
    /// each round and may break off.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when there is no receiver or no slot to measure.
    pub fn error_rates(
        &self,
        receivers: &[ReceiverConfig],
        rule: StopRule,
        mut progress: impl FnMut(&[ErrorRates]) -> ControlFlow<()>,
    ) -> Result<Vec<ErrorRates>> {
        let mut tally = Tally::new(rule, receivers.len())?;
        while let Some(slots) = tally.next_round() {
            tally.add(&self.slot_error_rates(receivers, slots));
            if progress(tally.rates()).is_break() {
                break;
            }
        }
        Ok(tally.rates)
    }

    /// The error rates of each slot of `slots`, in order, one for each of `receivers`; made on all threads.
    pub fn slot_error_rates(&self, receivers: &[ReceiverConfig], slots: Range<u64>) -> Vec<Vec<ErrorRates>> {
        let memory = || {
            let receivers: Vec<Receiver> = receivers.iter().map(|&config| self.receiver(config)).collect();
            (self.workspace(), receivers, Detected::default(), self.decoder())
        };
        let rates = slots.into_par_iter().map_init(memory, |(workspace, receivers, detected, decoder), index| {
            let slot = self.slot(index, workspace);
            let measure = |receiver: &mut Receiver| {
                receiver.receive(&self.received(slot), &self.genie(slot), slot.parameters.modulation, detected);
                self.count_errors(slot, detected, decoder)
            };
            receivers.iter_mut().map(measure).collect()
        });
        rates.collect()
    }

    /// A decoder for the slots of this simulator.
    pub fn decoder(&self) -> TransportBlockDecoder {
        TransportBlockDecoder::new(self.config().coding.as_ref().map_or_else(Default::default, |coding| coding.decoder))
    }

    /// Compares what a receiver made of `slot` with what was sent.
    pub fn count_errors(&self, slot: &Slot, detected: &Detected, decoder: &mut TransportBlockDecoder) -> ErrorRates {
        let sum_post_eq_sinr_db = 10.0 * detected.post_eq_sinr(slot.symbols.iter().copied()).log10();
        ErrorRates { sum_post_eq_sinr_db, ..self.count_llr_errors(slot, &detected.llr, decoder) }
    }

    /// The same of a receiver that gives nothing but LLRs, as a neural one does: its SINR after equalisation is NaN.
    ///
    /// # Shapes
    /// `llr`: ln P(1)/P(0), `[data element, num_bits_per_symbol]`
    ///
    /// # Panics
    /// When there are not as many LLRs as bits.
    pub fn count_llr_errors(&self, slot: &Slot, llr: &[f32], decoder: &mut TransportBlockDecoder) -> ErrorRates {
        let mut rates = ErrorRates { sum_post_eq_sinr_db: f64::NAN, ..ErrorRates::default() };
        rates.uncoded.add_slot(num_bit_errors(llr, &slot.bits) as u64, slot.bits.len() as u64);
        if let Some(transport_block) = self.transport_block(slot.parameters.modulation) {
            let (bits, _) = decoder.decode(transport_block, llr);
            let errors = bits.iter().zip(&slot.information).filter(|(decoded, sent)| decoded != sent).count() as u64;
            rates.coded.add_slot(errors, bits.len() as u64);
            rates.blocks.add_slot(u64::from(errors > 0), 1);
        }
        rates
    }
}
