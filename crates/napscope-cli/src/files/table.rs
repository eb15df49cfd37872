//! Tables of columns as Parquet, CSV and JSON. The same columns give the same bytes: no clock, no host name goes in.
//!
//! Missing values are null (an empty cell in CSV). JSON has no NaN and no infinity: there they are null too.

use super::atomic::{AtomicFile, cannot_write};
use crate::data::{Column, ColumnValues};
use napscope::{Error, ErrorKind, Result};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Rows of a Parquet row group.
const GROUP: usize = 1 << 17;

#[derive(Clone, Copy)]
enum Format {
    Parquet,
    Csv,
    Json,
}

impl Format {
    fn of(path: &Path) -> Result<Format> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => Ok(Format::Parquet),
            "csv" => Ok(Format::Csv),
            "json" => Ok(Format::Json),
            _ => Err(Error::new(ErrorKind::InvalidParameter, "the ending of its name tells no format of a table")
                .hint("end it in .parquet, .csv or .json")
                .context(path.display().to_string())),
        }
    }
}

/// Checks, before the work begins, that a table may be written to `path`.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for an ending that names no format, a folder that is not there, or a file that is, unless
/// `force`.
pub fn check_destination(path: &Path, force: bool) -> Result<()> {
    Format::of(path)?;
    check_place(path, force)
}

/// Checks, before the work begins, that a file may be written to `path`.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for a folder that is not there, or a file that is, unless `force`.
pub fn check_place(path: &Path, force: bool) -> Result<()> {
    let refuse = |message: &str, hint: &str| {
        Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint).context(path.display().to_string()))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return refuse("it is a folder", "name a file in it");
    }
    if !folder.is_dir() {
        return refuse("its folder does not exist", "make the folder first, or choose another --output");
    }
    if path.exists() && !force {
        return refuse("the file exists", "choose another --output, or replace it with --force");
    }
    Ok(())
}

/// Writes `columns`, all of one length, to `path`; its ending (.parquet, .csv, .json) tells the format.
///
/// # Errors
/// When the ending names no format or the file cannot be written.
pub fn write(path: &Path, columns: &[Column]) -> Result<()> {
    let format = Format::of(path)?;
    check(columns)?;
    let mut file = AtomicFile::create(path)?;
    match format {
        Format::Parquet => write_parquet(&mut file, columns).map_err(|error| cannot_write(path, &into_io(error)))?,
        Format::Csv => write_csv(&mut file, columns).map_err(|error| cannot_write(path, &error))?,
        Format::Json => write_json(&mut file, columns).map_err(|error| cannot_write(path, &error))?,
    }
    file.commit()
}

/// `columns` as CSV: a header line, then one line a row.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] when they differ in length, [`ErrorKind::InvalidParameter`] when two bear one name.
pub fn csv(columns: &[Column]) -> Result<String> {
    in_memory(columns, |out| write_csv(out, columns))
}

/// `columns` as a JSON array with one object a row, each on a line of its own.
///
/// # Errors
/// As [`csv()`].
pub fn json(columns: &[Column]) -> Result<String> {
    in_memory(columns, |out| write_json(out, columns))
}

/// `columns` as a Parquet file.
///
/// # Errors
/// As [`csv()`].
pub fn parquet(columns: &[Column]) -> Result<Vec<u8>> {
    check(columns)?;
    let mut out = Vec::new();
    write_parquet(&mut out, columns).map_err(|error| super::io_error("cannot write the table", &into_io(error)))?;
    Ok(out)
}

