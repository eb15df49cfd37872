//! The two ways through the channel, and the impairments, against each other and against theory.

use napscope_ofdm::Complex32;
use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::grid::{NUM_OFDM_SYMBOLS, SubcarrierSpacing};
use napscope_ofdm::link::{
    Domain, Fades, Impairments, LinkConfig, Motion, Simulator, Slot, StopRule, Values, Workspace,
};
use napscope_ofdm::mapping::MODULATIONS;
use napscope_ofdm::receiver::ReceiverConfig;
use std::ops::ControlFlow;

/// All but noiseless, so that what differs is the channel.
fn quiet() -> LinkConfig {
    LinkConfig { snr_db: Values::Fixed(100.0), ..LinkConfig::default() }
}

fn model(name: &str) -> Vec<ChannelModel> {
    vec![ChannelModel::from_name(name).expect(name)]
}

/// Mean over `slots` slots of `measure`.
fn mean(config: &LinkConfig, slots: u64, mut measure: impl FnMut(&Simulator, &Slot) -> f64) -> f64 {
    let simulator = Simulator::new(config.clone()).expect("a valid configuration");
    let mut workspace = simulator.workspace();
    (0..slots).map(|index| measure(&simulator, simulator.slot(index, &mut workspace))).sum::<f64>() / slots as f64
}

/// Mean power of y - H x over the middle half of the band and the symbols from `first_symbol` on.
fn residual(simulator: &Simulator, slot: &Slot, first_symbol: usize) -> f64 {
    let (n, elements) = (simulator.grid().num_subcarriers(), slot.x.len());
    let mut sum = 0.0;
    let mut count = 0;
    for (i, (y, h)) in slot.y.iter().zip(&slot.h).enumerate() {
        let (element, k) = (i % elements, i % n);
        if element / n >= first_symbol && (n / 4..3 * n / 4).contains(&k) {
            sum += f64::from((y - h * slot.x[element]).norm_sqr());
            count += 1;
        }
    }
    sum / f64::from(count)
}

#[test]
fn both_paths_agree_inside_the_cyclic_prefix() {
    for (name, spacing, fft_size) in [
        ("tdl-a", SubcarrierSpacing::Khz15, 512),
        ("tdl-c300", SubcarrierSpacing::Khz15, 384),
        ("tdl-d", SubcarrierSpacing::Khz60, 1024),
    ] {
        let config = LinkConfig {
            subcarrier_spacing: spacing,
            fft_size: Some(fft_size),
            channel_models: model(name),
            delay_spread_secs: Values::Fixed(80e-9),
            fades: Fades::BetweenSlots,
            ..quiet()
        };
        let in_frequency = Simulator::new(LinkConfig { domain: Domain::Frequency, ..config.clone() }).expect("valid");
        let in_time = Simulator::new(LinkConfig { domain: Domain::Time, ..config }).expect("valid");
        let (mut one, mut other) = (in_frequency.workspace(), in_time.workspace());
        for index in 0..3 {
            let (expected, got) = (in_frequency.slot(index, &mut one), in_time.slot(index, &mut other));
            let worst = expected.y.iter().zip(&got.y).map(|(a, b)| (a - b).norm()).fold(0.0, f32::max);
            assert!(worst < 2e-5, "{name}, slot {index}: the paths differ by {worst}");
        }
    }
}

#[test]
fn delays_beyond_the_prefix_interfere_as_much_as_theory_says() {
    // A path of power P that is late by δ of N samples leaves 2 P δ / N of y - H x, once a symbol went before.
    let config = LinkConfig {
        channel_models: model("tdl-a"),
        delay_spread_secs: Values::Fixed(2e-6),
        fades: Fades::BetweenSlots,
        domain: Domain::Auto,
        ..quiet()
    };
    let grid_prefix = 9.0 / 128.0 / 15e3;
    let profile = config.channel_models[0].profile(2e-6);
    let late = |tau: f64| (tau - grid_prefix).max(0.0) * 15e3;
    let expected: f64 = profile.delays_secs.iter().zip(&profile.powers).map(|(&tau, p)| 2.0 * p * late(tau)).sum();
    // Symbol 7 has a longer prefix; from symbol 1 on all others are as computed.
    let got = mean(&config, 400, |simulator, slot| residual(simulator, slot, 1));
    assert!((got / expected - 1.0).abs() < 0.1, "expected {expected}, got {got}");
}

#[test]
fn doppler_spreads_power_over_subcarriers_as_theory_says() {
    for max_doppler_hz in [200.0, 500.0] {
        let config = LinkConfig {
            channel_models: model("rayleigh"),
            motion: Motion::MaxDopplerHz(Values::Fixed(max_doppler_hz)),
            domain: Domain::Time,
            ..quiet()
        };
        let expected = (std::f64::consts::TAU * max_doppler_hz / 15e3).powi(2) / 24.0;
        let got = mean(&config, 600, |simulator, slot| residual(simulator, slot, 0));
        assert!((got / expected - 1.0).abs() < 0.1, "{max_doppler_hz} Hz: expected {expected}, got {got}");
    }
}

