//! Improved Sheather-Jones: the bandwidth for data of any shape.
//!
//! Botev, Grotowski, Kroese (2010), "Kernel density estimation via diffusion", Annals of Statistics 38, algorithm 1 with l = 7.
//! The data are binned on a mesh of length R; the squared bandwidth, as a fraction t of R², is the fixed point of t = ξγ(t).
//! ξγ chains estimates of how rough the density is, |f^(s)|² for s = 7, 6 … 2, each giving the bandwidth for the next. It rises
//! with t, so that iterating from t = 0 climbs to the smallest fixed point.
//!
//! As in Botev's own program the mesh reaches half the data's range beyond either end (R is twice the range), and n counts
//! distinct values. KDEpy 1.1 has the same equations, but multiplies by the data's range where R belongs: its bandwidths are
//! smaller, and change with the unit of the data.
//!
//! A map with many equal values (a ReLU's zeros) has no density there. The fixed point is then nearly 0, and the floor that
//! [`super`] sets is what remains.

use super::binning::LinearBinning;
use crate::sketch::exp::exp;
use crate::sketch::simd::{self, LANES};
use std::f64::consts::PI;

/// Points of the mesh.
const MESH: usize = 1024;

/// Derivatives that are estimated on the way (the l of the paper).
const DERIVATIVES: i32 = 7;

/// The fixed point is found when t moves by less than this fraction.
const TOLERANCE: f64 = 1e-9;

/// Iterations until the search is given up; six to forty are usual.
const ITERATIONS: usize = 200;

/// Finds bandwidths; keeps the memory for that.
pub(super) struct ImprovedSheatherJones {
    binning: LinearBinning,
    transform: CosineTransform,
    sorted: Vec<f32>,
    mass: Vec<f64>,
    waves: Waves,
}

/// The density's cosine series: for k = 1, 2 …, how fast wave k is and how strong.
struct Waves {
    /// (π k)².
    frequency_2: Vec<f64>,
    /// ln((π k)²).
    ln_frequency_2: Vec<f64>,
    /// Square of its coefficient.
    power: Vec<f64>,
}

impl ImprovedSheatherJones {
    pub(super) fn new() -> Self {
        // One more than there are coefficients, a silent one, so that they fill whole chunks of lanes.
        let frequency_2: Vec<f64> = (1..=MESH).map(|k| (PI * k as f64).powi(2)).collect();
        let ln_frequency_2 = frequency_2.iter().map(|frequency_2| frequency_2.ln()).collect();
        ImprovedSheatherJones {
            binning: LinearBinning::new(),
            transform: CosineTransform::new(MESH),
            sorted: Vec::new(),
            mass: vec![0.0; MESH],
            waves: Waves { frequency_2, ln_frequency_2, power: vec![0.0; MESH] },
        }
    }

    /// The bandwidth for `map`, in activation units; `None` where there is no fixed point (too few distinct values).
    #[inline(always)]
    pub(super) fn bandwidth(&mut self, map: &[f32]) -> Option<f64> {
        let (low, high) = simd::min_max(map);
        let (low, range) = (f64::from(low), f64::from(high) - f64::from(low));
        let length = 2.0 * range;
        let cell = length / MESH as f64;
        let per_unit = (1.0 / cell) as f32;
        // Equal values, or values that f32 can barely tell apart.
        if per_unit.is_infinite() {
            return None;
        }
        // The transform places mesh point k at the center of the k-th cell.
        let first = low - 0.5 * range + 0.5 * cell;
        self.binning.spread(map, first as f32, per_unit, &mut self.mass);
        self.transform.apply(&mut self.mass);
        for (power, coefficient) in self.waves.power.iter_mut().zip(&self.mass[1..]) {
            *power = (2.0 * coefficient / map.len() as f64).powi(2);
        }
        let distinct = self.count_distinct(map) as f64;
        let t = fixed_point(
            #[inline(always)]
            |t| self.waves.xi_gamma(distinct, t),
        )?;
        Some(t.sqrt() * length)
    }

    fn count_distinct(&mut self, map: &[f32]) -> usize {
        self.sorted.clear();
        self.sorted.extend_from_slice(map);
        self.sorted.sort_unstable_by(f32::total_cmp);
        1 + self.sorted.windows(2).filter(|pair| pair[0] < pair[1]).count()
    }
}

/// The smallest t in (0, 1) with t = f(t), for a rising f.
#[inline(always)]
fn fixed_point(f: impl Fn(f64) -> f64) -> Option<f64> {
    let mut t = 0.0;
    for _ in 0..ITERATIONS {
        let next = f(t);
        if !(0.0 < next && next < 1.0) {
            return None;
        }
        if (next - t).abs() <= TOLERANCE * next {
            return Some(next);
        }
        t = next;
    }
    None
}

impl Waves {
    /// ξγ(t): the best squared bandwidth for the roughness that a first smoothing with `t` shows.
    #[inline(always)]
    fn xi_gamma(&self, n: f64, t: f64) -> f64 {
        let mut roughness = self.roughness(DERIVATIVES, t);
        for s in (2..DERIVATIVES).rev() {
            let odd_product: f64 = (1..=s).map(|k| f64::from(2 * k - 1)).product();
            let numerator = (2.0 + 0.5_f64.powf(f64::from(s) - 0.5)) / 3.0 * odd_product / (2.0 * PI).sqrt();
            let t_s = (numerator / (n * roughness)).powf(2.0 / (3.0 + 2.0 * f64::from(s)));
            roughness = self.roughness(s, t_s);
        }
        (2.0 * n * PI.sqrt() * roughness).powf(-0.4)
    }

