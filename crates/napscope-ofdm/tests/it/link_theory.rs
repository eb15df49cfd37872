//! Bit error rates against closed forms: AWGN for each constellation, flat Rayleigh fading with one, two and four branches of
//! maximum-ratio combining.

use crate::support::q_function;
use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::link::{Count, LinkConfig, Simulator, StopRule, Values};
use napscope_ofdm::mapping::{Constellation, MODULATIONS, Modulation};
use napscope_ofdm::receiver::ReceiverConfig;
use std::ops::ControlFlow;

fn uncoded(config: LinkConfig, max_slots: u64) -> Count {
    let simulator = Simulator::new(config).expect("a valid configuration");
    let receiver = ReceiverConfig::from_name("perfect_csi").expect("a receiver");
    let rule = StopRule { max_slots, target_block_errors: 0 };
    simulator.error_rates(&[receiver], rule, |_| ControlFlow::Continue(())).expect("a measurement")[0].uncoded
}

/// The exact bit error rate over AWGN: each level of an axis is mistaken for each other with the probability of that one's
/// decision interval, and the bits in which their labels differ are wrong.
fn awgn_ber(modulation: Modulation, snr_db: f64) -> f64 {
    let constellation = Constellation::new(modulation);
    let sigma = (10f64.powf(-snr_db / 10.0) / 2.0).sqrt();
    let mut labelled: Vec<(f64, usize)> =
        constellation.levels().iter().enumerate().map(|(label, &level)| (f64::from(level), label)).collect();
    labelled.sort_by(|a, b| a.0.total_cmp(&b.0));
    let edges: Vec<f64> = labelled.windows(2).map(|pair| 0.5 * (pair[0].0 + pair[1].0)).collect();
    let above =
        |edge: Option<&f64>, level: f64, beyond: f64| edge.map_or(beyond, |edge| q_function((edge - level) / sigma));
    let mut wrong_bits = 0.0;
    for &(level, sent) in &labelled {
        for (i, &(_, decided)) in labelled.iter().enumerate() {
            let lower = above(i.checked_sub(1).and_then(|i| edges.get(i)), level, 1.0);
            let probability = lower - above(edges.get(i), level, 0.0);
            wrong_bits += probability * f64::from((sent ^ decided).count_ones());
        }
    }
    wrong_bits / (labelled.len() as f64 * (modulation.num_bits_per_symbol() / 2) as f64)
}

#[test]
fn awgn_ber_is_the_closed_form() {
    for (modulation, snrs) in
        MODULATIONS.into_iter().zip([[0.0, 4.0, 8.0], [6.0, 10.0, 14.0], [12.0, 16.0, 20.0], [18.0, 22.0, 26.0]])
    {
        for snr_db in snrs {
            let config = LinkConfig {
                num_prb: 26,
                num_rx_ant: 1,
                channel_models: vec![ChannelModel::Awgn],
                modulations: vec![modulation],
                snr_db: Values::Fixed(snr_db),
                seed: 1,
                ..LinkConfig::default()
            };
            let count = uncoded(config, 128);
            let (expected, interval) = (awgn_ber(modulation, snr_db), count.interval(2.576));
            assert!(
                (interval.low..=interval.high).contains(&expected),
                "{modulation:?} at {snr_db} dB: expected {expected}, got {} in {interval:?}",
                count.rate()
            );
            assert!(interval.high < 1.15 * interval.low, "{modulation:?} at {snr_db} dB: {interval:?} says too little");
        }
    }
}

#[test]
fn rayleigh_ber_with_maximum_ratio_combining_is_the_closed_form() {
    for (branches, snr_db) in [(1usize, 5.0), (1, 15.0), (2, 2.0), (2, 10.0), (4, -2.0), (4, 4.0)] {
        let config = LinkConfig {
            num_prb: 1,
            num_rx_ant: branches,
            channel_models: vec![ChannelModel::Rayleigh],
            modulations: vec![Modulation::Qpsk],
            snr_db: Values::Fixed(snr_db),
            num_sinusoids: 100, // close to Gaussian: the closed form is for a Gaussian channel
            seed: 2,
            ..LinkConfig::default()
        };
        let count = uncoded(config, 12_000);
        // Proakis, eq. 14.4-15, with half of the symbol's SNR for each of its two bits.
        let gamma = 10f64.powf(snr_db / 10.0) / 2.0;
        let mu = (gamma / (1.0 + gamma)).sqrt();
        let binomial = |n: usize, k: usize| (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
        let sum: f64 = (0..branches).map(|k| binomial(branches - 1 + k, k) * ((1.0 + mu) / 2.0).powi(k as i32)).sum();
        let expected = ((1.0 - mu) / 2.0).powi(branches as i32) * sum;
        let interval = count.interval(2.576);
        assert!(
            (interval.low..=interval.high).contains(&expected),
            "{branches} branches at {snr_db} dB: expected {expected}, got {} in {interval:?}",
            count.rate()
        );
        assert!(interval.high < 1.3 * interval.low, "{branches} branches at {snr_db} dB: {interval:?} says too little");
    }
}
