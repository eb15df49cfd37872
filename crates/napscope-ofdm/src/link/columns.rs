//! What is known of a slot, column by column: the table beside a data set.

use super::slot::Slot;

/// One column.
pub struct Column {
    /// Its name, with the unit.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its value for a slot.
    pub value: fn(&Slot) -> Cell,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// There is no such thing in this slot.
    Absent,
    /// A name.
    Text(String),
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Cell::Absent, Cell::Number)
    }
}

/// A column of numbers.
macro_rules! number {
    ($name:literal, $help:literal, $value:expr) => {
        Column { name: $name, help: $help, value: |slot| Cell::Number($value(slot) as f64) }
    };
}

/// Every column of a slot. What a receiver makes of it (`post_eq_sinr_db`, bit errors) comes from
/// [`ErrorRates`](super::ErrorRates).
pub const SLOT_COLUMNS: &[Column] = &[
    number!("slot", "number of the slot in the experiment", |s: &Slot| s.parameters.index),
    number!("slot_number", "number of the slot in its frame", |s: &Slot| s.parameters.slot_number),
    number!("snr_db", "Es/N0 on a resource element, averaged over the fading", |s: &Slot| s.parameters.snr_db),
    number!("realized_snr_db", "the same of this very slot: mean |h|^2 over N0", Slot::realized_snr_db),
    number!("delay_spread_secs", "RMS delay spread", |s: &Slot| s.parameters.delay_spread_secs),
    number!("speed_mps", "speed of the transmitter", |s: &Slot| s.parameters.speed_mps),
    number!("max_doppler_hz", "largest Doppler shift", |s: &Slot| s.parameters.max_doppler_hz),
    Column {
        name: "channel_model",
        help: "channel model",
        value: |slot| Cell::Text(slot.parameters.channel_model.name()),
    },
    Column {
        name: "modulation",
        help: "modulation",
        value: |slot| Cell::Text(slot.parameters.modulation.name().to_owned()),
    },
    number!("num_bits_per_symbol", "bits of a symbol", |s: &Slot| s.parameters.modulation.num_bits_per_symbol()),
    number!("cfo_hz", "offset of the carrier frequency", |s: &Slot| s.parameters.cfo_hz),
    number!("phase_noise_linewidth_hz", "line width of the oscillator", |s: &Slot| {
        s.parameters.phase_noise_linewidth_hz
    }),
    Column {
        name: "pa_backoff_db",
        help: "back-off of the power amplifier",
        value: |slot| slot.parameters.pa_backoff_db.into(),
    },
    Column {
        name: "narrowband_sir_db",
        help: "signal to narrow-band interference",
        value: |slot| slot.parameters.narrowband_sir_db.into(),
    },
    Column {
        name: "co_channel_sir_db",
        help: "signal to co-channel interference",
        value: |slot| slot.parameters.co_channel_sir_db.into(),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{LinkConfig, Simulator};

    #[test]
    fn columns_say_what_the_slot_is() {
        let mut config = LinkConfig::default();
        for (name, text) in [("snr_db", "7"), ("co_channel_sir_db", "20"), ("model", "tdl-a30"), ("num_prb", "2")] {
            config.set(name, text).expect(name);
        }
        let simulator = Simulator::new(config).expect("valid");
        let mut workspace = simulator.workspace();
        let slot = simulator.slot(13, &mut workspace);
        let cell = |name: &str| {
            let column = SLOT_COLUMNS.iter().find(|column| column.name == name);
            (column.unwrap_or_else(|| panic!("no column {name}")).value)(slot)
        };
        for (name, expected) in [
            ("slot", Cell::Number(13.0)),
            ("slot_number", Cell::Number(3.0)),
            ("snr_db", Cell::Number(7.0)),
            ("delay_spread_secs", Cell::Number(30e-9)),
            ("speed_mps", Cell::Number(10.0)),
            ("channel_model", Cell::Text("tdl-a30".into())),
            ("modulation", Cell::Text("16qam".into())),
            ("co_channel_sir_db", Cell::Number(20.0)),
            ("pa_backoff_db", Cell::Absent),
        ] {
            assert_eq!(cell(name), expected, "{name}");
        }
        let power = slot.h.iter().map(|h| f64::from(h.norm_sqr())).sum::<f64>() / slot.h.len() as f64;
        assert_eq!(cell("realized_snr_db"), Cell::Number(7.0 + 10.0 * power.log10()));
    }
}