fn in_memory(columns: &[Column], write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> Result<String> {
    check(columns)?;
    let mut out = Vec::new();
    write(&mut out).map_err(|error| super::io_error("cannot write the table", &error))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn check(columns: &[Column]) -> Result<()> {
    for (at, column) in columns.iter().enumerate() {
        if column.len() != rows(columns) {
            return Err(Error::shape(&format!("column `{}`", column.name), [rows(columns)], [column.len()]));
        }
        if columns[..at].iter().any(|other| other.name == column.name) {
            let message = format!("two columns are called `{}`", column.name);
            return Err(Error::new(ErrorKind::InvalidParameter, message).hint("give every column a name of its own"));
        }
    }
    Ok(())
}

fn rows(columns: &[Column]) -> usize {
    columns.first().map_or(0, Column::len)
}

fn write_csv(out: &mut impl Write, columns: &[Column]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name.as_bytes()))?;
    for row in 0..rows(columns) {
        for column in columns {
            writer.write_field(cell(column, row).unwrap_or_default())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

/// A value as CSV and JSON write it; floats keep a point or an exponent, so that they are read as floats again.
fn cell(column: &Column, row: usize) -> Option<String> {
    match &column.values {
        ColumnValues::Float(values) => values[row].map(|value| format!("{value:?}")),
        ColumnValues::Float32(values) => values[row].map(|value| format!("{value:?}")),
        _ => column.text(row).map(Into::into),
    }
}

fn write_json(out: &mut impl Write, columns: &[Column]) -> std::io::Result<()> {
    let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    out.write_all(b"[")?;
    for row in 0..rows(columns) {
        out.write_all(if row == 0 { b"\n{" } else { b",\n{" })?;
        for (at, (column, name)) in columns.iter().zip(&names).enumerate() {
            let finite = column.number(row).is_none_or(f64::is_finite);
            let value = match (cell(column, row), column.is_numeric()) {
                (Some(value), true) if finite => value,
                (Some(text), false) => quote(&text),
                _ => "null".into(),
            };
            let comma = if at == 0 { "" } else { "," };
            write!(out, "{comma}{name}:{value}")?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(b"\n]\n")
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_parquet(out: &mut (impl Write + Send), columns: &[Column]) -> Result<(), ParquetError> {
    let fields: Result<Vec<Arc<Type>>, ParquetError> =
        columns.iter().map(|column| field(column).map(Arc::new)).collect();
    let schema = Type::group_type_builder("samples").with_fields(fields?).build()?;
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("napscope {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false);
    for column in columns.iter().filter(|column| !column.is_numeric()) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::new(vec![column.name.clone()]), true);
    }
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build()))?;
    for first in (0..rows(columns)).step_by(GROUP) {
        let range = first..rows(columns).min(first + GROUP);
        let mut group = writer.next_row_group()?;
        for column in columns {
            let Some(mut pages) = group.next_column()? else { break };
            write_column(&mut pages, column, range.clone())?;
            pages.close()?;
        }
        group.close()?;
    }
    writer.close().map(|_| ())
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match &column.values {
        ColumnValues::Int(_) => (Physical::INT64, None),
        ColumnValues::Float(_) => (Physical::DOUBLE, None),
        ColumnValues::Float32(_) => (Physical::FLOAT, None),
        ColumnValues::Bool(_) => (Physical::BOOLEAN, None),
        ColumnValues::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn write_column(
    pages: &mut SerializedColumnWriter<'_>,
    column: &Column,
    rows: std::ops::Range<usize>,
) -> Result<(), ParquetError> {
    match &column.values {
        ColumnValues::Int(values) => write_values::<Int64Type, _>(pages, &values[rows], |value| *value),
        ColumnValues::Float(values) => write_values::<DoubleType, _>(pages, &values[rows], |value| *value),
        ColumnValues::Float32(values) => write_values::<FloatType, _>(pages, &values[rows], |value| *value),
        ColumnValues::Bool(values) => write_values::<BoolType, _>(pages, &values[rows], |value| *value),
        ColumnValues::Text(values) => {
            write_values::<ByteArrayType, _>(pages, &values[rows], |text| ByteArray::from(&**text))
        }
    }
}

fn write_values<T: DataType, V>(
    pages: &mut SerializedColumnWriter<'_>,
    values: &[Option<V>],
    convert: impl Fn(&V) -> T::T,
) -> Result<(), ParquetError> {
    let present: Vec<T::T> = values.iter().flatten().map(convert).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    pages.typed::<T>().write_batch(&present, Some(&levels), None).map(|_| ())
}

/// What the operating system said, where it was the reason.
fn into_io(error: ParquetError) -> std::io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(error) => *error,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let column = |name: &str, values| Column { name: name.into(), values };
        vec![
            column("cluster", ColumnValues::Int(vec![Some(0), Some(-1), None])),
            column("membership", ColumnValues::Float(vec![Some(1.0), Some(f64::INFINITY), Some(1e-300)])),
            column("x", ColumnValues::Float32(vec![Some(0.1), None, Some(3.0)])),
            column("seen", ColumnValues::Bool(vec![Some(true), None, Some(false)])),
            Column::from_text("label, \"quoted\"", [Some("a,b"), Some("\u{1}\n\"ü"), None]),
        ]
    }

    #[test]
    fn csv_quotes_what_must_be_quoted() {
        let expected = "cluster,membership,x,seen,\"label, \"\"quoted\"\"\"\n\
                        0,1.0,0.1,true,\"a,b\"\n\
                        -1,inf,,,\"\u{1}\n\"\"ü\"\n\
                        ,1e-300,3.0,false,\n";
        assert_eq!(csv(&columns()).expect("sound"), expected);
    }

    #[test]
    fn json_is_one_object_a_row() {
        let parsed: serde_json::Value = serde_json::from_str(&json(&columns()).expect("sound")).expect("valid JSON");
        let expected = serde_json::json!([
            { "cluster": 0, "membership": 1.0, "x": 0.1, "seen": true, "label, \"quoted\"": "a,b" },
            { "cluster": -1, "membership": null, "x": null, "seen": null, "label, \"quoted\"": "\u{1}\n\"ü" },
            { "cluster": null, "membership": 1e-300, "x": 3.0, "seen": false, "label, \"quoted\"": null },
        ]);
        assert_eq!(parsed, expected);
        assert_eq!(json(&[]).expect("no columns, no rows"), "[\n]\n");
    }

    #[test]
    fn columns_that_make_no_table_are_refused() {
        let column =
            |name: &str, values: &[Option<i64>]| Column { name: name.into(), values: ColumnValues::Int(values.into()) };
        for (second, expected) in [
            (column("b", &[None, None]), "column `b`: expected shape [1], got [2]"),
            (column("a", &[None]), "two columns are called `a`"),
        ] {
            let error = csv(&[column("a", &[Some(1)]), second]).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn every_format_is_written_twice_with_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.parquet", "a.csv", "a.json"] {
            let path = folder.path().join(name);
            let bytes: Vec<Vec<u8>> = (0..2)
                .map(|_| {
                    write(&path, &columns()).expect(name);
                    std::fs::read(&path).expect(name)
                })
                .collect();
            assert_eq!(bytes[0], bytes[1], "{name}");
        }
    }

    #[test]
    fn destinations_are_checked_beforehand() {
        let folder = tempfile::tempdir().expect("a folder");
        let there = folder.path().join("there.csv");
        std::fs::write(&there, "mine").expect("writable");
        for (path, force, expected) in [
            (folder.path().join("new.csv"), false, None),
            (there.clone(), true, None),
            (there, false, Some("the file exists")),
            (folder.path().join("a.xlsx"), true, Some("tells no format")),
            (folder.path().join("missing/a.csv"), true, Some("its folder does not exist")),
        ] {
            let found = check_destination(&path, force).err().map(|error| error.to_string());
            match (expected, &found) {
                (Some(expected), Some(found)) => assert!(found.contains(expected), "{found}"),
                (expected, found) => assert_eq!((expected, found.as_deref()), (None, None), "{}", path.display()),
            }
        }
    }
}
