//! Bins of a number that hold about the same number of samples each.

/// Where one bin ends and the next begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    /// The lower ends of all bins but the first, in rising order.
    edges: Vec<f64>,
}

impl Bins {
    /// At most `count` bins of the numbers `values`, by their quantiles; equal numbers are in one bin.
    pub(super) fn new(values: &[f64], count: usize) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..count).map(|bin| sorted[bin * sorted.len() / count]).collect();
        edges.dedup();
        edges.retain(|edge| *edge > sorted[0]);
        Bins { edges }
    }

    /// Number of bins.
    pub(super) fn count(&self) -> usize {
        self.edges.len() + 1
    }

    /// The bin of a number.
    pub(super) fn of(&self, value: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_the_same_number_and_do_not_part_equals() {
        let values: Vec<f64> = (0..12).map(|at| f64::from((at * 5) % 12)).collect();
        let bins = Bins::new(&values, 4);
        let found: Vec<usize> = (0..12).map(|value| bins.of(f64::from(value))).collect();
        assert_eq!(found, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
        assert_eq!((bins.of(-9.0), bins.of(99.0)), (0, 3), "beyond the ends");
        assert_eq!(Bins::new(&[1.0; 7], 4).count(), 1, "equal numbers are one bin");
        assert_eq!(Bins::new(&[1.0, 1.0, 1.0, 2.0], 3).count(), 1, "no bin is empty");
        assert_eq!(Bins::new(&[1.0, 2.0], 1).count(), 1);
    }
}
