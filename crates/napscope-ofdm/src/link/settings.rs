//! Every parameter of a link by name, in one list: command line, configuration files, bindings and their help loop over it.
//!
//! Names are Sionna's with units; the names of Sionna itself and of MATLAB's 5G Toolbox are accepted too. Values are texts:
//! numbers, ranges and lists as [`Values`](super::Values) reads them, units where they are not the parameter's own, names of models and modulations, `none` for what is absent.

use super::config::{Coding, LinkConfig};
use super::settings_list::SETTINGS;
use super::units::{units_of, without_units};
use crate::error::{Error, ErrorKind, Result};
use crate::names::plain;
use std::fmt::Display;
use std::str::FromStr;

/// One parameter of a link.
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Other names of it, Sionna's and MATLAB's.
    pub aliases: &'static [&'static str],
    /// The heading that help puts it under.
    pub heading: &'static str,
    /// What help calls its value.
    pub value: &'static str,
    /// One line of help.
    pub help: &'static str,
    pub(super) set: fn(&mut LinkConfig, &str) -> Result<()>,
    pub(super) get: fn(&LinkConfig) -> String,
}

impl Setting {
    /// True of a number that each slot may draw anew ([`Values`](super::Values)).
    pub fn is_drawn(&self) -> bool {
        self.value.starts_with("VALUES")
    }
}

impl LinkConfig {
    /// Sets the parameter called `name` (or one of its aliases; case, hyphens and underscores do not matter) to what `text` says.
    /// Contradictions between parameters show when a [`super::Simulator`] is made.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] when nothing is called `name`, or by `text` names something that is not there;
    /// [`ErrorKind::InvalidParameter`] when `text` is no value of it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let setting = find(name)?;
        (setting.set)(self, &without_units(setting.name, text.trim())).map_err(|error| explain(error, setting))
    }

    /// Every parameter with its value, in the order of [`SETTINGS`].
    pub fn settings(&self) -> impl Iterator<Item = (&'static Setting, String)> + '_ {
        SETTINGS.iter().map(|setting| (setting, (setting.get)(self)))
    }
}

/// `error` about a value of `setting`, with what the setting takes and in which units it may be written.
fn explain(error: Error, setting: &Setting) -> Error {
    if error.kind() != ErrorKind::InvalidParameter {
        return error;
    }
    let takes = format!("{} takes {}: {}", setting.name, setting.value, setting.help);
    let hint = error.how_to_mend().map_or(takes, str::to_owned);
    let units = units_of(setting.name).collect::<Vec<_>>().join(", ");
    error.hint(if units.is_empty() { hint } else { format!("{hint} (units: {units})") })
}

/// The setting called `name`.
pub(super) fn find(name: &str) -> Result<&'static Setting> {
    let wanted = plain(name);
    if ["ebnodb", "ebn0db"].contains(&wanted.as_str()) {
        return Err(Error::new(ErrorKind::UnknownName, format!("no parameter of a link is called `{name}`")).hint(
            "give snr_db, which is Es/N0 on a resource element: Eb/N0 plus 10 log10(bits a symbol x code rate)",
        ));
    }
    let found =
        SETTINGS.iter().find(|s| plain(s.name) == wanted || s.aliases.iter().any(|alias| plain(alias) == wanted));
    found.ok_or_else(|| {
        let every: Vec<&str> = SETTINGS.iter().flat_map(|s| s.aliases.iter().chain([&s.name])).copied().collect();
        Error::unknown("parameter of a link", name, every)
    })
}

/// How an absent value is written.
pub(super) const NONE: &str = "none";

pub(super) fn number<V: FromStr>(name: &str, text: &str) -> Result<V> {
    text.trim().parse().map_err(|_| Error::parameter(format!("{name}: `{text}` is not understood")))
}

pub(super) fn assign<V: FromStr>(place: &mut V, name: &str, text: &str) -> Result<()> {
    *place = number(name, text)?;
    Ok(())
}

pub(super) fn assign_optional<V: FromStr>(place: &mut Option<V>, name: &str, text: &str) -> Result<()> {
    *place = if text == NONE { None } else { Some(number(name, text)?) };
    Ok(())
}

pub(super) fn optional<V: Display>(value: Option<&V>) -> String {
    value.map_or_else(|| NONE.to_owned(), V::to_string)
}

pub(super) fn coded<'c>(config: &'c mut LinkConfig, name: &str) -> Result<&'c mut Coding> {
    config.coding.as_mut().ok_or_else(|| {
        Error::parameter(format!("{name} needs channel coding")).hint("give target_coderate before it, 658/1024 say")
    })
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

pub(super) fn choice<V: Copy>(name: &str, text: &str, known: &[(&'static str, V)]) -> Result<V> {
    let plain = text.to_lowercase().replace('-', "_");
    let found = known.iter().find(|(known, _)| *known == plain).map(|(_, value)| *value);
    found.ok_or_else(|| Error::unknown(&format!("value of {name}"), text, known.iter().map(|(known, _)| *known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reads_what_it_writes() {
        let mut config = LinkConfig { coding: Some(Coding::default()), ..LinkConfig::default() };
        for (name, text) in [
            ("DelayProfile", "TDL-B, tdl-d"),
            ("MaximumDopplerShift", "0..500"),
            ("modulation", "QPSK,64QAM"),
            ("SubcarrierSpacing", "30"),
            ("pa_backoff_db", "3..9"),
            ("TargetCodeRate", "1/2"),
            ("fft-size", "1024"),
        ] {
            config.set(name, text).unwrap_or_else(|error| panic!("{name} = {text}: {error}"));
        }
        let mut read = LinkConfig::default();
        for (setting, text) in config.settings() {
            if text != NONE || !["speed_mps", "max_doppler_hz"].contains(&setting.name) {
                read.set(setting.name, &text).unwrap_or_else(|error| panic!("{} = {text}: {error}", setting.name));
            }
        }
        assert_eq!(read, config);
    }

    #[test]
    fn names_are_unique_and_help_is_there() {
        let mut names: Vec<String> =
            SETTINGS.iter().flat_map(|s| s.aliases.iter().chain([&s.name])).map(|n| n.to_lowercase()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice");
        assert!(SETTINGS.iter().all(|s| !s.help.is_empty() && !s.value.is_empty()));
    }

    #[test]
    fn mistakes_are_told() {
        for (name, text, expected) in [
            ("snr", "3", "no parameter of a link is called `snr`"),
            ("ebno_db", "3", "no parameter of a link is called `ebno_db`"),
            ("num_prb", "3.5", "num_prb: `3.5` is not understood"),
            ("domain", "space", "no value of domain is called `space`"),
            ("n_rnti", "7", "n_rnti needs channel coding"),
            ("channel_model", "cdl-a", "no channel model is called `cdl-a`"),
            ("speed_mps", "fast", "`fast` is no number, range or list"),
        ] {
            let error = LinkConfig::default().set(name, text).expect_err(name);
            assert_eq!(error.to_string(), expected);
            assert!(error.how_to_mend().is_some(), "{name} = {text}: no hint");
        }
        for (name, text, expected) in [
            ("num_prb", "2.5", "num_prb takes N: Resource blocks of 12 subcarriers, 1 to 273"),
            ("speed_mps", "30mph", "(units: km/h, kmh, m/s)"),
            ("delay_spread_secs", "1ell", "(units: ns, us, µs, ms, s)"),
        ] {
            let error = LinkConfig::default().set(name, text).expect_err(name);
            let hint = error.how_to_mend().unwrap_or_default();
            assert!(hint.contains(expected), "{name} = {text}: `{hint}`");
        }
    }
}
