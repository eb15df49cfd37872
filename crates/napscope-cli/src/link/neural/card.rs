//! What a network says of itself as a receiver: JSON in its ONNX metadata under [`KEY`], which `napscope-train` writes.

use crate::link::told;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::channel::max_doppler_hz;
use napscope_ofdm::link::tensor::ReceiverInput;
use napscope_ofdm::link::{LinkConfig, Motion, SETTINGS, Setting, Values};
use serde::Deserialize;

/// The key of the metadata.
pub(super) const KEY: &str = "napscope.receiver";

/// The only sign of LLRs that is taken: another one would make every bit wrong.
const LLR: &str = "ln P(1)/P(0)";

/// The only order of the axes that is taken.
const AXES: [&str; 4] = ["batch", "channel", "ofdm_symbol", "subcarrier"];

/// A receiver's card.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Card {
    version: u32,
    input: String,
    /// Receive antennas.
    pub(super) num_rx_ant: usize,
    /// Bits that it gives for each resource element.
    pub(super) num_bits: usize,
    /// Modulations that it was trained on.
    pub(super) modulations: Vec<String>,
    llr: String,
    axes: Vec<String>,
    /// Numbers of further DMRS symbols in training, which a link has one of.
    #[serde(default)]
    dmrs_additional_positions: Vec<usize>,
    /// Parameters of the link in training, by the names of [`SETTINGS`].
    #[serde(default)]
    training: serde_json::Map<String, serde_json::Value>,
}

impl Card {
    /// Reads and checks a card.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for what is no card of a version that is known, and for conventions that are not ours.
    pub(super) fn read(json: &str) -> Result<Card> {
        let wrong = |message: String, hint: &str| {
            Err(Error::new(ErrorKind::Source, message).hint(hint).context(format!("its metadata `{KEY}`")))
        };
        const EXPORT: &str = "export it again with `napscope-train export`";
        let card: Card = match serde_json::from_str(json) {
            Ok(card) => card,
            Err(error) => return wrong(format!("no card of a receiver: {error}"), EXPORT),
        };
        if card.version != 1 {
            return wrong(format!("version {} is not known, 1 is", card.version), "take a newer napscope");
        }
        if card.llr != LLR {
            let hint = "negate its output, and say so in the metadata";
            return wrong(format!("its LLRs are `{}`; `{LLR}` is what decoders take here", card.llr), hint);
        }
        if card.axes != AXES {
            let hint = "add transpositions to the network, and say so in the metadata";
            return wrong(format!("its axes are {}; {} are taken", card.axes.join(", "), AXES.join(", ")), hint);
        }
        Ok(card)
    }

    /// What the network is given.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for an input that there is not.
    pub(super) fn input(&self) -> Result<ReceiverInput> {
        ReceiverInput::from_name(&self.input).map_err(|error| told(error).context(format!("its metadata `{KEY}`")))
    }

    /// A line for each parameter of `config` that goes beyond the training: results may be poor there, and say nothing of the
    /// network as it was meant.
    pub(super) fn beyond_training(&self, config: &LinkConfig) -> Vec<String> {
        if self.training.is_empty() {
            return Vec::new();
        }
        // What the card leaves out was as it is by default. A link reads the values, so that units mean the same.
        let mut trained = LinkConfig::default();
        for (name, value) in &self.training {
            // A parameter of a later version cannot be compared.
            let _ = trained.set(name, &text(value));
        }
        let mut notes: Vec<String> = SETTINGS.iter().filter_map(|setting| beyond(setting, config, &trained)).collect();
        let (position, known) = (config.dmrs.additional_position, &self.dmrs_additional_positions);
        if !known.is_empty() && !known.contains(&position) {
            notes.push(told_beyond("dmrs_additional_position", &position.to_string(), &joined(known)));
        }
        notes
    }
}

/// Parameters that slots do not draw and that a receiver may have got used to.
const FIXED: [&str; 5] = [
    "channel_model",
    "subcarrier_spacing_hz",
    "dmrs_config_type",
    "dmrs_type_a_position",
    "dmrs_num_cdm_groups_without_data",
];

/// What there is to tell of one parameter.
fn beyond(setting: &Setting, asked: &LinkConfig, trained: &LinkConfig) -> Option<String> {
    let name = setting.name;
    if FIXED.contains(&name) {
        let (asked, trained) = (written(asked, name), written(trained, name));
        let known: Vec<&str> = trained.split(',').collect();
        let all_known = asked.split(',').all(|part| known.contains(&part));
        return (!all_known).then(|| told_beyond(name, &asked, &trained));
    }
    // Motion is compared by its Doppler shift, whichever of the two is given.
    if !setting.is_drawn() || name == "speed_mps" {
        return None;
    }
    let asked = drawn(asked, name)?;
    let Some(trained) = drawn(trained, name) else { return Some(told_beyond(name, &asked.to_string(), "none")) };
    let ((low, high), (from, to)) = (trained.range(), asked.range());
    // A range that comes from another unit may be off by a rounding.
    let slack = 1e-9 * (high - low).abs();
    (from < low - slack || to > high + slack).then(|| told_beyond(name, &asked.to_string(), &trained.to_string()))
}

