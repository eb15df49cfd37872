//! Points that the clustering has not seen: where they would join the hierarchy, without making it anew.
//!
//! A new point joins at the mutual reachability of the sample that is nearest by it (Campello et al. 2015, section 6.2;
//! `approximate_predict` of Python's hdbscan): it belongs to what that sample belongs to at that height. The hierarchy stays
//! as it is, so points are placed each by itself, and what is placed together decides nothing.

use super::condensed_tree::Cluster;
use super::selection::{self, Selected};
use super::{ClusterId, Hdbscan, HdbscanFit, glosh, membership};
use crate::distance::Points;
use crate::error::{Error, Result};
use crate::neighbors::{Neighbors, Reference};
use crate::progress::Watch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Where new points belong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The pattern of each point; `None` is noise.
    pub labels: Vec<Option<ClusterId>>,
    /// How strongly each point belongs to its pattern, 0 (noise) … 1.
    pub membership: Vec<f64>,
    /// GLOSH: 0 (inlier) … 1 (outlier).
    pub outlier_score: Vec<f64>,
    /// The sample by which each point joins the hierarchy.
    pub joins: Vec<u32>,
    /// The mutual reachability of the two, in the metric's units.
    pub height: Vec<f64>,
}

/// A clustering, ready to place new points.
pub struct Predictor<'a> {
    pub(super) reference: Reference,
    core_distances: &'a [f64],
    min_samples: usize,
    alpha: f64,
    pub(super) clusters: Vec<Cluster>,
    selected: Selected,
    /// The chosen cluster that each cluster is or lies in.
    holder: Vec<Option<usize>>,
    /// The pattern that each chosen cluster is; none for one that kept no sample.
    pattern: Vec<Option<ClusterId>>,
    /// λ up to which outlier scores look, by cluster.
    deaths: Vec<f64>,
    /// The cluster that each sample leaves last, and λ where it does.
    pub(super) leaves: Vec<(u32, f64)>,
    /// The samples at the heart of each pattern.
    pub(super) exemplars: &'a [Vec<usize>],
    /// The cluster that each pattern is.
    pub(super) nodes: Vec<usize>,
}

/// Where one point joins the hierarchy.
#[derive(Clone, Copy)]
pub(super) struct Joint {
    /// The sample that it joins.
    pub(super) sample: u32,
    /// The mutual reachability of the two.
    height: f64,
    /// One over it.
    pub(super) lambda: f64,
    /// The cluster that it is in there.
    pub(super) cluster: usize,
}

impl<'a> Predictor<'a> {
    /// Makes `fit`, which `parameters` found in `points`, ready.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ShapeMismatch`] when `points` are others than those of the fit, and as [`Hdbscan::check`].
    pub fn new(points: &'a Points, fit: &'a HdbscanFit, parameters: &Hdbscan) -> Result<Self> {
        let tree = &fit.condensed_tree;
        if points.samples() != tree.samples() || fit.core_distances.len() != tree.samples() {
            return Err(Error::shape("points of the fit", [tree.samples()], [points.samples()]));
        }
        parameters.check()?;
        let settled = parameters.as_settled(fit.evidence.as_ref());
        let clusters = tree.clusters();
        let selected = selection::select(&clusters, &settled)?;
        let nodes: Vec<usize> = fit.clustering.nodes.iter().map(|&node| node as usize - tree.samples()).collect();
        let mut pattern = vec![None; clusters.len()];
        for (id, &node) in nodes.iter().enumerate() {
            pattern[node] = Some(ClusterId(id as u32));
        }
        let mut leaves = vec![(0, 0.0); tree.samples()];
        for row in tree.sample_rows() {
            leaves[row.child as usize] = (tree.parent(row) as u32, row.lambda);
        }
        Ok(Predictor {
            reference: Reference::new(points.clone()),
            core_distances: &fit.core_distances,
            min_samples: parameters.core_neighbors(),
            alpha: parameters.alpha,
            holder: selected.holder(&clusters),
            deaths: glosh::deaths(&clusters, parameters.glosh),
            clusters,
            selected,
            pattern,
            leaves,
            exemplars: &fit.clustering.exemplars,
            nodes,
        })
    }

