//! Features as distributions: what the columns of each channel say about its activations.
//!
//! Bins and density points share a support, the same for every sample: mass at fixed places (bins: at their centers, as
//! when `scipy.stats.wasserstein_distance` is given centers and weights). Quantiles fix the probabilities instead, and
//! each sample has its own activations.

use super::embedding::{EmbedRow, RowEmbedding};
use super::{Geometry, Rescale};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features, Statistic};
use std::ops::Range;

/// Mass below −this is no rounding error of a sketch.
const NEGATIVE: f64 = -1e-6;

/// How the columns of one channel describe its distribution.
pub(super) enum Support {
    /// Probability mass at these activations, which rise.
    Places(Vec<f64>),
    /// Quantiles that stand for these shares of probability.
    Shares(Vec<f64>),
}

/// The distribution of one channel.
pub(super) struct ChannelDistribution {
    pub(super) columns: Range<usize>,
    pub(super) support: Support,
}

/// What a metric can make use of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Accepts {
    /// Mass at fixed places only.
    Places,
    /// That, or quantiles.
    PlacesOrQuantiles,
}

/// Reads the columns of `features` as one distribution a channel.
///
/// # Errors
/// [`ErrorKind::NotADistribution`] naming the first column that is none, with the sketches that are.
pub(super) fn channels(metric: &str, features: &Features, accepts: Accepts) -> Result<Vec<ChannelDistribution>> {
    let columns = features.columns();
    let read = |block: Range<usize>| {
        let channel = columns[block.start].channel;
        let support = support(&columns[block.clone()], accepts).map_err(|what| {
            let sketches = match accepts {
                Accepts::Places => "histogram or kde",
                Accepts::PlacesOrQuantiles => "histogram, kde or quantiles",
            };
            Error::new(ErrorKind::NotADistribution, format!("{metric} compares distributions, but channel {channel} {what}"))
                .hint(format!("use the sketch {sketches}, and a normalizer that keeps distributions (none, max_abs, standard, robust, min_max)"))
        })?;
        Ok(ChannelDistribution { columns: block, support })
    };
    features.channel_blocks().into_iter().map(read).collect()
}

/// The support of one channel's columns, or what is wrong with them.
fn support(columns: &[Column], accepts: Accepts) -> Result<Support, String> {
    let mut places = Vec::new();
    let mut shares = Vec::new();
    for column in columns {
        match column.statistic {
            Statistic::Bin { low, high } => places.push(0.5 * (low + high)),
            Statistic::Density { at, .. } => places.push(at),
            Statistic::Quantile { weight, .. } if accepts == Accepts::PlacesOrQuantiles => shares.push(weight),
            other => return Err(format!("has a column {other:?}")),
        }
    }
    match (places.is_empty(), shares.is_empty()) {
        (false, true) if places.is_sorted() => Ok(Support::Places(places)),
        (false, true) => Err("has bins that do not rise".into()),
        (true, false) if shares.iter().all(|share| *share >= 0.0) => Ok(Support::Shares(shares)),
        (true, false) => Err("has a quantile with a negative share".into()),
        _ => Err("has bins and quantiles".into()),
    }
}

/// The probabilities of one channel, so that they add up to 1.
///
/// # Errors
/// [`ErrorKind::NotADistribution`] for a negative mass, or where there is no mass at all.
pub(super) fn probabilities<'a>(
    channel: &ChannelDistribution,
    row: &'a [f32],
) -> Result<impl Iterator<Item = f64> + Clone + 'a> {
    let masses = &row[channel.columns.clone()];
    let refuse = |what: String| {
        let message = format!("the columns from {} on are no distribution: {what}", channel.columns.start);
        Err(Error::new(ErrorKind::NotADistribution, message).hint("probabilities are at least 0 and add up to 1"))
    };
    if let Some(mass) = masses.iter().find(|mass| f64::from(**mass) < NEGATIVE) {
        return refuse(format!("a mass is {mass}"));
    }
    let positive = masses.iter().map(|mass| f64::from(*mass).max(0.0));
    let total: f64 = positive.clone().sum();
    if total <= 0.0 {
        return refuse("they hold no mass".into());
    }
    Ok(positive.map(move |mass| mass / total))
}

/// An embedding that turns each probability into one coordinate by `coordinate`.
pub(super) fn embed_probabilities(
    features: &Features,
    channels: Vec<ChannelDistribution>,
    geometry: Geometry,
    coordinate: impl Fn(f64) -> f64 + Send + Sync + 'static,
) -> RowEmbedding {
    let embed_row: Box<EmbedRow> = Box::new(move |row, out| {
        for channel in &channels {
            let coordinates = probabilities(channel, row)?.map(&coordinate);
            out[channel.columns.clone()].iter_mut().zip(coordinates).for_each(|(out, value)| *out = value as f32);
        }
        Ok(())
    });
    RowEmbedding {
        columns: features.columns().to_vec(),
        dimensions: features.columns().len(),
        geometry,
        rescale: Rescale::Identity,
        embed_row,
    }
}

/// An embedding of cumulative probabilities: between two places each CDF is constant, and its difference counts with
/// `weight(gap)`. Quantiles count, each with `weight(share)`, where the channel has quantiles.
pub(super) fn embed_cumulative(
    features: &Features,
    channels: Vec<ChannelDistribution>,
    geometry: Geometry,
    weight: impl Fn(f64) -> f64,
) -> RowEmbedding {
    let weights: Vec<f64> = channels
        .iter()
        .flat_map(|channel| match &channel.support {
            // The CDF is 1 behind the last place: a coordinate that tells nothing, kept as 0 so that columns stay aligned.
            Support::Places(places) => {
                places.windows(2).map(|pair| weight(pair[1] - pair[0])).chain([0.0]).collect::<Vec<_>>()
            }
            Support::Shares(shares) => shares.iter().map(|share| weight(*share)).collect(),
        })
        .collect();
    let embed_row: Box<EmbedRow> = Box::new(move |row, out| {
        for channel in &channels {
            let columns = channel.columns.clone();
            let out = out[columns.clone()].iter_mut().zip(&weights[columns.clone()]);
            match &channel.support {
                Support::Places(_) => {
                    let mut cumulative = 0.0;
                    for ((out, weight), probability) in out.zip(probabilities(channel, row)?) {
                        cumulative += probability;
                        *out = (cumulative * weight) as f32;
                    }
                }
                Support::Shares(_) => {
                    out.zip(&row[columns])
                        .for_each(|((out, weight), value)| *out = (f64::from(*value) * weight) as f32);
                }
            }
        }
        Ok(())
    });
    RowEmbedding {
        columns: features.columns().to_vec(),
        dimensions: features.columns().len(),
        geometry,
        rescale: Rescale::Identity,
        embed_row,
    }
}
