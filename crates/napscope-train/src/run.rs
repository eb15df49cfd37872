//! A training from beginning to end, in a folder that it can be resumed from.
//!
//! | file | what it is |
//! |---|---|
//! | `config.toml` | the training as it was asked for |
//! | `checkpoint.safetensors` | the state after the last validation |
//! | `log.csv` | one row for each validation |
//! | `baseline.csv` | classical receivers on the slots of the validation |

use crate::baseline;
use crate::checkpoint;
use crate::config::TrainConfig;
use crate::data::{Batch, Batches, SlotSource, StepShape};
use crate::device::Compute;
use crate::loss::{SNR_EDGES_DB, Score};
use crate::trainer::{PARTS, Trainer, validate};
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The checkpoint's name in the folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// The log's.
pub const LOG: &str = "log.csv";

/// Slots of a batch of the validation.
const VALIDATION_BATCH: usize = 16;

/// How often progress is told.
const PROGRESS_PERIOD: Duration = Duration::from_secs(1);

/// What is told of a training.
pub enum News {
    /// It goes on.
    Progress {
        /// Steps done.
        step: u64,
        /// Loss, error rates and speed since the last validation.
        text: String,
        /// Time that the rest will take.
        left: Duration,
    },
    /// It was validated, logged and saved.
    Saved(String),
}

/// A training in a folder.
pub struct Run {
    folder: PathBuf,
    trainer: Trainer,
    validation: Vec<Batch>,
    compute: Compute,
    num_threads: usize,
}

/// What has happened since the last row of the log.
struct Window {
    start: Instant,
    score: Score,
    gradient_norm: f64,
    steps: u64,
    waited: Duration,
}

impl Window {
    fn new(waited: Duration) -> Self {
        Window { start: Instant::now(), score: Score::default(), gradient_norm: 0.0, steps: 0, waited }
    }
}

impl Run {
    /// Starts a training in `folder`, or goes on with the one that is there. Slots are made by `num_threads` threads, and what
    /// the network computes is computed by `compute`, which need not be what the training began on.
    ///
    /// # Errors
    /// When the folder holds another training, or something that cannot be read.
    pub fn open(folder: &Path, config: TrainConfig, compute: Compute, num_threads: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = folder.join(CHECKPOINT);
        let trainer = if path.exists() {
            let trainer = checkpoint::load(&path)?;
            if trainer.config != config {
                bail!(
                    "{} holds another training (its config.toml is not the one asked for): name another folder",
                    folder.display()
                );
            }
            trainer
        } else {
            Trainer::new(config)?
        };
        checkpoint::write_atomically(&folder.join("config.toml"), toml::to_string(&trainer.config)?.as_bytes())?;
        let source = SlotSource::new(&trainer.config, &trainer.config.validation_link()?)?;
        let validation = validation_batches(&source, trainer.config.validation_slots);
        let run = Run { folder: folder.to_path_buf(), trainer, validation, compute, num_threads };
        run.write_baseline(&source)?;
        run.shorten_log()?;
        Ok(run)
    }

    /// The training.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// Trains to the end, telling `tell` how it goes.
    ///
    /// # Errors
    /// When the loss diverges or a file cannot be written.
    pub fn train(&mut self, tell: &mut dyn FnMut(News)) -> Result<()> {
        let config = self.trainer.config.clone();
        let source = SlotSource::new(&config, &config.link()?)?;
        let shape = StepShape { slots: config.slots_per_step, parts: PARTS };
        let mut batches = Batches::start(source, shape, self.trainer.steps_done(), self.num_threads);
        let (mut window, mut told) = (Window::new(Duration::ZERO), Instant::now());
        while self.trainer.steps_done() < config.steps {
            let parts = batches.next_step()?;
            let (score, norm) = self.trainer.step(&parts, &self.compute)?;
            window.score.add(&score);
            window.gradient_norm += norm;
            window.steps += 1;
            let step = self.trainer.steps_done();
            if told.elapsed() > PROGRESS_PERIOD {
                tell(progress(step, &config, &window, batches.waited));
                told = Instant::now();
            }
            if step.is_multiple_of(config.validation_every) || step == config.steps {
                self.finish_window(&window, batches.waited, tell)?;
                window = Window::new(batches.waited);
            }
        }
        Ok(())
    }

