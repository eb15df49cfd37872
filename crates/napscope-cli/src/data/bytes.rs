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
        }
    }
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
