//! Everything a radio engineer may ask for by mistake: each is refused with exit code 2, words that say what, where and how to
//! mend it, no panic, and nothing left behind.

use crate::cli::harness::napscope;
use crate::scratch::Scratch;

/// (what is wrong, the command, words that the error must hold)
const CASES: &[(&str, &str, &[&str])] = &[
    // Grids and pilots that cannot be
    ("no resource block", "simulate -o a.npz --num-prb 0", &["num_prb", "273"]),
    ("too many resource blocks", "simulate -o a.npz --num-prb 274", &["num_prb", "274"]),
    ("a half resource block", "simulate -o a.npz --num-prb 2.5", &["num_prb", "2.5"]),
    ("a transform shorter than the grid", "simulate -o a.npz --num-prb 26 --fft-size 256", &["fft_size", "256"]),
    ("a spacing that 5G lacks", "simulate -o a.npz --subcarrier-spacing 20kHz", &["subcarrier_spacing_hz", "20000"]),
    ("a DMRS type that there is not", "simulate -o a.npz --dmrs-config-type 3", &["config_type", "3"]),
    ("a DMRS symbol outside of the slot", "simulate -o a.npz --num-allocated-symbols 15", &["15"]),
    ("four more DMRS symbols", "simulate -o a.npz --dmrs-additional-position 4", &["additional_position", "4"]),
    ("an antenna port that there is not", "simulate -o a.npz --dmrs-port 12", &["port", "12"]),
    ("no antenna", "simulate -o a.npz --num-rx-ant 0", &["num_rx_ant", "8"]),
    ("nine antennas", "simulate -o a.npz --num-rx-ant 9", &["num_rx_ant", "8"]),
    // Channels that cannot be
    ("a channel model misspelt", "simulate -o a.npz --channel tdl-x", &["tdl-x", "tdl-a"]),
    ("no channel model", "simulate -o a.npz --channel ,", &["channel_models"]),
    ("a modulation misspelt", "simulate -o a.npz --modulation 16qsm", &["16qsm", "16qam"]),
    ("an SNR that is no number", "simulate -o a.npz --snr-db NaN", &["snr_db", "NaN"]),
    ("an infinite SNR", "simulate -o a.npz --snr-db 0..inf", &["snr_db", "inf"]),
    ("an SNR in words", "simulate -o a.npz --snr-db high", &["snr_db", "high"]),
    ("a range backwards", "simulate -o a.npz --snr-db 10..-5", &["snr_db", "backwards", "-5..10"]),
    ("a range without an end", "simulate -o a.npz --snr-db 10..", &["snr_db", "10.."]),
    ("an empty list", "simulate -o a.npz --snr-db ,", &["snr_db"]),
    ("a wrong unit", "simulate -o a.npz --snr-db 10ns", &["snr_db", "10ns"]),
    ("a negative speed", "simulate -o a.npz --speed -3", &["speed_mps", "-3"]),
    ("a negative delay spread", "simulate -o a.npz --delay-spread -1ns", &["delay_spread_secs"]),
    ("a delay longer than a symbol", "simulate -o a.npz --delay-spread 100us", &["path", "longer than a symbol"]),
    (
        "a delay beyond the prefix over the grid",
        "simulate -o a.npz --delay-spread 1us --domain frequency",
        &["cyclic prefix", "hint"],
    ),
    ("a Doppler beyond the spacing", "simulate -o a.npz --max-doppler 9kHz", &["Doppler", "9000"]),
    ("speed and Doppler", "simulate -o a.npz --speed 3 --max-doppler 5", &["--max-doppler-hz", "--speed-mps"]),
    ("a logarithmic range from zero", "simulate -o a.npz --delay-spread log:0..1e-7", &["delay_spread_secs"]),
    ("a carrier of no frequency", "simulate -o a.npz --carrier-frequency 0", &["carrier_frequency_hz"]),
    ("an offset beyond the spacing", "simulate -o a.npz --cfo 20kHz", &["cfo_hz"]),
    ("a code rate of two", "simulate -o a.npz --target-coderate 2", &["coderate"]),
    ("a decoder without a code", "simulate -o a.npz --decoder-iterations 5", &["target_coderate"]),
    ("Eb/N0", "simulate -o a.npz --preset ebno.toml", &["ebno.toml", "Eb/N0 plus"]),
    // Names that nobody bears
    ("an unknown flag", "simulate -o a.npz --snr-bd 3", &["--snr-bd", "--snr-db"]),
    ("an unknown receiver", "simulate -o a.npz --receiver lmmmse", &["lmmmse", "`lmmse`"]),
    ("an unknown option of a receiver", "ber --receiver lmmse:nose=known", &["nose", "noise"]),
    ("a receiver twice", "ber --receiver lmmse,lmmse", &["same receiver"]),
    ("no receiver", "ber --receiver ,", &["no receiver", "ls_linear"]),
    ("an unknown preset", "simulate -o a.npz --preset deeprxx", &["deeprxx", "`deeprx`"]),
    ("a preset that is not there", "simulate -o a.npz --preset none.toml", &["none.toml", "No such file"]),
    ("a preset with an unknown key", "simulate -o a.npz --preset key.toml", &["key.toml", "snr_bd", "`snr_db`"]),
    ("a preset with a value that is none", "simulate -o a.npz --preset value.toml", &["value.toml", "num_prb"]),
    ("a preset that is no TOML", "simulate -o a.npz --preset torn.toml", &["torn.toml", "line 1"]),
    // Places that cannot be written
    ("no output", "simulate", &["--output"]),
    ("an output that is no archive", "simulate -o a.csv", &["a.csv", ".npz"]),
    ("a folder that is not there", "simulate -o no/a.npz --slots 1", &["no/a.npz", "No such file"]),
    ("a folder for a file", "simulate -o folder.npz --slots 1", &["folder.npz", "it is a folder"]),
    ("a file for a folder of shards", "simulate -o taken.npz --shard-size 2", &["taken.npz", "folder"]),
    ("a file that is there", "simulate -o taken.npz --slots 1", &["taken.npz", "--force"]),
    ("shards of others", "simulate -o others --slots 4 --shard-size 2", &["shard-00000-of-00009.npz", "--force"]),
    ("no slot", "simulate -o a.npz --slots 0", &["--slots", "0"]),
    ("a negative number of slots", "simulate -o a.npz --slots=-5", &["--slots"]),
    ("shards of no slot", "simulate -o a --shard-size 0", &["--shard-size", "0"]),
    ("no thread", "simulate -o a.npz --threads 0", &["--threads", "0"]),
    ("more threads than any machine runs", "simulate -o a.npz --threads 100000", &["--threads", "1024"]),
    ("more slots than any disk holds", "simulate -o a.npz --slots 99999999999999", &["--slots", "1000000000"]),
    ("a unit that is not read", "simulate -o a.npz --speed 30mph", &["30mph", "units: km/h"]),
    ("a number with 300 digits", "simulate -o a.npz --snr-db 1e300", &["snr_db", "got 1e300"]),
    ("a code rate of nothing", "simulate -o a.npz --target-coderate 0", &["above 0, up to 0.95"]),
    (
        "a third CDM group of type 1",
        "ber --dmrs-num-cdm-groups-without-data 3",
        &["from 1 to 2", "config_type 2 has three"],
    ),
    ("a format that there is not", "simulate -o a.npz --format xml", &["xml", "json"]),
    // Error rates
    ("a step that leads nowhere", "ber --snr-db 0..5 --snr-step 0", &["snr-step", "nowhere"]),
    ("a step backwards", "ber --snr-db 0..5 --snr-step -1", &["snr-step", "nowhere"]),
    ("a step that is no number", "ber --snr-db 0..5 --snr-step NaN", &["snr-step", "nowhere"]),
    ("too many points", "ber --snr-db 0..5 --snr-step 1e-9", &["points", "--snr-step"]),
    ("an SNR that is a logarithm twice", "ber --snr-db log:1..5", &["logarithm already"]),
    ("an axis that slots do not draw", "ber --over num_prb --num-prb 1..4", &["num_prb", "speed_mps"]),
    ("an axis misspelt", "ber --over delay_spred", &["delay_spred", "delay_spread_secs"]),
    ("an axis without values", "ber --over speed --snr-db 3", &["--over speed_mps", "--speed-mps LOW..HIGH"]),
    ("an axis that another parameter replaces", "ber --over max_doppler --speed 0..3", &["--over max_doppler_hz"]),
    ("an axis backwards", "ber --over speed --speed 30..3", &["speed_mps", "backwards"]),
    ("an axis beyond what can be", "ber --over delay_spread --delay-spread 0..1ms", &["delay"]),
    ("points and a step", "ber --points 3 --snr-step 1", &["--points", "--snr-step"]),
    ("no point", "ber --points 0", &["--points"]),
    ("no slot to measure", "ber --max-slots 0", &["--max-slots"]),
    ("a confidence that is not there", "ber --confidence 50", &["50", "95"]),
    ("a figure of no format", "ber -o ber.gif", &["ber.gif", ".svg"]),
    ("a figure where no folder is", "ber -o no/ber.svg", &["no/ber.svg", "folder does not exist"]),
    ("a figure that is there", "ber -o taken.svg", &["taken.svg", "--force"]),
];

