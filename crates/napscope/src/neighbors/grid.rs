//! A grid for coordinates in 8 bits: where it begins and how wide its steps are, coordinate by coordinate.
//!
//! How many steps there are hangs on what the processor can add up without loss (see [`super::tile::Bytes`]).
//!
//! Steps follow each coordinate's own range, for one step for all would be too wide for those that vary little. Sums of
//! products of whole numbers stay sums of products all the same, because steps come in a ladder: for L2 the squares of steps
//! are powers of two, and coordinates of equal step stand together, those of the widest first, so that a sum is shifted to the
//! left from one group to the next. For L1 steps are small multiples of one, by which the processor multiplies as it adds.
//!
//! A grid begins at the least value (or, where that leaves less error in a sample, is shrunk around the middle, and outliers
//! are cut off): so the zeros behind a ReLU stand on it exactly.

use super::cloud::UNIT;
use super::frame::Frame;
use super::tile::Product;
use crate::distance::Points;

/// Coordinates that one instruction takes together.
pub(super) const TOGETHER: usize = 4;
/// Coordinates that points are rounded by at a time.
const LANES: usize = 16;
/// Points that steps are chosen by, and how often a step is made smaller on trial, by √2.
const SAMPLE: usize = 128;
const SHRINKS: i32 = 6;
/// The square of the least step beside the mean of all squares: smaller errors would not count.
const LEAST: f64 = 0.05;
/// A sum of products stays below this.
const LARGEST_SUM: f64 = (1u32 << 30) as f64;
/// The largest multiple of the least step for L1.
const LARGEST_MULTIPLE: f64 = 127.0;
/// More than the roundings of a place on the grid, beside its distance from where the grid begins.
const ROUNDINGS: f32 = 8.0 * UNIT as f32;

/// Coordinates of equal step, as many times 4, and by how many bits sums are shifted before theirs are added.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "elsewhere there is no code for bytes"))]
pub(super) struct Group {
    pub(super) quads: usize,
    pub(super) shift: u32,
}

/// Where coordinates stand in bytes, and what they count.
pub(super) struct Grid {
    product: Product,
    /// The largest whole number, even.
    largest: u8,
    /// 1 / the least step.
    scale: f32,
    /// The coordinate at each place; for L2 in groups. What fills up groups is 0 everywhere.
    columns: Vec<u32>,
    begins: Vec<f32>,
    /// 1 / step
    scales: Vec<f32>,
    /// For L2 the square of the step in least steps, for L1 the step.
    weights: Vec<i32>,
    groups: Vec<Group>,
    /// The weights for L1, as bytes.
    multiples: Vec<[i8; TOGETHER]>,
    /// How far from the center of the frame the grid begins, in least steps.
    origin: f32,
}

/// What is known of a point on the grid, in least steps.
pub(super) struct OnGrid {
    /// Half of the term that the norm adds.
    pub(super) half: f32,
    /// The norm of the error, rounded up.
    pub(super) error: f32,
    /// What products of the point with unsigned bytes are too large by, negated.
    pub(super) bias: i32,
}

/// The grid of one coordinate.
#[derive(Clone, Copy)]
struct Axis {
    begin: f32,
    step: f32,
}

impl Axis {
    /// A part of the range from `least` to `greatest` in `largest` steps: its beginning, or what lies around its middle.
    fn of_range(least: f32, greatest: f32, largest: f32, part: f32, around: bool) -> Self {
        let step = (part * (greatest - least) / largest).max(f32::MIN_POSITIVE);
        let begin = if around { 0.5 * (least + greatest) - 0.5 * largest * step } else { least };
        Axis { begin, step }
    }
}

impl Grid {
    /// A grid for `points` in `frame`, for L2 or L1, with places from 0 to `largest`.
    pub(super) fn new(points: &Points, frame: &Frame, product: Product, largest: u8) -> Self {
        let axes = axes(points, frame, f32::from(largest));
        let least = least_step(&axes, product, largest);
        let weight = |axis: &Axis| {
            let steps = f64::from(axis.step) / least;
            match product {
                Product::Dot => 1 << (2.0 * steps.max(1.0).log2() - 1e-9).ceil() as u32,
                _ => (steps.ceil() as i32).clamp(1, LARGEST_MULTIPLE as i32),
            }
        };
        let weights: Vec<i32> = axes.iter().map(weight).collect();
        let mut order: Vec<usize> = (0..axes.len()).collect();
        if product == Product::Dot {
            order.sort_by_key(|&column| std::cmp::Reverse(weights[column]));
        }
        let mut grid = Grid {
            product,
            largest,
            scale: (1.0 / least) as f32,
            columns: Vec::new(),
            begins: Vec::new(),
            scales: Vec::new(),
            weights: Vec::new(),
            groups: Vec::new(),
            multiples: Vec::new(),
            origin: 0.0,
        };
        let same = |x: &usize, y: &usize| product != Product::Dot || weights[*x] == weights[*y];
        for group in order.chunk_by(same) {
            grid.add(group, &axes, &weights, least);
        }
        grid.fill_up();
        grid
    }

