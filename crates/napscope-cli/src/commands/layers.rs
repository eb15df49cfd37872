//! `napscope layers`: every value of a network that can be tapped.

use crate::exit::Outcome;
use crate::question;
use crate::terminal::{Style, Table, bytes, print};
use clap::ArgMatches;
use napscope::{Error, ErrorKind};
use napscope_onnx::{Model, Value};

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let settings = super::settings(matches)?;
    let path = settings.path("model").unwrap_or_default();
    let shapes = sample_shapes(matches)?;
    let listing = question::list(&settings, Model::open(&path)?, question::engine(&settings)?, shapes.as_deref())?;
    if crate::args::json(matches) {
        print(&format!("{}\n", serde_json::to_string_pretty(&json(&listing))?))?;
        return Ok(Outcome::Ok);
    }
    let style = Style::stdout();
    let mut table = Table::new(["layer", "operator", "shape", "channels", "axis", "bytes/sample", "also called"]);
    for value in &listing.layers.values {
        table.row([
            value.name.clone(),
            value.operator.clone(),
            shape(value),
            value.map.channels.to_string(),
            value.channel_axis.map_or("-".to_owned(), |axis| axis.to_string()),
            bytes(value.bytes as u64),
            value.aliases.join(", "),
        ]);
    }
    print(&table.render(style))?;
    if matches.get_flag("all") {
        let mut left_out = Table::new(["left out", "operator", "why"]);
        for value in &listing.layers.left_out {
            left_out.row([value.tensor.clone(), value.operator.clone(), value.reason.clone()]);
        }
        print(&format!("\n{}", left_out.render(style)))?;
    }
    let (values, left_out) = (listing.layers.values.len(), listing.layers.left_out.len());
    crate::terminal::say(&format!(
        "{values} values can be tapped, {left_out} cannot (--all says why); engine: {}",
        listing.engine
    ));
    Ok(Outcome::Ok)
}

/// What `--sample-shape` says of every input; `None` where it is not given.
fn sample_shapes(matches: &ArgMatches) -> Result<Option<Vec<Vec<usize>>>, Error> {
    let Some(given) = matches.get_many::<String>("sample-shape") else { return Ok(None) };
    let shape = |text: &String| {
        text.split(',').map(|size| size.trim().parse().ok()).collect::<Option<Vec<usize>>>().ok_or_else(|| {
            Error::new(ErrorKind::InvalidParameter, format!("--sample-shape {text}: no sizes"))
                .hint("give whole numbers with commas between them, such as 3,224,224")
        })
    };
    given.map(shape).collect::<Result<_, _>>().map(Some)
}

/// n for the samples: `(n, 64, 14, 14)`.
fn shape(value: &Value) -> String {
    let sizes: Vec<String> = value
        .shape
        .iter()
        .enumerate()
        .map(|(axis, size)| if axis == value.batch_axis { "n".to_owned() } else { size.to_string() })
        .collect();
    format!("({})", sizes.join(", "))
}

fn json(listing: &question::Listing) -> serde_json::Value {
    let model = &listing.model;
    serde_json::json!({
        "inputs": model.inputs(), "opset": model.opset(), "producer": model.producer(),
        "engine": listing.engine.to_string(), "layers": listing.layers.values, "left_out": listing.layers.left_out,
    })
}
