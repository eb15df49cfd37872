//! `napscope-train`: trains a neural receiver and writes it as ONNX.
//!
//! Exit codes are napscope's: 0 ok · 2 the user's or the data's error · 3 an error of our own.

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};
use napscope_train::config::{PRESETS, TrainConfig};
use napscope_train::device::{Compute, DEVICES};
use napscope_train::run::{CHECKPOINT, LOG, Run};
use napscope_train::{checkpoint, curve, export, memory};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use watcher::Watcher;

mod watcher;

fn main() -> ExitCode {
    memory::keep();
    match std::panic::catch_unwind(|| run(&command().get_matches())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            tell(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
        Err(_) => {
            tell(
                "this is a bug in napscope-train (or, with --device wgpu, the card or its driver failed): \
                 please report it with the command and the lines above",
            );
            ExitCode::from(3)
        }
    }
}

fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("receiver", args)) => train(args),
        Some(("export", args)) => write_onnx(args),
        Some(("curve", args)) => draw_curve(args),
        _ => {
            let lines: String = PRESETS.iter().map(|(name, help, _)| format!("{name:10}{help}\n")).collect();
            print(&lines)
        }
    }
}

fn command() -> Command {
    let path = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("PATH").value_parser(value_parser!(PathBuf)).help(help)
    };
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("N").value_parser(value_parser!(u64)).help(help)
    };
    let receiver = Command::new("receiver")
        .about("Train a receiver, or go on with a training that was broken off")
        .arg(
            Arg::new("preset")
                .long("preset")
                .value_name("NAME")
                .default_value("small")
                .help("A training that comes with the program; see the command presets"),
        )
        .arg(path("config", "A training in a TOML file, instead of a preset"))
        .arg(number("steps", "Steps, instead of what the training says"))
        .arg(number("seed", "Seed of weights and slots, instead of what the training says"))
        .arg(
            number("threads", "2 train the two halves of a step side by side; the result is the same")
                .default_value("2"),
        )
        .arg(
            Arg::new("device")
                .long("device")
                .value_name("NAME")
                .default_value(DEVICES[0])
                .value_parser(DEVICES)
                .help("What computes: the processor, or a graphics card (in a build with the feature wgpu)"),
        )
        .arg(path("out", "The folder of the training; one that was broken off there goes on").required(true))
        .after_help(
            "Examples:\n  napscope-train receiver --preset tiny --out target/receiver\n  \
             napscope-train receiver --preset deeprx --device wgpu --out target/deeprx\n\n\
             The folder's log.csv grows while it trains; see the command curve. Every device learns the same to rounding; \
             the same bytes on each run are promised for the processor alone.",
        );
    let export = Command::new("export")
        .about("Write the receiver of a training as ONNX")
        .arg(
            Arg::new("from")
                .value_name("PATH")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder of the training, or a checkpoint"),
        )
        .arg(path("output", "The ONNX file").short('o').required(true))
        .after_help("Examples:\n  napscope-train export target/receiver -o receiver.onnx");
    let curve = Command::new("curve")
        .about("Draw the log of a training: loss, and error rates of the validation by SNR")
        .arg(
            Arg::new("from")
                .value_name("PATH")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder of the training, or its log"),
        )
        .arg(path("output", "The SVG file").short('o').required(true))
        .after_help("Examples:\n  napscope-train curve target/receiver -o training.svg");
    Command::new("napscope-train")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Trains a neural receiver on simulated slots and writes it as ONNX")
        .after_help(
            "Examples:\n  napscope-train receiver --preset tiny --out target/receiver\n  \
             napscope-train export target/receiver -o receiver.onnx",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(receiver)
        .subcommand(export)
        .subcommand(curve)
        .subcommand(Command::new("presets").about("List the trainings that come with the program"))
}

fn train(args: &ArgMatches) -> Result<()> {
    let mut config = match args.get_one::<PathBuf>("config") {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            TrainConfig::from_toml(&text)?
        }
        None => TrainConfig::preset(args.get_one::<String>("preset").map_or("", String::as_str))?,
    };
    let number = |name: &str| args.get_one::<u64>(name).copied();
    config.steps = number("steps").unwrap_or(config.steps);
    config.seed = number("seed").unwrap_or(config.seed);
    let threads = number("threads").unwrap_or(1).max(1) as usize;
    let compute = Compute::open(args.get_one::<String>("device").map_or("", String::as_str), threads)?;
    if let Some(name) = &compute.name {
        tell(&format!("training on {name}"));
    }
    let mut watcher = Watcher::new(config.steps);
    Run::open(path_of(args, "out"), config, compute, threads)?.train(&mut |news| watcher.tell(&news))?;
    watcher.done();
    Ok(())
}

fn write_onnx(args: &ArgMatches) -> Result<()> {
    let (from, output) = (path_of(args, "from"), path_of(args, "output"));
    let path = if from.is_dir() { from.join(CHECKPOINT) } else { from.to_path_buf() };
    let trainer = checkpoint::load(&path)?;
    let bytes = export::to_onnx(&trainer.config, &trainer.weights)?;
    checkpoint::write_atomically(output, &bytes)?;
    let (done, steps) = (trainer.steps_done(), trainer.config.steps);
    tell(&format!("{}: {} bytes, after step {done} of {steps}", output.display(), bytes.len()));
    Ok(())
}

fn draw_curve(args: &ArgMatches) -> Result<()> {
    let (from, output) = (path_of(args, "from"), path_of(args, "output"));
    let path = if from.is_dir() { from.join(LOG) } else { from.to_path_buf() };
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let picture = curve::draw(&text).with_context(|| format!("{} cannot be drawn", path.display()))?;
    checkpoint::write_atomically(output, picture.as_bytes())
}

/// A path that the command requires.
fn path_of<'a>(args: &'a ArgMatches, name: &str) -> &'a Path {
    args.get_one::<PathBuf>(name).map_or(Path::new(""), PathBuf::as_path)
}

/// Results go to stdout. Somebody who closed it (`| head`) has seen enough.
fn print(text: &str) -> Result<()> {
    use std::io::{ErrorKind, Write};
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Everything else goes to stderr.
#[expect(clippy::print_stderr, reason = "progress belongs on stderr")]
fn tell(text: &str) {
    eprintln!("{text}");
}
