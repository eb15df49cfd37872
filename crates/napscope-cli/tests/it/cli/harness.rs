//! Runs the built program.

use crate::scratch::Scratch;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A small network of the repository: a perceptron, 12 numbers in.
pub(crate) fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/taps").join(name)
}

/// What a command came to.
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `napscope` in the scratch folder with `arguments`, which a shell would split at blanks.
pub(crate) fn napscope(scratch: &Scratch, arguments: &str) -> Told {
    told(command(scratch).args(arguments.split_whitespace()).output())
}

/// The program, to be run in the scratch folder, without the settings of whoever runs the tests.
pub(crate) fn command(scratch: &Scratch) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_napscope"));
    command.current_dir(scratch.path()).env("NO_COLOR", "1").env_remove("RUST_BACKTRACE");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NAPSCOPE_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn told(output: std::io::Result<Output>) -> Told {
    let output = output.expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
