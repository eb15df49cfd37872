//! All that a verdict is based on, gathered from one sample of the points.

use super::density::{self, Split};
use super::projected::{Projected, projected};
use super::shape::{Dimension, NEAR, coarse, dimension};
use super::view::view;
use super::{VERDICT_SAMPLES, null};
use crate::cluster::{Clustering, validity_index};
use crate::distance::{Geometry, Points, Rescale};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Stability, stability, subsamples};
use crate::manifold::alignment::first_diffusion_coordinate;
use crate::manifold::connectivity::parts;
use crate::manifold::sample::draw;
use crate::manifold::{Dip, dip, levina_bickel};
use crate::neighbors::{Neighbors, self_neighbors};
use crate::progress::Watch;
use serde::{Deserialize, Serialize};

/// Fewest samples of which anything can be said.
pub const FEWEST_VERDICT_SAMPLES: usize = 30;
/// Neighbors that make the graphs whose parts are counted.
const SCALES: [usize; 3] = [5, 10, 20];
/// Parts of a graph with a smaller share of the samples are outliers.
const PART: f64 = 0.01;
/// A rise of the density's logarithm from which a split parts two modes: four standard errors of an estimate from 15 neighbors.
pub(super) const RISE: f64 = 1.0;
/// Draws of each null model.
const DRAWS: u64 = 3;
/// Subsamples behind the stability, and their share.
const RESAMPLES: usize = 5;
const RESAMPLED: f64 = 0.8;
/// Fewest samples of a part whose own dimension is looked at, and most that it is measured on.
const GROUP: usize = 60;
const LARGEST_GROUP: usize = 500;
/// Parts that are looked at, the largest first.
const GROUPS: usize = 12;

/// What was measured of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Samples that all of this was measured on.
    pub samples: usize,
    /// Samples that they were drawn from.
    pub drawn_from: usize,
    /// The intrinsic dimension.
    pub dimension: Dimension,
    /// Principal components that have more variance than chance gives any.
    pub components: usize,
    /// The graph of nearest neighbors, at several scales.
    pub connectivity: Vec<Connectivity>,
    /// The shape of the parts of that graph at 10 neighbors; absent without large parts.
    pub within: Option<Within>,
    /// Modes of the density, in the view of the principal components.
    pub density: Density,
    /// Modes in projection, tested on held-out samples.
    pub projected: Projected,
    /// The clustering in that view.
    pub groups: Groups,
    /// Hartigan's dip along single coordinates.
    pub dips: Vec<AxisDip>,
}

/// The graph in which each sample is joined to its k nearest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connectivity {
    /// Neighbors.
    pub k: usize,
    /// Parts with at least 1 % of the samples that no edge joins.
    pub parts: usize,
    /// Share of the samples in the largest.
    pub largest: f64,
}

/// Modes of the density.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Density {
    /// Modes that rise by at least 1 (in logarithms) above the saddle to another.
    pub modes: usize,
    /// Share of the samples in all but the largest of them.
    pub parted: f64,
    /// The largest rise.
    pub rise: f64,
    /// What null models show.
    pub nulls: Vec<NullModel>,
}

/// What a null model shows, in several draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NullModel {
    /// Its name: `gaussian` (the same covariance), `shuffled` (the same marginals), `even` (no mode, the same dimension).
    pub model: String,
    /// The largest rise in each draw.
    pub rises: Vec<f64>,
    /// Median persistence of the patterns in each draw; 0 without patterns.
    pub persistence: Vec<f64>,
    /// Share of noise in each draw.
    pub noise: Vec<f64>,
}

/// The clustering, and whether to believe it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Number of patterns (excess of mass).
    pub patterns: usize,
    /// Share of the samples in none.
    pub noise: f64,
    /// Median persistence; 0 without patterns.
    pub persistence: f64,
    /// Density-based validity, −1 … 1; absent without patterns.
    pub validity: Option<f64>,
    /// Agreement of subsamples; absent without patterns.
    pub stability: Option<Stability>,
}

/// The shape of what the graph of the 10 nearest neighbors holds together, part by part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Within {
    /// Mean dimension at a coarse scale.
    pub dimension: f64,
    /// Mean of the dimension over that of the normal distribution with the part's covariance.
    pub relative: f64,
    /// Share of the samples in parts that are large enough to be looked at (60 samples).
    pub share: f64,
}

/// Hartigan's dip along one coordinate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AxisDip {
    /// The coordinate.
    pub along: String,
    /// The dip and its p-value.
    #[serde(flatten)]
    pub dip: Dip,
}

