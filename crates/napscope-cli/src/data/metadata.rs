//! `--metadata`: a table of columns about the samples, joined to them by row or by an id.

use super::columns::Column;
use super::{csv_table, parquet_table};
use napscope::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::path::Path;

/// Columns of a table, in the order of the samples.
#[derive(Debug)]
pub struct Metadata {
    /// The columns, without the id that joined them.
    pub columns: Vec<Column>,
    /// What was ignored or renamed.
    pub notes: Vec<String>,
}

/// Reads the table at `path` (`.parquet`, else CSV) and puts its rows into the order of the `samples` samples, of which the
/// columns `known` are known already: row by row, or by the column `id` that stands in both.
///
/// A column that bears the name of a known one is called `metadata.NAME`.
///
/// # Errors
/// [`ErrorKind::Source`] for a file that cannot be read; [`ErrorKind::ShapeMismatch`] for another number of rows than samples
/// when there is no id; [`ErrorKind::UnknownName`] when the id is not there; [`ErrorKind::Source`] for ids that are double,
/// or missing.
pub fn read(path: &Path, samples: usize, id: Option<&str>, known: &[Column]) -> Result<Metadata> {
    let join = || {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if ["npz", "npy", "safetensors", "json", "jsonl", "xlsx", "pkl", "feather"]
            .iter()
            .any(|e| extension.eq_ignore_ascii_case(e))
        {
            return Err(Error::new(ErrorKind::Source, "a table is read from CSV or Parquet, not from such a file")
                .hint("save it with df.to_csv(path, index=False) or df.to_parquet(path); arrays of --data are columns by themselves"));
        }
        let parquet = ["parquet", "pq"].iter().any(|known| extension.eq_ignore_ascii_case(known));
        let (table, mut notes) =
            if parquet { parquet_table::read(path)? } else { (csv_table::read(path)?, Vec::new()) };
        let columns = match id {
            None => by_row(table, samples)?,
            Some(id) => by_id(table, id, known, samples, &mut notes)?,
        };
        let columns = columns.into_iter().map(|column| rename(column, known, &mut notes)).collect();
        Ok(Metadata { columns, notes })
    };
    join().map_err(|error: Error| error.context(format!("metadata {}", path.display())))
}

fn by_row(table: Vec<Column>, samples: usize) -> Result<Vec<Column>> {
    let rows = table.first().map_or(0, Column::len);
    if rows != samples {
        let message = format!("it has {rows} rows, the data have {samples} samples");
        return Err(Error::new(ErrorKind::ShapeMismatch, message)
            .hint("give one row a sample in the order of the data, or join by a column of both with --id COLUMN"));
    }
    Ok(table)
}

fn by_id(
    table: Vec<Column>,
    id: &str,
    known: &[Column],
    samples: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<Column>> {
    let find = |columns: &[Column], whose: &str| {
        let at = columns.iter().position(|column| column.name == id);
        let names = columns.iter().map(|column| column.name.as_str());
        at.ok_or_else(|| Error::unknown(&format!("column of {whose}"), id, names))
    };
    let (theirs, ours) = (find(&table, "the metadata")?, &known[find(known, "the data")?]);
    let rows = rows_by_id(&table[theirs])?;
    let found: Vec<Option<usize>> = (0..samples).map(|sample| rows.get(ours.text(sample)?.as_ref()).copied()).collect();
    let missing: Vec<String> = (0..samples)
        .filter(|sample| found[*sample].is_none())
        .map(|sample| ours.text(sample).map_or("(none)".into(), |text| format!("`{text}`")))
        .collect();
    if !missing.is_empty() {
        let some = missing.iter().take(3).cloned().collect::<Vec<String>>().join(", ");
        let message = format!("no row for {} of {samples} samples, among them those with `{id}` {some}", missing.len());
        let like = table[theirs].text(0).unwrap_or_default();
        return Err(Error::new(ErrorKind::Source, message)
            .hint(format!("the ids must be written alike in both; the metadata's first is `{like}`")));
    }
    let order: Vec<usize> = found.into_iter().flatten().collect();
    if rows.len() > samples {
        notes.push(format!("metadata: {} of its {} rows belong to no sample", rows.len() - samples, rows.len()));
    }
    let others = table.iter().enumerate().filter(|(at, _)| *at != theirs);
    Ok(others.map(|(_, column)| column.select(&order)).collect())
}

/// The row of each id.
fn rows_by_id(column: &Column) -> Result<HashMap<String, usize>> {
    let mut rows = HashMap::new();
    for row in 0..column.len() {
        let Some(text) = column.text(row) else {
            return Err(Error::new(ErrorKind::Source, format!("row {} has no `{}`", row + 1, column.name))
                .hint("give every row its id"));
        };
        if let Some(first) = rows.insert(text.into_owned(), row) {
            let text = column.text(row).unwrap_or_default();
            let message = format!("`{}` {text} stands in rows {} and {}", column.name, first + 1, row + 1);
            return Err(Error::new(ErrorKind::Source, message).hint("give every id one row"));
        }
    }
    Ok(rows)
}

fn rename(column: Column, known: &[Column], notes: &mut Vec<String>) -> Column {
    if !known.iter().any(|other| other.name == column.name) {
        return column;
    }
    let name = format!("metadata.{}", column.name);
    notes.push(format!("metadata: the data have a column `{}` too, so this one is called `{name}`", column.name));
    Column { name, ..column }
}
