//! The header of a `.npy` array (NumPy's format versions 1.0, 2.0 and 3.0).
//!
//! Read here and not with a crate: napscope reads rows by position, so it needs to know where the data start and to trust the
//! header before anything is allocated. `npyz` reads an array from its front to its back, and allocates a header of up to
//! 4 GiB because the file says so. The header is a Python literal with three keys: a scanner of a page does.

use super::dtype::DType;
use std::io::{self, Read};

/// What NumPy itself puts at the front of every `.npy`.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longer headers belong to structured types with thousands of fields, which are not read anyway.
const MAX_HEADER: usize = 1 << 20;

/// What the header says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) dtype: DType,
    pub(crate) big_endian: bool,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Bytes before the data.
    pub(crate) start: u64,
}

impl Header {
    /// Reads the header at the front of `reader`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn read(reader: &mut impl Read) -> Result<Header, String> {
        let mut front = [0; 8];
        read_exact(reader, &mut front, "its first 8 bytes")?;
        if !front.starts_with(MAGIC) {
            return Err("it does not start with \\x93NUMPY, so it is no .npy".into());
        }
        let length_bytes = match front[6] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(format!("format version {version} is unknown (1, 2 and 3 are read)")),
        };
        let mut length = [0; 4];
        read_exact(reader, &mut length[..length_bytes], "the length of its header")?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            return Err(format!("its header claims {length} bytes; at most {MAX_HEADER} are read"));
        }
        let mut text = vec![0; length];
        read_exact(reader, &mut text, "its header")?;
        let text = std::str::from_utf8(&text).map_err(|_| "its header is no text".to_string())?;
        let mut header = parse(text)?;
        header.start = (8 + length_bytes + length) as u64;
        Ok(header)
    }

    /// Bytes of data, as the header claims; `None` when that overflows.
    pub(crate) fn data_bytes(&self) -> Option<u64> {
        data_bytes(&self.shape, &self.dtype)
    }
}

/// Bytes of an array; `None` when they, or those of one row of an array without rows, overflow.
pub(crate) fn data_bytes(shape: &[usize], dtype: &DType) -> Option<u64> {
    let bytes = shape.iter().try_fold(dtype.size().max(1), |bytes, size| bytes.checked_mul((*size).max(1)))?;
    isize::try_from(bytes).ok()?;
    Some((shape.iter().product::<usize>() * dtype.size()) as u64)
}

fn read_exact(reader: &mut impl Read, buffer: &mut [u8], what: &str) -> Result<(), String> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("the file ends within {what}"),
        _ => format!("{what} cannot be read: {error}"),
    })
}

fn parse(text: &str) -> Result<Header, String> {
    let mut scanner = Scanner { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    scanner.expect('{')?;
    while !scanner.take('}') {
        let key = scanner.string()?;
        scanner.expect(':')?;
        match key {
            "descr" => descr = Some(scanner.descr()?),
            "fortran_order" => fortran = Some(scanner.boolean()?),
            "shape" => shape = Some(scanner.shape()?),
            other => return Err(format!("its header has an unknown key `{other}`")),
        }
        if !scanner.take(',') {
            scanner.expect('}')?;
            break;
        }
    }
    if !scanner.rest.trim().is_empty() {
        return Err(format!("its header goes on after its end: `{}`", scanner.near()));
    }
    let missing = |key: &str| format!("its header lacks `{key}`");
    let (dtype, big_endian) = descr.ok_or_else(|| missing("descr"))?;
    Ok(Header {
        dtype,
        big_endian,
        fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
        start: 0,
    })
}

/// Reads a Python literal from its front.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn near(&self) -> String {
        self.rest.trim_start().chars().take(20).collect()
    }

    fn take(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(wanted) else { return false };
        self.rest = rest;
        true
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(format!("its header has `{}` where `{wanted}` should stand", self.near())),
        }
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let text = self.rest.trim_start();
        let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
        let end = quote.and_then(|quote| text[1..].find(quote));
        let Some(end) = end else {
            return Err(format!("its header has `{}` where a string should stand", self.near()));
        };
        self.rest = &text[end + 2..];
        Ok(&text[1..=end])
    }

    fn boolean(&mut self) -> Result<bool, String> {
        let text = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = text.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(format!("its header has `{}` where True or False should stand", self.near()))
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let text = self.rest.trim_start();
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let dimension = text[..digits].parse::<usize>();
            shape.push(dimension.map_err(|_| format!("its shape has `{}` where a size should stand", self.near()))?);
            // Python 2 wrote long integers as 3L.
            self.rest = text[digits..].strip_prefix('L').unwrap_or(&text[digits..]);
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn descr(&mut self) -> Result<(DType, bool), String> {
        if self.rest.trim_start().starts_with(['\'', '"']) {
            return element_type(self.string()?);
        }
        // A structured type: a list of (name, type) tuples. It is refused later, by name; here it is only skipped.
        let text = self.rest.trim_start();
        let (mut depth, mut quote, mut object) = (0_usize, None, false);
        for (at, c) in text.char_indices() {
            match (quote, c) {
                (Some(open), _) if c == open => quote = None,
                (Some(_), _) => object |= c == 'O' && text[..at].ends_with(['|', '\'', '"']),
                (None, '\'' | '"') => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') if depth <= 1 => {
                    self.rest = &text[at + c.len_utf8()..];
                    return Ok((if object { DType::Object } else { DType::Other("structured".into()) }, false));
                }
                (None, ']' | ')') => depth -= 1,
                (None, _) if depth == 0 => break,
                (None, _) => {}
            }
        }
        Err(format!("its header has `{}` where an element type should stand", self.near()))
    }
}

