//! `napscope link simulate`: what is written, and that it is the same however it came to be.

use crate::cli::harness::{command, napscope, told};
use crate::scratch::Scratch;
use napscope_cli::data::{ArrayFile, Budget, ColumnValues, DataSet, InputKind, ModelInput, OpenOptions};
use napscope_cli::link::data_set::SlotRows;
use napscope_cli::link::lineup::Lineup;
use napscope_cli::link::receivers;
use napscope_ofdm::link::tensor::ReceiverInput;
use napscope_ofdm::link::{LinkConfig, Simulator, tensor};
use napscope_onnx::Choice;

/// Flags of a small link in which much is drawn.
const SMALL: &str = "--num-prb 2 --snr-db -4..32 --delay-spread 10ns..300ns --speed 0..135km/h --channel tdl-b,tdl-c \
                     --modulation qpsk,16qam --co-channel-sir-db 0..20 --target-coderate 1/2";

/// The columns of every link.
const LINK_COLUMNS: [&str; 10] = [
    "slot",
    "slot_number",
    "snr_db",
    "realized_snr_db",
    "delay_spread_secs",
    "speed_mps",
    "max_doppler_hz",
    "channel_model",
    "modulation",
    "num_bits_per_symbol",
];

fn bytes(scratch: &Scratch, name: &str) -> Vec<u8> {
    std::fs::read(scratch.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn simulate(scratch: &Scratch, flags: &str) {
    let told = napscope(scratch, &format!("link simulate {SMALL} {flags}"));
    assert_eq!(told.code, Some(0), "{flags}: {}", told.stderr);
}

/// The link of the flags above, put together without the command line.
fn config() -> LinkConfig {
    let mut config = LinkConfig::default();
    for (name, text) in [
        ("num_prb", "2"),
        ("snr_db", "-4..32"),
        ("delay_spread_secs", "10e-9..300e-9"),
        ("speed_mps", "0..37.5"),
        ("channel_model", "tdl-b,tdl-c"),
        ("modulation", "qpsk,16qam"),
        ("co_channel_sir_db", "0..20"),
        ("target_coderate", "1/2"),
    ] {
        config.set(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    config
}

#[test]
fn a_network_takes_the_file_as_it_is_with_its_columns() {
    let scratch = Scratch::new();
    simulate(&scratch, "--slots 9 -o slots.npz --receiver perfect_csi,ls_linear");
    let path = scratch.path().join("slots.npz");
    let shape = Some(vec![None, Some(10), Some(14), None]);
    let input = ModelInput { name: "grid".into(), kind: InputKind::Float, shape };
    let data =
        DataSet::open(&path, &OpenOptions { model_inputs: vec![input], ..OpenOptions::default() }).expect("data");
    assert_eq!((data.samples(), data.inputs()[0].source.as_str()), (9, "input"), "found by itself");
    let names: Vec<&str> = data.columns().iter().map(|column| column.name.as_str()).collect();
    let of_receivers = [
        "co_channel_sir_db",
        "post_eq_sinr_db",
        "uncoded_ber",
        "block_error",
        "post_eq_sinr_db_ls_linear",
        "uncoded_ber_ls_linear",
        "block_error_ls_linear",
    ];
    let expected = [&LINK_COLUMNS[..], &of_receivers].concat();
    assert_eq!(names, expected);
    let simulator = Simulator::new(config()).expect("a link");
    for column in data.columns() {
        for slot in 0..9 {
            let parameters = simulator.parameters(slot as u64);
            let expected = match column.name.as_str() {
                "slot" => slot.to_string(),
                "snr_db" => parameters.snr_db.to_string(),
                "delay_spread_secs" => parameters.delay_spread_secs.to_string(),
                "speed_mps" => parameters.speed_mps.to_string(),
                "channel_model" => parameters.channel_model.name(),
                "modulation" => parameters.modulation.name().to_owned(),
                _ => continue,
            };
            assert_eq!(column.text(slot).as_deref(), Some(expected.as_str()), "{} of slot {slot}", column.name);
        }
        let whole = matches!(column.values, ColumnValues::Int(_));
        assert_eq!(
            whole,
            ["slot", "slot_number", "num_bits_per_symbol"].contains(&column.name.as_str())
                || column.name.starts_with("block_error"),
            "{}",
            column.name
        );
    }
}

#[test]
fn columns_are_those_that_there_are() {
    let names = |config: LinkConfig, names: &str| {
        let simulator = Simulator::new(config).expect("a link");
        let receivers = receivers::read([names]).expect("receivers");
        let lineup = Lineup::open(&receivers, &simulator, || Ok(Choice::rten())).expect("no network");
        let rows = SlotRows::new(simulator, ReceiverInput::Raw, lineup).expect("columns");
        rows.arrays().into_iter().map(|(array, _)| array.name).collect::<Vec<_>>()
    };
    let bare = names(LinkConfig { num_prb: 2, ..LinkConfig::default() }, "perfect_csi");
    assert_eq!(bare, [&["input", "bits"][..], &LINK_COLUMNS, &["post_eq_sinr_db", "uncoded_ber"]].concat());
    let all = names(config(), "lmmse,ls_linear:noise=estimated");
    for name in ["co_channel_sir_db", "block_error", "post_eq_sinr_db_ls_linear_noise_estimated"] {
        assert!(all.iter().any(|other| other == name), "{name} in {all:?}");
    }
}

#[test]
fn tensors_are_those_of_the_library() {
    let scratch = Scratch::new();
    simulate(&scratch, "--slots 3 -o slots.npz");
    let file = ArrayFile::open(&scratch.path().join("slots.npz")).expect("an archive");
    let simulator = Simulator::new(config()).expect("a link");
    let mut workspace = simulator.workspace();
    let slot = simulator.slot(2, &mut workspace);
    let size = slot.x.len();
    let mut input = vec![0.0; tensor::ReceiverInput::Raw.num_channels(2) * size];
    tensor::ReceiverInput::Raw.writer().write(&simulator.received(slot), &mut input);
    let mut bits = vec![0; tensor::MAX_BITS_PER_SYMBOL * size];
    tensor::write_bits(slot, simulator.pattern(), &mut bits);
    let array = |name: &str| file.entry(name).and_then(|entry| entry.open(&Budget::new(None))).expect("an array");
    assert!(array("input").f32(&[2]).expect("a row") == input, "the input of slot 2");
    let written = array("bits").i64(&[2]).expect("a row");
    assert!(written.iter().zip(&bits).all(|(a, b)| *a == i64::from(*b)) && written.len() == bits.len(), "its bits");
}

#[test]
fn slots_are_the_same_for_any_threads_and_shards() {
    let scratch = Scratch::new();
    simulate(&scratch, "--slots 7 --threads 1 -o one.npz");
    simulate(&scratch, "--slots 7 --threads 2 -o two.npz");
    assert!(bytes(&scratch, "one.npz") == bytes(&scratch, "two.npz"), "the number of threads changes no byte");
    simulate(&scratch, "--slots 7 --shard-size 3 -o shards");
    let open = |name: &str| ArrayFile::open(&scratch.path().join(name)).expect("an archive");
    let read = |name: &str, rows: usize| {
        let array = open(name).entry("input").and_then(|entry| entry.open(&Budget::new(None))).expect("an array");
        array.f32(&(0..rows).collect::<Vec<_>>()).expect("rows")
    };
    let shards: Vec<f32> = (0..3)
        .flat_map(|at| read(&format!("shards/shard-{at:05}-of-00003.npz"), if at == 2 { 1 } else { 3 }))
        .collect();
    assert!(shards == read("one.npz", 7), "shards behind each other are the whole");
}

#[test]
fn a_folder_of_shards_is_a_data_set_like_the_whole() {
    let scratch = Scratch::new();
    simulate(&scratch, "--slots 7 -o one.npz");
    simulate(&scratch, "--slots 7 --shard-size 3 -o shards");
    let open = |name: &str| {
        let shape = Some(vec![None, Some(10), Some(14), None]);
        let input = ModelInput { name: "grid".into(), kind: InputKind::Float, shape };
        let options = OpenOptions { model_inputs: vec![input], ..OpenOptions::default() };
        DataSet::open(&scratch.path().join(name), &options)
    };
    let (whole, shards) = (open("one.npz").expect("data"), open("shards").expect("data"));
    assert_eq!((whole.samples(), shards.samples()), (7, 7));
    assert_eq!(whole.columns(), shards.columns());
    let order = [6, 0, 2, 3, 3, 5];
    assert!(whole.read(&order).expect("rows") == shards.read(&order).expect("rows"), "any slots in any order");
    for slot in 0..7 {
        let keys = [&whole, &shards].map(|data| data.content_key(slot).expect("a key"));
        assert_eq!(keys[0], keys[1], "slot {slot}");
    }
    std::fs::remove_file(scratch.path().join("shards/shard-00001-of-00003.npz")).expect("it was there");
    let error = open("shards").expect_err("a shard is missing");
    assert!(error.to_string().ends_with("shards: shard 1 of 0 to 2 is missing"), "{error}");
    assert!(error.how_to_mend().is_some_and(|hint| hint.contains("--resume")), "{error:?}");
    scratch.file("mixed/shard-00000-of-00001.npz", "");
    scratch.file("mixed/shard-00001-of-00002.npz", "");
    let error = open("mixed").expect_err("of two data sets");
    assert!(error.to_string().contains("shards of several data sets, one of 1 and one of 2"), "{error}");
    simulate(&scratch, "--slots 2 --num-rx-ant 4 --shard-size 1 -o other");
    simulate(&scratch, "--slots 2 --shard-size 1 -o unlike");
    let name = "shard-00001-of-00002.npz";
    std::fs::copy(scratch.path().join("other").join(name), scratch.path().join("unlike").join(name)).expect("copied");
    let error = open("unlike").expect_err("of two links");
    assert!(
        error.to_string().contains("array `input` is float32 (1, 18, 14, 24), unlike that of the first shard"),
        "{error}"
    );
}

#[test]
fn a_whole_file_is_left_as_it_is_and_others_are_not_replaced() {
    let scratch = Scratch::new();
    simulate(&scratch, "--slots 3 -o a.npz");
    let before = bytes(&scratch, "a.npz");
    simulate(&scratch, "--slots 3 -o a.npz --resume");
    let again = napscope(&scratch, &format!("link simulate {SMALL} --slots 3 -o a.npz"));
    assert!(again.code == Some(0) && again.stderr.contains("nothing to do"), "it says so: {}", again.stderr);
    let told = napscope(&scratch, &format!("link simulate {SMALL} --slots 3 --seed 1 -o a.npz"));
    assert_eq!(told.code, Some(2), "{}", told.stderr);
    assert!(told.stderr.contains("its seed is 0, not 1"), "{}", told.stderr);
    assert!(before == bytes(&scratch, "a.npz"), "untouched");
    simulate(&scratch, "--slots 3 --seed 1 -o a.npz --force");
    assert!(before != bytes(&scratch, "a.npz"), "replaced");
}

/// Killed as hard as can be, twice, then resumed: the same bytes as without.
#[test]
#[cfg(unix)]
fn a_killed_run_goes_on_to_the_same_bytes() {
    const LONG: &str = "link simulate --preset deeprx --target-coderate none --slots 700 --threads 1";
    let scratch = Scratch::new();
    let whole = napscope(&scratch, &format!("{LONG} -o whole.npz"));
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    for attempt in 0..2 {
        let line = format!("{LONG} -o killed.npz --resume");
        let mut child = command(&scratch).args(line.split_whitespace()).spawn().expect("the program runs");
        let state = scratch.path().join("killed.npz.partial.json");
        let (begun, rows) = (std::time::Instant::now(), |text: String| text.contains("\"rows_done\":0"));
        // Until some rows are on the disk, and more than the last time.
        while begun.elapsed().as_secs() < 20 {
            if std::fs::read_to_string(&state).is_ok_and(|text| !text.is_empty() && !rows(text)) {
                std::thread::sleep(std::time::Duration::from_millis(40 * attempt));
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    assert!(!scratch.path().join("killed.npz").exists(), "it was killed before its end");
    let refused = napscope(&scratch, &format!("{LONG} -o killed.npz"));
    assert!(refused.code == Some(2) && refused.stderr.contains("--resume"), "{}", refused.stderr);
    let other = napscope(&scratch, &format!("{LONG} --seed 3 -o killed.npz --resume"));
    assert!(other.code == Some(2) && other.stderr.contains("its seed is 0, not 3"), "{}", other.stderr);
    let resumed = napscope(&scratch, &format!("{LONG} -o killed.npz --resume --threads 2").replace("--threads 1 ", ""));
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert!(bytes(&scratch, "whole.npz") == bytes(&scratch, "killed.npz"), "the same bytes");
    let left: Vec<_> = std::fs::read_dir(scratch.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "nothing else stays: {left:?}");
}

#[test]
fn settings_come_from_flags_environment_and_presets() {
    let scratch = Scratch::new();
    scratch.file("mine.toml", "NSizeGrid = 3\nsnr_db = \"0dB..10dB\"\nseed = 5\nDelaySpread = \"30ns\"\n");
    let output = command(&scratch)
        .args("link config --preset mine.toml --seed 7 --format json".split_whitespace())
        .env("NAPSCOPE_LINK_SNR_DB", "3")
        .output();
    let told = told(output);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let json: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    for (name, value, origin) in [
        ("seed", "7", "flag"),
        ("snr_db", "3", "environment NAPSCOPE_LINK_SNR_DB"),
        ("num_prb", "3", "preset mine.toml"),
        ("delay_spread_secs", "0.00000003", "preset mine.toml"),
        ("num_rx_ant", "2", "default"),
    ] {
        assert_eq!(
            (json[name]["value"].as_str(), json[name]["origin"].as_str()),
            (Some(value), Some(origin)),
            "{name}"
        );
    }
}

#[test]
fn the_summary_is_json_where_that_is_asked_for() {
    let scratch = Scratch::new();
    let told = napscope(&scratch, &format!("link simulate {SMALL} --slots 4 --shard-size 2 -o s --format json"));
    let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}", told.stderr));
    assert_eq!(json["files"][1]["path"], "s/shard-00001-of-00002.npz");
    assert_eq!(json["files"][1]["first_slot"], 2);
    assert_eq!(json["arrays"][0]["row_shape"], serde_json::json!([10, 14, 24]));
    assert_eq!(json["settings"]["co_channel_sir_db"], "0..20");
}
