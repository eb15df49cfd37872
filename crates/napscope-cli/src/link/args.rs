//! The flags of `napscope link`, read off the parameters of a link.

use super::axis::AXES;
use super::error_rates::CONFIDENCES;
use super::settings::LinkSettings;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use napscope::{Error, ErrorKind};
use napscope_ofdm::link::tensor::RECEIVER_INPUTS;
use napscope_ofdm::link::{LinkConfig, PRESETS, SETTINGS, Setting};
use napscope_ofdm::receiver::RECEIVERS;
use napscope_onnx::Choice;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Most slots of a data set: what they take on a disk must be a number of bytes, whatever the grid.
const MOST_SLOTS: u64 = 1_000_000_000;

/// A parameter as a flag.
struct Flag {
    parameter: &'static Setting,
    long: String,
    /// Names of Sionna and MATLAB, and the spellings that a hand writes.
    aliases: Vec<String>,
    help: String,
}

/// Short names that only the command line has.
const SHORT_NAMES: [(&str, &str); 1] = [("channel_model", "channel")];

static FLAGS: LazyLock<Vec<Flag>> = LazyLock::new(|| {
    let defaults = LinkConfig::default();
    let flag = |(parameter, default): (&'static Setting, String)| {
        let long = kebab(parameter.name);
        let short =
            SHORT_NAMES.iter().filter(|(name, _)| *name == parameter.name).map(|(_, short)| (*short).to_owned());
        let mut aliases: Vec<String> = parameter.aliases.iter().flat_map(|a| [kebab(a), (*a).to_owned()]).collect();
        aliases.push(parameter.name.to_owned());
        aliases.extend(short);
        aliases.retain(|alias| *alias != long);
        aliases.sort();
        aliases.dedup();
        let default = if default == "none" { String::new() } else { format!(" [default: {default}]") };
        Flag { parameter, long, aliases, help: format!("{}{default}", parameter.help) }
    };
    defaults.settings().map(flag).collect()
});

fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

