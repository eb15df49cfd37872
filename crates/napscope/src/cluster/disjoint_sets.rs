//! Which samples are together: union-find by size.

/// Disjoint sets of the numbers 0 … n − 1.
pub(super) struct DisjointSets {
    parent: Vec<u32>,
    sizes: Vec<u32>,
}

impl DisjointSets {
    /// `samples` sets of one.
    pub(super) fn new(samples: usize) -> Self {
        DisjointSets { parent: (0..samples as u32).collect(), sizes: vec![1; samples] }
    }

    /// The number that stands for the set of `sample`.
    pub(super) fn find(&mut self, mut sample: u32) -> u32 {
        while self.parent[sample as usize] != sample {
            let grandparent = self.parent[self.parent[sample as usize] as usize];
            self.parent[sample as usize] = grandparent;
            sample = grandparent;
        }
        sample
    }

    /// Unites the sets of `a` and `b`; false if they were one already.
    pub(super) fn union(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return false;
        }
        let (large, small) = if self.sizes[a as usize] >= self.sizes[b as usize] { (a, b) } else { (b, a) };
        self.parent[small as usize] = large;
        self.sizes[large as usize] += self.sizes[small as usize];
        true
    }
}
