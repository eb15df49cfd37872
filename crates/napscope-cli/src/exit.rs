//! Exit codes, and how an error is told: what, where, and how to mend it.
//!
//! 0 ok · 1 a finding · 2 the user's or the data's error · 3 an error of our own · 130 stopped by Ctrl-C.

use crate::terminal::Style;
use napscope::{Error, ErrorKind};
use std::process::ExitCode;

/// How a command that worked ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to report.
    Ok,
    /// It found what it was asked to look for (something out of distribution, say).
    Finding,
}

/// Runs a command, tells its error on stderr, and turns what became of it into the exit code. A panic is a bug of ours: it
/// is told as one and exits with 3.
pub fn guarded(command: impl FnOnce() -> anyhow::Result<Outcome> + std::panic::UnwindSafe) -> ExitCode {
    match std::panic::catch_unwind(command) {
        Ok(Ok(Outcome::Ok)) => ExitCode::SUCCESS,
        Ok(Ok(Outcome::Finding)) => ExitCode::from(1),
        Ok(Err(error)) => tell(&error),
        Err(_) => {
            crate::terminal::say("this is a bug in napscope: please report it with the command and the lines above");
            ExitCode::from(3)
        }
    }
}

fn tell(error: &anyhow::Error) -> ExitCode {
    if let Some(clap) = error.downcast_ref::<clap::Error>() {
        // Help and version are no errors: clap knows which stream they go to.
        let _ = clap.print();
        return ExitCode::from(u8::try_from(clap.exit_code()).unwrap_or(2));
    }
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let style = Style::stderr();
    crate::terminal::say(&format!("{} {error:#}", style.red("error:")));
    let known = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    if let Some(hint) = known.and_then(Error::how_to_mend) {
        for line in hint.lines() {
            crate::terminal::say(&format!("  {} {line}", style.cyan("hint:")));
        }
    }
    match known.map(Error::kind) {
        Some(ErrorKind::Interrupted) => ExitCode::from(130),
        _ => ExitCode::from(2),
    }
}

/// Somebody closed our stdout (`| head`): that is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
