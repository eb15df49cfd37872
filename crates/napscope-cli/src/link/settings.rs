//! What a link shall be: flags over the environment over a preset over the defaults.
//!
//! The parameters themselves, with their names, aliases and help, are one list in `napscope-ofdm`; flags, environment variables
//! (`NAPSCOPE_LINK_SNR_DB`), keys of presets and `napscope link config` are read off it.

use super::told;
use napscope::Result;
use napscope_ofdm::link::{LinkConfig, PRESETS, SETTINGS};
use std::path::Path;

/// A link as it was asked for.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// What came of it.
    pub config: LinkConfig,
    /// Who said each parameter that somebody said.
    origins: Vec<(&'static str, String)>,
}

impl LinkSettings {
    /// Puts `flags` (parameters and their texts) over the environment over the preset (a name, or a TOML file) over the
    /// defaults.
    ///
    /// # Errors
    /// For presets, names and values that are none, saying where they stand.
    pub fn resolve(flags: &[(&'static str, String)], preset: Option<&str>) -> Result<LinkSettings> {
        let mut settings = LinkSettings { config: LinkConfig::default(), origins: Vec::new() };
        if let Some(preset) = preset {
            settings.take_preset(preset)?;
        }
        for parameter in SETTINGS {
            let variable = format!("NAPSCOPE_LINK_{}", parameter.name.to_uppercase());
            if let Ok(text) = std::env::var(&variable) {
                let origin = format!("environment {variable}");
                settings.set(parameter.name, &text, &origin).map_err(|error| error.context(origin))?;
            }
        }
        for (name, text) in flags {
            settings.set(name, text, "flag")?;
        }
        Ok(settings)
    }

    fn take_preset(&mut self, name: &str) -> Result<()> {
        let origin = format!("preset {name}");
        let place = |error: napscope::Error| error.context(origin.clone());
        self.config = if looks_like_a_path(name) {
            let text = std::fs::read_to_string(name);
            let text = text.map_err(|error| place(crate::files::io_error("cannot read it", &error)))?;
            let mut config = LinkConfig::default();
            config.set_toml(&text).map_err(|error| place(told(error)))?;
            config
        } else {
            LinkConfig::preset(name).map_err(told)?
        };
        let defaults = LinkConfig::default();
        let changed = self.config.settings().zip(defaults.settings()).filter(|(now, before)| now.1 != before.1);
        self.origins = changed.map(|((parameter, _), _)| (parameter.name, origin.clone())).collect();
        Ok(())
    }

    fn set(&mut self, name: &'static str, text: &str, origin: &str) -> Result<()> {
        self.config.set(name, text).map_err(|error| {
            let error = told(error);
            if error.to_string().contains(name) { error } else { error.context(format!("{name} = {text}")) }
        })?;
        self.origins.retain(|(other, _)| *other != name);
        self.origins.push((name, origin.to_owned()));
        Ok(())
    }

    /// Who said `name`; `None` where it is the default.
    pub fn origin(&self, name: &str) -> Option<&str> {
        self.origins.iter().find(|(other, _)| *other == name).map(|(_, origin)| origin.as_str())
    }

    /// Every parameter with its value: what decides the slots.
    pub fn json(&self) -> serde_json::Value {
        json(&self.config)
    }
}

fn looks_like_a_path(name: &str) -> bool {
    let built_in = PRESETS.iter().any(|preset| preset.name == name);
    !built_in && (name.ends_with(".toml") || name.contains(['/', '\\']) || Path::new(name).is_file())
}

/// Every parameter of `config` with its value.
pub fn json(config: &LinkConfig) -> serde_json::Value {
    config.settings().map(|(parameter, value)| (parameter.name.to_owned(), serde_json::Value::String(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use napscope_ofdm::link::{Motion, Values};

    #[test]
    fn a_flag_goes_before_a_preset() {
        let flags = [("snr_db", "-4dB..8dB".to_owned()), ("speed_mps", "0..36km/h".to_owned())];
        let settings = LinkSettings::resolve(&flags, Some("deeprx")).expect("valid");
        assert_eq!(settings.config.snr_db, Values::Uniform(-4.0, 8.0));
        assert_eq!(
            settings.config.motion,
            Motion::SpeedMps(Values::Uniform(0.0, 10.0)),
            "the flag's, not the preset's"
        );
        assert_eq!(settings.origin("snr_db"), Some("flag"));
        assert_eq!(settings.origin("delay_spread_secs"), Some("preset deeprx"));
        assert_eq!(settings.origin("n_id"), None);
    }

    #[test]
    fn mistakes_say_where_they_stand() {
        for (flag, text, expected) in [
            ("num_prb", "many", "num_prb: `many` is not understood"),
            ("channel_model", "tdl-z", "channel_model = tdl-z: no channel model is called `tdl-z`"),
            ("delay_spread_secs", "3 ells", "delay_spread_secs: `3 ells` is not understood"),
        ] {
            let error = LinkSettings::resolve(&[(flag, text.to_owned())], None).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
    }
}
