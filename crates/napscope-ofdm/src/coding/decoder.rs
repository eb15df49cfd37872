//! Layered normalised min-sum decoding.
//!
//! Check by check a bit learns from the least reliable of the others: the exact rule (belief propagation) is a sum of hyperbolic
//! tangents, its min-sum approximation is too sure of itself, a factor mends that (Chen and Fossorier, 2002). One row of the base
//! graph after the other, each sees what the last one found ("layered"), which needs half the iterations of flooding. The Z
//! checks of a row are independent, and so are the SIMD lanes that work on them.

use super::ldpc::LdpcCode;

/// How to decode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecoderOptions {
    /// Iterations at most; it ends earlier when all checks hold and no bit has changed.
    pub max_iterations: usize,
    /// The factor on each message.
    pub normalization: f32,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        DecoderOptions { max_iterations: 20, normalization: 0.75 }
    }
}

/// What is known of a bit that is zero by definition.
const CERTAIN: f32 = 1e4;

/// A decoder; it keeps its memory from block to block, and one serves codes of any size.
#[derive(Debug, Clone, Default)]
pub struct LdpcDecoder {
    /// ln P(0)/P(1) of each bit of the code word, the sign that sums and products of this algorithm want.
    belief: Vec<f32>,
    /// The last message of each circulant, `[circulant, check]`.
    messages: Vec<f32>,
    /// Beliefs of the bits of the current row without its own message, `[circulant, check]`.
    incoming: Vec<f32>,
    /// Least and second least magnitude, place of the least, product of the signs (in the sign bit), for each check.
    least: Vec<f32>,
    second: Vec<f32>,
    place: Vec<u32>,
    sign: Vec<u32>,
    /// Product of the signs of the beliefs themselves: set where a check does not hold.
    parity: Vec<u32>,
}

const SIGN: u32 = 1 << 31;

impl LdpcDecoder {
    /// Decodes one block of LLRs (ln P(1)/P(0), in the order in which the bits were sent) and appends its information bits to
    /// `bits`. Returns whether all checks hold.
    ///
    /// # Panics
    /// When there is not one LLR for each coded bit.
    pub fn decode(&mut self, code: &LdpcCode, options: &DecoderOptions, llr: &[f32], bits: &mut Vec<u8>) -> bool {
        assert_eq!(llr.len(), code.num_coded_bits(), "one LLR for each coded bit");
        let z = code.lifting;
        self.belief.clear();
        self.belief.resize(code.word_length(), 0.0);
        for (&place, llr) in code.sent_places.iter().zip(llr) {
            self.belief[place as usize] -= llr;
        }
        self.belief[code.filler()].fill(CERTAIN);
        let num_rows = self.num_informed_rows(code);
        let num_circulants: usize = code.rows[..num_rows].iter().map(Vec::len).sum();
        self.messages.clear();
        self.messages.resize(num_circulants * z, 0.0);
        for part in [&mut self.least, &mut self.second] {
            part.resize(z, 0.0);
        }
        for part in [&mut self.place, &mut self.sign, &mut self.parity] {
            part.resize(z, 0);
        }
        let mut holds = false;
        for _ in 0..options.max_iterations {
            let mut unsettled = 0;
            let mut first = 0;
            for row in 0..num_rows {
                unsettled |= self.update_row(code, row, first, options.normalization);
                first += code.rows[row].len() * z;
            }
            holds = unsettled & SIGN == 0;
            if holds {
                break;
            }
        }
        bits.extend(self.belief[..code.num_information_bits()].iter().map(|&belief| u8::from(belief < 0.0)));
        holds
    }

    /// Rows of the graph that can tell anything: behind the core, a row whose own parity bits were not sent knows one bit
    /// too few in each of its checks.
    fn num_informed_rows(&self, code: &LdpcCode) -> usize {
        let core = code.graph.num_information_columns();
        let last_sent = code.sent_places.iter().max().map_or(0, |&place| place as usize / code.lifting + 1);
        last_sent.saturating_sub(core).clamp(4, code.graph.num_rows())
    }

    /// Works through the checks of one row, whose messages begin at `first`. The sign bit of the result is set when a check did
    /// not hold or a bit changed.
    fn update_row(&mut self, code: &LdpcCode, row: usize, first: usize, normalization: f32) -> u32 {
        let z = code.lifting;
        let circulants = &code.rows[row];
        let mut unsettled = 0;
        self.incoming.resize(circulants.len() * z, 0.0);
        self.least.fill(f32::INFINITY);
        self.second.fill(f32::INFINITY);
        self.sign.fill(0);
        self.parity.fill(0);
        for (i, circulant) in circulants.iter().enumerate() {
            let incoming = &mut self.incoming[i * z..][..z];
            let column = &self.belief[circulant.column * z..][..z];
            incoming[..z - circulant.shift].copy_from_slice(&column[circulant.shift..]);
            incoming[z - circulant.shift..].copy_from_slice(&column[..circulant.shift]);
            let messages = &self.messages[first + i * z..][..z];
            for k in 0..z {
                self.parity[k] ^= incoming[k].to_bits();
                let value = incoming[k] - messages[k];
                incoming[k] = value;
                let magnitude = value.abs();
                self.sign[k] ^= value.to_bits() & SIGN;
                let is_least = magnitude < self.least[k];
                let runner_up = if is_least { self.least[k] } else { magnitude };
                self.second[k] = if runner_up < self.second[k] { runner_up } else { self.second[k] };
                self.place[k] = if is_least { i as u32 } else { self.place[k] };
                self.least[k] = if is_least { magnitude } else { self.least[k] };
            }
        }
        for (i, circulant) in circulants.iter().enumerate() {
            let incoming = &mut self.incoming[i * z..][..z];
            let messages = &mut self.messages[first + i * z..][..z];
            for k in 0..z {
                let magnitude = normalization * if self.place[k] == i as u32 { self.second[k] } else { self.least[k] };
                let sign = (self.sign[k] ^ incoming[k].to_bits()) & SIGN;
                let message = f32::from_bits(magnitude.to_bits() ^ sign);
                let before = incoming[k] + messages[k];
                let after = incoming[k] + message;
                unsettled |= before.to_bits() ^ after.to_bits();
                messages[k] = message;
                incoming[k] = after;
            }
            let column = &mut self.belief[circulant.column * z..][..z];
            column[circulant.shift..].copy_from_slice(&incoming[..z - circulant.shift]);
            column[..circulant.shift].copy_from_slice(&incoming[z - circulant.shift..]);
        }
        self.parity.iter().fold(unsettled, |unsettled, parity| unsettled | parity)
    }
}
