//! Numbers by seed: the same data for every run and every peer.

/// SplitMix64 with uniform and normal numbers.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of mean 0 and variance 1.
    pub(crate) fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.uniform()).ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }
}

/// `clusters` Gaussian groups of different spread in `d` dimensions, and one sample in ten anywhere among them.
pub(crate) fn mixture(samples: usize, d: usize, clusters: usize, random: &mut Random) -> Vec<f32> {
    let centers: Vec<f64> = (0..clusters * d).map(|_| 2.0 * random.normal()).collect();
    let mut values = Vec::with_capacity(samples * d);
    for _ in 0..samples {
        let cluster = (random.uniform() * clusters as f64) as usize;
        let spread = 0.1 + 0.3 * (cluster % 7) as f64 / 7.0;
        let stray = random.uniform() < 0.1;
        for k in 0..d {
            let at = if stray { 2.0 * random.normal() } else { centers[cluster * d + k] + spread * random.normal() };
            values.push(at as f32);
        }
    }
    values
}
