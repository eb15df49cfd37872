//! Points prepared for searches: what is known of each of them by itself.
//!
//! Everything here is rounded to f32 and serves only to say which pairs cannot matter. The half terms (see
//! [`super::tile::Side`]) are therefore lowered by a bound of all rounding: of sums over d coordinates in chunks,
//! γ = (128 + d/128 + 16)·2⁻²⁴ times the sum of the absolute terms; of centering, scaling and testing, some units of 2⁻²⁴
//! (within the 16); and of underflow, an absolute 2⁻¹⁰⁰ (coordinates are below 16).

use super::basis::Basis;
use super::frame::Frame;
use super::grid::Grid;
use super::norms::Norms;
use super::order::compact_order;
use super::quantized::Rounded;
use super::tile::{Bytes, CHUNK, COLS, Kernel, Product};
use crate::distance::{Geometry, Points};
use crate::lanes::sum;
use rayon::prelude::*;
use std::sync::Arc;

/// Numbers of leading coordinates after which pairs may be tested.
pub(super) const LADDER: [usize; 11] = [4, 6, 8, 12, 15, 24, 32, 48, 64, 96, 128];
/// Those of the ladder up to which coordinates are computed for every point from the beginning.
const KEPT: usize = 7;
/// That of the ladder whose coordinates, with the norm of what they leave, tell where a point lies.
const GUIDE: usize = 4;
/// With fewer coordinates they tell it themselves; fewer points are not worth finding directions for.
const MANY_DIMENSIONS: usize = 32;
const WORTH_DIRECTIONS: usize = 512;
/// With fewer coordinates bytes save too little, with more their sums could overflow.
const FEW_BYTES: usize = 24;
const MOST_BYTES: usize = 1 << 15;
/// So that finding directions costs little beside looking at all pairs.
const SAMPLES_OF_DIRECTION: usize = 64;
/// Points prepared at a time.
const BLOCK: usize = 256;
/// A half limit beyond every sum.
pub(super) const NO_LIMIT: f32 = 1e30;
/// The unit of rounding of f32.
pub(super) const UNIT: f64 = 1.0 / (1 << 24) as f64;

/// Points in a frame, ready to be packed.
pub(crate) struct Cloud<'a> {
    points: &'a Points,
    pub(super) product: Product,
    pub(super) kernel: Kernel,
    /// For a kernel: the norms that bound it. Then coordinates only serve to put the points in order.
    pub(super) norms: Option<Norms<'a>>,
    body: Arc<Body>,
}

/// What is computed of the points of a cloud.
pub(super) struct Body {
    frame: Arc<Frame>,
    basis: Option<Arc<Basis>>,
    /// Half of the term that the norm adds for each sample less its margin for rounding, and the margin.
    half: Vec<(f32, f32)>,
    /// Leading coordinates of each sample, `[samples, kept]`; in few dimensions all.
    kept: usize,
    leading: Vec<f32>,
    /// The norms of what they leave, `[samples, KEPT]`; none in few dimensions.
    rests: Vec<f32>,
    /// The points in 8 bits, where the processor has instructions for them.
    rounded: Option<Rounded>,
}

impl<'a> Cloud<'a> {
    /// Prepares points with an L2 or L1 geometry, or a kernel that norms bound; `None` for others.
    pub(crate) fn new(points: &'a Points) -> Option<Self> {
        if let Geometry::Kernel(kernel) = points.geometry() {
            return kernel.norms().map(|norms| Self::with_norms(points, Norms::new(norms)));
        }
        Self::alone(points)
    }

    /// Prepares points with an L2 or L1 geometry; `None` for others.
    pub(super) fn alone(points: &'a Points) -> Option<Self> {
        product(points)?;
        let frame = Arc::new(Frame::around(points, &[points]));
        let basis = directions(points, &frame);
        let grid = grid(points, &frame);
        Self::in_frame(points, frame, basis, grid)
    }

    /// Prepares points to be compared with others, and the others; `None` as for [`Cloud::new`].
    pub(super) fn pair(points: &'a Points, others: &'a Points) -> Option<[Self; 2]> {
        if matches!(points.geometry(), Geometry::Kernel(_)) {
            return Some([Self::new(points)?, Self::new(others)?]);
        }
        let frame = Arc::new(Frame::around(points, &[points, others]));
        let basis = directions(points, &frame);
        let grid = grid(points, &frame);
        let own = Self::in_frame(points, frame.clone(), basis.clone(), grid.clone())?;
        Some([own, Self::in_frame(others, frame, basis, grid)?])
    }

