//! The link, slot by slot: a configuration, the simulator of it, and the error rates of receivers on it.

mod columns;
mod config;
mod error_rates;
mod front_end;
mod settings;
mod settings_list;
mod simulator;
mod slot;
pub mod tensor;
mod toml_file;
mod units;
mod values;

pub use columns::{Cell, Column, SLOT_COLUMNS};
pub use config::{Coding, Domain, Fades, Impairments, LinkConfig, Motion};
pub use error_rates::{Count, ErrorRates, Interval, StopRule, Tally};
pub use settings::Setting;
pub use settings_list::SETTINGS;
pub use simulator::{Simulator, Workspace};
pub use slot::{Slot, SlotParameters};
pub use toml_file::{PRESETS, Preset};
pub use values::Values;