/// `napscope link` with its commands.
pub fn command() -> Command {
    Command::new("link")
        .about("Simulate a 5G-NR-like uplink: data sets and error rates")
        .long_about(
            "Simulates a 5G-NR-like uplink (one transmitter, 1 to 8 receive antennas, DMRS of TS 38.211, LDPC of TS 38.212, the \
             channels of TR 38.901): data sets for neural receivers, and error rates of classical ones. Slot i of the same seed and \
             settings is always the same.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(simulate())
        .subcommand(ber())
        .subcommand(config())
}

fn simulate() -> Command {
    let command = Command::new("simulate")
        .about("Write a data set of simulated slots: .npz, or a folder of shards")
        .long_about(
            "Writes a data set of simulated slots as .npz: `input` (n, channels, 14, subcarriers), what a neural receiver takes; `bits` \
             (n, 8, 14, subcarriers), what it shall find, -1 where there is no bit; and a column for everything that is known of a \
             slot: snr_db, delay_spread_secs, speed_mps, channel_model, post_eq_sinr_db … `napscope analyze MODEL --data` takes it as \
             it is. Memory does not grow with the number of slots, and a run that was stopped goes on with --resume to the same bytes.",
        )
        .after_help(format!(
            "Examples:\n  \
             napscope link simulate --preset deeprx --slots 10000 -o train.npz\n  \
             napscope link simulate --preset deeprx --slots 1000000 --shard-size 5000 -o shards --resume\n  \
             napscope link simulate --channel tdl-b,tdl-c --snr-db -4..32 --delay-spread 10ns..300ns --speed 0..135km/h -o slots.npz\n  \
             napscope analyze receiver.onnx --data slots.npz --layer 'block*' -o run\n\n{VALUES}"
        ))
        .arg(output("A .npz file; with --shard-size a folder").required(true))
        .arg(number("slots", "N", "Slots, from slot 0 on").value_parser(value_parser!(u64).range(1..=MOST_SLOTS)).default_value("1000"))
        .arg(number("shard-size", "N", "Write a folder of shards with this many slots each"))
        .arg(
            Arg::new("input")
                .long("input")
                .value_name("KIND")
                .value_parser(RECEIVER_INPUTS.map(|known| known.0))
                .default_value(RECEIVER_INPUTS[0].0)
                .help("What the network is given: raw, as DeepRx, or a channel estimate and equalised symbols besides"),
        )
        .arg(receiver("perfect_csi", "Receivers whose SINR and errors become columns; the first one's have the plain names"))
        .arg(threads())
        .arg(switch("resume", "Go on with a run that was stopped; the result is the same to the byte"))
        .arg(switch("force", "Replace what is already there"));
    crate::args::with_settings(with_link(command), is_of_engine)
}

fn ber() -> Command {
    let command = Command::new("ber")
        .about("Measure error rates against SNR or another parameter: bits before and behind the decoder, and blocks")
        .long_about(
            "Measures error rates of receivers against SNR (or what --over names), all of them on the same slots: of bits before \
             the decoder and, with --target-coderate, of information bits and blocks. A receiver is a classical one by its name, or \
             a neural one: an ONNX network that makes LLRs (ln P(1)/P(0)) of received slots. Intervals take into account that bits of one slot err together. A \
             point ends when every receiver has seen --target-block-errors wrong blocks (without coding: slots with a wrong bit), or \
             after --max-slots.",
        )
        .after_help(format!(
            "Examples:\n  \
             napscope link ber --receiver perfect_csi,ls_linear,lmmse --snr-db 0..20 -o ber.svg\n  \
             napscope link ber --preset deeprx --modulation 16qam --speed 20 --snr-step 4 --format csv\n  \
             napscope link ber --preset awgn --snr-db 7..9 --snr-step 0.25 --receiver perfect_csi -o bler.png -o bler.json\n  \
             napscope link ber --receiver receiver.onnx,ls_linear,perfect_csi --snr-db 0..20 -o ber.svg\n  \
             napscope link ber --receiver receiver.onnx,lmmse --over speed --speed 0..135km/h --snr-db 10 -o speed.svg\n\n\
             The range of the parameter on the x axis (--snr-db, or that of --over) is one to step through, not one to draw \
             from.\n{VALUES}\n\nReceivers:\n{}",
            receivers_help()
        ))
        .arg(
            output("Write this, too: .svg, .png, .csv or .json by its ending; may be repeated").action(ArgAction::Append),
        )
        .arg(receiver("perfect_csi,ls_linear,lmmse", "Receivers to compare"))
        .arg(
            Arg::new("over")
                .long("over")
                .value_name("PARAMETER")
                .help(format!("Step through this parameter: {} [default: snr_db]", AXES.map(|axis| axis.name).join(", "))),
        )
        .arg(
            number("points", "N", "Points of a range, evenly spaced on its scale [default: 9; for SNR --snr-step decides]")
                .conflicts_with("snr-step"),
        )
        .arg(
            Arg::new("snr-step")
                .long("snr-step")
                .value_name("DB")
                .value_parser(value_parser!(f64))
                .allow_hyphen_values(true)
                .default_value("2")
                .help("Step from point to point of a range of SNR"),
        )
        .arg(
            number("target-block-errors", "N", "Wrong blocks of every receiver that end a point; 0: never")
                .value_parser(value_parser!(u64))
                .alias("num-target-block-errors")
                .default_value("100"),
        )
        .arg(number("max-slots", "N", "Slots of a point at most").default_value("1000"))
        .arg(
            Arg::new("confidence")
                .long("confidence")
                .value_parser(CONFIDENCES.map(|confidence| confidence.name))
                .default_value("95")
                .help("Confidence level of the intervals in percent"),
        )
        .arg(
            Arg::new("theme")
                .long("theme")
                .value_parser(["light", "dark"])
                .default_value("light")
                .help("Background of a figure"),
        )
        .arg(threads())
        .arg(switch("force", "Replace files that are already there"));
    let with_csv = |arg: Arg| arg.value_parser(["text", "json", "csv"]);
    crate::args::with_settings(with_link(command), is_of_engine).mut_arg("format", with_csv)
}

fn config() -> Command {
    let command = Command::new("config")
        .about("Show every parameter of a link, its value, where that came from, and what else it is called")
        .after_help(format!("Examples:\n  napscope link config --preset deeprx\n\n{VALUES}"));
    with_link(command)
}

/// How values are written.
const VALUES: &str = "VALUES: a number, a range LOW..HIGH (uniform), log:LOW..HIGH, or a list A,B,C; each slot draws one. Units are read: \
10ns..300ns, 0..135km/h, 3.5GHz.\nFlags go before NAPSCOPE_LINK_NAME in the environment, that before the preset. Names of Sionna and \
MATLAB are flags, too (--NSizeGrid, --DelayProfile); `napscope link config` lists them.";

fn with_link(command: Command) -> Command {
    let names = PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ");
    let command = command
        .arg(
            Arg::new("preset")
                .long("preset")
                .value_name("NAME|FILE")
                .help(format!("Parameters from a preset: {names}, or a TOML file")),
        )
        .arg(crate::args::format())
        .arg(crate::args::quiet());
    FLAGS.iter().fold(command, |command, flag| {
        let arg = Arg::new(flag.parameter.name)
            .long(flag.long.as_str())
            .aliases(flag.aliases.iter().map(String::as_str))
            .help_heading(flag.parameter.heading)
            .value_name(flag.parameter.value)
            .allow_hyphen_values(true)
            .help(flag.help.as_str());
        command.arg(if flag.parameter.name == "max_doppler_hz" { arg.conflicts_with("speed_mps") } else { arg })
    })
}

fn output(help: &'static str) -> Arg {
    Arg::new("output")
        .long("output")
        .short('o')
        .value_name("PATH")
        .value_parser(value_parser!(PathBuf))
        .value_hint(clap::ValueHint::AnyPath)
        .help(help)
}

fn number(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).value_parser(value_parser!(u64).range(1..)).help(help)
}