    /// What is computed of these points, to be used again.
    pub(super) fn body(&self) -> &Arc<Body> {
        &self.body
    }

    /// The points of which `body` was computed.
    pub(super) fn of_body(points: &'a Points, body: Arc<Body>) -> Option<Self> {
        let product = product(points)?;
        Some(Cloud { points, product, kernel: Kernel::available(product)[0], norms: None, body })
    }

    /// Prepares other points to be compared with these, in their frame; `None` where that is too narrow.
    pub(super) fn beside<'b>(&self, others: &'b Points) -> Option<Cloud<'b>> {
        let Body { frame, basis, rounded, .. } = &*self.body;
        let grid = rounded.as_ref().map(|rounded| rounded.grid.clone());
        frame.holds(others).then(|| Cloud::in_frame(others, frame.clone(), basis.clone(), grid))?
    }

    /// The points in 8 bits, where the processor has instructions for them.
    pub(super) fn rounded(&self) -> Option<&Rounded> {
        self.body.rounded.as_ref()
    }

    /// Shift and scale of the coordinates.
    pub(super) fn frame(&self) -> &Frame {
        &self.body.frame
    }

    fn in_frame(
        points: &'a Points,
        frame: Arc<Frame>,
        basis: Option<Arc<Basis>>,
        grid: Option<Arc<Grid>>,
    ) -> Option<Self> {
        let product = product(points)?;
        let (n, d) = (points.samples(), points.dimensions());
        let kept = if basis.is_some() { LADDER[KEPT - 1] } else { d };
        let rests_kept = if basis.is_some() { KEPT } else { 0 };
        let mut half = vec![(0.0, 0.0); n];
        let mut leading = vec![0.0; n * kept];
        let mut rests = vec![0.0; n * rests_kept];
        let kernel = Kernel::available(product)[0];
        let mut rounded = grid.map(|grid| Rounded::new(grid, n));
        let none = || std::iter::repeat_with(|| None);
        let of_block = leading.chunks_mut(BLOCK * kept);
        let of_block = of_block.zip(rests.chunks_mut((BLOCK * rests_kept).max(1)).map(Some).chain(none()));
        let to_round = rounded.iter_mut().flat_map(|rounded| rounded.blocks(BLOCK));
        let of_block = of_block.zip(to_round.map(Some).chain(std::iter::repeat_with(|| None)));
        let blocks: Vec<_> = half.chunks_mut(BLOCK).zip(of_block).collect();
        blocks.into_par_iter().enumerate().for_each(|(block, (half, ((leading, rests), to_round)))| {
            let mut placed = vec![0.0; half.len() * d];
            for ((row, placed), half) in placed.chunks_exact_mut(d).enumerate().zip(half) {
                frame.place(points.row(block * BLOCK + row), 0, placed);
                *half = half_term(placed, product);
            }
            match &basis {
                Some(basis) => basis.project(&placed, kept, &LADDER[..KEPT], leading, rests.unwrap_or_default()),
                None => leading.copy_from_slice(&placed),
            }
            if let Some(mut to_round) = to_round {
                to_round.round(&placed, d);
            }
        });
        let body = Arc::new(Body { frame, basis, half, kept, leading, rests, rounded });
        Some(Cloud { points, product, kernel, norms: None, body })
    }

    fn with_norms(points: &'a Points, norms: Norms<'a>) -> Self {
        let (n, d) = (points.samples(), points.dimensions());
        let frame = Arc::new(Frame::around(points, &[points]));
        let turned = directions_worth_finding(n, d) > 0;
        let basis = turned.then(|| Basis::leading(points, &frame, LADDER[GUIDE]));
        let kept = if turned { LADDER[GUIDE] } else { d };
        let mut half = vec![(0.0, 0.0); n];
        let mut leading = vec![0.0; n * kept];
        half.par_chunks_mut(BLOCK).zip(leading.par_chunks_mut(BLOCK * kept)).enumerate().for_each(
            |(block, (half, leading))| {
                let mut placed = vec![0.0; half.len() * d];
                let mut embedded = Vec::new();
                for ((at, placed), half) in placed.chunks_exact_mut(d).enumerate().zip(&mut *half) {
                    let row = points.row(block * BLOCK + at);
                    frame.place(row, 0, placed);
                    let (below, above) = norms.margins(row, &mut embedded);
                    *half = (-below as f32, above as f32);
                }
                match &basis {
                    Some(basis) => basis.project(&placed, kept, &[kept], leading, &mut vec![0.0; half.len()]),
                    None => leading.copy_from_slice(&placed),
                }
            },
        );
        let product = Product::Norms;
        let kernel = Kernel::available(product)[0];
        let body = Body { frame, basis: None, half, kept, leading, rests: Vec::new(), rounded: None };
        Cloud { points, product, kernel, norms: Some(norms), body: Arc::new(body) }
    }

    /// Rows of a panel: coordinates, and what the product needs beside them.
    pub(super) fn rows(&self) -> usize {
        self.norms.as_ref().map_or(self.points.dimensions(), Norms::rows)
    }

    /// The points.
    pub(crate) fn points(&self) -> &'a Points {
        self.points
    }

    /// Half of a key in the frame, rounded up.
    pub(crate) fn half_limit(&self, key: f64) -> f32 {
        let half = self.half_exactly(key) * (1.0 + 4.0 * UNIT) + f64::from(f32::MIN_POSITIVE);
        (half as f32).min(NO_LIMIT)
    }

    /// The same, rounded down.
    pub(super) fn half_of(&self, key: f64) -> f32 {
        (self.half_exactly(key) * (1.0 - 4.0 * UNIT)) as f32
    }

    /// The key of half of one in the frame, rounded up or down by `direction`, 1 or −1.
    pub(super) fn key_of_half(&self, half: f32, direction: f64) -> f64 {
        f64::from(half.max(0.0)) * (1.0 + direction * 4.0 * UNIT) / (0.5 * self.key_scale())
    }

    fn half_exactly(&self, key: f64) -> f64 {
        0.5 * key * self.key_scale()
    }

    /// What keys are multiplied by in the frame.
    fn key_scale(&self) -> f64 {
        let scale = self.body.frame.scale();
        match self.product {
            Product::Dot => scale * scale,
            Product::Min => scale,
            Product::Norms => 1.0,
        }
    }

    /// The samples in an order in which neighbors stand together.
    pub(crate) fn compact_order(&self) -> Vec<u32> {
        let leading = if self.body.basis.is_some() { LADDER[GUIDE] } else { self.body.kept };
        compact_order(&self.body.leading, self.body.kept, leading, COLS)
    }

    /// The half term of a sample, and its margin.
    pub(super) fn half(&self, sample: u32) -> (f32, f32) {
        self.body.half[sample as usize]
    }

    /// The directions that bound distances, where there are any: for L2 in many dimensions.
    pub(super) fn basis(&self) -> Option<&Basis> {
        self.body.basis.as_deref().filter(|_| self.product == Product::Dot)
    }

    /// Are the boxes of panels those of all coordinates?
    pub(crate) fn has_few_dimensions(&self) -> bool {
        self.body.basis.is_none() && self.norms.is_none()
    }

    /// Does what [`Cloud::guide`] gives bound L1 distances only through L2?
    pub(super) fn is_turned(&self) -> bool {
        self.body.basis.is_some()
    }

    /// Coordinates that tell where a sample lies.
    pub(super) fn guide(&self, sample: u32) -> impl Iterator<Item = &f32> {
        let count = if self.body.basis.is_some() { LADDER[GUIDE] } else { self.guides() };
        let first = sample as usize * self.body.kept;
        let rest = self.body.rests.get(sample as usize * KEPT + GUIDE);
        self.body.leading[first..first + count].iter().chain(rest)
    }

    /// Number of coordinates that [`Cloud::guide`] gives.
    pub(super) fn guides(&self) -> usize {
        match (&self.norms, &self.body.basis) {
            // Boxes tell nothing about norms.
            (Some(_), _) => 1,
            (None, Some(_)) => LADDER[GUIDE] + 1,
            (None, None) => self.body.kept,
        }
    }

    /// The leading coordinates of some samples, up to the last of `stages` (steps of the ladder), and the norms of what each
    /// stage leaves: `[samples, last stage]` and `[samples, stages]`.
    pub(super) fn leading(&self, basis: &Basis, samples: &[u32], stages: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let count = LADDER[stages[stages.len() - 1]];
        let mut coordinates = vec![0.0; samples.len() * count];
        let mut rests = vec![0.0; samples.len() * stages.len()];
        if stages[stages.len() - 1] < KEPT {
            let rows = coordinates.chunks_exact_mut(count).zip(rests.chunks_exact_mut(stages.len()));
            for ((row, left), &sample) in rows.zip(samples) {
                row.copy_from_slice(&self.body.leading[sample as usize * self.body.kept..][..count]);
                left.iter_mut().zip(stages).for_each(|(left, &stage)| {
                    *left = self.body.rests[sample as usize * KEPT + stage];
                });
            }
            return (coordinates, rests);
        }
        let upto: Vec<usize> = stages.iter().map(|&stage| LADDER[stage]).collect();
        let d = self.points.dimensions();
        let blocks = coordinates.par_chunks_mut(BLOCK * count).zip(rests.par_chunks_mut(BLOCK * stages.len()));
        blocks.zip(samples.par_chunks(BLOCK)).for_each(|((coordinates, rests), samples)| {
            let mut placed = vec![0.0; samples.len() * d];
            for (placed, &sample) in placed.chunks_exact_mut(d).zip(samples) {
                self.body.frame.place(self.points.row(sample as usize), 0, placed);
            }
            basis.project(&placed, count, &upto, coordinates, rests);
        });
        (coordinates, rests)
    }
}

