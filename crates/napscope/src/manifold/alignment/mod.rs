//! How far a layer's activations tell what else is known of each sample: covariate alignment.
//!
//! Two regressions ask in two ways. The mean of a sample's nearest neighbors sees whatever is smooth along the data, but
//! only what the metric sees; ridge regression over principal components sees a single weak direction, but only a straight
//! one. Both predict each sample from the others alone. Distance correlation asks without any model, Spearman's rank
//! correlation along the first diffusion coordinate asks whether the covariate is what the data are strung along. The partial
//! shares ask again of what is left when all other covariates' linear part is taken away from both sides.
//!
//! Samples are taken as exchangeable: where they come in runs (slots of one channel, frames of one film) p-values are too small.

mod covariate;
mod explained;
mod others;
mod ridge;

pub use covariate::{Covariate, CovariateValues};
pub use explained::Explained;

use super::connectivity::parts;
use super::sample::{draw, mix};
use crate::distance::{Geometry, Points, Rescale};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{CentredDistances, spearman};
use crate::manifold::{Dip, dip, pca};
use crate::neighbors::{Neighbors, self_neighbors};
use crate::progress::Watch;
use covariate::{FEWEST_SAMPLES, Target};
use faer::Mat;
use others::Others;
use ridge::Ridge;
use serde::{Deserialize, Serialize};

/// Samples that alignment is measured on, at most.
pub const ALIGNMENT_SAMPLES: usize = 2000;
/// Samples that distance correlation is measured on, at most: it takes their square.
const DISTANCE_SAMPLES: usize = 500;
/// Neighbors whose mean predicts.
const PREDICTING: usize = 10;
/// Neighbors that the diffusion map joins.
const JOINED: usize = 14;
/// Principal components that ridge regression sees, at most.
const COMPONENTS: usize = 64;

/// How far a layer tells one covariate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// The covariate.
    pub column: String,
    /// Number of classes; absent for a number.
    pub classes: Option<usize>,
    /// Samples that this was measured on.
    pub samples: usize,
    /// What the mean of 10 nearest neighbors tells (of classes: the Brier skill score).
    pub knn: Explained,
    /// What ridge regression over at most 64 principal components tells, at the best of five penalties.
    pub ridge: Explained,
    /// Squared distance correlation, corrected for bias (0 in the mean for independence), over at most 500 samples.
    pub distance_correlation: f64,
    /// Spearman's rank correlation along the first diffusion coordinate, without sign; of numbers, where it exists.
    pub diffusion_spearman: Option<f64>,
    /// Hartigan's dip of what ridge regression predicts: has the layer gaps along the covariate? Of numbers.
    pub dip: Option<Dip>,
    /// Probability that values in random order are told as well, counted over 999 orders.
    pub p_value: f64,
    /// The same shares given all other covariates; absent where there is no other.
    pub partial: Option<Partial>,
}

impl Alignment {
    /// The better of both shares.
    pub fn best(&self) -> Explained {
        if self.knn.r2 >= self.ridge.r2 { self.knn } else { self.ridge }
    }
}

/// How far a layer tells what the other covariates do not tell of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// The other covariates.
    pub given: Vec<String>,
    /// What the neighbors tell of what is left.
    pub knn: Explained,
    /// What ridge regression tells of it.
    pub ridge: Explained,
    /// The share of the covariate's variance that the others leave.
    pub left: f64,
}

/// How far `points` tell each of `covariates`. Covariates of which nothing can be said are left out: constants, more than 50
/// classes or fewer than 5 samples a class in the mean, values for fewer than 50 samples.
///
/// Measured on at most [`ALIGNMENT_SAMPLES`] points, drawn by content; a sample without a value counts for no figure of that
/// covariate. Permuting the rows changes nothing.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] unless each covariate has a value a point, [`ErrorKind::Interrupted`] when `watch` says so.
pub fn alignment(points: &Points, covariates: &[Covariate], watch: &Watch<'_>) -> Result<Vec<Alignment>> {
    for covariate in covariates {
        let values = match &covariate.values {
            CovariateValues::Numbers(values) => values.len(),
            CovariateValues::Classes(values) => values.len(),
        };
        if values != points.samples() {
            return Err(Error::shape(&format!("covariate {}", covariate.name), points.samples(), values));
        }
    }
    let bits = |sample: usize| covariates.iter().fold(0, |state, covariate| mix(state ^ covariate.bits(sample)));
    let drawn = draw(points, ALIGNMENT_SAMPLES, bits);
    if covariates.is_empty() || drawn.len() < FEWEST_SAMPLES {
        return Ok(Vec::new());
    }
    let whole = Reference::new(points.select(&drawn), watch)?;
    let mut found = Vec::new();
    for (number, covariate) in covariates.iter().enumerate() {
        if watch(number as f64 / covariates.len() as f64).is_break() {
            return Err(Error::new(ErrorKind::Interrupted, "stopped on request"));
        }
        let known: Vec<usize> = drawn.iter().copied().filter(|&sample| covariate.is_known(sample)).collect();
        let Some(target) = covariate.target(&known) else { continue };
        let others: Vec<&Covariate> =
            covariates.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other).collect();
        let own = if known.len() < drawn.len() { Some(Reference::new(points.select(&known), watch)?) } else { None };
        let reference = own.as_ref().unwrap_or(&whole);
        let values = |sample: usize| target.values.row(sample);
        let apart = |a: usize, b: usize| match target.classes {
            None => (target.values[(a, 0)] - target.values[(b, 0)]).abs(),
            Some(_) => f64::from(u8::from(values(a) != values(b))),
        };
        let (ridge, errors) = explained::by_ridge(&target, &reference.ridge);
        let predicted = || (0..known.len()).map(|row| target.values[(row, 0)] - errors[(row, 0)]).collect::<Vec<f64>>();
        found.push(Alignment {
            column: covariate.name.clone(),
            classes: target.classes,
            samples: known.len(),
            knn: explained::by_neighbors(&target, &reference.predicting),
            ridge,
            distance_correlation: reference.distances.correlation(&CentredDistances::new(reference.compared(), apart)),
            diffusion_spearman: reference.strung_along(&target)?,
            dip: target.classes.is_none().then(|| dip(&predicted())).transpose()?,
            p_value: explained::p_value(&target, &reference.predicting, &reference.ridge),
            partial: partial(points, &drawn, covariate, &others, watch)?,
        });
    }
    Ok(found)
}

