//! Linear binning: every value is shared between the two grid points beside it, in proportion to its nearness, so that
//! binning moves no mass on average.

use crate::sketch::simd::{self, floor};

/// The most points that a grid can have.
pub(super) const MAX_POINTS: usize = 1024;

/// Accumulators that are filled in turn and added up, as in the histogram.
const COPIES: usize = 4;

/// How many values lie between a grid point and the next (above bit [`COUNT`]), and the sum of their distances from it in
/// units of [`QUANTUM`] steps: one addition counts a value and its distance.
type Cell = u64;

/// Where the number of values begins in a [`Cell`]: below it the distances of [`CHUNK`] values have room.
const COUNT: u32 = 44;

/// What distances are rounded to, in steps: the resolution of an f32 between 1 and 2.
const QUANTUM: f32 = 1.0 / 8_388_608.0;

/// Values that are binned before the cells are emptied: no sum runs over.
const CHUNK: usize = 1 << 19;

/// Spreads values over a grid; keeps the memory for that.
pub(super) struct LinearBinning {
    cells: Box<[[Cell; MAX_POINTS]; COPIES]>,
    /// Each value's cell, and what it adds there. They are found for the whole map first, as vectors do that, and adding
    /// cannot be done by vectors. Those behind the last value add nothing.
    indices: Vec<u16>,
    shares: Vec<Cell>,
}

impl LinearBinning {
    /// For maps of `positions` values.
    pub(super) fn new(positions: usize) -> Self {
        let room = positions.min(CHUNK).next_multiple_of(COPIES);
        LinearBinning { cells: Box::new([[0; MAX_POINTS]; COPIES]), indices: vec![0; room], shares: vec![0; room] }
    }

    /// Fills `mass` with the number of values at each grid point `low + k / per_unit`. Values outside count at the ends.
    #[inline(always)]
    pub(super) fn spread(&mut self, map: &[f32], low: f32, per_unit: f32, mass: &mut [f64]) {
        mass.fill(0.0);
        for chunk in map.chunks(CHUNK) {
            self.place(chunk, low, per_unit, (mass.len() - 1) as f32);
            self.count(chunk.len(), mass.len());
            self.empty_into(mass);
        }
    }

    /// Finds the cell of each value and what it adds there.
    #[inline(always)]
    fn place(&mut self, map: &[f32], low: f32, per_unit: f32, last: f32) {
        for ((value, index), share) in map.iter().zip(&mut self.indices).zip(&mut self.shares) {
            let at = ((value - low) * per_unit).clamp(0.0, last);
            let below = floor(at);
            *index = simd::index::<MAX_POINTS>(below) as u16;
            // From 1 to 2, the bits of an f32 count the quanta.
            let distance = (1.0 + (at - below)).to_bits() - 1.0_f32.to_bits();
            *share = (1 << COUNT) | u64::from(distance);
        }
        let rest = map.len()..map.len().next_multiple_of(COPIES);
        self.shares[rest].fill(0);
    }

    #[inline(always)]
    fn count(&mut self, values: usize, points: usize) {
        for cells in &mut *self.cells {
            cells[..points].fill(0);
        }
        let room = values.next_multiple_of(COPIES);
        let (indices, shares) =
            (self.indices[..room].as_chunks::<COPIES>().0, self.shares[..room].as_chunks::<COPIES>().0);
        for (indices, shares) in indices.iter().zip(shares) {
            for ((cells, index), share) in self.cells.iter_mut().zip(indices).zip(shares) {
                cells[usize::from(*index) % MAX_POINTS] += share;
            }
        }
    }

    /// Adds what the cells hold to `mass`.
    #[inline(always)]
    fn empty_into(&self, mass: &mut [f64]) {
        let [a, b, c, d] = &*self.cells;
        let mut carried = 0.0;
        for ((((mass, a), b), c), d) in mass.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let cell = (a + b) + (c + d);
            let distances = float(cell & ((1 << COUNT) - 1)) * f64::from(QUANTUM);
            *mass += float(cell >> COUNT) - distances + carried;
            carried = distances;
        }
    }
}

/// `whole` < 2^52 as a float: put into the bits of 2^52, by steps that every instruction set has for vectors.
#[inline(always)]
fn float(whole: u64) -> f64 {
    const ROOM: f64 = 4_503_599_627_370_496.0;
    f64::from_bits(ROOM.to_bits() | whole) - ROOM
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
            for len in [1, 16, 37, CHUNK + 5] {
                let mut mass = [9.0; 4];
                LinearBinning::new(len).spread(&vec![value; len], 2.0, 2.0, &mut mass);
                assert_eq!(mass, expected.map(|share| share * len as f64), "{len} x {value}");
            }
        }
    }

    #[test]
    fn a_shorter_map_does_not_see_the_longer_one_before_it() {
        let mut binning = LinearBinning::new(37);
        let mut mass = [0.0; 4];
        for len in [37, 5, 1] {
            binning.spread(&vec![2.75; len], 2.0, 2.0, &mut mass);
            assert_eq!(mass, [0.0, 0.5, 0.5, 0.0].map(|share| share * len as f64), "{len} values");
        }
    }

    #[test]
    fn the_cells_hold_the_largest_sum_of_distances() {
        let values = vec![f32::from_bits(2.0_f32.to_bits() - 1); CHUNK];
        let mut mass = [0.0; 3];
        LinearBinning::new(CHUNK).spread(&values, 0.0, 1.0, &mut mass);
        let left = CHUNK as f64 * 2.0_f64.powi(-23);
        assert_eq!(mass, [0.0, left, CHUNK as f64 - left]);
    }
}
