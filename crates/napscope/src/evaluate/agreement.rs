//! Agreement of two partitions: adjusted Rand index, adjusted mutual information, homogeneity, completeness, purity.
//!
//! The first two are corrected for chance: 0 in the mean for random labels, 1 for the same partition. Homogeneity and
//! purity are not, and rise as patterns get smaller; they are for reading beside the others. Sources: Hubert & Arabie
//! (1985), Vinh, Epps & Bailey (2010), Rosenberg & Hirschberg (2007); conventions as in scikit-learn.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What becomes of samples without a label (noise, in a clustering).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// A sample counts only where both partitions label it: how good are the patterns that were found?
    LeaveOut,
    /// All samples without a label are one class: is the whole partition good, noise included?
    OwnClass,
}

/// How far two partitions agree; 1 is best for all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Samples that counted.
    pub samples: usize,
    /// Samples left out as noise.
    pub left_out: usize,
    /// Adjusted Rand index: pairs of samples that both partitions join or separate, corrected for chance.
    pub adjusted_rand: f64,
    /// Mutual information over the mean of both entropies, corrected for chance.
    pub adjusted_mutual_information: f64,
    /// Does each pattern hold samples of one class only?
    pub homogeneity: f64,
    /// Does one pattern hold all samples of a class?
    pub completeness: f64,
    /// Share of samples that belong to the most frequent class of their pattern.
    pub purity: f64,
}

impl Agreement {
    /// The harmonic mean of homogeneity and completeness (V-measure); not corrected for chance.
    pub fn v_measure(&self) -> f64 {
        let sum = self.homogeneity + self.completeness;
        if sum > 0.0 { 2.0 * self.homogeneity * self.completeness / sum } else { 0.0 }
    }
}

/// How far the patterns `found` agree with the classes `truth`, sample by sample. The adjusted indices are symmetric.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] when the lengths differ, [`ErrorKind::TooFewSamples`] when no sample counts.
pub fn agreement<F: Ord, T: Ord>(found: &[Option<F>], truth: &[Option<T>], noise: Noise) -> Result<Agreement> {
    let table = Contingency::new(found, truth, noise)?;
    let (found_entropy, truth_entropy) = (table.entropy(&table.rows), table.entropy(&table.columns));
    let mutual = table.mutual_information();
    let share = |entropy: f64| if entropy > 0.0 { mutual / entropy } else { 1.0 };
    Ok(Agreement {
        samples: table.total,
        left_out: found.len() - table.total,
        adjusted_rand: table.adjusted_rand(),
        adjusted_mutual_information: table.adjust(mutual, 0.5 * (found_entropy + truth_entropy)),
        homogeneity: share(truth_entropy),
        completeness: share(found_entropy),
        purity: table.purity(),
    })
}

/// The adjusted Rand index alone: [`Agreement::adjusted_rand`] without the cost of the others.
///
/// # Errors
/// As [`agreement`].
pub fn adjusted_rand<F: Ord, T: Ord>(found: &[Option<F>], truth: &[Option<T>], noise: Noise) -> Result<f64> {
    Ok(Contingency::new(found, truth, noise)?.adjusted_rand())
}

/// The adjusted Rand index of two partitions, given by groups of samples that both treat alike: the class of a group in the
/// one, in the other, and its number of samples.
pub(crate) fn adjusted_rand_of_groups<F: Ord + Copy, T: Ord + Copy>(
    groups: impl Iterator<Item = (F, T, usize)>,
) -> f64 {
    let mut cells: Vec<(F, T, usize)> = groups.filter(|group| group.2 > 0).collect();
    cells.sort_unstable_by_key(|cell| (cell.0, cell.1));
    cells.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        kept.2 += if same { next.2 } else { 0 };
        same
    });
    let count = |x: &(F, T, usize)| x.2;
    let rows: Vec<usize> = cells.chunk_by(|x, y| x.0 == y.0).map(|cells| cells.iter().map(count).sum()).collect();
    let shared: Vec<usize> = cells.iter().map(count).collect();
    cells.sort_unstable_by_key(|cell| cell.1);
    let columns: Vec<usize> = cells.chunk_by(|x, y| x.1 == y.1).map(|cells| cells.iter().map(count).sum()).collect();
    rand_index(&shared, &rows, &columns)
}

/// The adjusted Rand index from the samples that pairs of classes share, and those of the classes of either side.
fn rand_index(shared: &[usize], rows: &[usize], columns: &[usize]) -> f64 {
    let squares = |counts: &[usize]| counts.iter().map(|&count| (count as f64).powi(2)).sum::<f64>();
    let cells = squares(shared);
    let total = shared.iter().sum::<usize>() as f64;
    // Ordered pairs that both join, only the first joins, only the second joins, neither joins.
    let both = cells - total;
    let first = squares(rows) - cells;
    let second = squares(columns) - cells;
    let neither = total.powi(2) - first - second - cells;
    if first == 0.0 && second == 0.0 {
        return 1.0;
    }
    let chance = (both + first) * (first + neither) + (both + second) * (second + neither);
    2.0 * (both * neither - first * second) / chance
}

