//! `napscope config`: what every setting comes to, and who said so.

use crate::exit::Outcome;
use crate::preparation;
use crate::recipe::{PatternChoice, SketchChoice};
use crate::settings::Settings;
use crate::terminal::{Style, Table, print};
use clap::ArgMatches;

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let settings = super::settings(matches)?;
    if crate::args::json(matches) {
        let all: serde_json::Map<String, serde_json::Value> = settings
            .all()
            .map(|(setting, given)| {
                let value =
                    given.map(|given| serde_json::json!({ "value": given.texts, "origin": given.origin.to_string() }));
                (setting.name.to_owned(), value.unwrap_or(serde_json::Value::Null))
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
        return check(&settings);
    }
    let mut table = Table::new(["setting", "value", "from"]);
    for (setting, given) in settings.all() {
        let (value, origin) =
            given.map_or(("-".to_owned(), String::new()), |given| (given.texts.join(", "), given.origin.to_string()));
        table.row([setting.name.to_owned(), value, origin]);
    }
    print(&table.render(Style::stdout()))?;
    check(&settings)
}

/// Refuses what no run could be made with: behind the table, which says where the wrong value came from.
fn check(settings: &Settings) -> anyhow::Result<Outcome> {
    SketchChoice::of(settings)?;
    PatternChoice::of(settings)?;
    preparation::preprocess(settings)?;
    super::memory_limit(settings)?;
    for name in ["limit", "batch", "threads"] {
        settings.get::<usize>(name)?;
    }
    Ok(Outcome::Ok)
}
