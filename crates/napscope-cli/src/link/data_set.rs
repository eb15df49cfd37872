//! A data set of simulated slots: what a neural receiver takes, what it shall find, and what is known of each slot.
//!
//! | array | type and shape | what |
//! |---|---|---|
//! | `input` | float32 (n, C, 14, K) | what the network is given over K subcarriers: [`ReceiverInput`] says the C channels |
//! | `bits` | int8 (n, 8, 14, K) | transmitted bits, -1 where there is none |
//! | columns | (n) | the slot's number and parameters, and how well receivers do on it |

use super::lineup::Lineup;
use crate::files::npz::ArraySpec;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::coding::TransportBlockDecoder;
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use napscope_ofdm::link::tensor::{InputWriter, ReceiverInput};
use napscope_ofdm::link::{Cell, ErrorRates, SLOT_COLUMNS, Simulator, Values, Workspace, tensor};
use napscope_ofdm::receiver::{Detected, Receiver};
use rayon::prelude::*;
use std::ops::Range;

/// Makes the rows of a data set.
pub struct SlotRows {
    simulator: Simulator,
    receivers: Lineup,
    input: ReceiverInput,
    /// The link's own columns that there are.
    slot_columns: Vec<&'static napscope_ofdm::link::Column>,
    columns: Vec<Column>,
}

/// What is known of one slot.
struct Facts {
    /// One for each of the link's own columns that there are.
    cells: Vec<Cell>,
    /// What each receiver made of it.
    rates: Vec<ErrorRates>,
}

/// A column of the data set.
struct Column {
    name: String,
    help: String,
    kind: Kind,
    value: Box<dyn Fn(&Facts) -> Cell + Sync + Send>,
}

#[derive(Clone, Copy)]
enum Kind {
    Int,
    Float,
    /// Text of at most this many characters.
    Text(usize),
}

/// The memory of one thread.
struct Memory {
    workspace: Workspace,
    receivers: Vec<Receiver>,
    detected: Detected,
    decoder: TransportBlockDecoder,
    writer: InputWriter,
    input: Vec<f32>,
    bits: Vec<i8>,
}

impl SlotRows {
    /// The rows of the slots of `simulator` with `input` for the network, measured by `receivers`.
    ///
    /// # Errors
    /// When two receivers would have the same columns.
    pub fn new(simulator: Simulator, input: ReceiverInput, receivers: Lineup) -> Result<Self> {
        let slot_columns = slot_columns(&simulator);
        let columns = columns(&simulator, &slot_columns, &receivers);
        if let Some(twice) = (1..columns.len()).find(|&at| columns[..at].iter().any(|c| c.name == columns[at].name)) {
            let message = format!("two receivers would write the column `{}`", columns[twice].name);
            return Err(Error::new(ErrorKind::InvalidParameter, message).hint("keep one of them"));
        }
        Ok(SlotRows { simulator, receivers, input, slot_columns, columns })
    }

    /// The simulator.
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// What the network is given.
    pub fn input(&self) -> ReceiverInput {
        self.input
    }

    /// What the receivers are called.
    pub fn receivers(&self) -> &[String] {
        self.receivers.names()
    }

    /// The arrays, and a line about each.
    pub fn arrays(&self) -> Vec<(ArraySpec, String)> {
        let num_rx_ant = self.simulator.config().num_rx_ant;
        let grid = [NUM_OFDM_SYMBOLS, self.simulator.grid().num_subcarriers()];
        let map = |name: &str, descr: &str, element_bytes, channels| ArraySpec {
            name: name.to_owned(),
            descr: descr.to_owned(),
            element_bytes,
            row_shape: [&[channels], &grid[..]].concat(),
        };
        let mut arrays = vec![
            (
                map("input", "<f4", 4, self.input.num_channels(num_rx_ant)),
                match self.input {
                    ReceiverInput::Raw => {
                        "received grids, pilots, raw channel estimate; real and imaginary parts".to_owned()
                    }
                    ReceiverInput::Estimate => {
                        "the same, smoothed channel estimate, equalised symbols, their error".to_owned()
                    }
                },
            ),
            (map("bits", "|i1", 1, tensor::MAX_BITS_PER_SYMBOL), "transmitted bits, -1 where there is none".to_owned()),
        ];
        arrays.extend(self.columns.iter().map(|column| {
            let (descr, element_bytes) = match column.kind {
                Kind::Int => ("<i8".to_owned(), 8),
                Kind::Float => ("<f8".to_owned(), 8),
                Kind::Text(width) => (format!("<U{width}"), 4 * width),
            };
            (ArraySpec { name: column.name.clone(), descr, element_bytes, row_shape: Vec::new() }, column.help.clone())
        }));
        arrays
    }

