//! The transport block of one slot: check sums, segmentation, encoding, rate matching, scrambling, and the way back.
//! (TS 38.212, 5.1, 5.2.2 and 6.2; TS 38.211, 6.3.1.1.)

use super::base_graph::BaseGraph;
use super::block_size::transport_block_size;
use super::crc::{CRC16, CRC24A, CRC24B, Crc};
use super::decoder::{DecoderOptions, LdpcDecoder};
use super::ldpc::{LdpcCode, RateMatching};
use crate::error::{Error, Result};
use crate::gold::GoldSequence;

/// The coding of transport blocks of one size.
#[derive(Debug, Clone)]
pub struct TransportBlock {
    size: usize,
    check: Crc,
    /// The code of each code block; the later ones may be a symbol longer on the air.
    blocks: Vec<LdpcCode>,
    scrambling: Vec<u8>,
}

/// Memory of an encoder.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncoderMemory {
    checked: Vec<u8>,
    block: Vec<u8>,
    word: Vec<u8>,
}

impl TransportBlock {
    /// The transport block that is sent as `matching` says, at about the code rate `target_coderate`; `size_for` is the number of
    /// coded bits from which its size follows (TS 38.214 counts at most 156 resource elements a resource block).
    /// `scrambling` starts the scrambling sequence.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when the code rate does not lie in (0, 0.95], or nothing fits.
    pub fn new(matching: RateMatching, size_for: usize, target_coderate: f64, scrambling: u32) -> Result<Self> {
        if !(target_coderate > 0.0 && target_coderate <= 0.95) {
            return Err(Error::parameter(format!(
                "target_coderate must lie above 0, up to 0.95, got {target_coderate}"
            ))
            .hint("a rate of 658/1024 is 0.6426"));
        }
        let size = transport_block_size(size_for, target_coderate);
        let check = if size > 3824 { CRC24A } else { CRC16 };
        let graph = BaseGraph::select(size, target_coderate);
        let checked = size + check.length;
        let num_blocks = if checked <= graph.max_block_size() {
            1
        } else {
            checked.div_ceil(graph.max_block_size() - CRC24B.length)
        };
        let block_check = if num_blocks > 1 { CRC24B.length } else { 0 };
        let block_bits = checked / num_blocks + block_check;
        let RateMatching { num_coded_bits, num_bits_per_symbol, .. } = matching;
        let num_symbols = num_coded_bits / num_bits_per_symbol.max(1);
        let blocks = (0..num_blocks)
            .map(|block| {
                let longer = block >= num_blocks - num_symbols % num_blocks;
                let num_coded_bits = num_bits_per_symbol * (num_symbols / num_blocks + usize::from(longer));
                LdpcCode::new(graph, block_bits, checked, RateMatching { num_coded_bits, ..matching })
            })
            .collect::<Result<_>>()?;
        let scrambling = GoldSequence::new(scrambling).take(num_coded_bits).collect();
        Ok(TransportBlock { size, check, blocks, scrambling })
    }

    /// Information bits.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Coded bits.
    pub fn num_coded_bits(&self) -> usize {
        self.scrambling.len()
    }

    /// Its code blocks.
    pub fn code_blocks(&self) -> &[LdpcCode] {
        &self.blocks
    }

    /// Encodes `bits`.
    ///
    /// # Panics
    /// When there are not [`size`](Self::size) bits.
    pub fn encode(&self, bits: &[u8]) -> Vec<u8> {
        let mut coded = Vec::new();
        self.encode_into(bits, &mut EncoderMemory::default(), &mut coded);
        coded
    }

