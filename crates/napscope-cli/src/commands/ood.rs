//! `napscope ood fit | score | evaluate`: detectors of samples that lie outside of what a network has seen.

use super::ood_evaluate;
use crate::args;
use crate::data::{Column, ColumnValues};
use crate::exit::Outcome;
use crate::files::table;
use crate::ood::{Bundle, BundleHead, Condition, Evidence, FUSIONS, Judge, Judgement, Wanted, fit, open_like, split};
use crate::question;
use crate::recipe::SketchChoice;
use crate::settings::{Setting, Settings};
use crate::terminal::{print, say, thousands};
use crate::{interrupt, shell};
use clap::{Arg, ArgAction, ArgMatches, Command};
use napscope::activations::ActivationSource;
use napscope::ood::Fusion;
use napscope::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

/// Detectors when nobody names one.
const DETECTORS: [&str; 2] = ["mahalanobis", "knn"];

/// `napscope ood`, for the command line.
pub(crate) fn command() -> Command {
    Command::new("ood")
        .about("Detect samples that lie outside of what a network has seen")
        .long_about(
            "Detectors learn what is usual from in-distribution data alone: a part of the samples is learned from, the rest sets \
             the thresholds for a stated false-alarm rate (split-conformal). The bundle that `fit` writes judges other data; \
             `score` ends with exit code 1 when a sample raises an alarm.",
        )
        .after_help("Examples:\n  napscope ood fit model.onnx --data usual.npz --layer 'layer3*' --false-alarm-rate 0.01 -o usual.ood\n  napscope ood fit receiver.onnx --data slots.npz --condition snr_db --estimate-condition -o slots.ood\n  napscope ood score usual.ood model.onnx --data today.npz -o today.csv\n  napscope ood evaluate usual.ood model.onnx --id test.npz --ood digits.npz --ood noise.npz --run run")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(fit_command())
        .subcommand(score_command())
        .subcommand(ood_evaluate::command())
}

fn fit_command() -> Command {
    let command = Command::new("fit")
        .about("Learn what is usual, and write one bundle (safetensors)")
        .arg(args::model())
        .arg(Arg::new("detector").long("detector").action(ArgAction::Append).value_name("DETECTOR").help(
            "A detector, may be repeated; `napscope parts` lists them with their options [default: mahalanobis, knn]",
        ))
        .arg(
            Arg::new("fuse")
                .long("fuse")
                .default_value("fisher")
                .value_parser(FUSIONS.map(|fusion| fusion.0))
                .help("How the p-values of layers and detectors are joined"),
        )
        .arg(
            Arg::new("condition")
                .long("condition")
                .value_name("COLUMN")
                .help("A number known of every sample, such as snr_db: what is unusual given it?"),
        )
        .arg(
            Arg::new("condition-by")
                .long("condition-by")
                .value_name("FORM")
                .default_value("bins")
                .requires("condition")
                .help("How --condition is taken into account; `napscope parts` lists the forms with their options"),
        )
        .arg(
            Arg::new("estimate-condition")
                .long("estimate-condition")
                .action(ArgAction::SetTrue)
                .requires("condition")
                .help("Later samples need no such column: it is estimated from their features"),
        )
        .arg(number("false-alarm-rate", "0.01", "The share of in-distribution samples that may raise an alarm"))
        .arg(number("held-out", "0.5", "The share of samples that sets the thresholds and is not learned from"))
        .arg(args::config())
        .arg(args::quiet());
    let takes = |setting: &Setting| {
        !["Clustering", "Running"].contains(&setting.heading)
            && !["metric", "projection", "label"].contains(&setting.name)
            || ["output", "threads", "batch", "memory-limit", "force"].contains(&setting.name)
    };
    args::with_settings(command, takes)
}

fn score_command() -> Command {
    let command = Command::new("score")
        .about("Judge each sample: p-value, alarm, and what lies behind it (exit code 1 when there is an alarm)")
        .arg(bundle())
        .arg(args::model())
        .arg(args::config())
        .arg(args::format())
        .arg(args::quiet());
    args::with_settings(command, |setting| {
        NETWORK.contains(&setting.name)
            || ["data", "metadata", "id", "limit", "output", "force"].contains(&setting.name)
    })
}

/// Settings that change how a network runs, not what it gives.
pub(super) const NETWORK: &[&str] = &["engine", "ort-library", "device", "batch", "threads", "memory-limit"];

