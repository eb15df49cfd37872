//! A neural receiver: a network that makes LLRs of received slots.
//!
//! A slot is cheaper to make again than to keep: it is simulated once for the network's input and once to count the errors
//! of what came out.

mod card;
mod fit;

use super::receivers::NetworkSpec;
use crate::interrupt;
use card::{Card, KEY};
use napscope::activations::Batch;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use napscope_ofdm::link::tensor::{self, InputWriter, ReceiverInput};
use napscope_ofdm::link::{ErrorRates, Simulator, Workspace};
use napscope_onnx::{Choice, InputData, InputTensor, Model, Streaming, Tap};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A network that receives slots of one link.
pub struct NeuralReceiver {
    tap: Tap,
    input: ReceiverInput,
    noise_offset_db: f64,
    notes: Vec<String>,
}

impl NeuralReceiver {
    /// Opens the network for slots of `simulator`.
    ///
    /// # Errors
    /// When the file is no network, does not say what it takes, or takes and gives something else than this link has.
    pub fn open(spec: &NetworkSpec, simulator: &Simulator, engine: &Choice) -> Result<Self> {
        let model = Model::open(&spec.path)?;
        let here = |error: Error| error.context(spec.path.display().to_string());
        Self::of_model(&model, spec, simulator, engine).map_err(here)
    }

    fn of_model(model: &Model, spec: &NetworkSpec, simulator: &Simulator, engine: &Choice) -> Result<Self> {
        let config = simulator.config();
        let card = model.metadata(KEY).map(Card::read).transpose()?;
        let input = fit::input(model, card.as_ref(), spec.input, config.num_rx_ant)?;
        if let Some(card) = &card {
            fit::check_card(card, config)?;
        }
        let sample = [input.num_channels(config.num_rx_ant), NUM_OFDM_SYMBOLS, simulator.grid().num_subcarriers()];
        fit::check_input(model, input, config, &sample)?;
        let mut layers = model.layers(engine, Some(&[sample.to_vec()]))?;
        let index = fit::output(model, &layers)?;
        fit::check_output(&layers.values[index], card.as_ref(), simulator)?;
        layers.set_channel_axis(index, fit::CHANNEL as isize)?;
        let notes = match &card {
            Some(card) => card.beyond_training(config),
            None => vec![format!(
                "says nothing of itself: its output is taken for ln P(1)/P(0), its input is `{}`",
                input.name()
            )],
        };
        let tap = Tap::new(model, engine, &layers, &[index])?;
        Ok(NeuralReceiver { tap, input, noise_offset_db: spec.noise_offset_db, notes })
    }

    /// What the user should know: where the link goes beyond its training.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The error rates of each slot of `slots`, in order; made on all threads.
    ///
    /// # Errors
    /// When the network fails or gives something that is no number, and when the user stops the work.
    pub fn slot_error_rates(&self, simulator: &Simulator, slots: Range<u64>) -> Result<Vec<ErrorRates>> {
        let llr = self.receive(simulator, slots.clone())?;
        let memory = || (simulator.workspace(), simulator.decoder());
        let count = |(workspace, decoder): &mut (Workspace, _), (index, llr): (u64, Vec<f32>)| {
            simulator.count_llr_errors(simulator.slot(index, workspace), &llr, decoder)
        };
        Ok(slots.collect::<Vec<_>>().into_par_iter().zip(llr).map_init(memory, count).collect())
    }

    /// The LLRs of each slot, `[data element, num_bits_per_symbol]`.
    fn receive(&self, simulator: &Simulator, slots: Range<u64>) -> Result<Vec<Vec<f32>>> {
        let count = (slots.end - slots.start) as usize;
        let spares: Mutex<Vec<(Workspace, InputWriter)>> = Mutex::default();
        let read = |rows: Range<usize>| {
            interrupt::check()?;
            let spare = spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (mut workspace, mut writer) = spare.unwrap_or_else(|| (simulator.workspace(), self.input.writer()));
            let input = self.input_of(simulator, slots.start, rows, &mut workspace, &mut writer);
            spares.lock().unwrap_or_else(PoisonError::into_inner).push((workspace, writer));
            Ok(vec![input?])
        };
        let received = Mutex::new(vec![Vec::new(); count]);
        let sink = |batch: Batch<'_>| {
            for sample in 0..batch.activations.samples() {
                let index = slots.start + (batch.first + sample) as u64;
                let llr = llr_of(simulator, index, batch.activations.sample(sample))?;
                received.lock().unwrap_or_else(PoisonError::into_inner)[batch.first + sample] = llr;
            }
            Ok(())
        };
        // As few slots at once as the network takes: each of them is large.
        let streaming = Streaming { threads: rayon::current_num_threads(), batch: 1 };
        self.tap.run(count, streaming, &read, &sink)?;
        Ok(received.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The input of the slots `first + rows`.
    fn input_of(
        &self,
        simulator: &Simulator,
        first: u64,
        rows: Range<usize>,
        workspace: &mut Workspace,
        writer: &mut InputWriter,
    ) -> Result<InputTensor> {
        let (config, grid) = (simulator.config(), simulator.grid());
        let channels = self.input.num_channels(config.num_rx_ant);
        let mut values = vec![0.0; rows.len() * channels * grid.num_resource_elements()];
        for (row, values) in rows.clone().zip(values.chunks_exact_mut(channels * grid.num_resource_elements())) {
            let slot = simulator.slot(first + row as u64, workspace);
            writer.write(&simulator.received(slot).noise_off_by(self.noise_offset_db), values);
        }
        let shape = vec![rows.len(), channels, NUM_OFDM_SYMBOLS, grid.num_subcarriers()];
        InputTensor::new(shape, InputData::Float(values))
    }
}

/// The LLRs of slot `index` at its data elements, of all that the network gave.
fn llr_of(simulator: &Simulator, index: u64, planes: &[f32]) -> Result<Vec<f32>> {
    let parameters = simulator.parameters(index);
    let llr = tensor::read_llr(planes, simulator, parameters.modulation);
    match llr.iter().find(|llr| !llr.is_finite()) {
        None => Ok(llr),
        Some(found) => Err(Error::new(
            ErrorKind::NonFinite,
            format!("it gives {found} for a bit of slot {index} at {:.1} dB", parameters.snr_db),
        )
        .hint("its weights are damaged, or its training diverged")),
    }
}
