//! What real hardware and other transmitters add: the knobs that move a link out of what a receiver was made for.

mod interference;
mod oscillator;
mod power_amplifier;

pub(crate) use interference::{add_co_channel, add_narrowband};
pub(crate) use oscillator::Oscillator;
pub use power_amplifier::PowerAmplifier;
