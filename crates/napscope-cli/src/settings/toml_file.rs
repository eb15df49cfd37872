//! Settings in a TOML file.

use super::{Given, Origin, SETTINGS, Setting, Takes, find};
use anyhow::Context;
use napscope::{Error, ErrorKind};
use std::collections::BTreeMap;
use std::path::Path;

/// The settings in the TOML file `path`, by name.
///
/// # Errors
/// When it cannot be read, is no TOML, or holds a key that is no setting.
pub(super) fn read(path: &Path) -> anyhow::Result<BTreeMap<&'static str, Given>> {
    let place = || format!("configuration {}", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        Error::new(ErrorKind::InvalidParameter, error.to_string().trim_end().to_owned())
            .context(place())
            .hint("one `name = value` a line; `napscope config` shows every name")
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut values = BTreeMap::new();
    for (key, value) in &table {
        let setting = find(key).ok_or_else(|| {
            Error::unknown("setting", key, SETTINGS.iter().map(|setting| setting.name)).context(place())
        })?;
        let texts = toml_texts(setting, value, folder).map_err(|error| error.context(place()))?;
        values.insert(setting.name, Given { texts, origin: Origin::File(path.to_owned()) });
    }
    Ok(values)
}

/// Puts the settings of a `preset` that is a TOML file in its place: those that nobody has said otherwise.
///
/// # Errors
/// As [`read`]; for a setting that is none of images, and another preset.
pub(super) fn open_preset(values: &mut BTreeMap<&'static str, Given>) -> anyhow::Result<()> {
    let Some(preset) = values.get("preset") else { return Ok(()) };
    let named = Path::new(preset.texts.last().map_or("", String::as_str));
    if !named.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return Ok(());
    }
    let path = match &preset.origin {
        Origin::File(config) => config.parent().unwrap_or(Path::new("")).join(named),
        _ => named.to_owned(),
    };
    let held = read(&path)?;
    let ours = |name: &str| name != "preset" && find(name).is_some_and(|setting| setting.heading == super::IMAGES);
    if let Some(name) = held.keys().find(|name| !ours(name)) {
        let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).filter(|name| ours(name)).collect();
        return Err(Error::new(ErrorKind::InvalidParameter, format!("`{name}` is nothing that prepares images"))
            .hint(format!("a preset holds {}; everything else goes into --config", names.join(", ")))
            .context(format!("preset {}", path.display()))
            .into());
    }
    values.remove("preset");
    for (name, given) in held {
        values.entry(name).or_insert(given);
    }
    Ok(())
}

fn toml_texts(setting: &Setting, value: &toml::Value, folder: &Path) -> Result<Vec<String>, Error> {
    let scalar = |value: &toml::Value| match value {
        toml::Value::String(text) if setting.takes == Takes::Path => Ok(folder.join(text).display().to_string()),
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(on) => Ok(on.to_string()),
        other => Err(Error::new(
            ErrorKind::InvalidParameter,
            format!("{}: expected a text, a number or true/false, got {}", setting.name, other.type_str()),
        )),
    };
    match value {
        toml::Value::Array(items) if setting.takes == Takes::Many => items.iter().map(scalar).collect(),
        // A list of numbers (mean, std) is what the flag writes with commas.
        toml::Value::Array(items) => Ok(vec![items.iter().map(scalar).collect::<Result<Vec<_>, _>>()?.join(",")]),
        value => Ok(vec![scalar(value)?]),
    }
}
