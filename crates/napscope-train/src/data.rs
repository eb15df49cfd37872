//! Batches of simulated slots, made on the fly by threads of their own.
//!
//! Batch `i` is the same whoever makes it: its slots are numbered, and a slot is made from its number alone. Nothing is ever
//! seen twice.

use crate::config::TrainConfig;
use crate::depthwise::Planes;
use crate::network::unfold;
use anyhow::{Context, Result};
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use napscope_ofdm::link::tensor::{InputWriter, MAX_BITS_PER_SYMBOL, ReceiverInput, write_bits};
use napscope_ofdm::link::{LinkConfig, Simulator, Workspace};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Some slots as the network takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Their layout in the columns.
    pub planes: Planes,
    /// Input, `[num_inputs · 9, planes]`.
    pub columns: Vec<f32>,
    /// Transmitted bits, -1 where there is none, `[num_bits, planes]`.
    pub bits: Vec<i8>,
    /// SNR of each slot (dB).
    pub snr_db: Vec<f64>,
}

impl Batch {
    /// Bits that count.
    pub fn num_active_bits(&self) -> usize {
        self.bits.iter().filter(|&&bit| bit >= 0).count()
    }
}

/// Where slots come from: one simulator for each number of DMRS symbols, taken in turn.
#[derive(Debug, Clone)]
pub struct SlotSource {
    simulators: Vec<Simulator>,
    input: ReceiverInput,
    num_bits: usize,
}

/// The memory of one thread.
pub struct SlotMemory {
    workspaces: Vec<Workspace>,
    writer: InputWriter,
    bits: Vec<i8>,
}

impl SlotSource {
    /// The slots of `link` with each of the numbers of further DMRS symbols in `config`.
    ///
    /// # Errors
    /// When a parameter of the link is out of its range.
    pub fn new(config: &TrainConfig, link: &LinkConfig) -> Result<Self> {
        let simulators = config.dmrs_additional_positions.iter().map(|&additional_position| {
            let mut link = link.clone();
            link.dmrs.additional_position = additional_position;
            Simulator::new(link).context("the link of the training")
        });
        let simulators = simulators.collect::<Result<Vec<_>>>()?;
        Ok(SlotSource { simulators, input: config.receiver_input()?, num_bits: config.num_bits()? })
    }

    /// The simulator of slot `index`.
    pub fn simulator(&self, index: u64) -> &Simulator {
        &self.simulators[(index % self.simulators.len() as u64) as usize]
    }

    /// Simulators, one for each number of DMRS symbols.
    pub fn num_simulators(&self) -> u64 {
        self.simulators.len() as u64
    }

    /// Memory for one thread.
    pub fn memory(&self) -> SlotMemory {
        let size = self.simulators[0].grid().num_resource_elements();
        SlotMemory {
            workspaces: self.simulators.iter().map(Simulator::workspace).collect(),
            writer: self.input.writer(),
            bits: vec![0; MAX_BITS_PER_SYMBOL * size],
        }
    }

    /// The slots from `first` on, `count` of them.
    pub fn batch(&self, first: u64, count: usize, memory: &mut SlotMemory) -> Batch {
        let simulator = &self.simulators[0];
        let planes = Planes { count, height: NUM_OFDM_SYMBOLS, width: simulator.grid().num_subcarriers() };
        let num_channels = self.input.num_channels(simulator.config().num_rx_ant);
        let mut input = vec![0.0; num_channels * planes.num_elements()];
        let mut bits = vec![-1; self.num_bits * planes.num_elements()];
        let mut snr_db = Vec::with_capacity(count);
        for (slot, input) in input.chunks_exact_mut(num_channels * planes.size()).enumerate() {
            let index = first + slot as u64;
            let simulator = self.simulator(index);
            let made = simulator.slot(index, &mut memory.workspaces[(index % self.simulators.len() as u64) as usize]);
            memory.writer.write(&simulator.received(made), input);
            write_bits(made, simulator.pattern(), &mut memory.bits);
            snr_db.push(made.parameters.snr_db);
            for (row, of_bit) in memory.bits.chunks_exact(planes.size()).take(self.num_bits).enumerate() {
                bits[row * planes.num_elements() + slot * planes.size()..][..planes.size()].copy_from_slice(of_bit);
            }
        }
        Batch { planes, columns: unfold(&input, num_channels, planes), bits, snr_db }
    }
}

/// The batches of a training in order, made ahead by threads.
pub struct Batches {
    /// One channel a thread: thread t makes steps t, t + threads, …
    threads: Vec<Receiver<Vec<Batch>>>,
    step: u64,
    /// How long the training has waited for them.
    pub waited: Duration,
}

/// Slots of a step and into how many parts they go.
#[derive(Debug, Clone, Copy)]
pub struct StepShape {
    /// Slots of a step.
    pub slots: usize,
    /// Parts of equal size.
    pub parts: usize,
}

impl Batches {
    /// Starts `num_threads` threads that make the steps from `step` on.
    pub fn start(source: SlotSource, shape: StepShape, step: u64, num_threads: usize) -> Self {
        let source = Arc::new(source);
        let threads = (0..num_threads as u64).map(|offset| {
            // Two steps ahead of the training: enough to hide the making, little enough to forget.
            let (sender, receiver) = sync_channel(2);
            let source = Arc::clone(&source);
            thread::spawn(move || make(&source, shape, (step + offset, num_threads as u64), &sender));
            receiver
        });
        Batches { threads: threads.collect(), step: 0, waited: Duration::ZERO }
    }

    /// The parts of the next step.
    ///
    /// # Errors
    /// When the thread that makes them has panicked.
    pub fn next_step(&mut self) -> Result<Vec<Batch>> {
        let start = Instant::now();
        let thread = (self.step % self.threads.len() as u64) as usize;
        let parts = self.threads[thread].recv().context("the thread that makes the slots has stopped")?;
        self.step += 1;
        self.waited += start.elapsed();
        Ok(parts)
    }
}

/// Makes every `stride`-th step from `first` on until nobody wants them any more.
fn make(source: &SlotSource, shape: StepShape, (first, stride): (u64, u64), sender: &SyncSender<Vec<Batch>>) {
    let mut memory = source.memory();
    let per_part = shape.slots / shape.parts;
    for step in (first..).step_by(stride as usize) {
        let part = |part: usize| step * shape.slots as u64 + (part * per_part) as u64;
        let parts = (0..shape.parts).map(|index| source.batch(part(index), per_part, &mut memory)).collect();
        if sender.send(parts).is_err() {
            return;
        }
    }
}