    /// |f^(s)|² of the density smoothed with `t`, by Parseval: Σ (π k)^(2s) · power_k · exp(−(π k)² t) / 2.
    #[inline(always)]
    fn roughness(&self, s: i32, t: f64) -> f64 {
        /// A wave damped by e^−80 adds nothing to the sum, whose waves of (π k)² t ≈ s <= 7 are not.
        const DAMPED: f64 = 80.0;
        let heard = ((DAMPED / t).sqrt() / PI).min(MESH as f64) as usize;
        let s = f64::from(s);
        let mut lanes = [0.0; LANES];
        let chunks = |values| <[f64]>::as_chunks::<LANES>(values).0;
        let waves = chunks(&self.frequency_2).iter().zip(chunks(&self.ln_frequency_2)).zip(chunks(&self.power));
        for ((frequency_2, ln_frequency_2), power) in waves.take(heard.div_ceil(LANES)) {
            for lane in 0..LANES {
                lanes[lane] += power[lane] * exp(s * ln_frequency_2[lane] - frequency_2[lane] * t);
            }
        }
        0.5 * lanes.iter().sum::<f64>()
    }
}

/// Discrete cosine transform C_k = Σ_n x_n cos(π k (n + ½) / N), N a power of two, by halving (B. G. Lee, 1984).
struct CosineTransform {
    /// 1 / (2 cos(π (n + ½) / N)) for n < N / 2 stands at N / 2 + n, for every N.
    half_secants: Vec<f64>,
    scratch: Vec<f64>,
}

impl CosineTransform {
    fn new(len: usize) -> Self {
        let mut half_secants = vec![0.0; len];
        for half in (0..len.ilog2()).map(|bit| 1 << bit) {
            for n in 0..half {
                half_secants[half + n] = 0.5 / (PI * (n as f64 + 0.5) / (2 * half) as f64).cos();
            }
        }
        CosineTransform { half_secants, scratch: vec![0.0; len] }
    }

    fn apply(&mut self, values: &mut [f64]) {
        halve(values, &mut self.scratch, &self.half_secants);
    }
}

/// The even coefficients are the transform of x_n + x_(N−1−n); the odd ones are sums of neighbors in that of
/// (x_n − x_(N−1−n)) / (2 cos(π (n + ½) / N)).
fn halve(values: &mut [f64], scratch: &mut [f64], half_secants: &[f64]) {
    let half = values.len() / 2;
    if half == 0 {
        return;
    }
    let (sums, differences) = scratch.split_at_mut(half);
    for n in 0..half {
        let (a, b) = (values[n], values[2 * half - 1 - n]);
        sums[n] = a + b;
        differences[n] = (a - b) * half_secants[half + n];
    }
    let (left, right) = values.split_at_mut(half);
    halve(sums, left, half_secants);
    halve(differences, right, half_secants);
    for k in 0..half {
        values[2 * k] = sums[k];
        values[2 * k + 1] = differences[k] + differences.get(k + 1).unwrap_or(&0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_transform_is_the_sum_that_defines_it() {
        for len in [1_usize, 2, 4, 64, 1024] {
            let values: Vec<f64> = (0..len).map(|n| ((n * 7919 + 13) % 101) as f64 / 101.0).collect();
            let mut fast = values.clone();
            CosineTransform::new(len).apply(&mut fast);
            for (k, got) in fast.iter().enumerate() {
                let angle = |n: usize| PI * k as f64 * (n as f64 + 0.5) / len as f64;
                let expected: f64 = values.iter().enumerate().map(|(n, x)| x * angle(n).cos()).sum();
                assert!((got - expected).abs() < 1e-10 * len as f64, "C_{k} of {len}: expected {expected}, got {got}");
            }
        }
    }

    #[test]
    fn the_bandwidth_scales_with_the_data_and_ignores_where_they_lie() {
        let bell = |i: u32| ((i * 7919 % 997) as f32 / 997.0 - 0.5) + ((i * 104_729 % 991) as f32 / 991.0 - 0.5);
        let map: Vec<f32> = (0..196).map(bell).collect();
        let mut isj = ImprovedSheatherJones::new();
        let width = isj.bandwidth(&map).expect("196 distinct values");
        for (scale, shift) in [(8.0, 0.0), (0.125, 0.0), (1.0, 4.0)] {
            let moved: Vec<f32> = map.iter().map(|a| scale * a + shift).collect();
            let got = isj.bandwidth(&moved).expect("196 distinct values") / f64::from(scale);
            assert!((got / width - 1.0).abs() < 1e-4, "times {scale} plus {shift}: expected {width}, got {got}");
        }
    }

    #[test]
    fn too_few_distinct_values_have_no_fixed_point() {
        let mut isj = ImprovedSheatherJones::new();
        for map in [&[1.0_f32][..], &[0.0; 50], &[0.0, 1.0], &[0.0, 1.0, 3.0], &[0.0, f32::from_bits(1)]] {
            assert_eq!(isj.bandwidth(map), None, "{map:?}");
        }
    }

    #[test]
    fn atoms_leave_nearly_no_bandwidth() {
        let map: Vec<f32> = (0..196).map(|i| if i % 2 == 0 { 0.0 } else { i as f32 / 196.0 }).collect();
        let width = ImprovedSheatherJones::new().bandwidth(&map).expect("99 distinct values");
        assert!(width < 0.02, "half of the values are equal: expected a width near 0, got {width}");
    }
}
