//! Per-sample columns: labels, an SNR, anything that is known of each sample.

use super::array::Array;
use super::dtype::{DType, Kind};
use napscope::Result;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A named value for each sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, in files and on the page.
    pub name: String,
    /// One value a sample; `None` where it is missing.
    pub values: ColumnValues,
}

/// The values of a column; `None` is missing. NaN counts as missing.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Double precision.
    Float(Vec<Option<f64>>),
    /// Single precision, kept apart so that 0.1 is written as 0.1.
    Float32(Vec<Option<f32>>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
    /// Text; equal texts share their memory.
    Text(Vec<Option<Arc<str>>>),
}

impl Column {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match &self.values {
            ColumnValues::Int(values) => values.len(),
            ColumnValues::Float(values) => values.len(),
            ColumnValues::Float32(values) => values.len(),
            ColumnValues::Bool(values) => values.len(),
            ColumnValues::Text(values) => values.len(),
        }
    }

    /// True where there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `sample` as text, in its shortest exact form.
    pub fn text(&self, sample: usize) -> Option<Cow<'_, str>> {
        match &self.values {
            ColumnValues::Int(values) => values[sample].map(|value| value.to_string().into()),
            ColumnValues::Float(values) => values[sample].map(|value| value.to_string().into()),
            ColumnValues::Float32(values) => values[sample].map(|value| value.to_string().into()),
            ColumnValues::Bool(values) => values[sample].map(|value| value.to_string().into()),
            ColumnValues::Text(values) => values[sample].as_deref().map(Cow::Borrowed),
        }
    }

    /// The value of `sample` as a number (truth values as 0 and 1, integers beyond 2^53 rounded); `None` for text.
    pub fn number(&self, sample: usize) -> Option<f64> {
        match &self.values {
            ColumnValues::Int(values) => values[sample].map(|value| value as f64),
            ColumnValues::Float(values) => values[sample],
            ColumnValues::Float32(values) => values[sample].map(f64::from),
            ColumnValues::Bool(values) => values[sample].map(|value| f64::from(u8::from(value))),
            ColumnValues::Text(_) => None,
        }
    }

    /// True for integers, floats and truth values.
    pub fn is_numeric(&self) -> bool {
        !matches!(self.values, ColumnValues::Text(_))
    }

    /// True for truth values, and for integers that look like codes of classes: each of 0, 1, … up to one below 20, and no other.
    pub fn holds_codes(&self) -> bool {
        match &self.values {
            ColumnValues::Bool(_) => true,
            ColumnValues::Int(values) => {
                let codes: std::collections::BTreeSet<i64> = values.iter().flatten().copied().collect();
                codes.len() <= 20 && codes.iter().copied().eq(0..codes.len() as i64)
            }
            _ => false,
        }
    }

    /// The column of the samples `samples`, in that order.
    #[must_use]
    pub fn select(&self, samples: &[usize]) -> Column {
        fn pick<T: Clone>(values: &[T], samples: &[usize]) -> Vec<T> {
            samples.iter().map(|sample| values[*sample].clone()).collect()
        }
        let values = match &self.values {
            ColumnValues::Int(values) => ColumnValues::Int(pick(values, samples)),
            ColumnValues::Float(values) => ColumnValues::Float(pick(values, samples)),
            ColumnValues::Float32(values) => ColumnValues::Float32(pick(values, samples)),
            ColumnValues::Bool(values) => ColumnValues::Bool(pick(values, samples)),
            ColumnValues::Text(values) => ColumnValues::Text(pick(values, samples)),
        };
        Column { name: self.name.clone(), values }
    }

    /// A column of texts.
    pub fn from_text<T: AsRef<str>>(name: impl Into<String>, texts: impl IntoIterator<Item = Option<T>>) -> Column {
        let mut shared: HashMap<String, Arc<str>> = HashMap::new();
        let values = texts.into_iter().map(|text| {
            let text = text?;
            let text = text.as_ref();
            Some(match shared.get(text) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(shared.entry(text.to_string()).or_insert_with(|| Arc::from(text))),
            })
        });
        let values = ColumnValues::Text(values.collect());
        Column { name: name.into(), values }
    }
}

