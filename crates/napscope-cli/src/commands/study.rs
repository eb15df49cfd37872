//! `napscope study`: the case studies, from raw configuration to a report.

use crate::exit::Outcome;
use crate::{args, interrupt, study};
use clap::{Arg, ArgAction, ArgMatches, Command};
use napscope::{Error, ErrorKind};

/// `napscope study`, for the command line.
pub(crate) fn command() -> Command {
    let vision = Command::new("vision")
        .about("Garments that a small network has learned, and pictures that are none: recipes, detectors and layers in one table")
        .long_about(
            "Runs the shipped network once over garments, digits and pictures made by seed, scores every layer x sketch x normalizer x detector of a stated \
             grid, chooses a recipe by in-distribution data alone and holds it against the original NAP on the same samples. Writes README.md, auroc.svg and \
             report.json into the folder --output.",
        )
        .after_help("Examples:\n  napscope study vision --quick -o quick\n  napscope study vision -o vision            (an hour on two cores; --resume goes on)")
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("The same questions of fewer pictures, layers and parts: a minute or two"),
        )
        .arg(args::quiet());
    let takes = ["output", "engine", "ort-library", "device", "threads", "batch", "memory-limit", "resume", "force"];
    Command::new("study")
        .about("Run a case study from raw configuration to a report")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(args::with_settings(vision, |setting| takes.contains(&setting.name)))
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let Some(("vision", matches)) = matches.subcommand() else { return Ok(Outcome::Ok) };
    interrupt::listen();
    let settings = super::settings(matches)?;
    let output = settings.path("output").ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, "no folder is given for the report").hint("name it with -o FOLDER")
    })?;
    let memory_limit = super::memory_limit(&settings)?;
    let quiet = super::analyze::quiet(matches);
    super::with_threads(&settings, || {
        study::vision::run(&settings, &output, matches.get_flag("quick"), memory_limit, quiet)
    })?;
    Ok(Outcome::Ok)
}
