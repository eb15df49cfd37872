//! The slots of the receiver study, simulated when the network asks for them: none is kept.

use super::errors::{SetErrors, on_set};
use super::grid::Grid;
use super::sets::{Random, Set, side_by_side};
use crate::link::told;
use crate::settings::Settings;
use crate::{interrupt, question};
use napscope::Result;
use napscope::activations::{ActivationSource, Batch, Layer};
use napscope::manifold::{Covariate, CovariateValues};
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use napscope_ofdm::link::tensor::{InputWriter, ReceiverInput};
use napscope_ofdm::link::{LinkConfig, Simulator, SlotParameters, Workspace};
use napscope_ofdm::receiver::ReceiverConfig;
use napscope_onnx::{Choice, InputData, InputTensor, Model, Streaming, Tap};
use rayon::prelude::*;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What the network is given (its card says so, too).
const INPUT: ReceiverInput = ReceiverInput::Estimate;

/// The ranges of the training (studies/receiver), which has one and two DMRS symbols in turn.
const TRAINING: [(&str, &str); 3] = [("num_prb", "6"), ("modulation", "qpsk,16qam"), ("target_coderate", "none")];
/// Additional DMRS symbols of even and of odd slots.
const ADDITIONAL_DMRS: [&str; 2] = ["0", "1"];
/// Of the in-distribution slots; each set outside has the next one. The training had others.
const SEED: u64 = 20_261_124;

/// Parameters of a link and their values.
type Changes = &'static [(&'static str, &'static str)];

/// What lies outside: name, meaning, and the parameters that leave the training's ranges. Delay spreads and Doppler shifts are those of
/// the presets deeprx_high_delay and deeprx_high_speed; all other ranges are ours, too.
const OUTSIDE: [(&str, &str, Changes); 8] = [
    ("high delay", "delay spread of 0.4 to 1 us (training: 10 to 300 ns)", &[("delay_spread_secs", "400e-9..1e-6")]),
    (
        "high speed",
        "Doppler shift of 700 to 1,500 Hz, 189 to 405 km/h (training: 0 to 500 Hz)",
        &[("max_doppler_hz", "700..1500")],
    ),
    ("other channels", "TDL-A and TDL-E (training: TDL-B, -C, -D)", &[("channel_model", "tdl-a,tdl-e")]),
    ("64qam", "a modulation that the training did not have", &[("modulation", "64qam")]),
    ("frequency offset", "the carrier is off by 300 to 600 Hz", &[("cfo_hz", "300..600")]),
    ("narrow band", "an interferer on 12 subcarriers, 0 to 20 dB below the signal", &[("narrowband_sir_db", "0..20")]),
    (
        "other cell",
        "a QPSK transmitter of another cell, 0 to 20 dB below the signal",
        &[("co_channel_sir_db", "0..20")],
    ),
    ("amplifier", "a power amplifier with 0 to 6 dB back-off", &[("pa_backoff_db", "0..6")]),
];

/// The network over slots of all sets.
pub(super) struct Slots {
    tap: Tap,
    pub(super) engine: Choice,
    pub(super) sets: Vec<Set>,
    /// Of the in-distribution slots, then of each set outside; for even and for odd slots.
    links: Vec<[Simulator; 2]>,
    /// The two slots of the reference that each mixed one is made of, and the share of the first.
    mixtures: Vec<(u64, u64, f32)>,
    streaming: Streaming,
}

/// The memory of one thread: a workspace for each simulator that it has met.
struct Memory {
    workspaces: Vec<[Option<Workspace>; 2]>,
    writer: InputWriter,
    other: Vec<f32>,
}

/// What a slot is: one of a link, or a mixture.
enum Origin {
    Slot { link: usize, index: u64 },
    Mixture(usize),
}

impl Slots {
    /// Opens the network at `model` over the sets of `grid`.
    ///
    /// # Errors
    /// When it cannot be opened or lacks a layer of the grid.
    pub(super) fn open(grid: &Grid, settings: &Settings, model: &Path, memory_limit: u64) -> anyhow::Result<Self> {
        let links = std::iter::once(&[][..]).chain(OUTSIDE.map(|(_, _, changes)| changes)).enumerate();
        let links = links.map(|(number, changes)| link(number as u64, changes)).collect::<Result<Vec<_>>>()?;
        let simulator = &links[0][0];
        let channels = INPUT.num_channels(simulator.config().num_rx_ant);
        let shape = vec![channels, NUM_OFDM_SYMBOLS, simulator.grid().num_subcarriers()];
        let engine = question::engine(settings)?;
        let listing = question::list(settings, Model::open(model)?, engine, Some(&[shape]))?;
        let wanted: Vec<String> = grid.layers.iter().map(|layer| (*layer).to_owned()).collect();
        let chosen = listing.layers.select(&wanted)?;
        let [reference, _, _, mixed] = grid.parts;
        let mut random = Random(SEED);
        // Two slots with as many DMRS symbols: mixed pilots would give the mixture away.
        let mixture = |_| {
            let [first, second] = [0, 1].map(|_| random.below(reference / 2) as u64 * 2);
            let odd = random.below(2) as u64;
            (first + odd, second + odd, (0.35 + 0.3 * random.uniform()) as f32)
        };
        let tap = Tap::new(&listing.model, &listing.engine, &listing.layers, &chosen)?;
        let streaming = Streaming { threads: rayon::current_num_threads(), batch: 8 };
        tap.check_memory(streaming, usize::try_from(memory_limit).unwrap_or(usize::MAX))?;
        Ok(Slots {
            tap,
            engine: listing.engine,
            sets: sets(grid),
            mixtures: (0..mixed).map(mixture).collect(),
            links,
            streaming,
        })
    }

