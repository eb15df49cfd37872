//! How many slots a second of one core: one JSON line a row, on one thread, over the links that `oracles/bench_link.py` measures
//! Sionna on. `cargo run --release -p napscope-ofdm --example bench_link [ROW]` (every row unless said).
//!
//! A slot is all of it: bits, symbols, channel, noise, and for each receiver channel estimation, equalisation and LLRs.
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::link::{Coding, Domain, LinkConfig, Motion, Simulator, Values};
use napscope_ofdm::receiver::{Detected, ReceiverConfig};

#[path = "support/cpu_time.rs"]
mod cpu_time;
use cpu_time::best_rate;

/// Slots between two looks at the clock.
const SLOTS: u64 = 16;

/// 26 PRB, 2 antennas, TDL-C at 100 ns, 16-QAM, everything fixed: the filter of the LMMSE estimator can be kept.
fn base() -> LinkConfig {
    LinkConfig { motion: Motion::MaxDopplerHz(Values::Fixed(100.0)), ..LinkConfig::default() }
}

/// Everything drawn anew for each slot, so that the filter is, too.
fn drawn() -> LinkConfig {
    LinkConfig {
        snr_db: Values::Uniform(-4.0, 32.0),
        delay_spread_secs: Values::Uniform(10e-9, 300e-9),
        motion: Motion::MaxDopplerHz(Values::Uniform(0.0, 500.0)),
        ..base()
    }
}

fn main() {
    let both: &[&str] = &["ls_linear", "lmmse"];
    row("slot with LS and LMMSE", base(), both);
    row("slot with LS and LMMSE, all drawn for each slot", drawn(), both);
    row("slot with LS", base(), &["ls_linear"]);
    row("slot with LMMSE", base(), &["lmmse"]);
    row("slot alone, nothing received", base(), &[]);
    for num_prb in [6, 52, 106, 273] {
        row(&format!("{num_prb} PRB"), LinkConfig { num_prb, ..base() }, both);
    }
    for num_rx_ant in [1, 4, 8] {
        row(
            &format!("{num_rx_ant} antenna{}", if num_rx_ant == 1 { "" } else { "s" }),
            LinkConfig { num_rx_ant, ..base() },
            both,
        );
    }
    for (name, taps) in [("rayleigh", 1), ("tdl-a30", 12), ("tdl-d", 13), ("tdl-a", 23)] {
        let channel_models = vec![ChannelModel::from_name(name).expect("a model")];
        row(&format!("{taps} taps ({name})"), LinkConfig { channel_models, ..base() }, both);
    }
    row("time domain", LinkConfig { domain: Domain::Time, ..base() }, both);
    row("with LDPC, rate 0.64", LinkConfig { coding: Some(Coding::default()), ..base() }, both);
}

/// Prints the best rate over slots of `config`.
fn row(name: &str, config: LinkConfig, receivers: &[&str]) {
    if std::env::args().nth(1).is_some_and(|only| only != name) {
        return;
    }
    let simulator = Simulator::new(config).expect("a valid configuration");
    let mut workspace = simulator.workspace();
    let receiver = |name: &&str| simulator.receiver(ReceiverConfig::from_name(name).expect("a receiver"));
    let mut receivers: Vec<_> = receivers.iter().map(receiver).collect();
    let (mut detected, mut decoder) = (Detected::default(), simulator.decoder());
    let mut index = 0;
    let rate = best_rate(|| {
        for _ in 0..SLOTS {
            let slot = simulator.slot(index, &mut workspace);
            for receiver in &mut receivers {
                let modulation = slot.parameters.modulation;
                receiver.receive(&simulator.received(slot), &simulator.genie(slot), modulation, &mut detected);
                if let Some(transport_block) = simulator.transport_block(modulation) {
                    std::hint::black_box(decoder.decode(transport_block, &detected.llr));
                }
                std::hint::black_box(&detected.llr);
            }
            std::hint::black_box(&slot.y);
            index += 1;
        }
        SLOTS
    });
    println!(r#"{{"row":"{name}","by":"napscope","slots_per_s":{rate:.4e}}}"#);
}
