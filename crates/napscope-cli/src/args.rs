//! The command line, built from the list of settings.

use crate::settings::{SETTINGS, Setting, Takes};
use crate::sweep::grid::DIMENSIONS;
use crate::sweep::rank::RANKINGS;
use crate::sweep::tell::Format;
use clap::builder::styling;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The settings that `cluster` takes besides the clustering ones.
const CLUSTER: &[&str] =
    &["normalize", "metric", "label", "metadata", "id", "limit", "output", "threads", "memory-limit", "force"];
/// Does `cluster` take this setting?
pub fn cluster_takes(setting: &Setting) -> bool {
    setting.heading == "Clustering" || CLUSTER.contains(&setting.name)
}

/// The settings that `predict` takes besides the clustering ones.
const PREDICT: &[&str] = &["layer", "normalize", "metric", "output", "threads", "memory-limit", "force"];
const LAYERS: &[&str] = &["engine", "ort-library", "device", "channel-axis"];

/// The whole command line.
pub fn command() -> Command {
    Command::new("napscope")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Shows what a layer of a trained neural network has learned")
        .long_about(
            "Shows what a layer of a trained neural network has learned: taps any layer of an ONNX model, keeps a sketch of each \
             channel's activation distribution, and clusters the samples into patterns (refined neural activation patterns, \
             arXiv 2505.15570).",
        )
        .after_help(
            "Examples:\n  napscope analyze                                          a neural receiver, embedded\n  napscope layers model.onnx                                list what can be tapped\n  napscope analyze model.onnx --data test.npz --layer 'layer3*' -o run\n  napscope cluster features.npz --metric cosine --selection eom -o patterns.parquet\n\nExit codes: 0 ok, 1 a finding, 2 wrong use or data, 3 a bug, 130 stopped.\nData goes to stdout, everything else to stderr. Nothing is ever sent anywhere.",
        )
        .styles(styling::Styles::styled())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(analyze())
        .subcommand(extract())
        .subcommand(cluster())
        .subcommand(predict())
        .subcommand(sweep())
        .subcommand(layers())
        .subcommand(crate::commands::ood::command())
        .subcommand(crate::commands::study::command())
        .subcommand(crate::link::args::command())
        .subcommand(crate::commands::explore::command())
        .subcommand(crate::commands::report::command())
        .subcommand(
            Command::new("parts")
                .about("List the sketches, normalizers, metrics, selections, detectors, conditionings and projections with their options")
                .arg(format()),
        )
        .subcommand(with_settings(
            Command::new("config")
                .about("Show every setting, its value and where that came from")
                .arg(config())
                .arg(model())
                .arg(format()),
            |_| true,
        ))
        .subcommand(
            Command::new("completions").about("Print a completion script for a shell").arg(
                Arg::new("shell")
                    .required(true)
                    .value_parser(clap::value_parser!(clap_complete::Shell))
                    .help("The shell: bash, zsh, fish, elvish or powershell"),
            ),
        )
}

fn analyze() -> Command {
    let command = Command::new("analyze")
        .about("From a network and a data set to the patterns of its layers")
        .long_about(
            "Runs the network once over the data, sketches the wanted layers as they come, clusters each layer's samples into \
             patterns, and writes a run folder with report.html, report.json, samples.parquet, features/ and layers/. Without \
             MODEL and data it runs an embedded example: a neural receiver on 1,500 simulated slots of a 5G uplink, or with --example vision a small \
             ResNet on 2,000 pictures of Fashion-MNIST.",
        )
        .after_help(
            "Examples:\n  napscope analyze                      (a neural receiver, embedded)\n  napscope analyze --example vision     (a ResNet on pictures, embedded)\n  napscope analyze model.onnx --data test.npz --layer layer1.1 --layer 'layer4*' -o run\n  napscope analyze model.onnx --data photos/ --preset imagenet --sketch kde --normalize none --metric hellinger --selection eom -o run\n  napscope analyze --data activations.npz --metadata slots.csv -o run      (ready-made activations)",
        )
        .arg(model())
        .arg(config())
        .arg(format())
        .arg(quiet())
        .arg(
            Arg::new("example")
                .long("example")
                .value_name("NAME")
                .value_parser(crate::example::NAMES)
                .help("Run this embedded example: receiver, or vision"),
        );
    with_settings(command, |_| true)
}

fn extract() -> Command {
    let command = Command::new("extract")
        .about("Stop after the features: one safetensors file a layer")
        .after_help("Examples:\n  napscope extract model.onnx --data test.npz --layer '*relu*' --sketch histogram:bins=16 -o run\n  napscope cluster run/features/layer1.safetensors --metric hellinger --normalize none")
        .arg(model())
        .arg(config())
        .arg(format())
        .arg(quiet());
    with_settings(command, |setting| {
        setting.heading != "Clustering" && !["normalize", "metric", "projection"].contains(&setting.name)
    })
}

