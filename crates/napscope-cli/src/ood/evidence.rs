//! Why a sample raised an alarm: the channels that stand out, and the samples that it resembles most.

use napscope::Result;
use napscope::distance::{self, Geometry, Points, Rescale};
use napscope::features::Features;
use napscope::neighbors::Reference;
use napscope::progress::unwatched;

/// Channels and neighbors that are named.
const NAMED: usize = 3;

/// What lies behind an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The layer of the most alarmed detector, by its number in the bundle.
    pub layer: usize,
    /// That detector, by its number in the bundle.
    pub detector: usize,
    /// The channels of that layer that lie furthest from their mean, in standard deviations.
    pub channels: Vec<u32>,
    /// The reference samples nearest in that layer (Euclidean, after normalisation), by their number in the data.
    pub nearest: Vec<u64>,
}

/// The reference of a layer, to hold a sample against.
pub(super) struct Witness {
    neighbors: Reference,
    samples: Vec<u64>,
    /// Mean and standard deviation of each column.
    usual: Vec<(f64, f64)>,
}

impl Witness {
    pub(super) fn new(reference: Features, samples: &[u64]) -> Result<Self> {
        let width = reference.columns().len();
        let usual = (0..width).map(|column| {
            let values = || reference.values()[column..].iter().step_by(width).map(|value| f64::from(*value));
            let mean = values().sum::<f64>() / samples.len() as f64;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / samples.len() as f64;
            (mean, variance.sqrt())
        });
        Ok(Witness {
            usual: usual.collect(),
            samples: samples.to_vec(),
            neighbors: Reference::new(distance::parse("euclidean")?.fit(&reference)?.embed(&reference)?),
        })
    }

    /// The channels and neighbors that are named for one row.
    pub(super) fn of(&self, features: &Features, row: usize) -> Result<(Vec<u32>, Vec<u64>)> {
        let columns = features.columns().iter().zip(features.row(row)).zip(&self.usual);
        let mut standing_out: Vec<(f64, u32)> = columns
            .map(|((column, value), (mean, std))| {
                let off = (f64::from(*value) - mean).abs();
                (if off == 0.0 { 0.0 } else { off / std }, column.channel)
            })
            .collect();
        standing_out.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut channels: Vec<u32> = Vec::new();
        for (_, channel) in standing_out {
            if !channels.contains(&channel) && channels.len() < NAMED {
                channels.push(channel);
            }
        }
        let query = Points::new(features.row(row).to_vec(), self.usual.len(), Geometry::L2, Rescale::Identity);
        let nearest = self.neighbors.neighbors(&query, NAMED.min(self.samples.len()), &unwatched)?;
        Ok((channels, nearest.indices(0).iter().map(|&index| self.samples[index as usize]).collect()))
    }
}
