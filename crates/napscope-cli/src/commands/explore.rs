//! `napscope explore`: a run folder as a web page on this machine.

use crate::exit::Outcome;
use crate::explore::{Address, Run, serve};
use crate::interrupt;
use crate::terminal::{Style, print, say};
use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command};
use napscope::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// `napscope explore`, for the command line.
pub(crate) fn command() -> Command {
    Command::new("explore")
        .about("Look at a run in the browser: layers, patterns, samples, the tree")
        .long_about(
            "Opens a page on this machine with everything that the run folders hold: the layers, a picture of all samples, the \
             patterns with their most and least typical samples, the tree with live re-clustering, what sets a selection \
             apart, and how samples move from layer to layer. A selection in one view is the selection in all. The server \
             listens to this machine only, and stops with Ctrl-C.",
        )
        .after_help("Examples:\n  napscope explore run\n  napscope explore run-a run-b --port 8800 --no-open\n  ssh -L 8800:127.0.0.1:8800 HOST   and there: napscope explore run --port 8800 --no-open\n  napscope explore run --screenshot-to run.png")
        .arg(run_folders().num_args(1..))
        .arg(Arg::new("port").long("port").value_name("PORT").default_value("auto").help("The port; auto takes a free one"))
        .arg(Arg::new("host").long("host").value_name("HOST").default_value("127.0.0.1").help(
            "The address to listen at; beyond this machine (0.0.0.0, say) everybody must bring the token that is printed",
        ))
        .arg(Arg::new("no-open").long("no-open").action(ArgAction::SetTrue).help("Do not open a browser"))
        .arg(
            Arg::new("screenshot-to")
                .long("screenshot-to")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Write a picture of the page (PNG) by a headless Chromium, and stop"),
        )
        .arg(Arg::new("view").long("view").value_name("HASH").default_value("").help(
            "The view to open, as a permalink has it behind the #",
        ))
        .arg(Arg::new("size").long("size").value_name("WxH").default_value("1600x1000").help("Size of the screenshot"))
}

/// The run folders that a command is about.
pub(super) fn run_folders() -> Arg {
    Arg::new("run")
        .value_name("RUN")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .value_hint(clap::ValueHint::DirPath)
        .help("A run folder, as analyze makes it")
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<Outcome> {
    interrupt::listen();
    let folders = matches.get_many::<PathBuf>("run").into_iter().flatten();
    let runs: Vec<Run> = folders.map(|folder| Run::open(folder)).collect::<anyhow::Result<_>>()?;
    let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let address = Address { host: text("host").to_owned(), port: port(text("port"))? };
    let view = match text("view").trim_start_matches('#') {
        "" => String::new(),
        view => format!("#{view}"),
    };
    let picture = matches.get_one::<PathBuf>("screenshot-to").cloned();
    let size = size(text("size"))?;
    let done = Arc::new(AtomicBool::new(false));
    let drawn = Arc::new(Mutex::new(None));
    let ready = |url: &str| {
        let url = format!("{url}{view}");
        if let Some(picture) = picture {
            let (done, drawn) = (Arc::clone(&done), Arc::clone(&drawn));
            std::thread::spawn(move || {
                *drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(screenshot(&url, &picture, size));
                done.store(true, Ordering::Release);
            });
            return;
        }
        // A closed stdout is no reason not to serve.
        let _ = print(&format!("{url}\n"));
        say(&Style::stderr().dim("the explorer listens at this address; Ctrl-C stops it"));
        if url.contains("?token=") {
            say("warning: other machines can reach this address; who has the token sees all of the run");
        }
        if !matches.get_flag("no-open") {
            open_browser(&url);
        }
    };
    serve(runs, &address, ready, || done.load(Ordering::Acquire))?;
    let drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner).take();
    drawn.transpose()?;
    Ok(Outcome::Ok)
}

fn port(text: &str) -> Result<Option<u16>, Error> {
    match text {
        "auto" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Error::new(ErrorKind::InvalidParameter, format!("--port {text} is neither a port (1 … 65535) nor auto"))
        }),
    }
}

fn size(text: &str) -> Result<[u32; 2], Error> {
    let parts = text.split_once('x').and_then(|(width, height)| Some([width.parse().ok()?, height.parse().ok()?]));
    parts.filter(|size| size.iter().all(|side| (200..=8000).contains(side))).ok_or_else(|| {
        Error::new(ErrorKind::InvalidParameter, format!("--size {text} is not WIDTHxHEIGHT of 200 … 8000 pixels"))
            .hint("for example --size 1600x1000")
    })
}

/// Asks the desktop to open a page; where it cannot, the printed address is enough.
fn open_browser(url: &str) {
    let (program, arguments): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/c", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut command = std::process::Command::new(program);
    let _ = command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}

/// Names under which Chromium is found.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn screenshot(url: &str, picture: &Path, [width, height]: [u32; 2]) -> anyhow::Result<()> {
    let profile = tempfile::tempdir().context("no temporary folder for the browser")?;
    let picture = std::path::absolute(picture)?;
    for browser in BROWSERS {
        let mut command = std::process::Command::new(browser);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .arg("--enable-unsafe-swiftshader")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--window-size={width},{height}"))
            .arg("--virtual-time-budget=20000")
            .arg(format!("--screenshot={}", picture.display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let Ok(status) = command.status() else { continue };
        anyhow::ensure!(status.success() && picture.is_file(), "{browser} has drawn nothing ({status})");
        say(&format!("screenshot: {}", picture.display()));
        return Ok(());
    }
    let message = format!("no browser for the screenshot is found: none of {} is installed", BROWSERS.join(", "));
    Err(Error::new(ErrorKind::Source, message).hint("install Chromium, or leave --screenshot-to out").into())
}
