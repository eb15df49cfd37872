//! Linear binning: every value is shared between the two grid points beside it, in proportion to its nearness, so that
//! binning moves no mass on average.

use crate::sketch::simd::{self, floor};

/// The most points that a grid can have.
pub(super) const MAX_POINTS: usize = 1024;

/// Accumulators that are filled in turn and added up, as in the histogram.
const COPIES: usize = 4;

/// How many values lie between a grid point and the next, and the sum of their distances from it, in steps.
type Cell = [f64; 2];

/// Spreads values over a grid; keeps the memory for that.
pub(super) struct LinearBinning {
    cells: Box<[[Cell; MAX_POINTS + 4]; COPIES]>,
    /// Each value's cell, and what it adds there. They are found for the whole map first, as vectors do that, and adding
    /// cannot be done by vectors. Those behind the last value add nothing.
    indices: Vec<u16>,
    shares: Vec<Cell>,
}

impl LinearBinning {
    /// For maps of `positions` values.
    pub(super) fn new(positions: usize) -> Self {
        LinearBinning {
            cells: Box::new([[[0.0; 2]; MAX_POINTS + 4]; COPIES]),
            indices: vec![0; positions.next_multiple_of(COPIES)],
            shares: vec![[0.0; 2]; positions.next_multiple_of(COPIES)],
        }
    }

    /// Fills `mass` with the number of values at each grid point `low + k / per_unit`. Values outside count at the ends.
    #[inline(always)]
    pub(super) fn spread(&mut self, map: &[f32], low: f32, per_unit: f32, mass: &mut [f64]) {
        let last = (mass.len() - 1) as f32;
        for ((value, index), share) in map.iter().zip(&mut self.indices).zip(&mut self.shares) {
            let at = ((value - low) * per_unit).clamp(0.0, last);
            let below = floor(at);
            *index = simd::index::<MAX_POINTS>(below) as u16;
            *share = [1.0, f64::from(at - below)];
        }
        for cells in &mut *self.cells {
            cells[..mass.len()].fill([0.0; 2]);
        }
        let (indices, shares) = (self.indices.as_chunks::<COPIES>().0, self.shares.as_chunks::<COPIES>().0);
        for (indices, shares) in indices.iter().zip(shares) {
            for ((cells, index), share) in self.cells.iter_mut().zip(indices).zip(shares) {
                let cell = &mut cells[usize::from(*index) % MAX_POINTS];
                *cell = add(*cell, *share);
            }
        }
        let [a, b, c, d] = &*self.cells;
        let mut carried = 0.0;
        for ((((mass, a), b), c), d) in mass.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let [count, distances] = add(add(*a, *b), add(*c, *d));
            *mass = count - distances + carried;
            carried = distances;
        }
    }
}

#[inline(always)]
fn add(a: Cell, b: Cell) -> Cell {
    [a[0] + b[0], a[1] + b[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shared_between_its_neighbors() {
        for (value, expected) in [
            (2.0, [1.0, 0.0, 0.0, 0.0]),
            (2.25, [0.5, 0.5, 0.0, 0.0]),
            (3.125, [0.0, 0.0, 0.75, 0.25]),
            (3.5, [0.0, 0.0, 0.0, 1.0]),
            (-9.0, [1.0, 0.0, 0.0, 0.0]),
            (1e30, [0.0, 0.0, 0.0, 1.0]),
        ] {
            for len in [1, 16, 37] {
                let mut mass = [9.0; 4];
                LinearBinning::new(len).spread(&vec![value; len], 2.0, 2.0, &mut mass);
                assert_eq!(mass, expected.map(|share| share * len as f64), "{len} x {value}");
            }
        }
    }
}