#[test]
fn every_mistake_is_told_and_nothing_stays() {
    let mut wrong = Vec::new();
    for (what, line, says) in CASES {
        let scratch = Scratch::new();
        scratch.file("ebno.toml", "ebno_db = 3\n");
        scratch.file("key.toml", "snr_bd = 3\n");
        scratch.file("value.toml", "num_prb = \"many\"\n");
        scratch.file("torn.toml", "num_prb = \n");
        scratch.file("taken.npz", "precious");
        scratch.file("taken.svg", "precious");
        scratch.file("folder.npz/file", "");
        scratch.file("others/shard-00000-of-00009.npz", "");
        let names = || {
            let entries = std::fs::read_dir(scratch.path()).expect("a folder").flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        let told = napscope(&scratch, &format!("link {line}"));
        let mut complain =
            |why: String| wrong.push(format!("{what} (`{line}`): {why}\n    it said: {}", told.stderr.trim()));
        if told.code != Some(2) {
            complain(format!("expected exit code 2, got {:?}", told.code));
        }
        if told.stderr.contains("panicked") {
            complain("it panicked".into());
        }
        let missing: Vec<_> = says.iter().filter(|says| !told.stderr.contains(**says)).collect();
        if !missing.is_empty() {
            complain(format!("expected the error to say {missing:?}"));
        }
        if names() != before {
            complain(format!("left {:?} behind", names()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

/// A disk that is full: the shell forbids files of more than a few blocks, and writing more fails as it does there.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_the_run_can_go_on() {
    use crate::cli::harness::told;
    let scratch = Scratch::new();
    let program = env!("CARGO_BIN_EXE_napscope");
    let line = "link simulate --num-prb 26 --slots 40 -o slots.npz";
    let script = format!("trap '' XFSZ; ulimit -f 1000; exec {program} {line}");
    let full = told(std::process::Command::new("sh").args(["-c", &script]).current_dir(scratch.path()).output());
    assert_eq!(full.code, Some(2), "{}", full.stderr);
    assert!(full.stderr.contains("slots.npz: cannot write it"), "{}", full.stderr);
    assert!(!scratch.path().join("slots.npz").exists());
    let resumed = napscope(&scratch, &format!("{line} --resume"));
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
}
