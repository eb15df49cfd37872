//! Detectors that know a covariate of every sample (the SNR, say): what is unusual *given* it?
//!
//! A receiver's features move along a curve as the SNR changes, and a detector that does not know it takes the rare ends of the
//! curve for strange, and what leaves the curve sideways for usual. The covariate is measured with the sample, or estimated from
//! the features ([`CovariateEstimator`]).

use super::bins::Bins;
use super::{Detector, Scorer};
use crate::distance::{Geometry, Points, Rescale};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features, Statistic};
use crate::neighbors::Reference;
use crate::normalize::{self, Transform};
use crate::progress::unwatched;
use crate::registry::Entry;
use crate::statistics::canonical_order;
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

/// A way to take a covariate into account.
pub trait Conditioning: Send + Sync {
    /// The name that people type.
    fn name(&self) -> &'static str;

    /// Lets `detector` learn what is usual given the covariate of every sample of `reference`.
    ///
    /// # Errors
    /// The detector's; [`ErrorKind::ShapeMismatch`] unless there is a covariate for every sample, [`ErrorKind::NonFinite`] for
    /// one that is none.
    fn fit(
        &self,
        detector: &dyn Detector,
        reference: &Features,
        covariate: &[f64],
    ) -> Result<Box<dyn ConditionedScorer>>;
}

/// A detector that knows what is usual given a covariate.
pub trait ConditionedScorer: Send + Sync {
    /// How strange each sample is, given its covariate: higher is further out. A covariate beyond those of the reference counts
    /// as the nearest of these.
    ///
    /// # Errors
    /// As [`Scorer::score`], and for covariates as [`Conditioning::fit`].
    fn score(&self, features: &Features, covariate: &[f64]) -> Result<Vec<f64>>;
}

/// Every way to take a covariate into account.
pub static CONDITIONINGS: &[Entry<dyn Conditioning>] = &[BINS, REGRESSION, GROUPS];

/// Builds the conditioning that `spec` names.
///
/// # Errors
/// See [`crate::registry::build`].
pub fn conditioning(spec: &str) -> Result<Box<dyn Conditioning>> {
    crate::registry::build("conditioning", CONDITIONINGS, spec)
}

const COUNT: (&str, &str, &str) =
    ("count", "8", "how many bins, 1 or more; fewer where they would hold fewer than 20 samples");

const BINS: Entry<dyn Conditioning> = Entry {
    name: "bins",
    summary: "a detector for each bin of the covariate, their scores on a common scale",
    options: &[COUNT],
    build: |options| Ok(Box::new(ByBins { count: options.get_in("count", 1..=usize::MAX)? })),
};

const REGRESSION: Entry<dyn Conditioning> = Entry {
    name: "regression",
    summary: "a detector of what a polynomial of the covariate leaves over of the features",
    options: &[("degree", "3", "of the polynomial, 1 to 12")],
    build: |options| Ok(Box::new(ByRegression { degree: options.get_in("degree", 1..=12)? })),
};

const GROUPS: Entry<dyn Conditioning> = Entry {
    name: "groups",
    summary: "bins of the covariate are the groups of a detector that knows of groups; later samples need no covariate",
    options: &[COUNT],
    build: |options| Ok(Box::new(ByGroups { count: options.get_in("count", 1..=usize::MAX)? })),
};

/// Samples that a bin holds at least.
const LEAST_IN_BIN: usize = 20;

fn check(features: &Features, covariate: &[f64]) -> Result<()> {
    if covariate.len() != features.samples() {
        return Err(Error::shape("covariates", [features.samples()], [covariate.len()]));
    }
    match covariate.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let message = format!("the covariate of sample {at} is {}", covariate[at]);
            Err(Error::new(ErrorKind::NonFinite, message).hint("give every sample a finite number, or leave it out"))
        }
    }
}

fn bins(reference: &Features, covariate: &[f64], count: usize) -> Result<Bins> {
    check(reference, covariate)?;
    if reference.samples() == 0 {
        return Err(Error::new(ErrorKind::TooFewSamples, "bins of a covariate need at least 1 sample, got 0"));
    }
    Ok(Bins::new(covariate, count.min(reference.samples() / LEAST_IN_BIN).max(1)))
}

struct ByBins {
    count: usize,
}

/// The detector of a bin, and the location and spread of its scores.
struct Bin {
    scorer: Box<dyn Scorer>,
    median: f64,
    spread: f64,
}

struct Binned {
    bins: Bins,
    detectors: Vec<Bin>,
}

