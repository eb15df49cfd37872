//! One LDPC code of TS 38.212, 5.3.2, with its rate matching, 5.4.2: how a code block becomes the bits on the air.
//!
//! The parity-check matrix is the base graph with each entry replaced by a circulant of Z × Z. Four parity columns form a small
//! dual-diagonal core, the others hang on it one by one, so encoding is substitution.

use super::base_graph::{BaseGraph, MAX_LIFTING, lifting_size};
use crate::error::{Error, Result};

/// One entry of the lifted graph: bit `(k + shift) mod Z` of `column` is in check k of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Circulant {
    pub(super) column: usize,
    pub(super) shift: usize,
}

/// How the code word of a block is matched to the bits on the air: TS 38.212, 5.4.2, with the full circular buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateMatching {
    /// Coded bits that are sent.
    pub num_coded_bits: usize,
    /// Bits of a symbol, over which they are interleaved.
    pub num_bits_per_symbol: usize,
    /// Redundancy version, 0 to 3: where in the circular buffer sending begins. Sionna: `rv`; MATLAB: `RV`.
    pub redundancy_version: usize,
}

/// A code with its rate matching: `num_information_bits` in, `num_coded_bits` out.
#[derive(Debug, Clone)]
pub struct LdpcCode {
    pub(super) graph: BaseGraph,
    pub(super) lifting: usize,
    /// The circulants of each row.
    pub(super) rows: Vec<Vec<Circulant>>,
    num_information_bits: usize,
    /// Place in the code word of each coded bit, in the order in which they are sent.
    pub(super) sent_places: Vec<u32>,
}

impl LdpcCode {
    /// The code of `graph` for `num_information_bits` bits (check bits included; of a transport block of
    /// `transport_block_bits`, which has the same lifting size in all of its code blocks).
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when the graph has no code of this size, when there is room for fewer coded than
    /// information bits or for no whole symbols, or when there is no such redundancy version.
    pub fn new(
        graph: BaseGraph,
        num_information_bits: usize,
        transport_block_bits: usize,
        matching: RateMatching,
    ) -> Result<Self> {
        let RateMatching { num_coded_bits, num_bits_per_symbol, redundancy_version } = matching;
        if redundancy_version > 3 {
            return Err(Error::parameter(format!("redundancy_version must lie from 0 to 3, got {redundancy_version}")));
        }
        if !(1..=8).contains(&num_bits_per_symbol) {
            return Err(Error::parameter(format!(
                "num_bits_per_symbol must lie from 1 to 8, got {num_bits_per_symbol}"
            )));
        }
        let filled = graph.num_filled_columns(transport_block_bits);
        let found = lifting_size(num_information_bits.div_ceil(filled)).filter(|_| num_information_bits > 0);
        let (lifting, set) = found.ok_or_else(|| {
            Error::parameter(format!(
                "no LDPC code of base graph {graph:?} has {num_information_bits} information bits"
            ))
        })?;
        if num_coded_bits <= num_information_bits || !num_coded_bits.is_multiple_of(num_bits_per_symbol) {
            return Err(Error::parameter(format!(
                "{num_information_bits} information bits do not fit into {num_coded_bits} coded bits in symbols of \
                 {num_bits_per_symbol}"
            ))
            .hint("lower the code rate"));
        }
        let mut rows = vec![Vec::new(); graph.num_rows()];
        for &(row, column, shifts) in graph.entries() {
            rows[row as usize].push(Circulant { column: column.into(), shift: shifts[set] as usize % lifting });
        }
        let mut code = LdpcCode { graph, lifting, rows, num_information_bits, sent_places: Vec::new() };
        code.sent_places = code.match_rate(matching);
        Ok(code)
    }

    /// Information bits, check bits included.
    pub fn num_information_bits(&self) -> usize {
        self.num_information_bits
    }

    /// Bits after rate matching.
    pub fn num_coded_bits(&self) -> usize {
        self.sent_places.len()
    }

    /// Bits of a code word before rate matching, the punctured and the filler bits included.
    pub(super) fn word_length(&self) -> usize {
        self.graph.num_columns() * self.lifting
    }

    /// Rows of the graph that can tell anything: behind the core, a row whose own parity bits were not sent knows one bit
    /// too few in each of its checks.
    pub(super) fn num_informed_rows(&self) -> usize {
        let last_sent = self.sent_places.iter().max().map_or(0, |&place| place as usize / self.lifting + 1);
        last_sent.saturating_sub(self.graph.num_information_columns()).clamp(4, self.graph.num_rows())
    }

    /// Filler bits, known zeros: they stand behind the information bits and are never sent.
    pub(super) fn filler(&self) -> std::ops::Range<usize> {
        self.num_information_bits..self.graph.num_information_columns() * self.lifting
    }

    /// Encodes `bits` and appends the coded bits to `coded`. `word` is memory to work in.
    ///
    /// # Panics
    /// When there are not [`num_information_bits`](Self::num_information_bits) bits.
    pub fn encode(&self, bits: &[u8], word: &mut Vec<u8>, coded: &mut Vec<u8>) {
        assert_eq!(bits.len(), self.num_information_bits, "one code block of bits");
        word.clear();
        word.extend_from_slice(bits);
        word.resize(self.word_length(), 0);
        self.fill_parity(word);
        coded.extend(self.sent_places.iter().map(|&place| word[place as usize]));
    }

