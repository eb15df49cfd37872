//! Least-squares estimates against Sionna's; what one receiver must do better than another; how well the noise is known.

use crate::support::oracle;
use napscope_ofdm::Complex32;
use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::dmrs::{DmrsConfig, PilotPattern};
use napscope_ofdm::grid::{ResourceGrid, SubcarrierSpacing};
use napscope_ofdm::link::{Impairments, LinkConfig, Motion, Simulator, StopRule, Values};
use napscope_ofdm::receiver::{ChannelEstimate, ChannelKnowledge, LsChannelEstimator, Received};
use napscope_ofdm::receiver::{Detected, ReceiverConfig};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

#[derive(Deserialize)]
struct Oracle {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    config_type: u8,
    additional_position: usize,
    num_cdm_groups_without_data: usize,
    y: Vec<f32>,
    h_hat: BTreeMap<String, Vec<f32>>,
}

#[test]
fn least_squares_estimates_are_those_of_sionna() {
    let complex =
        |parts: &[f32]| -> Vec<Complex32> { parts.chunks_exact(2).map(|z| Complex32::new(z[0], z[1])).collect() };
    let oracle: Oracle = oracle("link_receiver.json");
    for case in &oracle.cases {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 1, None).expect("a valid grid");
        let config = DmrsConfig {
            config_type: case.config_type,
            additional_position: case.additional_position,
            num_cdm_groups_without_data: case.num_cdm_groups_without_data,
            ..DmrsConfig::default()
        };
        let pattern = PilotPattern::new(&grid, &config).expect("a valid configuration");
        let (y, mut pilots) = (complex(&case.y), vec![Complex32::default(); pattern.num_pilots()]);
        pattern.pilots(0, &mut pilots);
        let received = Received { grid: &grid, pattern: &pattern, y: &y, pilots: &pilots, noise_var: 0.1 };
        for (name, expected) in &case.h_hat {
            let ChannelKnowledge::LeastSquares(kind) = ReceiverConfig::from_name(name).expect(name).channel else {
                panic!("{name} is least squares");
            };
            let mut estimate = ChannelEstimate::default();
            LsChannelEstimator::new(&grid, &pattern, kind).estimate(&received, &mut estimate);
            for (i, (got, expected)) in estimate.h_hat.iter().zip(complex(expected)).enumerate() {
                let off = (got - expected).norm();
                assert!(off < 5e-6 * expected.norm().max(1.0), "{name}, {config:?}, element {i}: {expected} != {got}");
            }
        }
    }
}

fn receivers(names: &[&str]) -> Vec<ReceiverConfig> {
    names.iter().map(|name| ReceiverConfig::from_name(name).expect(name)).collect()
}

/// Mean square error of the channel estimate of each receiver, and the one it claims, over `slots` slots.
fn channel_errors(config: LinkConfig, names: &[&str], slots: u64) -> Vec<(f64, f64)> {
    let simulator = Simulator::new(config).expect("a valid configuration");
    let mut workspace = simulator.workspace();
    let mut detected = Detected::default();
    let mut receivers: Vec<_> = receivers(names).into_iter().map(|config| simulator.receiver(config)).collect();
    let mut errors = vec![(0.0, 0.0); names.len()];
    for index in 0..slots {
        let slot = simulator.slot(index, &mut workspace);
        for (receiver, (error, claimed)) in receivers.iter_mut().zip(&mut errors) {
            receiver.receive(
                &simulator.received(slot),
                &simulator.genie(slot),
                slot.parameters.modulation,
                &mut detected,
            );
            let estimate = &detected.estimate;
            let sum: f64 = estimate.h_hat.iter().zip(&slot.h).map(|(a, b)| f64::from((a - b).norm_sqr())).sum();
            *error += sum / slot.h.len() as f64 / slots as f64;
            let sum: f64 = estimate.err_var.iter().map(|&v| f64::from(v)).sum();
            *claimed += sum / estimate.err_var.len() as f64 / slots as f64;
        }
    }
    errors
}

