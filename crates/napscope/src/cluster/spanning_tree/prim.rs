//! Prim's algorithm over edges computed on the fly: for geometries that only a function of two rows knows.

use super::{Edge, MutualReachability, SpanningTree};
use crate::error::Result;
use crate::neighbors::ranks;
use crate::progress::{Meter, Watch};
use rayon::prelude::*;

/// A point outside of the growing tree: the lowest edge that reaches it from inside.
#[derive(Clone, Copy)]
struct Reach {
    point: u32,
    source: u32,
    height: f64,
}

/// Coordinates that one thread handles at the least; below, handing work over costs more than doing it.
const STEPS_PER_THREAD: usize = 1 << 15;

/// The spanning tree of the samples, whose order of content is `order`, in O(samples) memory; every distance is computed once.
///
/// # Errors
/// [`ErrorKind::Interrupted`] when `watch` says so.
pub(super) fn spanning_tree(graph: &MutualReachability<'_>, order: &[u32], watch: &Watch<'_>) -> Result<SpanningTree> {
    let (samples, dimensions) = (graph.points.samples(), graph.points.dimensions());
    let meter = Meter::new(watch, samples as u64 * samples as u64 / 2 * dimensions as u64);
    let rank = ranks(order);
    let chunk = STEPS_PER_THREAD.div_ceil(dimensions);
    let mut edges = Vec::with_capacity(samples.saturating_sub(1));
    let mut newest = order[0];
    let mut outside: Vec<Reach> =
        order[1..].iter().map(|&point| Reach { point, source: newest, height: f64::INFINITY }).collect();
    while !outside.is_empty() {
        let nearest = outside.par_chunks_mut(chunk).enumerate().map(|(index, chunk_of)| {
            nearest_outside(graph, newest, chunk_of, &rank).map(|(at, reach)| (index * chunk + at, reach))
        });
        let key = |reach: &Reach| rank[reach.point as usize];
        let nearest = nearest.flatten().reduce_with(|x, y| {
            if x.1.height.total_cmp(&y.1.height).then(key(&x.1).cmp(&key(&y.1))).is_le() { x } else { y }
        });
        let Some((at, Reach { point, source, height })) = nearest else { break };
        meter.advance((outside.len() * dimensions) as u64)?;
        outside.swap_remove(at);
        edges.push(Edge { a: source, b: point, height });
        newest = point;
    }
    Ok(SpanningTree::sorted(samples, edges))
}

/// Lets `newest` reach for the points of `outside`; returns the nearest of them and where it stands.
fn nearest_outside(
    graph: &MutualReachability<'_>,
    newest: u32,
    outside: &mut [Reach],
    rank: &[u32],
) -> Option<(usize, Reach)> {
    let mut nearest: Option<(usize, Reach)> = None;
    for (at, reach) in outside.iter_mut().enumerate() {
        let height = graph.height(newest as usize, reach.point as usize);
        if height < reach.height {
            *reach = Reach { point: reach.point, source: newest, height };
        }
        let nearer = nearest.is_none_or(|(_, best)| {
            let by_rank = || rank[reach.point as usize].cmp(&rank[best.point as usize]);
            reach.height.total_cmp(&best.height).then_with(by_rank).is_lt()
        });
        if nearer {
            nearest = Some((at, *reach));
        }
    }
    nearest
}
