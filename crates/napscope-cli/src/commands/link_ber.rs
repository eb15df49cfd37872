//! `napscope link ber`: error rates against SNR, as a table and as a figure.

use super::link::{receivers, with_threads};
use crate::exit::Outcome;
use crate::files::atomic::AtomicFile;
use crate::link::error_rates::{self, CONFIDENCES, Confidence, Point, metrics};
use crate::link::receivers::NamedReceiver;
use crate::link::{self, figure, settings::LinkSettings};
use crate::terminal::{Style, Table, print};
use crate::{chart, files, interrupt, progress};
use anyhow::Context;
use clap::ArgMatches;
use indicatif::ProgressBar;
use napscope::{Error, ErrorKind};
use napscope_ofdm::link::{Count, ErrorRates, Simulator, StopRule, Values};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The sweep when nobody says one [dB].
const USUAL_SWEEP: Values = Values::Uniform(0.0, 20.0);

/// Pixels of a PNG for each of the figure's.
const PNG_SCALE: f32 = 2.0;

/// Everything that was asked for.
struct Question {
    settings: LinkSettings,
    receivers: Vec<NamedReceiver>,
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
        let mut settings = link::args::settings(matches)?;
        if settings.origin("snr_db").is_none() {
            settings.config.snr_db = USUAL_SWEEP;
        }
        let step = matches.get_one::<f64>("snr-step").copied().unwrap_or(f64::NAN);
        let points = error_rates::points(&settings.config.snr_db, step)?;
        // Both ends of the sweep are checked before the first slot.
        Simulator::new(settings.config.clone()).map_err(link::told)?;
        let number = |name: &str| matches.get_one::<u64>(name).copied().unwrap_or(0);
        let percent = matches.get_one::<String>("confidence").map_or("95", String::as_str);
        let confidence = CONFIDENCES.into_iter().find(|confidence| confidence.name == percent);
        Ok(Question {
            settings,
            receivers: receivers(matches)?,
            points,
            rule: StopRule { max_slots: number("max-slots"), target_block_errors: number("target-block-errors") },
            confidence: confidence.unwrap_or(CONFIDENCES[1]),
        })
    }

    fn coded(&self) -> bool {
        self.settings.config.coding.is_some()
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
            bar.set_message(format!("{} dB", self.points[at]));
            if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        error_rates::sweep(&self.settings.config, &self.points, &self.receivers, self.rule, progress)
    }

    /// The result as `format` (text, csv, json, svg or png).
    fn render(&self, format: &str, measured: &[Point], matches: &ArgMatches) -> anyhow::Result<Vec<u8>> {
        let columns = || error_rates::columns(measured, &self.receivers, self.coded(), self.confidence);
        let scene = || {
            let dark = matches.get_one::<String>("theme").is_some_and(|theme| theme == "dark");
            let theme = if dark { chart::Theme::Dark } else { chart::Theme::Light };
            figure::draw(&self.settings.config, measured, &self.receivers, self.confidence, theme)
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
            "receivers": self.receivers.iter().map(|receiver| &receiver.name).collect::<Vec<_>>(),
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
        let rows =
            measured.iter().flat_map(|point| self.receivers.iter().zip(&point.rates).map(|row| (point.snr_db, row)));
        let names: Vec<String> = metrics(self.coded()).map(|metric| head(metric.name)).collect();
        let mut table = match names.as_slice() {
            [uncoded, coded, blocks] => {
                Table::new(["snr_db", "receiver", "slots", uncoded, coded, blocks, "post_eq_sinr_db"])
            }
            _ => Table::new(["snr_db", "receiver", "slots", &names[0], "post_eq_sinr_db"]),
        };
        for (snr_db, (receiver, rates)) in rows {
            let snr_db = ((snr_db * 1e6).round() / 1e6).to_string();
            let (name, slots) = (receiver.name.clone(), rates.uncoded.slots.to_string());
            let sinr = format!("{:.1}", rates.mean_post_eq_sinr_db());
            if self.coded() {
                let (uncoded, coded, blocks) = (rate(&rates.uncoded), rate(&rates.coded), rate(&rates.blocks));
                table.row([snr_db, name, slots, uncoded, coded, blocks, sinr]);
            } else {
                table.row([snr_db, name, slots, rate(&rates.uncoded), sinr]);
            }
        }
        format!("{}\n{}", figure::title(&self.settings.config), table.render(Style::stdout()))
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