    fn origin(&self, sample: usize) -> Origin {
        let mixed = &self.sets[3].rows;
        match self.sets[4..].iter().position(|set| set.rows.contains(&sample)) {
            Some(set) => Origin::Slot { link: 1 + set, index: (sample - self.sets[4 + set].rows.start) as u64 },
            None if mixed.contains(&sample) => Origin::Mixture(sample - mixed.start),
            None => Origin::Slot { link: 0, index: sample as u64 },
        }
    }

    fn simulator(&self, link: usize, index: u64) -> &Simulator {
        &self.links[link][(index % 2) as usize]
    }

    fn parameters(&self, link: usize, index: u64) -> SlotParameters {
        self.simulator(link, index).parameters(index)
    }

    /// The SNR of every sample; of a mixture the mean.
    pub(super) fn snr_db(&self) -> Vec<f64> {
        let of_slot = |link, index| self.parameters(link, index).snr_db;
        let of = |sample| match self.origin(sample) {
            Origin::Slot { link, index } => of_slot(link, index),
            Origin::Mixture(number) => {
                let (first, second, _) = self.mixtures[number];
                (of_slot(0, first) + of_slot(0, second)) / 2.0
            }
        };
        (0..self.samples()).map(of).collect()
    }

    /// All that is drawn for the in-distribution slots.
    pub(super) fn covariates(&self, slots: usize) -> Vec<Covariate> {
        let parameters: Vec<SlotParameters> = (0..slots as u64).map(|index| self.parameters(0, index)).collect();
        let numbers = |name: &str, value: fn(&SlotParameters) -> f64| Covariate {
            name: name.to_owned(),
            values: CovariateValues::Numbers(parameters.iter().map(|slot| Some(value(slot))).collect()),
        };
        let classes = |name: &str, class: &dyn Fn(usize, &SlotParameters) -> u32| Covariate {
            name: name.to_owned(),
            values: CovariateValues::Classes(
                parameters.iter().enumerate().map(|(at, slot)| Some(class(at, slot))).collect(),
            ),
        };
        let models = &self.links[0][0].config().channel_models;
        vec![
            numbers("snr_db", |slot| slot.snr_db),
            numbers("delay_spread_secs", |slot| slot.delay_spread_secs),
            numbers("max_doppler_hz", |slot| slot.max_doppler_hz),
            classes("modulation", &|_, slot| slot.modulation.num_bits_per_symbol() as u32),
            classes("channel_model", &|_, slot| {
                models.iter().position(|model| *model == slot.channel_model).unwrap_or_default() as u32
            }),
            classes("dmrs_symbols", &|at, _| (at % 2) as u32),
        ]
    }

    /// The SINR behind the equaliser of the classical receiver `ls_linear`, of each in-distribution slot.
    ///
    /// # Errors
    /// When the user stops the work.
    pub(super) fn post_eq_sinr_db(&self, slots: usize) -> Result<Covariate> {
        let config = ReceiverConfig::from_name("ls_linear").map_err(told)?;
        let of_slot = |index: u64| {
            interrupt::check()?;
            let rates = self.simulator(0, index).slot_error_rates(&[config], index..index + 1);
            Ok(rates.first().and_then(|rates| rates.first()).map(|rates| rates.mean_post_eq_sinr_db()))
        };
        let values = (0..slots as u64).into_par_iter().map(of_slot).collect::<Result<Vec<_>>>()?;
        Ok(Covariate { name: "post_eq_sinr_db".to_owned(), values: CovariateValues::Numbers(values) })
    }

    /// Bit errors of the network at `model` and of classical receivers on `slots` slots of each kind of each set.
    ///
    /// # Errors
    /// Ctrl-C.
    pub(super) fn errors(&self, slots: u64, model: &Path) -> Result<Vec<SetErrors>> {
        let trained = &self.links[0][0].config().modulations;
        let names = std::iter::once("in distribution").chain(self.sets[4..].iter().map(|set| set.name));
        let of_set = |(name, links): (&'static str, &[Simulator; 2])| {
            let is_received = links[0].config().modulations.iter().all(|modulation| trained.contains(modulation));
            on_set(name, links, slots, model, is_received, &self.engine)
        };
        names.zip(&self.links).map(of_set).collect()
    }

