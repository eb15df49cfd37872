//! Impossible configurations: each gets an error that says what is wrong, and none panics.

use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::coding::CheckRule;
use napscope_ofdm::dmrs::DmrsConfig;
use napscope_ofdm::grid::SubcarrierSpacing;
use napscope_ofdm::link::{Coding, Domain, Impairments, LinkConfig, Motion, Simulator, StopRule, Values};
use napscope_ofdm::mapping::Modulation;
use napscope_ofdm::receiver::ReceiverConfig;
use napscope_ofdm::{Error, ErrorKind};
use std::ops::ControlFlow;

use ErrorKind::{InvalidParameter, NonFinite, UnknownName};

fn dmrs(change: impl FnOnce(&mut DmrsConfig)) -> LinkConfig {
    let mut config = LinkConfig::default();
    change(&mut config.dmrs);
    config
}

fn impaired(change: impl FnOnce(&mut Impairments)) -> LinkConfig {
    let mut config = LinkConfig::default();
    change(&mut config.impairments);
    config
}

fn coded(change: impl FnOnce(&mut Coding)) -> LinkConfig {
    let mut coding = Coding::default();
    change(&mut coding);
    LinkConfig { coding: Some(coding), ..LinkConfig::default() }
}

fn check(name: &str, error: Error, kind: ErrorKind, message: &str) {
    assert_eq!(error.kind(), kind, "{name}: {error}");
    assert!(error.to_string().contains(message), "{name}: expected a message with `{message}`, got `{error}`");
}

