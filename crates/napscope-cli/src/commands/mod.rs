//! One file a command.

mod analyze;
mod cluster;
mod config;
pub(crate) mod explore;
mod extract;
mod layers;
mod link;
mod link_ber;
mod link_simulate;
pub(crate) mod ood;
mod ood_evaluate;
mod parts;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod study;
mod sweep;

use crate::exit::Outcome;
use crate::settings::Settings;
use anyhow::Context;
use clap::ArgMatches;
use std::ffi::OsString;
use std::path::PathBuf;

/// Runs the command that the arguments name.
///
/// # Errors
/// What the command cannot do, with what, where and how to mend it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Outcome> {
    let matches = crate::args::command().try_get_matches_from(arguments)?;
    let Some((name, matches)) = matches.subcommand() else { return Ok(Outcome::Ok) };
    match name {
        "analyze" => analyze::run(matches),
        "extract" => extract::run(matches),
        "cluster" => cluster::run(matches),
        "sweep" => sweep::run(matches),
        "predict" => predict::run(matches),
        "layers" => layers::run(matches),
        "ood" => ood::run(matches),
        "study" => study::run(matches),
        "link" => link::run(matches),
        "parts" => parts::run(matches),
        "explore" => explore::run(matches),
        "report" => report::run(matches),
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

/// Most threads that `--threads` may ask for. Workers beyond the cores only wait for each other: a hundred thousand of them
/// brought a machine to a stand.
pub(crate) const MOST_THREADS: usize = 1024;

/// Runs `work` on as many threads as `--threads` says.
fn with_threads<R: Send>(settings: &Settings, work: impl FnOnce() -> anyhow::Result<R> + Send) -> anyhow::Result<R> {
    let threads = settings.get::<usize>("threads")?;
    if threads.is_some_and(|threads| !(1..=MOST_THREADS).contains(&threads)) {
        return Err(settings.refuse("threads", &format!("must lie from 1 to {MOST_THREADS}")).into());
    }
    let threads = threads.unwrap_or(0);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?.install(work)
}

/// Most memory that a run may take, in bytes: `--memory-limit`, else 80 % of what is free.
fn memory_limit(settings: &Settings) -> Result<u64, napscope::Error> {
    match settings.text("memory-limit") {
        Some(text) => crate::memory::parse(text),
        None => Ok(crate::memory::available().map_or(u64::MAX, |bytes| bytes / 10 * 8)),
    }
}
