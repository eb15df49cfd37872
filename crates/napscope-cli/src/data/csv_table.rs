//! CSV tables: comma-separated (tabs in `.tsv`), a header row, UTF-8. A column is of the narrowest type that fits all its
//! cells: integer, float, truth value, text. Empty cells and NaN are missing.

use super::columns::{Column, ColumnValues};
use crate::files::io_error;
use napscope::{Error, ErrorKind, Result};
use std::fs::File;
use std::path::Path;

/// Reads the table at `path`.
///
/// # Errors
/// [`ErrorKind::Source`] with the line, for what is no table.
pub(super) fn read(path: &Path) -> Result<Vec<Column>> {
    let file = File::open(path).map_err(|error| io_error("cannot open it", &error))?;
    let tabs = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if tabs { b'\t' } else { b',' })
        .trim(csv::Trim::All)
        .from_reader(std::io::BufReader::new(file));
    let names = header(reader.headers().map_err(explain)?)?;
    let mut cells: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    for record in reader.into_records() {
        for (column, cell) in cells.iter_mut().zip(record.map_err(explain)?.iter()) {
            column.push(Some(cell.to_string()).filter(|cell| !cell.is_empty()));
        }
    }
    Ok(names.into_iter().zip(cells).map(|(name, cells)| infer(name, cells)).collect())
}

fn header(record: &csv::StringRecord) -> Result<Vec<String>> {
    // The byte-order mark that spreadsheets write is no part of the first name.
    let names: Vec<String> = record.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_string()).collect();
    let refuse = |message: String, hint: &str| Err(Error::new(ErrorKind::Source, message).hint(hint));
    if names.is_empty() || names == [""] {
        return refuse("it is empty".into(), "its first line must name the columns");
    }
    if let [only] = &names[..]
        && let Some(other) = [';', '\t'].into_iter().find(|separator| only.contains(*separator))
    {
        return refuse(
            format!("its cells are separated by {other:?}"),
            "separate them by commas (or tabs, in a .tsv file)",
        );
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            return refuse(format!("column {} has no name", at + 1), "its first line must name every column");
        }
        if names[..at].contains(name) {
            return refuse(format!("two columns are called `{name}`"), "give every column a name of its own");
        }
    }
    Ok(names)
}

fn explain(error: csv::Error) -> Error {
    let line = |position: &Option<csv::Position>| position.as_ref().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            Error::new(ErrorKind::Source, format!("line {} has {len} cells, the header has {expected_len}", line(pos)))
                .hint("give every line as many cells, and put text that holds commas into quotes")
        }
        csv::ErrorKind::Utf8 { pos, err } => {
            Error::new(ErrorKind::Source, format!("line {}, cell {} is no UTF-8 text", line(pos), err.field() + 1))
                .hint("save the table as UTF-8")
        }
        csv::ErrorKind::Io(error) => io_error("cannot read it", error),
        _ => Error::new(ErrorKind::Source, error.to_string()),
    }
}

/// The narrowest type that fits all cells; a column without any cell is text.
fn infer(name: String, cells: Vec<Option<String>>) -> Column {
    let values = if cells.iter().all(Option::is_none) {
        ColumnValues::Text(vec![None; cells.len()])
    } else if let Some(values) = all(&cells, integer) {
        ColumnValues::Int(values)
    } else if let Some(values) = all(&cells, float) {
        ColumnValues::Float(values.into_iter().map(|value| value.filter(|value| !value.is_nan())).collect())
    } else if let Some(values) = all(&cells, truth) {
        ColumnValues::Bool(values)
    } else {
        return Column::from_text(name, cells);
    };
    Column { name, values }
}

fn all<T>(cells: &[Option<String>], parse: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
    cells.iter().map(|cell| cell.as_deref().map_or(Some(None), |text| parse(text).map(Some))).collect()
}

/// A number with a leading zero is a code (an id, a postcode), not a quantity.
fn is_code(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
}

fn integer(text: &str) -> Option<i64> {
    if is_code(text) { None } else { text.parse().ok() }
}

fn float(text: &str) -> Option<f64> {
    if is_code(text) { None } else { text.parse().ok() }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_of_the_narrowest_type_that_fits() {
        for (cells, expected) in [
            (vec!["1", "", "-3"], ColumnValues::Int(vec![Some(1), None, Some(-3)])),
            (vec!["1", "2.5", "nan"], ColumnValues::Float(vec![Some(1.0), Some(2.5), None])),
            (vec!["1", "99999999999999999999"], ColumnValues::Float(vec![Some(1.0), Some(1e20)])),
            (vec!["True", "false", ""], ColumnValues::Bool(vec![Some(true), Some(false), None])),
            (vec!["", ""], ColumnValues::Text(vec![None, None])),
            (vec!["007", "1"], ColumnValues::Text(vec![Some("007".into()), Some("1".into())])),
            (vec!["0", "-0.5"], ColumnValues::Float(vec![Some(0.0), Some(-0.5)])),
            (vec!["1", "x"], ColumnValues::Text(vec![Some("1".into()), Some("x".into())])),
        ] {
            let given = cells.iter().map(|cell| Some(cell.to_string()).filter(|cell| !cell.is_empty())).collect();
            assert_eq!(infer("c".into(), given).values, expected, "{cells:?}");
        }
    }
}
