//! How wrong logits are: binary cross-entropy over the bits that were sent, its gradient, and errors by SNR.

use crate::data::Batch;

/// Edges of the SNR ranges in which errors are counted (dB).
pub const SNR_EDGES_DB: [f64; 7] = [-4.0, 2.0, 8.0, 14.0, 20.0, 26.0, 32.0];

/// Ranges between these edges; what lies outside counts for the outermost.
pub const SNR_RANGES: usize = SNR_EDGES_DB.len() - 1;

/// Loss and errors of some bits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Σ of the cross-entropy (nats).
    pub loss: f64,
    /// Bits.
    pub bits: u64,
    /// Wrong bits and bits in each range of SNR.
    pub by_snr: [(u64, u64); SNR_RANGES],
}

impl Score {
    /// Adds another score.
    pub fn add(&mut self, other: &Score) {
        self.loss += other.loss;
        self.bits += other.bits;
        for (mine, other) in self.by_snr.iter_mut().zip(other.by_snr) {
            mine.0 += other.0;
            mine.1 += other.1;
        }
    }

    /// Cross-entropy a bit (nats).
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.bits as f64
    }

    /// Error rate in each range of SNR; NaN where there were no bits.
    pub fn error_rates(&self) -> [f64; SNR_RANGES] {
        self.by_snr.map(|(errors, bits)| errors as f64 / bits as f64)
    }
}

/// The range of SNR that `snr_db` counts for.
pub fn snr_range(snr_db: f64) -> usize {
    SNR_EDGES_DB[1..SNR_RANGES].iter().filter(|&&edge| snr_db >= edge).count()
}

/// The score of `logits`, and the gradient of `scale` times the loss where one is asked for.
///
/// # Shapes
/// `logits`, gradient: `[num_bits, planes]`
pub fn score(logits: &[f32], batch: &Batch, scale: f64, mut gradient: Option<&mut Vec<f32>>) -> Score {
    let mut score = Score::default();
    if let Some(gradient) = gradient.as_deref_mut() {
        gradient.clear();
        gradient.resize(logits.len(), 0.0);
    }
    let (len, size) = (batch.planes.num_elements(), batch.planes.size());
    for (place, (&logit, &bit)) in logits.iter().zip(&batch.bits).enumerate() {
        if bit < 0 {
            continue;
        }
        let (logit, bit) = (f64::from(logit), f64::from(bit));
        // ln(1 + e^z) - b z, without overflow.
        score.loss += logit.max(0.0) - bit * logit + (-logit.abs()).exp().ln_1p();
        score.bits += 1;
        let range = &mut score.by_snr[snr_range(batch.snr_db[place % len / size])];
        range.0 += u64::from((logit > 0.0) != (bit > 0.0));
        range.1 += 1;
        if let Some(gradient) = gradient.as_deref_mut() {
            gradient[place] = (scale * (1.0 / (1.0 + (-logit).exp()) - bit)) as f32;
        }
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depthwise::Planes;

    #[test]
    fn the_gradient_is_that_of_the_loss_and_masked_bits_count_for_nothing() {
        let planes = Planes { count: 2, height: 1, width: 3 };
        let batch = Batch { planes, columns: vec![], bits: vec![1, 0, -1, 1, 0, 0], snr_db: vec![-9.0, 40.0] };
        let logits = vec![2.0, 0.5, 3.0, -1.0, -80.0, 90.0];
        let mut gradient = Vec::new();
        let found = score(&logits, &batch, 1.0, Some(&mut gradient));
        assert_eq!(found.bits, 5);
        assert_eq!(found.by_snr[0], (1, 2), "the slot at -9 dB: a one and a zero, of which the zero is wrong");
        assert_eq!(found.by_snr[SNR_RANGES - 1], (2, 3), "the slot at 40 dB");
        for i in 0..logits.len() {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[i] += by;
                score(&logits, &batch, 1.0, None).loss
            };
            let slope = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!((f64::from(gradient[i]) - slope).abs() < 1e-3, "logit {i}: {}, expected {slope}", gradient[i]);
        }
    }
}