    fn memory(&self) -> Memory {
        let workspaces = self.links.iter().map(|_| [None, None]).collect();
        Memory { workspaces, writer: INPUT.writer(), other: Vec::new() }
    }

    /// What the network is given of `sample`.
    fn write(&self, sample: usize, memory: &mut Memory, values: &mut [f32]) {
        match self.origin(sample) {
            Origin::Slot { link, index } => self.write_slot(link, index, memory, values),
            Origin::Mixture(number) => {
                let (first, second, share) = self.mixtures[number];
                self.write_slot(0, first, memory, values);
                let mut other = std::mem::take(&mut memory.other);
                other.resize(values.len(), 0.0);
                self.write_slot(0, second, memory, &mut other);
                values
                    .iter_mut()
                    .zip(&other)
                    .for_each(|(value, other)| *value = share * *value + (1.0 - share) * other);
                memory.other = other;
            }
        }
    }

    fn write_slot(&self, link: usize, index: u64, memory: &mut Memory, values: &mut [f32]) {
        let simulator = self.simulator(link, index);
        let workspace = &mut memory.workspaces[link][(index % 2) as usize];
        let slot = simulator.slot(index, workspace.get_or_insert_with(|| simulator.workspace()));
        memory.writer.write(&simulator.received(slot), values);
    }
}

impl ActivationSource for Slots {
    fn layers(&self) -> &[Layer] {
        self.tap.layers()
    }

    fn samples(&self) -> usize {
        self.sets.last().map_or(0, |set| set.rows.end)
    }

    /// Slots are drawn by their number: it tells them apart as well as what is in them.
    fn content_key(&self, sample: usize) -> Result<u64> {
        Ok(sample as u64)
    }

    fn run(&self, samples: &[usize], sink: &(dyn Fn(Batch<'_>) -> Result<()> + Sync)) -> Result<()> {
        let grid = self.links[0][0].grid();
        let channels = INPUT.num_channels(self.links[0][0].config().num_rx_ant);
        let size = channels * grid.num_resource_elements();
        let spares: Mutex<Vec<Memory>> = Mutex::default();
        let read = |rows: std::ops::Range<usize>| {
            interrupt::check()?;
            let spare = spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = spare.unwrap_or_else(|| self.memory());
            let mut values = vec![0.0; rows.len() * size];
            for (&sample, values) in samples[rows.clone()].iter().zip(values.chunks_exact_mut(size)) {
                self.write(sample, &mut memory, values);
            }
            spares.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            let shape = vec![rows.len(), channels, NUM_OFDM_SYMBOLS, grid.num_subcarriers()];
            Ok(vec![InputTensor::new(shape, InputData::Float(values))?])
        };
        self.tap.run(samples.len(), self.streaming, &read, sink)
    }
}

/// The link number `number` with some parameters changed.
fn link(number: u64, changes: Changes) -> Result<[Simulator; 2]> {
    let simulator = |additional: &str| -> Result<Simulator, napscope_ofdm::Error> {
        let mut config = LinkConfig::preset("deeprx")?;
        let seed = (SEED + number).to_string();
        let own = [("dmrs_additional_position", additional), ("seed", seed.as_str())];
        for (name, value) in TRAINING.iter().chain(&own).chain(changes) {
            config.set(name, value)?;
        }
        Simulator::new(config)
    };
    let [even, odd] = ADDITIONAL_DMRS.map(simulator);
    Ok([even.map_err(told)?, odd.map_err(told)?])
}

fn sets(grid: &Grid) -> Vec<Set> {
    let [reference, held_out, fresh, mixed] = grid.parts;
    let given = [
        ("reference", "slots that detectors learn from", reference),
        ("held out", "slots that thresholds and recipes are chosen by", held_out),
        ("fresh", "slots that recipes are judged by", fresh),
        ("mixed", "averages of what the network is given of two slots of the reference", mixed),
    ];
    let outside = OUTSIDE.iter().enumerate();
    let outside = outside.map(|(at, (name, meaning, _))| (*name, *meaning, grid.outside[at.min(1)]));
    side_by_side(given.into_iter().chain(outside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_leaves_the_training_in_one_parameter() {
        let trained = link(0, &[]).expect("the training's link");
        for (number, (name, _, changes)) in OUTSIDE.iter().enumerate() {
            let links = link(1 + number as u64, changes).unwrap_or_else(|error| panic!("{name}: {error}"));
            for (link, trained) in links.iter().zip(&trained) {
                let changed = link.config().settings().zip(trained.config().settings());
                let changed: Vec<&str> = changed
                    .filter(|((setting, value), (_, trained))| setting.name != "seed" && value != trained)
                    .map(|((setting, _), _)| setting.name)
                    .collect();
                assert_eq!(changed, [changes[0].0], "{name}");
            }
        }
    }
}
