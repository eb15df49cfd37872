//! `napscope sweep`: a grid of recipes over the same samples, ranked.

use crate::exit::Outcome;
use crate::settings::Settings;
use crate::sweep::grid::Grid;
use crate::sweep::rank;
use crate::sweep::report::ValidityForm;
use crate::sweep::run::{Sweep, Wishes, beside};
use crate::sweep::subject::Subject;
use crate::sweep::tell::Format;
use crate::{example, files, interrupt, question, shell};
use clap::ArgMatches;
use napscope::{Error, ErrorKind, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let mut settings = super::settings(matches)?;
    let wants_example = matches.get_one::<String>("example").is_some();
    let is_example = wants_example || settings.path("model").is_none() && settings.path("data").is_none();
    let told = settings.clone();
    // Held until the end: it removes the unpacked files.
    let _unpacked =
        if is_example { Some(example::unpack("vision", &mut settings, super::analyze::quiet(matches))?) } else { None };
    let wishes = wishes(matches, &settings)?;
    super::with_threads(&settings, || {
        let memory_limit = super::memory_limit(&settings)?;
        let subject = subject(&settings, matches, memory_limit)?;
        if wishes.ranking.by_labels && subject.labels.is_none() {
            let message = format!("--rank-by {} compares with labels, and there are none", wishes.ranking.name);
            return Err(Error::new(ErrorKind::InvalidParameter, message)
                .hint("name their column with --label, or give them with --metadata")
                .into());
        }
        let grid = Grid::of(&settings, subject.ready().as_deref())?;
        let command = told_command(&told, is_example, matches);
        Sweep { settings: &settings, wishes: &wishes, subject, grid, is_example, command, memory_limit }.run()
    })?;
    Ok(Outcome::Ok)
}

fn wishes(matches: &ArgMatches, settings: &Settings) -> anyhow::Result<Wishes> {
    let text = |name| matches.get_one::<String>(name).map_or("", String::as_str);
    let contradiction =
        |message: &str, hint: &str| Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint).into());
    let resamples = matches.get_one::<usize>("resamples").copied().unwrap_or_default();
    let ranking = rank::find(text("rank-by")).unwrap_or_else(|| rank::default(resamples));
    if ranking.by_resampling && resamples == 0 {
        let message = format!("--rank-by {} needs subsamples, and --resamples is 0", ranking.name);
        return contradiction(&message, "give --resamples 5, or --rank-by validity");
    }
    let output = settings.path("output").map(|path| destination(path, settings)).transpose()?;
    if output.is_none() && settings.on("resume") {
        return contradiction("--resume without --output: nothing was kept", "give the same -o FILE as before");
    }
    Ok(Wishes {
        ranking,
        resamples,
        validity: if text("validity") == "full" { ValidityForm::Full } else { ValidityForm::Tree },
        top: matches.get_one::<usize>("top").copied().unwrap_or_default(),
        timings: matches.get_flag("timings"),
        format: Format::of(text("format")).unwrap_or(Format::Text),
        shown: true,
        output,
        array: matches.get_one::<String>("array").cloned(),
        quiet: super::analyze::quiet(matches),
    })
}

/// Checks, before the work begins, that the table may be written to `path`, and tells its format by the ending.
fn destination(path: PathBuf, settings: &Settings) -> Result<(PathBuf, Format)> {
    let refuse = |message: &str, hint: &str| {
        Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint).context(path.display().to_string()))
    };
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase();
    let Some(format) = Format::of(&ending) else {
        return refuse("the ending of its name tells no format of a table", "end it in .json, .csv, .md or .txt");
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return refuse("it is a folder", "name a file in it");
    }
    if !folder.is_dir() {
        return refuse("its folder does not exist", "make the folder first, or choose another --output");
    }
    let goes_on = settings.on("resume") && beside(&path).is_dir();
    if path.exists() && !goes_on && !settings.on("force") {
        return refuse("the file exists", "choose another --output, or replace it with --force");
    }
    Ok((path, format))
}

fn subject(settings: &Settings, matches: &ArgMatches, memory_limit: u64) -> anyhow::Result<Subject> {
    let array = matches.get_one::<String>("array");
    let model = settings.path("model");
    let ending = |path: &Path| path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase();
    let ready = model.as_deref().filter(|path| {
        settings.path("data").is_none() && (path.is_dir() || ["safetensors", "npz", "npy"].contains(&&*ending(path)))
    });
    let Some(path) = ready else {
        if array.is_some() {
            return Err(Error::new(ErrorKind::InvalidParameter, "--array chooses among ready-made features")
                .hint("give the features file in place of the network, or choose with --layer")
                .into());
        }
        return Ok(Subject::of_question(question::open(settings, model.as_deref(), memory_limit)?));
    };
    let limited = settings.text("limit").is_some();
    if path.is_dir() && limited {
        return Err(settings.refuse("limit", "cannot shorten a run that is stored").into());
    }
    if path.is_dir() || (array.is_none() && !limited && files::features::peek(path).is_some()) {
        return Subject::of_files(settings, path);
    }
    let (features, columns) = super::cluster::read(path, array, memory_limit)?;
    let (features, columns) = super::cluster::limited(settings, features, columns)?;
    Subject::of_matrix(settings, path, features, columns)
}

/// The command that makes the table again.
fn told_command(settings: &Settings, is_example: bool, matches: &ArgMatches) -> String {
    let mut command = shell::command("sweep", settings, is_example.then_some("--example vision"));
    for name in ["rank-by", "resamples", "validity", "top", "array"] {
        if matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine) {
            let value = matches.get_raw(name).and_then(|mut values| values.next()).unwrap_or_default();
            command.push_str(&format!(" --{name} {}", shell::quote(&value.to_string_lossy())));
        }
    }
    command
}
