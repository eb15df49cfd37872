//! The channels that set each pattern apart: all patterns against their rests in one pass over the matrix.

use super::ChannelContrast;
use crate::cluster::{ClusterId, Clustering};
use crate::evaluate::{Moments, cohens_d};
use crate::features::{Column, Features, Statistic};
use crate::statistics::canonical_order;
use rayon::prelude::*;
use std::ops::Range;

/// A number that is read off each sample: a column, or the mean of a channel's distribution.
struct Readout {
    columns: Range<usize>,
    meaning: Column,
    weights: Vec<f64>,
    /// The columns are masses, to be divided by their sum.
    masses: bool,
}

impl Readout {
    fn read(&self, row: &[f32]) -> f64 {
        let values = row[self.columns.clone()].iter().map(|value| f64::from(*value));
        let sum: f64 = values.clone().zip(&self.weights).map(|(value, weight)| value * weight).sum();
        match self.masses {
            true => Some(values.sum::<f64>()).filter(|mass| *mass > 0.0).map_or(0.0, |mass| sum / mass),
            false => sum,
        }
    }
}

/// What can be read off the columns: one number a distribution, else one a column.
fn readouts(features: &Features) -> Vec<Readout> {
    let columns = features.columns();
    let mut readouts = Vec::new();
    for block in features.channel_blocks() {
        let place = |column: &Column| match column.statistic {
            Statistic::Bin { low, high } => Some(0.5 * (low + high)),
            Statistic::Density { at, .. } => Some(at),
            _ => None,
        };
        let share = |column: &Column| match column.statistic {
            Statistic::Quantile { weight, .. } => Some(weight),
            _ => None,
        };
        let all = |weight: &dyn Fn(&Column) -> Option<f64>| columns[block.clone()].iter().map(weight).collect();
        let places: Option<Vec<f64>> = all(&place);
        let shares: Option<Vec<f64>> = all(&share);
        let meaning = Column { statistic: Statistic::Mean, ..columns[block.start] };
        let masses = places.is_some();
        match places.or(shares) {
            Some(weights) => readouts.push(Readout { columns: block, meaning, weights, masses }),
            None => readouts.extend(block.map(|column| Readout {
                columns: column..column + 1,
                meaning: columns[column],
                weights: vec![1.0],
                masses: false,
            })),
        }
    }
    readouts
}

/// For each pattern the `most` channels that set it apart, by falling |Cohen's d|; channels without any effect are left
/// out.
pub(super) fn contrasts(features: &Features, clustering: &Clustering, most: usize) -> Vec<Vec<ChannelContrast>> {
    let patterns = clustering.persistence.len();
    let order = canonical_order(features.values(), features.columns().len());
    let readouts = readouts(features);
    // Chunks bound the memory: patterns · 64 readouts · 2 sums, a thread.
    let of_chunk = |(chunk, readouts): (usize, &[Readout])| -> Vec<Vec<Ranked>> {
        let sums = PatternSums::gather(features, clustering, &order, readouts);
        (0..patterns)
            .map(|pattern| strongest(sums.contrasts(pattern, readouts, chunk * CHUNK).collect(), most))
            .collect()
    };
    let merge = |left: Vec<Vec<Ranked>>, right: Vec<Vec<Ranked>>| {
        left.into_iter().zip(right).map(|(left, right)| strongest([left, right].concat(), most)).collect()
    };
    let ranked = readouts.par_chunks(CHUNK).enumerate().map(of_chunk).reduce(|| vec![Vec::new(); patterns], merge);
    ranked.into_iter().map(|ranked| ranked.into_iter().map(|ranked| ranked.contrast).collect()).collect()
}

const CHUNK: usize = 64;

/// A contrast and where its readout stands: that settles ties, so that merging may come in any order.
#[derive(Clone)]
struct Ranked {
    readout: usize,
    contrast: ChannelContrast,
}

fn strongest(mut ranked: Vec<Ranked>, most: usize) -> Vec<Ranked> {
    let strength = |ranked: &Ranked| ranked.contrast.cohens_d.abs();
    ranked.sort_unstable_by(|a, b| strength(b).total_cmp(&strength(a)).then(a.readout.cmp(&b.readout)));
    ranked.truncate(most);
    ranked
}

/// Sums of some readouts, less an origin near to their means, over each pattern and over all samples.
struct PatternSums {
    counts: Vec<usize>,
    origin: Vec<f64>,
    /// `[patterns + 1, readouts]`: (Σ, Σ of squares); the last row is over all samples.
    sums: Vec<(f64, f64)>,
}

impl PatternSums {
    fn gather(features: &Features, clustering: &Clustering, order: &[usize], readouts: &[Readout]) -> Self {
        let (patterns, width) = (clustering.persistence.len(), readouts.len());
        let origin: Vec<f64> = match order.first() {
            Some(&sample) => readouts.iter().map(|readout| readout.read(features.row(sample))).collect(),
            None => vec![0.0; width],
        };
        let mut sums = vec![(0.0, 0.0); (patterns + 1) * width];
        let mut counts = vec![0; patterns + 1];
        let mut values = vec![0.0; width];
        for &sample in order {
            let row = features.row(sample);
            for ((value, readout), origin) in values.iter_mut().zip(readouts).zip(&origin) {
                *value = readout.read(row) - origin;
            }
            let pattern = clustering.labels[sample].map(|ClusterId(pattern)| pattern as usize);
            for group in pattern.into_iter().chain([patterns]) {
                counts[group] += 1;
                for (sums, value) in sums[group * width..(group + 1) * width].iter_mut().zip(&values) {
                    sums.0 += value;
                    sums.1 += value * value;
                }
            }
        }
        PatternSums { counts, origin, sums }
    }

    /// The contrasts of one pattern that have any effect; `first` is the number of the first readout.
    fn contrasts(&self, pattern: usize, readouts: &[Readout], first: usize) -> impl Iterator<Item = Ranked> {
        let (width, patterns) = (readouts.len(), self.counts.len() - 1);
        let (size, rest) = (self.counts[pattern], self.counts[patterns] - self.counts[pattern]);
        let group = |count: usize, (sum, squares): (f64, f64)| Moments {
            count,
            mean: sum / count as f64,
            squares: (squares - sum * sum / count as f64).max(0.0),
        };
        let contrast = move |(index, readout): (usize, &Readout)| {
            let (mine, all) = (self.sums[pattern * width + index], self.sums[patterns * width + index]);
            let (inside, outside) = (group(size, mine), group(rest, (all.0 - mine.0, all.1 - mine.1)));
            let contrast = ChannelContrast {
                channel: readout.meaning.channel,
                statistic: readout.meaning.statistic,
                mean_inside: inside.mean + self.origin[index],
                mean_outside: outside.mean + self.origin[index],
                cohens_d: cohens_d(inside, outside),
            };
            Ranked { readout: first + index, contrast }
        };
        // Against nothing there is no contrast.
        let readouts = if size == 0 || rest == 0 { &[] } else { readouts };
        readouts.iter().enumerate().map(contrast).filter(|ranked| ranked.contrast.cohens_d != 0.0)
    }
}
