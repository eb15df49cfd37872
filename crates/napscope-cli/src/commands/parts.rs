//! `napscope parts`: the sketches, normalizers, metrics, selections, neighbor searches, detectors, conditionings and projections, read off
//! the lists that the method itself uses.

use crate::exit::Outcome;
use crate::terminal::{Style, print};
use clap::ArgMatches;
use napscope::registry::Entry;

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let kinds = [
        ("sketch", "--sketch", parts(napscope::sketch::SKETCHES)),
        ("normalizer", "--normalize", parts(napscope::normalize::NORMALIZERS)),
        ("metric", "--metric", parts(napscope::distance::METRICS)),
        ("selection", "--selection", parts(napscope::cluster::SELECTIONS)),
        ("neighbor search", "--neighbors", parts(napscope::neighbors::NEIGHBOR_SEARCHES)),
        ("detector", "--detector", parts(napscope::ood::DETECTORS)),
        ("conditioning", "--condition-by", parts(napscope::ood::CONDITIONINGS)),
        ("projection", "--projection", parts(napscope::manifold::PROJECTIONS)),
    ];
    if crate::args::json(matches) {
        let json: serde_json::Map<String, serde_json::Value> = kinds
            .into_iter()
            .map(|(kind, _, parts)| (kind.to_owned(), parts.into_iter().map(Part::json).collect()))
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&json)?))?;
        return Ok(Outcome::Ok);
    }
    let style = Style::stdout();
    for (_, flag, parts) in kinds {
        print(&format!("{}\n", style.bold(flag)))?;
        for part in parts {
            print(&format!("  {:<18} {}\n", part.name, part.summary))?;
            for (option, default, meaning) in part.options {
                // What has no default must be given.
                let default = if default.is_empty() { "…" } else { default };
                print(&format!("  {:<18}   {}\n", "", style.dim(&format!("{option}={default}: {meaning}"))))?;
            }
        }
        print("\n")?;
    }
    print("Options follow a colon, as in: --sketch kde:bandwidth=isj,grid=64\n")?;
    Ok(Outcome::Ok)
}

struct Part {
    name: &'static str,
    summary: &'static str,
    options: &'static [(&'static str, &'static str, &'static str)],
}

impl Part {
    fn json(self) -> serde_json::Value {
        let options: Vec<_> = self
            .options
            .iter()
            .map(|(name, default, meaning)| serde_json::json!({ "name": name, "default": default, "meaning": meaning }))
            .collect();
        serde_json::json!({ "name": self.name, "summary": self.summary, "options": options })
    }
}

fn parts<T: ?Sized>(entries: &'static [Entry<T>]) -> Vec<Part> {
    entries.iter().map(|entry| Part { name: entry.name, summary: entry.summary, options: entry.options }).collect()
}
