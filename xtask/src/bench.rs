//! Benchmarks.
use std::path::Path;
pub(crate) fn run(_root: &Path, _only: Option<&str>) -> anyhow::Result<()> {
    anyhow::bail!("no benchmark yet")
}
