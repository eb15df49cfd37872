//! A training learns, and gives the same bytes whatever it runs on and however often it is broken off.

use crate::support::{batches, smallest};
use napscope_train::checkpoint;
use napscope_train::device::Compute;
use napscope_train::run::{CHECKPOINT, Run};
use napscope_train::trainer::Trainer;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn one_batch_can_be_learned_by_heart() {
    let mut config = smallest(1000);
    config.learning_rate = 1e-2;
    config.hold = 0.9;
    // Two slots of half a PRB's worth of noise cannot be told from their noise, only learned by heart.
    config.link.insert("snr_db".into(), toml::Value::String("10".into()));
    let parts = batches(&config, 2, 1);
    let mut trainer = Trainer::new(config).expect("a trainer");
    let (first, _) = trainer.step(&parts, &Compute::cpu(1)).expect("a step");
    assert!((first.mean_loss() - 2f64.ln()).abs() < 0.05, "fresh weights guess: {}", first.mean_loss());
    let mut last = first;
    for _ in 0..250 {
        last = trainer.step(&parts, &Compute::cpu(1)).expect("a step").0;
    }
    assert!(last.mean_loss() < 0.1 * first.mean_loss(), "from {} to {}", first.mean_loss(), last.mean_loss());
}

#[test]
fn threads_change_no_byte() {
    let config = smallest(4);
    let parts = batches(&config, 2, 2);
    let train = |threads: usize| {
        let mut trainer = Trainer::new(config.clone()).expect("a trainer");
        for _ in 0..4 {
            trainer.step(&parts, &Compute::cpu(threads)).expect("a step");
        }
        trainer
    };
    let (one, two) = (train(1), train(2));
    assert!(one == two, "weights, moments and the optimiser's memory after four steps on one thread and on two");
}

fn command(folder: &Path, config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_napscope-train"));
    command.arg("receiver").arg("--config").arg(config).arg("--out").arg(folder).stderr(Stdio::null());
    command
}

#[test]
fn a_killed_training_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.toml");
    std::fs::write(&config, toml::to_string(&smallest(60)).expect("a file")).expect("written");
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    assert!(command(&whole, &config).status().expect("it runs").success());

    let mut child = command(&broken, &config).spawn().expect("it starts");
    let start = Instant::now();
    while !broken.join(CHECKPOINT).exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    let at = checkpoint::load(&broken.join(CHECKPOINT)).expect("what it left is whole").steps_done();
    assert!(at < 60, "killed too late to see anything: at step {at}");
    assert!(command(&broken, &config).status().expect("it goes on").success());

    let bytes = |folder: &Path| std::fs::read(folder.join(CHECKPOINT)).expect("a checkpoint");
    assert!(bytes(&whole) == bytes(&broken), "the checkpoints after 60 steps differ; killed at step {at}");
    let log = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join("log.csv")).expect("a log");
        // All but the three columns of times.
        text.lines().map(|line| line.rsplitn(4, ',').last().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(log(&whole), log(&broken));
}

#[test]
fn another_training_in_the_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    Run::open(folder.path(), smallest(3), Compute::cpu(1), 1).expect("a run").train(&mut |_| {}).expect("it trains");
    let Err(error) = Run::open(folder.path(), smallest(4), Compute::cpu(1), 1) else { panic!("4 steps are not 3") };
    assert!(error.to_string().contains("holds another training"), "{error:#}");
}
