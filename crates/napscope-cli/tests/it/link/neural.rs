//! Networks as receivers: beside classical ones on the same slots, and everything that makes a network no receiver.
//!
//! The networks of `oracles/make_neural_receivers.py` compute what classical receivers compute, so every count must be theirs.

use crate::cli::harness::napscope;
use crate::scratch::Scratch;
use napscope_cli::data::{DataSet, InputKind, ModelInput, OpenOptions};
use serde_json::Value;
use std::path::Path;

fn network(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/neural_receivers");
    folder.join(format!("{name}.onnx")).display().to_string()
}

/// The rows of `napscope link ber`.
fn rows(flags: &str) -> Vec<Value> {
    let told = napscope(&Scratch::new(), &format!("link ber --num-prb 2 --max-slots 70 --format json {flags}"));
    assert_eq!(told.code, Some(0), "{flags}: {}", told.stderr);
    let found: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {}", told.stdout));
    found["rows"].as_array().expect("rows").clone()
}

/// What was counted, without the names.
fn counts(row: &Value) -> Vec<Option<u64>> {
    let names = ["slots", "uncoded_ber_errors", "uncoded_ber_trials", "coded_ber_errors", "bler_errors", "bler_trials"];
    names.iter().map(|name| row[*name].as_u64()).collect()
}

#[test]
fn a_network_that_demaps_has_the_errors_of_the_classical_receiver() {
    let both = format!("--target-block-errors 0 --receiver lmmse_estimated,{}", network("equalised"));
    for (flags, errors) in [
        ("--modulation 16qam --snr-db 4,10 --target-coderate 1/2", true),
        ("--modulation qpsk --snr-db 0,5", true),
        ("--modulation qpsk,16qam --snr-db 8 --dmrs-additional-position 0 --speed 30", true),
        ("--modulation qpsk --snr-db 60 --speed 0", false),
    ] {
        let rows = rows(&format!("{both} {flags}"));
        for pair in rows.chunks(2) {
            assert_eq!(
                (pair[0]["receiver"].as_str(), pair[1]["receiver"].as_str()),
                (Some("lmmse_estimated"), Some("equalised"))
            );
            assert_eq!(counts(&pair[0]), counts(&pair[1]), "{flags}: {pair:?}");
            assert_eq!(pair[0]["uncoded_ber_errors"].as_u64() > Some(0), errors, "{flags}");
            assert!(pair[0]["post_eq_sinr_db"].is_number() && pair[1]["post_eq_sinr_db"].is_null(), "{pair:?}");
        }
    }
}

#[test]
fn what_it_is_given_comes_from_its_card_or_the_user() {
    let flags = "--channel awgn --modulation qpsk --snr-db 3";
    let receivers = format!("perfect_csi,{},{}:input=raw", network("raw_awgn"), network("raw_without_card"));
    let rows = rows(&format!("{flags} --receiver {receivers}"));
    assert!(rows[0]["uncoded_ber_errors"].as_u64() > Some(0));
    assert_eq!(counts(&rows[0]), counts(&rows[1]), "by its card");
    assert_eq!(counts(&rows[0]), counts(&rows[2]), "by the user's word");
}

#[test]
fn neither_batches_nor_threads_nor_other_outputs_change_a_count() {
    let ask = |name: &str, more: &str| {
        let rows = rows(&format!("--snr-db 8 --engine rten --receiver {} {more}", network(name)));
        rows.iter().map(counts).collect::<Vec<_>>()
    };
    let expected = ask("equalised", "--threads 1");
    for (name, more) in [
        ("equalised", "--threads 2"),
        ("equalised", "--threads 3"),
        ("fixed_batch", "--threads 2"),
        ("two_outputs", "--threads 1"),
    ] {
        assert_eq!(ask(name, more), expected, "{name} {more}");
    }
}

#[test]
fn a_wrong_noise_variance_misleads_both_alike() {
    let offset = "noise_offset_db=6";
    let receivers = format!("lmmse_estimated,lmmse_estimated:{offset},{}:{offset}", network("equalised"));
    let rows = rows(&format!("--snr-db 6 --target-block-errors 0 --receiver {receivers}"));
    assert_eq!(counts(&rows[1]), counts(&rows[2]));
    assert_ne!(counts(&rows[0]), counts(&rows[1]), "the estimator smooths more than it should");
    assert_eq!(rows[2]["receiver"], format!("equalised:{offset}"));
}

#[test]
fn any_order_of_receivers_is_kept() {
    let (first, last) = (network("equalised"), network("fixed_batch"));
    let rows = rows(&format!("--snr-db 8 --receiver {first},ls_linear,{last},perfect_csi"));
    let names: Vec<&str> = rows.iter().filter_map(|row| row["receiver"].as_str()).collect();
    assert_eq!(names, ["equalised", "ls_linear", "fixed_batch", "perfect_csi"]);
    let errors: Vec<u64> = rows.iter().filter_map(|row| row["uncoded_ber_errors"].as_u64()).collect();
    assert!(errors[0] == errors[2] && errors[1] > errors[0] && errors[0] > errors[3], "each has its own: {errors:?}");
}

