//! Relative Mahalanobis distance (Ren et al. 2021) without classes: to the nearest group of the reference, less that to the
//! reference as a whole. What makes a sample unusual for every group alike cancels out.
//!
//! Groups are the patterns of the reference, bins along its main direction, or whatever [`Detector::fit_groups`] is told (bins of
//! a covariate). They share one covariance, that of the samples around the means of their groups.

use super::bins::Bins;
use super::patterns::{self, Patterns, means};
use super::{Detector, Scorer};
use crate::cluster::Hdbscan;
use crate::distance;
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features};
use crate::registry::Entry;
use crate::statistics::{Center, CenteredRows, Covariance, QuadraticForm, Shrinkage, canonical_order};

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "relative_mahalanobis",
    summary: "squared Mahalanobis distance to the nearest group, less that to the whole reference",
    options: &[
        (
            "groups",
            "patterns",
            "patterns (HDBSCAN*; bins where it finds fewer than two) or bins (along the main direction)",
        ),
        ("bins", "8", "how many bins, 1 or more"),
        ("shrinkage", "auto", "auto (Ledoit and Wolf) or a share from 0 to 1"),
        patterns::MIN_CLUSTER_SIZE,
        patterns::MIN_SAMPLES,
        patterns::SELECTION,
    ],
    build: |options| {
        let patterns = match options.text("groups") {
            "patterns" => Some(patterns::hdbscan(options)?),
            "bins" => None,
            other => return Err(Error::unknown("groups of relative_mahalanobis", other, ["patterns", "bins"])),
        };
        let (bins, shrinkage) = (options.get_in("bins", 1..=usize::MAX)?, options.get("shrinkage")?);
        Ok(Box::new(RelativeMahalanobis { patterns, bins, shrinkage }))
    },
};

struct RelativeMahalanobis {
    /// `None`: bins.
    patterns: Option<Hdbscan>,
    bins: usize,
    shrinkage: Shrinkage,
}

impl Detector for RelativeMahalanobis {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        if reference.samples() < 2 {
            let message = format!("relative_mahalanobis needs at least 2 samples, got {}", reference.samples());
            return Err(Error::new(ErrorKind::TooFewSamples, message));
        }
        let groups = match &self.patterns {
            Some(hdbscan) => Patterns::find(reference, &*distance::parse("euclidean")?, hdbscan)?.groups(),
            None => Vec::new(),
        };
        if groups.iter().flatten().any(|group| *group > 0) {
            return self.fit_groups(reference, &groups);
        }
        self.fit_groups(reference, &bins_along_main_axis(reference, self.bins)?)
    }

    fn fit_groups(&self, reference: &Features, groups: &[Option<u32>]) -> Result<Box<dyn Scorer>> {
        let columns = reference.columns();
        if groups.len() != reference.samples() {
            return Err(Error::shape("groups", [reference.samples()], [groups.len()]));
        }
        let order = canonical_order(reference.values(), columns.len());
        let grouped: Vec<usize> = order.into_iter().filter(|&sample| groups[sample].is_some()).collect();
        let inside = reference.select(&grouped);
        let groups = dense(&grouped.iter().filter_map(|&sample| groups[sample]).collect::<Vec<_>>());
        let means = means(&inside, &groups);
        let around = (0..inside.samples()).flat_map(|sample| {
            let mean = &means[groups[sample].map_or(0, |group| group as usize)];
            inside.row(sample).iter().zip(mean).map(|(value, mean)| (f64::from(*value) - mean) as f32)
        });
        let around: Vec<f32> = around.collect();
        let form = |values: &[f32]| {
            Covariance::squared_distance(values, columns.len(), self.shrinkage)
                .map_err(|error| error.context(ENTRY.name))
        };
        let (group, whole) = (form(&around)?, form(reference.values())?);
        let centers = means.iter().map(|mean| group.center(mean)).collect();
        Ok(Box::new(Relative { columns: columns.to_vec(), group, centers, mean: whole.middle(), whole }))
    }
}

/// The same groups with numbers from 0 without a gap.
fn dense(groups: &[u32]) -> Vec<Option<u32>> {
    let mut known = groups.to_vec();
    known.sort_unstable();
    known.dedup();
    groups.iter().map(|group| known.binary_search(group).ok().map(|at| at as u32)).collect()
}

fn bins_along_main_axis(reference: &Features, count: usize) -> Result<Vec<Option<u32>>> {
    let axes = CenteredRows::new(reference.values(), reference.columns().len()).first_axes(1)?;
    let along: Vec<f64> = axes.project(reference.values()).into_iter().map(f64::from).collect();
    let bins = Bins::new(&along, count.min(reference.samples() / 2).max(1));
    Ok(along.into_iter().map(|value| Some(bins.of(value) as u32)).collect())
}

struct Relative {
    columns: Vec<Column>,
    group: QuadraticForm,
    centers: Vec<Center>,
    whole: QuadraticForm,
    mean: Center,
}

impl Scorer for Relative {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        features.expect_columns(&self.columns)?;
        let near = self.group.nearest(features.values(), &self.centers);
        let far = self.whole.nearest(features.values(), std::slice::from_ref(&self.mean));
        Ok(near.into_iter().zip(far).map(|(near, far)| near - far).collect())
    }
}
