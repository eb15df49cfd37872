//! Array files written from Rust, right and wrong ones.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A `.npy` with this header text and these data.
pub(crate) fn npy_raw(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A `.npy` of this element type and shape.
pub(crate) fn npy(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    npy_raw(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}\n"), data)
}

/// A `.npy` of float32: 0, 1, 2, ….
pub(crate) fn counting(shape: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let data: Vec<u8> = (0..count).flat_map(|value| (value as f32).to_le_bytes()).collect();
    npy("<f4", shape, &data)
}

/// A `.npy` of int64.
pub(crate) fn integers(values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<i8", &[values.len()], &data)
}

/// An archive of these members, deflated or stored.
pub(crate) fn zip(members: &[(&str, Vec<u8>)], deflate: bool) -> Vec<u8> {
    let method = if deflate { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("a member");
        archive.write_all(bytes).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

/// A `.safetensors` with this header text and these data.
pub(super) fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}
