//! Python, for oracles and peers only: a virtual environment under target/, with pinned packages.

use crate::succeed;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests need: the optional engine's library.
const ONNXRUNTIME: &str = "onnxruntime==1.32.0";

/// Installs onnxruntime once and returns its library.
///
/// # Errors
/// When there is no Python 3 with venv and pip, or the package cannot be installed.
pub(crate) fn onnxruntime(root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(library) = std::env::var_os("NAPSCOPE_TEST_ORT") {
        return Ok(library.into());
    }
    let home = root.join("target/python/test");
    let python = environment(&home, &[ONNXRUNTIME])?;
    let script = "import onnxruntime, pathlib; print(*pathlib.Path(onnxruntime.__file__).parent.glob('capi/libonnxruntime.*'), sep='\\n')";
    let output = Command::new(&python).args(["-c", script]).output().context("cannot ask Python for onnxruntime")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(PathBuf::from).with_context(|| format!("no onnxruntime library in {}", home.display()))
}

/// Remakes the expected values: every `oracles/make_*.py`, or one.
///
/// # Errors
/// When a maker fails.
pub(crate) fn make_oracles(root: &Path, only: Option<&str>) -> anyhow::Result<()> {
    let requirements = root.join("oracles/requirements.txt");
    let python = environment(&root.join("target/python/oracles"), &["-r", &requirements.display().to_string()])?;
    let mut makers: Vec<PathBuf> =
        std::fs::read_dir(root.join("oracles"))?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    makers.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        name.starts_with("make_") && name.ends_with(".py") && only.is_none_or(|only| name == format!("make_{only}.py"))
    });
    makers.sort();
    if makers.is_empty() {
        bail!("no maker matches {only:?} in oracles/");
    }
    for maker in makers {
        println!("{}", maker.display());
        succeed(Command::new(&python).arg(&maker).current_dir(root))?;
    }
    Ok(())
}

/// The Python of a virtual environment with `packages`; made when it is not there, and left alone when it is.
///
/// # Errors
/// When there is no Python 3 with venv and pip, or a package cannot be installed.
pub(crate) fn environment(home: &Path, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let python = home.join("bin/python");
    let installed = home.join("installed.txt");
    let wanted = packages.join(" ");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    eprintln!("installing {wanted} into {}", home.display());
    succeed(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    succeed(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages),
    )?;
    std::fs::write(&installed, wanted)?;
    Ok(python)
}
