//! `napscope link simulate`: a data set of simulated slots.

use super::link::{receivers, with_threads};
use crate::exit::Outcome;
use crate::link::data_set::SlotRows;
use crate::link::lineup::Lineup;
use crate::link::write::{self, Destination};
use crate::link::{self, settings::LinkSettings};
use crate::terminal::{Style, Table, bytes, print, say, thousands};
use crate::{files, interrupt, progress};
use clap::ArgMatches;
use napscope_ofdm::link::Simulator;
use napscope_ofdm::link::tensor::ReceiverInput;
use std::path::PathBuf;
use std::time::Instant;

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let settings = link::args::settings(matches)?;
    let destination = destination(matches);
    let simulator = Simulator::new(settings.config.clone()).map_err(link::told)?;
    let receivers = Lineup::open(&receivers(matches)?, &simulator, || link::args::engine(matches))?;
    let input =
        matches.get_one::<String>("input").map_or(Ok(ReceiverInput::Raw), |name| ReceiverInput::from_name(name));
    let rows = SlotRows::new(simulator, input.map_err(link::told)?, receivers)?;
    destination.prepare()?;
    let (begun, quiet) = (Instant::now(), super::analyze::quiet(matches));
    let bar = progress::bar("slots", destination.slots as usize, quiet);
    bar.set_message("simulating");
    let made = with_threads(matches, || Ok(write::write(&rows, &destination, |slots| bar.inc(slots))?))?;
    bar.finish_and_clear();
    if !quiet {
        let (made, path) = (thousands(made as usize), destination.path.display());
        say(&match made.as_str() {
            "0" => format!("{path} already holds these very slots: nothing to do (--force makes them again)"),
            _ => format!("{path}: {made} slots in {:.1} s", begun.elapsed().as_secs_f64()),
        });
    }
    tell(matches, &rows, &settings, &destination)?;
    Ok(Outcome::Ok)
}

fn destination(matches: &ArgMatches) -> Destination {
    Destination {
        path: matches.get_one::<PathBuf>("output").cloned().unwrap_or_default(),
        slots: matches.get_one::<u64>("slots").copied().unwrap_or(1),
        shard_size: matches.get_one::<u64>("shard-size").copied(),
        resume: matches.get_flag("resume"),
        force: matches.get_flag("force"),
    }
}

/// What was written.
fn tell(
    matches: &ArgMatches,
    rows: &SlotRows,
    settings: &LinkSettings,
    destination: &Destination,
) -> anyhow::Result<()> {
    let shards = destination.shards();
    let arrays = rows.arrays();
    if crate::args::json(matches) {
        let files: Vec<_> = shards
            .iter()
            .map(|shard| serde_json::json!({ "path": shard.path, "first_slot": shard.slots.start, "slots": shard.slots.end - shard.slots.start }))
            .collect();
        let arrays: Vec<_> = arrays
            .iter()
            .map(|(array, about)| {
                serde_json::json!({ "name": array.name, "dtype": array.descr, "row_shape": array.row_shape, "about": about })
            })
            .collect();
        let json = serde_json::json!({
            "output": destination.path, "slots": destination.slots, "files": files, "arrays": arrays,
            "input": rows.input().name(), "receivers": rows.receivers(), "settings": settings.json(),
        });
        return print(&format!("{}\n", serde_json::to_string_pretty(&json)?));
    }
    let mut table = Table::new(["array", "type", "row", "size", "what"]);
    for (array, about) in arrays {
        let row = array.row_shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let size = bytes(destination.slots * array.row_bytes() as u64);
        table.row([array.name, array.descr, row, size, about]);
    }
    let total: u64 =
        shards.iter().map(|shard| files::npz::archive_bytes(&specs(rows), shard.slots.end - shard.slots.start)).sum();
    let count = if shards.len() == 1 { "1 file".to_owned() } else { format!("{} files", shards.len()) };
    print(&format!("{}{count}, {}\n", table.render(Style::stdout()), bytes(total)))
}

fn specs(rows: &SlotRows) -> Vec<files::npz::ArraySpec> {
    rows.arrays().into_iter().map(|(array, _)| array).collect()
}