pub(super) fn bundle() -> Arg {
    Arg::new("bundle")
        .value_name("BUNDLE")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help("What `ood fit` wrote")
}

fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("SHARE")
        .default_value(default)
        .value_parser(clap::value_parser!(f64))
        .help(help)
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    match matches.subcommand() {
        Some(("fit", matches)) => run_fit(matches),
        Some(("score", matches)) => run_score(matches),
        Some(("evaluate", matches)) => ood_evaluate::run(matches),
        _ => Ok(Outcome::Ok),
    }
}

fn run_fit(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let settings = super::settings(matches)?;
    let sketch = SketchChoice::of(&settings)?;
    let output = settings.path("output").ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, "no place is given for the bundle").hint("name it with -o FILE")
    })?;
    if output.exists() && !settings.on("force") {
        let message = format!("{} is already there", output.display());
        return Err(Error::new(ErrorKind::InvalidParameter, message).hint("--force replaces it").into());
    }
    let detectors = matches
        .get_many::<String>("detector")
        .map_or_else(|| DETECTORS.map(str::to_owned).to_vec(), |specs| specs.cloned().collect());
    for spec in &detectors {
        napscope::ood::parse(spec)?;
    }
    let condition = condition(matches)?;
    let fuse = matches.get_one::<String>("fuse").and_then(|name| FUSIONS.iter().find(|fusion| fusion.0 == name));
    let wanted = Wanted {
        sketch: &sketch,
        normalize: settings.text("normalize").unwrap_or_default().to_owned(),
        command: told_command(&settings, matches, &detectors),
        detectors,
        condition,
        fuse: fuse.map_or(Fusion::Fisher, |fusion| fusion.1),
        false_alarm_rate: share(matches, "false-alarm-rate")?,
    };
    let held_out = share(matches, "held-out")?;
    let memory_limit = super::memory_limit(&settings)?;
    let quiet = super::analyze::quiet(matches);
    super::with_threads(&settings, || {
        let question = question::open(&settings, settings.path("model").as_deref(), memory_limit)?;
        let parts = split(&question.source, held_out)?;
        check_parts(&parts, question.source.samples())?;
        let bundle = fit(&wanted, &settings, &question, &parts)?;
        bundle.write(&output)?;
        if !quiet {
            let [learned, calibrated] = parts.map(|part| thousands(part.len()));
            say(&format!("learned from {learned} samples, calibrated on {calibrated}; bundle: {}", output.display()));
        }
        Ok(Outcome::Ok)
    })
}

fn told_command(settings: &Settings, matches: &ArgMatches, detectors: &[String]) -> String {
    let mut command = shell::command("ood fit", settings, None);
    for spec in detectors {
        command.push_str(&format!(" --detector {}", shell::quote(spec)));
    }
    if let Some(column) = matches.get_one::<String>("condition") {
        let by = matches.get_one::<String>("condition-by").map_or("bins", String::as_str);
        command.push_str(&format!(" --condition {} --condition-by {}", shell::quote(column), shell::quote(by)));
        command.push_str(if matches.get_flag("estimate-condition") { " --estimate-condition" } else { "" });
    }
    for name in ["false-alarm-rate", "held-out"] {
        command.push_str(&format!(" --{name} {}", matches.get_one::<f64>(name).copied().unwrap_or_default()));
    }
    command.push_str(&format!(" --fuse {}", matches.get_one::<String>("fuse").map_or("fisher", String::as_str)));
    command
}

/// The covariate that detectors are conditioned on.
fn condition(matches: &ArgMatches) -> Result<Option<Condition>, Error> {
    let Some(column) = matches.get_one::<String>("condition") else { return Ok(None) };
    let by = matches.get_one::<String>("condition-by").map_or("bins", String::as_str);
    napscope::ood::conditioning(by)?;
    Ok(Some(Condition { column: column.clone(), by: by.to_owned(), estimated: matches.get_flag("estimate-condition") }))
}

/// A number strictly between 0 and 1.
fn share(matches: &ArgMatches, name: &str) -> Result<f64, Error> {
    let share = matches.get_one::<f64>(name).copied().unwrap_or_default();
    if share > 0.0 && share < 1.0 {
        return Ok(share);
    }
    Err(Error::new(ErrorKind::InvalidParameter, format!("--{name} must lie between 0 and 1, got {share}")))
}