impl Conditioning for ByBins {
    fn name(&self) -> &'static str {
        BINS.name
    }

    fn fit(
        &self,
        detector: &dyn Detector,
        reference: &Features,
        covariate: &[f64],
    ) -> Result<Box<dyn ConditionedScorer>> {
        let bins = bins(reference, covariate, self.count)?;
        let order = canonical_order(reference.values(), reference.columns().len());
        let of_bin = |bin: usize| -> Vec<usize> {
            order.iter().copied().filter(|&sample| bins.of(covariate[sample]) == bin).collect()
        };
        let detectors =
            (0..bins.count()).map(|bin| fit_bin(detector, &reference.select(&of_bin(bin)))).collect::<Result<_>>()?;
        Ok(Box::new(Binned { bins, detectors }))
    }
}

/// Fits the detector of a bin. Its scores have a scale of their own; that is told by scores of samples that it did not learn
/// from, each half of the bin scored by a fit on the other.
fn fit_bin(detector: &dyn Detector, members: &Features) -> Result<Bin> {
    let scorer = detector.fit(members)?;
    let half = |start: usize| members.select(&(start..members.samples()).step_by(2).collect::<Vec<_>>());
    let halves = [half(0), half(1)];
    if halves.iter().any(|half| half.samples() < 2) {
        return Ok(Bin { scorer, median: 0.0, spread: 1.0 });
    }
    let mut scores = detector.fit(&halves[0])?.score(&halves[1])?;
    scores.extend(detector.fit(&halves[1])?.score(&halves[0])?);
    scores.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| scores[((scores.len() - 1) as f64 * share).round() as usize];
    let spread = quantile(0.75) - quantile(0.25);
    Ok(Bin { scorer, median: quantile(0.5), spread: if spread > 0.0 { spread } else { 1.0 } })
}

impl ConditionedScorer for Binned {
    fn score(&self, features: &Features, covariate: &[f64]) -> Result<Vec<f64>> {
        check(features, covariate)?;
        let mut scores = vec![0.0; features.samples()];
        for (bin, Bin { scorer, median, spread }) in self.detectors.iter().enumerate() {
            let members: Vec<usize> =
                (0..features.samples()).filter(|&at| self.bins.of(covariate[at]) == bin).collect();
            let found = scorer.score(&features.select(&members))?;
            members.into_iter().zip(found).for_each(|(at, score)| scores[at] = (score - median) / spread);
        }
        Ok(scores)
    }
}

struct ByGroups {
    count: usize,
}

/// Needs no covariate any more.
struct Free(Box<dyn Scorer>);

impl Conditioning for ByGroups {
    fn name(&self) -> &'static str {
        GROUPS.name
    }

    fn fit(
        &self,
        detector: &dyn Detector,
        reference: &Features,
        covariate: &[f64],
    ) -> Result<Box<dyn ConditionedScorer>> {
        let bins = bins(reference, covariate, self.count)?;
        let groups: Vec<Option<u32>> = covariate.iter().map(|value| Some(bins.of(*value) as u32)).collect();
        Ok(Box::new(Free(detector.fit_groups(reference, &groups)?)))
    }
}

impl ConditionedScorer for Free {
    fn score(&self, features: &Features, _covariate: &[f64]) -> Result<Vec<f64>> {
        self.0.score(features)
    }
}

struct ByRegression {
    degree: usize,
}

struct Regressed {
    polynomial: Polynomial,
    /// The columns that the polynomial was fitted on.
    columns: Vec<Column>,
    scorer: Box<dyn Scorer>,
}

impl Conditioning for ByRegression {
    fn name(&self) -> &'static str {
        REGRESSION.name
    }

    fn fit(
        &self,
        detector: &dyn Detector,
        reference: &Features,
        covariate: &[f64],
    ) -> Result<Box<dyn ConditionedScorer>> {
        check(reference, covariate)?;
        let polynomial = Polynomial::fit(reference, covariate, self.degree)?;
        let scorer = detector.fit(&polynomial.left_over(reference, covariate)?)?;
        Ok(Box::new(Regressed { polynomial, columns: reference.columns().to_vec(), scorer }))
    }
}

impl ConditionedScorer for Regressed {
    fn score(&self, features: &Features, covariate: &[f64]) -> Result<Vec<f64>> {
        check(features, covariate)?;
        features.expect_columns(&self.columns)?;
        self.scorer.score(&self.polynomial.left_over(features, covariate)?)
    }
}

/// Every column as a polynomial of the covariate, by least squares.
struct Polynomial {
    low: f64,
    high: f64,
    /// `[degree + 1, columns]`
    coefficients: Mat<f64>,
}

