//! A training that takes a second.

use napscope_train::config::TrainConfig;
use napscope_train::data::{Batch, SlotSource};

/// A training of the smallest network on two resource blocks.
pub(crate) fn smallest(steps: u64) -> TrainConfig {
    let mut config = TrainConfig::preset("tiny").expect("a preset");
    config.steps = steps;
    config.warmup_steps = 2;
    config.slots_per_step = 4;
    config.validation_slots = 4;
    config.validation_every = 3;
    config.link.insert("num_prb".into(), toml::Value::Integer(2));
    config
}

/// `count` batches of `slots` slots of its link.
pub(crate) fn batches(config: &TrainConfig, count: usize, slots: usize) -> Vec<Batch> {
    let source = SlotSource::new(config, &config.link().expect("a link")).expect("a source");
    let mut memory = source.memory();
    (0..count).map(|part| source.batch((part * slots) as u64, slots, &mut memory)).collect()
}
