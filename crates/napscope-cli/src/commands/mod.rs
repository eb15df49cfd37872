//! One file a command.

mod config;
mod parts;

use crate::exit::Outcome;
use crate::settings::Settings;
use clap::ArgMatches;
use std::ffi::OsString;
use std::path::PathBuf;

/// Runs the command that the arguments name.
///
/// # Errors
/// What the command cannot do, with what, where and how to mend it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Outcome> {
    let matches = crate::args::command().try_get_matches_from(arguments.into_iter().map(Into::<OsString>::into))?;
    let Some((name, matches)) = matches.subcommand() else { return Ok(Outcome::Ok) };
    match name {
        "parts" => parts::run(matches),
        "config" => config::run(matches),
        "completions" => completions(matches),
        other => anyhow::bail!("the command `{other}` has no implementation"),
    }
}

fn completions(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    if let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut crate::args::command(), "napscope", &mut script);
        crate::terminal::print(&String::from_utf8_lossy(&script))?;
    }
    Ok(Outcome::Ok)
}

/// The settings that the command line, the environment, the file and the defaults give.
fn settings(matches: &ArgMatches) -> anyhow::Result<Settings> {
    let config = matches.try_get_one::<PathBuf>("config").ok().flatten();
    Settings::resolve(crate::args::flags(matches), config.map(PathBuf::as_path))
}
