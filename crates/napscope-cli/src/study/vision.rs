//! The vision study: garments that a small network has learned, and pictures that are none.

use super::grid::{VISION, VISION_QUICK};
use super::layers::Known;
use super::run::{Asked, Study};
use super::tell::{Story, Words, tally};
use super::{patterns, pictures};
use crate::{example, question};
use anyhow::Context;
use napscope::activations::ActivationSource;

static DIGITS: &[u8] = include_bytes!("../../../../studies/vision/mnist_ood_1000.npz");

const WORDS: Words = Words {
    title: "Vision study: do refined patterns tell garments from what is none?",
    about: "The network and the shipped pictures are described in [MODEL.md](MODEL.md).",
    samples: "pictures",
    sets: "No garment is in two sets; what is made of garments is made of ones that are in no other set (`mixed` aside).",
    short: on_digits,
    limits: &[
        "Garments and digits are small, grey and centred.",
        "Sets that are made by seed are as easy as their recipe; `digits` is the only one that somebody else collected.",
    ],
};

/// What layers are asked for: what a garment is, and what the network takes it for.
const COVARIATES: [&str; 2] = ["class_name", "prediction"];

fn on_digits(story: &Story<'_>) -> Vec<String> {
    let findings = story.findings;
    let (better, worse) = tally(findings.chosen.iter().map(|found| found.by_set[0].interval));
    vec![format!(
        "**On {} alone**, the only set that was not made for this study, the chosen recipe beats the original on {better} of {} layers and loses on {worse}.",
        findings.outside[0],
        findings.chosen.len()
    )]
}

/// Does what is left to do of the study, and writes README.md, auroc.svg and report.json into the folder.
///
/// # Errors
/// Anything that stops it; what is done stays in the folder for `--resume`.
pub fn run(asked: &Asked<'_>) -> anyhow::Result<()> {
    let grid = if asked.is_quick { &VISION_QUICK } else { &VISION };
    let Some(folder) = asked.folder("vision", grid, example::vision::MODEL)? else { return Ok(()) };
    let (memory_limit, quiet) = (asked.memory_limit, asked.quiet);
    let mut settings = asked.settings.clone();
    settings.set("layer", grid.layers.iter().map(|layer| (*layer).to_owned()).collect());
    let unpacked = example::unpack("vision", &mut settings, quiet)?;
    let model = settings.path("model");
    let sets = pictures::sets(grid);
    let shown = unpacked.path().join("pictures.npz");
    let garments = settings.path("data").context("the example has data")?;
    let digits = unpacked.path().join("digits.npz");
    std::fs::write(&digits, DIGITS).context("cannot unpack the digits")?;
    pictures::write(grid, &garments, &digits, &shown)?;
    let mut of_pictures = settings.clone();
    of_pictures.set("data", vec![shown.display().to_string()]);
    if asked.is_quick {
        settings.set("limit", vec!["400".to_owned()]);
    }
    let garments = question::open(&settings, model.as_deref(), memory_limit)?;
    let known = Known {
        source: &garments.source,
        samples: (0..garments.source.samples()).collect(),
        covariates: garments.covariates().into_iter().filter(|known| COVARIATES.contains(&&*known.name)).collect(),
        yardstick: None,
    };
    let question = question::open(&of_pictures, model.as_deref(), memory_limit)?;
    asked.check_memory(grid, &question.source)?;
    let patterns = patterns::sweep(grid, &settings, memory_limit, &folder.folder.partial("patterns.json"), quiet)?;
    let study = Study {
        grid,
        command: asked.command("vision"),
        sets: &sets,
        source: &question.source,
        condition: None,
        known,
        words: &WORDS,
        engine: question.engine.clone().unwrap_or_default(),
    };
    study.run(asked, folder, &[], patterns.as_ref())
}
