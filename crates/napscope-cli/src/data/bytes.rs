//! Where the bytes of an array lie: in a file, read by position from any thread, or in memory.
//!
//! Files are read with positioned reads and not memory-mapped: a file that someone truncates under a map kills the process,
//! a positioned read returns an error.

use super::budget::Reservation;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// The bytes of one array.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    /// From byte `start` of a file.
    File { file: Arc<File>, start: u64 },
    /// Unpacked into memory.
    Memory(Arc<Held>),
    /// Behind each other, each with its length.
    Parts(Vec<(u64, Bytes)>),
}

/// Unpacked bytes and their place in the budget.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    pub(crate) _reservation: Reservation,
}

impl Bytes {
    /// Fills `buffer` from byte `offset` on.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Bytes::File { file, start } => {
                let position = start.checked_add(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
                read_exact_at(file, buffer, position)
            }
            Bytes::Memory(held) => {
                let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
                let source = start.checked_add(buffer.len()).and_then(|end| held.bytes.get(start..end));
                buffer.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Bytes::Parts(parts) => read_parts(parts, offset, buffer),
        }
    }
}

fn read_parts(parts: &[(u64, Bytes)], mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    for (length, part) in parts {
        if buffer.is_empty() {
            break;
        }
        if offset < *length {
            let here = usize::try_from(*length - offset).map_or(buffer.len(), |rest| rest.min(buffer.len()));
            let (now, later) = buffer.split_at_mut(here);
            part.read_at(offset, now)?;
            buffer = later;
        }
        offset = offset.saturating_sub(*length);
    }
    if buffer.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, position)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut position: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, position)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                position += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Budget;

    #[test]
    fn parts_are_read_across_their_ends() {
        let part = |bytes: &[u8]| {
            let reservation = Budget::new(None).reserve(1, "a part").expect("no limit");
            let held = Held { bytes: bytes.to_vec(), _reservation: reservation };
            (bytes.len() as u64, Bytes::Memory(Arc::new(held)))
        };
        let whole = Bytes::Parts(vec![part(b"abc"), part(b""), part(b"d"), part(b"efgh")]);
        for (offset, length, expected) in [(0, 8, "abcdefgh"), (2, 3, "cde"), (3, 1, "d"), (4, 4, "efgh"), (8, 0, "")] {
            let mut buffer = vec![0; length];
            whole.read_at(offset, &mut buffer).unwrap_or_else(|error| panic!("{offset}: {error}"));
            assert_eq!(String::from_utf8_lossy(&buffer), expected, "{length} from {offset} on");
        }
        assert!(whole.read_at(7, &mut [0; 2]).is_err(), "beyond the end");
    }
}