fn cluster() -> Command {
    let command = Command::new("cluster")
        .about("From features (.safetensors, .npz, .npy) to label, membership and outlier_score of each sample")
        .after_help("Examples:\n  napscope cluster features.npz -o patterns.csv\n  napscope cluster run/features/layer1.safetensors --metric cosine --selection eom --min-cluster-size 20 --format json\n\nThe ending of --output chooses the format: .parquet, .csv or .json. Without it the table goes to stdout as CSV.")
        .arg(
            Arg::new("features")
                .value_name("FEATURES")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("A features file of `extract`, or any .npz, .npy or .safetensors with a matrix (samples x columns)"),
        )
        .arg(Arg::new("array").long("array").value_name("NAME").help("Which array holds the features, when there are several"))
        .arg(config())
        .arg(format())
        .arg(quiet());
    with_settings(command, cluster_takes)
}

fn sweep() -> Command {
    let own = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).help_heading("Sweep")
    };
    let rankings: Vec<&str> = RANKINGS.iter().map(|ranking| ranking.name).collect();
    let command = Command::new("sweep")
        .about("Try a grid of recipes on the same samples and rank them")
        .long_about(
            "Tries every combination of the given sketches, normalizers, metrics, min_samples, min_cluster_sizes and selections \
             on each layer, and ranks the recipes within their layer. The network runs once for all of them, and every stage that \
             recipes share is done once. INPUT is a network (with --data), a run folder, or features as `cluster` takes them. \
             What is not named does not vary; with nothing named at all a small grid for a first look runs, and without INPUT \
             and data it runs on an embedded example, that of pictures. Labels decide nothing unless --rank-by asks for them.",
        )
        .after_help(
            "Examples:\n  napscope sweep                                          a first look at the example of pictures\n  napscope sweep model.onnx --data test.npz --layer 'layer3*' --sketch mean --sketch histogram:bins=16 --metric euclidean --metric cosine\n  napscope sweep model.onnx --data test.npz --metric all --selection leaf,eom --min-cluster-size 5,10,20 -o sweep.json\n  napscope sweep run/ --normalize standard,whiten --metric euclidean,cosine      (the stored features of a run)\n  napscope sweep features.npz --min-samples 1,5,15 --rank-by stability --format csv\n\nThe ending of --output chooses its format: .json, .csv, .md or .txt. A sweep that was stopped goes on with --resume.",
        )
        .arg(
            Arg::new("model")
                .value_name("INPUT")
                .value_hint(clap::ValueHint::AnyPath)
                .help("A network (.onnx), a run folder, or features (.safetensors, .npz, .npy)"),
        )
        .arg(config())
        .arg(format().value_parser(Format::NAMES))
        .arg(quiet())
        .arg(
            Arg::new("example")
                .long("example")
                .value_name("NAME")
                .value_parser(["vision"])
                .help("Sweep over this embedded example: vision"),
        )
        .arg(Arg::new("array").long("array").value_name("NAME").help("Which array holds the features, when there are several"))
        .arg(own("rank-by", "FIGURE", "Order of the recipes of a layer; ari, ami and v-measure compare with the labels [default: stable-coverage; validity with --resamples 0]").value_parser(rankings))
        .arg(own("resamples", "B", "Subsamples of 80 % of the samples that every tree is built again for, to tell how stable patterns are; each takes at most the time of the first tree, 0 for none").value_parser(clap::value_parser!(usize)).default_value("5"))
        .arg(own("validity", "FORM", "tree: read off the spanning tree, at no cost; full: as published, over all pairs of samples in patterns").value_parser(["tree", "full"]).default_value("tree"))
        .arg(own("top", "N", "Rows that are shown of each layer, as text and Markdown on stdout (0: all)").value_parser(clap::value_parser!(usize)).default_value("5"))
        .arg(Arg::new("timings").long("timings").help_heading("Sweep").action(ArgAction::SetTrue).help("Add the seconds of each recipe (the only thing that differs from run to run)"));
    let several = |command: Command, name: &'static str| {
        command.mut_arg(name, |arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            arg.action(ArgAction::Append).help(format!("{help}. Several: again, or with commas between"))
        })
    };
    DIMENSIONS.into_iter().fold(with_settings(command, |_| true), several)
}

