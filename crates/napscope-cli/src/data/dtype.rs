//! Element types of arrays, and what their bytes become.
//!
//! Numbers reach the network and the sketches as f32. f16, bf16 and f32 do so exactly; f64 and integers are rounded to the
//! nearest f32 (integers are exact up to 2^24 in size), as PyTorch's `.float()` and NumPy's `.astype(np.float32)` do. A finite
//! number that would become infinite is an error. NaN and infinity pass: they stop at `Features`, which can name the layer.

use half::{bf16, f16};
use std::fmt;

/// The type of an array's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DType {
    /// True or false, one byte.
    Bool,
    /// 8-bit signed integer.
    I8,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 8-bit unsigned integer.
    U8,
    /// 16-bit unsigned integer.
    U16,
    /// 32-bit unsigned integer.
    U32,
    /// 64-bit unsigned integer.
    U64,
    /// Half precision.
    F16,
    /// Brain float: f32 cut to its upper 16 bits.
    Bf16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// NumPy's `S`: byte strings of this many bytes, padded with NUL.
    Bytes(usize),
    /// NumPy's `U`: strings of this many UTF-32 code units, padded with NUL.
    Unicode(usize),
    /// Pickled Python objects: never read.
    Object,
    /// Anything else, as the file writes it (complex, structured, datetime, 8-bit floats …): not read.
    Other(String),
}

/// What an element type is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Floating point.
    Float,
    /// Integer or bool.
    Int,
    /// Text.
    Text,
    /// Not read by napscope.
    Refused,
}

impl DType {
    /// Bytes of one element; 0 for types that are not read.
    pub fn size(&self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 | DType::Bf16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
            DType::Bytes(length) => *length,
            DType::Unicode(length) => 4 * length,
            DType::Object | DType::Other(_) => 0,
        }
    }

    /// What the type is good for.
    pub fn kind(&self) -> Kind {
        match self {
            DType::F16 | DType::Bf16 | DType::F32 | DType::F64 => Kind::Float,
            DType::Bytes(_) | DType::Unicode(_) => Kind::Text,
            DType::Object | DType::Other(_) => Kind::Refused,
            _ => Kind::Int,
        }
    }

    /// Bytes that are swapped together in a big-endian file.
    pub(crate) fn word(&self) -> usize {
        match self {
            DType::Bytes(_) => 1,
            DType::Unicode(_) => 4,
            other => other.size().max(1),
        }
    }

    /// Little-endian `bytes` as f32.
    ///
    /// # Errors
    /// The index of the first element that is finite and too large for an f32.
    pub(crate) fn to_f32(&self, bytes: &[u8]) -> Result<Vec<f32>, usize> {
        Ok(match self {
            DType::Bool => words(bytes, |[byte]| f32::from(u8::from(byte != 0))),
            DType::I8 => words(bytes, |word| f32::from(i8::from_le_bytes(word))),
            DType::I16 => words(bytes, |word| f32::from(i16::from_le_bytes(word))),
            DType::I32 => words(bytes, |word| i32::from_le_bytes(word) as f32),
            DType::I64 => words(bytes, |word| i64::from_le_bytes(word) as f32),
            DType::U8 => words(bytes, |[byte]| f32::from(byte)),
            DType::U16 => words(bytes, |word| f32::from(u16::from_le_bytes(word))),
            DType::U32 => words(bytes, |word| u32::from_le_bytes(word) as f32),
            DType::U64 => words(bytes, |word| u64::from_le_bytes(word) as f32),
            DType::F16 => words(bytes, |word| f16::from_le_bytes(word).to_f32()),
            DType::Bf16 => words(bytes, |word| bf16::from_le_bytes(word).to_f32()),
            DType::F32 => words(bytes, f32::from_le_bytes),
            DType::F64 => {
                let wide = Self::to_f64(bytes);
                let narrow: Vec<f32> = wide.iter().map(|value| *value as f32).collect();
                match wide.iter().zip(&narrow).position(|(wide, narrow)| wide.is_finite() && !narrow.is_finite()) {
                    Some(at) => return Err(at),
                    None => narrow,
                }
            }
            DType::Bytes(_) | DType::Unicode(_) | DType::Object | DType::Other(_) => Vec::new(),
        })
    }

    /// Little-endian `bytes` of doubles.
    pub(crate) fn to_f64(bytes: &[u8]) -> Vec<f64> {
        words(bytes, f64::from_le_bytes)
    }

    /// Little-endian `bytes` of an integer or bool type as i64.
    ///
    /// # Errors
    /// The index of the first element that is beyond the range of i64.
    pub(crate) fn to_i64(&self, bytes: &[u8]) -> Result<Vec<i64>, usize> {
        Ok(match self {
            DType::Bool => words(bytes, |[byte]| i64::from(byte != 0)),
            DType::I8 => words(bytes, |word| i64::from(i8::from_le_bytes(word))),
            DType::I16 => words(bytes, |word| i64::from(i16::from_le_bytes(word))),
            DType::I32 => words(bytes, |word| i64::from(i32::from_le_bytes(word))),
            DType::I64 => words(bytes, i64::from_le_bytes),
            DType::U8 => words(bytes, |[byte]| i64::from(byte)),
            DType::U16 => words(bytes, |word| i64::from(u16::from_le_bytes(word))),
            DType::U32 => words(bytes, |word| i64::from(u32::from_le_bytes(word))),
            DType::U64 => {
                let wide = words(bytes, u64::from_le_bytes);
                match wide.iter().position(|value| i64::try_from(*value).is_err()) {
                    Some(at) => return Err(at),
                    None => wide.into_iter().map(|value| value as i64).collect(),
                }
            }
            _ => Vec::new(),
        })
    }

    /// Little-endian `bytes` of a text type as strings, without their padding.
    ///
    /// # Errors
    /// The index of the first element that is no valid Unicode text.
    pub(crate) fn to_text(&self, bytes: &[u8], count: usize) -> Result<Vec<String>, usize> {
        let size = self.size();
        (0..count)
            .map(|index| {
                let element = bytes.get(index * size..(index + 1) * size).ok_or(index)?;
                match self {
                    DType::Bytes(_) => {
                        let length = element.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                        std::str::from_utf8(&element[..length]).map(str::to_owned).map_err(|_| index)
                    }
                    _ => {
                        let units = words(element, u32::from_le_bytes);
                        let length = units.iter().rposition(|unit| *unit != 0).map_or(0, |last| last + 1);
                        units[..length].iter().map(|unit| char::from_u32(*unit).ok_or(index)).collect()
                    }
                }
            })
            .collect()
    }
}

