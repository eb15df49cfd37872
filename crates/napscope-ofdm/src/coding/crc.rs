//! Cyclic redundancy checks of TS 38.212, 5.1, bit by bit: the first bit of a sequence is the highest power.

/// A generator polynomial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crc {
    /// Number of check bits.
    pub(super) length: usize,
    /// The polynomial without its highest power.
    polynomial: u32,
}

/// For transport blocks of more than 3824 bits.
pub(super) const CRC24A: Crc = Crc { length: 24, polynomial: 0x86_4cfb };

/// For code blocks.
pub(super) const CRC24B: Crc = Crc { length: 24, polynomial: 0x80_0063 };

/// For short transport blocks.
pub(super) const CRC16: Crc = Crc { length: 16, polynomial: 0x1021 };

impl Crc {
    /// The remainder of `bits`.
    fn remainder(self, bits: &[u8]) -> u32 {
        let top = self.length - 1;
        let mask = (1 << self.length) - 1;
        bits.iter().fold(0, |remainder, &bit| {
            let feedback = (remainder >> top) & 1 ^ u32::from(bit);
            ((remainder << 1) & mask) ^ if feedback == 1 { self.polynomial } else { 0 }
        })
    }

    /// Appends the check bits of `bits` from `first` on.
    pub(super) fn attach(self, bits: &mut Vec<u8>, first: usize) {
        let remainder = self.remainder(&bits[first..]);
        bits.extend((0..self.length).rev().map(|place| (remainder >> place & 1) as u8));
    }

    /// Whether `bits` end with their check bits.
    pub(super) fn holds(self, bits: &[u8]) -> bool {
        self.remainder(bits) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_those_of_the_catalogue() {
        // "123456789" in ASCII, from the catalogue of parametrised CRC algorithms: CRC-24/LTE-A, CRC-24/LTE-B, CRC-16/XMODEM.
        let bits: Vec<u8> = b"123456789".iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1)).collect();
        for (crc, expected) in [(CRC24A, 0xcd_e703), (CRC24B, 0x23_ef52), (CRC16, 0x31c3)] {
            assert_eq!(crc.remainder(&bits), expected, "{crc:?}");
            let mut checked = bits.clone();
            crc.attach(&mut checked, 0);
            assert!(crc.holds(&checked), "{crc:?} holds what it attached");
            checked[17] ^= 1;
            assert!(!crc.holds(&checked), "{crc:?} finds a flipped bit");
        }
    }
}
