//! The embedded examples, each a network with data: what `napscope analyze` runs when nobody names any.

pub(crate) mod receiver;
pub(crate) mod vision;

use crate::settings::Settings;
use anyhow::Context;
use std::path::Path;
use tempfile::TempDir;

/// An example puts its files into the folder and settles what nobody has set; the flag asks for no progress.
type Unpack = fn(&mut Settings, &Path, bool) -> anyhow::Result<()>;

/// Every example with its name; the first one is the usual one.
const EXAMPLES: [(&str, Unpack); 2] = [("receiver", receiver::unpack), ("vision", vision::unpack)];

/// Their names.
pub const NAMES: [&str; 2] = [EXAMPLES[0].0, EXAMPLES[1].0];

/// Unpacks the example called `name` into a temporary folder, which goes when the value is dropped, and settles what nobody has
/// set.
///
/// # Errors
/// When there is no such example, or no room for it.
pub fn unpack(name: &str, settings: &mut Settings, quiet: bool) -> anyhow::Result<TempDir> {
    let found = EXAMPLES.iter().find(|example| example.0 == name);
    let (_, unpack) = found.ok_or_else(|| napscope::Error::unknown("example", name, NAMES))?;
    let folder = tempfile::tempdir().context("no temporary folder for the example")?;
    unpack(settings, folder.path(), quiet)?;
    Ok(folder)
}

/// Writes the file `name` of an example and takes it for `setting`.
fn put(settings: &mut Settings, setting: &'static str, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot unpack the example to {}", path.display()))?;
    settings.set_default(setting, &[&path.display().to_string()]);
    Ok(())
}