/// A type string as `<f4`: byte order, kind, bytes (code units for `U`).
fn element_type(text: &str) -> Result<(DType, bool), String> {
    let nonsense = || format!("its element type `{text}` is not understood");
    let kind = text.get(1..).ok_or_else(nonsense)?;
    let big_endian = match text.as_bytes().first() {
        Some(b'>') => true,
        Some(b'<' | b'|') => false,
        _ => return Err(nonsense()),
    };
    let width = |digits: &str| digits.parse::<u32>().map(|width| width as usize).map_err(|_| nonsense());
    let dtype = match kind {
        "b1" => DType::Bool,
        "i1" => DType::I8,
        "i2" => DType::I16,
        "i4" => DType::I32,
        "i8" => DType::I64,
        "u1" => DType::U8,
        "u2" => DType::U16,
        "u4" => DType::U32,
        "u8" => DType::U64,
        "f2" => DType::F16,
        "f4" => DType::F32,
        "f8" => DType::F64,
        _ if kind.starts_with('O') => DType::Object,
        _ if kind.starts_with('S') => DType::Bytes(width(&kind[1..])?),
        _ if kind.starts_with('U') => DType::Unicode(width(&kind[1..])?),
        "V2" => DType::Other("2-byte void (bfloat16?)".into()),
        "c8" | "c16" | "c32" => DType::Other("complex".into()),
        "f12" | "f16" => DType::Other("long double".into()),
        _ if kind.starts_with(['M', 'm']) => DType::Other("datetime".into()),
        _ if kind.starts_with('V') => DType::Other("void".into()),
        _ => return Err(nonsense()),
    };
    Ok((dtype, big_endian))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_numpy_writes_are_understood() {
        let plain = |dtype, big_endian, fortran, shape: &[usize]| Header {
            dtype,
            big_endian,
            fortran,
            shape: shape.to_vec(),
            start: 0,
        };
        let cases = [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  \n",
                plain(DType::F32, false, false, &[3, 4]),
            ),
            ("{'descr': '>i8', 'fortran_order': True, 'shape': (3,), }", plain(DType::I64, true, true, &[3])),
            ("{'shape': (), 'descr': '|b1', 'fortran_order': False}", plain(DType::Bool, false, false, &[])),
            (
                "{'descr': '<U5', 'fortran_order': False, 'shape': (10L, 2L)}",
                plain(DType::Unicode(5), false, false, &[10, 2]),
            ),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", plain(DType::Object, false, false, &[1])),
            (
                "{'descr': [('a', '<f4'), (']', '|S3', (2,))], 'fortran_order': False, 'shape': (1,)}",
                plain(DType::Other("structured".into()), false, false, &[1]),
            ),
            (
                "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,)}",
                plain(DType::Object, false, false, &[1]),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for (text, expected) in [
            ("", "where `{` should stand"),
            ("{'descr': '<f4', 'fortran_order': False}", "lacks `shape`"),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "where True or False"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "`-1,)}` where a size"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}", "where a size"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': 3}", "where `(` should stand"),
            ("{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}", "`f4` is not understood"),
            ("{'descr': '<q4', 'fortran_order': False, 'shape': (1,)}", "`<q4` is not understood"),
            ("{'descr': '<U99999999999', 'fortran_order': False, 'shape': (1,)}", "is not understood"),
            ("{'descr': '', 'fortran_order': False, 'shape': (1,)}", "is not understood"),
            ("{'descr': '<é', 'fortran_order': False, 'shape': (1,)}", "is not understood"),
            ("{'descr': [('a', '<f4'", "where an element type"),
            ("{'descr': 12, 'shape': (1,)}", "where an element type"),
            ("{'descr': '<f4", "where a string"),
            ("{'evil': '<f4'}", "unknown key `evil`"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", "goes on after its end"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_huge_header_is_not_allocated() {
        let mut file = MAGIC.to_vec();
        file.extend([2, 0, 0xff, 0xff, 0xff, 0xff]);
        let error = Header::read(&mut file.as_slice()).expect_err("4 GiB of header");
        assert!(error.contains("claims 4294967295 bytes"), "{error}");
    }
}
