//! Channel coding of the uplink's data: TS 38.212 with the LDPC codes of both base graphs.
//!
//! A transport block gets a check sum, is cut into code blocks, each is encoded and matched to the bits that the slot has room for.
//! [`TransportBlock`] does all of it in both directions; [`LdpcCode`] is one code; [`transport_block_size`] says how many bits a
//! slot carries at a code rate (TS 38.214, 5.1.3.2). No crate that we found covers both base graphs with rate matching and a
//! permissive licence, so it is all here.

mod base_graph;
mod base_graph_tables;
mod block_size;
mod crc;
mod decoder;
mod ldpc;
mod transport_block;

pub use base_graph::BaseGraph;
pub use block_size::transport_block_size;
pub use decoder::{CheckRule, DecoderOptions, LdpcDecoder};
pub use ldpc::{LdpcCode, RateMatching};
pub(crate) use transport_block::EncoderMemory;
pub use transport_block::{TransportBlock, TransportBlockDecoder};
