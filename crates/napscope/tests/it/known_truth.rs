//! Synthetic sets of which it is known whether they are concepts, a continuum, both or neither: what verdicts are tuned and
//! tried on. The calibration (`cargo xtask bench verdict`) and the tests share them.

use napscope::distance::{Geometry, Points, Rescale};
use napscope::manifold::Verdict::{self, Concepts, Continuum, Mixed, NoStructure};

/// A kind of set.
pub(crate) struct Family {
    /// Its name.
    pub(crate) name: &'static str,
    /// The right verdicts: more than one where both are true.
    pub(crate) truth: &'static [Verdict],
    /// Was nothing tuned on it?
    pub(crate) unseen: bool,
    make: fn(&mut Random, usize, usize) -> Vec<f64>,
    /// Fewest dimensions that it needs.
    least: usize,
}

const fn family(name: &'static str, truth: &'static [Verdict], least: usize, make: Make) -> Family {
    Family { name, truth, unseen: false, make, least }
}

const fn unseen(name: &'static str, truth: &'static [Verdict], least: usize, make: Make) -> Family {
    Family { name, truth, unseen: true, make, least }
}

type Make = fn(&mut Random, usize, usize) -> Vec<f64>;

/// All kinds.
pub(crate) const FAMILIES: &[Family] = &[
    family("separated groups", &[Concepts], 2, |r, n, d| groups(r, n, d, Groups { apart: 8.0, ..Groups::PLAIN })),
    family("touching groups", &[Concepts], 2, |r, n, d| {
        let most = 2 + r.below(5);
        groups(r, n, d, Groups { apart: 4.5, most, scaled: false, ..Groups::PLAIN })
    }),
    family("uneven groups", &[Concepts], 2, |r, n, d| {
        groups(r, n, d, Groups { apart: 9.0, uneven: true, ..Groups::PLAIN })
    }),
    family("a curve", &[Continuum], 2, |r, n, d| {
        let curve = Curve::new(r, d);
        sample(r, n, d, |r| curve.at(r.uniform()))
    }),
    family("a sheet", &[Continuum], 3, |r, n, d| {
        let (a, b) = (Curve::new(r, d), Curve::new(r, d));
        sample(r, n, d, |r| {
            let (u, v) = (r.uniform(), r.uniform());
            a.at(0.6 * u).iter().zip(b.at(0.6 * v)).map(|(a, b)| a + b).collect()
        })
    }),
    family("a Swiss roll", &[Continuum], 3, |r, n, d| {
        let turn = Turn::new(r, 3, d);
        sample(r, n, d, |r| {
            let (t, height) = (4.7 + 9.4 * r.uniform(), 20.0 * r.uniform());
            turn.apply(&[t * t.cos() / 10.0, height / 10.0, t * t.sin() / 10.0])
        })
    }),
    family("a curve with bumps", &[Continuum, Mixed], 2, |r, n, d| {
        let curve = Curve::new(r, d);
        let bumps: Vec<f64> = (0..3 + r.below(3)).map(|_| r.uniform()).collect();
        sample(r, n, d, |r| {
            let on_bump = r.uniform() < 0.5;
            let t = if on_bump { bumps[r.below(bumps.len())] + 0.03 * r.normal() } else { r.uniform() };
            curve.at(t.clamp(0.0, 1.0))
        })
    }),
    family("one normal distribution", &[NoStructure], 2, |r, n, d| {
        let fall = 0.5 * r.uniform();
        let turn = Turn::new(r, d, d);
        let scales: Vec<f64> = (0..d).map(|axis| (axis as f64 + 1.0).powf(-fall)).collect();
        (0..n).flat_map(|_| turn.apply(&scales.iter().map(|scale| scale * r.normal()).collect::<Vec<_>>())).collect()
    }),
    family("even", &[NoStructure], 2, |r, n, d| {
        let ball = r.uniform() < 0.5;
        (0..n).flat_map(|_| if ball { r.ball(d) } else { (0..d).map(|_| r.uniform()).collect() }).collect()
    }),
    family("heavy tails", &[NoStructure], 2, |r, n, d| {
        let (freedom, joint) = (3 + r.below(3), r.uniform() < 0.5);
        let tail = |r: &mut Random| (freedom as f64 / (0..freedom).map(|_| r.normal().powi(2)).sum::<f64>()).sqrt();
        let row = |r: &mut Random| -> Vec<f64> {
            let common = tail(r);
            (0..d).map(|_| r.normal() * if joint { common } else { tail(r) }).collect()
        };
        (0..n).flat_map(|_| row(r)).collect()
    }),
    family("groups along a curve", &[Concepts, Mixed], 2, |r, n, d| {
        let curve = Curve::new(r, d);
        let count = 4 + r.below(7);
        sample(r, n, d, |r| {
            let group = r.below(count) as f64;
            curve.at((group + 0.5 + 0.07 * r.normal()) / count as f64)
        })
    }),
    family("separate curves", &[Mixed], 3, |r, n, d| {
        let count = 2 + r.below(3);
        let curves: Vec<(Curve, Vec<f64>)> = (0..count).map(|_| (Curve::new(r, d), r.direction(d))).collect();
        let away = |number: usize, axis: usize| 5.0 * number as f64 * curves[0].1[axis] + 3.0 * curves[number].1[axis];
        sample(r, n, d, |r| {
            let number = r.below(count);
            curves[number].0.at(r.uniform()).iter().enumerate().map(|(axis, x)| x + away(number, axis)).collect()
        })
    }),
    unseen("even groups", &[Concepts], 2, |r, n, d| {
        groups(r, n, d, Groups { apart: 8.0, even: true, ..Groups::PLAIN })
    }),
    unseen("an S of paper", &[Continuum], 3, |r, n, d| {
        let turn = Turn::new(r, 3, d);
        sample(r, n, d, |r| {
            let t = 9.4 * (r.uniform() - 0.5);
            turn.apply(&[t.sin(), 2.0 * r.uniform(), t.signum() * (t.cos() - 1.0)])
        })
    }),
    unseen("a helix", &[Continuum], 3, |r, n, d| {
        let turn = Turn::new(r, 3, d);
        sample(r, n, d, |r| {
            let t = 18.0 * r.uniform();
            turn.apply(&[t.cos(), t.sin(), 0.15 * t])
        })
    }),
    unseen("Laplace", &[NoStructure], 2, |r, n, d| {
        (0..n * d).map(|_| (1.0 - r.uniform()).ln() * if r.uniform() < 0.5 { 1.0 } else { -1.0 }).collect()
    }),
    unseen("one skewed distribution", &[NoStructure], 2, |r, n, d| {
        (0..n * d).map(|_| (0.5 * r.normal()).exp()).collect()
    }),
];

