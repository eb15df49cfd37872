//! The clusters of the hierarchy at one `min_cluster_size` after the other, each read off those of the size before.
//!
//! Where the size rises, clusters that have become too small fall out of their parents as their samples would, a parent with
//! one large child left goes on as that child, and a leaf ends where what is left of it becomes too small. So going up
//! through all sizes takes a few times the number of clusters at the smallest, and looks at the samples once.

use super::super::condensed_tree::{Cluster, CondensedTree};
use super::{Hdbscan, Method, Selected, select_by};

/// Sizes in an octave of the scan.
const SIZES_PER_OCTAVE: f64 = 4.0;

/// The tree at the smallest size, ready to tell how its clusters end at larger ones.
pub(super) struct Scan<'a> {
    tree: &'a CondensedTree,
    clusters: Vec<Cluster>,
    /// Where the rows of each cluster start; one more than clusters.
    starts: Vec<usize>,
    /// Samples in the cluster before each row leaves.
    left: Vec<u32>,
    /// Excess of mass of the rows of the same cluster before each one.
    mass: Vec<f64>,
    /// Excess of mass of all that each cluster lies in.
    around: Vec<f64>,
}

/// The clusters at one size.
pub(super) struct Step {
    pub(super) min_cluster_size: usize,
    /// As those of a tree condensed to that size; only the sums in `stability` are taken in another order.
    pub(super) clusters: Vec<Cluster>,
    /// The one of `clusters` that each cluster of the size before is in.
    pub(super) home: Vec<usize>,
    /// What each cluster is made of.
    chains: Vec<Chain>,
}

/// Clusters of the smallest size that go on as each other: the first of them and the last.
#[derive(Clone, Copy)]
struct Chain {
    first: usize,
    last: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(tree: &'a CondensedTree) -> Self {
        let clusters = tree.clusters();
        let rows = tree.rows();
        let mut starts = vec![0; clusters.len() + 1];
        let (mut left, mut mass) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let mut at = 0;
        for (index, cluster) in clusters.iter().enumerate() {
            let (mut samples, mut sum) = (cluster.size, 0.0);
            while at < rows.len() && tree.parent(&rows[at]) == index {
                left.push(samples);
                mass.push(sum);
                samples -= rows[at].child_size;
                sum += excess(rows[at].lambda, cluster.birth, rows[at].child_size);
                at += 1;
            }
            starts[index + 1] = at;
        }
        let mut around = vec![0.0; clusters.len()];
        for index in 1..clusters.len() {
            let parent = clusters[index].parent;
            around[index] = around[parent] + clusters[parent].stability;
        }
        Scan { tree, clusters, starts, left, mass, around }
    }

    /// Every size from `min_cluster_size`, that of the tree, up by a quarter of an octave, until nothing splits any more.
    pub(super) fn steps(&self, min_cluster_size: usize) -> impl Iterator<Item = Step> {
        let count = self.clusters.len();
        let chains = (0..count).map(|index| Chain { first: index, last: index }).collect();
        let first = Step { min_cluster_size, clusters: self.clusters.clone(), home: (0..count).collect(), chains };
        std::iter::successors(Some(first), |step| {
            let next = (step.min_cluster_size as f64 * (1.0 / SIZES_PER_OCTAVE).exp2()).round() as usize;
            (step.clusters.len() > 1).then(|| self.grow(step, next.max(step.min_cluster_size + 1)))
        })
    }

    /// The clusters at `min_cluster_size`, from those at a smaller size.
    fn grow(&self, before: &Step, min_cluster_size: usize) -> Step {
        let is_large = |cluster: &Cluster| cluster.size as usize >= min_cluster_size;
        let mut large_children = vec![0u32; before.clusters.len()];
        for cluster in &before.clusters[1..] {
            large_children[cluster.parent] += u32::from(is_large(cluster));
        }
        let mut clusters = vec![Cluster { is_leaf: true, ..before.clusters[0] }];
        let mut chains = vec![before.chains[0]];
        let mut home = vec![0; before.clusters.len()];
        for (index, cluster) in before.clusters.iter().enumerate().skip(1) {
            let around = home[cluster.parent];
            home[index] = around;
            let chain = before.chains[index];
            if is_large(cluster) && large_children[cluster.parent] > 1 {
                home[index] = clusters.len();
                clusters[around].is_leaf = false;
                clusters.push(Cluster { parent: around, is_leaf: true, ..*cluster });
                chains.push(chain);
            } else if is_large(cluster) {
                chains[around].last = chain.last;
            }
        }
        for (cluster, chain) in clusters.iter_mut().zip(&mut chains) {
            while (self.clusters[chain.last].size as usize) < min_cluster_size {
                chain.last = self.clusters[chain.last].parent;
            }
            let (death, mass) = self.end(chain.last, min_cluster_size);
            cluster.death = death;
            cluster.stability = self.around[chain.last] - self.around[chain.first] + mass;
        }
        Step { min_cluster_size, clusters, home, chains }
    }

