//! Keys in f32, for a fraction of what they cost in f64, and how far they are from those at the most.
//!
//! All terms of a norm are positive, so that its relative error is bounded. What may be among the nearest in spite of it is
//! measured again in f64: results are the same to the bit.

use crate::distance::{Geometry, Points};
use crate::lanes::{for_every_vector_unit, sum_of_pairs};

const LANES: usize = 32;

/// How points are measured roughly: keys of a kernel are not, they are what they are.
pub(super) struct Rough {
    measure: Option<Measure>,
    relative: f64,
    absolute: f64,
}

impl Rough {
    pub(super) fn new(points: &Points) -> Self {
        let measure: Measure = match points.geometry() {
            Geometry::L2 => squares,
            Geometry::L1 => absolutes,
            Geometry::Kernel(_) => return Rough { measure: None, relative: 0.0, absolute: 0.0 },
        };
        let dimensions = points.dimensions() as f64;
        Rough {
            measure: Some(measure),
            // A term is rounded three times, and a sum once for each term of its lane and of the tree that joins lanes.
            relative: (dimensions / LANES as f64 + 12.0) * f64::from(f32::EPSILON),
            // Squares may be too small for an f32.
            absolute: dimensions * f64::from(f32::MIN_POSITIVE),
        }
    }

    /// The rough key of every row of a matrix and `query`; infinite where it is too large for f32. `None` for a kernel.
    pub(super) fn keys(&self, query: &[f32], rows: &[f32]) -> Option<Vec<f32>> {
        let mut keys = vec![0.0; rows.len() / query.len()];
        self.measure?(query, rows, &mut keys);
        Some(keys)
    }

    /// Bounds of the key of two rows of `points`, or of others like them.
    pub(super) fn key_bounds(&self, points: &Points, a: &[f32], b: &[f32]) -> [f64; 2] {
        let mut rough = [f32::INFINITY];
        if let Some(measure) = self.measure {
            measure(a, b, &mut rough);
        }
        if rough[0] < f32::INFINITY {
            return [self.least(rough[0].into()), self.greatest(rough[0].into())];
        }
        let key = points.key_of_rows(a, b);
        [key, key]
    }

    /// At most the key of a pair with this rough one.
    pub(super) fn least(&self, rough: f64) -> f64 {
        (rough - self.absolute) * (1.0 - self.relative)
    }

    /// At least the key of a pair with this rough one.
    pub(super) fn greatest(&self, rough: f64) -> f64 {
        (rough + self.absolute) * (1.0 + self.relative)
    }
}

/// Measures every row of a matrix from a query.
type Measure = fn(&[f32], &[f32], &mut [f32]);

#[inline(always)]
fn measured(query: &[f32], rows: &[f32], out: &mut [f32], term: impl Fn(f32) -> f32) {
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *out = sum_of_pairs::<_, LANES>(query, row, |a, b| term(a - b));
    }
}

#[inline(always)]
fn by_squares(query: &[f32], rows: &[f32], out: &mut [f32]) {
    measured(query, rows, out, |difference| difference * difference);
}

#[inline(always)]
fn by_absolutes(query: &[f32], rows: &[f32], out: &mut [f32]) {
    measured(query, rows, out, f32::abs);
}

for_every_vector_unit! {
    /// Σ (aᵢ − bᵢ)².
    squares, by_squares, (query: &[f32], rows: &[f32], out: &mut [f32]), ()
}

for_every_vector_unit! {
    /// Σ |aᵢ − bᵢ|.
    absolutes, by_absolutes, (query: &[f32], rows: &[f32], out: &mut [f32]), ()
}