/// What the regressions need of some points, computed once for all covariates.
struct Reference {
    points: Points,
    predicting: Neighbors,
    ridge: Ridge,
    distances: CentredDistances,
    /// Points along the first diffusion coordinate, and their places; `None` where there is none.
    string: Option<(Vec<usize>, Vec<f64>)>,
}

impl Reference {
    fn new(points: Points, watch: &Watch<'_>) -> Result<Self> {
        let near = self_neighbors(&points, JOINED.min(points.samples() - 1), watch)?;
        let components = COMPONENTS.min(points.dimensions());
        let coordinates = pca(points.values(), points.dimensions(), components)?.coordinates;
        let compared = points.samples().min(DISTANCE_SAMPLES);
        Ok(Reference {
            predicting: near.first(PREDICTING),
            ridge: Ridge::new(&coordinates, components),
            distances: CentredDistances::new(compared, |a, b| points.distance(a, b)),
            string: first_diffusion_coordinate(&points, &near, watch)?,
            points,
        })
    }

    fn compared(&self) -> usize {
        self.points.samples().min(DISTANCE_SAMPLES)
    }

    fn strung_along(&self, target: &Target) -> Result<Option<f64>> {
        let Some((members, places)) = self.string.as_ref().filter(|_| target.classes.is_none()) else {
            return Ok(None);
        };
        let values: Vec<f64> = members.iter().map(|&sample| target.values[(sample, 0)]).collect();
        spearman(places, &values).map(|correlation| Some(correlation.abs()))
    }
}

/// The places of the points of the largest part of the graph of neighbors along the first diffusion coordinate.
pub(super) fn first_diffusion_coordinate(
    points: &Points,
    near: &Neighbors,
    watch: &Watch<'_>,
) -> Result<Option<(Vec<usize>, Vec<f64>)>> {
    let members = parts(near).swap_remove(0);
    if members.len() < FEWEST_SAMPLES {
        return Ok(None);
    }
    let diffusion = crate::manifold::parse("diffusion")?;
    let plane = if members.len() == points.samples() {
        diffusion.project(points, near, watch)?
    } else {
        let part = points.select(&members);
        diffusion.project(&part, &self_neighbors(&part, near.k(), watch)?, watch)?
    };
    // The kernel may vanish between neighbors that are far apart for their surroundings: then there is no single coordinate.
    let places = plane.coordinates.iter().map(|place| f64::from(place[0])).collect();
    Ok((plane.parts == 1).then_some((members, places)))
}

