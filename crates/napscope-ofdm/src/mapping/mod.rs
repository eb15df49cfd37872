//! Bits to symbols and back: the Gray-mapped QAM constellations of TS 38.211, 5.1, and their soft demapper.

mod constellation;
mod demapper;

pub use constellation::{Constellation, MODULATIONS, Modulation};
pub use demapper::{Demapper, DemappingMethod};