    /// As [`encode`](Self::encode), in memory that is there already.
    pub(crate) fn encode_into(&self, bits: &[u8], memory: &mut EncoderMemory, coded: &mut Vec<u8>) {
        assert_eq!(bits.len(), self.size, "one transport block of bits");
        let EncoderMemory { checked, block, word } = memory;
        checked.clear();
        checked.extend_from_slice(bits);
        self.check.attach(checked, 0);
        coded.clear();
        for (code, bits) in self.blocks.iter().zip(checked.chunks_exact(checked.len() / self.blocks.len())) {
            block.clear();
            block.extend_from_slice(bits);
            if self.blocks.len() > 1 {
                CRC24B.attach(block, 0);
            }
            code.encode(block, word, coded);
        }
        coded.iter_mut().zip(&self.scrambling).for_each(|(bit, scrambling)| *bit ^= scrambling);
    }
}

/// Decodes transport blocks; it keeps its memory from block to block.
#[derive(Debug, Clone, Default)]
pub struct TransportBlockDecoder {
    options: DecoderOptions,
    ldpc: LdpcDecoder,
    llr: Vec<f32>,
    block: Vec<u8>,
    bits: Vec<u8>,
}

impl TransportBlockDecoder {
    /// A decoder that works as `options` say.
    pub fn new(options: DecoderOptions) -> Self {
        TransportBlockDecoder { options, ..TransportBlockDecoder::default() }
    }

    /// Decodes the LLRs (ln P(1)/P(0)) of one transport block. Returns its bits and whether its check sum holds.
    ///
    /// # Panics
    /// When there is not one LLR for each coded bit.
    pub fn decode(&mut self, transport_block: &TransportBlock, llr: &[f32]) -> (&[u8], bool) {
        assert_eq!(llr.len(), transport_block.num_coded_bits(), "one LLR for each coded bit");
        self.llr.clear();
        let descrambled =
            llr.iter().zip(&transport_block.scrambling).map(|(llr, bit)| if *bit == 1 { -llr } else { *llr });
        self.llr.extend(descrambled);
        self.bits.clear();
        let mut rest = &self.llr[..];
        for code in &transport_block.blocks {
            let (llr, behind) = rest.split_at(code.num_coded_bits());
            rest = behind;
            self.block.clear();
            self.ldpc.decode(code, &self.options, llr, &mut self.block);
            let check = if transport_block.blocks.len() > 1 { CRC24B.length } else { 0 };
            self.bits.extend_from_slice(&self.block[..self.block.len() - check]);
        }
        let holds = transport_block.check.holds(&self.bits);
        (&self.bits[..transport_block.size], holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn blocks_of_every_size_come_back() {
        let mut random = Stream::new(3, 0, Purpose::Bits);
        let mut decoder = TransportBlockDecoder::default();
        // (coded bits, bits a symbol, code rate), from one short block of base graph 2 to five blocks of base graph 1
        for (num_coded_bits, num_bits_per_symbol, coderate) in [
            (240, 2, 0.3),
            (1200, 4, 0.19),
            (14_976, 4, 0.6426),
            (14_976, 4, 0.12),
            (33_000, 6, 0.5),
            (52_416, 8, 0.92),
        ] {
            let matching = RateMatching { num_coded_bits, num_bits_per_symbol, redundancy_version: 0 };
            let block = TransportBlock::new(matching, num_coded_bits, coderate, 77).expect("a block");
            let mut bits = vec![0; block.size()];
            random.bits(&mut bits);
            let coded = block.encode(&bits);
            assert_eq!(coded.len(), num_coded_bits);
            // The sign is right, the magnitude varies: a decoder must not need equal reliabilities.
            let llr: Vec<f32> =
                coded.iter().map(|&bit| (2.0 * f32::from(bit) - 1.0) * (1.0 + random.uniform() as f32)).collect();
            let (decoded, holds) = decoder.decode(&block, &llr);
            assert!(holds && decoded == bits, "{num_coded_bits} bits at rate {coderate}");
            let noise: Vec<f32> = (0..num_coded_bits).map(|_| random.normal() as f32).collect();
            assert!(!decoder.decode(&block, &noise).1, "{num_coded_bits} bits of pure noise pass the check");
        }
    }
}
