//! A sketch that counts the seconds it takes.

use napscope::Result;
use napscope::activations::{Activations, MapShape};
use napscope::features::Column;
use napscope::sketch::{ChannelRanges, FittedSketch, Sketch};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Nanoseconds of all threads.
#[derive(Clone, Default)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(super) fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

struct Timed {
    sketch: Box<dyn Sketch>,
    clock: Clock,
}

struct FittedTimed {
    sketch: Box<dyn FittedSketch>,
    clock: Clock,
}

/// `sketch` and its clock.
pub(super) fn timed(sketch: Box<dyn Sketch>) -> (Box<dyn Sketch>, Clock) {
    let clock = Clock::default();
    (Box::new(Timed { sketch, clock: clock.clone() }), clock)
}

impl Sketch for Timed {
    fn name(&self) -> &'static str {
        self.sketch.name()
    }

    fn needs_ranges(&self) -> bool {
        self.sketch.needs_ranges()
    }

    fn fit(&self, shape: MapShape, ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        Ok(Box::new(FittedTimed { sketch: self.sketch.fit(shape, ranges)?, clock: self.clock.clone() }))
    }
}

impl FittedSketch for FittedTimed {
    fn columns(&self) -> &[Column] {
        self.sketch.columns()
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        let begun = Instant::now();
        self.sketch.sketch(batch, rows);
        self.clock.0.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}