fn check_parts([learned, calibrated]: &[Vec<usize>; 2], samples: usize) -> Result<(), Error> {
    if learned.len() >= 2 && !calibrated.is_empty() {
        return Ok(());
    }
    let message =
        format!("{samples} samples leave {} to learn from and {} to calibrate on", learned.len(), calibrated.len());
    Err(Error::new(ErrorKind::TooFewSamples, message).hint("give more samples, or another --held-out"))
}

/// The bundle and the network of `score` and `evaluate`.
pub(super) fn load(matches: &ArgMatches) -> anyhow::Result<(Judge, Settings, Option<PathBuf>, u64)> {
    let settings = super::settings(matches)?;
    let path = matches.get_one::<PathBuf>("bundle").cloned().unwrap_or_default();
    let bundle = Bundle::read(&path)?;
    let judge = Judge::new(bundle).map_err(|error| error.context(format!("bundle {}", path.display())))?;
    let model = settings.path("model");
    let memory_limit = super::memory_limit(&settings)?;
    Ok((judge, settings, model, memory_limit))
}

fn run_score(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let (judge, settings, model, memory_limit) = load(matches)?;
    let output = settings.path("output");
    if let Some(output) = &output {
        table::check_destination(output, settings.on("force"))?;
    }
    let data = settings
        .text("data")
        .ok_or_else(|| Error::new(ErrorKind::InvalidParameter, "no data is given").hint("name it with --data PATH"))?;
    let quiet = super::analyze::quiet(matches);
    let mut alarms = Vec::new();
    let judgement = super::with_threads(&settings, || {
        let question = open_like(&judge.head, &settings, model.as_deref(), data, memory_limit)?;
        Ok(judge.judge(&question, quiet, |sample, evidence| alarms.push((sample, evidence)))?)
    })?;
    let columns = columns(&judge.head, &judgement, &alarms);
    match &output {
        Some(output) => table::write(output, &columns)?,
        None if args::json(matches) => print(&table::json(&columns)?)?,
        None => print(&table::csv(&columns)?)?,
    }
    if !quiet {
        say(&summary(&judge.head, judgement.fused.len(), alarms.len()));
    }
    Ok(if alarms.is_empty() { Outcome::Ok } else { Outcome::Finding })
}

fn summary(head: &BundleHead, samples: usize, alarms: usize) -> String {
    let rate = head.false_alarm_rate;
    let usual = rate * samples as f64;
    format!(
        "{} of {} samples raise an alarm; of in-distribution data some {usual:.1} would (a rate of {rate})",
        thousands(alarms),
        thousands(samples)
    )
}

fn columns(head: &BundleHead, judgement: &Judgement, alarms: &[(usize, Evidence)]) -> Vec<Column> {
    let column = |name: &str, values| Column { name: name.to_owned(), values };
    let samples = judgement.fused.len();
    let real = |values: &[f64]| ColumnValues::Float(values.iter().map(|value| Some(*value)).collect());
    let of_alarms = |text: &dyn Fn(&Evidence) -> String| {
        let mut texts: Vec<Option<Arc<str>>> = vec![None; samples];
        for (sample, evidence) in alarms {
            texts[*sample] = Some(text(evidence).into());
        }
        ColumnValues::Text(texts)
    };
    let list =
        |numbers: &mut dyn Iterator<Item = u64>| numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
    let alarm = |p: &f64| Some(i64::from(*p <= head.false_alarm_rate));
    let mut columns = vec![
        column("sample", ColumnValues::Int((0..samples as i64).map(Some).collect())),
        column("alarm", ColumnValues::Int(judgement.fused_p.iter().map(alarm).collect())),
        column("p_value", real(&judgement.fused_p)),
        column("score", real(&judgement.fused)),
        column("layer", of_alarms(&|evidence| head.layers[evidence.layer].name.clone())),
        column("detector", of_alarms(&|evidence| head.detectors[evidence.detector].clone())),
        column("channels", of_alarms(&|evidence| list(&mut evidence.channels.iter().map(|&channel| channel.into())))),
        column("nearest", of_alarms(&|evidence| list(&mut evidence.nearest.iter().copied()))),
    ];
    for (layer, scores) in head.layers.iter().zip(&judgement.p_values) {
        for (detector, p_values) in head.detectors.iter().zip(scores) {
            columns.push(column(&format!("p_value {} {detector}", layer.name), real(p_values)));
        }
    }
    columns
}