/// Measures everything.
pub(super) fn gather(points: &Points, watch: &Watch<'_>) -> Result<Evidence> {
    if points.samples() < FEWEST_VERDICT_SAMPLES {
        let message = format!("a verdict needs at least {FEWEST_VERDICT_SAMPLES} samples, got {}", points.samples());
        return Err(Error::new(ErrorKind::TooFewSamples, message));
    }
    let drawn = points.select(&draw(points, VERDICT_SAMPLES, |_| 0));
    let samples = drawn.samples();
    let near = self_neighbors(&drawn, SCALES[SCALES.len() - 1].min(samples - 1), watch)?;
    let (seen, components) = view(&drawn)?;
    let fit = density::fit(&seen, watch)?;
    let own = dimension(&drawn, &near, watch)?;
    let along = levina_bickel(&self_neighbors(&seen, NEAR, watch)?).unwrap_or(1.0).clamp(1.0, seen.dimensions() as f64);
    let splits = density::splits(&fit.condensed_tree, along);
    Ok(Evidence {
        samples,
        drawn_from: points.samples(),
        dimension: own,
        components,
        connectivity: SCALES.map(|k| connectivity(&near, k)).to_vec(),
        within: within(&drawn, &near, watch)?,
        density: modes(&seen, &splits, along, watch)?,
        projected: projected(&seen),
        groups: groups(&seen, &fit.clustering, watch)?,
        dips: dips(&drawn, &seen, &near, watch)?,
    })
}

fn connectivity(near: &Neighbors, k: usize) -> Connectivity {
    let parts = parts(&near.first(k));
    let share = |part: &Vec<usize>| part.len() as f64 / near.samples() as f64;
    let large = parts.iter().filter(|part| share(part) >= PART).count();
    Connectivity { k: k.min(near.k()), parts: large, largest: share(&parts[0]) }
}

fn modes(seen: &Points, splits: &[Split], along: f64, watch: &Watch<'_>) -> Result<Density> {
    let real = splits.iter().filter(|split| split.rise >= RISE);
    let mut nulls = Vec::new();
    let even = |seed| null::even(seen.samples(), along.round() as usize, seed);
    let models: [(&str, &dyn Fn(u64) -> Points); 3] = [
        ("gaussian", &|seed| null::gaussian(seen, seen.samples(), seed)),
        ("shuffled", &|seed| null::shuffled(seen, seed)),
        ("even", &even),
    ];
    for (model, draw) in models {
        let mut found = NullModel { model: model.into(), rises: vec![], persistence: vec![], noise: vec![] };
        for seed in 0..DRAWS {
            let points = draw(10 + seed);
            let fit = density::fit(&points, watch)?;
            let near = self_neighbors(&points, NEAR, watch)?;
            let dimension = levina_bickel(&near).unwrap_or(1.0).clamp(1.0, points.dimensions() as f64);
            found.rises.push(density::largest_rise(&density::splits(&fit.condensed_tree, dimension)));
            found.persistence.push(median(&fit.clustering.persistence));
            found.noise.push(noise(&fit.clustering));
        }
        nulls.push(found);
    }
    Ok(Density {
        modes: 1 + real.clone().count(),
        parted: real.map(|split| split.share).sum::<f64>().min(1.0),
        rise: density::largest_rise(splits),
        nulls,
    })
}

fn groups(seen: &Points, found: &Clustering, watch: &Watch<'_>) -> Result<Groups> {
    // The points stand by content already, so that their places are keys of their content.
    let keys: Vec<u64> = (0..seen.samples() as u64).collect();
    let parts = subsamples(&keys, RESAMPLED, RESAMPLES, 0)?;
    let patterns = found.persistence.len();
    let stable = stability(seen, &[(density::parameters(seen.samples()), found)], &parts, watch)?.swap_remove(0);
    let validity = validity_index(seen, &found.labels, watch)?.index;
    Ok(Groups {
        patterns,
        noise: noise(found),
        persistence: median(&found.persistence),
        validity: (patterns > 0).then_some(validity),
        stability: stable,
    })
}

/// The shape of the parts of the graph of the 10 nearest, the mean over their samples.
fn within(drawn: &Points, near: &Neighbors, watch: &Watch<'_>) -> Result<Option<Within>> {
    let plain = Points::new(drawn.values().to_vec(), drawn.dimensions(), Geometry::L2, Rescale::Identity);
    let (mut dimension, mut relative, mut samples) = (0.0, 0.0, 0.0);
    for members in parts(&near.first(NEAR)).iter().filter(|members| members.len() >= GROUP).take(GROUPS) {
        let part = plain.select(&members[..members.len().min(LARGEST_GROUP)]);
        let null = null::gaussian(&part, part.samples(), 4);
        if let (Some(own), Some(null)) = (coarse(&part, watch)?, coarse(&null, watch)?) {
            let weight = members.len() as f64;
            dimension += weight * own;
            relative += weight * own / null;
            samples += weight;
        }
    }
    let share = samples / drawn.samples() as f64;
    Ok((samples > 0.0).then(|| Within { dimension: dimension / samples, relative: relative / samples, share }))
}

fn dips(drawn: &Points, seen: &Points, near: &Neighbors, watch: &Watch<'_>) -> Result<Vec<AxisDip>> {
    let mut dips = Vec::new();
    for axis in 0..seen.dimensions().min(2) {
        let values: Vec<f64> = seen.values()[axis..].iter().step_by(seen.dimensions()).map(|v| f64::from(*v)).collect();
        dips.push(AxisDip { along: format!("principal component {}", axis + 1), dip: dip(&values)? });
    }
    if let Some((_, places)) = first_diffusion_coordinate(drawn, &near.first(NEAR), watch)? {
        dips.push(AxisDip { along: "first diffusion coordinate".into(), dip: dip(&places)? });
    }
    Ok(dips)
}

fn noise(found: &Clustering) -> f64 {
    found.labels.iter().filter(|label| label.is_none()).count() as f64 / found.labels.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
