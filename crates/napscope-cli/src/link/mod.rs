//! The 5G uplink on the command line: what was asked, the data sets and the error rates that come of it.
//!
//! `napscope-ofdm` knows how a slot is made and received; here are the settings and who said them, files, and tables.

pub mod args;
pub mod settings;

pub mod receivers;

pub mod data_set;
pub mod picture;
pub mod write;

pub mod neural;

pub mod lineup;

pub mod axis;
pub mod error_rates;
pub mod figure;

use napscope::{Error, ErrorKind};

/// An error of the link as one that the program tells, with its hint.
pub fn told(error: napscope_ofdm::Error) -> Error {
    let kind = match error.kind() {
        napscope_ofdm::ErrorKind::UnknownName => ErrorKind::UnknownName,
        napscope_ofdm::ErrorKind::ShapeMismatch => ErrorKind::ShapeMismatch,
        napscope_ofdm::ErrorKind::NonFinite => ErrorKind::NonFinite,
        _ => ErrorKind::InvalidParameter,
    };
    let told = Error::new(kind, error.to_string());
    match error.how_to_mend() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}
