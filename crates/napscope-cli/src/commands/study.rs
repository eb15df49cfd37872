//! `napscope study`: the case studies, from raw configuration to a report.

use crate::exit::Outcome;
use crate::study::Asked;
use crate::{args, interrupt, study};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use napscope::{Error, ErrorKind};

/// Settings that every study takes.
const TAKES: [&str; 9] =
    ["output", "engine", "ort-library", "device", "threads", "batch", "memory-limit", "resume", "force"];

/// `napscope study`, for the command line.
pub(crate) fn command() -> Command {
    let vision = study("vision")
        .about("Garments that a small network has learned, and pictures that are none: recipes, detectors and layers in one table")
        .long_about(
            "Runs the shipped network once over garments, digits and pictures made by seed, judges its layers, scores every layer x sketch x normalizer x detector of a stated \
             grid, chooses a recipe by in-distribution data alone and holds it against the original NAP on the same samples. Writes README.md, auroc.svg and \
             report.json into the folder --output.",
        )
        .after_help("Examples:\n  napscope study vision --quick -o quick\n  napscope study vision -o vision            (a quarter of an hour on two cores; --resume goes on)");
    let receiver = study("receiver")
        .about("A neural receiver on slots like those of its training and on others: what its layers know, and which recipe tells them apart")
        .long_about(
            "Simulates slots of a 5G uplink within the ranges of the shipped receiver's training and beyond them (delay, speed, channels, modulation, interference, hardware), judges its layers \
             (concepts or a continuum; how far they tell SNR, delay spread, Doppler shift ...), scores every layer x sketch x normalizer x detector of a stated grid, chooses a recipe by \
             in-distribution slots alone and holds it against the original NAP on the same slots. Writes README.md, auroc.svg and report.json into the folder --output.",
        )
        .after_help("Examples:\n  napscope study receiver --quick -o quick\n  napscope study receiver --slots 500 -o small\n  napscope study receiver -o receiver            (a quarter of an hour on two cores; --resume goes on)")
        .arg(
            Arg::new("slots")
                .long("slots")
                .value_name("N")
                .value_parser(value_parser!(u64).range(80..=1_000_000))
                .help("Slots to learn from; of each other set half as many [default: 2000; 400 with --quick]"),
        );
    Command::new("study")
        .about("Run a case study from raw configuration to a report")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(vision)
        .subcommand(receiver)
}

fn study(name: &'static str) -> Command {
    let command = Command::new(name)
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("The same questions of fewer samples, layers and parts: a minute or two"),
        )
        .arg(args::quiet());
    args::with_settings(command, |setting| TAKES.contains(&setting.name))
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(Outcome::Ok) };
    interrupt::listen();
    let settings = super::settings(matches)?;
    let output = settings.path("output").ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, "no folder is given for the report").hint("name it with -o FOLDER")
    })?;
    let asked = Asked {
        settings: &settings,
        output: &output,
        is_quick: matches.get_flag("quick"),
        samples: matches.try_get_one::<u64>("slots").ok().flatten().map(|slots| *slots as usize),
        memory_limit: super::memory_limit(&settings)?,
        quiet: super::analyze::quiet(matches),
    };
    super::with_threads(&settings, || match name {
        "receiver" => study::receiver::run(&asked),
        _ => study::vision::run(&asked),
    })?;
    Ok(Outcome::Ok)
}
