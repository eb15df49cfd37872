//! The files of `oracles/make_arrays.py` and what they hold.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Oracle {
    pub(super) arrays: Vec<ArrayCase>,
    pub(super) tables: Vec<TableCase>,
    pub(super) picture: PictureCase,
}

/// A file and the arrays in it.
#[derive(Deserialize)]
pub(super) struct ArrayCase {
    pub(super) file: String,
    pub(super) base64: String,
    pub(super) arrays: BTreeMap<String, Expected>,
}

/// An array: its elements in C order, as text.
#[derive(Deserialize)]
pub(super) struct Expected {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<String>,
}

/// A Parquet file and its columns: cells as text, none where missing.
#[derive(Deserialize)]
pub(super) struct TableCase {
    pub(super) file: String,
    pub(super) base64: String,
    pub(super) columns: BTreeMap<String, Vec<Option<String>>>,
}

/// A PNG, and what Pillow makes of it: resized and cropped, and grey.
#[derive(Deserialize)]
pub(super) struct PictureCase {
    pub(super) base64: String,
    pub(super) prepared: Vec<PreparedCase>,
    pub(super) grey: Vec<u8>,
}

/// The shorter side resized, a square cut out of the middle.
#[derive(Deserialize)]
pub(super) struct PreparedCase {
    pub(super) resize: u32,
    pub(super) crop: u32,
    pub(super) rgb: Vec<u8>,
}

pub(super) fn load() -> Oracle {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/arrays.json");
    let text = std::fs::read_to_string(path).expect("oracles/arrays.json stands beside its maker");
    serde_json::from_str(&text).expect("oracles/arrays.json is as its maker wrote it")
}

pub(super) fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = DIGITS.iter().position(|known| *known == digit).expect("a base64 digit");
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
