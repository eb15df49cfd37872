//! The receiver study: slots like those that a neural receiver was trained on, and slots that are not.

use super::conditioned::Condition;
use super::grid::{Grid, RECEIVER, RECEIVER_QUICK};
use super::layers::Known;
use super::run::{Asked, Study};
use super::slots::Slots;
use super::tell::{Story, Words, median};
use crate::example::receiver::MODEL;
use anyhow::Context;

const WORDS: Words = Words {
    title: "Receiver study: what does a neural receiver know, and does it tell when it is out of its depth?",
    about: "The network and its training are described in [README.md](README.md). The paper (arXiv 2505.15570) prints no numbers that could be compared; what is held against it here are its \
            claims in words, on ranges of our own.",
    samples: "slots",
    sets: "No slot is in two sets. In distribution are the ranges of the network's training with seeds that it did not have: 6 resource blocks at 15 kHz and 4 GHz, two receive antennas, QPSK or \
           16-QAM, one or two DMRS symbols in turn, TDL-B, -C or -D, SNR -4 to 32 dB, delay spread 10 to 300 ns, Doppler shift 0 to 500 Hz. Each set outside leaves them in one \
           parameter; its SNR is drawn from the same range.",
    short: delay_and_speed,
    limits: &[
        "A small network of DeepRx's kind: not the paper's.",
        "Simulated slots alone; ranges of what lies outside are ours, and how hard a set is hangs on its range.",
        "Scores are of single slots of 6 resource blocks; a receiver could look at several.",
        "The network is given the variance of the noise by way of a classical estimator's expected error: that its first layers know the SNR is no feat of theirs.",
    ],
};

/// Slots of each kind and set that bit errors are counted on.
const COUNTED: [u64; 2] = [100, 8];

/// The paper finds high delay easy and high speed hard.
fn delay_and_speed(story: &Story<'_>) -> Vec<String> {
    let of_set = |set: usize| -> (f64, f64) {
        let all: Vec<f64> = story.findings.rows.iter().map(|row| row.auroc[set]).collect();
        (all.iter().copied().fold(0.0, f64::max), median(&all))
    };
    let ((best_delay, delay), (best_speed, speed)) = (of_set(0), of_set(1));
    let judged = match (delay > speed, best_delay > best_speed) {
        (true, true) => "high speed is the harder one, as the paper found",
        (false, false) => "high delay is the harder one; the paper found the opposite",
        _ => "which one is harder hangs on the recipe; the paper found high speed harder",
    };
    let mut text = format!(
        "**High delay and high speed.** AUROC of the median recipe {delay:.3} against {speed:.3}, of the best one (known only afterwards) {best_delay:.3} against {best_speed:.3}: {judged}."
    );
    if let [Some(usual), Some(delayed), Some(fast)] =
        ["in distribution", story.findings.outside[0], story.findings.outside[1]].map(|set| story.rate(set))
    {
        text.push_str(&format!(
            " The network's bit error rate is {delayed:.3} at high delay and {fast:.3} at high speed ({usual:.3} in distribution)."
        ));
    }
    let told = |column: &str| {
        let shares = story.layers.judged.iter().flat_map(|layer| &layer.verdict.alignment);
        shares.filter(|known| known.measured.column == column).map(|known| known.measured.best().r2).fold(0.0, f64::max)
    };
    text.push_str(&format!(
        " What layers know fits: at best they tell {:.2} of the variance of the delay spread and {:.2} of that of the Doppler shift.",
        told("delay_spread_secs"),
        told("max_doppler_hz")
    ));
    vec![text]
}

/// Does what is left to do of the study, and writes README.md, auroc.svg and report.json into the folder.
///
/// # Errors
/// Anything that stops it; what is done stays in the folder for `--resume`.
pub fn run(asked: &Asked<'_>) -> anyhow::Result<()> {
    let grid = sized(if asked.is_quick { &RECEIVER_QUICK } else { &RECEIVER }, asked.samples);
    let Some(folder) = asked.folder("receiver", &grid, MODEL)? else { return Ok(()) };
    let unpacked = tempfile::tempdir().context("no temporary folder for the network")?;
    let model = unpacked.path().join("receiver.onnx");
    std::fs::write(&model, MODEL).context("cannot unpack the network")?;
    let slots = Slots::open(&grid, asked.settings, &model, asked.memory_limit)?;
    asked.check_memory(&grid, &slots)?;
    let in_distribution = slots.sets[2].rows.end;
    let known = Known {
        source: &slots,
        samples: (0..in_distribution).collect(),
        covariates: slots.covariates(in_distribution),
        yardstick: Some(slots.post_eq_sinr_db(in_distribution)?),
    };
    let errors = slots.errors(COUNTED[usize::from(asked.is_quick)], &model)?;
    let study = Study {
        grid: &grid,
        command: asked.command("receiver"),
        sets: &slots.sets,
        source: &slots,
        condition: Some(Condition { name: "snr_db", values: slots.snr_db() }),
        known,
        words: &WORDS,
        engine: slots.engine.name(),
    };
    study.run(asked, folder, &errors, None)
}

/// The grid with `samples` slots to learn from and the other sets in proportion.
fn sized(grid: &Grid, samples: Option<usize>) -> Grid {
    let samples = samples.unwrap_or(grid.parts[0]).next_multiple_of(4);
    Grid { parts: [samples, samples / 2, samples / 2, samples / 4], outside: [samples / 2; 2], ..grid.clone() }
}
