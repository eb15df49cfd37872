//! How long a step of training and a forward pass take: one JSON line a row, over the networks that `oracles/bench_train.py`
//! measures PyTorch on. `cargo run --release -p napscope-train --example bench_train`.
//!
//! CPU milliseconds of one thread, which other programs on the machine disturb least, and wall seconds of a step with one
//! thread and with two.
#![allow(clippy::print_stdout, reason = "the rows are what this program is for")]

use napscope_train::config::TrainConfig;
use napscope_train::data::{Batch, SlotSource};
use napscope_train::device::Compute;
use napscope_train::memory;
use napscope_train::trainer::{Trainer, logits};
use std::time::Instant;

#[path = "../../napscope-ofdm/examples/support/cpu_time.rs"]
mod cpu_time;
use cpu_time::best_rate;

/// Slots of a step.
const SLOTS: usize = 16;

/// Each wall time is the best of this many.
const WALLS: usize = 5;

fn main() {
    memory::keep();
    for (size, num_prb) in [("tiny", 6), ("small", 6), ("small", 26)] {
        let mut config = TrainConfig::preset("small").expect("a preset");
        config.size = size.into();
        config.link.insert("num_prb".into(), num_prb.into());
        let source = SlotSource::new(&config, &config.link().expect("a link")).expect("a source");
        let mut memory = source.memory();
        let mut half = |first: u64| source.batch(first, SLOTS / 2, &mut memory);
        let parts = [half(0), half((SLOTS / 2) as u64)];
        let mut trainer = Trainer::new(config).expect("a trainer");
        let parameters = trainer.weights.values.len();
        let name = |what: &str| format!("{what}, {size} ({parameters} parameters), {SLOTS} slots of {num_prb} PRB");

        let step = best_rate(|| count(trainer.step(&parts, &Compute::cpu(1)).is_ok()));
        let walls =
            [1, 2].map(|threads| (0..WALLS).map(|_| wall(&mut trainer, &parts, threads)).fold(f64::MAX, f64::min));
        println!(
            r#"{{"row":"{}","by":"napscope","cpu_ms":{:.4e},"wall_1":{:.4e},"wall_2":{:.4e}}}"#,
            name("training step"),
            1e3 / step,
            walls[0],
            walls[1]
        );
        let device = Compute::cpu(1).device;
        let pass = || parts.iter().all(|batch| !logits(&trainer.weights, batch, &device).is_empty());
        let forward = best_rate(|| count(pass()));
        println!(r#"{{"row":"{}","by":"napscope","cpu_ms":{:.4e}}}"#, name("forward"), 1e3 / forward);
    }
}

fn count(done: bool) -> u64 {
    assert!(done, "the step runs");
    1
}

fn wall(trainer: &mut Trainer, parts: &[Batch], threads: usize) -> f64 {
    let start = Instant::now();
    trainer.step(parts, &Compute::cpu(threads)).expect("the step runs");
    start.elapsed().as_secs_f64()
}
