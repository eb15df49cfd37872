//! `napscope report`: a run as one file that can be sent to somebody.

use crate::exit::Outcome;
use crate::explore::{Run, write_page};
use crate::files::table::check_place;
use crate::terminal::{Style, say};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::path::PathBuf;

/// `napscope report`, for the command line.
pub(crate) fn command() -> Command {
    Command::new("report")
        .about("A run as one HTML file to send to a colleague")
        .long_about(
            "Writes the explorer with a run inside as one file, which needs neither napscope nor a network: open it in a browser. \
             In it patterns can be asked for anew only with the settings that the file holds. A run folder has a shorter page \
             of its own: RUN/report.html.",
        )
        .after_help("Example:\n  napscope report run --interactive -o run.html")
        .arg(super::explore::run_folders())
        .arg(
            Arg::new("interactive")
                .long("interactive")
                .action(ArgAction::SetTrue)
                .required(true)
                .help("The explorer; the short page is RUN/report.html already"),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("The file, .html"),
        )
        .arg(Arg::new("force").long("force").action(ArgAction::SetTrue).help("Replace the file where it exists"))
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let output = path("output");
    check_place(&output, matches.get_flag("force"))?;
    let run = Run::open(&path("run"))?;
    let bytes = write_page(&run, &output)?;
    let size = crate::terminal::bytes(bytes);
    say(&format!("page: {} ({size})", Style::stderr().cyan(&output.display().to_string())));
    Ok(Outcome::Ok)
}