    /// The circular buffer behind the first two columns without filler bits, from where the redundancy version begins (5.4.2.1),
    /// read through the interleaver that puts the first bits into the best places of the symbols (5.4.2.2).
    fn match_rate(&self, matching: RateMatching) -> Vec<u32> {
        let RateMatching { num_coded_bits, num_bits_per_symbol, redundancy_version } = matching;
        let (punctured, filler) = (2 * self.lifting, self.filler());
        let buffer_length = self.word_length() - punctured - filler.len();
        let begin = punctured + self.graph.first_sent_column(redundancy_version) * self.lifting;
        let skipped = begin.clamp(filler.start, filler.end) - filler.start;
        let num_symbols = num_coded_bits / num_bits_per_symbol;
        let place = |i: usize| {
            let sent = i % num_bits_per_symbol * num_symbols + i / num_bits_per_symbol;
            let place = punctured + (begin - punctured - skipped + sent) % buffer_length;
            if place < filler.start { place } else { place + filler.len() }
        };
        (0..num_coded_bits).map(|i| place(i) as u32).collect()
    }

    /// Computes the parity bits of a word whose information bits stand.
    fn fill_parity(&self, word: &mut [u8]) {
        let z = self.lifting;
        let core = self.graph.num_information_columns();
        // The sum of the four core rows holds the first parity column three times, of which two cancel.
        let mut sum = [0; MAX_LIFTING];
        let sum = &mut sum[..z];
        for row in &self.rows[..4] {
            self.add_row(row, word, |column| column < core, sum);
        }
        let shift = self.first_parity_shift(core);
        for (k, bit) in sum.iter().enumerate() {
            word[core * z + (k + shift) % z] = *bit;
        }
        // Row i then has one unknown: column core + 1 + i for the rows of the core, column core + i beyond.
        for (i, row) in self.rows.iter().enumerate().filter(|(i, _)| *i != 3) {
            let unknown = if i < 3 { core + 1 + i } else { core + i };
            sum.fill(0);
            self.add_row(row, word, |column| column != unknown, sum);
            word[unknown * z..(unknown + 1) * z].copy_from_slice(sum);
        }
    }

    /// The shift of the first parity column that is left when equal ones cancel.
    fn first_parity_shift(&self, core: usize) -> usize {
        let shifts = self.rows[..4].iter().flatten().filter(|entry| entry.column == core).map(|entry| entry.shift);
        // x ^ x ^ y = y: the two equal shifts cancel here as their circulants do.
        shifts.fold(0, |left, shift| left ^ shift)
    }

    /// Adds to `sum` the circulants of `row` whose columns are `wanted`.
    fn add_row(&self, row: &[Circulant], word: &[u8], wanted: impl Fn(usize) -> bool, sum: &mut [u8]) {
        for entry in row.iter().filter(|entry| wanted(entry.column)) {
            let column = &word[entry.column * self.lifting..][..self.lifting];
            let (wrapped, first) = column.split_at(entry.shift);
            let (front, back) = sum.split_at_mut(first.len());
            front.iter_mut().zip(first).for_each(|(sum, bit)| *sum ^= bit);
            back.iter_mut().zip(wrapped).for_each(|(sum, bit)| *sum ^= bit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::{DecoderOptions, LdpcDecoder};
    use crate::random::{Purpose, Stream};
    use std::collections::BTreeSet;

    /// A code of `graph` with the lifting size `lifting` and all of its information columns that the standard fills.
    fn full_code(graph: BaseGraph, lifting: usize) -> LdpcCode {
        let sizes = [22, 10, 9, 8, 6].map(|filled| filled * lifting);
        let fits = |size: &usize| graph.num_filled_columns(*size) * lifting == *size && *size <= graph.max_block_size();
        let size = sizes.into_iter().find(fits).unwrap_or_else(|| panic!("{graph:?}: no block fills Z = {lifting}"));
        let matching = RateMatching { num_coded_bits: 4 * size, num_bits_per_symbol: 2, redundancy_version: 0 };
        LdpcCode::new(graph, size, size, matching).expect("a code")
    }

    #[test]
    fn every_check_of_every_code_holds_and_the_decoder_finds_the_bits() {
        let mut random = Stream::new(1, 0, Purpose::Bits);
        let mut decoder = LdpcDecoder::default();
        let liftings: BTreeSet<usize> = (1..=384).filter_map(|least| Some(lifting_size(least)?.0)).collect();
        for (graph, &lifting) in
            [BaseGraph::One, BaseGraph::Two].iter().flat_map(|g| liftings.iter().map(move |z| (*g, z)))
        {
            let code = full_code(graph, lifting);
            let name = format!("{graph:?}, Z = {lifting}");
            assert_eq!(code.lifting, lifting, "{name}");
            let (mut word, mut coded, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
            let mut bits = vec![0; code.num_information_bits()];
            random.bits(&mut bits);
            code.encode(&bits, &mut word, &mut coded);
            for row in 0..graph.num_rows() {
                for check in 0..lifting {
                    // Straight from the table: entry (row, column, shift) ties check k to bit (k + shift) mod Z of the column.
                    let entries = code.rows[row].iter().map(|c| word[c.column * lifting + (check + c.shift) % lifting]);
                    assert_eq!(
                        entries.fold(0, |sum, bit| sum ^ bit),
                        0,
                        "{name}: check {check} of row {row} does not hold"
                    );
                }
            }
            // Every ninth bit is lost, the others vary in how sure they are.
            let llr = |(i, &bit): (usize, &u8)| match i % 9 {
                4 => 0.0,
                _ => (2.0 * f32::from(bit) - 1.0) * (1.0 + random.uniform() as f32),
            };
            let llr: Vec<f32> = coded.iter().enumerate().map(llr).collect();
            assert!(decoder.decode(&code, &DecoderOptions::default(), &llr, &mut decoded), "{name}: decoding ends");
            assert!(decoded == bits, "{name}: other bits came back");
        }
    }
}
