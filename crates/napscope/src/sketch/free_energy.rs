//! Free energy of each map, −T · ln Σ exp(a / T): a soft minimum of −a, low where a channel is active.
//!
//! Liu et al. (2020, NeurIPS, "Energy-based out-of-distribution detection", equation 4) take it over logits; arXiv 2505.15570
//! takes it over the positions of each channel.

use super::exp::exp;
use super::map::MapSketch;
use super::{Sketch, simd};
use crate::features::Statistic;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "free_energy",
    summary: "free energy of each channel, -T ln sum exp(a / T): low where it is active",
    options: &[("temperature", "1", "T, in activation units, 1e-6 to 1e6")],
    build: |options| {
        let temperature: f64 = options.get_in("temperature", 1e-6..=1e6)?;
        MapSketch::build(
            "free_energy",
            &[Statistic::FreeEnergy],
            #[inline(always)]
            move |map: &[f32], columns: &mut [f32]| columns[0] = free_energy(map, temperature) as f32,
        )
    },
};

/// −max − T · ln Σ exp((a − max) / T): the largest term of the sum is 1, so nothing overflows.
#[inline(always)]
fn free_energy(map: &[f32], temperature: f64) -> f64 {
    let max = f64::from(simd::min_max(map).1);
    -max - temperature * simd::sum(map, |value| exp((value - max) / temperature)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_energy_of_equal_values_is_minus_value_minus_t_ln_n() {
        for (value, len, t) in [(0.0_f32, 4, 1.0), (3.0, 1, 1.0), (-1e30, 9, 1.0), (1e30, 9, 2.0), (5.0, 7, 0.01)] {
            let expected = -f64::from(value) - t * (len as f64).ln();
            let got = free_energy(&vec![value; len], t);
            assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{len} x {value}, T={t}: {expected}, got {got}");
        }
    }

    #[test]
    fn a_cold_free_energy_is_minus_the_maximum() {
        assert_eq!(free_energy(&[-4.0, 2.5, 1.0], 1e-6), -2.5);
    }
}