    /// Label, membership and outlier score of new points, embedded as those of the fit were.
    ///
    /// Each point looks at its 2 · `min_samples` nearest samples; one that coincides with a sample is placed as that sample
    /// is. Labels and membership are those of `approximate_predict` of Python's hdbscan. The outlier score is that of the
    /// cluster which the point joins. (`approximate_predict_scores` takes the cluster of the neighbor even where the point
    /// joins further out, and may leave 0 … 1. The core distance of a new point counts one neighbor more there than that of
    /// a sample; here both count `min_samples`.)
    ///
    /// # Errors
    /// [`crate::ErrorKind::ShapeMismatch`] for points of other dimensions, [`crate::ErrorKind::Interrupted`] when `watch`
    /// says so.
    pub fn predict(&self, new: &Points, watch: &Watch<'_>) -> Result<Prediction> {
        let joints = self.join(new, watch)?;
        let placed = |joint: &Joint| self.place(joint);
        let placed: Vec<(Option<ClusterId>, f64, f64)> = joints.par_iter().map(placed).collect();
        Ok(Prediction {
            labels: placed.iter().map(|placed| placed.0).collect(),
            membership: placed.iter().map(|placed| placed.1).collect(),
            outlier_score: placed.iter().map(|placed| placed.2).collect(),
            joins: joints.iter().map(|joint| joint.sample).collect(),
            height: joints.iter().map(|joint| joint.height).collect(),
        })
    }

    /// Where each of the new points joins.
    pub(super) fn join(&self, new: &Points, watch: &Watch<'_>) -> Result<Vec<Joint>> {
        if new.samples() == 0 {
            return Ok(Vec::new());
        }
        let candidates = (2 * self.min_samples).min(self.core_distances.len());
        let neighbors = self.reference.neighbors(new, candidates, watch)?;
        Ok((0..new.samples()).into_par_iter().map(|point| self.joint(&neighbors, point)).collect())
    }

    /// The nearest sample by mutual reachability; of equally near ones the nearest by distance.
    fn joint(&self, neighbors: &Neighbors, point: usize) -> Joint {
        let (samples, distances) = (neighbors.indices(point), neighbors.distances(point));
        if distances[0] == 0.0 {
            let (cluster, lambda) = self.leaves[samples[0] as usize];
            return Joint { sample: samples[0], height: 1.0 / lambda, lambda, cluster: cluster as usize };
        }
        let core = distances[self.min_samples.min(distances.len()) - 1] / self.alpha;
        let mut best = (samples[0], f64::INFINITY);
        for (&sample, &distance) in samples.iter().zip(distances) {
            let height = (distance / self.alpha).max(core).max(self.core_distances[sample as usize]);
            if height < best.1 {
                best = (sample, height);
            }
        }
        let (sample, height) = best;
        let lambda = 1.0 / height;
        let mut cluster = self.leaves[sample as usize].0 as usize;
        while cluster > 0 && self.clusters[cluster].birth >= lambda {
            cluster = self.clusters[cluster].parent;
        }
        Joint { sample, height, lambda, cluster }
    }

    /// λ at which a point leaves, when the sample that it joins takes it along.
    pub(super) fn leaves_at(&self, joint: &Joint) -> f64 {
        joint.lambda.min(self.leaves[joint.sample as usize].1)
    }

    /// Label, membership and outlier score.
    fn place(&self, joint: &Joint) -> (Option<ClusterId>, f64, f64) {
        let score = glosh::score(joint.lambda, self.deaths[joint.cluster]);
        let held = self.holder[joint.cluster].filter(|&cluster| self.leaves_at(joint) >= self.selected.since(cluster));
        match held.and_then(|cluster| self.pattern[cluster].map(|id| (id, self.clusters[cluster].death))) {
            Some((id, death)) => (Some(id), membership::share(joint.lambda, death), score),
            None => (None, 0.0, score),
        }
    }
}

impl HdbscanFit {
    /// As [`Predictor::predict`] after [`Predictor::new`].
    ///
    /// # Errors
    /// As both.
    pub fn predict(
        &self,
        points: &Points,
        parameters: &Hdbscan,
        new: &Points,
        watch: &Watch<'_>,
    ) -> Result<Prediction> {
        Predictor::new(points, self, parameters)?.predict(new, watch)
    }
}