fn threads() -> Arg {
    let most = crate::commands::MOST_THREADS as u64;
    number("threads", "N", "Workers (default: one a core); changes no result")
        .value_parser(value_parser!(u64).range(1..=most))
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn receiver(default: &'static str, help: &'static str) -> Arg {
    Arg::new("receiver")
        .long("receiver")
        .short('r')
        .value_name("NAME,...")
        .action(ArgAction::Append)
        .default_value(default)
        .help(help)
}

fn receivers_help() -> String {
    let lines: Vec<String> = RECEIVERS.iter().map(|(name, _, help, _)| format!("  {name:<16} {help}")).collect();
    format!(
        "{}\n  {:<16} a network: input (batch, channel, 14, subcarrier), output LLRs (batch, bit, 14, subcarrier)\n  \
         with options after a colon, as in ls_linear:noise=estimated,demapping=exact or model.onnx:input=raw",
        lines.join("\n"),
        "FILE.onnx"
    )
}

/// The link that the command line asks for.
///
/// # Errors
/// For presets and values that are none.
pub fn settings(matches: &ArgMatches) -> napscope::Result<LinkSettings> {
    let given =
        |parameter: &'static Setting| Some((parameter.name, matches.get_one::<String>(parameter.name)?.clone()));
    let flags: Vec<_> = SETTINGS.iter().filter_map(given).collect();
    LinkSettings::resolve(&flags, matches.get_one::<String>("preset").map(String::as_str))
}

/// Is it a setting of what runs networks?
fn is_of_engine(setting: &crate::settings::Setting) -> bool {
    ["engine", "ort-library", "device"].contains(&setting.name)
}

/// What shall run networks: the flags, the environment and `napscope.toml`, as everywhere.
///
/// # Errors
/// When it is not there.
pub fn engine(matches: &ArgMatches) -> napscope::Result<Choice> {
    let mut flags = crate::args::flags(matches);
    flags.retain(|name, _| crate::settings::find(name).is_some_and(is_of_engine));
    let settings = crate::settings::Settings::resolve(flags, None);
    let settings = settings.map_err(|error| Error::new(ErrorKind::InvalidParameter, format!("{error:#}")))?;
    crate::question::engine(&settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_tools_are_flags() {
        let line = [
            "link",
            "config",
            "--n-size-grid",
            "4",
            "--DelayProfile",
            "tdl-a",
            "--channel_model",
            "tdl-b",
            "--speed",
            "3",
        ];
        let error = command().try_get_matches_from(line).expect_err("channel_model is said twice");
        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
        let line = [
            "link",
            "config",
            "--NSizeGrid",
            "4",
            "--channel",
            "tdl-b",
            "--MaximumDopplerShift",
            "-0",
            "--snr_db",
            "-4..3",
        ];
        let matches = command().try_get_matches_from(line).expect("all of them are flags");
        let settings = settings(matches.subcommand().expect("a command").1).expect("valid");
        assert_eq!((settings.config.num_prb, settings.config.snr_db.to_string().as_str()), (4, "-4..3"));
    }
}
