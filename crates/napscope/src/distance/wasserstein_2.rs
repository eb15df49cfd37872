//! Wasserstein distance of order 2: like the earth mover's distance, but far moves count more.
//!
//! W₂² = ∫ (F⁻¹ − G⁻¹)² dp, added over the channels. From quantiles it is the Euclidean distance between them, weighted by
//! the root of the probability that each stands for.
//!
//! From a histogram or KDE, F⁻¹ is a step function with as many jumps as places, at other probabilities for every sample;
//! here it is averaged over `levels` equal steps of probability. That is its orthogonal projection onto step functions, so
//! the distance is never too large, differences of the mean are kept exactly, and where all probabilities are multiples of
//! 1/levels nothing is lost. For mass spread over a range R it is too small by at most R/√levels. Measured on 435 pairs of
//! random histograms of 32 bins: too small by 2.4 % in the median and 11 % at worst with 64 levels, by 0.2 % and 0.9 % with
//! 1,024.

use super::distribution::{Accepts, ChannelDistribution, Support, channels, probabilities};
use super::embedding::{EmbedRow, RowEmbedding};
use super::{Embedding, Geometry, Metric, Rescale};
use crate::error::Result;
use crate::features::Features;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "wasserstein_2",
    summary: "Wasserstein distance of order 2 between each channel's distributions",
    options: &[(
        "levels",
        "64",
        "steps of probability that a histogram's or KDE's quantiles are averaged over, 1 to 4096",
    )],
    build: |options| Ok(Box::new(Wasserstein2 { levels: options.get_in("levels", 1..=4096)? })),
};

struct Wasserstein2 {
    levels: usize,
}

impl Metric for Wasserstein2 {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Embedding>> {
        let channels = channels(ENTRY.name, features, Accepts::PlacesOrQuantiles)?;
        let levels = self.levels;
        let width = move |channel: &ChannelDistribution| match &channel.support {
            Support::Places(_) => levels,
            Support::Shares(shares) => shares.len(),
        };
        let dimensions = channels.iter().map(width).sum();
        let embed_row: Box<EmbedRow> = Box::new(move |row, mut out| {
            for channel in &channels {
                let (mine, rest) = out.split_at_mut(width(channel));
                out = rest;
                match &channel.support {
                    Support::Places(places) => mean_quantiles(places, probabilities(channel, row)?, mine),
                    Support::Shares(shares) => {
                        let values = shares.iter().zip(&row[channel.columns.clone()]);
                        let coordinates = values.map(|(share, value)| share.sqrt() * f64::from(*value));
                        mine.iter_mut().zip(coordinates).for_each(|(out, value)| *out = value as f32);
                    }
                }
            }
            Ok(())
        });
        let columns = features.columns().to_vec();
        let (geometry, rescale) = (Geometry::L2, Rescale::Identity);
        Ok(Box::new(RowEmbedding { columns, dimensions, geometry, rescale, embed_row }))
    }
}

/// The mean of the quantile function over each of `out.len()` equal steps of probability, times the root of the step.
fn mean_quantiles(places: &[f64], probabilities: impl Iterator<Item = f64>, out: &mut [f32]) {
    let step = 1.0 / out.len() as f64;
    let mut atoms = places.iter().zip(probabilities);
    let last = places[places.len() - 1];
    // Rounding may leave the last step without mass to draw on; the last place has it.
    let (mut place, mut left) = (last, 0.0);
    for out in out {
        let (mut missing, mut integral) = (step, 0.0);
        while missing > 0.0 {
            if left <= 0.0 {
                (place, left) = atoms.next().map_or((last, missing), |(place, mass)| (*place, mass));
            }
            let taken = f64::min(left, missing);
            integral += taken * place;
            missing -= taken;
            left -= taken;
        }
        *out = (integral / step * step.sqrt()) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_averaged_over_steps() {
        for (what, probabilities, expected) in [
            ("all at one place", [0.0, 1.0, 0.0], [2.0, 2.0, 2.0, 2.0]),
            ("quarters", [0.25, 0.5, 0.25], [1.0, 2.0, 2.0, 4.0]),
            ("a step over two places", [0.375, 0.625, 0.0], [1.0, 1.5, 2.0, 2.0]),
            ("a step over all places", [0.125, 0.0625, 0.8125], [2.0, 4.0, 4.0, 4.0]),
        ] {
            let mut out = [0.0; 4];
            mean_quantiles(&[1.0, 2.0, 4.0], probabilities.into_iter(), &mut out);
            assert_eq!(out.map(|value| 2.0 * value), expected, "{what}");
        }
    }

    #[test]
    fn mass_lost_in_rounding_lies_at_the_last_place() {
        let mut out = [0.0; 3];
        mean_quantiles(&[5.0, 6.0], [0.5, 0.4999].into_iter(), &mut out);
        assert!(out.iter().all(|value| value.is_finite()));
        assert!((f64::from(out[2]) * 3f64.sqrt() - 6.0).abs() < 1e-6, "{out:?}");
    }
}
