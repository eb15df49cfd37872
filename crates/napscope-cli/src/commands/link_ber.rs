//! `napscope link ber`: error rates against SNR or another parameter, as a table and as a figure.

use super::link::{receivers, with_threads};
use crate::exit::Outcome;
use crate::files::atomic::AtomicFile;
use crate::link::axis::{AXES, Axis, Spacing};
use crate::link::error_rates::{self, CONFIDENCES, Confidence, Point, metrics};
use crate::link::lineup::Lineup;
use crate::link::{self, figure, settings::LinkSettings};
use crate::terminal::{Style, Table, print, say};
use crate::{chart, files, interrupt, progress};
use anyhow::Context;
use clap::ArgMatches;
use indicatif::ProgressBar;
use napscope::{Error, ErrorKind};
use napscope_ofdm::link::{Count, ErrorRates, LinkConfig, Simulator, StopRule, Values};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The range of SNR when nobody says one (dB).
const USUAL_SNR: Values = Values::Uniform(0.0, 20.0);

/// Points of a range of anything else.
const USUAL_POINTS: usize = 9;

/// Pixels of a PNG for each of the figure's.
const PNG_SCALE: f32 = 2.0;

/// Everything that was asked for.
struct Question {
    settings: LinkSettings,
    receivers: Lineup,
    axis: Axis,
    points: Vec<f64>,
    rule: StopRule,
    confidence: Confidence,
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let question = Question::of(matches)?;
    let outputs = open_outputs(matches)?;
    let bar = progress::bar("slots", 0, super::analyze::quiet(matches));
    let measured = with_threads(matches, || Ok(question.measure(&bar)?))?;
    bar.finish_and_clear();
    // What was measured before Ctrl-C is not lost.
    let stopped = interrupt::check()
        .map_err(|error| error.context(format!("{} of {} points are measured", measured.len(), question.points.len())));
    if measured.is_empty() {
        return Ok(stopped.map(|()| Outcome::Ok)?);
    }
    for (path, file) in outputs {
        let bytes = question.render(&ending(&path), &measured, matches)?;
        put(file, &bytes).with_context(|| path.display().to_string())?;
    }
    print(&String::from_utf8_lossy(&question.render(format(matches), &measured, matches)?))?;
    stopped?;
    Ok(Outcome::Ok)
}

fn format(matches: &ArgMatches) -> &str {
    matches.get_one::<String>("format").map_or("text", String::as_str)
}

impl Question {
    fn of(matches: &ArgMatches) -> anyhow::Result<Self> {
        let axis = matches.get_one::<String>("over").map_or(Ok(AXES[0]), |name| Axis::named(name))?;
        let mut settings = link::args::settings(matches)?;
        if settings.origin("snr_db").is_none() && axis.name == "snr_db" {
            settings.config.snr_db = USUAL_SNR;
        }
        let points = axis.points(&values(&axis, &settings)?, spacing(matches, &axis))?;
        // The whole range is checked before the first slot.
        let simulator = Simulator::new(settings.config.clone()).map_err(link::told)?;
        let receivers = Lineup::open(&receivers(matches)?, &simulator, || link::args::engine(matches))?;
        if !super::analyze::quiet(matches) {
            receivers.notes().iter().for_each(|note| say(&Style::stderr().dim(&format!("note: {note}"))));
        }
        let number = |name: &str| matches.get_one::<u64>(name).copied().unwrap_or(0);
        let percent = matches.get_one::<String>("confidence").map_or("95", String::as_str);
        let confidence = CONFIDENCES.into_iter().find(|confidence| confidence.name == percent);
        Ok(Question {
            settings,
            receivers,
            axis,
            points,
            rule: StopRule { max_slots: number("max-slots"), target_block_errors: number("target-block-errors") },
            confidence: confidence.unwrap_or(CONFIDENCES[1]),
        })
    }

    fn config(&self) -> &LinkConfig {
        &self.settings.config
    }

    fn coded(&self) -> bool {
        self.config().coding.is_some()
    }

