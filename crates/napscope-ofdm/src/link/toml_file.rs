//! A link as a TOML file, and the links that come with the crate.
//!
//! A file is a flat list of `name = value` with the names of [`SETTINGS`] (or their aliases). A value is a number, a text as
//! [`Values`](super::Values) reads it (`"-4..32"`), or a list of them (`["tdl-b", "tdl-c"]`). What the file does not name keeps
//! the value it has.

use super::config::LinkConfig;
use super::settings::{NONE, find};
use super::settings_list::SETTINGS;
use crate::error::{Error, Result};
use std::fmt::Write;

/// A link that comes with the crate.
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// The file.
    pub toml: &'static str,
}

/// The preset called `$name`: the file of that name.
macro_rules! preset {
    ($name:literal, $help:literal) => {
        Preset { name: $name, help: $help, toml: include_str!(concat!("../../presets/", $name, ".toml")) }
    };
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    preset!("awgn", "white noise alone on one antenna, 16-QAM: the textbook's curves"),
    preset!(
        "deeprx",
        "what DeepRx is trained on (arXiv 2005.01494, table II): 26 PRB, 2 antennas, 16-QAM, TDL-B to -D"
    ),
    preset!("deeprx_validation", "what DeepRx is validated on: the same, over TDL-A and TDL-E"),
    preset!(
        "high_delay",
        "out of deeprx's distribution: delay spreads of 400 ns to 1 us, beyond those of the training"
    ),
    preset!(
        "high_speed",
        "out of deeprx's distribution: Doppler shifts of 700 to 1500 Hz, beyond those of the training"
    ),
    preset!("interference", "out of deeprx's distribution: a co-channel transmitter at 0 to 20 dB below the signal"),
    preset!(
        "poor_hardware",
        "out of deeprx's distribution: frequency offset, phase noise and a saturating power amplifier"
    ),
];

impl LinkConfig {
    /// The preset called `name`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::UnknownName`] for any other name.
    pub fn preset(name: &str) -> Result<Self> {
        let plain = name.to_lowercase().replace('-', "_");
        let preset = PRESETS.iter().find(|preset| preset.name == plain);
        let preset = preset.ok_or_else(|| Error::unknown("preset", name, PRESETS.iter().map(|preset| preset.name)))?;
        let mut config = LinkConfig::default();
        config.set_toml(preset.toml)?;
        Ok(config)
    }

    /// Sets what the TOML file `text` says.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when `text` is no TOML, names a parameter twice, or has a value that is none;
    /// [`crate::ErrorKind::UnknownName`] for an unknown parameter.
    pub fn set_toml(&mut self, text: &str) -> Result<()> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            Error::parameter(format!("line {line} of the TOML file: {}", error.message()))
        })?;
        let mut given: Vec<(&str, &str, String)> = Vec::new();
        for (name, value) in &table {
            let setting = find(name)?;
            let text = value_text(value).ok_or_else(|| {
                Error::parameter(format!("{name} must be a number, a text or a list of them, got {}", value.type_str()))
                    .hint("the file is a flat list of name = value, without sections")
            })?;
            if let Some((_, other, _)) = given.iter().find(|(known, ..)| *known == setting.name) {
                return Err(Error::parameter(format!("{other} and {name} are the same parameter")));
            }
            given.push((setting.name, name, text));
        }
        let is_given = |wanted: &str| given.iter().any(|(name, _, text)| *name == wanted && text != NONE);
        if is_given("speed_mps") && is_given("max_doppler_hz") {
            return Err(Error::parameter("speed_mps and max_doppler_hz contradict each other").hint("give one of them"));
        }
        for setting in SETTINGS {
            if let Some((.., text)) = given.iter().find(|(name, ..)| *name == setting.name) {
                self.set(setting.name, text)?;
            }
        }
        Ok(())
    }

    /// All parameters as a TOML file that [`set_toml`](Self::set_toml) reads; those that are absent are left out.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (setting, value) in self.settings().filter(|(_, value)| value != NONE) {
            let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
            let quote = if is_number { "" } else { "\"" };
            let _ = writeln!(text, "{} = {quote}{value}{quote}", setting.name);
        }
        text
    }
}

/// The value as a setting reads it.
fn value_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(values) => {
            let texts: Option<Vec<String>> = values.iter().map(value_text).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Coding, Motion, Simulator, Values};

    #[test]
    fn every_preset_is_a_link_and_comes_back_from_its_file() {
        for preset in PRESETS {
            let config = LinkConfig::preset(preset.name).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            assert!(config != LinkConfig::default(), "{} is the default", preset.name);
            Simulator::new(config.clone()).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            let mut read = LinkConfig::default();
            read.set_toml(&config.to_toml()).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            assert_eq!(read, config, "{}", preset.name);
        }
    }

    #[test]
    fn numbers_texts_lists_and_aliases_are_read() {
        let mut config = LinkConfig::default();
        let text = "SNRdB = [0, 10.5]\nDelayProfile = [\"A\", \"tdl-c\"]\nn_rnti = 9\nTargetCodeRate = \"1/2\"\nmax_doppler = \"0..300\"";
        config.set_toml(text).expect("a file");
        assert_eq!(config.snr_db, Values::OneOf(vec![0.0, 10.5]));
        assert_eq!(config.channel_models.len(), 2);
        assert_eq!(config.motion, Motion::MaxDopplerHz(Values::Uniform(0.0, 300.0)));
        // The name of the terminal needs the coding, whichever stands first.
        assert_eq!(config.coding, Some(Coding { target_coderate: 0.5, n_rnti: 9, ..Coding::default() }));
    }

    #[test]
    fn mistakes_in_files_are_told() {
        for (text, expected) in [
            ("snr_db = ", "line 1 of the TOML file"),
            ("num_prb = 4\nsnr_db 3", "line 2 of the TOML file"),
            ("snr = 3", "no parameter of a link is called `snr`"),
            ("snr_db = true", "snr_db must be a number, a text or a list of them, got boolean"),
            ("[grid]\nnum_prb = 4", "no parameter of a link is called `grid`"),
            ("[snr_db]\nx = 4", "snr_db must be a number, a text or a list of them, got table"),
            ("snr_db = 3\nSNRdB = 4", "are the same parameter"),
            ("speed_mps = 3\nmax_doppler_hz = 4", "contradict each other"),
            ("num_prb = \"many\"", "num_prb: `many` is not understood"),
        ] {
            let error = LinkConfig::default().set_toml(text).expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: expected `{expected}`, got `{error}`");
        }
        let error = LinkConfig::preset("deeprxx").expect_err("no preset");
        assert!(error.how_to_mend().is_some_and(|hint| hint.starts_with("did you mean `deeprx`?")), "{error:?}");
    }
}
