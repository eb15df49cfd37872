//! What every step of the support vector machine does with all samples: which pair promises the most, and what a step changes.
//!
//! Sixteen samples at a time, one in each lane of a vector. Of samples that are equal the first is taken.

use crate::lanes::for_every_vector_unit;

const LANES: usize = 16;

/// How far from optimal the solution may be, in units of the gradient.
const TOLERANCE: f64 = 1e-6;

/// |φ(a) − φ(b)|² for the kernel of a and b; never 0, where twins would divide by it.
#[inline(always)]
pub(super) fn curvature(kernel: f32) -> f64 {
    let curvature = 2.0 - 2.0 * f64::from(kernel);
    if curvature > 1e-12 { curvature } else { 1e-12 }
}

/// The greatest value so far in each lane, and where it stood first.
#[derive(Clone, Copy)]
struct Greatest {
    values: [f64; LANES],
    blocks: [u32; LANES],
}

impl Greatest {
    const NONE: Self = Greatest { values: [f64::NEG_INFINITY; LANES], blocks: [0; LANES] };

    #[inline(always)]
    fn take(&mut self, lane: usize, value: f64, block: u32) {
        let more = value > self.values[lane];
        self.values[lane] = if more { value } else { self.values[lane] };
        self.blocks[lane] = if more { block } else { self.blocks[lane] };
    }

    /// The greatest of all and its sample; `None` where nothing was taken.
    fn of_all(&self) -> Option<(f64, usize)> {
        let lanes = (0..LANES).map(|lane| (self.values[lane], self.blocks[lane] as usize * LANES + lane));
        let found = lanes.filter(|(value, _)| *value > f64::NEG_INFINITY);
        found.reduce(|x, y| if y.0 > x.0 || (y.0 == x.0 && y.1 < x.1) { y } else { x })
    }
}

#[inline(always)]
fn steepest_of(alpha: &[f64], gradient: &[f64]) -> Option<usize> {
    let mut greatest = Greatest::NONE;
    let blocks = alpha.chunks_exact(LANES).zip(gradient.chunks_exact(LANES));
    for (block, (alpha, gradient)) in blocks.enumerate() {
        for lane in 0..LANES {
            let down = if alpha[lane] < 1.0 { -gradient[lane] } else { f64::NEG_INFINITY };
            greatest.take(lane, down, block as u32);
        }
    }
    let (done, block) = (alpha.len() / LANES * LANES, (alpha.len() / LANES) as u32);
    for (lane, (alpha, gradient)) in alpha[done..].iter().zip(&gradient[done..]).enumerate() {
        greatest.take(lane, if *alpha < 1.0 { -gradient } else { f64::NEG_INFINITY }, block);
    }
    greatest.of_all().map(|(_, sample)| sample)
}

/// What a sample with `alpha` gains in exchange, and how steep that is.
#[inline(always)]
fn gain(alpha: f64, gradient: f64, kernel: f32, lowest: f64) -> (f64, f64) {
    let slope = gradient - lowest;
    let can = alpha > 0.0 && slope > 0.0;
    let slope = if can { slope } else { 0.0 };
    (if can { slope * slope / curvature(kernel) } else { f64::NEG_INFINITY }, slope)
}

#[inline(always)]
fn exchange_of(alpha: &[f64], gradient: &[f64], row: &[f32], lowest: f64) -> Option<usize> {
    let mut greatest = Greatest::NONE;
    let mut steepest = [0.0; LANES];
    let mut take = |lane: usize, block: u32, (gain, slope): (f64, f64)| {
        greatest.take(lane, gain, block);
        steepest[lane] = if slope > steepest[lane] { slope } else { steepest[lane] };
    };
    let blocks = alpha.chunks_exact(LANES).zip(gradient.chunks_exact(LANES)).zip(row.chunks_exact(LANES));
    for (block, ((alpha, gradient), row)) in blocks.enumerate() {
        for lane in 0..LANES {
            take(lane, block as u32, gain(alpha[lane], gradient[lane], row[lane], lowest));
        }
    }
    let (done, block) = (alpha.len() / LANES * LANES, (alpha.len() / LANES) as u32);
    let rest = alpha[done..].iter().zip(&gradient[done..]).zip(&row[done..]);
    for (lane, ((alpha, gradient), kernel)) in rest.enumerate() {
        take(lane, block, gain(*alpha, *gradient, *kernel, lowest));
    }
    let steep = steepest.iter().any(|slope| *slope > TOLERANCE);
    greatest.of_all().filter(|_| steep).map(|(_, sample)| sample)
}

#[inline(always)]
fn moved(gradient: &mut [f64], up: &[f32], down: &[f32], step: f64) {
    for ((gradient, up), down) in gradient.iter_mut().zip(up).zip(down) {
        *gradient += step * (f64::from(*up) - f64::from(*down));
    }
}

#[inline(always)]
fn added(gradient: &mut [f64], row: &[f32], alpha: f64) {
    gradient.iter_mut().zip(row).for_each(|(gradient, kernel)| *gradient += alpha * f64::from(*kernel));
}

for_every_vector_unit! {
    /// Adds what a sample with these kernels and this α has to the gradient.
    pub(super) add, added, (gradient: &mut [f64], row: &[f32], alpha: f64), ()
}

for_every_vector_unit! {
    /// The sample with the least gradient of those whose α may rise; `None` where none may.
    pub(super) steepest, steepest_of, (alpha: &[f64], gradient: &[f64]), Option<usize>
}

for_every_vector_unit! {
    /// The sample whose α, falling for the one with gradient `lowest` and kernels `row`, gains most; `None` where that is optimal.
    pub(super) in_exchange, exchange_of, (alpha: &[f64], gradient: &[f64], row: &[f32], lowest: f64), Option<usize>
}

for_every_vector_unit! {
    /// α has moved by `step` from one sample to another, whose kernels these are.
    pub(super) move_along, moved, (gradient: &mut [f64], up: &[f32], down: &[f32], step: f64), ()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_find_the_same_pair_as_looking_at_one_sample_after_the_other() {
        for samples in [1, 2, 15, 16, 17, 50, 200] {
            // Few different values, so that there are ties.
            let number = |at: usize, levels: usize| ((at * 7919 + samples) % levels) as f64 / levels as f64;
            let alpha: Vec<f64> = (0..samples).map(|at| (number(at, 5) * 1.6 - 0.2).clamp(0.0, 1.0)).collect();
            let gradient: Vec<f64> = (0..samples).map(|at| number(at * 3, 11)).collect();
            let row: Vec<f32> = (0..samples).map(|at| number(at * 5, 13) as f32).collect();
            let least = |best: Option<usize>, at: usize| match best {
                Some(best) if gradient[best] <= gradient[at] => Some(best),
                _ => Some(at),
            };
            let up = (0..samples).filter(|&at| alpha[at] < 1.0).fold(None, least);
            assert_eq!(steepest(&alpha, &gradient), up, "{samples} samples: the least gradient");
            let Some(up) = up else { continue };
            let gain = |at: usize| (gradient[at] - gradient[up]).powi(2) / curvature(row[at]);
            let most = |best: Option<usize>, at: usize| match best {
                Some(best) if gain(best) >= gain(at) => Some(best),
                _ => Some(at),
            };
            let down = (0..samples).filter(|&at| alpha[at] > 0.0 && gradient[at] > gradient[up]).fold(None, most);
            assert_eq!(in_exchange(&alpha, &gradient, &row, gradient[up]), down, "{samples} samples: the exchange");
        }
    }
}