#[test]
fn impossible_configurations_say_what_is_wrong() {
    let default = LinkConfig::default;
    let speed = |values| LinkConfig { motion: Motion::SpeedMps(values), ..default() };
    let doppler = |value| LinkConfig { motion: Motion::MaxDopplerHz(Values::Fixed(value)), ..default() };
    let snr = |values| LinkConfig { snr_db: values, ..default() };
    let spread = |value, domain| LinkConfig { delay_spread_secs: Values::Fixed(value), domain, ..default() };
    let cases: Vec<(&str, LinkConfig, ErrorKind, &str)> = vec![
        ("no PRB", LinkConfig { num_prb: 0, ..default() }, InvalidParameter, "num_prb"),
        ("too many PRB", LinkConfig { num_prb: 274, ..default() }, InvalidParameter, "num_prb"),
        ("FFT too short", LinkConfig { fft_size: Some(256), ..default() }, InvalidParameter, "312 subcarriers"),
        ("FFT no multiple", LinkConfig { fft_size: Some(500), ..default() }, InvalidParameter, "multiple of 128"),
        ("FFT of zero", LinkConfig { fft_size: Some(0), ..default() }, InvalidParameter, "fft_size"),
        ("FFT too long", LinkConfig { fft_size: Some(1 << 20), ..default() }, InvalidParameter, "fft_size"),
        ("no antenna", LinkConfig { num_rx_ant: 0, ..default() }, InvalidParameter, "num_rx_ant"),
        ("too many antennas", LinkConfig { num_rx_ant: 9, ..default() }, InvalidParameter, "num_rx_ant"),
        ("no sinusoid", LinkConfig { num_sinusoids: 0, ..default() }, InvalidParameter, "num_sinusoids"),
        ("no modulation", LinkConfig { modulations: vec![], ..default() }, InvalidParameter, "modulations"),
        ("no model", LinkConfig { channel_models: vec![], ..default() }, InvalidParameter, "channel_models"),
        (
            "carrier of zero",
            LinkConfig { carrier_frequency_hz: 0.0, ..default() },
            InvalidParameter,
            "carrier_frequency_hz",
        ),
        ("carrier NaN", LinkConfig { carrier_frequency_hz: f64::NAN, ..default() }, NonFinite, "carrier_frequency_hz"),
        ("SNR NaN", snr(Values::Fixed(f64::NAN)), NonFinite, "snr_db"),
        ("SNR without end", snr(Values::Uniform(0.0, f64::INFINITY)), NonFinite, "snr_db"),
        ("SNR backwards", snr(Values::Uniform(10.0, 0.0)), InvalidParameter, "backwards"),
        ("SNR of nothing", snr(Values::OneOf(vec![])), InvalidParameter, "snr_db"),
        ("SNR absurd", snr(Values::Fixed(1e6)), InvalidParameter, "snr_db"),
        ("negative speed", speed(Values::Fixed(-1.0)), InvalidParameter, "speed_mps"),
        ("speed range from zero, logarithmic", speed(Values::LogUniform(0.0, 10.0)), InvalidParameter, "logarithmic"),
        ("negative Doppler", doppler(-5.0), InvalidParameter, "max_doppler_hz"),
        ("Doppler beyond a subcarrier", doppler(8000.0), InvalidParameter, "half of the subcarrier spacing"),
        ("speed of light", speed(Values::Fixed(9e4)), InvalidParameter, "half of the subcarrier spacing"),
        ("negative delay spread", spread(-1e-9, Domain::Auto), InvalidParameter, "delay_spread_secs"),
        ("delay spread in nanoseconds", spread(100.0, Domain::Auto), InvalidParameter, "delay_spread_secs"),
        ("delay beyond a symbol", spread(1e-5, Domain::Auto), InvalidParameter, "longer than a symbol"),
        ("delay beyond the prefix", spread(1e-6, Domain::Frequency), InvalidParameter, "beyond the cyclic prefix"),
        ("DMRS type 3", dmrs(|d| d.config_type = 3), InvalidParameter, "config_type"),
        ("DMRS at symbol 1", dmrs(|d| d.type_a_position = 1), InvalidParameter, "type_a_position"),
        ("DMRS five times", dmrs(|d| d.additional_position = 4), InvalidParameter, "additional_position"),
        (
            "DMRS 3 with position 3",
            dmrs(|d| (d.type_a_position, d.additional_position) = (3, 3)),
            InvalidParameter,
            "needs type_a_position 2",
        ),
        ("three groups of type 1", dmrs(|d| d.num_cdm_groups_without_data = 3), InvalidParameter, "cdm_groups"),
        ("no group", dmrs(|d| d.num_cdm_groups_without_data = 0), InvalidParameter, "cdm_groups"),
        ("port among data", dmrs(|d| (d.num_cdm_groups_without_data, d.port) = (1, 2)), InvalidParameter, "port"),
        ("port 4 of type 1", dmrs(|d| d.port = 4), InvalidParameter, "port"),
        ("identity too large", dmrs(|d| d.n_id = 65_536), InvalidParameter, "n_id"),
        ("third scrambling", dmrs(|d| d.n_scid = 2), InvalidParameter, "n_scid"),
        ("slot of 15 symbols", dmrs(|d| d.num_allocated_symbols = 15), InvalidParameter, "num_allocated_symbols"),
        ("DMRS outside of the allocation", dmrs(|d| d.num_allocated_symbols = 2), InvalidParameter, "num_allocated"),
        ("offset of a subcarrier", impaired(|i| i.cfo_hz = 15e3.into()), InvalidParameter, "cfo_hz"),
        (
            "negative line width",
            impaired(|i| i.phase_noise_linewidth_hz = (-1.0).into()),
            InvalidParameter,
            "linewidth",
        ),
        ("back-off NaN", impaired(|i| i.pa_backoff_db = Some(f64::NAN.into())), NonFinite, "pa_backoff_db"),
        ("interferer of no width", impaired(|i| i.narrowband_num_subcarriers = 0), InvalidParameter, "narrowband"),
        (
            "interferer beyond the grid",
            impaired(|i| i.narrowband_num_subcarriers = 313),
            InvalidParameter,
            "narrowband",
        ),
        ("code rate of zero", coded(|c| c.target_coderate = 0.0), InvalidParameter, "target_coderate"),
        ("code rate of one", coded(|c| c.target_coderate = 1.0), InvalidParameter, "target_coderate"),
        ("code rate NaN", coded(|c| c.target_coderate = f64::NAN), InvalidParameter, "target_coderate"),
        ("redundancy version 4", coded(|c| c.redundancy_version = 4), InvalidParameter, "redundancy_version"),
        ("terminal 65536", coded(|c| c.n_rnti = 65_536), InvalidParameter, "n_rnti"),
        ("decoder without iterations", coded(|c| c.decoder.max_iterations = 0), InvalidParameter, "max_iterations"),
        (
            "decoder NaN",
            coded(|c| c.decoder.rule = CheckRule::MinSum { normalization: f32::NAN }),
            NonFinite,
            "normalization",
        ),
        (
            "SIR without end",
            impaired(|i| i.co_channel_sir_db = Some(f64::NEG_INFINITY.into())),
            NonFinite,
            "co_channel",
        ),
    ];
    assert!(cases.len() >= 50);
    for (name, config, kind, message) in cases {
        match Simulator::new(config) {
            Ok(_) => panic!("{name}: no error"),
            Err(error) => check(name, error, kind, message),
        }
    }
}

