//! Block error rates of the LDPC decoder against Sionna's belief propagation.

use crate::support::oracle;
use napscope_ofdm::coding::{BaseGraph, DecoderOptions, LdpcCode, LdpcDecoder, RateMatching};
use napscope_ofdm::random::{Purpose, Stream};
use rayon::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Oracle {
    block_errors: Vec<BlockErrors>,
}

#[derive(Deserialize)]
struct BlockErrors {
    base_graph: String,
    k: usize,
    n: usize,
    /// SNR [dB], blocks, block errors, ends of the 95 % interval of their rate.
    counts: Vec<[f64; 5]>,
}

/// Block errors of `code` with QPSK over AWGN.
fn block_errors(code: &LdpcCode, snr_db: f64, num_blocks: u64) -> f64 {
    let noise_var = 10f64.powf(-snr_db / 10.0);
    let amplitude = std::f64::consts::FRAC_1_SQRT_2;
    let memory = || (LdpcDecoder::default(), Vec::new(), Vec::new(), Vec::new());
    let decode = |(decoder, word, coded, decoded): &mut (LdpcDecoder, Vec<u8>, Vec<u8>, Vec<u8>), block| {
        let mut random = Stream::new(7, block, Purpose::Noise);
        let mut bits = vec![0; code.num_information_bits()];
        random.bits(&mut bits);
        coded.clear();
        code.encode(&bits, word, coded);
        let mut llr = |&bit: &u8| {
            let received = amplitude * (1.0 - 2.0 * f64::from(bit)) + (noise_var / 2.0).sqrt() * random.normal();
            (-4.0 * amplitude * received / noise_var) as f32
        };
        let llr: Vec<f32> = coded.iter().map(&mut llr).collect();
        decoded.clear();
        decoder.decode(code, &DecoderOptions::default(), &llr, decoded);
        u32::from(*decoded != bits)
    };
    f64::from((0..num_blocks).into_par_iter().map_init(memory, decode).sum::<u32>())
}

#[test]
fn block_error_rates_are_within_a_tenth_of_a_db_of_sionna() {
    let num_blocks = 800;
    let cases = oracle::<Oracle>("link_bler.json").block_errors;
    assert!(cases.len() >= 4, "{} codes", cases.len());
    for case in cases {
        let graph = if case.base_graph == "bg1" { BaseGraph::One } else { BaseGraph::Two };
        let matching = RateMatching { num_coded_bits: case.n, num_bits_per_symbol: 2, redundancy_version: 0 };
        let code = LdpcCode::new(graph, case.k, case.k, matching).expect("a code");
        let rate = |snr_db: f64| block_errors(&code, snr_db, num_blocks) / num_blocks as f64;
        for [snr_db, blocks, errors, low, high] in case.counts {
            // A curve that lies within 0.1 dB is below Sionna's when shifted by that much one way, and above it the other way.
            let (earlier, later) = (rate(snr_db - 0.1), rate(snr_db + 0.1));
            assert!(
                earlier >= low && later <= high,
                "{} {}/{} at {snr_db} dB: Sionna {} from {low} to {high}; here {earlier} 0.1 dB before, {later} behind",
                case.base_graph,
                case.k,
                case.n,
                errors / blocks
            );
        }
    }
}
