//! A training, as a TOML file: the network, the link, the optimiser.

use crate::architecture::{Architecture, SIZES};
use crate::optimizer::Method;
use anyhow::{Context, Result, bail};
use napscope_ofdm::link::tensor::{MAX_BITS_PER_SYMBOL, ReceiverInput};
use napscope_ofdm::link::{LinkConfig, Simulator};
use serde::{Deserialize, Serialize};

/// The trainings that come with the crate: (name, one line of help, the file).
pub const PRESETS: &[(&str, &str, &str)] = &[
    ("small", "the receiver that ships: 39,108 parameters, 6 PRB", include_str!("../presets/small.toml")),
    ("tiny", "9,892 parameters, for trying things out", include_str!("../presets/tiny.toml")),
    (
        "deeprx",
        "the network and the schedule of the paper: 1,232,516 parameters, 26 PRB, LAMB",
        include_str!("../presets/deeprx.toml"),
    ),
];

/// A training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Size of the network: a name of [`SIZES`].
    pub size: String,
    /// Its input: `raw` or `estimate` ([`ReceiverInput`]).
    pub input: String,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Slots of a step. They go in two halves, each with batch norms of its own, whose gradients are averaged.
    pub slots_per_step: usize,
    /// The optimiser.
    pub optimizer: Method,
    /// Its largest learning rate.
    pub learning_rate: f64,
    /// Its weight decay, for kernels only.
    pub weight_decay: f64,
    /// Steps over which the learning rate rises.
    pub warmup_steps: u64,
    /// Share of the steps after which it falls, linearly to zero at the end.
    pub hold: f64,
    /// Norm to which longer gradients are cut.
    pub max_gradient_norm: f64,
    /// Seed of weights and slots.
    pub seed: u64,
    /// Numbers of further DMRS symbols, taken in turn.
    pub dmrs_additional_positions: Vec<usize>,
    /// Slots of a validation.
    pub validation_slots: usize,
    /// Steps between two validations.
    pub validation_every: u64,
    /// The link, by the names of `napscope link config`.
    pub link: toml::Table,
    /// What is different in the link of the validation.
    pub validation: toml::Table,
}