    /// Adds a group of coordinates.
    fn add(&mut self, group: &[usize], axes: &[Axis], weights: &[i32], least: f64) {
        let before = self.weights.last().copied();
        for &column in group {
            let weight = f64::from(weights[column]);
            let step = least * if self.product == Product::Dot { weight.sqrt() } else { weight };
            self.columns.push(column as u32);
            self.begins.push(axes[column].begin);
            self.scales.push((1.0 / step) as f32);
            self.weights.push(weights[column]);
        }
        let quads = group.len().div_ceil(TOGETHER);
        self.pad(group.len().next_multiple_of(TOGETHER) - group.len());
        let shift = before.map_or(0, |before| (before / weights[group[0]]).ilog2());
        self.groups.push(Group { quads, shift });
    }

    /// Adds places that hold nothing to the last group.
    fn pad(&mut self, count: usize) {
        let places = self.columns.len() + count;
        self.columns.resize(places, 0);
        self.begins.resize(places, 0.0);
        self.scales.resize(places, 0.0);
        self.weights.resize(places, self.weights.last().copied().unwrap_or(1));
    }

    /// Makes places a whole number of vectors.
    fn fill_up(&mut self) {
        let more = self.columns.len().next_multiple_of(LANES) - self.columns.len();
        self.pad(more);
        if let Some(group) = self.groups.last_mut() {
            group.quads += more / TOGETHER;
        }
        let steps = self.begins.iter().zip(&self.scales).map(|(begin, scale)| (begin * scale).abs());
        let weighted = steps.zip(&self.weights).map(|(steps, weight)| (steps, *weight as f32));
        if self.product == Product::Dot {
            self.origin = weighted.map(|(steps, weight)| weight * steps * steps).sum::<f32>().sqrt();
        } else {
            self.origin = weighted.map(|(steps, weight)| weight * steps).sum();
            self.multiples =
                self.weights.as_chunks().0.iter().map(|quad| quad.map(|weight: i32| weight as i8)).collect();
        }
    }

    /// Bytes of a point.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// 1 / the least step.
    pub(super) fn scale(&self) -> f32 {
        self.scale
    }

    pub(super) fn product(&self) -> Product {
        self.product
    }

    /// What is taken from whole numbers to make them signed.
    fn middle(&self) -> i32 {
        i32::from(self.largest / 2)
    }

    #[cfg(test)]
    pub(super) fn weight(&self, place: usize) -> i32 {
        self.weights[place]
    }

    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "elsewhere there is no code for bytes"))]
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "elsewhere there is no code for bytes"))]
    pub(super) fn multiples(&self) -> &[[i8; TOGETHER]] {
        &self.multiples
    }

    /// Puts a point on the grid; `gathered` is room for its coordinates.
    pub(super) fn round(&self, placed: &[f32], gathered: &mut Vec<f32>, bytes: &mut [u8]) -> OnGrid {
        gathered.clear();
        gathered.extend(self.columns.iter().map(|&column| placed[column as usize]));
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw")]
            fn wide(grid: &Grid, gathered: &[f32], bytes: &mut [u8]) -> OnGrid {
                grid.round_gathered(gathered, bytes)
            }
            #[target_feature(enable = "avx2")]
            fn medium(grid: &Grid, gathered: &[f32], bytes: &mut [u8]) -> OnGrid {
                grid.round_gathered(gathered, bytes)
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                // SAFETY: the processor has AVX-512F and BW.
                return unsafe { wide(self, gathered, bytes) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                return unsafe { medium(self, gathered, bytes) };
            }
        }
        self.round_gathered(gathered, bytes)
    }

    #[inline(always)]
    fn round_gathered(&self, gathered: &[f32], bytes: &mut [u8]) -> OnGrid {
        match self.product {
            Product::Dot => self.round_for::<true>(gathered, bytes),
            _ => self.round_for::<false>(gathered, bytes),
        }
    }

    #[inline(always)]
    fn round_for<const SQUARES: bool>(&self, gathered: &[f32], bytes: &mut [u8]) -> OnGrid {
        let (largest, middle) = (f32::from(self.largest), self.middle());
        let (mut sums, mut squares) = ([0i32; LANES], [0i32; LANES]);
        let (mut errors, mut reaches) = ([0f32; LANES], [0f32; LANES]);
        let axes = self.begins.as_chunks::<LANES>().0.iter().zip(self.scales.as_chunks::<LANES>().0);
        let axes = axes.zip(self.weights.as_chunks::<LANES>().0);
        let places = gathered.as_chunks::<LANES>().0.iter().zip(bytes.as_chunks_mut::<LANES>().0);
        for ((xs, bytes), ((begins, scales), weights)) in places.zip(axes) {
            for lane in 0..LANES {
                let steps = (xs[lane] - begins[lane]) * scales[lane];
                let whole = rounded(steps, largest);
                let off = steps - whole;
                let weight = weights[lane] as f32;
                if SQUARES {
                    let signed = whole as i32 - middle;
                    bytes[lane] = signed as i8 as u8;
                    sums[lane] += weights[lane] * signed;
                    squares[lane] += weights[lane] * signed * signed;
                    errors[lane] += weight * (off * off);
                    reaches[lane] += weight * (steps * steps);
                } else {
                    bytes[lane] = whole as i32 as u8;
                    sums[lane] += weights[lane] * whole as i32;
                    errors[lane] += weight * off.abs();
                    reaches[lane] += weight * steps.abs();
                }
            }
        }
        let (error, reach) = (errors.iter().sum::<f32>(), reaches.iter().sum::<f32>());
        let (sum, square) = (sums.iter().sum::<i32>(), squares.iter().sum::<i32>());
        let (term, bias, error, reach) =
            if SQUARES { (square, -(middle + 1) * sum, error.sqrt(), reach.sqrt()) } else { (sum, 0, error, reach) };
        // Sums of some thousand terms in f32, and the rounding of coordinates and of places.
        OnGrid { half: 0.5 * term as f32, error: error * 1.001 + ROUNDINGS * (reach + self.origin) + 1e-3, bias }
    }
}