/// A set: the family, the number of samples and the number of dimensions hang on `seed`.
pub(crate) fn set(family: &Family, seed: u64) -> (Points, String) {
    let mut random = Random(
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ family.name.len() as u64 ^ (family.name.as_bytes()[2] as u64) << 8,
    );
    let dimensions = [2, 3, 5, 10, 20, 50, 100, 200, 512][random.below(9)].max(family.least);
    let samples = [300, 500, 1000, 1500, 2000, 3000, if dimensions < 200 { 10_000 } else { 1000 }][random.below(7)];
    let values = (family.make)(&mut random, samples, dimensions).into_iter().map(|value| value as f32).collect();
    (Points::new(values, dimensions, Geometry::L2, Rescale::Identity), format!("n={samples} d={dimensions}"))
}

/// Random numbers: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, neither included.
    fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.uniform() * bound as f64) as usize
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn direction(&mut self, dimensions: usize) -> Vec<f64> {
        let direction: Vec<f64> = (0..dimensions).map(|_| self.normal()).collect();
        let length = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
        direction.into_iter().map(|value| value / length).collect()
    }

    /// A point of the unit ball.
    fn ball(&mut self, dimensions: usize) -> Vec<f64> {
        let radius = self.uniform().powf(1.0 / dimensions as f64);
        self.direction(dimensions).into_iter().map(|value| radius * value).collect()
    }
}

/// A turn of few dimensions into many (nearly: the columns are random directions, orthogonal where there are few).
struct Turn(Vec<Vec<f64>>);

impl Turn {
    fn new(random: &mut Random, from: usize, to: usize) -> Self {
        let mut columns: Vec<Vec<f64>> = Vec::new();
        while columns.len() < from {
            let mut column = random.direction(to);
            for other in &columns {
                let along: f64 = column.iter().zip(other).map(|(a, b)| a * b).sum();
                column.iter_mut().zip(other).for_each(|(value, of)| *value -= along * of);
            }
            let length = column.iter().map(|value| value * value).sum::<f64>().sqrt();
            if length > 1e-3 {
                columns.push(column.into_iter().map(|value| value / length).collect());
            }
        }
        Turn(columns)
    }

