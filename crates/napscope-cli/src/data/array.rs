//! One array: name, element type, shape, and rows that are read on demand.
//!
//! The first axis counts the samples; a row is everything of one sample. Rows come out in C order and little-endian whatever
//! the file holds, so a sample's bytes (and with them its content key) do not depend on how the array was saved.

use super::bytes::Bytes;
use super::dtype::DType;
use super::npy::Header;
use napscope::{Error, ErrorKind, Result};

/// A readable array. Reading takes `&self`: any number of threads may read at once.
#[derive(Debug, Clone)]
pub struct Array {
    name: String,
    place: String,
    dtype: DType,
    shape: Vec<usize>,
    fortran: bool,
    swapped: bool,
    bytes: Bytes,
}

/// Rows of a Fortran-ordered file that lie at most this many bytes apart are fetched together.
const NEAR: usize = 4096;

impl Array {
    pub(super) fn new(name: &str, place: String, header: &Header, bytes: Bytes) -> Self {
        let (shape, dtype) = (header.shape.clone(), header.dtype.clone());
        Array {
            name: name.into(),
            place,
            dtype,
            fortran: header.fortran && shape.len() > 1,
            swapped: header.big_endian,
            shape,
            bytes,
        }
    }

    /// The array's name in its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The element type.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The shape; the first axis counts the samples.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of rows (1 for a scalar).
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Elements of one row.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// True where neighbouring rows must be read together to be read fast.
    pub(super) fn is_fortran(&self) -> bool {
        self.fortran
    }

    /// The rows `rows` as bytes: C order, little-endian.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] when the file can no longer be read, [`ErrorKind::InvalidParameter`] for a row that is not there.
    pub fn bytes(&self, rows: &[usize]) -> Result<Vec<u8>> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows()) {
            let message = format!("row {row} was asked for; it has {}", self.rows());
            return Err(Error::new(ErrorKind::InvalidParameter, message).context(self.place.clone()));
        }
        let mut out = vec![0; rows.len() * self.row_len() * self.dtype.size()];
        let read = if self.fortran { self.read_fortran(rows, &mut out) } else { self.read_c(rows, &mut out) };
        read.map_err(|error| crate::files::io_error("cannot read it any more", &error).context(self.place.clone()))?;
        if self.swapped && self.dtype.word() > 1 {
            out.chunks_exact_mut(self.dtype.word()).for_each(<[u8]>::reverse);
        }
        Ok(out)
    }

    /// The rows `rows` as f32: see [`DType`] for what becomes of other numbers.
    ///
    /// # Errors
    /// As [`Array::bytes`], and [`ErrorKind::Source`] for text or a number that is too large for an f32.
    pub fn f32(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let numbers = self.dtype.to_f32(&self.bytes(rows)?);
        self.numeric("a number")?;
        numbers.map_err(|at| {
            self.element_error(rows, at, "is finite but too large for a 32-bit float")
                .hint("rescale the array before saving it")
        })
    }

    /// The rows `rows` as i64.
    ///
    /// # Errors
    /// As [`Array::bytes`], and [`ErrorKind::Source`] for floats, text, or a number beyond the range of i64.
    pub fn i64(&self, rows: &[usize]) -> Result<Vec<i64>> {
        if self.dtype.kind() != super::dtype::Kind::Int {
            return Err(self.wrong_type("an integer"));
        }
        let numbers = self.dtype.to_i64(&self.bytes(rows)?);
        numbers.map_err(|at| {
            self.element_error(rows, at, "is beyond the range of 64-bit signed integers")
                .hint("save it with .astype(np.int64)")
        })
    }

    /// The rows `rows` of an array of text.
    ///
    /// # Errors
    /// As [`Array::bytes`], and [`ErrorKind::Source`] for numbers, or text that is no Unicode.
    pub fn text(&self, rows: &[usize]) -> Result<Vec<String>> {
        if self.dtype.kind() != super::dtype::Kind::Text {
            return Err(self.wrong_type("text"));
        }
        let text = self.dtype.to_text(&self.bytes(rows)?, rows.len() * self.row_len());
        text.map_err(|at| self.element_error(rows, at, "is no Unicode text").hint("save it with .astype(str)"))
    }

    fn numeric(&self, wanted: &str) -> Result<()> {
        match self.dtype.kind() {
            super::dtype::Kind::Float | super::dtype::Kind::Int => Ok(()),
            _ => Err(self.wrong_type(wanted)),
        }
    }

    fn wrong_type(&self, wanted: &str) -> Error {
        Error::new(ErrorKind::Source, format!("{wanted} is needed, its elements are {}", self.dtype))
            .hint("save it with another type, or choose another array")
            .context(self.place.clone())
    }

    fn element_error(&self, rows: &[usize], at: usize, what: &str) -> Error {
        let row = rows[at / self.row_len().max(1)];
        Error::new(ErrorKind::Source, format!("an element of sample {row} {what}")).context(self.place.clone())
    }

    /// Reads runs of neighbouring rows at once.
    fn read_c(&self, rows: &[usize], out: &mut [u8]) -> std::io::Result<()> {
        let row_bytes = self.row_len() * self.dtype.size();
        let mut done = 0;
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            let bytes = run.len() * row_bytes;
            self.bytes.read_at((run[0] * row_bytes) as u64, &mut out[done..done + bytes])?;
            done += bytes;
        }
        Ok(())
    }

    /// Reads, for each position within a row, the rows that lie near each other at once.
    fn read_fortran(&self, rows: &[usize], out: &mut [u8]) -> std::io::Result<()> {
        let (size, row_len, inner) = (self.dtype.size(), self.row_len(), &self.shape[1..]);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|at| rows[*at]);
        let mut buffer = Vec::new();
        let mut index = vec![0; inner.len()];
        for column in 0..row_len {
            let target = index.iter().zip(inner).fold(0, |flat, (at, size)| flat * size + at);
            for group in order.chunk_by(|a, b| (rows[*b] - rows[*a]) * size <= NEAR) {
                let (first, last) = (rows[group[0]], rows[group[group.len() - 1]]);
                buffer.resize((last - first + 1) * size, 0);
                self.bytes.read_at(((column * self.rows() + first) * size) as u64, &mut buffer)?;
                for &at in group {
                    let (from, to) = ((rows[at] - first) * size, (at * row_len + target) * size);
                    out[to..to + size].copy_from_slice(&buffer[from..from + size]);
                }
            }
            // The first of the inner axes runs fastest in the file.
            for (at, size) in index.iter_mut().zip(inner) {
                *at += 1;
                if *at < *size {
                    break;
                }
                *at = 0;
            }
        }
        Ok(())
    }
}
