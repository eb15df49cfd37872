//! The header of a `.safetensors` file: names, element types, shapes and places of its tensors.
//!
//! Only the header is read; the crate `safetensors` checks it (offsets without gaps, sizes that fit shapes).

use super::dtype::DType;
use safetensors::tensor::{Dtype, Metadata};
use std::io::Read;

/// As in the crate `safetensors`.
const MAX_HEADER: u64 = 100_000_000;

/// A tensor's name, element type, shape and first byte in the file.
pub(crate) type Tensor = (String, DType, Vec<usize>, u64);

/// Reads the header at the front of `reader`, a file of `file_bytes` bytes: its tensors in the order of their bytes, and its
/// metadata.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read_header(reader: &mut impl Read, file_bytes: u64) -> Result<(Vec<Tensor>, Metadata), String> {
    let mut length = [0; 8];
    reader
        .read_exact(&mut length)
        .map_err(|_| format!("the file ends within its first 8 bytes ({file_bytes} bytes)"))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || length > file_bytes.saturating_sub(8) {
        return Err(format!(
            "its header claims {length} bytes, the file has {file_bytes}: truncated, or no safetensors file"
        ));
    }
    let mut text = vec![0; length as usize];
    reader.read_exact(&mut text).map_err(|error| format!("its header cannot be read: {error}"))?;
    let metadata: Metadata =
        serde_json::from_slice(&text).map_err(|error| format!("its header is not valid: {error}"))?;
    let start = 8 + length;
    let promised = start.checked_add(metadata.data_len() as u64).ok_or("its offsets overflow")?;
    if promised != file_bytes {
        return Err(format!("its header promises {promised} bytes, the file has {file_bytes}: truncated or damaged"));
    }
    let tensors = metadata.offset_keys().into_iter().filter_map(|name| {
        let info = metadata.info(&name)?;
        Some((name, dtype(info.dtype), info.shape.clone(), start + info.data_offsets.0 as u64))
    });
    Ok((tensors.collect(), metadata))
}

fn dtype(dtype: Dtype) -> DType {
    match dtype {
        Dtype::BOOL => DType::Bool,
        Dtype::I8 => DType::I8,
        Dtype::I16 => DType::I16,
        Dtype::I32 => DType::I32,
        Dtype::I64 => DType::I64,
        Dtype::U8 => DType::U8,
        Dtype::U16 => DType::U16,
        Dtype::U32 => DType::U32,
        Dtype::U64 => DType::U64,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::Bf16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        other => DType::Other(other.to_string()),
    }
}
