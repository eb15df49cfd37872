//! How many information bits a second one core decodes: one JSON line a row, on one thread, over the codes that
//! `oracles/bench_ldpc.py` measures Sionna on. `cargo run --release -p napscope-ofdm --example bench_ldpc [ROW]`.
//!
//! QPSK over AWGN. Without early stop every block takes 20 iterations; with it, at an SNR where one block in a thousand or fewer is
//! wrong, only those that it needs.
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope_ofdm::coding::{BaseGraph, DecoderOptions, LdpcCode, LdpcDecoder, RateMatching};
use napscope_ofdm::random::{Purpose, Stream};

#[path = "support/cpu_time.rs"]
mod cpu_time;
use cpu_time::best_rate;

/// Blocks that are decoded in turn.
const NUM_BLOCKS: u64 = 16;

fn main() {
    for (graph, number, k, n, snr_db) in [
        (BaseGraph::One, 1, 8448, 12_672, 4.0),
        (BaseGraph::One, 1, 1500, 2000, 5.0),
        (BaseGraph::Two, 2, 1000, 3000, 0.0),
        (BaseGraph::Two, 2, 120, 480, 0.0),
    ] {
        let matching = RateMatching { num_coded_bits: n, num_bits_per_symbol: 2, redundancy_version: 0 };
        let code = LdpcCode::new(graph, k, k, matching).expect("a code");
        // So noisy that no block comes out right, so none ends early.
        row(&format!("base graph {number}, {k} of {n} bits: decode, 20 iterations"), &code, -20.0);
        row(&format!("base graph {number}, {k} of {n} bits: decode, early stop"), &code, snr_db);
        encode(&format!("base graph {number}, {k} of {n} bits: encode"), &code);
    }
}

fn wanted(name: &str) -> bool {
    std::env::args().nth(1).is_none_or(|only| only == name)
}

fn print(name: &str, code: &LdpcCode, blocks_per_s: f64) {
    let mbit = blocks_per_s * code.num_information_bits() as f64 / 1e6;
    println!(r#"{{"row":"{name}","by":"napscope","mbit_per_s":{mbit:.4e}}}"#);
}

fn random_bits(code: &LdpcCode, block: u64) -> Vec<u8> {
    let mut bits = vec![0; code.num_information_bits()];
    Stream::new(1, block, Purpose::Bits).bits(&mut bits);
    bits
}

fn row(name: &str, code: &LdpcCode, snr_db: f64) {
    if !wanted(name) {
        return;
    }
    let noise_var = 10f64.powf(-snr_db / 10.0);
    let amplitude = std::f64::consts::FRAC_1_SQRT_2;
    let llr = |block: u64| -> Vec<f32> {
        let mut coded = Vec::new();
        code.encode(&random_bits(code, block), &mut Vec::new(), &mut coded);
        let mut random = Stream::new(1, block, Purpose::Noise);
        let mut one = |&bit: &u8| {
            let y = amplitude * (2.0 * f64::from(bit) - 1.0) + (0.5 * noise_var).sqrt() * random.normal();
            (4.0 * amplitude * y / noise_var) as f32
        };
        coded.iter().map(&mut one).collect()
    };
    let blocks: Vec<Vec<f32>> = (0..NUM_BLOCKS).map(llr).collect();
    let (mut decoder, mut bits) = (LdpcDecoder::default(), Vec::new());
    let rate = best_rate(|| {
        for llr in &blocks {
            bits.clear();
            std::hint::black_box(decoder.decode(code, &DecoderOptions::default(), llr, &mut bits));
        }
        NUM_BLOCKS
    });
    print(name, code, rate);
}

fn encode(name: &str, code: &LdpcCode) {
    if !wanted(name) {
        return;
    }
    let bits = random_bits(code, 0);
    let (mut word, mut coded) = (Vec::new(), Vec::new());
    let rate = best_rate(|| {
        coded.clear();
        code.encode(&bits, &mut word, &mut coded);
        std::hint::black_box(&coded);
        1
    });
    print(name, code, rate);
}
