//! Parquet tables: flat columns of truth values, integers, floats and text, uncompressed or packed with snappy or zstd.
//!
//! Read without Arrow, column by column. Columns of other types (dates, decimals, lists, bytes) are left out with a note: to
//! show a day as a bare integer would mislead.

use super::columns::{Column, ColumnValues};
use crate::files::io_error;
use napscope::{Error, ErrorKind, Result};
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::cell::Cell;
use std::fs::File;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Once;

/// Reads the table at `path`; notes say which columns were left out.
///
/// # Errors
/// [`ErrorKind::Source`] for files that are damaged or packed in another way.
pub(crate) fn read(path: &Path) -> Result<(Vec<Column>, Vec<String>)> {
    read_part(path, 0..usize::MAX, &|_| true)
}

/// Reads the `rows` of the columns that `wanted` names; pages of other rows are passed over.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_part(
    path: &Path,
    rows: Range<usize>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<(Vec<Column>, Vec<String>)> {
    let file = File::open(path).map_err(|error| io_error("cannot open it", &error))?;
    caught(|| read_file(file, rows, wanted)).unwrap_or_else(|| Err(damaged("its pages contradict each other")))
}

/// The number of rows of the table at `path`, as it says itself.
///
/// # Errors
/// As [`read`].
pub(crate) fn row_count(path: &Path) -> Result<usize> {
    let file = File::open(path).map_err(|error| io_error("cannot open it", &error))?;
    let reader =
        caught(|| SerializedFileReader::new(file)).unwrap_or_else(|| Err(ParquetError::General("its end".into())));
    usize::try_from(reader.map_err(damaged)?.metadata().file_metadata().num_rows()).map_err(damaged)
}

/// The crate `parquet` panics on a few kinds of damaged pages, of which it promises to return errors. `None` then; the panic
/// is not shown, for it is no bug of ours.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    thread_local!(static WORKING: Cell<bool> = const { Cell::new(false) });
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !WORKING.get() {
                before(panic);
            }
        }));
    });
    WORKING.set(true);
    let result = std::panic::catch_unwind(AssertUnwindSafe(work));
    WORKING.set(false);
    result.ok()
}

fn read_file(file: File, rows: Range<usize>, wanted: &dyn Fn(&str) -> bool) -> Result<(Vec<Column>, Vec<String>)> {
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let (schema, mut notes) = (reader.metadata().file_metadata().schema_descr_ptr(), Vec::new());
    let mut columns: Vec<Column> = Vec::new();
    for (at, descriptor) in schema.columns().iter().enumerate() {
        let name = descriptor.path().string();
        if !wanted(&name) {
            continue;
        }
        let Some(kind) = Kind::of(descriptor) else {
            notes.push(format!("metadata: column `{name}` is left out: bools, numbers and text are read"));
            continue;
        };
        if columns.iter().any(|column| column.name == name) {
            return Err(Error::new(ErrorKind::Source, format!("two columns are called `{name}`"))
                .hint("give every column a name of its own"));
        }
        let values =
            read_column(&reader, at, kind, &rows).map_err(|error| error.context(format!("column `{name}`")))?;
        columns.push(Column { name, values });
    }
    let rows = columns.first().map_or(0, Column::len);
    match columns.iter().find(|column| column.len() != rows) {
        Some(other) => Err(damaged(format!("column `{}` has {} rows, others have {rows}", other.name, other.len()))),
        None => Ok((columns, notes)),
    }
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Source, format!("it is truncated, damaged or no Parquet file ({error})"))
        .hint("write it again with df.to_parquet(path), or as CSV")
}

/// What the values of a column become.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    Double,
    Text,
}

impl Kind {
    /// `None` for columns that are not read.
    fn of(column: &ColumnDescriptor) -> Option<Kind> {
        if column.path().parts().len() != 1 || column.max_rep_level() != 0 || column.max_def_level() > 1 {
            return None;
        }
        let logical = column.logical_type_ref();
        let plain = logical.is_none() && column.converted_type() == ConvertedType::NONE;
        let signed = match (logical, column.converted_type()) {
            (Some(LogicalType::Integer(integer)), _) => Some(integer.is_signed),
            (None, ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32 | ConvertedType::INT_64) => {
                Some(true)
            }
            (
                None,
                ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
            ) => Some(false),
            _ => plain.then_some(true),
        };
        let text = matches!(logical, Some(LogicalType::String | LogicalType::Enum | LogicalType::Json))
            || logical.is_none()
                && matches!(column.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON);
        Some(match column.physical_type() {
            Physical::BOOLEAN if plain => Kind::Bool,
            Physical::INT32 | Physical::INT64 => match signed? {
                true => Kind::Signed,
                false => Kind::Unsigned,
            },
            Physical::FLOAT if plain => Kind::Float,
            Physical::DOUBLE if plain => Kind::Double,
            Physical::BYTE_ARRAY if text => Kind::Text,
            _ => return None,
        })
    }
}