/// The shares of what `others` leave of `covariate`, over the samples of which all values are known.
fn partial(
    points: &Points,
    drawn: &[usize],
    covariate: &Covariate,
    others: &[&Covariate],
    watch: &Watch<'_>,
) -> Result<Option<Partial>> {
    let known: Vec<usize> = drawn
        .iter()
        .copied()
        .filter(|&sample| covariate.is_known(sample) && others.iter().all(|other| other.is_known(sample)))
        .collect();
    let Some(target) = covariate.target(&known) else { return Ok(None) };
    let given: Vec<(&str, Target)> =
        others.iter().filter_map(|other| Some((other.name.as_str(), other.target(&known)?))).collect();
    let told = Others::new(given.iter().map(|(_, target)| target));
    if given.is_empty() || told.rank() + FEWEST_SAMPLES > known.len() {
        return Ok(None);
    }
    let left = Target { values: told.left_over(target.values.as_ref()), classes: target.classes };
    let share = left.values.squared_norm_l2() / target.values.squared_norm_l2();
    if share < 1e-9 {
        // The others tell it wholly: nothing is left that the layer could tell.
        return Ok(None);
    }
    let chosen = points.select(&known);
    let components = COMPONENTS.min(points.dimensions());
    let coordinates = pca(chosen.values(), points.dimensions(), components)?.coordinates;
    let all = Mat::from_fn(known.len(), components, |row, axis| f64::from(coordinates[row * components + axis]));
    let rest = told.left_over(all.as_ref());
    let rest: Vec<f32> =
        rest.row_iter().flat_map(|row| row.iter().map(|value| *value as f32).collect::<Vec<_>>()).collect();
    let coordinates = pca(&rest, components, components)?.coordinates;
    let rest = Points::new(rest, components, Geometry::L2, Rescale::Identity);
    let near = self_neighbors(&rest, PREDICTING.min(known.len() - 1), watch)?;
    Ok(Some(Partial {
        given: given.into_iter().map(|(name, _)| name.to_owned()).collect(),
        knn: explained::by_neighbors(&left, &near),
        ridge: explained::by_ridge(&left, &Ridge::new(&coordinates, components)).0,
        left: share,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::unwatched;

    /// A bent string of points in six dimensions, a covariate along it, noise, and classes.
    fn string() -> (Points, Vec<Covariate>) {
        let along: Vec<f64> = (0..240).map(|i| (mix(i) >> 11) as f64 / (1u64 << 53) as f64).collect();
        let noise = |seed: u64| (mix(seed + 1000) >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        let row = |(i, &t): (usize, &f64)| {
            (0..6).map(move |axis| ((3.0 * t + axis as f64).sin() + 0.02 * noise((6 * i + axis) as u64)) as f32)
        };
        let values = along.iter().enumerate().flat_map(row).collect();
        let number = |name: &str, values: Vec<f64>| Covariate {
            name: name.into(),
            values: CovariateValues::Numbers(values.into_iter().map(Some).collect()),
        };
        let classes = along.iter().map(|t| Some((t * 3.0) as u32)).collect();
        let covariates = vec![
            number("along", along.iter().map(|t| t * t).collect()),
            number("noise", (0..240).map(|i| noise(i + 5000)).collect()),
            Covariate { name: "third".into(), values: CovariateValues::Classes(classes) },
            number("constant", vec![4.0; 240]),
        ];
        (Points::new(values, 6, Geometry::L2, Rescale::Identity), covariates)
    }

    #[test]
    fn what_lies_along_the_data_is_told_and_noise_is_not() {
        let (points, covariates) = string();
        let found = alignment(&points, &covariates, &unwatched).expect("240 points");
        let names: Vec<&str> = found.iter().map(|alignment| alignment.column.as_str()).collect();
        assert_eq!(names, ["along", "noise", "third"], "a constant cannot be told");
        let [along, noise, third] = &found[..] else { panic!("three covariates") };
        assert!(along.knn.r2 > 0.98 && along.knn.low > 0.9 && along.p_value <= 0.001, "{along:?}");
        assert!(along.diffusion_spearman.is_some_and(|correlation| correlation > 0.95), "{along:?}");
        assert!(noise.best().r2 < 0.05 && noise.p_value > 0.01 && noise.distance_correlation < 0.05, "{noise:?}");
        assert!(third.classes == Some(3) && third.knn.r2 > 0.8 && third.diffusion_spearman.is_none(), "{third:?}");
        let partial = along.partial.as_ref().expect("there are others");
        assert_eq!(partial.given, ["noise", "third"]);
        assert!(partial.left < 0.5 && partial.knn.r2 > 0.5, "within the thirds it still lies along: {partial:?}");
    }

    #[test]
    fn the_order_of_rows_and_missing_values_do_not_matter() {
        let (points, mut covariates) = string();
        let CovariateValues::Numbers(values) = &mut covariates[1].values else { panic!("numbers") };
        values.iter_mut().step_by(7).for_each(|value| *value = None);
        let found = alignment(&points, &covariates, &unwatched).expect("240 points");
        assert_eq!(found[1].samples, 240 - 240usize.div_ceil(7));
        let turn: Vec<usize> = (0..240).map(|at| (at * 77 + 5) % 240).collect();
        let turned: Vec<Covariate> = covariates
            .iter()
            .map(|Covariate { name, values }| {
                let values = match values {
                    CovariateValues::Numbers(values) => {
                        CovariateValues::Numbers(turn.iter().map(|&at| values[at]).collect())
                    }
                    CovariateValues::Classes(values) => {
                        CovariateValues::Classes(turn.iter().map(|&at| values[at]).collect())
                    }
                };
                Covariate { name: name.clone(), values }
            })
            .collect();
        assert_eq!(found, alignment(&points.select(&turn), &turned, &unwatched).expect("240 points"));
    }
}