impl TrainConfig {
    /// The preset called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn preset(name: &str) -> Result<Self> {
        let Some((_, _, text)) = PRESETS.iter().find(|preset| preset.0 == name) else {
            let known: Vec<&str> = PRESETS.iter().map(|preset| preset.0).collect();
            bail!("no preset is called `{name}`; there are {}", known.join(", "));
        };
        Self::from_toml(text)
    }

    /// What the TOML file `text` says.
    ///
    /// # Errors
    /// When it is no such file, or a value is out of its range.
    pub fn from_toml(text: &str) -> Result<Self> {
        let config: TrainConfig = toml::from_str(text).context("the configuration of a training")?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if self.slots_per_step == 0 || !self.slots_per_step.is_multiple_of(2) {
            bail!("slots_per_step must be even and positive, got {}", self.slots_per_step);
        }
        if self.steps == 0 || self.validation_every == 0 || self.validation_slots == 0 {
            bail!("steps, validation_every and validation_slots must be positive");
        }
        for (name, value, most) in [
            ("learning_rate", self.learning_rate, 1.0),
            ("max_gradient_norm", self.max_gradient_norm, f64::MAX),
            ("hold", self.hold, 1.0),
        ] {
            if !(value > 0.0 && value <= most) {
                bail!("{name} must be positive and at most {most}, got {value}");
            }
        }
        if !(0.0..=1.0).contains(&self.weight_decay) {
            bail!("weight_decay must lie from 0 to 1, got {}", self.weight_decay);
        }
        if self.dmrs_additional_positions.is_empty() {
            bail!("dmrs_additional_positions is a list without a value");
        }
        self.architecture()?;
        for link in [self.link()?, self.validation_link()?] {
            Simulator::new(link).context("a link that cannot be")?;
        }
        Ok(())
    }

    /// The kind of the network's input.
    ///
    /// # Errors
    /// When nothing is called so.
    pub fn receiver_input(&self) -> Result<ReceiverInput> {
        Ok(ReceiverInput::from_name(&self.input)?)
    }

    /// Bits of the largest constellation.
    ///
    /// # Errors
    /// When the link cannot be.
    pub fn num_bits(&self) -> Result<usize> {
        let most = self.link()?.modulations.iter().map(|modulation| modulation.num_bits_per_symbol()).max();
        Ok(most.unwrap_or(MAX_BITS_PER_SYMBOL))
    }

    /// The network.
    ///
    /// # Errors
    /// When its size or its input has no such name.
    pub fn architecture(&self) -> Result<Architecture> {
        let num_inputs = self.receiver_input()?.num_channels(self.link()?.num_rx_ant);
        Architecture::of_size(&self.size, num_inputs, self.num_bits()?).with_context(|| {
            let known: Vec<&str> = SIZES.iter().map(|size| size.0).collect();
            format!("no size of a network is called `{}`; there are {}", self.size, known.join(", "))
        })
    }

    /// The link of the training.
    ///
    /// # Errors
    /// When a name or a value of it is none.
    pub fn link(&self) -> Result<LinkConfig> {
        let mut link = LinkConfig { seed: self.seed, ..LinkConfig::default() };
        link.set_toml(&self.link.to_string()).context("[link]")?;
        Ok(link)
    }

    /// The link of the validation: other slots of another seed.
    ///
    /// # Errors
    /// When a name or a value of it is none.
    pub fn validation_link(&self) -> Result<LinkConfig> {
        let mut link = self.link()?;
        link.seed = self.seed.wrapping_add(1 << 32);
        link.set_toml(&self.validation.to_string()).context("[validation]")?;
        Ok(link)
    }

    /// The learning rate of step `step`, counted from zero: it rises, holds, and falls to zero.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let (step, steps) = (step as f64, self.steps as f64);
        let rise = (step + 1.0) / self.warmup_steps.max(1) as f64;
        let fall = (steps - step) / (steps * (1.0 - self.hold)).max(1.0);
        self.learning_rate * rise.min(fall).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_read_and_mean_what_their_help_says() {
        for &(name, help, _) in PRESETS {
            let config = TrainConfig::preset(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            let count = config.architecture().expect("a network").num_parameters();
            let digits: String = help.chars().filter(char::is_ascii_digit).collect();
            assert!(digits.contains(&count.to_string()), "{name} has {count} parameters, its help says: {help}");
            let text = toml::to_string(&config).expect("a file");
            assert_eq!(TrainConfig::from_toml(&text).expect("it reads what it writes"), config, "{name}");
        }
    }

    #[test]
    fn the_learning_rate_rises_holds_and_falls_to_zero() {
        let config = TrainConfig {
            steps: 1000,
            warmup_steps: 100,
            hold: 0.3,
            ..TrainConfig::preset("small").expect("a preset")
        };
        let share = |step: u64| config.learning_rate(step) / config.learning_rate;
        for (step, expected) in [(0, 0.01), (99, 1.0), (300, 1.0), (650, 0.5), (999, 1.0 / 700.0)] {
            assert!(
                (share(step) - expected).abs() < 1e-9,
                "step {step}: {} of the largest, expected {expected}",
                share(step)
            );
        }
    }

    #[test]
    fn mistakes_are_told() {
        let text = toml::to_string(&TrainConfig::preset("small").expect("a preset")).expect("a file");
        for (from, to, expected) in [
            ("size = \"small\"", "size = \"huge\"", "no size of a network is called `huge`"),
            ("input = \"estimate\"", "input = \"row\"", "input of a neural receiver"),
            ("slots_per_step = 16", "slots_per_step = 7", "even"),
            ("steps = 40000", "step = 40000", "unknown field"),
            ("num_prb = 6", "num_prb = 600", "num_prb"),
        ] {
            let error = TrainConfig::from_toml(&text.replace(from, to)).expect_err(to);
            assert!(format!("{error:#}").contains(expected), "{to}: {error:#}");
        }
    }
}