/// What is summed over the coordinates of a pair; `None` for a kernel.
fn product(points: &Points) -> Option<Product> {
    match points.geometry() {
        Geometry::L2 => Some(Product::Dot),
        Geometry::L1 => Some(Product::Min),
        Geometry::Kernel(_) => None,
    }
}

/// A grid for coordinates in bytes, where they are worth it.
fn grid(points: &Points, frame: &Frame) -> Option<Arc<Grid>> {
    let product = product(points)?;
    let worth_bytes = (FEW_BYTES..=MOST_BYTES).contains(&points.dimensions());
    let Bytes { largest, .. } = Kernel::available(product)[0].bytes().filter(|_| worth_bytes)?;
    Some(Arc::new(Grid::new(points, frame, product, largest)))
}

fn directions(points: &Points, frame: &Frame) -> Option<Arc<Basis>> {
    let count = match points.geometry() {
        Geometry::L2 if Kernel::available(Product::Dot)[0].bytes().is_none_or(|bytes| !bytes.are_fine()) => {
            directions_worth_finding(points.samples(), points.dimensions())
        }
        // Only the order of the points and the boxes of panels follow them; and where a few directions do not rule a pair out,
        // bytes do it for less than many directions.
        _ => directions_worth_finding(points.samples(), points.dimensions()).min(LADDER[KEPT - 1]),
    };
    (count > 0).then(|| Arc::new(Basis::leading(points, frame, count)))
}

