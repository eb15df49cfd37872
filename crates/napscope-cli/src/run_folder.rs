//! The folder that a run writes. While the work goes on everything lies in `RUN/.partial`; at the end it is moved up and
//! `report.json` comes last, so a folder with a `report.json` is a whole run. `state.json` says how far a stopped run came.

use anyhow::Context;
use napscope::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const PARTIAL: &str = ".partial";
const STATE: &str = "state.json";
const REPORT: &str = "report.json";

/// How far a run came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What decides the result; a run goes on only under the same one.
    pub fingerprint: String,
    /// Samples whose features are on the disk, of every layer.
    pub samples_done: usize,
    /// Layers (their files) whose patterns are on the disk.
    pub layers_done: Vec<String>,
}

/// A run's folder, open for work.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    /// How far it came.
    pub state: State,
}

/// What was found where a run shall be written.
#[derive(Debug)]
pub enum Opened {
    /// Work to do, from the start or from where it stopped.
    Work(RunFolder),
    /// The very same run, whole.
    Done(PathBuf),
}

impl RunFolder {
    /// Opens `root` for the run `fingerprint`.
    ///
    /// # Errors
    /// When the folder holds something else, another run (unless `force`), or a stopped run (unless `resume` or `force`).
    pub fn open(root: &Path, fingerprint: &str, resume: bool, force: bool) -> anyhow::Result<Opened> {
        let place = || format!("run folder {}", root.display());
        let refuse = |message: &str, hint: &str| {
            Error::new(ErrorKind::InvalidParameter, message.to_owned()).hint(hint).context(place())
        };
        if root.exists() && !root.is_dir() {
            return Err(refuse("it is a file, not a folder", "choose another --output").into());
        }
        let whole = read_fingerprint(&root.join(REPORT));
        let state = read_state(&root.join(PARTIAL).join(STATE));
        let foreign = whole.is_none() && state.is_none() && !is_empty(root).with_context(place)?;
        if foreign {
            return Err(refuse("it holds files that are no run of napscope", "choose another --output").into());
        }
        if force {
            remove_run(root).with_context(place)?;
        } else if whole.as_deref() == Some(fingerprint) {
            return Ok(Opened::Done(root.to_owned()));
        } else if whole.is_some() {
            return Err(
                refuse("it holds another run", "choose another --output, or replace that run with --force").into()
            );
        }
        let state = match state.filter(|_| !force) {
            Some(state) if state.fingerprint != fingerprint => {
                let hint = "choose another --output, or replace that run with --force";
                return Err(refuse("it holds another run, which was stopped", hint).into());
            }
            Some(_) if !resume => {
                return Err(refuse(
                    "it holds this run, which was stopped",
                    "go on with --resume, or start again with --force",
                )
                .into());
            }
            Some(state) => state,
            None => State { fingerprint: fingerprint.to_owned(), ..State::default() },
        };
        for sub in ["features", "layers", "clusters"] {
            let path = root.join(PARTIAL).join(sub);
            fs::create_dir_all(&path).with_context(|| format!("{}: cannot make {}", place(), path.display()))?;
        }
        let folder = RunFolder { root: root.to_owned(), state };
        folder.save_state()?;
        Ok(Opened::Work(folder))
    }

    /// A path in the part that is being worked on.
    pub fn partial(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(PARTIAL).join(name)
    }

    /// Writes a whole file into the part that is being worked on: beside first, then renamed.
    ///
    /// # Errors
    /// When the disk is full or may not be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(crate::files::atomic::write(&self.partial(name), bytes)?)
    }

    /// Writes how far the run came.
    ///
    /// # Errors
    /// As [`RunFolder::write`].
    pub fn save_state(&self) -> anyhow::Result<()> {
        self.write(STATE, &serde_json::to_vec(&self.state)?)
    }

    /// Removes what there is of a run that failed before any of it was done (at the first sample, say): there is nothing to go
    /// on with, and the place is free for the mended one.
    pub fn forget_if_nothing_is_done(self) {
        if self.state.samples_done == 0 && self.state.layers_done.is_empty() {
            // What cannot be removed stays and is told about by the next run.
            let _ = fs::remove_dir_all(self.root.join(PARTIAL));
            let _ = fs::remove_dir(&self.root);
        }
    }

    /// Moves everything up, `report.json` last.
    ///
    /// # Errors
    /// When something cannot be moved.
    pub fn finish(self, keep: &[&str], report: Option<&[u8]>) -> anyhow::Result<PathBuf> {
        for name in keep {
            let (from, to) = (self.partial(name), self.root.join(name));
            fs::rename(&from, &to).with_context(|| format!("cannot move {} to {}", from.display(), to.display()))?;
        }
        if let Some(report) = report {
            self.write(REPORT, report)?;
            fs::rename(self.partial(REPORT), self.root.join(REPORT))
                .with_context(|| format!("cannot write {}", self.root.join(REPORT).display()))?;
        }
        let rest = self.root.join(PARTIAL);
        fs::remove_dir_all(&rest).with_context(|| format!("cannot remove {}", rest.display()))?;
        Ok(self.root)
    }
}