fn predict() -> Command {
    let command = Command::new("predict")
        .about("Where new features belong in the patterns of others: label, membership and outlier_score")
        .long_about(
            "Finds the patterns of FEATURES, and tells of each row of NEW where it would join them; FEATURES may be the folder of \
             a run, whose settings are then taken. New samples do not change the patterns, nor each other.",
        )
        .after_help("Examples:\n  napscope predict run test.safetensors --layer layer1.1 -o new.csv\n  napscope predict train.npz test.npz --metric cosine --selection eom --memberships --format json\n\nThe ending of --output chooses the format: .parquet, .csv or .json. Without it the table goes to stdout as CSV.")
        .arg(
            Arg::new("features")
                .value_name("FEATURES")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("What `cluster` takes, or the folder of a run (with --layer, where it has several)"),
        )
        .arg(
            Arg::new("new")
                .value_name("NEW")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("Features of other samples, with the same columns"),
        )
        .arg(Arg::new("array").long("array").value_name("NAME").help("Which array holds the features, when there are several"))
        .arg(
            Arg::new("memberships")
                .long("memberships")
                .action(ArgAction::SetTrue)
                .help("Also the membership in every pattern, a column each"),
        )
        .arg(config())
        .arg(format())
        .arg(quiet());
    with_settings(command, |setting| setting.heading == "Clustering" || PREDICT.contains(&setting.name))
}

fn layers() -> Command {
    let command = Command::new("layers")
        .about("List every value of a network that can be tapped")
        .after_help(
            "Examples:\n  napscope layers model.onnx\n  napscope layers model.onnx --format json | jq '.layers[].name'\n  \
             napscope layers receiver.onnx --sample-shape 19,14,72",
        )
        .arg(model().required(true))
        .arg(format())
        .arg(
            Arg::new("sample-shape")
                .long("sample-shape")
                .value_name("SIZES")
                .action(ArgAction::Append)
                .help(
                    "Shape of one sample, without the batch axis, as in 3,224,224, where the network leaves sizes open; \
                     once for each input",
                ),
        )
        .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).help("Also what is left out, and why"));
    with_settings(command, |setting| LAYERS.contains(&setting.name))
}

pub(crate) fn with_settings(command: Command, takes: impl Fn(&Setting) -> bool) -> Command {
    let flagged = |setting: &&Setting| setting.name != "model" && takes(setting);
    SETTINGS.iter().filter(flagged).fold(command, |command, setting| command.arg(flag(setting)))
}

fn flag(setting: &'static Setting) -> Arg {
    let default = match (setting.takes, setting.default) {
        (Takes::Switch, _) | (_, None) => String::new(),
        (_, Some(default)) => format!(" [default: {default}]"),
    };
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .help_heading(setting.heading)
        .help(format!("{}{default}", setting.help));
    let arg = match setting.name {
        "output" => arg.short('o'),
        "data" => arg.short('d'),
        "layer" => arg.short('l'),
        _ => arg,
    };
    match setting.takes {
        Takes::Switch => arg.action(ArgAction::SetTrue),
        Takes::Many => arg.action(ArgAction::Append).value_name(setting.value),
        Takes::One => arg.value_name(setting.value).allow_hyphen_values(true),
        Takes::Path => arg.value_name(setting.value).value_hint(clap::ValueHint::AnyPath),
    }
}

pub(crate) fn model() -> Arg {
    Arg::new("model").value_name("MODEL").value_hint(clap::ValueHint::FilePath).help("A trained network, .onnx")
}

pub(crate) fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("Settings in TOML (default: napscope.toml in the working folder, if it is there)")
}

pub(crate) fn format() -> Arg {
    Arg::new("format").long("format").value_parser(["text", "json"]).default_value("text").help("What stdout gets")
}

pub(crate) fn quiet() -> Arg {
    Arg::new("quiet").long("quiet").short('q').action(ArgAction::SetTrue).help("No progress, no notes")
}

/// The settings that the command line gave.
pub fn flags(matches: &ArgMatches) -> BTreeMap<&'static str, Vec<String>> {
    let mut flags = BTreeMap::new();
    for setting in SETTINGS {
        // A command does not take every setting.
        let texts = match setting.takes {
            Takes::Switch => match matches.try_get_one::<bool>(setting.name) {
                Ok(Some(true)) => vec!["true".to_owned()],
                _ => continue,
            },
            _ => match matches.try_get_many::<String>(setting.name) {
                Ok(Some(values)) => values.cloned().collect(),
                _ => continue,
            },
        };
        flags.insert(setting.name, texts);
    }
    flags
}

/// Does the command line ask for JSON?
pub fn json(matches: &ArgMatches) -> bool {
    matches.try_get_one::<String>("format").ok().flatten().is_some_and(|format| format == "json")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
