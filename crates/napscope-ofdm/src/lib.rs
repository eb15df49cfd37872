//! A 5G-NR-like uplink: resource grid, DMRS, fading channels, classical receivers, LDPC, and the Monte-Carlo simulation of
//! them.
//!
//! The modules stand in the order of the link: what is sent, what the channel does to it, how it is received, how all of
//! it is simulated slot by slot. No file is opened here, no clock is read, no global random number is drawn. Names are those
//! of Sionna and of the 3GPP specifications; units are part of a name (`_hz`, `_secs`, `_db`).

// Units stand in brackets, as in Sionna's documentation: `[Hz]` is no link.
#![allow(rustdoc::broken_intra_doc_links)]

mod error;
mod gold;
pub mod grid;
mod names;
pub mod random;
mod simd;
mod trigonometry;

pub mod dmrs;

pub mod mapping;

pub mod ofdm;

pub mod channel;

pub mod impairments;

mod linear_algebra;
pub mod receiver;

pub mod coding;

pub mod link;

pub use error::{Error, ErrorKind, Result};
pub use rustfft::num_complex::Complex32;
