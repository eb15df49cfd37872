//! Edges that make one tree of a forest: not the lowest there are, but low.
//!
//! For every tree of the forest one point speaks, the one with the smallest core distance. A spanning tree of the speakers
//! says which trees to join; each joint is then moved to nearer points on both sides.

use super::super::disjoint_sets::DisjointSets;
use super::forest::thin_out;
use super::{Edge, MutualReachability};
use crate::distance::Points;
use crate::error::Result;
use crate::neighbors::self_neighbors;
use crate::progress::unwatched;
use std::collections::BTreeMap;

/// So many speakers are compared each with each; among more, each with its nearest.
const FEW: usize = 512;
const NEAREST: usize = 8;
/// Points of a tree that are looked at for a nearer joint.
const LOOK_AT: usize = 1024;

/// Edges between vertices that join the sets `together`.
///
/// # Errors
/// None that better data would mend.
pub(super) fn join_trees(
    graph: &MutualReachability<'_>,
    content: &[u32],
    together: &mut DisjointSets,
) -> Result<Vec<Edge>> {
    let height = |a: u32, b: u32| graph.height(content[a as usize] as usize, content[b as usize] as usize);
    let core = |vertex: u32| graph.core[content[vertex as usize] as usize];
    let mut bridges = Vec::new();
    loop {
        let trees = trees(content.len(), together);
        if trees.len() < 2 {
            return Ok(bridges);
        }
        let speaker =
            |tree: &Vec<u32>| tree.iter().copied().min_by(|&x, &y| core(x).total_cmp(&core(y)).then(x.cmp(&y)));
        let speakers: Vec<u32> = trees.iter().filter_map(speaker).collect();
        let joint =
            |(x, y): (u32, u32)| Edge { a: x, b: y, height: height(speakers[x as usize], speakers[y as usize]) };
        let mut joints: Vec<Edge> = near_pairs(graph.points, content, &speakers)?.into_iter().map(joint).collect();
        thin_out(speakers.len(), &mut joints);
        let nearest_in = |tree: &[u32], to: u32, start: u32| {
            let others = tree.iter().copied().step_by(tree.len().div_ceil(LOOK_AT));
            let heights = others.chain([start]).map(|vertex| (height(vertex, to), vertex));
            heights.min_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1))).map_or(start, |(_, vertex)| vertex)
        };
        for Edge { a: x, b: y, .. } in joints {
            let (a, b) = (speakers[x as usize], speakers[y as usize]);
            let b = nearest_in(&trees[y as usize], a, b);
            let a = nearest_in(&trees[x as usize], b, a);
            together.union(a, b);
            bridges.push(Edge { a, b, height: height(a, b) });
        }
    }
}

fn trees(vertices: usize, together: &mut DisjointSets) -> Vec<Vec<u32>> {
    let mut trees: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for vertex in 0..vertices as u32 {
        trees.entry(together.find(vertex)).or_default().push(vertex);
    }
    trees.into_values().collect()
}

/// Pairs of speakers, by their places in the list, that join all or at least half of them.
fn near_pairs(points: &Points, content: &[u32], speakers: &[u32]) -> Result<Vec<(u32, u32)>> {
    let count = speakers.len() as u32;
    if speakers.len() <= FEW {
        return Ok((0..count).flat_map(|x| (0..x).map(move |y| (x, y))).collect());
    }
    let row = |&vertex: &u32| points.row(content[vertex as usize] as usize);
    let values = speakers.iter().flat_map(row).copied().collect();
    let speaking = Points::new(values, points.dimensions(), points.geometry().clone(), points.rescale());
    let near = self_neighbors(&speaking, NEAREST, &unwatched)?;
    Ok((0..count).flat_map(|x| near.indices(x as usize).iter().map(move |&y| (x, y))).collect())
}
