//! Arrays: every element type, order, byte order and container, against the libraries that wrote them.

use super::oracle::{self, Expected};
use super::write;
use crate::scratch::Scratch;
use napscope_cli::data::{Array, ArrayFile, Budget, Kind};

fn open(scratch: &Scratch, name: &str, bytes: &[u8]) -> Vec<Array> {
    let file = ArrayFile::open(&scratch.file(name, bytes)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let budget = Budget::new(None);
    let arrays = file.entries.iter().map(|entry| entry.open(&budget).unwrap_or_else(|error| panic!("{name}: {error}")));
    arrays.collect()
}

/// The rows as the oracle writes them.
fn show(array: &Array, rows: &[usize]) -> Vec<String> {
    let numbers = |values: Vec<f32>| values.into_iter().map(|value| value.to_string()).collect();
    match (array.dtype().kind(), array.dtype().to_string().as_str()) {
        (Kind::Text, _) => array.text(rows).expect("text"),
        (Kind::Int, "bool") => array
            .i64(rows)
            .expect("bool")
            .iter()
            .map(|value| if *value == 0 { "False" } else { "True" }.into())
            .collect(),
        (Kind::Int, "uint64") => array
            .bytes(rows)
            .expect("bytes")
            .as_chunks::<8>()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word).to_string())
            .collect(),
        (Kind::Int, _) => array.i64(rows).expect("integers").iter().map(i64::to_string).collect(),
        _ => numbers(array.f32(rows).expect("numbers")),
    }
}

fn same(found: &str, expected: &str) -> bool {
    found == expected || matches!((found.parse::<f32>(), expected.parse::<f32>()), (Ok(a), Ok(b)) if a == b)
}

#[test]
fn every_file_of_numpy_and_safetensors_reads_as_it_was_written() {
    let scratch = Scratch::new();
    let oracle = oracle::load();
    assert!(oracle.arrays.len() >= 60, "the oracle has {} files", oracle.arrays.len());
    for case in &oracle.arrays {
        let arrays = open(&scratch, &case.file, &oracle::base64(&case.base64));
        assert_eq!(arrays.len(), case.arrays.len(), "{}: number of arrays", case.file);
        for array in &arrays {
            let Expected { shape, values } = &case.arrays[array.name()];
            let place = format!("{}: {}", case.file, array.name());
            assert_eq!(array.shape(), shape, "{place}: shape");
            let rows: Vec<usize> = (0..array.rows()).collect();
            let found = show(array, &rows);
            assert_eq!(found.len(), values.len(), "{place}: number of elements");
            for (found, expected) in found.iter().zip(values) {
                assert!(same(found, expected), "{place}: {found} instead of {expected}");
            }
        }
    }
}

#[test]
fn rows_come_in_the_order_asked_for() {
    let scratch = Scratch::new();
    for case in oracle::load().arrays {
        for array in open(&scratch, &case.file, &oracle::base64(&case.base64)) {
            if array.rows() < 3 {
                continue;
            }
            let whole = show(&array, &(0..array.rows()).collect::<Vec<usize>>());
            let row = |row: usize| whole[row * array.row_len()..(row + 1) * array.row_len()].to_vec();
            for rows in [vec![], vec![2], vec![2, 0, 1], vec![1, 2, 2, 0, 1]] {
                let expected: Vec<String> = rows.iter().flat_map(|at| row(*at)).collect();
                assert_eq!(show(&array, &rows), expected, "{}: {}: rows {rows:?}", case.file, array.name());
            }
            let error = array.bytes(&[array.rows()]).expect_err("a row past the end");
            assert!(error.to_string().contains("was asked for"), "{error}");
        }
    }
}

#[test]
fn rows_far_apart_in_fortran_order_are_right() {
    let (rows, columns) = (5000, 3);
    // Column-major: element (row, column) is row + 10000 × column.
    let data: Vec<u8> = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| (row + 10_000 * column) as f32))
        .flat_map(f32::to_le_bytes)
        .collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({rows}, {columns})}}");
    let scratch = Scratch::new();
    let array = &open(&scratch, "x.npy", &write::npy_raw(&header, &data))[0];
    let wanted = [4999, 0, 1, 2500, 0];
    let expected: Vec<f32> =
        wanted.iter().flat_map(|row| (0..columns).map(move |column| (row + 10_000 * column) as f32)).collect();
    assert_eq!(array.f32(&wanted).expect("rows"), expected);
}

#[test]
fn a_stored_member_is_not_held_and_a_deflated_one_is_counted() {
    let scratch = Scratch::new();
    let x = write::counting(&[100, 10]);
    for (deflate, held) in [(false, 0), (true, 4000)] {
        let path = scratch.file("x.npz", write::zip(&[("x.npy", x.clone())], deflate));
        let budget = Budget::new(Some(4000));
        let file = ArrayFile::open(&path).expect("an archive");
        let array = file.entries[0].open(&budget).expect("4000 bytes fit");
        assert_eq!(budget.held(), held, "deflated: {deflate}");
        assert_eq!(array.f32(&[99]).expect("a row"), (990..1000).map(|value| value as f32).collect::<Vec<f32>>());
        drop(array);
        assert_eq!(budget.held(), 0, "given back");
    }
}
