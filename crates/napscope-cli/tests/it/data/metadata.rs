//! Metadata tables: what pandas writes, what is joined, and what goes back out.

use super::oracle;
use crate::scratch::Scratch;
use napscope_cli::data::{Column, ColumnValues, metadata};
use napscope_cli::files::table;

fn cells(column: &Column) -> Vec<Option<String>> {
    (0..column.len()).map(|row| column.text(row).map(|text| text.into_owned())).collect()
}

/// As pandas shows it: True for true, and floats alike whatever their notation.
fn same(found: Option<&str>, expected: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    let lower = |text: Option<&str>| text.map(str::to_ascii_lowercase);
    found == expected || number(found).is_some_and(|value| number(expected) == Some(value)) || {
        lower(found) == lower(expected) && matches!(found, Some("true" | "false"))
    }
}

#[test]
fn parquet_files_of_pandas_read_as_they_were_written() {
    let scratch = Scratch::new();
    let tables = oracle::load().tables;
    assert_eq!(tables.len(), 8, "four compressions, two page versions");
    for case in tables {
        let path = scratch.file(&case.file, oracle::base64(&case.base64));
        let read = metadata::read(&path, 4, None, &[]);
        if case.file.starts_with("gzip") {
            let error = read.expect_err("gzip is not read");
            assert!(error.to_string().contains("it is packed with GZIP"), "{error}");
            assert!(error.how_to_mend().is_some_and(|hint| hint.contains("compression='snappy'")));
            continue;
        }
        let columns = read.unwrap_or_else(|error| panic!("{}: {error}", case.file)).columns;
        assert_eq!(columns.len(), case.columns.len(), "{}", case.file);
        for column in columns {
            let expected = &case.columns[&column.name];
            let found = cells(&column);
            let alike = found.iter().zip(expected).all(|(a, b)| same(a.as_deref(), b.as_deref()));
            assert!(
                alike && found.len() == expected.len(),
                "{}: {}: {found:?}, not {expected:?}",
                case.file,
                column.name
            );
        }
    }
}

#[test]
fn what_table_writes_metadata_reads() {
    let column = |name: &str, values| Column { name: name.into(), values };
    let columns = vec![
        column("cluster", ColumnValues::Int(vec![Some(i64::MAX), Some(-1), None])),
        column("score", ColumnValues::Float(vec![Some(0.1), None, Some(1e-300)])),
        column("x", ColumnValues::Float32(vec![Some(0.1), None, Some(-2.5)])),
        column("seen", ColumnValues::Bool(vec![None, Some(true), Some(false)])),
        Column::from_text("label", [Some("a, b"), None, Some("ü")]),
    ];
    let scratch = Scratch::new();
    let parquet = scratch.path().join("t.parquet");
    table::write(&parquet, &columns).expect("written");
    assert_eq!(metadata::read(&parquet, 3, None, &[]).expect("readable").columns, columns);

    let csv = scratch.path().join("t.csv");
    table::write(&csv, &columns).expect("written");
    let read = metadata::read(&csv, 3, None, &[]).expect("readable").columns;
    for (read, written) in read.iter().zip(&columns) {
        assert_eq!(cells(read), cells(written), "{}", written.name);
    }
}

#[test]
fn many_rows_make_several_row_groups() {
    let rows = 300_000;
    let values: Vec<Option<i64>> = (0..rows).map(|row| (row % 7 != 0).then_some(row)).collect();
    let labels = (0..rows).map(|row| (row % 5 != 0).then(|| format!("class {}", row % 11)));
    let columns =
        vec![Column { name: "row".into(), values: ColumnValues::Int(values) }, Column::from_text("label", labels)];
    let scratch = Scratch::new();
    let path = scratch.path().join("t.parquet");
    table::write(&path, &columns).expect("written");
    assert_eq!(metadata::read(&path, rows as usize, None, &[]).expect("readable").columns, columns);
}

#[test]
fn an_id_joins_rows_in_any_order() {
    let scratch = Scratch::new();
    let known = [
        Column { name: "id".into(), values: ColumnValues::Int(vec![Some(3), Some(1), Some(3)]) },
        Column::from_text("label", [Some("x"), None, None]),
    ];
    let path = scratch.file("meta.csv", "id,snr_db,label\n1,0.5,a\n2,1.5,b\n3,2.5,c\n");
    let read = metadata::read(&path, 3, Some("id"), &known).expect("every id is there");
    assert_eq!(read.columns.len(), 2, "the id is known already");
    assert_eq!(read.columns[0].values, ColumnValues::Float(vec![Some(2.5), Some(0.5), Some(2.5)]));
    assert_eq!(read.columns[1].name, "metadata.label", "the data have a label too");
    let notes = read.notes.join("\n");
    assert!(notes.contains("`metadata.label`"), "{notes}");

    // 1 and 1.0 are the same id; 007 is a code, and not 7.
    let floats = [Column { name: "id".into(), values: ColumnValues::Float(vec![Some(2.0)]) }];
    let joined = metadata::read(&path, 1, Some("id"), &floats).expect("2.0 is 2").columns;
    assert_eq!(joined[0].number(0), Some(1.5));
    let codes = scratch.file("codes.csv", "id,v\n007,1\n");
    let text = [Column::from_text("id", [Some("007")])];
    assert_eq!(metadata::read(&codes, 1, Some("id"), &text).expect("the same code").columns[0].number(0), Some(1.0));
}

#[test]
fn tables_of_spreadsheets_are_read() {
    let scratch = Scratch::new();
    for (name, text) in [
        ("bom.csv", "\u{feff}a,b\r\n1, x y \r\n,\"q, \"\"r\"\"\"\r\n"),
        ("tabs.tsv", "a\tb\n1\tx y\n\tq, \"r\"\n"),
        ("TABS.TSV", "a\tb\n1\tx y\n\tq, \"r\""),
    ] {
        let path = scratch.file(name, text);
        let columns = metadata::read(&path, 2, None, &[]).unwrap_or_else(|error| panic!("{name}: {error}")).columns;
        assert_eq!(columns[0].values, ColumnValues::Int(vec![Some(1), None]), "{name}");
        assert_eq!(cells(&columns[1]), [Some("x y".into()), Some("q, \"r\"".into())], "{name}");
        assert_eq!((columns[0].name.as_str(), columns[1].name.as_str()), ("a", "b"), "{name}");
    }
}