/// Widest second axis of an array that becomes columns.
pub(super) const MAX_COLUMNS: usize = 8;

/// True where an array of this type and shape holds columns of `samples` samples: (n,) or (n, k ≤ 8).
pub(super) fn holds_columns(dtype: &DType, shape: &[usize], samples: usize) -> bool {
    let width = match *shape {
        [rows] if rows == samples => 1,
        [rows, width] if rows == samples => width,
        _ => return false,
    };
    (1..=MAX_COLUMNS).contains(&width) && dtype.kind() != Kind::Refused
}

/// The columns in an array of shape (n,) or (n, k): `name`, or `name[0]`, `name[1]` ….
///
/// # Errors
/// As the readers of [`Array`].
pub(super) fn from_array(array: &Array) -> Result<Vec<Column>> {
    let rows: Vec<usize> = (0..array.rows()).collect();
    let width = array.row_len();
    let values = read_values(array, &rows)?;
    let whole = Column { name: array.name().into(), values };
    if width == 1 {
        return Ok(vec![whole]);
    }
    let columns = (0..width).map(|at| {
        let cells: Vec<usize> = rows.iter().map(|row| row * width + at).collect();
        Column { name: format!("{}[{at}]", array.name()), ..whole.select(&cells) }
    });
    Ok(columns.collect())
}

/// All elements of an array in C order; u64 beyond the range of i64 becomes text, so that no id is changed.
fn read_values(array: &Array, rows: &[usize]) -> Result<ColumnValues> {
    let present = |value: f64| (!value.is_nan()).then_some(value);
    Ok(match array.dtype() {
        DType::Bool => ColumnValues::Bool(array.i64(rows)?.into_iter().map(|value| Some(value != 0)).collect()),
        DType::F64 => ColumnValues::Float(DType::to_f64(&array.bytes(rows)?).into_iter().map(present).collect()),
        DType::U64 => match array.dtype().to_i64(&array.bytes(rows)?) {
            Ok(values) => ColumnValues::Int(values.into_iter().map(Some).collect()),
            Err(_) => {
                let words = array.bytes(rows)?;
                let texts = words.as_chunks::<8>().0.iter().map(|word| Some(u64::from_le_bytes(*word).to_string()));
                Column::from_text("", texts).values
            }
        },
        dtype => match dtype.kind() {
            Kind::Float => {
                let values = array.f32(rows)?.into_iter();
                ColumnValues::Float32(values.map(|value| (!value.is_nan()).then_some(value)).collect())
            }
            Kind::Int => ColumnValues::Int(array.i64(rows)?.into_iter().map(Some).collect()),
            Kind::Text | Kind::Refused => Column::from_text("", array.text(rows)?.into_iter().map(Some)).values,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_share_their_memory() {
        let column = Column::from_text("label", [Some("cat"), None, Some("cat")]);
        let ColumnValues::Text(values) = &column.values else { panic!("text was given") };
        let (Some(first), Some(last)) = (&values[0], &values[2]) else { panic!("two are present") };
        assert!(Arc::ptr_eq(first, last), "equal texts are one");
        assert_eq!((column.text(1), column.number(0), column.is_numeric()), (None, None, false));
    }

    #[test]
    fn only_narrow_arrays_of_the_right_length_hold_columns() {
        for (dtype, shape, expected) in [
            (DType::I64, vec![5], true),
            (DType::F32, vec![5, 1], true),
            (DType::Unicode(3), vec![5, 8], true),
            (DType::F32, vec![5, 9], false),
            (DType::F32, vec![5, 0], false),
            (DType::F32, vec![4], false),
            (DType::F32, vec![], false),
            (DType::F32, vec![5, 2, 2], false),
            (DType::Object, vec![5], false),
        ] {
            assert_eq!(holds_columns(&dtype, &shape, 5), expected, "{dtype} {shape:?}");
        }
    }
}