    fn apply(&self, place: &[f64]) -> Vec<f64> {
        let mut turned = vec![0.0; self.0[0].len()];
        for (column, value) in self.0.iter().zip(place) {
            turned.iter_mut().zip(column).for_each(|(sum, of)| *sum += value * of);
        }
        turned
    }
}

/// A smooth curve of about unit size: a straight part and two waves.
struct Curve {
    straight: Vec<f64>,
    waves: Vec<(f64, Vec<f64>)>,
}

impl Curve {
    fn new(random: &mut Random, dimensions: usize) -> Self {
        let straight = random.direction(dimensions).into_iter().map(|value| 2.0 * value).collect();
        let waves = (1..4).map(|number| {
            let direction = random.direction(dimensions);
            (
                number as f64 * (1.0 + random.uniform()),
                direction.into_iter().map(|value| value / number as f64).collect(),
            )
        });
        Curve { straight, waves: waves.collect() }
    }

    fn at(&self, t: f64) -> Vec<f64> {
        let mut place: Vec<f64> = self.straight.iter().map(|value| t * value).collect();
        for (frequency, direction) in &self.waves {
            let wave = (2.0 * frequency * t).sin();
            place.iter_mut().zip(direction).for_each(|(sum, of)| *sum += wave * of);
        }
        place
    }
}

/// Draws places of about unit size and adds noise: 1 to 4 % of that size over all dimensions together.
fn sample(
    random: &mut Random,
    samples: usize,
    dimensions: usize,
    mut place: impl FnMut(&mut Random) -> Vec<f64>,
) -> Vec<f64> {
    let noise = (0.01 + 0.03 * random.uniform()) / (dimensions as f64).sqrt();
    let mut values = Vec::with_capacity(samples * dimensions);
    for _ in 0..samples {
        let place = place(random);
        values.extend(place.into_iter().map(|value| value + noise * random.normal()));
    }
    values
}

/// How groups lie.
struct Groups {
    /// Least distance of two centers, in standard deviations of a group along one direction.
    apart: f64,
    /// Most groups.
    most: usize,
    /// Does the distance grow with the dimensions, as that between samples of a group does?
    scaled: bool,
    /// Do sizes and spreads differ?
    uneven: bool,
    /// Are the groups cubes?
    even: bool,
}

impl Groups {
    const PLAIN: Groups = Groups { apart: 8.0, most: 50, scaled: true, uneven: false, even: false };
}

fn groups(random: &mut Random, samples: usize, dimensions: usize, how: Groups) -> Vec<f64> {
    let count = (2 + random.below(how.most - 1)).min(samples / 40).max(2);
    let least = how.apart * if how.scaled { (dimensions as f64 / 10.0).powf(0.25).max(1.0) } else { 1.0 };
    let centers = centers(random, count, dimensions, least);
    // Of uneven groups the largest is about five times the smallest, and spreads differ as much.
    let weights: Vec<f64> = (0..count).map(|_| if how.uneven { 5f64.powf(random.uniform()) } else { 1.0 }).collect();
    let spreads: Vec<f64> = (0..count).map(|_| if how.uneven { 0.2 + 0.8 * random.uniform() } else { 1.0 }).collect();
    let total: f64 = weights.iter().sum();
    let mut values = Vec::with_capacity(samples * dimensions);
    for _ in 0..samples {
        let mut left = random.uniform() * total;
        let group = weights
            .iter()
            .position(|weight| {
                left -= weight;
                left <= 0.0
            })
            .unwrap_or(count - 1);
        for center in &centers[group][..dimensions] {
            let value = if how.even { 12f64.sqrt() * (random.uniform() - 0.5) } else { random.normal() };
            values.push(center + spreads[group] * value);
        }
    }
    values
}

/// Centers no two of which are nearer than `least`, as near as they are easily found.
fn centers(random: &mut Random, count: usize, dimensions: usize, least: f64) -> Vec<Vec<f64>> {
    let mut size = least / (2.0 * dimensions as f64).sqrt();
    loop {
        let mut centers: Vec<Vec<f64>> = Vec::new();
        for _ in 0..20 * count {
            let center: Vec<f64> = (0..dimensions).map(|_| size * random.normal()).collect();
            let distance =
                |other: &Vec<f64>| center.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            if centers.iter().all(|other| distance(other) >= least) {
                centers.push(center);
            }
            if centers.len() == count {
                return centers;
            }
        }
        size *= 1.15;
    }
}
