//! Code blocks and transport blocks against Sionna's, bit for bit.

use crate::support::oracle;
use napscope_ofdm::coding::{BaseGraph, LdpcCode, RateMatching, TransportBlock, transport_block_size};
use serde::Deserialize;

#[derive(Deserialize)]
struct Oracle {
    sizes: Vec<(usize, f64, usize, usize)>,
    codes: Vec<Single>,
    encoded: Vec<Encoded>,
}

#[derive(Deserialize)]
struct Single {
    /// Information bits, coded bits, bits a symbol, redundancy version.
    code: [usize; 4],
    bits: String,
    coded: String,
}

#[derive(Deserialize)]
struct Encoded {
    num_coded_bits: usize,
    target_coderate: f64,
    num_bits_per_symbol: usize,
    n_rnti: u32,
    n_id: u32,
    bits: String,
    coded: String,
}

/// Rate matching from redundancy version 0.
fn matching(num_coded_bits: usize, num_bits_per_symbol: usize) -> RateMatching {
    RateMatching { num_coded_bits, num_bits_per_symbol, redundancy_version: 0 }
}

fn bits_of(hexadecimal: &str, len: usize) -> Vec<u8> {
    let digits = hexadecimal.chars().map(|c| c.to_digit(16).expect("a hexadecimal digit"));
    digits.flat_map(|digit| (0..4).rev().map(move |place| (digit >> place & 1) as u8)).take(len).collect()
}

#[test]
fn transport_block_sizes_are_those_of_sionna() {
    for (num_coded_bits, coderate, size, num_blocks) in oracle::<Oracle>("link_ldpc.json").sizes {
        assert_eq!(transport_block_size(num_coded_bits, coderate), size, "{num_coded_bits} bits at rate {coderate}");
        if let Ok(block) = TransportBlock::new(matching(num_coded_bits, 2), num_coded_bits, coderate, 0) {
            assert_eq!(block.code_blocks().len(), num_blocks, "blocks of {num_coded_bits} bits at rate {coderate}");
        }
    }
}

#[test]
fn code_blocks_are_those_of_sionna() {
    let cases = oracle::<Oracle>("link_ldpc.json").codes;
    assert!(cases.len() >= 60, "{} code blocks", cases.len());
    for Single { code: [k, n, num_bits_per_symbol, redundancy_version], bits, coded } in cases {
        let name = format!("{k} of {n} bits, {num_bits_per_symbol} bits a symbol, version {redundancy_version}");
        let graph = BaseGraph::select(k, k as f64 / n as f64);
        let matching = RateMatching { redundancy_version, ..matching(n, num_bits_per_symbol) };
        let code = LdpcCode::new(graph, k, k, matching).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut word, mut got) = (Vec::new(), Vec::new());
        code.encode(&bits_of(&bits, k), &mut word, &mut got);
        let expected = bits_of(&coded, n);
        assert_eq!(got.iter().zip(&expected).position(|(a, b)| a != b), None, "{name}: first differing bit");
    }
}

#[test]
fn transport_blocks_are_those_of_sionna() {
    for case in oracle::<Oracle>("link_ldpc.json").encoded {
        let name = format!("{} bits at rate {}", case.num_coded_bits, case.target_coderate);
        let block = TransportBlock::new(
            matching(case.num_coded_bits, case.num_bits_per_symbol),
            case.num_coded_bits,
            case.target_coderate,
            (case.n_rnti << 15) + case.n_id,
        )
        .expect(&name);
        let coded = block.encode(&bits_of(&case.bits, block.size()));
        let expected = bits_of(&case.coded, case.num_coded_bits);
        let first = coded.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!(first, None, "{name}: first differing bit");
    }
}