fn told_beyond(name: &str, asked: &str, trained: &str) -> String {
    format!("{name} {asked} goes beyond its training, {trained}")
}

/// The value of parameter `name` as settings write it.
fn written(config: &LinkConfig, name: &str) -> String {
    config.settings().find(|(setting, _)| setting.name == name).map_or_else(String::new, |(_, value)| value)
}

/// The values of a parameter that slots draw; `None` where it is absent.
fn drawn(config: &LinkConfig, name: &str) -> Option<Values> {
    match &config.motion {
        Motion::SpeedMps(speed) if name == "max_doppler_hz" => {
            let (low, high) = speed.range();
            let doppler = |speed| max_doppler_hz(speed, config.carrier_frequency_hz);
            Some(if low == high { Values::Fixed(doppler(low)) } else { Values::Uniform(doppler(low), doppler(high)) })
        }
        _ => written(config, name).parse().ok(),
    }
}

fn joined(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// A value of the card as a link's settings write it: lists with commas.
fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn card(change: impl Fn(&mut serde_json::Value)) -> Result<Card> {
        let mut card = json!({
            "version": 1, "input": "raw", "num_rx_ant": 2, "num_bits": 4, "modulations": ["qpsk", "16qam"], "llr": LLR, "axes": AXES,
            "training": { "snr_db": "-4..32", "delay_spread_secs": "10ns..300ns", "max_doppler_hz": "0..500",
                "channel_model": ["tdl-b", "tdl-c"], "num_prb": 6, "seed": 5 },
            "dmrs_additional_positions": [0, 1],
        });
        change(&mut card);
        Card::read(&card.to_string())
    }

    #[test]
    fn cards_that_cannot_be_taken_say_why() {
        type Change = fn(&mut serde_json::Value);
        let cases: [(&str, Change); 6] = [
            ("no card of a receiver: missing field `num_bits`", |card| {
                card.as_object_mut().expect("an object").remove("num_bits");
            }),
            ("no card of a receiver: invalid type", |card| *card = json!(["a list"])),
            ("version 2 is not known", |card| card["version"] = json!(2)),
            ("its LLRs are `ln P(0)/P(1)`", |card| card["llr"] = json!("ln P(0)/P(1)")),
            ("its axes are batch, subcarrier, ofdm_symbol, channel", |card| {
                card["axes"] = json!(["batch", "subcarrier", "ofdm_symbol", "channel"]);
            }),
            ("invalid value: integer `-2`", |card| card["num_rx_ant"] = json!(-2)),
        ];
        for (expected, change) in cases {
            let error = card(change).expect_err(expected);
            assert!(error.to_string().contains(expected), "expected `{expected}`, got `{error}`");
            assert!(error.how_to_mend().is_some(), "{expected}");
        }
        assert!(card(|card| card["input"] = json!("row")).expect("a card").input().is_err(), "no such input");
    }

    #[test]
    fn what_goes_beyond_the_training_is_told() {
        let card = card(|_| ()).expect("a card");
        for (flags, expected) in [
            (&[("snr_db", "0..32"), ("delay_spread_secs", "300ns"), ("channel_model", "tdl-c")][..], &[][..]),
            (&[("snr_db", "0..40")], &["snr_db 0..40 goes beyond its training, -4..32"]),
            (&[("snr_db", "-10,0")], &["snr_db -10,0 goes beyond"]),
            (&[("max_doppler_hz", "500")], &[]),
            (&[("speed_mps", "0..37")], &[]),
            (&[("speed_mps", "50")], &["max_doppler_hz 667."]),
            (
                &[("cfo_hz", "100"), ("pa_backoff_db", "3")],
                &["cfo_hz 100 goes beyond its training, 0", "pa_backoff_db 3 goes beyond its training, none"],
            ),
            (
                &[("channel_model", "tdl-b,tdl-a"), ("dmrs_additional_position", "2")],
                &["channel_model tdl-b,tdl-a", "dmrs_additional_position 2 goes beyond its training, 0,1"],
            ),
        ] {
            let mut config = LinkConfig::default();
            for (name, text) in flags {
                config.set(name, text).expect(name);
            }
            let notes = card.beyond_training(&config);
            let fits = notes.len() == expected.len() && notes.iter().zip(expected).all(|(a, b)| a.starts_with(b));
            assert!(fits, "{flags:?}: expected {expected:?}, got {notes:?}");
        }
    }
}