#[test]
fn names_and_numbers_that_are_none_say_what_is() {
    let cases: Vec<(&str, Option<Error>, ErrorKind, &str)> = vec![
        ("model", ChannelModel::from_name("cdl-a").err(), UnknownName, "no channel model is called `cdl-a`"),
        ("model, misspelt", ChannelModel::from_name("tld-c").err(), UnknownName, "called `tld-c`"),
        ("empty model", ChannelModel::from_name("").err(), UnknownName, "no channel model"),
        ("option of a model", ChannelModel::from_name("tdl-a:k=1").err(), InvalidParameter, "no option"),
        ("Rice factor", ChannelModel::from_name("rician:k_factor_db=NaN").err(), NonFinite, "k_factor_db"),
        ("modulation", Modulation::from_name("bpsk").err(), UnknownName, "no modulation is called `bpsk`"),
        ("receiver", ReceiverConfig::from_name("zf").err(), UnknownName, "no receiver is called `zf`"),
        ("receiver option", ReceiverConfig::from_name("lmmse:nois=known").err(), UnknownName, "`nois`"),
        ("option value", ReceiverConfig::from_name("lmmse:noise=some").err(), UnknownName, "`some`"),
        ("no option", ReceiverConfig::from_name("lmmse:noise").err(), InvalidParameter, "not option=value"),
        ("option elsewhere", ReceiverConfig::from_name("lmmse:max_doppler_hz=1").err(), UnknownName, "max_doppler_hz"),
        ("option no number", ReceiverConfig::from_name("lmmse_robust:max_doppler_hz=x").err(), InvalidParameter, "`x`"),
        ("spacing", SubcarrierSpacing::from_hz(30.0).err(), InvalidParameter, "subcarrier_spacing_hz"),
        ("values", "1..x".parse::<Values>().err(), InvalidParameter, "1..x"),
    ];
    let misspelt = ChannelModel::from_name("tld-c").expect_err("no model");
    assert!(misspelt.how_to_mend().is_some_and(|hint| hint.starts_with("did you mean `tdl-c`")), "{misspelt:?}");
    for (name, error, kind, message) in cases {
        check(name, error.unwrap_or_else(|| panic!("{name}: no error")), kind, message);
    }
    let simulator = Simulator::new(LinkConfig::default()).expect("valid");
    let receiver = ReceiverConfig::from_name("lmmse").expect("a receiver");
    let go_on = |_: &[_]| ControlFlow::Continue(());
    let none = simulator.error_rates(&[], StopRule { max_slots: 1, target_block_errors: 0 }, go_on);
    check("no receiver", none.expect_err("no receiver"), InvalidParameter, "no receiver");
    let never = simulator.error_rates(&[receiver], StopRule { max_slots: 0, target_block_errors: 0 }, go_on);
    check("no slot", never.expect_err("no slot"), InvalidParameter, "max_slots");
}