#[test]
fn a_frequency_offset_leaks_as_theory_says() {
    for (domain, cfo_hz) in [(Domain::Frequency, 300.0), (Domain::Time, 300.0), (Domain::Frequency, -750.0)] {
        let impairments = Impairments { cfo_hz: Values::Fixed(cfo_hz), ..Impairments::default() };
        let config = LinkConfig { channel_models: model("awgn"), domain, impairments, ..quiet() };
        let got = mean(&config, 40, |simulator, slot| {
            // What remains of a symbol behind its common rotation.
            let n = simulator.grid().num_subcarriers();
            let power_left = |symbol: usize| {
                let (y, x) = (&slot.y[symbol * n..][..n], &slot.x[symbol * n..][..n]);
                let product: Complex32 = y.iter().zip(x).map(|(y, x)| y * x.conj()).sum();
                let energy: f32 = x.iter().map(|x| x.norm_sqr()).sum();
                let factor = product / energy;
                let middle = n / 4..3 * n / 4;
                let left: f32 = middle.clone().map(|k| (y[k] - factor * x[k]).norm_sqr()).sum();
                f64::from(left) / middle.len() as f64
            };
            // Pilot symbols, whose pilots stand on every second subcarrier, leak differently.
            let data_symbols = (0..NUM_OFDM_SYMBOLS).filter(|s| !simulator.pattern().symbol_indices().contains(s));
            data_symbols.map(power_left).sum::<f64>() / 12.0
        });
        let expected = (std::f64::consts::PI * cfo_hz / 15e3).powi(2) / 3.0;
        assert!((got / expected - 1.0).abs() < 0.05, "{domain:?}, {cfo_hz} Hz: expected {expected}, got {got}");
    }
}

#[test]
fn an_impairment_changes_nothing_else() {
    let plain = Simulator::new(LinkConfig::default()).expect("valid");
    let mut workspace = plain.workspace();
    let expected = plain.slot(5, &mut workspace).clone();
    let fixed = |value: f64| Some(Values::Fixed(value));
    for impairments in [
        Impairments { cfo_hz: Values::Fixed(100.0), ..Impairments::default() },
        Impairments { phase_noise_linewidth_hz: Values::Fixed(10.0), ..Impairments::default() },
        Impairments { pa_backoff_db: fixed(3.0), ..Impairments::default() },
        Impairments { narrowband_sir_db: fixed(10.0), ..Impairments::default() },
        Impairments { co_channel_sir_db: fixed(10.0), ..Impairments::default() },
    ] {
        let name = format!("{impairments:?}");
        let config = LinkConfig { impairments, ..LinkConfig::default() };
        let simulator = Simulator::new(config).expect("valid");
        let mut workspace = simulator.workspace();
        let got = simulator.slot(5, &mut workspace);
        assert_eq!(got.bits, expected.bits, "bits with {name}");
        assert_eq!(got.h, expected.h, "channel with {name}");
        let change: f32 = got.y.iter().zip(&expected.y).map(|(a, b)| (a - b).norm_sqr()).sum();
        assert!(change > 0.01, "{name} changes the received grid by {change} only");
    }
}

#[test]
fn a_slot_is_the_same_in_any_order_and_any_memory() {
    let config = LinkConfig {
        snr_db: Values::Uniform(-4.0, 32.0),
        delay_spread_secs: Values::LogUniform(10e-9, 3e-6),
        motion: Motion::MaxDopplerHz(Values::Uniform(0.0, 500.0)),
        channel_models: ["tdl-b", "tdl-e", "awgn", "tdl-c300"].iter().flat_map(|name| model(name)).collect(),
        modulations: MODULATIONS.to_vec(),
        impairments: Impairments {
            cfo_hz: Values::Uniform(-100.0, 100.0),
            co_channel_sir_db: Some(Values::Uniform(0.0, 36.0)),
            ..Impairments::default()
        },
        num_prb: 4,
        ..LinkConfig::default()
    };
    let simulator = Simulator::new(config).expect("valid");
    let make = |index, workspace: &mut Workspace| {
        let slot = simulator.slot(index, workspace);
        (slot.parameters.clone(), slot.bits.clone(), slot.y.clone())
    };
    let mut workspace = simulator.workspace();
    let forward: Vec<_> = (0..40).map(|index| make(index, &mut workspace)).collect();
    for index in (0..40u64).rev() {
        assert!(make(index, &mut workspace) == forward[index as usize], "slot {index}, backwards");
        assert!(make(index, &mut simulator.workspace()) == forward[index as usize], "slot {index}, new memory");
    }
}

#[test]
fn error_rates_do_not_depend_on_threads() {
    let simulator = Simulator::new(LinkConfig { num_prb: 2, ..LinkConfig::default() }).expect("valid");
    let receivers = ["ls_linear", "lmmse"].map(|name| ReceiverConfig::from_name(name).expect(name));
    let rule = StopRule { max_slots: 200, target_block_errors: 30 };
    let measure = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| simulator.error_rates(&receivers, rule, |_| ControlFlow::Continue(())).expect("rates"))
    };
    let expected = measure(1);
    assert_eq!(expected[0].uncoded.slots, 64, "the stop rule ends the measurement after its first round");
    for threads in [2, 5] {
        assert_eq!(measure(threads), expected, "{threads} threads");
    }
}