    fn measure(&self, bar: &ProgressBar) -> napscope::Result<Vec<Point>> {
        let (mut point, mut before, mut here) = (0, 0, 0);
        let progress = |at: usize, rates: &[ErrorRates]| {
            if at != point {
                (point, before) = (at, before + here);
            }
            here = rates.first().map_or(0, |rates| rates.uncoded.slots);
            // Points that end early make the whole shorter.
            bar.set_length(before + (self.points.len() - at) as u64 * self.rule.max_slots);
            bar.set_position(before + here);
            bar.set_message(format!("{} {}", self.axis.shown(self.points[at]), self.axis.unit));
            if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        error_rates::sweep(self.config(), (&self.axis, &self.points), &self.receivers, self.rule, progress)
    }

    /// The result as `format` (text, csv, json, svg or png).
    fn render(&self, format: &str, measured: &[Point], matches: &ArgMatches) -> anyhow::Result<Vec<u8>> {
        let columns =
            || error_rates::columns(measured, &self.axis, self.receivers.names(), self.coded(), self.confidence);
        let scene = || {
            let dark = matches.get_one::<String>("theme").is_some_and(|theme| theme == "dark");
            let theme = if dark { chart::Theme::Dark } else { chart::Theme::Light };
            figure::draw(self.config(), &self.axis, measured, self.receivers.names(), self.confidence, theme)
        };
        Ok(match format {
            "csv" => files::table::csv(&columns())?.into_bytes(),
            "json" => self.json(&files::table::json(&columns())?)?.into_bytes(),
            "svg" => chart::svg(&scene()).into_bytes(),
            "png" => chart::png(&scene(), PNG_SCALE)?,
            _ => self.text(measured).into_bytes(),
        })
    }

    fn json(&self, rows: &str) -> anyhow::Result<String> {
        let rows: serde_json::Value = serde_json::from_str(rows)?;
        let json = serde_json::json!({
            "settings": self.settings.json(),
            "receivers": self.receivers.names(),
            "over": self.axis.name,
            "confidence_percent": self.confidence.name,
            "target_block_errors": self.rule.target_block_errors,
            "max_slots": self.rule.max_slots,
            "rows": rows,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&json)?))
    }

    fn text(&self, measured: &[Point]) -> String {
        let percent = self.confidence.name;
        let head = |name: &str| format!("{name} ({percent} %)");
        let rate = |count: &Count| {
            let interval = count.interval(self.confidence.z);
            format!("{} ({} – {})", short(count.rate()), short(interval.low), short(interval.high))
        };
        let names: Vec<String> = metrics(self.coded()).map(|metric| head(metric.name)).collect();
        let (axis, usual) = (self.axis, self.axis.scale == 1.0);
        let x = if usual { axis.name.to_owned() } else { axis.label() };
        let begin = [x.as_str(), "receiver", "slots"].into_iter();
        let mut table =
            Table::with_head(begin.chain(names.iter().map(String::as_str)).chain(["post_eq_sinr_db"]).collect());
        for (x, (name, rates)) in
            measured.iter().flat_map(|point| self.receivers.names().iter().zip(&point.rates).map(|row| (point.x, row)))
        {
            let sinr = rates.mean_post_eq_sinr_db();
            let sinr = if sinr.is_nan() { "-".to_owned() } else { format!("{sinr:.1}") };
            let begin = [axis.shown(x).to_string(), name.clone(), rates.uncoded.slots.to_string()];
            let counts = metrics(self.coded()).map(|metric| rate((metric.count)(rates)));
            table.push(begin.into_iter().chain(counts).chain([sinr]).collect());
        }
        format!("{}\n{}", figure::title(self.config(), &axis), table.render(Style::stdout()))
    }
}

/// The values that the axis steps through.
fn values(axis: &Axis, settings: &LinkSettings) -> napscope::Result<Values> {
    let flag = axis.name.replace('_', "-");
    let usual = axis.name == "snr_db" || settings.origin(axis.name).is_some();
    axis.values(&settings.config).filter(|_| usual).ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, format!("--over {}: no values of it are given", axis.name))
            .hint(format!("--{flag} LOW..HIGH, or a list"))
    })
}

fn spacing(matches: &ArgMatches, axis: &Axis) -> Spacing {
    let points = matches.get_one::<u64>("points").map(|&points| points as usize);
    let step = matches.get_one::<f64>("snr-step").copied().unwrap_or(f64::NAN);
    match points {
        Some(points) => Spacing::Points(points),
        None if axis.name == "snr_db" => Spacing::Step(step),
        None => Spacing::Points(USUAL_POINTS),
    }
}

/// Three digits, 0 for nothing.
fn short(rate: f64) -> String {
    if rate == 0.0 { "0".to_owned() } else { format!("{rate:.2e}") }
}

fn ending(path: &Path) -> String {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase()
}

/// Begins every file before the work, so that a place that cannot be written is told at once; dropped files leave nothing.
fn open_outputs(matches: &ArgMatches) -> napscope::Result<Vec<(PathBuf, AtomicFile)>> {
    let paths = matches.get_many::<PathBuf>("output").into_iter().flatten();
    paths
        .map(|path| {
            if !["svg", "png", "csv", "json"].contains(&ending(path).as_str()) {
                let error = Error::new(ErrorKind::InvalidParameter, "the ending of its name tells no format");
                return Err(error.hint("end it in .svg, .png, .csv or .json").context(path.display().to_string()));
            }
            files::table::check_place(path, matches.get_flag("force"))?;
            Ok((path.clone(), AtomicFile::create(path)?))
        })
        .collect()
}

fn put(mut file: AtomicFile, bytes: &[u8]) -> anyhow::Result<()> {
    file.write_all(bytes)?;
    Ok(file.commit()?)
}