fn read_column(
    reader: &SerializedFileReader<File>,
    at: usize,
    kind: Kind,
    wanted: &Range<usize>,
) -> Result<ColumnValues> {
    let (mut bools, mut ints, mut longs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut floats, mut doubles, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut end = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(damaged)?;
        let packed = group.metadata().column(at).compression();
        if !matches!(packed, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)) {
            return Err(Error::new(ErrorKind::Source, format!("it is packed with {packed}; snappy and zstd are read"))
                .hint("write it again with df.to_parquet(path, compression='snappy')"));
        }
        let first = end;
        end += usize::try_from(group.metadata().num_rows()).map_err(damaged)?;
        let rows = wanted.start.clamp(first, end) - first..wanted.end.clamp(first, end) - first;
        if rows.is_empty() {
            continue;
        }
        let read = match group.get_column_reader(at).map_err(damaged)? {
            ColumnReader::BoolColumnReader(pages) => append(pages, rows.clone(), &mut bools),
            ColumnReader::Int32ColumnReader(pages) => append(pages, rows.clone(), &mut ints),
            ColumnReader::Int64ColumnReader(pages) => append(pages, rows.clone(), &mut longs),
            ColumnReader::FloatColumnReader(pages) => append(pages, rows.clone(), &mut floats),
            ColumnReader::DoubleColumnReader(pages) => append(pages, rows.clone(), &mut doubles),
            ColumnReader::ByteArrayColumnReader(pages) => append(pages, rows.clone(), &mut texts),
            _ => Ok(()),
        };
        read.map_err(damaged)?;
    }
    Ok(match kind {
        Kind::Bool => ColumnValues::Bool(bools),
        Kind::Signed => ColumnValues::Int(ints.into_iter().map(|value| value.map(i64::from)).chain(longs).collect()),
        Kind::Unsigned => unsigned(&ints, longs),
        Kind::Float => {
            ColumnValues::Float32(floats.into_iter().map(|value| value.filter(|value: &f32| !value.is_nan())).collect())
        }
        Kind::Double => {
            ColumnValues::Float(doubles.into_iter().map(|value| value.filter(|value: &f64| !value.is_nan())).collect())
        }
        Kind::Text => text(&texts)?,
    })
}

/// Parquet keeps unsigned integers in the bits of signed ones; what is beyond i64 becomes text, so that no id is changed.
fn unsigned(ints: &[Option<i32>], longs: Vec<Option<i64>>) -> ColumnValues {
    if longs.iter().flatten().any(|value| *value < 0) {
        return Column::from_text("", longs.iter().map(|value| value.map(|value| (value as u64).to_string()))).values;
    }
    ColumnValues::Int(ints.iter().map(|value| value.map(|value| i64::from(value as u32))).chain(longs).collect())
}

fn text(values: &[Option<ByteArray>]) -> Result<ColumnValues> {
    let texts: Result<Vec<Option<&str>>> = values
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let Some(bytes) = value else { return Ok(None) };
            std::str::from_utf8(bytes.data())
                .map(Some)
                .map_err(|_| damaged(format!("row {} is no UTF-8 text", row + 1)))
        })
        .collect();
    Ok(Column::from_text("", texts?).values)
}

/// Appends the values of the `rows` of one row group, with `None` for nulls.
fn append<T: DataType>(
    mut pages: ColumnReaderImpl<T>,
    rows: Range<usize>,
    out: &mut Vec<Option<T::T>>,
) -> std::result::Result<(), ParquetError> {
    let missing = |count: usize| ParquetError::EOF(format!("{count} of {} rows are missing", rows.end));
    if rows.start > 0 && pages.skip_records(rows.start)? < rows.start {
        return Err(missing(rows.len()));
    }
    let mut left = rows.len();
    while left > 0 {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let (records, _, _) = pages.read_records(left.min(4096), Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(missing(left));
        }
        if levels.is_empty() {
            out.extend(values.into_iter().map(Some));
        } else {
            let mut values = values.into_iter();
            out.extend(levels.iter().map(|level| if *level > 0 { values.next() } else { None }));
        }
        left -= records;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_reader_is_caught_and_others_are_not() {
        assert_eq!(caught(|| 3), Some(3));
        assert_eq!(caught(|| -> i32 { panic!("as the reader does on damaged pages") }), None);
        assert_eq!(caught(|| 4), Some(4), "and the next read is as before");
    }
}