    /// Validates, logs, saves.
    fn finish_window(&self, window: &Window, waited: Duration, tell: &mut dyn FnMut(News)) -> Result<()> {
        let secs = window.start.elapsed().as_secs_f64();
        let score = self.validate();
        let step = self.trainer.steps_done();
        let config = &self.trainer.config;
        let mut row = format!(
            "{step},{:.6},{:.6},{:.6},{:.6}",
            config.learning_rate(step - 1),
            window.gradient_norm / window.steps as f64,
            window.score.mean_loss(),
            score.mean_loss()
        );
        for rate in window.score.error_rates().iter().chain(&score.error_rates()) {
            let _ = write!(row, ",{rate:.6}");
        }
        let slots = window.steps * config.slots_per_step as u64;
        let wait = (waited - window.waited).as_secs_f64();
        let _ = writeln!(row, ",{secs:.1},{:.2},{wait:.2}", slots as f64 / secs);
        let path = self.folder.join(LOG);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path)?;
        file.write_all(row.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        checkpoint::save(&self.trainer, &self.folder.join(CHECKPOINT))?;
        let rates = rates(&score.error_rates());
        tell(News::Saved(format!("step {step}: validation loss {:.4}, BER by SNR {rates}", score.mean_loss())));
        Ok(())
    }

    /// The score on the slots of the validation, by the running moments.
    pub fn validate(&self) -> Score {
        let weights = &self.trainer.weights;
        let part = |first: usize| {
            let batches = self.validation.iter().skip(first).step_by(PARTS);
            batches.map(|batch| validate(weights, batch, &self.compute.device)).collect::<Vec<_>>()
        };
        let firsts: [usize; PARTS] = std::array::from_fn(|first| first);
        let mut sum = Score::default();
        self.compute.each(&firsts, |&first| part(first)).iter().flatten().for_each(|score| sum.add(score));
        sum
    }

    fn write_baseline(&self, source: &SlotSource) -> Result<()> {
        let path = self.folder.join("baseline.csv");
        let mut text = format!("receiver,{}\n", columns("ber"));
        for name in baseline::RECEIVERS {
            let found = baseline::error_rates(source, name, self.trainer.config.validation_slots as u64)?;
            let rates: Vec<String> = found.iter().map(|rate| format!("{rate:.6}")).collect();
            let _ = writeln!(text, "{name},{}", rates.join(","));
        }
        checkpoint::write_atomically(&path, text.as_bytes())
    }

    /// Leaves of the log what lies before the checkpoint.
    fn shorten_log(&self) -> Result<()> {
        let path = self.folder.join(LOG);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        let is_done = |line: &&str| {
            line.split(',')
                .next()
                .and_then(|step| step.parse::<u64>().ok())
                .is_some_and(|s| s <= self.trainer.steps_done())
        };
        let mut text = format!(
            "step,learning_rate,gradient_norm,loss,validation_loss,{},{},secs,slots_per_sec,waited_secs\n",
            columns("ber"),
            columns("validation_ber")
        );
        old.lines().filter(is_done).for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        checkpoint::write_atomically(&path, text.as_bytes())
    }
}

fn validation_batches(source: &SlotSource, count: usize) -> Vec<Batch> {
    let mut memory = source.memory();
    let batch = |first: usize| source.batch(first as u64, VALIDATION_BATCH.min(count - first), &mut memory);
    (0..count).step_by(VALIDATION_BATCH).map(batch).collect()
}

/// Names of the columns of error rates by SNR.
fn columns(kind: &str) -> String {
    let names = SNR_EDGES_DB.windows(2).map(|edges| format!("{kind}_{}_to_{}_db", edges[0], edges[1]));
    names.collect::<Vec<_>>().join(",")
}

fn rates(rates: &[f64]) -> String {
    rates.iter().map(|rate| format!("{rate:.4}")).collect::<Vec<_>>().join(" ")
}

fn progress(step: u64, config: &TrainConfig, window: &Window, waited: Duration) -> News {
    let per_step = window.start.elapsed() / window.steps as u32;
    let text = format!(
        "loss {:.4}, BER by SNR {}, {:.1} slots/s, {:.1} s waited for slots",
        window.score.mean_loss(),
        rates(&window.score.error_rates()),
        config.slots_per_step as f64 / per_step.as_secs_f64(),
        waited.as_secs_f64()
    );
    News::Progress { step, text, left: per_step * (config.steps - step) as u32 }
}