fn directions_worth_finding(samples: usize, dimensions: usize) -> usize {
    if dimensions < MANY_DIMENSIONS || samples < WORTH_DIRECTIONS {
        return 0;
    }
    let affordable = (samples / SAMPLES_OF_DIRECTION).max(LADDER[KEPT - 1]);
    (dimensions / 2).clamp(LADDER[KEPT - 1], LADDER[LADDER.len() - 1]).min(affordable)
}

/// The most bytes that coordinates in bytes and leading coordinates take a sample, and that finding directions takes.
pub(crate) fn memory_bytes(samples: u64, dimensions: u64) -> (u64, u64) {
    // Sample after sample and in panels, with what fills up groups.
    let rounded = if (FEW_BYTES as u64..=MOST_BYTES as u64).contains(&dimensions) { 2 * (dimensions + 80) } else { 0 };
    match directions_worth_finding(samples as usize, dimensions as usize) as u64 {
        // Kept for all, and in the boxes of up to two orders.
        0 => (8 + 12 * dimensions + rounded, 0),
        // Kept for all, in the boxes of an order, and those of a search, in rows and in panels.
        count => (
            8 + 4 * (LADDER[KEPT - 1] + KEPT + LADDER[GUIDE] + 1) as u64 + 8 * (count + 2) + rounded,
            Basis::memory_bytes(samples, dimensions, count),
        ),
    }
}

/// Half of the term that the norm adds for a point at `placed`, less the margin for rounding, and the margin.
fn half_term(placed: &[f32], product: Product) -> (f32, f32) {
    let d = placed.len();
    let rounding = (CHUNK.min(d) as f64 + (d / CHUNK) as f64 + 16.0) * UNIT;
    let (half, absolute) = match product {
        Product::Dot => {
            let half = 0.5 * sum(placed, |x| x * x);
            (half, half)
        }
        Product::Min | Product::Norms => (0.5 * sum(placed, |x| x), sum(placed, f64::abs)),
    };
    let margin = rounding * absolute + (-100.0f64).exp2();
    ((half - margin) as f32, margin as f32)
}
