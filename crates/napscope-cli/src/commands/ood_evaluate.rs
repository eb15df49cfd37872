//! `napscope ood evaluate`: how well detectors tell data sets apart, as a table, as JSON, and into a run folder.

use super::ood::{NETWORK, bundle, load};
use crate::exit::Outcome;
use crate::files::{atomic, table};
use crate::ood::evaluation::{Evaluation, EvaluationLine, FOLDER};
use crate::ood::{BundleHead, Judgement, open_like};
use crate::terminal::{Style, Table, print, say};
use crate::{args, shell};
use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command};
use napscope::evaluate::Separation;
use napscope::{Error, ErrorKind};
use std::path::{Path, PathBuf};

pub(super) fn command() -> Command {
    let data = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).required(true).value_name("PATH").value_hint(clap::ValueHint::AnyPath).help(help)
    };
    let command = Command::new("evaluate")
        .about("How well each detector tells data sets apart: AUROC, AUPR, both FPR95s, false alarms")
        .arg(bundle())
        .arg(args::model())
        .arg(data("id", "In-distribution data that the bundle has not seen"))
        .arg(data("ood", "Out-of-distribution data, may be repeated").action(ArgAction::Append))
        .arg(
            Arg::new("run")
                .long("run")
                .value_name("RUN")
                .value_parser(clap::value_parser!(PathBuf))
                .value_hint(clap::ValueHint::DirPath)
                .help("Put the result into this run folder, under the bundle's name: `napscope explore RUN` shows it"),
        )
        .arg(args::config())
        .arg(args::format())
        .arg(args::quiet());
    args::with_settings(command, |setting| {
        NETWORK.contains(&setting.name) || ["limit", "force"].contains(&setting.name)
    })
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    let (judge, settings, model, memory_limit) = load(matches)?;
    let quiet = super::analyze::quiet(matches);
    let kept = matches.get_one::<PathBuf>("run").map(|run| place(run, matches, &judge.head, settings.on("force")));
    let kept = kept.transpose()?;
    let judged = |data: &str| -> anyhow::Result<Judgement> {
        let question = open_like(&judge.head, &settings, model.as_deref(), data, memory_limit)?;
        Ok(judge.judge(&question, quiet, |_, _| {})?)
    };
    let id = matches.get_one::<String>("id").map_or("", String::as_str);
    let sets: Vec<&str> = matches.get_many::<String>("ood").into_iter().flatten().map(String::as_str).collect();
    if let Some(twice) = (1..sets.len()).find(|&at| sets[..at].contains(&sets[at])) {
        let message = format!("--ood {} is given twice", sets[twice]);
        return Err(Error::new(ErrorKind::InvalidParameter, message).hint("give each set once").into());
    }
    let mut told = shell::command(&format!("ood evaluate {}", shell::quote(bundle_path(matches))), &settings, None);
    // --id bears the name of a setting, and is told with the settings.
    sets.iter().for_each(|set| told.push_str(&format!(" --ood {}", shell::quote(set))));
    let evaluation = super::with_threads(&settings, || {
        let usual = judged(id)?;
        let sets = sets.iter().map(|set| Ok((*set, judged(set)?))).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Evaluation::new(&judge.head, told, (id, &usual), &sets)?)
    })?;
    if let Some(path) = kept {
        atomic::write(&path, &serde_json::to_vec(&evaluation)?)?;
        if !quiet {
            say(&format!("evaluation: {}", path.display()));
        }
    }
    if args::json(matches) {
        print(&format!("{}\n", serde_json::to_string_pretty(&evaluation)?))?;
    } else {
        print(&text(&evaluation))?;
    }
    Ok(Outcome::Ok)
}

fn bundle_path(matches: &ArgMatches) -> &str {
    matches.get_one::<PathBuf>("bundle").and_then(|path| path.to_str()).unwrap_or_default()
}

/// The file of the evaluation in the folder `run`, which must hold a run of the same network.
fn place(run: &Path, matches: &ArgMatches, head: &BundleHead, force: bool) -> anyhow::Result<PathBuf> {
    let report = super::analyze::read_report(run)?;
    let hash = |model: &Option<crate::report::FileFacts>| model.as_ref().map(|facts| facts.sha256.clone());
    if hash(&report.model) != hash(&head.model) {
        let message = format!("{} is a run of another network than the detectors learned from", run.display());
        return Err(Error::new(ErrorKind::InvalidParameter, message)
            .hint("analyze that network, or leave --run out")
            .into());
    }
    let folder = run.join(FOLDER);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let name = Path::new(bundle_path(matches)).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let path = folder.join(format!("{name}.json"));
    table::check_place(&path, force)?;
    Ok(path)
}

fn text(evaluation: &Evaluation) -> String {
    let mut table = Table::new([
        "ood",
        "layer",
        "detector",
        "auroc",
        "95 % interval",
        "aupr_in",
        "aupr_out",
        "fpr_ood@95",
        "fpr_id@95",
        "alarms",
        "false alarms",
    ]);
    for EvaluationLine { ood, layer, detector, alarm_rate, false_alarm_rate, separation, .. } in &evaluation.lines {
        let Separation { auroc, auroc_interval: [low, high], aupr_in, aupr_out, .. } = separation;
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        table.row([
            ood.clone(),
            layer.clone().unwrap_or_else(|| "all".to_owned()),
            detector.clone(),
            format!("{auroc:.3}"),
            format!("{low:.3} … {high:.3}"),
            format!("{aupr_in:.3}"),
            format!("{aupr_out:.3}"),
            percent(separation.fpr_ood_at_tpr_id_95),
            percent(separation.fpr_id_at_tpr_ood_95),
            percent(*alarm_rate),
            percent(*false_alarm_rate),
        ]);
    }
    let mut text = table.render(Style::stdout());
    text.push_str(&format!(
        "\nauroc: probability that an out-of-distribution sample scores higher. fpr_ood@95: out-of-distribution samples that pass\nwhere 95 % of the in-distribution ones pass; fpr_id@95: false alarms where 95 % of the out-of-distribution ones are\ncaught. alarms, false alarms: at the rate of {} that the bundle was fitted for.\n",
        evaluation.false_alarm_rate
    ));
    text
}