#[test]
fn a_link_beyond_the_training_is_noted() {
    let scratch = Scratch::new();
    let line =
        format!("link ber --num-prb 1 --max-slots 2 --snr-db 0,40 --speed 100 --receiver {}", network("equalised"));
    let told = napscope(&scratch, &line);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    for words in ["note: equalised: snr_db 0,40 goes beyond its training, -4..32", "max_doppler_hz 1334."] {
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    assert!(!told.stderr.contains("delay_spread"), "100 ns is within: {}", told.stderr);
    assert!(!napscope(&scratch, &format!("{line} --quiet")).stderr.contains("note:"), "--quiet");
}

/// (the network with its options, other flags, words that the error must hold)
const NO_RECEIVERS: &[(&str, &str, &[&str])] = &[
    ("card_torn.onnx", "", &["card_torn.onnx", "napscope.receiver", "no card of a receiver", "hint"]),
    ("card_of_tomorrow.onnx", "", &["version 2 is not known", "newer napscope"]),
    ("other_sign.onnx", "", &["its LLRs are `ln P(0)/P(1)`", "negate"]),
    ("other_axes.onnx", "", &["its axes are batch, subcarrier, ofdm_symbol, channel"]),
    ("unknown_input.onnx", "", &["no input of a neural receiver is called `spectrogram`", "raw"]),
    ("four_antennas.onnx", "", &["receives with 4 antennas, the link has 2", "--num-rx-ant 4"]),
    ("equalised.onnx", "--num-rx-ant 4", &["receives with 2 antennas, the link has 4"]),
    ("qpsk_alone.onnx", "", &["not trained on 16qam", "--modulation qpsk"]),
    ("equalised.onnx", "--modulation qpsk,64qam", &["not trained on 64qam", "--modulation qpsk,16qam"]),
    ("too_few_channels.onnx", "--modulation qpsk", &["takes 10 channels", "`estimate` of 2 antennas has 19"]),
    ("two_bits.onnx", "", &["gives 2 bits", "16qam has 4"]),
    ("bits_misstated.onnx", "", &["output has 4 bits, its metadata say 8"]),
    ("fixed_grid.onnx", "", &["takes 36 subcarriers, the grid has 24", "--num-prb 3"]),
    ("twelve_symbols.onnx", "", &["takes 12 symbols, a slot has 14"]),
    ("flat.onnx", "", &["shape (1, 6384) for one slot, not (1, bits, 14, 24)"]),
    ("three_axes.onnx", "", &["has 3 axes", "(batch, channel, ofdm_symbol, subcarrier)"]),
    ("channels_last.onnx", "", &["shape (1, 14, 24, 4) for one slot"]),
    ("two_inputs.onnx", "", &["has 2 inputs (input, noise_var)"]),
    ("nameless_outputs.onnx", "", &["which of its outputs are the LLRs? It has first, second", "`llr`"]),
    ("mixes_slots.onnx", "", &["its output `llr` cannot be read", "from that slot alone"]),
    ("gives_nan.onnx", "", &["receiver gives_nan", "NaN for a bit of slot", "diverged"]),
    ("gives_infinity.onnx", "", &["inf for a bit of slot"]),
    ("raw_without_card.onnx", "--modulation qpsk", &["no metadata `napscope.receiver`", "add :input=raw to its name"]),
    ("raw_without_card.onnx:input=estimate", "--modulation qpsk", &["takes 10 channels"]),
    ("equalised.onnx:input=raw", "", &["takes the input `estimate`, as its metadata say, not `raw`"]),
    ("equalised.onnx:output=llr", "", &["`output=llr` is no option of a network"]),
    ("no_such.onnx", "", &["no_such.onnx", "cannot be read"]),
    ("../make_taps.json.onnx", "", &["cannot be read"]),
    ("equalised.onnx", "--engine ortt", &["ortt", "`ort`"]),
];

#[test]
fn what_is_no_receiver_says_why() {
    let mut wrong = Vec::new();
    for (name, flags, says) in NO_RECEIVERS {
        let folder = network("").replace(".onnx", "");
        let told =
            napscope(&Scratch::new(), &format!("link ber --num-prb 2 --max-slots 2 --receiver {folder}{name} {flags}"));
        let missing: Vec<_> = says.iter().filter(|says| !told.stderr.contains(**says)).collect();
        if told.code != Some(2) || !missing.is_empty() || told.stderr.contains("panicked") || !told.stdout.is_empty() {
            wrong.push(format!(
                "{name} {flags}: code {:?}, should say {missing:?}\n    it said: {}",
                told.code,
                told.stderr.trim()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), NO_RECEIVERS.len(), wrong.join("\n"));
}

#[test]
fn a_data_set_has_columns_of_networks_too() {
    let scratch = Scratch::new();
    let receivers = format!("{},lmmse_estimated", network("equalised"));
    let flags = "--num-prb 2 --slots 5 --snr-db 0..10 --target-coderate 1/2";
    let told = napscope(&scratch, &format!("link simulate {flags} --input estimate -o a.npz --receiver {receivers}"));
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let input =
        ModelInput { name: "input".into(), kind: InputKind::Float, shape: Some(vec![None, Some(19), Some(14), None]) };
    let options = OpenOptions { model_inputs: vec![input], ..OpenOptions::default() };
    let data = DataSet::open(&scratch.path().join("a.npz"), &options).expect("what the network takes");
    let column = |name: &str| data.columns().iter().find(|column| column.name == name);
    let values = |name: &str| column(name).unwrap_or_else(|| panic!("no column {name}")).values.clone();
    assert_eq!(
        values("uncoded_ber"),
        values("uncoded_ber_lmmse_estimated"),
        "the network does what that receiver does"
    );
    assert_eq!(values("block_error"), values("block_error_lmmse_estimated"));
    assert!(column("post_eq_sinr_db").is_none(), "a network does not equalise");
    assert!(column("post_eq_sinr_db_lmmse_estimated").is_some());
    let told =
        napscope(&scratch, &format!("link simulate {flags} -o a.npz --receiver {receivers} --input raw --resume"));
    assert!(told.code == Some(2) && told.stderr.contains("its input is estimate, not raw"), "{}", told.stderr);
}
