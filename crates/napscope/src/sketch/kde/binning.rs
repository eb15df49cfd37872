//! Linear binning: every value is shared between the two grid points beside it, in proportion to its nearness, so that
//! binning moves no mass on average.

/// The most points that a grid can have.
pub(super) const MAX_POINTS: usize = 1024;

/// Accumulators that are filled in turn and added up, so that equal values (a ReLU's zeros) need not wait for each other …
const COPIES: usize = 4;

/// … and cells of each: a cache line more than can be used, as addresses that agree in their last 12 bits are taken for the same.
const ROOM: usize = MAX_POINTS + 8;

/// Values whose places are found together, by vectors, before they are counted one by one: few enough to stay near.
const PIECE: usize = 1024;

/// How many values lie between a grid point and the next (above bit [`COUNT`]), and the sum of their places: one addition
/// counts a value and its place.
type Cell = u64;

/// Where the number of values begins in a [`Cell`]: below it the places of [`CHUNK`] values have room.
const COUNT: u32 = 44;

/// Values that are counted before the cells are emptied: no sum runs over.
const CHUNK: usize = 1 << 12;

/// Bits of a place behind the point: with those of a grid point before it, a place fills 32 bits.
const FRACTION: u32 = 32 - MAX_POINTS.ilog2();

/// What the last bit of a place is worth, in grid steps: about what an f32 between 1 and 2 resolves.
const QUANTUM: f64 = 1.0 / (1_u64 << FRACTION) as f64;

/// Spreads values over a grid; keeps the memory for that.
pub(super) struct LinearBinning {
    cells: Box<[[Cell; ROOM]; COPIES]>,
    places: Box<[u32; PIECE]>,
}

impl LinearBinning {
    pub(super) fn new() -> Self {
        LinearBinning { cells: Box::new([[0; ROOM]; COPIES]), places: Box::new([0; PIECE]) }
    }

    /// Fills `mass` with the number of values at each grid point `low + k / per_unit`. Values outside count at the ends.
    #[inline(always)]
    pub(super) fn spread(&mut self, map: &[f32], low: f32, per_unit: f32, mass: &mut [f64]) {
        mass.fill(0.0);
        for chunk in map.chunks(CHUNK) {
            for cells in &mut *self.cells {
                cells[..mass.len()].fill(0);
            }
            for piece in chunk.chunks(PIECE) {
                let places = &mut self.places[..piece.len()];
                for (value, place) in piece.iter().zip(&mut *places) {
                    *place = fixed_point(((value - low) * per_unit).clamp(0.0, (mass.len() - 1) as f32));
                }
                count(places, &mut self.cells);
            }
            self.empty_into(mass);
        }
    }

    /// Adds what the cells hold to `mass`.
    #[inline(always)]
    fn empty_into(&self, mass: &mut [f64]) {
        let [a, b, c, d] = &*self.cells;
        let mut carried = 0.0;
        for (k, ((((mass, a), b), c), d)) in (0_u32..).zip(mass.iter_mut().zip(a).zip(b).zip(c).zip(d)) {
            let cell = (a + b) + (c + d);
            let count = u64::from((cell >> COUNT) as u32);
            let distances = (cell & ((1 << COUNT) - 1)).wrapping_sub(count * u64::from(k << FRACTION));
            let distances = float(distances) * QUANTUM;
            *mass += float(count) - distances + carried;
            carried = distances;
        }
    }
}

/// Counts values by their `places`.
#[inline(always)]
fn count(places: &[u32], cells: &mut [[Cell; ROOM]; COPIES]) {
    let mut add = |place: u32, copy: usize| {
        cells[copy][(place >> FRACTION) as usize] += (1 << COUNT) + Cell::from(place);
    };
    let (fours, rest) = places.as_chunks::<COPIES>();
    for four in fours {
        for (copy, place) in four.iter().enumerate() {
            add(*place, copy);
        }
    }
    for (copy, place) in rest.iter().enumerate() {
        add(*place, copy);
    }
}

/// `at`, from 0 to [`MAX_POINTS`] − 1, in units of [`QUANTUM`].
#[inline(always)]
fn fixed_point(at: f32) -> u32 {
    /// A sum with it ends in the bits of the nearest whole number …
    const WHOLE: f32 = 8_388_608.0;
    /// … and one of a number from −½ to ½ with this in that number in quanta.
    const PART: f32 = 3.0;
    const NOTHING: u32 = (WHOLE.to_bits() << FRACTION).wrapping_add(PART.to_bits());
    let whole = at + WHOLE;
    let part = at - (whole - WHOLE);
    (whole.to_bits() << FRACTION).wrapping_add((part + PART).to_bits()).wrapping_sub(NOTHING)
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
            for len in [1, 16, 37, PIECE + 3, CHUNK + 5] {
                let mut mass = [9.0; 4];
                LinearBinning::new().spread(&vec![value; len], 2.0, 2.0, &mut mass);
                assert_eq!(mass, expected.map(|share| share * len as f64), "{len} x {value}");
            }
        }
    }

    #[test]
    fn a_shorter_map_does_not_see_the_longer_one_before_it() {
        let mut binning = LinearBinning::new();
        let mut mass = [0.0; 4];
        for len in [37, 5, 1] {
            binning.spread(&vec![2.75; len], 2.0, 2.0, &mut mass);
            assert_eq!(mass, [0.0, 0.5, 0.5, 0.0].map(|share| share * len as f64), "{len} values");
        }
    }

    #[test]
    fn the_cells_hold_the_largest_sum_of_places() {
        let below_the_last = 1023.0_f32.next_down();
        let mut mass = [0.0; MAX_POINTS];
        LinearBinning::new().spread(&vec![below_the_last; CHUNK], 0.0, 1.0, &mut mass);
        let left = CHUNK as f64 * f64::from(1023.0 - below_the_last);
        assert_eq!(mass[1021..], [0.0, left, CHUNK as f64 - left]);
    }
}