    /// Bytes of the two large arrays a slot.
    pub fn slot_bytes(&self) -> usize {
        self.arrays().iter().map(|(array, _)| array.row_bytes()).sum()
    }

    /// The rows of `slots`, one run of bytes an array, made on all threads. Slot i is the same whichever slots are asked for.
    ///
    /// # Errors
    /// When a network among the receivers fails.
    pub fn rows(&self, slots: Range<u64>) -> Result<Vec<Vec<u8>>> {
        let arrays = self.arrays();
        let count = (slots.end - slots.start) as usize;
        let (input_bytes, bits_bytes) = (arrays[0].0.row_bytes(), arrays[1].0.row_bytes());
        let (mut inputs, mut bits) = (vec![0; count * input_bytes], vec![0; count * bits_bytes]);
        let (cells, mut rates): (Vec<_>, Vec<_>) = inputs
            .par_chunks_mut(input_bytes)
            .zip(bits.par_chunks_mut(bits_bytes))
            .enumerate()
            .map_init(
                || self.memory(input_bytes / 4, bits_bytes),
                |memory, (at, (input, bits))| self.row(slots.start + at as u64, memory, input, bits),
            )
            .unzip();
        self.receivers.insert_networks(&self.simulator, slots, &mut rates)?;
        let facts: Vec<Facts> = cells.into_iter().zip(rates).map(|(cells, rates)| Facts { cells, rates }).collect();
        let mut rows = vec![inputs, bits];
        rows.extend(self.columns.iter().map(|column| column.bytes(&facts)));
        Ok(rows)
    }

    fn memory(&self, input: usize, bits: usize) -> Memory {
        Memory {
            workspace: self.simulator.workspace(),
            receivers: self.receivers.classical().iter().map(|&config| self.simulator.receiver(config)).collect(),
            detected: Detected::default(),
            decoder: self.simulator.decoder(),
            writer: self.input.writer(),
            input: vec![0.0; input],
            bits: vec![0; bits],
        }
    }

    /// One slot: its tensors into `input` and `bits`, the cells of its columns, and what each classical receiver made of it.
    fn row(&self, index: u64, memory: &mut Memory, input: &mut [u8], bits: &mut [u8]) -> (Vec<Cell>, Vec<ErrorRates>) {
        let Memory { workspace, receivers, detected, decoder, .. } = memory;
        let slot = self.simulator.slot(index, workspace);
        let received = self.simulator.received(slot);
        memory.writer.write(&received, &mut memory.input);
        for (bytes, value) in input.chunks_exact_mut(4).zip(&memory.input) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        tensor::write_bits(slot, self.simulator.pattern(), &mut memory.bits);
        bits.iter_mut().zip(&memory.bits).for_each(|(byte, bit)| *byte = bit.to_le_bytes()[0]);
        let mut rates = |receiver: &mut Receiver| {
            receiver.receive(&received, &self.simulator.genie(slot), slot.parameters.modulation, detected);
            self.simulator.count_errors(slot, detected, decoder)
        };
        let rates = receivers.iter_mut().map(&mut rates).collect();
        (self.slot_columns.iter().map(|column| (column.value)(slot)).collect(), rates)
    }
}

impl Column {
    fn bytes(&self, facts: &[Facts]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for facts in facts {
            match (self.kind, (self.value)(facts)) {
                (Kind::Int, Cell::Number(value)) => bytes.extend((value as i64).to_le_bytes()),
                (_, Cell::Number(value)) => bytes.extend(value.to_le_bytes()),
                (_, Cell::Absent) => bytes.extend(f64::NAN.to_le_bytes()),
                (Kind::Text(width), Cell::Text(text)) => {
                    let units = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
                    bytes.extend(units.flat_map(u32::to_le_bytes));
                }
                (_, Cell::Text(_)) => unreachable!("texts stand in columns of text"),
            }
        }
        bytes
    }
}

/// Columns of whole numbers.
const INTEGERS: [&str; 3] = ["slot", "slot_number", "num_bits_per_symbol"];