/// The nearest whole number from 0 to `largest`.
#[inline(always)]
fn rounded(steps: f32, largest: f32) -> f32 {
    /// 1.5 · 2^23: a sum with it has no room for a fraction, so that it is rounded (without calling a function for it).
    const NO_FRACTION: f32 = 12_582_912.0;
    let low = if steps > 0.0 { steps } else { 0.0 };
    (if low < largest { low } else { largest }) + NO_FRACTION - NO_FRACTION
}

/// The grids of all coordinates: the ranges of their values, made narrower alike if that leaves less error in a sample.
fn axes(points: &Points, frame: &Frame, largest: f32) -> Vec<Axis> {
    let (n, d) = (points.samples(), points.dimensions());
    let count = n.min(SAMPLE);
    let mut sample = vec![0.0; count * d];
    for (at, placed) in sample.chunks_exact_mut(d).enumerate() {
        frame.place(points.row(at * n / count), 0, placed);
    }
    let axes = |shrink: f32, around: bool| -> Vec<Axis> {
        let ranges = frame.least().iter().zip(frame.greatest());
        ranges.map(|(least, greatest)| Axis::of_range(*least, *greatest, largest, shrink, around)).collect()
    };
    let error = |axes: &[Axis]| sample.chunks_exact(d).map(|row| square_error(axes, row, largest)).sum::<f32>();
    let narrower =
        (1..SHRINKS).flat_map(|shrinks| [false, true].map(|around| axes((-0.5 * shrinks as f32).exp2(), around)));
    let mut best = axes(1.0, false);
    let mut least = error(&best);
    for axes in narrower {
        let error = error(&axes);
        if error < least {
            (best, least) = (axes, error);
        }
    }
    best
}

/// The square of the error of a point.
fn square_error(axes: &[Axis], row: &[f32], largest: f32) -> f32 {
    let mut sums = [0.0; LANES];
    for (axes, xs) in axes.chunks(LANES).zip(row.chunks(LANES)) {
        for ((sum, axis), x) in sums.iter_mut().zip(axes).zip(xs) {
            let steps = (x - axis.begin) / axis.step;
            *sum += ((steps - rounded(steps, largest)) * axis.step).powi(2);
        }
    }
    sums.iter().sum()
}

/// The step of weight 1.
fn least_step(axes: &[Axis], product: Product, largest: u8) -> f64 {
    let steps = || axes.iter().map(|axis| f64::from(axis.step));
    let greatest = steps().fold(f64::from(f32::MIN_POSITIVE), f64::max);
    if product != Product::Dot {
        return (greatest / LARGEST_MULTIPLE).max(f64::from(f32::MIN_POSITIVE));
    }
    let least = steps().fold(f64::INFINITY, f64::min);
    // Rounded up to the ladder, a square is at the most twice what it was; those that fill groups up count as well.
    let squares = steps().map(|step| 2.0 * step * step).sum::<f64>() + 2.0 * LANES as f64 * greatest * greatest;
    let products = (f64::from(largest) / 2.0 + 1.0).powi(2);
    (least * least).max(LEAST * squares / axes.len() as f64).max(squares * products / LARGEST_SUM).sqrt()
}
