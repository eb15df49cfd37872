//! Validity read off the hierarchy, in one pass over it.
//!
//! As `relative_validity_` of Python's hdbscan: the sparseness of a pattern is the longest edge of the spanning tree inside
//! of it, distances are those of mutual reachability. Its separation is the height at which the hierarchy joins it with
//! another pattern. hdbscan takes the lowest edge with ends in both, which is the same where there is one at that height;
//! where only noise lies between, it takes a later edge or twice the longest, and which of them hangs on the choice among
//! equal edges. One pattern alone, which nothing is apart from, scores 0.

use super::super::ClusterId;
use super::super::linkage::LinkageTree;
use super::{Validity, silhouette, sizes};
use crate::error::{Error, ErrorKind, Result};

/// What a part of the hierarchy holds: nothing but noise, samples of one pattern (and noise), or more than one pattern.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Noise,
    One { pattern: u32, samples: u32 },
    More,
}

/// The relative validity of patterns that were read off this hierarchy by any selection. Compare it among selections,
/// `min_cluster_size` and `min_samples`; as a figure of its own [`super::validity_index`] is the published one.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] unless there is one label a sample; [`ErrorKind::InvalidParameter`] when a pattern is not
/// together in this hierarchy before it meets another, and so cannot have been read off it.
pub fn relative_validity(linkage: &LinkageTree, labels: &[Option<ClusterId>]) -> Result<Validity> {
    if labels.len() != linkage.samples() {
        return Err(Error::shape("labels", [linkage.samples()], [labels.len()]));
    }
    let sizes = sizes(labels);
    let of_sample = |label: &Option<ClusterId>| match label {
        Some(ClusterId(pattern)) => Holds::One { pattern: *pattern, samples: 1 },
        None => Holds::Noise,
    };
    let mut holds: Vec<Holds> = labels.iter().map(of_sample).collect();
    let mut top: Vec<Option<f64>> = sizes.iter().map(|&size| (size <= 1).then_some(0.0)).collect();
    let mut meets: Vec<Option<f64>> = vec![None; sizes.len()];
    for merge in linkage.merges() {
        let height = linkage.height(merge);
        let parts = || linkage.children(merge).iter().map(|&part| holds[part as usize]);
        let all = parts().fold(Holds::Noise, join);
        for part in parts() {
            let Holds::One { pattern, samples } = part else { continue };
            let pattern = pattern as usize;
            if all == Holds::More && samples < sizes[pattern] {
                return Err(foreign(pattern));
            }
            if all == Holds::More {
                meets[pattern].get_or_insert(height);
            }
        }
        if let Holds::One { pattern, samples } = all
            && samples == sizes[pattern as usize]
        {
            top[pattern as usize].get_or_insert(height);
        }
        holds.push(all);
    }
    // A pattern alone meets nothing.
    let score = |(top, meets): (&Option<f64>, &Option<f64>)| match (top, meets) {
        (Some(top), Some(meets)) => silhouette(*top, *meets),
        _ => 0.0,
    };
    Ok(Validity::new(labels, top.iter().zip(&meets).map(score).collect()))
}

fn join(x: Holds, y: Holds) -> Holds {
    match (x, y) {
        (Holds::Noise, other) | (other, Holds::Noise) => other,
        (Holds::One { pattern, samples }, Holds::One { pattern: other, samples: more }) if pattern == other => {
            Holds::One { pattern, samples: samples + more }
        }
        _ => Holds::More,
    }
}

fn foreign(pattern: usize) -> Error {
    let message = format!("pattern {pattern} meets another in this hierarchy before it is together");
    Error::new(ErrorKind::InvalidParameter, message)
        .hint("the relative validity takes patterns that were read off the same hierarchy; validity_index takes any")
}
