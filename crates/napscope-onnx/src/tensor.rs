//! The tensors that go into a network, and the element types a network can declare.

use napscope::{Error, ErrorKind, Result};
use serde::{Serialize, Serializer};
use std::fmt;

/// An element type of ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum DataType {
    Float32,
    Float64,
    Float16,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Bool,
    /// Any other (text, complex, sequences, 4- and 8-bit floats), by its ONNX code; 0 is unknown.
    Other(i32),
}

impl DataType {
    /// By the code of `onnx.TensorProto.DataType`.
    pub(crate) fn from_onnx(code: i32) -> DataType {
        match code {
            1 => DataType::Float32,
            2 => DataType::Uint8,
            3 => DataType::Int8,
            4 => DataType::Uint16,
            5 => DataType::Int16,
            6 => DataType::Int32,
            7 => DataType::Int64,
            9 => DataType::Bool,
            10 => DataType::Float16,
            11 => DataType::Float64,
            12 => DataType::Uint32,
            13 => DataType::Uint64,
            other => DataType::Other(other),
        }
    }

    /// True for the floating-point types that can be tapped.
    pub fn is_float(self) -> bool {
        matches!(self, DataType::Float32 | DataType::Float64 | DataType::Float16)
    }

    /// The integers this type can hold; `None` where it holds none or is no integer type.
    fn integers(self) -> Option<(i64, i64)> {
        Some(match self {
            DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
            DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
            DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
            DataType::Int64 => (i64::MIN, i64::MAX),
            DataType::Uint8 => (0, u8::MAX.into()),
            DataType::Uint16 => (0, u16::MAX.into()),
            DataType::Uint32 => (0, u32::MAX.into()),
            DataType::Uint64 => (0, i64::MAX),
            DataType::Bool => (0, 1),
            _ => return None,
        })
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Other(code) => write!(f, "ONNX type {code}"),
            named => f.write_str(&format!("{named:?}").to_lowercase()),
        }
    }
}

impl Serialize for DataType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The values of one input for some samples, in one of the three classes that never mix silently. Within a class the
/// width is free: what the model declares is made of it (float32 and float16 of floats, int32 and uint8 of integers …).
#[derive(Debug, Clone, PartialEq)]
pub enum InputData {
    /// Floating-point numbers.
    Float(Vec<f32>),
    /// Integers.
    Integer(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl InputData {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            InputData::Float(values) => values.len(),
            InputData::Integer(values) => values.len(),
            InputData::Bool(values) => values.len(),
        }
    }

    /// True where there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What kind of numbers these are, in words.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            InputData::Float(_) => "floating-point numbers",
            InputData::Integer(_) => "integers",
            InputData::Bool(_) => "truth values",
        }
    }

    /// `values` copied `range` by `range`, in that order.
    fn gather(&self, ranges: impl Iterator<Item = std::ops::Range<usize>>) -> InputData {
        match self {
            InputData::Float(values) => InputData::Float(ranges.flat_map(|range| &values[range]).copied().collect()),
            InputData::Integer(values) => {
                InputData::Integer(ranges.flat_map(|range| &values[range]).copied().collect())
            }
            InputData::Bool(values) => InputData::Bool(ranges.flat_map(|range| &values[range]).copied().collect()),
        }
    }
}

/// One input for some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct InputTensor {
    shape: Vec<usize>,
    data: InputData,
}

impl InputTensor {
    /// Values of shape `shape`, C order; the first axis counts the samples.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when `data` has another number of values, or there is no first axis.
    pub fn new(shape: Vec<usize>, data: InputData) -> Result<InputTensor> {
        let len = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if shape.is_empty() || len != Some(data.len()) {
            return Err(Error::shape("a model's input", shape, [data.len()]).hint("its first axis counts the samples"));
        }
        Ok(InputTensor { shape, data })
    }

    /// Its shape, samples first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its values, C order.
    pub fn data(&self) -> &InputData {
        &self.data
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.shape[0]
    }

    /// The samples `first .. first + count`; where there are fewer, the last one stands in for the missing ones.
    pub(crate) fn padded(&self, first: usize, count: usize) -> InputTensor {
        let len = self.data.len() / self.samples().max(1);
        let rows = (first..first + count).map(|row| row.min(self.samples().saturating_sub(1)));
        let data = self.data.gather(rows.map(|row| row * len..(row + 1) * len));
        let shape = [&[count], &self.shape[1..]].concat();
        InputTensor { shape, data }
    }

    /// Says whether a model's input of type `declared` takes these values.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] naming both types.
    pub(crate) fn check_type(&self, input: &str, declared: DataType) -> Result<()> {
        let mismatch = |hint: String| {
            Err(Error::new(
                ErrorKind::Source,
                format!("the model's input `{input}` is {declared}, the data are {}", self.data.class()),
            )
            .hint(hint))
        };
        match (&self.data, declared.integers()) {
            (InputData::Float(_), _) if declared.is_float() => Ok(()),
            (InputData::Float(_), _) => mismatch(format!("store the array as {declared}")),
            (_, None) if declared.is_float() => {
                mismatch(format!("store the array as {declared}, scaled as it was in training (often: divided by 255)"))
            }
            (_, None) => mismatch("no data of this program fit such an input".into()),
            (InputData::Bool(_), Some(_)) => Ok(()),
            (InputData::Integer(values), Some((low, high))) => {
                match values.iter().find(|&&value| value < low || value > high) {
                    Some(value) => Err(Error::new(
                        ErrorKind::Source,
                        format!("the model's input `{input}` is {declared}, the data hold {value}"),
                    )
                    .hint(format!("values must lie in {low} to {high}"))),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_do_not_fit_name_both() {
        let floats = || InputData::Float(vec![0.5]);
        let integers = |value| InputData::Integer(vec![value]);
        for (data, declared, expected) in [
            (floats(), DataType::Float16, Ok(())),
            (floats(), DataType::Int64, Err("is int64, the data are floating-point numbers")),
            (integers(3), DataType::Float32, Err("is float32, the data are integers")),
            (integers(-1), DataType::Uint8, Err("is uint8, the data hold -1")),
            (integers(255), DataType::Uint8, Ok(())),
            (integers(2), DataType::Bool, Err("is bool, the data hold 2")),
            (InputData::Bool(vec![true]), DataType::Int32, Ok(())),
            (InputData::Bool(vec![true]), DataType::Float32, Err("is float32, the data are truth values")),
            (integers(0), DataType::Other(8), Err("is ONNX type 8, the data are integers")),
        ] {
            let tensor = InputTensor::new(vec![1], data).expect("one value");
            let outcome = tensor.check_type("x", declared).map_err(|error| error.to_string());
            match (&outcome, expected) {
                (Err(message), Err(part)) => assert!(message.contains(part), "`{message}` should contain `{part}`"),
                _ => assert_eq!(outcome.is_ok(), expected.is_ok(), "{tensor:?} for {declared}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn the_last_sample_pads() {
        let tensor = InputTensor::new(vec![3, 2], InputData::Integer((0..6).collect())).expect("fits");
        let padded = tensor.padded(1, 4);
        assert_eq!(padded.shape(), [4, 2]);
        assert_eq!(padded.data(), &InputData::Integer(vec![2, 3, 4, 5, 4, 5, 4, 5]));
        assert!(InputTensor::new(vec![2], InputData::Bool(vec![true])).is_err(), "one value for two samples");
        assert!(InputTensor::new(vec![], InputData::Bool(vec![true])).is_err(), "no axis counts the samples");
    }
}
