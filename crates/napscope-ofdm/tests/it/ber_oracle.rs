//! Bit error rates of the classical receivers over TDL channels against Sionna's.

use crate::support::oracle;
use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::dmrs::DmrsConfig;
use napscope_ofdm::grid::SubcarrierSpacing;
use napscope_ofdm::link::{LinkConfig, Motion, Simulator, StopRule, Values};
use napscope_ofdm::mapping::Modulation;
use napscope_ofdm::receiver::ReceiverConfig;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

#[derive(Deserialize)]
struct Oracle {
    num_prb: usize,
    num_rx_ant: usize,
    carrier_frequency_hz: f64,
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    model: String,
    delay_spread_secs: f64,
    speed_mps: f64,
    subcarrier_spacing_hz: f64,
    snr_db: f64,
    /// Slots, bits, bit errors, Σ bit errors².
    receivers: BTreeMap<String, [f64; 4]>,
}

/// Rate and the variance of its estimate, from the spread of the errors over slots of equal length.
fn rate_and_variance([slots, bits, errors, squares]: [f64; 4]) -> (f64, f64) {
    let mean = errors / slots;
    let variance = (squares / slots - mean * mean) / (slots - 1.0);
    (errors / bits, variance * (slots / bits).powi(2))
}

#[test]
fn bit_error_rates_are_those_of_sionna() {
    let oracle: Oracle = oracle("link_ber.json");
    // 99 % over all comparisons together (Bonferroni), two-sided.
    let comparisons: usize = oracle.points.iter().map(|point| point.receivers.len()).sum();
    assert!(oracle.points.len() >= 6 && comparisons == 40, "{comparisons} comparisons");
    let z = 3.66;
    for point in &oracle.points {
        let config = LinkConfig {
            subcarrier_spacing: SubcarrierSpacing::from_hz(point.subcarrier_spacing_hz).expect("a spacing"),
            num_prb: oracle.num_prb,
            num_rx_ant: oracle.num_rx_ant,
            dmrs: DmrsConfig { additional_position: 1, ..DmrsConfig::default() },
            carrier_frequency_hz: oracle.carrier_frequency_hz,
            modulations: vec![Modulation::Qam16],
            channel_models: vec![ChannelModel::from_name(&point.model).expect("a model")],
            snr_db: Values::Fixed(point.snr_db),
            delay_spread_secs: Values::Fixed(point.delay_spread_secs),
            motion: Motion::SpeedMps(Values::Fixed(point.speed_mps)),
            seed: 3,
            ..LinkConfig::default()
        };
        let simulator = Simulator::new(config).expect("a valid configuration");
        let receivers: Vec<_> =
            point.receivers.keys().map(|name| ReceiverConfig::from_name(name).expect("a receiver")).collect();
        let rule = StopRule { max_slots: 4096, target_block_errors: 0 };
        let rates = simulator.error_rates(&receivers, rule, |_| ControlFlow::Continue(())).expect("a measurement");
        for ((name, &counts), rates) in point.receivers.iter().zip(&rates) {
            let (expected, expected_variance) = rate_and_variance(counts);
            let got = rates.uncoded.rate();
            let own = rates.uncoded.interval(1.0);
            let bound = z * (expected_variance + (0.5 * (own.high - own.low)).powi(2)).sqrt();
            assert!(
                (got - expected).abs() < bound,
                "{} at {} dB, {name}: Sionna {expected:.4e}, here {got:.4e}, bound {bound:.1e}",
                point.model,
                point.snr_db
            );
        }
    }
}
