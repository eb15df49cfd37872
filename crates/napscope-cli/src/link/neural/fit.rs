//! Whether a network is a receiver for a link: each way in which it is not is told, with what the user can do.

use super::card::{Card, KEY};
use crate::data::show_shape;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::grid::NUM_OFDM_SYMBOLS;
use napscope_ofdm::link::tensor::{RECEIVER_INPUTS, ReceiverInput};
use napscope_ofdm::link::{LinkConfig, Simulator};
use napscope_ofdm::mapping::Modulation;
use napscope_onnx::{Dim, Layers, Model, Value};

/// The axis of channels, and that of symbols, of `(batch, channel, ofdm_symbol, subcarrier)`.
pub(super) const CHANNEL: usize = 1;
const SYMBOL: usize = 2;

/// The name of the output, where there are several.
const OUTPUT: &str = "llr";

/// What the network is given: as its card says, or the user where there is none.
pub(super) fn input(
    model: &Model,
    card: Option<&Card>,
    asked: Option<ReceiverInput>,
    num_rx_ant: usize,
) -> Result<ReceiverInput> {
    let wrong = |message: String, hint: String| Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint));
    if let Some(card) = card {
        let input = card.input()?;
        return match asked.filter(|asked| *asked != input) {
            None => Ok(input),
            Some(asked) => wrong(
                format!("it takes the input `{}`, as its metadata say, not `{}`", input.name(), asked.name()),
                "leave :input= away".to_owned(),
            ),
        };
    }
    if let Some(asked) = asked {
        return Ok(asked);
    }
    let declared = model.inputs().first().and_then(|input| input.shape.get(CHANNEL));
    let fits = |input: &ReceiverInput| declared == Some(&Dim::Fixed(input.num_channels(num_rx_ant)));
    let hint = match RECEIVER_INPUTS.map(|known| known.1).iter().find(|input| fits(input)) {
        Some(input) => format!("its channels are as many as `{0}` has: add :input={0} to its name", input.name()),
        None => "add :input=raw or :input=estimate to its name".to_owned(),
    };
    wrong(format!("it has no metadata `{KEY}`, so what it is given is not known"), hint)
}

/// Says whether the card is one of a receiver for this link.
pub(super) fn check_card(card: &Card, config: &LinkConfig) -> Result<()> {
    let wrong = |message: String, hint: String| Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint));
    if card.num_rx_ant != config.num_rx_ant {
        let message = format!("it receives with {} antennas, the link has {}", card.num_rx_ant, config.num_rx_ant);
        return wrong(message, format!("--num-rx-ant {}", card.num_rx_ant));
    }
    let trained = |modulation: &Modulation| card.modulations.iter().any(|name| name == modulation.name());
    match config.modulations.iter().find(|modulation| !trained(modulation)) {
        None => Ok(()),
        Some(other) => {
            let known = card.modulations.join(",");
            let message = format!("it was not trained on {}, but on {known}: its bits would be noise", other.name());
            wrong(message, format!("--modulation {known}"))
        }
    }
}

/// Says whether the network takes the one tensor that it will be given.
pub(super) fn check_input(model: &Model, input: ReceiverInput, config: &LinkConfig, sample: &[usize; 3]) -> Result<()> {
    let wrong = |message: String, hint: String| Err(Error::new(ErrorKind::ShapeMismatch, message).hint(hint));
    let [only] = model.inputs() else {
        let names: Vec<&str> = model.inputs().iter().map(|input| input.name.as_str()).collect();
        let message = format!("it has {} inputs ({}); a receiver is given one", names.len(), names.join(", "));
        return wrong(message, "export it with everything in one tensor".to_owned());
    };
    const AXES: &str = "(batch, channel, ofdm_symbol, subcarrier)";
    if only.shape.len() != 4 {
        let message = format!("its input `{}` has {} axes, not the four of {AXES}", only.name, only.shape.len());
        return wrong(message, "export it with these axes".to_owned());
    }
    for (axis, &size) in (CHANNEL..).zip(sample) {
        let Dim::Fixed(taken) = only.shape[axis] else { continue };
        if taken == size {
            continue;
        }
        let antennas = config.num_rx_ant;
        let (what, hint) = match axis {
            CHANNEL => (
                format!("channels, and `{}` of {antennas} antennas has {size}", input.name()),
                "another --num-rx-ant or another :input=, or transpose its axes".to_owned(),
            ),
            SYMBOL => (format!("symbols, a slot has {size}"), format!("its axes must be {AXES}")),
            _ if taken % 12 == 0 => (format!("subcarriers, the grid has {size}"), format!("--num-prb {}", taken / 12)),
            _ => (format!("subcarriers, the grid has {size}"), "export it with a dynamic subcarrier axis".to_owned()),
        };
        return wrong(format!("its input `{}` takes {taken} {what}", only.name), hint);
    }
    Ok(())
}

/// The place among `layers` of the output that holds the LLRs.
pub(super) fn output(model: &Model, layers: &Layers) -> Result<usize> {
    let outputs: Vec<&str> = model.outputs().collect();
    let output = match outputs[..] {
        [only] => only,
        _ if outputs.contains(&OUTPUT) => OUTPUT,
        _ => {
            let message = format!("which of its outputs are the LLRs? It has {}", outputs.join(", "));
            return Err(Error::new(ErrorKind::Source, message).hint(format!("call that one `{OUTPUT}`")));
        }
    };
    layers.values.iter().position(|value| value.tensor == output).ok_or_else(|| {
        let reason = layers.left_out.iter().find(|value| value.tensor == output);
        let reason = reason.map_or("no node computes it", |value| &value.reason);
        Error::new(ErrorKind::Source, format!("its output `{output}` cannot be read: {reason}"))
            .hint("a receiver makes one tensor of LLRs for each slot of a batch, from that slot alone")
    })
}

/// Says whether the shape of `output` is that of LLRs, and there are enough of them.
pub(super) fn check_output(output: &Value, card: Option<&Card>, simulator: &Simulator) -> Result<()> {
    let wrong = |message: String, hint: &str| Err(Error::new(ErrorKind::ShapeMismatch, message).hint(hint));
    let num_subcarriers = simulator.grid().num_subcarriers();
    let num_bits = match output.shape[..] {
        [1, num_bits, NUM_OFDM_SYMBOLS, k] if k == num_subcarriers && output.batch_axis == 0 => num_bits,
        _ => {
            let expected = format!("(1, bits, {NUM_OFDM_SYMBOLS}, {num_subcarriers})");
            let found = show_shape(&output.shape);
            return wrong(
                format!("its output `{}` has shape {found} for one slot, not {expected}", output.tensor),
                "export it with the axes (batch, bit, ofdm_symbol, subcarrier)",
            );
        }
    };
    if let Some(card) = card.filter(|card| card.num_bits != num_bits) {
        let message = format!("its output has {num_bits} bits, its metadata say {}", card.num_bits);
        return wrong(message, "export it again");
    }
    let too_large = |modulation: &&Modulation| modulation.num_bits_per_symbol() > num_bits;
    match simulator.config().modulations.iter().find(too_large) {
        None => Ok(()),
        Some(large) => {
            let (name, bits) = (large.name(), large.num_bits_per_symbol());
            let message = format!("it gives {num_bits} bits for each resource element, {name} has {bits}");
            wrong(message, "a modulation of fewer bits")
        }
    }
}
