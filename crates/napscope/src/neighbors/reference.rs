//! Points among which neighbors are looked for again and again: what is computed of them is kept.

use super::cloud::{Body, Cloud};
use super::content::{content_order, ranks};
use super::general::Own;
use super::nearest::Nearest;
use super::panels::Panels;
use super::rough::Rough;
use super::{Neighbors, check, few, general, steps};
use crate::distance::Points;
use crate::error::{Error, Result};
use crate::progress::{Meter, Watch};
use std::sync::{Arc, OnceLock};

/// Points to look for neighbors among. The first search of more than a handful of queries prepares them, for all that follow.
///
/// Neighbors at exactly the same distance stand in an order that hangs on their coordinates alone.
pub struct Reference {
    points: Points,
    prepared: OnceLock<Option<Prepared>>,
}

/// What is computed of points that queries are compared with in a frame.
struct Prepared {
    body: Arc<Body>,
    order: Vec<u32>,
    /// The place of each point in the order of content.
    rank: Vec<u32>,
}

impl Reference {
    /// Takes the points.
    pub fn new(points: Points) -> Self {
        Reference { points, prepared: OnceLock::new() }
    }

    /// The points.
    pub fn points(&self) -> &Points {
        &self.points
    }

    /// The `k` nearest of these points to every point of `queries`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] for `k` = 0, [`crate::ErrorKind::TooFewSamples`] unless there are at least `k`
    /// points, [`crate::ErrorKind::ShapeMismatch`] when the two have different dimensions, [`crate::ErrorKind::Interrupted`]
    /// when `watch` says so.
    pub fn neighbors(&self, queries: &Points, k: usize, watch: &Watch<'_>) -> Result<Neighbors> {
        let meter = self.meter(queries, k, watch)?;
        if let Some(found) = few::neighbors(&self.points, queries, k) {
            meter.advance(steps(queries.samples(), &self.points))?;
            return Ok(found);
        }
        let found = self.search(queries, k, &meter, None, |found| found.neighbors())?;
        found.map_or_else(|| general::neighbors(&self.points, queries, Own::Included, k, &meter), Ok)
    }

    /// The distance of every point of `queries` to the `k`-th nearest of these points: the last that [`Reference::neighbors`] finds,
    /// for less.
    ///
    /// # Errors
    /// As [`Reference::neighbors`].
    pub fn kth_distances(&self, queries: &Points, k: usize, watch: &Watch<'_>) -> Result<Vec<f64>> {
        if queries.samples() > few::FEW {
            let meter = self.meter(queries, k, watch)?;
            let rough = Some(Rough::new(&self.points));
            if let Some(found) = self.search(queries, k, &meter, rough, |found| found.kth_distances())? {
                return Ok(found);
            }
        }
        let neighbors = self.neighbors(queries, k, watch)?;
        Ok((0..neighbors.samples()).map(|query| neighbors.distances(query)[k - 1]).collect())
    }

    fn meter<'a>(&self, queries: &Points, k: usize, watch: &'a Watch<'_>) -> Result<Meter<'a>> {
        let (found, expected) = (queries.dimensions(), self.points.dimensions());
        if found != expected {
            return Err(Error::shape("queries", ("any", expected), (queries.samples(), found)));
        }
        check(k, self.points.samples(), self.points.samples())?;
        Ok(Meter::new(watch, steps(queries.samples(), &self.points)))
    }

    /// Searches by tiles; `None` where there are none for this geometry.
    fn search<T>(
        &self,
        queries: &Points,
        k: usize,
        meter: &Meter<'_>,
        rough: Option<Rough>,
        found: impl Fn(&Nearest<'_>) -> T,
    ) -> Result<Option<T>> {
        let search = |[cloud, queries]: [&Cloud<'_>; 2], order: Vec<u32>, rank: Vec<u32>| {
            let (cols, rows) = (Panels::new(cloud, order), Panels::new(queries, queries.compact_order()));
            Nearest::of_queries(&cols, &rows, rank, k, rough, meter).map(|search| Some(found(&search)))
        };
        if let Some(Prepared { body, order, rank }) = self.prepared()
            && let Some(cloud) = Cloud::of_body(&self.points, body.clone())
            && let Some(queries) = cloud.beside(queries)
        {
            return search([&cloud, &queries], order.clone(), rank.clone());
        }
        let Some([cloud, queries]) = Cloud::pair(&self.points, queries) else { return Ok(None) };
        search([&cloud, &queries], cloud.compact_order(), ranks(&content_order(&self.points)))
    }

    fn prepared(&self) -> Option<&Prepared> {
        let prepare = || {
            let cloud = Cloud::alone(&self.points)?;
            let rank = ranks(&content_order(&self.points));
            Some(Prepared { order: cloud.compact_order(), body: cloud.body().clone(), rank })
        };
        // Threads work while they wait, and none may come upon a lock that it holds itself: two may prepare at the same time.
        if self.prepared.get().is_none() {
            self.prepared.set(prepare()).unwrap_or_default();
        }
        self.prepared.get()?.as_ref()
    }
}