/// What a run consists of: these, and nothing else, may be removed by `--force`.
const PIECES: [&str; 8] = [
    PARTIAL,
    REPORT,
    "report.html",
    "samples.parquet",
    crate::files::pictures::NAME,
    "features",
    "layers",
    crate::ood::evaluation::FOLDER,
];

fn remove_run(root: &Path) -> std::io::Result<()> {
    for piece in PIECES {
        let path = root.join(piece);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_empty(root: &Path) -> std::io::Result<bool> {
    match fs::read_dir(root) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn read_fingerprint(report: &Path) -> Option<String> {
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report).ok()?).ok()?;
    report.get("schema")?.as_str()?.starts_with("napscope.").then_some(())?;
    Some(report.get("fingerprint")?.as_str()?.to_owned())
}

fn read_state(path: &Path) -> Option<State> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// A file name for a layer: letters, digits, `.`, `-`, `_` stay; anything else becomes `_`; a number in front keeps it unique
/// and in order.
pub fn layer_file(index: usize, name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).take(80).collect();
    format!("{index:03}-{}", safe.trim_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(opened: Opened) -> RunFolder {
        match opened {
            Opened::Work(folder) => folder,
            Opened::Done(_) => panic!("expected work to do"),
        }
    }

    #[test]
    fn a_stopped_run_goes_on_only_when_asked_and_only_as_itself() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let root = base.path().join("run");
        let mut folder = work(RunFolder::open(&root, "a", false, false).expect("a new folder"));
        folder.state.samples_done = 7;
        folder.save_state().expect("saved");
        let told = |fingerprint, resume| {
            format!("{:#}", RunFolder::open(&root, fingerprint, resume, false).expect_err("refused"))
        };
        assert!(told("a", false).contains("this run, which was stopped"));
        assert!(told("b", true).contains("another run, which was stopped"));
        assert_eq!(work(RunFolder::open(&root, "a", true, false).expect("resumed")).state.samples_done, 7);
        assert_eq!(work(RunFolder::open(&root, "b", false, true).expect("forced")).state.samples_done, 0);
    }

    #[test]
    fn a_whole_run_is_recognised_and_replaced_only_by_force() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let root = base.path().join("run");
        let folder = work(RunFolder::open(&root, "a", false, false).expect("a new folder"));
        folder.write("report.html", b"<p>").expect("written");
        let report = br#"{"schema":"napscope.run/1","fingerprint":"a"}"#;
        folder.finish(&["features", "layers", "report.html"], Some(report)).expect("finished");
        assert!(matches!(RunFolder::open(&root, "a", false, false).expect("same"), Opened::Done(_)));
        let error = RunFolder::open(&root, "b", false, false).expect_err("another run");
        assert!(format!("{error:#}").contains("it holds another run"));
        std::fs::write(root.join("mine.txt"), "precious").expect("writable");
        work(RunFolder::open(&root, "b", false, true).expect("forced"));
        assert!(root.join("mine.txt").exists() && !root.join("report.json").exists());
    }

    #[test]
    fn a_folder_of_other_things_is_left_alone_even_by_force() {
        let base = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(base.path().join("thesis.tex"), "x").expect("writable");
        for force in [false, true] {
            let error = RunFolder::open(base.path(), "a", false, force).expect_err("foreign");
            assert!(format!("{error:#}").contains("no run of napscope"), "{error:#}");
        }
        assert!(base.path().join("thesis.tex").exists());
    }

    #[test]
    fn layer_files_are_safe_names() {
        for (name, expected) in [("layer1.0.relu", "000-layer1.0.relu"), ("/a/../b c", "000-_a_.._b_c"), ("..", "000-")]
        {
            assert_eq!(layer_file(0, name), expected);
        }
    }
}
