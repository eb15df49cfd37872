//! A selection of samples as a bit a sample, lowest bit of the first byte first: what the page sends.

use super::refusal::Refusal;

/// The samples that are in and those that are out, in rising order.
pub(super) struct Selection {
    bits: Vec<u8>,
    samples: usize,
}

impl Selection {
    /// Reads the bits of `samples` samples.
    pub(super) fn new(bits: &[u8], samples: usize) -> Result<Self, Refusal> {
        let expected = samples.div_ceil(8);
        if bits.len() != expected {
            let message = format!("a selection of {samples} samples takes {expected} bytes, got {}", bits.len());
            return Err(Refusal::bad(message));
        }
        let stray = !samples.is_multiple_of(8) && bits.last().is_some_and(|last| last >> (samples % 8) != 0);
        match stray {
            true => Err(Refusal::bad("the selection has bits behind the last sample")),
            false => Ok(Selection { bits: bits.to_vec(), samples }),
        }
    }

    pub(super) fn has(&self, sample: usize) -> bool {
        (self.bits[sample / 8] >> (sample % 8)) & 1 == 1
    }

    /// The selected samples.
    pub(super) fn inside(&self) -> Vec<usize> {
        (0..self.samples).filter(|&sample| self.has(sample)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_count_from_the_lowest() {
        let selection = Selection::new(&[0b1000_0001, 0b10], 10).expect("two bytes");
        assert_eq!(selection.inside(), [0, 7, 9]);
        for (bits, samples) in [(&[0u8, 0, 0][..], 10), (&[0][..], 10), (&[0, 0b100][..], 10), (&[1][..], 0)] {
            assert!(Selection::new(bits, samples).is_err(), "{bits:?} for {samples}");
        }
    }
}
