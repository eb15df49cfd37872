//! The link, slot by slot: a configuration, the simulator of it, and the error rates of receivers on it.

mod config;
mod error_rates;
mod front_end;
mod simulator;
mod slot;
mod values;

pub use config::{Domain, Fades, Impairments, LinkConfig, Motion};
pub use error_rates::{Count, ErrorRates, Interval, StopRule};
pub use simulator::{Simulator, Workspace};
pub use slot::{Slot, SlotParameters};
pub use values::Values;
