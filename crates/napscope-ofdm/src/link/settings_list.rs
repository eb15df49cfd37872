//! The list of [`SETTINGS`]: a parameter of a link is one entry here.

use super::config::{Coding, Domain, Fades, Motion};
use super::settings::{NONE, Setting, assign, assign_optional, choice, coded, joined, list, number, optional};
use crate::channel::ChannelModel;
use crate::error::Result;
use crate::grid::SubcarrierSpacing;
use crate::mapping::Modulation;

const GRID: &str = "Grid and pilots";
const CHANNEL: &str = "Channel";
const IMPAIRMENTS: &str = "Impairments";
const DATA: &str = "Data";
const SIMULATION: &str = "Simulation";

/// Every parameter. Those that need another one stand behind it.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "subcarrier_spacing_hz",
        aliases: &["subcarrier_spacing"],
        heading: GRID,
        value: "HZ",
        help: "15000, 30000 or 60000; 15, 30 and 60 are taken for kHz",
        set: |config, text| {
            let value: f64 = number("subcarrier_spacing_hz", text)?;
            config.subcarrier_spacing = SubcarrierSpacing::from_hz(if value < 1e3 { 1e3 * value } else { value })?;
            Ok(())
        },
        get: |config| config.subcarrier_spacing.hz().to_string(),
    },
    Setting {
        name: "num_prb",
        aliases: &["n_size_grid", "n_size_bwp", "NSizeGrid"],
        heading: GRID,
        value: "N",
        help: "Resource blocks of 12 subcarriers, 1 to 273",
        set: |config, text| assign(&mut config.num_prb, "num_prb", text),
        get: |config| config.num_prb.to_string(),
    },
    Setting {
        name: "fft_size",
        aliases: &["Nfft"],
        heading: GRID,
        value: "N|none",
        help: "Length of the Fourier transform of the time domain (none: the smallest power of two)",
        set: |config, text| assign_optional(&mut config.fft_size, "fft_size", text),
        get: |config| optional(config.fft_size.as_ref()),
    },
    Setting {
        name: "dmrs_config_type",
        aliases: &["config_type", "DMRSConfigurationType"],
        heading: GRID,
        value: "1|2",
        help: "Pilots on every second subcarrier (1) or on two of six (2)",
        set: |config, text| assign(&mut config.dmrs.config_type, "dmrs_config_type", text),
        get: |config| config.dmrs.config_type.to_string(),
    },
    Setting {
        name: "dmrs_type_a_position",
        aliases: &["type_a_position", "DMRSTypeAPosition"],
        heading: GRID,
        value: "2|3",
        help: "First symbol with pilots",
        set: |config, text| assign(&mut config.dmrs.type_a_position, "dmrs_type_a_position", text),
        get: |config| config.dmrs.type_a_position.to_string(),
    },
    Setting {
        name: "dmrs_additional_position",
        aliases: &["additional_position", "DMRSAdditionalPosition"],
        heading: GRID,
        value: "0..3",
        help: "Further symbols with pilots at most",
        set: |config, text| assign(&mut config.dmrs.additional_position, "dmrs_additional_position", text),
        get: |config| config.dmrs.additional_position.to_string(),
    },
    Setting {
        name: "dmrs_num_cdm_groups_without_data",
        aliases: &["num_cdm_groups_without_data", "NumCDMGroupsWithoutData"],
        heading: GRID,
        value: "1|2|3",
        help: "Groups of subcarriers of a pilot symbol that hold no data; their power goes to the pilots",
        set: |config, text| {
            assign(&mut config.dmrs.num_cdm_groups_without_data, "dmrs_num_cdm_groups_without_data", text)
        },
        get: |config| config.dmrs.num_cdm_groups_without_data.to_string(),
    },
    Setting {
        name: "dmrs_port",
        aliases: &["dmrs_port_set", "DMRSPortSet"],
        heading: GRID,
        value: "N",
        help: "Antenna port of the transmitter",
        set: |config, text| assign(&mut config.dmrs.port, "dmrs_port", text),
        get: |config| config.dmrs.port.to_string(),
    },
    Setting {
        name: "n_id",
        aliases: &["n_cell_id", "NIDNSCID", "NCellID"],
        heading: GRID,
        value: "N",
        help: "Scrambling identity of the pilots and, modulo 1024, of the data",
        set: |config, text| assign(&mut config.dmrs.n_id, "n_id", text),
        get: |config| config.dmrs.n_id.to_string(),
    },
    Setting {
        name: "n_scid",
        aliases: &["NSCID"],
        heading: GRID,
        value: "0|1",
        help: "Scrambling initialisation of the pilots",
        set: |config, text| assign(&mut config.dmrs.n_scid, "n_scid", text),
        get: |config| config.dmrs.n_scid.to_string(),
    },
    Setting {
        name: "num_allocated_symbols",
        aliases: &[],
        heading: GRID,
        value: "N",
        help: "Symbols of the slot in use, 4 to 14, from symbol 0 on (Sionna: symbol_allocation[1])",
        set: |config, text| assign(&mut config.dmrs.num_allocated_symbols, "num_allocated_symbols", text),
        get: |config| config.dmrs.num_allocated_symbols.to_string(),
    },
    Setting {
        name: "channel_model",
        aliases: &["model", "DelayProfile"],
        heading: CHANNEL,
        value: "NAME,...",
        help: "awgn, rayleigh, rician[:k_factor_db=10], tdl-a to tdl-e, tdl-a30, tdl-b100, tdl-c300; one of several for each slot",
        set: |config, text| {
            config.channel_models = list(text).map(ChannelModel::from_name).collect::<Result<_>>()?;
            Ok(())
        },
        get: |config| joined(config.channel_models.iter().map(|model| model.name())),
    },
    Setting {
        name: "snr_db",
        aliases: &["SNRdB", "esno_db"],
        heading: CHANNEL,
        value: "VALUES",
        help: "Es/N0 on a resource element at each receive antenna, averaged over the fading",
        set: |config, text| assign(&mut config.snr_db, "snr_db", text),
        get: |config| config.snr_db.to_string(),
    },
    Setting {
        name: "delay_spread_secs",
        aliases: &["delay_spread", "DelaySpread"],
        heading: CHANNEL,
        value: "VALUES",
        help: "RMS delay spread of the models that are scaled: 100e-9 is 100 ns",
        set: |config, text| assign(&mut config.delay_spread_secs, "delay_spread_secs", text),
        get: |config| config.delay_spread_secs.to_string(),
    },
    Setting {
        name: "speed_mps",
        aliases: &["speed", "ut_velocity"],
        heading: CHANNEL,
        value: "VALUES",
        help: "Speed of the transmitter",
        set: |config, text| {
            config.motion = Motion::SpeedMps(text.parse()?);
            Ok(())
        },
        get: |config| optional(config.motion.speed_mps()),
    },
    Setting {
        name: "max_doppler_hz",
        aliases: &["max_doppler", "MaximumDopplerShift"],
        heading: CHANNEL,
        value: "VALUES",
        help: "Largest Doppler shift, instead of a speed",
        set: |config, text| {
            config.motion = Motion::MaxDopplerHz(text.parse()?);
            Ok(())
        },
        get: |config| optional(config.motion.max_doppler_hz()),
    },
    Setting {
        name: "carrier_frequency_hz",
        aliases: &["carrier_frequency", "CarrierFrequency"],
        heading: CHANNEL,
        value: "HZ",
        help: "Carrier frequency",
        set: |config, text| assign(&mut config.carrier_frequency_hz, "carrier_frequency_hz", text),
        get: |config| config.carrier_frequency_hz.to_string(),
    },
    Setting {
        name: "num_rx_ant",
        aliases: &["NumReceiveAntennas"],
        heading: CHANNEL,
        value: "N",
        help: "Receive antennas, 1 to 8, which fade independently",
        set: |config, text| assign(&mut config.num_rx_ant, "num_rx_ant", text),
        get: |config| config.num_rx_ant.to_string(),
    },
    Setting {
        name: "fades",
        aliases: &[],
        heading: CHANNEL,
        value: "within_slot|between_slots",
        help: "Whether the channel changes within a slot or only between slots (block fading)",
        set: |config, text| {
            config.fades =
                choice("fades", text, &[("within_slot", Fades::WithinSlot), ("between_slots", Fades::BetweenSlots)])?;
            Ok(())
        },
        get: |config| match config.fades {
            Fades::WithinSlot => "within_slot".into(),
            Fades::BetweenSlots => "between_slots".into(),
        },
    },
    Setting {
        name: "domain",
        aliases: &[],
        heading: CHANNEL,
        value: "auto|frequency|time",
        help: "Apply the channel over the grid or sample by sample; auto takes the grid where all delays fit the cyclic prefix",
        set: |config, text| {
            let known = [("auto", Domain::Auto), ("frequency", Domain::Frequency), ("time", Domain::Time)];
            config.domain = choice("domain", text, &known)?;
            Ok(())
        },
        get: |config| match config.domain {
            Domain::Auto => "auto".into(),
            Domain::Frequency => "frequency".into(),
            Domain::Time => "time".into(),
        },
    },
    Setting {
        name: "cfo_hz",
        aliases: &["cfo"],
        heading: IMPAIRMENTS,
        value: "VALUES",
        help: "Offset of the carrier frequency",
        set: |config, text| assign(&mut config.impairments.cfo_hz, "cfo_hz", text),
        get: |config| config.impairments.cfo_hz.to_string(),
    },
    Setting {
        name: "phase_noise_linewidth_hz",
        aliases: &[],
        heading: IMPAIRMENTS,
        value: "VALUES",
        help: "Phase noise: full width at half maximum of the oscillator's line",
        set: |config, text| assign(&mut config.impairments.phase_noise_linewidth_hz, "phase_noise_linewidth_hz", text),
        get: |config| config.impairments.phase_noise_linewidth_hz.to_string(),
    },
    Setting {
        name: "pa_backoff_db",
        aliases: &[],
        heading: IMPAIRMENTS,
        value: "VALUES|none",
        help: "Back-off of a saturating power amplifier (Rapp); none: a linear one",
        set: |config, text| assign_optional(&mut config.impairments.pa_backoff_db, "pa_backoff_db", text),
        get: |config| optional(config.impairments.pa_backoff_db.as_ref()),
    },
    Setting {
        name: "narrowband_sir_db",
        aliases: &[],
        heading: IMPAIRMENTS,
        value: "VALUES|none",
        help: "Signal to narrow-band interference, mean powers over the whole grid",
        set: |config, text| assign_optional(&mut config.impairments.narrowband_sir_db, "narrowband_sir_db", text),
        get: |config| optional(config.impairments.narrowband_sir_db.as_ref()),
    },
    Setting {
        name: "narrowband_num_subcarriers",
        aliases: &[],
        heading: IMPAIRMENTS,
        value: "N",
        help: "Subcarriers of the narrow-band interferer",
        set: |config, text| {
            assign(&mut config.impairments.narrowband_num_subcarriers, "narrowband_num_subcarriers", text)
        },
        get: |config| config.impairments.narrowband_num_subcarriers.to_string(),
    },
    Setting {
        name: "co_channel_sir_db",
        aliases: &["sir_db"],
        heading: IMPAIRMENTS,
        value: "VALUES|none",
        help: "Signal to co-channel interference: a QPSK transmitter of another cell",
        set: |config, text| assign_optional(&mut config.impairments.co_channel_sir_db, "co_channel_sir_db", text),
        get: |config| optional(config.impairments.co_channel_sir_db.as_ref()),
    },
    Setting {
        name: "modulation",
        aliases: &[],
        heading: DATA,
        value: "NAME,...",
        help: "qpsk, 16qam, 64qam, 256qam; one of several for each slot",
        set: |config, text| {
            config.modulations = list(text).map(Modulation::from_name).collect::<Result<_>>()?;
            Ok(())
        },
        get: |config| joined(config.modulations.iter().map(|modulation| modulation.name().to_owned())),
    },
    Setting {
        name: "target_coderate",
        aliases: &["coderate", "TargetCodeRate"],
        heading: DATA,
        value: "RATE|none",
        help: "Code rate of LDPC coding, a number or a fraction as 658/1024 (none: random bits without coding)",
        set: |config, text| {
            if text == NONE {
                config.coding = None;
                return Ok(());
            }
            let (above, below) = text.split_once('/').unwrap_or((text, "1"));
            let rate = number::<f64>("target_coderate", above)? / number::<f64>("target_coderate", below)?;
            config.coding.get_or_insert_with(Coding::default).target_coderate = rate;
            Ok(())
        },
        get: |config| optional(config.coding.as_ref().map(|coding| coding.target_coderate).as_ref()),
    },
    Setting {
        name: "redundancy_version",
        aliases: &["rv"],
        heading: DATA,
        value: "0..3",
        help: "Which part of the code word is sent (with target_coderate)",
        set: |config, text| {
            let coding = coded(config, "redundancy_version")?;
            assign(&mut coding.redundancy_version, "redundancy_version", text)
        },
        get: |config| optional(config.coding.as_ref().map(|coding| coding.redundancy_version).as_ref()),
    },
    Setting {
        name: "n_rnti",
        aliases: &["RNTI"],
        heading: DATA,
        value: "N",
        help: "Name of the terminal, from which the scrambling of coded bits follows (with target_coderate)",
        set: |config, text| {
            let coding = coded(config, "n_rnti")?;
            assign(&mut coding.n_rnti, "n_rnti", text)
        },
        get: |config| optional(config.coding.as_ref().map(|coding| coding.n_rnti).as_ref()),
    },
    Setting {
        name: "decoder_iterations",
        aliases: &["num_iter", "MaxNumIter"],
        heading: DATA,
        value: "N",
        help: "Iterations of the LDPC decoder at most (with target_coderate)",
        set: |config, text| {
            let coding = coded(config, "decoder_iterations")?;
            assign(&mut coding.decoder.max_iterations, "decoder_iterations", text)
        },
        get: |config| optional(config.coding.as_ref().map(|coding| coding.decoder.max_iterations).as_ref()),
    },
    Setting {
        name: "num_sinusoids",
        aliases: &[],
        heading: SIMULATION,
        value: "N",
        help: "Sinusoids a tap of the fading",
        set: |config, text| assign(&mut config.num_sinusoids, "num_sinusoids", text),
        get: |config| config.num_sinusoids.to_string(),
    },
    Setting {
        name: "seed",
        aliases: &[],
        heading: SIMULATION,
        value: "N",
        help: "Slot i of the same seed and settings is always the same",
        set: |config, text| assign(&mut config.seed, "seed", text),
        get: |config| config.seed.to_string(),
    },
];