fn distinct<C: Ord>(classes: impl Iterator<Item = C>) -> Vec<C> {
    let mut classes: Vec<C> = classes.collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// How many samples each pair of classes shares.
struct Contingency {
    /// (row, column, samples > 0), by row, then column.
    cells: Vec<(usize, usize, usize)>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    total: usize,
}

impl Contingency {
    fn new<F: Ord, T: Ord>(found: &[Option<F>], truth: &[Option<T>], noise: Noise) -> Result<Self> {
        if found.len() != truth.len() {
            return Err(Error::shape("labels to compare", found.len(), truth.len()));
        }
        let mut counts = BTreeMap::new();
        for (found, truth) in found.iter().zip(truth) {
            if noise == Noise::OwnClass || (found.is_some() && truth.is_some()) {
                *counts.entry((found, truth)).or_insert(0) += 1;
            }
        }
        let row_classes = distinct(counts.keys().map(|key| key.0));
        let column_classes = distinct(counts.keys().map(|key| key.1));
        let (mut rows, mut columns) = (vec![0; row_classes.len()], vec![0; column_classes.len()]);
        let mut cells = Vec::with_capacity(counts.len());
        for ((found, truth), count) in counts {
            let row = row_classes.partition_point(|class| *class < found);
            let column = column_classes.partition_point(|class| *class < truth);
            rows[row] += count;
            columns[column] += count;
            cells.push((row, column, count));
        }
        let total = rows.iter().sum();
        if total == 0 {
            let message = format!("none of {} samples is labelled on both sides", found.len());
            return Err(Error::new(ErrorKind::TooFewSamples, message)
                .hint("count noise as a class of its own, or lower min_cluster_size"));
        }
        Ok(Contingency { total, cells, rows, columns })
    }

    fn adjusted_rand(&self) -> f64 {
        let shared: Vec<usize> = self.cells.iter().map(|cell| cell.2).collect();
        rand_index(&shared, &self.rows, &self.columns)
    }

    /// Entropy of class sizes, in nats.
    fn entropy(&self, counts: &[usize]) -> f64 {
        let total = self.total as f64;
        -counts.iter().map(|&count| count as f64 / total).map(|share| share * share.ln()).sum::<f64>()
    }

    fn mutual_information(&self) -> f64 {
        let total = self.total as f64;
        let cell = |&(row, column, count): &(usize, usize, usize)| {
            let (count, expected) = (count as f64, self.rows[row] as f64 * self.columns[column] as f64 / total);
            count / total * (count / expected).ln()
        };
        self.cells.iter().map(cell).sum::<f64>().max(0.0)
    }

    /// (MI − its mean under chance) / (largest MI − that mean).
    fn adjust(&self, mutual: f64, largest: f64) -> f64 {
        match (self.rows.len(), self.columns.len()) {
            (1, 1) => return 1.0,
            (1, _) | (_, 1) => return 0.0,
            _ => {}
        }
        let expected = self.expected_mutual_information();
        // Where chance alone reaches the largest value, both differences are rounding: they keep their sign, not their size.
        let at_least_epsilon = |value: f64| value.abs().max(f64::EPSILON).copysign(value);
        at_least_epsilon(mutual - expected) / at_least_epsilon(largest - expected)
    }

    /// The mean mutual information of random partitions with classes of these sizes (Vinh et al., equation 24a).
    fn expected_mutual_information(&self) -> f64 {
        let total = self.total;
        let mut log_factorial = vec![0.0; total + 1];
        for k in 1..=total {
            log_factorial[k] = log_factorial[k - 1] + (k as f64).ln();
        }
        let pair = |a: usize, b: usize| {
            let sizes = log_factorial[a] + log_factorial[b] + log_factorial[total - a] + log_factorial[total - b];
            let term = |shared: usize| {
                let log_probability = sizes
                    - log_factorial[total]
                    - log_factorial[shared]
                    - log_factorial[a - shared]
                    - log_factorial[b - shared]
                    - log_factorial[total + shared - a - b];
                let information = (total as f64 * shared as f64 / (a as f64 * b as f64)).ln();
                shared as f64 / total as f64 * information * log_probability.exp()
            };
            ((a + b).saturating_sub(total).max(1)..=a.min(b)).map(term).sum::<f64>()
        };
        self.rows.iter().map(|&a| self.columns.iter().map(|&b| pair(a, b)).sum::<f64>()).sum()
    }

    fn purity(&self) -> f64 {
        let mut largest = vec![0; self.rows.len()];
        for &(row, _, count) in &self.cells {
            largest[row] = count.max(largest[row]);
        }
        largest.iter().sum::<usize>() as f64 / self.total as f64
    }
}
