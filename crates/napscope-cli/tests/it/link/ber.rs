//! `napscope link ber`: the table, the files, and that the figures are what the library measures.

use crate::cli::harness::napscope;
use crate::scratch::Scratch;
use napscope_ofdm::link::{LinkConfig, Simulator, StopRule};
use napscope_ofdm::receiver::ReceiverConfig;
use std::ops::ControlFlow;

const QUICK: &str = "--num-prb 2 --snr-db 0,10 --max-slots 70 --receiver perfect_csi,ls_linear";

fn json(stdout: &str) -> serde_json::Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn the_table_holds_what_the_library_measures() {
    let scratch = Scratch::new();
    let told =
        napscope(&scratch, &format!("link ber {QUICK} --target-coderate 1/2 --target-block-errors 0 --format json"));
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let found = json(&told.stdout);
    let mut config = LinkConfig::default();
    for (name, text) in [("num_prb", "2"), ("snr_db", "10"), ("target_coderate", "0.5")] {
        config.set(name, text).expect(name);
    }
    let receivers = ["perfect_csi", "ls_linear"].map(|name| ReceiverConfig::from_name(name).expect(name));
    let rule = StopRule { max_slots: 70, target_block_errors: 0 };
    let simulator = Simulator::new(config).expect("a link");
    let rates = simulator.error_rates(&receivers, rule, |_| ControlFlow::Continue(())).expect("rates");
    let row = &found["rows"][3];
    assert_eq!((row["snr_db"].as_f64(), row["receiver"].as_str()), (Some(10.0), Some("ls_linear")));
    assert_eq!((row["slots"].as_u64(), row["bler_trials"].as_u64()), (Some(70), Some(70)));
    assert_eq!(row["uncoded_ber"].as_f64(), Some(rates[1].uncoded.rate()));
    assert_eq!(row["coded_ber_errors"].as_u64(), Some(rates[1].coded.errors));
    let interval = rates[1].blocks.interval(1.959_963_984_540_054);
    assert_eq!((row["bler_low"].as_f64(), row["bler_high"].as_f64()), (Some(interval.low), Some(interval.high)));
    assert_eq!(found["settings"]["snr_db"], "0,10");
}

#[test]
fn files_are_written_as_their_ending_says() {
    let scratch = Scratch::new();
    let line = format!("link ber {QUICK} -o b.svg -o b.png -o b.csv -o b.json --theme dark");
    let told = napscope(&scratch, &line);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let read = |name: &str| std::fs::read(scratch.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let svg = String::from_utf8(read("b.svg")).expect("text");
    for words in ["Uncoded bit error rate", "Es/N0 [dB]", "perfect_csi", "16qam · tdl-c 100 ns", "#16181c"] {
        assert!(svg.contains(words), "{words}");
    }
    let picture = image::load_from_memory(&read("b.png")).expect("a picture").to_rgb8();
    assert_eq!(picture.get_pixel(0, 0).0, [22, 24, 28], "dark");
    assert!(picture.pixels().any(|pixel| pixel.0 == [86, 180, 233]), "the first curve's colour is there");
    let csv = String::from_utf8(read("b.csv")).expect("text");
    assert!(csv.starts_with("snr_db,receiver,slots,uncoded_ber,uncoded_ber_low,"), "{csv}");
    assert_eq!(csv.lines().count(), 5, "a head, two points of two receivers");
    assert_eq!(json(&String::from_utf8(read("b.json")).expect("text"))["rows"].as_array().map(Vec::len), Some(4));
    let refused = napscope(&scratch, &line);
    assert!(refused.code == Some(2) && refused.stderr.contains("--force"), "{}", refused.stderr);
}

#[test]
fn the_same_question_has_the_same_answer_on_any_number_of_threads() {
    let scratch = Scratch::new();
    let ask = |threads: &str| napscope(&scratch, &format!("link ber {QUICK} --threads {threads} --format csv")).stdout;
    let one = ask("1");
    assert!(!one.is_empty());
    assert_eq!(one, ask("2"));
}

#[test]
fn stop_rules_stop() {
    let scratch = Scratch::new();
    let slots = |rule: &str| {
        let told =
            napscope(&scratch, &format!("link ber --num-prb 2 --snr-db 0 --receiver lmmse {rule} --format json"));
        json(&told.stdout)["rows"][0]["slots"].as_u64()
    };
    assert_eq!(slots("--max-slots 200 --target-block-errors 10"), Some(64), "after the first round");
    assert_eq!(slots("--max-slots 100 --target-block-errors 0"), Some(100), "by the number of slots alone");
}

#[test]
fn ranges_are_stepped_through() {
    let scratch = Scratch::new();
    let told = napscope(
        &scratch,
        "link ber --num-prb 1 --snr-db -4dB..4dB --snr-step 4 --max-slots 2 --receiver lmmse --format csv",
    );
    let points: Vec<&str> = told.stdout.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(points, ["-4.0", "0.0", "4.0"], "{}", told.stderr);
}

#[test]
fn another_parameter_can_be_the_axis() {
    let scratch = Scratch::new();
    let line = "link ber --num-prb 2 --max-slots 70 --target-block-errors 0 --receiver ls_linear,lmmse";
    let csv = |flags: &str| {
        let told = napscope(&scratch, &format!("{line} --format csv {flags}"));
        assert_eq!(told.code, Some(0), "{flags}: {}", told.stderr);
        told.stdout.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let swept = csv("--over delay_spread --delay-spread 10ns..300ns --points 3 --snr-db 12 -o d.svg");
    assert!(swept[0].starts_with("delay_spread_secs,receiver,slots,"), "{}", swept[0]);
    let spreads: Vec<&str> = swept[1..].iter().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(spreads, ["1e-8", "1e-8", "1.55e-7", "1.55e-7", "3e-7", "3e-7"]);
    let alone = csv("--snr-db 12 --delay-spread 300ns");
    let rest = |line: &String| line.split_once(',').map(|(_, rest)| rest.to_owned());
    assert_eq!(swept[5..].iter().map(rest).collect::<Vec<_>>(), alone[1..].iter().map(rest).collect::<Vec<_>>());
    let figure = std::fs::read_to_string(scratch.path().join("d.svg")).expect("a figure");
    for words in ["RMS delay spread [ns]", "tdl-c · 10 m/s · Es/N0 12 dB", ">300<"] {
        assert!(figure.contains(words), "{words}");
    }
    let text = napscope(&scratch, &format!("{line} --over speed --speed 0,135km/h --snr-db 12")).stdout;
    let first: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["16qam", "speed_mps", "0", "0", "37.5", "37.5"], "{text}");
}