impl Polynomial {
    fn fit(reference: &Features, covariate: &[f64], degree: usize) -> Result<Self> {
        let bound = |start: f64, join: fn(f64, f64) -> f64| covariate.iter().copied().fold(start, join);
        let (low, high) = (bound(f64::INFINITY, f64::min), bound(f64::NEG_INFINITY, f64::max));
        let mut distinct = covariate.to_vec();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup();
        if distinct.is_empty() {
            return Err(Error::new(ErrorKind::TooFewSamples, "a regression needs at least 1 sample, got 0"));
        }
        let terms = degree.min(distinct.len() - 1) + 1;
        let mut polynomial = Polynomial { low, high, coefficients: Mat::zeros(terms, reference.columns().len()) };
        let mut products = Mat::<f64>::zeros(terms, terms);
        let mut sums = Mat::<f64>::zeros(terms, reference.columns().len());
        for sample in canonical_order(reference.values(), reference.columns().len()) {
            let basis = polynomial.basis(covariate[sample]);
            for (row, factor) in basis.iter().enumerate() {
                (0..terms).for_each(|column| products[(row, column)] += factor * basis[column]);
                for (column, value) in reference.row(sample).iter().enumerate() {
                    sums[(row, column)] += factor * f64::from(*value);
                }
            }
        }
        let factor = products.llt(Side::Lower).map_err(|_| {
            Error::new(ErrorKind::InvalidParameter, "the covariate has too few different values for this degree")
                .hint("lower the degree, or use bins")
        })?;
        polynomial.coefficients = factor.solve(&sums);
        Ok(polynomial)
    }

    /// Chebyshev's polynomials of the covariate, brought to −1 … 1.
    fn basis(&self, covariate: f64) -> Vec<f64> {
        let width = self.high - self.low;
        let t = if width > 0.0 { 2.0 * (covariate.clamp(self.low, self.high) - self.low) / width - 1.0 } else { 0.0 };
        let mut basis = vec![1.0, t];
        while basis.len() < self.coefficients.nrows() {
            basis.push(2.0 * t * basis[basis.len() - 1] - basis[basis.len() - 2]);
        }
        basis.truncate(self.coefficients.nrows());
        basis
    }

    /// The features less the polynomial: no distributions any more, whatever they were.
    fn left_over(&self, features: &Features, covariate: &[f64]) -> Result<Features> {
        let columns = features.columns();
        let mut values = Vec::with_capacity(features.values().len());
        for (sample, covariate) in covariate.iter().enumerate() {
            let basis = self.basis(*covariate);
            values.extend(features.row(sample).iter().enumerate().map(|(column, value)| {
                let terms = basis.iter().enumerate();
                let usual: f64 = terms.map(|(row, factor)| factor * self.coefficients[(row, column)]).sum();
                (f64::from(*value) - usual) as f32
            }));
        }
        Features::new(values, columns.iter().map(|column| Column { statistic: Statistic::Mixed, ..*column }).collect())
    }
}

/// The covariate of new samples, estimated from their features: the mean of the reference's nearest samples (standardised,
/// Euclidean).
pub struct CovariateEstimator {
    transform: Box<dyn Transform>,
    reference: Reference,
    covariate: Vec<f64>,
}

impl CovariateEstimator {
    /// Samples whose covariates are averaged.
    const NEIGHBORS: usize = 10;

    /// Learns how features tell the covariate.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewSamples`] with fewer than 2 samples; for covariates as [`Conditioning::fit`].
    pub fn fit(reference: &Features, covariate: &[f64]) -> Result<Self> {
        check(reference, covariate)?;
        let transform = normalize::parse("standard")?.fit(reference)?;
        let columns = reference.columns().len();
        // Samples that only the covariate tells apart stand in an order of their own, too.
        let with_covariate = |sample: usize| reference.row(sample).iter().copied().chain([covariate[sample] as f32]);
        let keyed: Vec<f32> = (0..reference.samples()).flat_map(with_covariate).collect();
        let order = canonical_order(&keyed, columns + 1);
        let scaled = transform.transform(&reference.select(&order))?;
        Ok(CovariateEstimator {
            reference: Reference::new(Points::shared(scaled.shared_values(), columns, Geometry::L2, Rescale::Identity)),
            covariate: order.into_iter().map(|sample| covariate[sample]).collect(),
            transform,
        })
    }

    /// An estimate for each sample.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when the columns are not those of the reference.
    pub fn estimate(&self, features: &Features) -> Result<Vec<f64>> {
        let scaled = self.transform.transform(features)?;
        if scaled.samples() == 0 {
            return Ok(Vec::new());
        }
        let queries = Points::shared(scaled.shared_values(), features.columns().len(), Geometry::L2, Rescale::Identity);
        let k = Self::NEIGHBORS.min(self.covariate.len());
        let neighbors = self.reference.neighbors(&queries, k, &unwatched)?;
        let mean = |sample: usize| {
            let sum: f64 = neighbors.indices(sample).iter().map(|&index| self.covariate[index as usize]).sum();
            sum / k as f64
        };
        Ok((0..queries.samples()).map(mean).collect())
    }
}