    /// λ at which less than `min_cluster_size` samples are left of a cluster of the smallest size, and its excess of mass when
    /// they leave with it there.
    fn end(&self, cluster: usize, min_cluster_size: usize) -> (f64, f64) {
        let (start, end) = (self.starts[cluster], self.starts[cluster + 1]);
        let staying = self.left[start..end].partition_point(|left| *left as usize >= min_cluster_size);
        let last = start + staying - 1;
        let death = self.tree.rows()[last].lambda;
        (death, self.mass[last] + excess(death, self.clusters[cluster].birth, self.left[last]))
    }
}

/// Excess of mass of samples that leave at `lambda`.
fn excess(lambda: f64, birth: f64, samples: u32) -> f64 {
    if lambda > birth { (lambda - birth) * f64::from(samples) } else { 0.0 }
}

impl Step {
    /// What `method` chooses at this size.
    pub(super) fn select(&self, method: Method, parameters: &Hdbscan) -> Selected {
        select_by(method, &self.clusters, &parameters.settled(self.min_cluster_size, method))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Edge, LinkageTree, SpanningTree};

    /// A hierarchy of 3,000 samples with splits of all sizes, and some of three parts.
    fn linkage() -> LinkageTree {
        let (n, mut state) = (3000u32, 1u64);
        let mut draw = |below: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) % u64::from(below)) as u32
        };
        let edges = (1..n).map(|b| Edge { a: draw(b), b, height: f64::from(1 + draw(1000)) / 1000.0 }).collect();
        let tree = SpanningTree::new(n as usize, edges).expect("every sample hangs on an earlier one");
        LinkageTree::new(&tree, &(0..n).collect::<Vec<u32>>()).expect("one rank a sample")
    }

    #[test]
    fn a_step_finds_what_condensing_finds() {
        let linkage = linkage();
        let condensed = |size| linkage.condense(size).expect("a valid size").clusters();
        let smallest = linkage.condense(2).expect("a valid size");
        let mut sizes = 0;
        for step in Scan::new(&smallest).steps(2) {
            let mut expected = condensed(step.min_cluster_size);
            let mut found = step.clusters;
            assert_eq!(found.len(), expected.len(), "size {}", step.min_cluster_size);
            let parents = |clusters: &[Cluster]| clusters.iter().map(|c| clusters[c.parent].size).collect::<Vec<_>>();
            let key = |c: &Cluster, parent: u32| {
                (c.birth.to_bits(), c.size, c.top.to_bits(), c.death.to_bits(), parent, c.is_leaf)
            };
            let keys = |clusters: &[Cluster]| {
                let mut keys: Vec<_> =
                    clusters.iter().zip(parents(clusters)).map(|(c, parent)| key(c, parent)).collect();
                keys.sort_unstable();
                keys
            };
            assert!(keys(&found) == keys(&expected), "size {}", step.min_cluster_size);
            let by_mass = |x: &Cluster, y: &Cluster| x.stability.total_cmp(&y.stability);
            found.sort_by(by_mass);
            expected.sort_by(by_mass);
            for (found, expected) in found.iter().zip(&expected) {
                let error = (found.stability - expected.stability).abs();
                assert!(error <= 1e-9 * expected.stability, "size {}: excess of mass", step.min_cluster_size);
            }
            sizes += 1;
        }
        assert!(sizes > 10, "the hierarchy has clusters of many sizes, got {sizes}");
    }
}
