//! A cut through the hierarchy at one distance: DBSCAN* (Campello et al. 2013, section 3), which finds what is together
//! there. All samples may be one pattern, for at a large enough distance they are.

use super::super::condensed_tree::Cluster;
use super::{Selected, Selection};
use crate::error::{Error, ErrorKind};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<Selection> = Entry {
    name: "level",
    summary: "what is together at a distance (DBSCAN*: DBSCAN without border points)",
    options: &[("distance", "", "in the metric's units; it has no default")],
    build: |options| {
        if options.text("distance").is_empty() {
            return Err(Error::new(ErrorKind::InvalidParameter, "level: which distance?")
                .hint("write it as level:distance=0.5, in the metric's units"));
        }
        Ok(Box::new(Selection::Level { distance: options.get_in("distance", 0.0..=f64::MAX)? }))
    },
};

/// Chooses the clusters that are there, apart from others, at `distance`. Samples that join them further out are noise.
pub(super) fn select(clusters: &[Cluster], distance: f64) -> Selected {
    let level = 1.0 / distance;
    // Split off before the level is reached, and not split further before it.
    let is_there = |cluster: &Cluster| cluster.birth < level && (cluster.is_leaf || cluster.death >= level);
    Selected {
        chosen: clusters.iter().map(is_there).collect(),
        mass: clusters.iter().map(|cluster| cluster.stability).collect(),
        since: [level, level],
    }
}