fn words<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|word| convert(*word)).collect()
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::Bf16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::Bytes(length) => return write!(f, "bytes[{length}]"),
            DType::Unicode(length) => return write!(f, "str[{length}]"),
            DType::Object => "object",
            DType::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_f32_by_rounding_to_the_nearest() {
        let cases: [(DType, Vec<u8>, f32); 9] = [
            (DType::Bool, vec![7], 1.0),
            (DType::I8, vec![0x80], -128.0),
            (DType::U16, vec![0xff, 0xff], 65535.0),
            (DType::I32, 16_777_217_i32.to_le_bytes().to_vec(), 16_777_216.0),
            (DType::I64, i64::MIN.to_le_bytes().to_vec(), -9.223_372e18),
            (DType::U64, u64::MAX.to_le_bytes().to_vec(), 1.844_674_4e19),
            (DType::F16, vec![0x00, 0x3c], 1.0),
            (DType::Bf16, vec![0x80, 0x3f], 1.0),
            (DType::F64, 0.1_f64.to_le_bytes().to_vec(), 0.1),
        ];
        for (dtype, bytes, expected) in cases {
            assert_eq!(dtype.to_f32(&bytes), Ok(vec![expected]), "{dtype}");
        }
    }

    #[test]
    fn overflow_is_told_apart_from_infinity() {
        let bytes = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(DType::F64.to_f32(&bytes(&[1.0, 1e300])), Err(1), "finite, but not as an f32");
        let passed = DType::F64.to_f32(&bytes(&[f64::INFINITY, f64::NAN])).expect("both are f32 values too");
        assert!(passed[0].is_infinite() && passed[1].is_nan());
    }

    #[test]
    fn integers_beyond_i64_are_found() {
        let bytes: Vec<u8> = [1_u64, u64::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(DType::U64.to_i64(&bytes), Err(1));
        assert_eq!(DType::U64.to_i64(&bytes[..8]), Ok(vec![1]));
    }

    #[test]
    fn text_loses_its_padding_and_nothing_else() {
        assert_eq!(DType::Bytes(3).to_text(b"ab\0\0\0\0a\0b", 3), Ok(vec!["ab".into(), String::new(), "a\0b".into()]));
        assert_eq!(DType::Bytes(1).to_text(b"\xff", 1), Err(0), "no UTF-8");
        let units = |text: &[u32]| text.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(DType::Unicode(2).to_text(&units(&[0x1f600, 0]), 1), Ok(vec!["😀".into()]));
        assert_eq!(DType::Unicode(1).to_text(&units(&[0xd800]), 1), Err(0), "a lone surrogate");
        assert_eq!(DType::Unicode(0).to_text(&[], 2), Ok(vec![String::new(), String::new()]));
    }
}
