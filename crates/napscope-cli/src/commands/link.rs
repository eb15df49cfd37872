//! `napscope link`: the 5G uplink, in three commands.

use crate::exit::Outcome;
use crate::link;
use crate::terminal::{Style, Table, print};
use anyhow::Context;
use clap::ArgMatches;

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(Outcome::Ok) };
    match name {
        "simulate" => super::link_simulate::run(matches),
        "ber" => super::link_ber::run(matches),
        "config" => config(matches),
        other => anyhow::bail!("the command `link {other}` has no implementation"),
    }
}

/// Every parameter, its value, who said so, and its other names.
fn config(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let settings = link::args::settings(matches)?;
    // A link that cannot be is refused here, too.
    napscope_ofdm::link::Simulator::new(settings.config.clone()).map_err(link::told)?;
    if crate::args::json(matches) {
        let parameters: serde_json::Map<String, serde_json::Value> = settings
            .config
            .settings()
            .map(|(parameter, value)| {
                let origin = settings.origin(parameter.name).unwrap_or("default");
                let json = serde_json::json!({ "value": value, "origin": origin, "aliases": parameter.aliases });
                (parameter.name.to_owned(), json)
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&parameters)?))?;
        return Ok(Outcome::Ok);
    }
    let mut table = Table::new(["parameter", "value", "from", "also called"]);
    for (parameter, value) in settings.config.settings() {
        let origin = settings.origin(parameter.name).unwrap_or("default");
        table.row([parameter.name.to_owned(), value, origin.to_owned(), parameter.aliases.join(", ")]);
    }
    print(&table.render(Style::stdout()))?;
    Ok(Outcome::Ok)
}

/// Runs `work` on as many threads as `--threads` says.
pub(super) fn with_threads<R: Send>(
    matches: &ArgMatches,
    work: impl FnOnce() -> anyhow::Result<R> + Send,
) -> anyhow::Result<R> {
    let threads = matches.get_one::<u64>("threads").map_or(0, |&threads| threads as usize);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?.install(work)
}

/// The receivers of `--receiver`.
pub(super) fn receivers(matches: &ArgMatches) -> napscope::Result<Vec<link::receivers::NamedReceiver>> {
    link::receivers::read(matches.get_many::<String>("receiver").into_iter().flatten().map(String::as_str))
}
