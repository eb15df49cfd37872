//! `napscope config`: what every setting comes to, and who said so.

use crate::exit::Outcome;
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
        return Ok(Outcome::Ok);
    }
    let mut table = Table::new(["setting", "value", "from"]);
    for (setting, given) in settings.all() {
        let (value, origin) =
            given.map_or(("-".to_owned(), String::new()), |given| (given.texts.join(", "), given.origin.to_string()));
        table.row([setting.name.to_owned(), value, origin]);
    }
    print(&table.render(Style::stdout()))?;
    Ok(Outcome::Ok)
}
