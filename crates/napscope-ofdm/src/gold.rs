//! The pseudo-random sequence of TS 38.211, 5.2.1: a Gold sequence of length 31, from which DMRS and scrambling come.

/// Generator of the sequence c(n) that starts from `c_init`.
#[derive(Debug, Clone)]
pub(crate) struct GoldSequence {
    x1: u32,
    x2: u32,
}

impl GoldSequence {
    /// The sequence of `c_init` (its low 31 bits).
    pub(crate) fn new(c_init: u32) -> Self {
        let mut sequence = GoldSequence { x1: 1, x2: c_init & 0x7fff_ffff };
        // N_C = 1600 steps stand between the initial state and c(0).
        for _ in 0..1600 {
            sequence.step();
        }
        sequence
    }

    /// Returns the next bit, 0 or 1. Bit i of a register holds x(n + i).
    fn step(&mut self) -> u8 {
        let bit = ((self.x1 ^ self.x2) & 1) as u8;
        let feedback1 = (self.x1 ^ (self.x1 >> 3)) & 1;
        let feedback2 = (self.x2 ^ (self.x2 >> 1) ^ (self.x2 >> 2) ^ (self.x2 >> 3)) & 1;
        self.x1 = (self.x1 >> 1) | (feedback1 << 30);
        self.x2 = (self.x2 >> 1) | (feedback2 << 30);
        bit
    }
}

impl Iterator for GoldSequence {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        Some(self.step())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_balanced_and_uncorrelated_with_its_shifts() {
        let c: Vec<f64> = GoldSequence::new(12_345).take(40_000).map(|bit| 1.0 - 2.0 * f64::from(bit)).collect();
        for shift in [0, 1, 2, 7, 31] {
            let n = c.len() - shift;
            let correlation = (0..n).map(|i| if shift == 0 { c[i] } else { c[i] * c[i + shift] }).sum::<f64>();
            assert!(correlation.abs() < 5.0 * (n as f64).sqrt(), "shift {shift}: {correlation}");
        }
    }
}