/// The link's own columns, without those of impairments that there are not.
fn slot_columns(simulator: &Simulator) -> Vec<&'static napscope_ofdm::link::Column> {
    let (mut workspace, impairments) = (simulator.workspace(), &simulator.config().impairments);
    let slot = simulator.slot(0, &mut workspace);
    let unused = [("cfo_hz", &impairments.cfo_hz), ("phase_noise_linewidth_hz", &impairments.phase_noise_linewidth_hz)];
    let is_used = |column: &&napscope_ofdm::link::Column| {
        let zero = unused.iter().any(|(name, values)| *name == column.name && **values == Values::Fixed(0.0));
        !zero && (column.value)(slot) != Cell::Absent
    };
    SLOT_COLUMNS.iter().filter(is_used).collect()
}

fn columns(
    simulator: &Simulator,
    slot_columns: &[&'static napscope_ofdm::link::Column],
    receivers: &Lineup,
) -> Vec<Column> {
    let (mut workspace, config) = (simulator.workspace(), simulator.config());
    let slot = simulator.slot(0, &mut workspace);
    let models = config.channel_models.iter().map(|model| model.name().chars().count());
    let width = models.chain(config.modulations.iter().map(|modulation| modulation.name().len())).max().unwrap_or(1);
    let mut columns: Vec<Column> = Vec::new();
    for (at, column) in slot_columns.iter().enumerate() {
        let kind = match (column.value)(slot) {
            Cell::Text(_) => Kind::Text(width),
            _ if INTEGERS.contains(&column.name) => Kind::Int,
            _ => Kind::Float,
        };
        let value = Box::new(move |facts: &Facts| facts.cells[at].clone());
        columns.push(Column { name: column.name.to_owned(), help: column.help.to_owned(), kind, value });
    }
    for (at, receiver) in receivers.names().iter().enumerate() {
        // The first receiver's columns have the plain names.
        let name = |what: &str| if at == 0 { what.to_owned() } else { format!("{what}_{}", identifier(receiver)) };
        let mut add = |what: &str, help: &str, kind, value: fn(&ErrorRates) -> f64| {
            let value = Box::new(move |facts: &Facts| Cell::Number(value(&facts.rates[at])));
            columns.push(Column { name: name(what), help: format!("{help}, {receiver}"), kind, value });
        };
        if !receivers.is_network(at) {
            add("post_eq_sinr_db", "SINR after equalisation", Kind::Float, ErrorRates::mean_post_eq_sinr_db);
        }
        add("uncoded_ber", "bit error rate before decoding", Kind::Float, |rates| rates.uncoded.rate());
        if config.coding.is_some() {
            add("block_error", "1 where the block was not decoded", Kind::Int, |rates| rates.blocks.errors as f64);
        }
    }
    columns
}

/// `text` with an underscore for everything that a name in an archive had better not hold.
fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(flags: &[(&'static str, &str)], receivers: &str) -> SlotRows {
        let flags: Vec<_> = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let settings = super::super::settings::LinkSettings::resolve(&flags, None).expect("valid settings");
        let simulator = Simulator::new(settings.config).expect("a link");
        let receivers = super::super::receivers::read([receivers]).expect("receivers");
        let lineup = Lineup::open(&receivers, &simulator, || Ok(napscope_onnx::Choice::rten())).expect("no network");
        SlotRows::new(simulator, ReceiverInput::Estimate, lineup).expect("columns")
    }

    const SMALL: &[(&str, &str)] = &[
        ("num_prb", "2"),
        ("snr_db", "0..20"),
        ("channel_model", "tdl-a30,rician:k_factor_db=3"),
        ("modulation", "qpsk,16qam"),
        ("co_channel_sir_db", "10..20"),
    ];

    #[test]
    fn rows_do_not_depend_on_what_else_is_asked_for() {
        let rows = rows(SMALL, "perfect_csi,ls_linear");
        let made = |slots| rows.rows(slots).expect("no network fails");
        let whole = made(0..7);
        let (first, second) = (made(0..3), made(3..7));
        for (array, spec) in rows.arrays().iter().enumerate() {
            assert_eq!(whole[array].len(), 7 * spec.0.row_bytes(), "{}", spec.0.name);
            assert!(whole[array] == [&first[array][..], &second[array]].concat(), "{}", spec.0.name);
        }
    }
}