#[test]
fn the_better_estimator_errs_less_and_knows_by_how_much() {
    for (snr_db, doppler_hz) in [(0.0, 20.0), (10.0, 200.0), (25.0, 400.0)] {
        let config = LinkConfig {
            snr_db: Values::Fixed(snr_db),
            motion: Motion::MaxDopplerHz(Values::Fixed(doppler_hz)),
            num_prb: 10,
            ..LinkConfig::default()
        };
        let names = ["lmmse", "lmmse_estimated", "lmmse_robust", "ls_linear", "ls_nearest"];
        let errors = channel_errors(config, &names, 500);
        for (pair, names) in errors.windows(2).zip(names.windows(2)) {
            let (better, worse) = (pair[0].0, pair[1].0);
            // Estimated and robust statistics may come in either order.
            if names[0] != "lmmse_estimated" {
                assert!(better < worse, "{snr_db} dB: {} {better:.2e} against {} {worse:.2e}", names[0], names[1]);
            }
        }
        assert!(errors[1].0 < errors[3].0, "{snr_db} dB: estimated statistics beat least squares");
        let (error, claimed) = errors[0];
        assert!((claimed / error - 1.0).abs() < 0.06, "{snr_db} dB: LMMSE errs by {error:.3e}, claims {claimed:.3e}");
    }
}

#[test]
fn noise_is_estimated_from_the_pilots() {
    // (channel, delay spread [s], SNR [dB], largest relative error of the mean)
    for (name, delay_spread, snr_db, tolerance) in [
        ("awgn", 0.0, 0.0, 0.02),
        ("tdl-c", 100e-9, 10.0, 0.02),
        ("tdl-c", 300e-9, 20.0, 0.05),
        ("tdl-a", 30e-9, 30.0, 0.02),
    ] {
        let config = LinkConfig {
            channel_models: vec![ChannelModel::from_name(name).expect(name)],
            delay_spread_secs: Values::Fixed(delay_spread),
            snr_db: Values::Fixed(snr_db),
            ..LinkConfig::default()
        };
        // The error that a least-squares estimate claims is the noise it believes in, over the energy of a pilot.
        let errors = channel_errors(config, &["ls_nearest:noise=estimated", "ls_nearest"], 100);
        let ratio = errors[0].1 / errors[1].1;
        assert!((ratio - 1.0).abs() < tolerance, "{name} at {snr_db} dB: estimated over true noise {ratio}");
    }
}

#[test]
fn rejecting_interference_beats_ignoring_it() {
    let config = LinkConfig {
        num_rx_ant: 4,
        num_prb: 8,
        channel_models: vec![ChannelModel::Rayleigh],
        snr_db: Values::Fixed(12.0),
        impairments: Impairments { co_channel_sir_db: Some(Values::Fixed(0.0)), ..Impairments::default() },
        ..LinkConfig::default()
    };
    let simulator = Simulator::new(config).expect("a valid configuration");
    let rule = StopRule { max_slots: 128, target_block_errors: 0 };
    let names = ["perfect_csi", "perfect_csi:noise=covariance"];
    let rates = simulator.error_rates(&receivers(&names), rule, |_| ControlFlow::Continue(())).expect("rates");
    let (ignoring, rejecting) = (rates[0].uncoded.rate(), rates[1].uncoded.rate());
    assert!(rejecting < 0.1 * ignoring, "bit error rates: {ignoring} ignoring, {rejecting} rejecting");
    assert!(
        rates[1].mean_post_eq_sinr_db() > rates[0].mean_post_eq_sinr_db() + 5.0,
        "SINR: {} dB ignoring, {} dB rejecting",
        rates[0].mean_post_eq_sinr_db(),
        rates[1].mean_post_eq_sinr_db()
    );
}
