//! Where every byte of an archive of arrays lies (ZIP with stored members, ZIP64 where sizes need it, `.npy` inside).

/// One array, with one row a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArraySpec {
    /// Its name.
    pub name: String,
    /// NumPy's name of the element type, as in `<f4`.
    pub descr: String,
    /// Bytes of an element.
    pub element_bytes: usize,
    /// The shape of a row.
    pub row_shape: Vec<usize>,
}

impl ArraySpec {
    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.element_bytes * self.row_shape.iter().product::<usize>()
    }

    /// The header of a `.npy` of `rows` rows, padded as NumPy pads it.
    fn header(&self, rows: u64) -> Vec<u8> {
        let sizes: String = self.row_shape.iter().map(|size| format!(" {size},")).collect();
        let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({rows},{sizes}), }}", self.descr);
        let before = crate::data::NPY_MAGIC.len() + 4;
        while !(before + text.len() + 1).is_multiple_of(64) {
            text.push(' ');
        }
        text.push('\n');
        let mut header = crate::data::NPY_MAGIC.to_vec();
        header.extend([1, 0]);
        header.extend((text.len() as u16).to_le_bytes());
        header.extend(text.as_bytes());
        header
    }
}

/// A member's place in the file.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) file_name: String,
    pub(super) header: Vec<u8>,
    pub(super) row_bytes: u64,
    /// Bytes of header and rows.
    pub(super) size: u64,
    /// Where its local header begins.
    pub(super) start: u64,
}

/// Sizes and places from here on stand in ZIP64 fields.
const ZIP64: u64 = u32::MAX as u64;

impl Member {
    /// Where its rows begin.
    pub(super) fn data_start(&self) -> u64 {
        self.start + self.local_header(0).len() as u64 + self.header.len() as u64
    }

    /// Where the next member begins.
    pub(super) fn end(&self) -> u64 {
        self.start + self.local_header(0).len() as u64 + self.size
    }

    /// What stands before the member.
    pub(super) fn local_header(&self, checksum: u32) -> Vec<u8> {
        let wide: Vec<u64> = if self.size >= ZIP64 { vec![self.size; 2] } else { Vec::new() };
        let mut bytes = 0x0403_4b50_u32.to_le_bytes().to_vec();
        self.write_common(checksum, &wide, &mut bytes);
        bytes.extend(self.file_name.as_bytes());
        bytes.extend(extra(&wide));
        bytes
    }

    fn write_directory_entry(&self, checksum: u32, bytes: &mut Vec<u8>) {
        let mut wide = if self.size >= ZIP64 { vec![self.size; 2] } else { Vec::new() };
        wide.extend((self.start >= ZIP64).then_some(self.start));
        bytes.extend(0x0201_4b50_u32.to_le_bytes());
        // Made by version 4.5 on Unix, so that the permissions below count.
        bytes.extend([45, 3]);
        self.write_common(checksum, &wide, bytes);
        // No comment, disk 0, no internal attributes; a plain file that all may read.
        bytes.extend([0; 6]);
        bytes.extend((0o100_644_u32 << 16).to_le_bytes());
        bytes.extend(narrow(self.start));
        bytes.extend(self.file_name.as_bytes());
        bytes.extend(extra(&wide));
    }

    /// What a local header and a directory entry share: version to the length of the extra field.
    fn write_common(&self, checksum: u32, wide: &[u64], bytes: &mut Vec<u8>) {
        let version: u16 = if wide.is_empty() { 20 } else { 45 };
        // No flags, stored, midnight of 1 January 1980: the same slots give the same bytes.
        [version, 0, 0, 0, 0x0021].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes.extend(checksum.to_le_bytes());
        bytes.extend(narrow(self.size));
        bytes.extend(narrow(self.size));
        bytes.extend((self.file_name.len() as u16).to_le_bytes());
        bytes.extend((extra(wide).len() as u16).to_le_bytes());
    }
}

/// The ZIP64 extra field of these values; nothing without values.
fn extra(wide: &[u64]) -> Vec<u8> {
    if wide.is_empty() {
        return Vec::new();
    }
    let mut bytes = 1_u16.to_le_bytes().to_vec();
    bytes.extend((8 * wide.len() as u16).to_le_bytes());
    wide.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

/// A value of 32 bits, all ones where it stands in a ZIP64 field.
fn narrow(value: u64) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

/// Where each array lies in an archive of `rows` rows.
pub(super) fn layout(arrays: &[ArraySpec], rows: u64) -> Vec<Member> {
    let mut start = 0;
    let mut members = Vec::new();
    for array in arrays {
        let (header, row_bytes) = (array.header(rows), array.row_bytes() as u64);
        let size = header.len() as u64 + rows * row_bytes;
        let member = Member { file_name: format!("{}.npy", array.name), header, row_bytes, size, start };
        start = member.end();
        members.push(member);
    }
    members
}

/// Bytes of an archive of `rows` rows of `arrays`, but for the directory of a few hundred bytes an array.
pub fn archive_bytes(arrays: &[ArraySpec], rows: u64) -> u64 {
    layout(arrays, rows).last().map_or(0, Member::end)
}

/// The central directory of `members` with these checksums, and its end, which bears the comment.
pub(super) fn directory(members: &[Member], checksums: &[u32], comment: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (member, &checksum) in members.iter().zip(checksums) {
        member.write_directory_entry(checksum, &mut bytes);
    }
    let (start, size) = (members.last().map_or(0, Member::end), bytes.len() as u64);
    let count = members.len() as u64;
    if start >= ZIP64 {
        let end = start + size;
        bytes.extend(0x0606_4b50_u32.to_le_bytes());
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45, 3, 45, 0]);
        bytes.extend([0; 8]);
        [count, count, size, start].iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        bytes.extend(0x0706_4b50_u32.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(end.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    bytes.extend(0x0605_4b50_u32.to_le_bytes());
    bytes.extend([0; 4]);
    [count, count].iter().for_each(|count| bytes.extend((*count as u16).to_le_bytes()));
    [size, start].iter().for_each(|value| bytes.extend(narrow(*value)));
    // A comment has at most 65,535 bytes; what decides a data set takes a few thousand.
    let comment = &comment.as_bytes()[..comment.len().min(usize::from(u16::MAX))];
    bytes.extend((comment.len() as u16).to_le_bytes());
    bytes.extend(comment);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beyond 4 GiB nobody wants to write in a test: the fields are checked by the numbers in them.
    #[test]
    fn large_archives_have_zip64_fields() {
        let spec = |name: &str, element_bytes, row_shape: &[usize]| ArraySpec {
            name: name.into(),
            descr: "<f4".into(),
            element_bytes,
            row_shape: row_shape.to_vec(),
        };
        let arrays = [spec("x", 4, &[3]), spec("name", 8, &[])];
        let rows = 1 << 31;
        let members = layout(&arrays, rows);
        assert!(members[0].size > ZIP64 && members[1].start > ZIP64);
        let local = members[0].local_header(0);
        let data = members[0].data_start();
        assert_eq!(data, local.len() as u64 + 128, "behind both headers");
        assert_eq!(&local[18..26], [0xff; 8], "both sizes stand elsewhere");
        assert_eq!(&local[local.len() - 20..local.len() - 16], [1, 0, 16, 0], "in the extra field");
        let mut entry = Vec::new();
        members[1].write_directory_entry(0, &mut entry);
        assert_eq!(&entry[entry.len() - 8..], members[1].start.to_le_bytes());
        assert_eq!(&entry[42..46], [0xff; 4], "the place stands in the extra field");
    }
}
