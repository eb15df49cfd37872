//! Files cut at every length, and with every byte changed: an error or a right result, never a panic.

use super::images::png;
use super::oracle;
use super::write::{counting, integers, safetensors, zip};
use crate::scratch::Scratch;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use napscope_cli::data::{DataSet, OpenOptions, metadata};
use std::io::Cursor;
use std::path::Path;

fn use_data(path: &Path) -> napscope::Result<()> {
    let data = DataSet::open(path, &OpenOptions { memory_limit: Some(1 << 20), ..OpenOptions::default() })?;
    data.read(&(0..data.samples().min(8)).collect::<Vec<usize>>())?;
    data.content_key(0).map(|_| ())
}

type Use = fn(&Path) -> napscope::Result<()>;

fn files() -> Vec<(&'static str, Vec<u8>, Use)> {
    let arrays = [("x.npy", counting(&[3, 4])), ("y.npy", integers(&[1, 2, 3]))];
    let header = r#"{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let picture = DynamicImage::from(RgbImage::from_fn(8, 8, |x, y| Rgb([x as u8 * 30, y as u8 * 30, 7])));
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).expect("encoded");
    let table = |name: &str| {
        let case = oracle::load().tables.into_iter().find(|case| case.file == name).expect("the oracle has it");
        oracle::base64(&case.base64)
    };
    let read_table: Use = |path| metadata::read(path, 4, None, &[]).map(|_| ());
    let read_folder: Use = |path| use_data(path.parent().expect("a file lies in a folder"));
    vec![
        ("x.npy", counting(&[3, 4]), use_data as Use),
        ("stored.npz", zip(&arrays, false), use_data),
        ("deflated.npz", zip(&arrays, true), use_data),
        ("x.safetensors", safetensors(header, &[0; 16]), use_data),
        ("snappy.parquet", table("snappy-1.parquet"), read_table),
        ("zstd.parquet", table("zstd-2.parquet"), read_table),
        ("m.csv", b"id,label\n1,\"a, b\"\n2,c\n3,\"d \"\"e\"\"\"\n4,\xc3\xbc\n".to_vec(), read_table),
        ("a.png", png(picture), read_folder),
        ("a.jpg", jpeg.into_inner(), read_folder),
    ]
}

/// A CSV or a JPEG may be cut and still be one, and the last 12 bytes of a PNG say nothing but that it ends; anything else
/// must be refused.
#[test]
fn files_cut_short_are_refused_at_every_length() {
    for (name, bytes, run) in files() {
        let scratch = Scratch::new();
        let step = 1 + bytes.len() / 600;
        for length in (0..bytes.len()).step_by(step) {
            let result = run(&scratch.file(name, &bytes[..length]));
            let png_end = name.ends_with("png") && length >= bytes.len() - 12;
            let may_pass = name.ends_with("csv") || name.ends_with("jpg") || png_end;
            match result {
                Ok(()) => assert!(may_pass, "{name} cut to {length} of {} bytes was taken for whole", bytes.len()),
                Err(error) => assert!(error.how_to_mend().is_some(), "{name} cut to {length}: no hint: {error}"),
            }
        }
        run(&scratch.file(name, &bytes)).unwrap_or_else(|error| panic!("{name}, whole: {error}"));
    }
}

#[test]
fn changed_bytes_never_panic() {
    for (name, bytes, run) in files() {
        let scratch = Scratch::new();
        for mask in [0xff, 0x01] {
            let step = 1 + bytes.len() / 300;
            for at in (0..bytes.len()).step_by(step) {
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                let path = scratch.file(name, &changed);
                let outcome = std::panic::catch_unwind(|| run(&path));
                assert!(outcome.is_ok(), "{name}: byte {at} xor {mask:#x} panics");
            }
        }
    }
}
